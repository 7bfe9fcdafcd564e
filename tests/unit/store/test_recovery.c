/* What a crash can leave is repaired; what it cannot is refused, with file, line and a way out that
 * works. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/fixture.h"

#define RECORDS 6

/* Six records on "jobs", each made durable by itself: a=0, b=1 ... f=5. No snapshot in between. */
static void make_journal(struct fixture *f)
{
    store_seq seq;

    fixture_open(f);
    for (int i = 0; i < RECORDS; i++) {
        assert_int_equal(put_if(f->s, "jobs", (const char[2]){ (char)('a' + i), 0 }, i, 0, &seq),
                         0);
        assert_int_equal(wait_durable(f->s, seq), 0);
    }
    fixture_crash(f);
}

/* The state must be what some number of the first records made: that number. */
static int prefix_length(struct store *s)
{
    int n = 0;

    while (n < RECORDS && get(s, "jobs", (const char[2]){ (char)('a' + n), 0 }, NULL) == n)
        n++;
    assert_int_equal(count(s, "jobs"), n);
    return n;
}

static int whole_lines(const char *text, size_t len)
{
    int n = 0;
    for (size_t i = 0; i < len; i++)
        n += text[i] == '\n';
    return n;
}

static void every_cut_of_the_tail(void **state)
{
    struct fixture *f = *state;
    size_t len, file_len;

    make_journal(f);
    char *journal = file_read(f, ".journal.1", &len), *file = file_read(f, "", &file_len);
    for (size_t cut = 0; cut <= len; cut++) {
        file_write(f, "", file, file_len);
        file_write(f, ".journal.1", journal, cut);
        fixture_open(f);
        int lines = whole_lines(journal, cut), want = lines > 0 ? lines - 1 : 0;
        assert_int_equal(prefix_length(f->s), want);
        /* What is written after the repair is read back after the next crash. */
        if (cut % 7 == 0) {
            store_seq seq;
            assert_int_equal(put_if(f->s, "models", "m", (int)cut, STORE_ANY, &seq), 0);
            assert_int_equal(wait_durable(f->s, seq), 0);
            fixture_crash(f);
            fixture_open(f);
            assert_int_equal(prefix_length(f->s), want);
            assert_int_equal(get(f->s, "models", "m", NULL), (int)cut);
        }
        fixture_close(f);
    }
    free(journal);
    free(file);
}

/* Opens and gives the number of records, or -1 for a refusal, which must name the file. */
static int try_open(struct fixture *f)
{
    struct err e = { 0 };

    f->s = store_open_local(&f->options, &e);
    if (f->s) {
        int n = prefix_length(f->s);
        fixture_close(f);
        return n;
    }
    assert_non_null(strstr(e.text, f->path));
    assert_non_null(strstr(e.text, "truncate -s"));
    return -1;
}

static void every_flip(void **state)
{
    struct fixture *f = *state;
    size_t len, file_len;

    make_journal(f);
    char *journal = file_read(f, ".journal.1", &len), *file = file_read(f, "", &file_len);
    const char *last_line = memrchr(journal, '\n', len - 1);
    for (size_t i = 0; i < len; i++) {
        journal[i] = (char)(journal[i] ^ 1 << (i % 8));
        file_write(f, "", file, file_len);
        file_write(f, ".journal.1", journal, len);
        int n = try_open(f);
        journal[i] = (char)(journal[i] ^ 1 << (i % 8));
        if (journal + i <= last_line)
            assert_int_equal(n, -1); /* a later record tells that this one was synced */
        else
            assert_int_equal(n, RECORDS - 1);
    }
    free(journal);
    free(file);
}

static char *find_line(char *text, int line)
{
    while (--line > 0)
        text = strchr(text, '\n') + 1;
    return text;
}

static void a_refusal_names_the_line_and_its_way_out_works(void **state)
{
    struct fixture *f = *state;
    size_t len;
    char where[160], command[300];

    make_journal(f);
    char *journal = file_read(f, ".journal.1", &len);
    char *line = find_line(journal, 4);
    line[20] ^= 1;
    file_write(f, ".journal.1", journal, len);
    const char *text = fixture_refused(f);
    snprintf(where, sizeof where, "%s.journal.1:4: ", f->path);
    assert_non_null(strstr(text, where));
    snprintf(command, sizeof command, "truncate -s %zu '%s.journal.1'", (size_t)(line - journal),
             f->path);
    assert_non_null(strstr(text, command));
    assert_int_equal(system(command), 0);
    fixture_open(f);
    assert_int_equal(prefix_length(f->s), 2);
    fixture_close(f);
    free(journal);
}

/* Pages of one unsynced write may reach the disk in any order: a hole with whole records behind it,
 * of which none says that the hole had been synced, is a torn tail. */
static void a_hole_in_the_last_group_is_torn(void **state)
{
    struct fixture *f = *state;
    store_seq seq = 0;
    size_t len;

    fixture_open(f);
    assert_int_equal(put_if(f->s, "jobs", "a", 0, 0, &seq), 0);
    assert_int_equal(wait_durable(f->s, seq), 0);
    /* One batch of writes that the journal's thread takes as one group, more often than not. */
    for (int i = 0; i < 200; i++)
        assert_int_equal(put_if(f->s, "models", "m", i, STORE_ANY, &seq), 0);
    assert_int_equal(wait_durable(f->s, seq), 0);
    fixture_crash(f);

    char *journal = file_read(f, ".journal.1", &len), want[24];
    size_t last = len - 1, other;
    while (journal[last - 1] != '\n')
        last--;
    /* The last record's group: all that say the same about what was synced before. */
    const char *synced = strstr(journal + last, "\"d\":");
    snprintf(want, sizeof want, "%.*s", (int)strcspn(synced, ","), synced);
    for (other = last; other > 0;) {
        size_t before = other - 1;
        while (before > 0 && journal[before - 1] != '\n')
            before--;
        if (!strstr(journal + before, want) || strstr(journal + before, want) > journal + other)
            break;
        other = before;
    }
    if (other == last) { /* the group was one record only: nothing to see this time */
        free(journal);
        return;
    }
    memset(journal + other, 0, 20);
    file_write(f, ".journal.1", journal, len);
    fixture_open(f);
    assert_int_equal(get(f->s, "jobs", "a", NULL), 0);
    fixture_close(f);
    free(journal);
}

/* ---- several segments ---- */

/* a, b in segment 1; c, d in segment 2; e, f in segment 3; the file knows nothing of them. */
static void make_segments(struct fixture *f)
{
    char temp[128];
    store_seq seq;

    snprintf(temp, sizeof temp, "%s.tmp", f->path);
    fixture_open(f);
    assert_int_equal(mkdir(temp, 0700), 0); /* so that snapshots fail, after they began a segment */
    for (int i = 0; i < RECORDS; i++) {
        if (i == 2 || i == 4)
            assert_int_equal(store_snapshot_now(f->s, NULL), MG_E_IO);
        assert_int_equal(put_if(f->s, "jobs", (const char[2]){ (char)('a' + i), 0 }, i, 0, &seq),
                         0);
        assert_int_equal(wait_durable(f->s, seq), 0);
    }
    rmdir(temp);
    fixture_crash(f);
}

static void segments_follow_each_other(void **state)
{
    struct fixture *f = *state;

    make_segments(f);
    assert_true(file_exists(f, ".journal.3"));
    fixture_open(f);
    assert_int_equal(prefix_length(f->s), RECORDS);
    assert_int_equal(store_snapshot_now(f->s, NULL), 0);
    assert_false(file_exists(f, ".journal.1"));
    assert_false(file_exists(f, ".journal.3"));
    fixture_close(f);
}

static void remove_file(struct fixture *f, const char *suffix)
{
    char path[160];
    snprintf(path, sizeof path, "%s%s", f->path, suffix);
    assert_int_equal(unlink(path), 0);
}

static void a_missing_segment(void **state)
{
    struct fixture *f = *state;
    size_t len;

    make_segments(f);
    char *second = file_read(f, ".journal.2", &len);
    remove_file(f, ".journal.2");
    assert_non_null(strstr(fixture_refused(f), ".journal.2 is missing"));
    file_write(f, ".journal.2", "", 0);
    assert_non_null(strstr(fixture_refused(f), ".journal.2:0: this record is damaged"));
    file_write(f, ".journal.2", second, len);
    fixture_open(f);
    assert_int_equal(prefix_length(f->s), RECORDS);
    fixture_close(f);
    free(second);
}

static void a_torn_segment_that_is_not_the_last(void **state)
{
    struct fixture *f = *state;
    size_t len;

    make_segments(f);
    char *first = file_read(f, ".journal.1", &len);
    file_write(f, ".journal.1", first, len - 1);
    assert_non_null(strstr(fixture_refused(f), ".journal.1:3: this record is damaged"));
    free(first);
}

static void a_segment_in_anothers_place(void **state)
{
    struct fixture *f = *state;
    size_t len;

    make_segments(f);
    char *third = file_read(f, ".journal.3", &len);
    file_write(f, ".journal.2", third, len);
    assert_non_null(strstr(fixture_refused(f),
                           ".journal.2:1: the segment belongs to another state"));
    free(third);
}

static void the_newest_segment_is_missing(void **state)
{
    struct fixture *f = *state;

    fixture_open(f);
    assert_int_equal(put(f->s, "jobs", "a", 0), 0);
    assert_int_equal(store_snapshot_now(f->s, NULL), 0);
    fixture_crash(f);
    remove_file(f, ".journal.2");
    const char *text = fixture_refused(f);
    assert_non_null(strstr(text, ".journal.2 is missing"));
    assert_non_null(strstr(text, ": > '"));
    file_write(f, ".journal.2", "", 0);
    fixture_open(f);
    assert_int_equal(prefix_length(f->s), 1);
    fixture_close(f);
}

static void the_file_is_missing(void **state)
{
    struct fixture *f = *state;

    make_journal(f);
    remove_file(f, "");
    assert_non_null(strstr(fixture_refused(f), "is missing, but its journal"));
}

static void the_file_is_the_kits_and_the_journal_is_not(void **state)
{
    struct fixture *f = *state;

    make_journal(f);
    file_write(f, "", "{\"jobs\":[],\"models\":[]}", 23);
    assert_non_null(strstr(fixture_refused(f), "written by another program"));
    remove_file(f, ".journal.1");
    fixture_open(f);
    assert_int_equal(count(f->s, "jobs"), 0);
    fixture_close(f);
}

static void an_older_file_with_a_newer_journal(void **state)
{
    struct fixture *f = *state;
    size_t len;

    fixture_open(f);
    char *old = file_read(f, "", &len);
    assert_int_equal(put(f->s, "jobs", "a", 0), 0);
    assert_int_equal(store_snapshot_now(f->s, NULL), 0);
    fixture_crash(f);
    file_write(f, "", old, len);
    assert_non_null(strstr(fixture_refused(f), ".journal.1 is missing"));
    free(old);
}

static void a_file_that_is_ahead_of_its_journal(void **state)
{
    struct fixture *f = *state;
    size_t len;

    make_journal(f);
    char *file = file_read(f, "", &len);
    char *seq = strstr(file, "\"key\":\"jobId\",\"seq\":1}");
    assert_non_null(seq);
    seq[strlen("\"key\":\"jobId\",\"seq\":")] = '9';
    char *sum = strstr(file, ",\"sum\"");
    strcpy(sum, "}}\n");
    file_write(f, "", file, strlen(file));
    assert_non_null(strstr(fixture_refused(f), "ends at record 7, but"));
    free(file);
}

static void leftovers_of_a_crash_are_ignored(void **state)
{
    struct fixture *f = *state;

    fixture_open(f);
    assert_int_equal(put(f->s, "jobs", "a", 0), 0);
    assert_int_equal(store_snapshot_now(f->s, NULL), 0);
    fixture_crash(f);
    file_write(f, ".journal.1", "covered, and damaged\n", 21);
    file_write(f, ".tmp", "{", 1);
    fixture_open(f);
    assert_int_equal(prefix_length(f->s), 1);
    assert_false(file_exists(f, ".journal.1"));
    assert_false(file_exists(f, ".tmp"));
    fixture_close(f);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(every_cut_of_the_tail),
        TEST(every_flip),
        TEST(a_refusal_names_the_line_and_its_way_out_works),
        TEST(a_hole_in_the_last_group_is_torn),
        TEST(segments_follow_each_other),
        TEST(a_missing_segment),
        TEST(a_torn_segment_that_is_not_the_last),
        TEST(a_segment_in_anothers_place),
        TEST(the_newest_segment_is_missing),
        TEST(the_file_is_missing),
        TEST(the_file_is_the_kits_and_the_journal_is_not),
        TEST(an_older_file_with_a_newer_journal),
        TEST(a_file_that_is_ahead_of_its_journal),
        TEST(leftovers_of_a_crash_are_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
