/* feed.c - gives a target what is kept: every file that is named, and every file of a folder that
 * is. Then, as long as MS milliseconds allow, changed copies of it: bits flipped, parts cut out,
 * said again, or taken from another one; in every run the same ones, as far as it gets. What is
 * being tried stands in the file LAST, so that it is there when it has ended this.
 *
 * usage: feed-NAME MS LAST PATH... */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

#define INPUTS_MAX 1024
#define INPUT_MAX (1 << 20)
#define CHANGED_MAX 8192 /* as long as libFuzzer makes them, see run.sh */
#define PART_MAX 64
#define CHANGES_MAX 4

static struct input {
    uint8_t *bytes;
    size_t len;
} inputs[INPUTS_MAX];
static size_t count;
static int last;

static void try(const uint8_t *bytes, size_t len)
{
    /* A block of the exact size, so that reading behind it is found. */
    uint8_t *exact = malloc(len ? len : 1);

    fuzz_hold(exact != NULL, "there is memory");
    memcpy(exact, bytes, len);
    fuzz_hold(pwrite(last, exact, len, 0) == (ssize_t)len && ftruncate(last, (off_t)len) == 0,
              "the last input is kept");
    LLVMFuzzerTestOneInput(exact, len);
    free(exact);
}

/* ---- what is kept ---- */

static void read_file(const char *path)
{
    struct input *in = &inputs[count++];
    FILE *f = fopen(path, "rb");

    fuzz_hold(f && count < INPUTS_MAX, path);
    in->bytes = malloc(INPUT_MAX);
    fuzz_hold(in->bytes != NULL, "there is memory");
    in->len = fread(in->bytes, 1, INPUT_MAX, f);
    fuzz_hold(in->len < INPUT_MAX && !ferror(f), path);
    fclose(f);
}

static int is_shown(const struct dirent *d) { return d->d_name[0] != '.'; }

static void read_path(const char *path)
{
    struct dirent **entries;
    struct stat st;
    char name[4096];

    fuzz_hold(stat(path, &st) == 0, path);
    if (!S_ISDIR(st.st_mode)) {
        read_file(path);
        return;
    }
    int n = scandir(path, &entries, is_shown, alphasort); /* in one order on every machine */
    fuzz_hold(n >= 0, path);
    for (int i = 0; i < n; i++) {
        snprintf(name, sizeof name, "%s/%s", path, entries[i]->d_name);
        read_file(name);
        free(entries[i]);
    }
    free(entries);
}

/* ---- changed copies ---- */

struct text {
    uint8_t at[CHANGED_MAX];
    size_t len;
};

static size_t below(size_t n) /* xorshift64: the same numbers in every run */
{
    static uint64_t x = 0x9e3779b97f4a7c15;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return n ? (size_t)((x >> 11) % n) : 0;
}

/* Part of len bytes: where it begins, and how long it is. */
static size_t part(size_t len, size_t *n)
{
    size_t at = below(len + 1), left = len - at;

    *n = below((left < PART_MAX ? left : PART_MAX) + 1);
    return at;
}

static void insert(struct text *t, size_t at, const uint8_t *bytes, size_t n)
{
    uint8_t copy[PART_MAX]; /* they may be its own */

    if (n > CHANGED_MAX - t->len)
        return;
    memcpy(copy, bytes, n);
    memmove(t->at + at + n, t->at + at, t->len - at);
    memcpy(t->at + at, copy, n);
    t->len += n;
}

static void change(struct text *t)
{
    const struct input *other = &inputs[below(count)];
    size_t n, at = part(t->len, &n), from;

    switch (below(5)) {
    case 0:
        if (at < t->len)
            t->at[at] ^= (uint8_t)(1u << below(8));
        break;
    case 1:
        if (at < t->len)
            t->at[at] = (uint8_t)below(256);
        break;
    case 2:
        memmove(t->at + at, t->at + at + n, t->len - at - n);
        t->len -= n;
        break;
    case 3:
        for (size_t times = 1 + below(16); times > 0; times--)
            insert(t, at, t->at + at, n);
        break;
    default: from = part(other->len, &n); insert(t, at, other->bytes + from, n);
    }
}

static int64_t now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * INT64_C(1000) + ts.tv_nsec / 1000000;
}

/* -> how many were tried. */
static size_t try_changed(int64_t ms)
{
    static struct text t;
    const int64_t end = now_ms() + ms;
    size_t tried = 0;

    for (; now_ms() < end; tried++) {
        const struct input *in = &inputs[tried % count];
        t.len = in->len < CHANGED_MAX ? in->len : CHANGED_MAX;
        memcpy(t.at, in->bytes, t.len);
        for (size_t changes = 1 + below(CHANGES_MAX); changes > 0; changes--)
            change(&t);
        try(t.at, t.len);
    }
    return tried;
}

int main(int argc, char **argv)
{
    fuzz_hold(argc > 3, "usage: feed-NAME MS LAST PATH...");
    last = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    fuzz_hold(last >= 0, argv[2]);
    for (int i = 3; i < argc; i++)
        read_path(argv[i]);
    fuzz_hold(count > 0, "there is a corpus");
    try((const uint8_t *)"", 0);
    for (size_t i = 0; i < count; i++)
        try(inputs[i].bytes, inputs[i].len);
    size_t changed = try_changed(strtol(argv[1], NULL, 10));
    printf("%zu inputs, %zu changed\n", count, changed);
    for (size_t i = 0; i < count; i++)
        free(inputs[i].bytes);
    return 0;
}
