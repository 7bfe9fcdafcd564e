/* exact_match.c - an evaluation: how often do predictions equal their references, and how near are
 * they?
 *
 * usage: exact_match --sample | --root FOLDER --file PATH   [--task ID] [--config ID]
 *
 * Reads JSON Lines such as {"prediction": "the Nile", "reference": "Nile"}; references, a list, may
 * stand for reference: the best one counts. Both texts are lower-cased, stripped of ASCII
 * punctuation and of the articles a, an and the, and split at white space (as SQuAD does). accuracy
 * is the share of equal texts, f1 the mean of the token overlap's harmonic mean of precision and
 * recall. Prints progress, then one line of JSON: {"metrics":{...},"artifacts":[]}. Exit code 0, 1
 * for bad input, 2 for usage. PATH lies below FOLDER, also behind symbolic links. */
#include <cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>
#include <wctype.h>

#include "sample.h"

#define LINE_MAX_BYTES (1 << 20)

static void die(int status, const char *message, const char *detail)
{
    fprintf(stderr, "exact_match: %s%s\n", message, detail);
    exit(status);
}

static void *need(void *memory)
{
    if (!memory)
        die(1, "out of memory", "");
    return memory;
}

/* ---- texts as sorted lists of words ---- */

struct words {
    wchar_t *text; /* the words lie in here */
    wchar_t **item;
    size_t count;
};

static void words_free(struct words *w)
{
    free(w->text);
    free(w->item);
}

static bool is_article(const wchar_t *word)
{
    return wcscmp(word, L"a") == 0 || wcscmp(word, L"an") == 0 || wcscmp(word, L"the") == 0;
}

/* Lower case without ASCII punctuation. */
static void normalise(wchar_t *text)
{
    wchar_t *out = text;
    for (const wchar_t *in = text; *in; in++)
        if (*in >= 128 || !iswpunct((wint_t)*in))
            *out++ = (wchar_t)towlower((wint_t)*in);
    *out = L'\0';
}

/* false: the text is not UTF-8. */
static bool words_make(struct words *w, const char *utf8)
{
    size_t n = mbstowcs(NULL, utf8, 0);
    if (n == (size_t)-1)
        return false;
    *w = (struct words){ .text = need(calloc(n + 1, sizeof(wchar_t))),
                         .item = need(calloc(n / 2 + 1, sizeof(wchar_t *))) };
    mbstowcs(w->text, utf8, n + 1);
    normalise(w->text);

    wchar_t *p = w->text;
    for (;;) {
        while (*p && iswspace((wint_t)*p))
            p++;
        if (!*p)
            return true;
        wchar_t *word = p;
        while (*p && !iswspace((wint_t)*p))
            p++;
        if (*p)
            *p++ = L'\0';
        if (!is_article(word))
            w->item[w->count++] = word;
    }
}

static bool words_equal(const struct words *a, const struct words *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (wcscmp(a->item[i], b->item[i]) != 0)
            return false;
    return true;
}

static int compare(const void *a, const void *b)
{
    return wcscmp(*(wchar_t *const *)a, *(wchar_t *const *)b);
}

/* Sorts both. */
static double words_f1(struct words *a, struct words *b)
{
    size_t common = 0;

    if (a->count == 0 || b->count == 0)
        return a->count == b->count;
    qsort(a->item, a->count, sizeof *a->item, compare);
    qsort(b->item, b->count, sizeof *b->item, compare);
    for (size_t i = 0, j = 0; i < a->count && j < b->count;) {
        int order = wcscmp(a->item[i], b->item[j]);
        common += order == 0;
        i += order <= 0;
        j += order >= 0;
    }
    return 2.0 * (double)common / (double)(a->count + b->count);
}

/* ---- scoring ---- */

struct score {
    size_t count, equal;
    double f1; /* sum */
};

struct input {
    FILE *file;
    size_t lines, at;
};

static void die_line(const struct input *in, const char *reason)
{
    char detail[64];
    snprintf(detail, sizeof detail, "line %zu: ", in->at);
    die(1, detail, reason);
}

/* Betters *equal and *f1 when this reference is nearer to the prediction. */
static void score_reference(const struct input *in, const char *prediction, const cJSON *reference,
                            bool *equal, double *f1)
{
    struct words a, b;

    if (!cJSON_IsString(reference))
        die_line(in, "a reference is not a string");
    if (!words_make(&a, prediction) || !words_make(&b, reference->valuestring))
        die_line(in, "a text is not UTF-8");
    *equal = words_equal(&a, &b) || *equal;
    double own = words_f1(&a, &b);
    if (own > *f1)
        *f1 = own;
    words_free(&a);
    words_free(&b);
}

static void score_line(const struct input *in, const char *line, size_t len, struct score *s)
{
    cJSON *object = cJSON_ParseWithLengthOpts(line, len + 1, NULL, 1);
    const cJSON *prediction = cJSON_GetObjectItemCaseSensitive(object, "prediction");
    const cJSON *reference = cJSON_GetObjectItemCaseSensitive(object, "reference");
    const cJSON *references = cJSON_GetObjectItemCaseSensitive(object, "references");
    bool equal = false;
    double f1 = 0;

    if (!cJSON_IsObject(object))
        die_line(in, "not a JSON object");
    if (!cJSON_IsString(prediction))
        die_line(in, "there is no string \"prediction\"");
    if (reference) {
        score_reference(in, prediction->valuestring, reference, &equal, &f1);
    } else {
        if (!cJSON_IsArray(references) || !references->child)
            die_line(in, "there is neither \"reference\" nor a list \"references\"");
        for (const cJSON *each = references->child; each; each = each->next)
            score_reference(in, prediction->valuestring, each, &equal, &f1);
    }
    cJSON_Delete(object);
    s->count++;
    s->equal += equal;
    s->f1 += f1;
}

static bool next_line(struct input *in, char **line, size_t *size, size_t *len)
{
    ssize_t n = getline(line, size, in->file);
    if (n < 0)
        return false;
    in->at++;
    if (n > LINE_MAX_BYTES)
        die_line(in, "longer than 1 MB");
    while (n > 0 && strchr(" \t\r\n", (*line)[n - 1]))
        (*line)[--n] = '\0';
    *len = (size_t)n;
    return true;
}

static void score_input(struct input *in, struct score *s)
{
    char *line = NULL;
    size_t size = 0, len, step;

    while (next_line(in, &line, &size, &len))
        in->lines++;
    rewind(in->file);
    in->at = 0;
    step = in->lines / 10 + 1;
    while (next_line(in, &line, &size, &len)) {
        if (strlen(line) != len)
            die_line(in, "a zero byte");
        if (len > 0)
            score_line(in, line, len, s);
        if (in->at % step == 0 || in->at == in->lines) {
            printf("%zu of %zu lines\n", in->at, in->lines);
            fflush(stdout);
        }
    }
    free(line);
    if (ferror(in->file))
        die(1, "reading failed: ", strerror(errno));
    if (s->count == 0)
        die(1, "there is nothing to evaluate", "");
}

static void print_result(const struct score *s, double seconds)
{
    cJSON *result = need(cJSON_CreateObject());
    cJSON *metrics = need(cJSON_AddObjectToObject(result, "metrics"));

    cJSON_AddNumberToObject(metrics, "accuracy", (double)s->equal / (double)s->count);
    cJSON_AddNumberToObject(metrics, "f1", s->f1 / (double)s->count);
    cJSON_AddNumberToObject(metrics, "count", (double)s->count);
    cJSON_AddNumberToObject(metrics, "seconds", seconds);
    cJSON_AddArrayToObject(result, "artifacts");
    char *text = need(cJSON_PrintUnformatted(result));
    puts(text);
    free(text);
    cJSON_Delete(result);
}

/* ---- input and options ---- */

static FILE *open_below(const char *root, const char *path)
{
    struct open_how how = {
        .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    struct stat st;
    int folder = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        die(1, "the root cannot be opened: ", strerror(errno));
    int fd = (int)syscall(SYS_openat2, folder, path, &how, sizeof how);
    if (fd < 0)
        die(1, "the file cannot be opened: ",
            errno == EXDEV ? "its path leaves the root" : strerror(errno));
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        die(1, "not a regular file", "");
    close(folder);
    return need(fdopen(fd, "r"));
}

static FILE *open_input(int argc, char **argv)
{
    const char *root = NULL, *path = NULL;
    bool is_sample = false;

    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--sample") == 0) {
            is_sample = true;
            continue;
        }
        if (!value)
            die(2, "an option lacks its value: ", argv[i]);
        if (strcmp(argv[i], "--root") == 0)
            root = value;
        else if (strcmp(argv[i], "--file") == 0)
            path = value;
        else if (strcmp(argv[i], "--task") != 0 && strcmp(argv[i], "--config") != 0)
            die(2, "unknown option: ", argv[i]);
        i++;
    }
    if (is_sample == (root && path))
        die(2, "expected --sample, or --root FOLDER --file PATH", "");
    if (is_sample)
        return need(fmemopen((void *)sample_data, sizeof sample_data, "r"));
    return open_below(root, path);
}

int main(int argc, char **argv)
{
    struct timespec begin, end;
    struct score score = { 0 };

    if (!setlocale(LC_CTYPE, "C.UTF-8"))
        die(1, "the locale C.UTF-8 is missing", "");
    clock_gettime(CLOCK_MONOTONIC, &begin);
    struct input in = { .file = open_input(argc, argv) };
    score_input(&in, &score);
    fclose(in.file);
    clock_gettime(CLOCK_MONOTONIC, &end);
    print_result(&score,
                 (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9);
    return 0;
}
