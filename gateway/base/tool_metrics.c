#include "base/tool_metrics.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/table.h"
#include "base/utf8.h"

#define PREFIX "moongate_tool_"

struct series {
    UT_hash_handle hh;
    double value;      /* or a histogram's sum */
    uint64_t *buckets; /* each on its own; the last is over all bounds; NULL: no histogram */
    size_t tool_len, key_len;
    char key[]; /* the tool, NUL, the other labels as they are shown: code="200",path="/" */
};

struct tool_count { /* how many series a tool has under a name */
    UT_hash_handle hh;
    unsigned series;
    char tool[];
};

struct tool_metric {
    pthread_mutex_t lock; /* all below but what never changes: name, type, bounds */
    UT_hash_handle hh;
    enum tool_metric_type type;
    char name[TOOL_METRICS_NAME_MAX + 1], help[TOOL_METRICS_HELP_MAX + 1];
    double bounds[TOOL_METRICS_BUCKETS];
    size_t bound_count;
    struct series *table;
    struct tool_count *tools;
    struct series *spill; /* tool="other": when even "other" series have no room; always there */
    bool has_spilt;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* the table of names */
static struct tool_metric *names;
static atomic_uint series_total;
static atomic_ullong overflowed;
static atomic_bool has_told_spill; /* the bound of the process: once for all names */

/* ---- names ---- */

static bool is_word(const char *s, size_t max)
{
    size_t n = strlen(s);
    if (n == 0 || n > max || (s[0] >= '0' && s[0] <= '9'))
        return false;
    return strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == n;
}

static bool ends_in(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}

static const char *type_word(enum tool_metric_type type)
{
    static const char *const words[] = { "counter", "gauge", "histogram" };
    return words[type];
}

/* The gateway's own that begin with PREFIX: here, and of the reload. */
static const char *const own_names[] = { "metrics_overflowed_total", "files_broken", NULL };

static int check_new(const char *name, const double *bounds, size_t n, struct err *e)
{
    if (!is_word(name, TOOL_METRICS_NAME_MAX))
        return err_set(e, MG_E_INVALID,
                       "a metric's name is 1 to %d of a-z A-Z 0-9 _, not a digit first",
                       TOOL_METRICS_NAME_MAX);
    if (ends_in(name, "_bucket") || ends_in(name, "_sum") || ends_in(name, "_count"))
        return err_set(e, MG_E_INVALID, "%s: _bucket, _sum and _count end histograms' own names",
                       name);
    for (const char *const *own = own_names; *own; own++)
        if (strcmp(name, *own) == 0)
            return err_set(e, MG_E_INVALID, "%s: the gateway has a metric of this name", name);
    if (n > TOOL_METRICS_BUCKETS)
        return err_set(e, MG_E_INVALID, "%s: more than %d buckets", name, TOOL_METRICS_BUCKETS);
    for (size_t i = 0; i < n; i++)
        if (!isfinite(bounds[i]) || (i > 0 && bounds[i] <= bounds[i - 1]))
            return err_set(e, MG_E_INVALID, "%s: the buckets are not finite and rising", name);
    return 0;
}

static struct series *series_new(const struct tool_metric *m, const char *key, size_t key_len,
                                 size_t tool_len)
{
    bool is_histogram = m->type == TOOL_HISTOGRAM;
    size_t buckets = is_histogram ? m->bound_count + 1 : 0;
    /* The buckets stand behind the key, aligned. */
    size_t head = (sizeof(struct series) + key_len + 1 + 7) / 8 * 8;
    struct series *s = calloc(1, head + buckets * sizeof(uint64_t));

    if (!s)
        return NULL;
    memcpy(s->key, key, key_len);
    s->key_len = key_len;
    s->tool_len = tool_len;
    if (is_histogram)
        s->buckets = (uint64_t *)(void *)((char *)s + head);
    return s;
}

static void metric_free(struct tool_metric *m)
{
    if (m)
        free(m->spill);
    free(m);
}

static struct tool_metric *metric_new(const char *name, enum tool_metric_type type,
                                      const double *bounds, size_t n)
{
    struct tool_metric *m = calloc(1, sizeof *m);

    if (!m)
        return NULL;
    m->type = type;
    snprintf(m->name, sizeof m->name, "%s", name);
    if (n > 0)
        memcpy(m->bounds, bounds, n * sizeof *bounds);
    m->bound_count = n;
    m->spill = series_new(m, "other", 6, 5);
    if (m->spill)
        HASH_ADD_STR(names, name, m);
    if (!m->spill || !m->hh.tbl) {
        metric_free(m);
        return NULL;
    }
    pthread_mutex_init(&m->lock, NULL);
    return m;
}

/* names is locked. */
static struct tool_metric *find_or_make(const char *name, enum tool_metric_type type,
                                        const double *bounds, size_t n, struct err *e)
{
    struct tool_metric *m = NULL;

    HASH_FIND_STR(names, name, m);
    if (m && m->type != type) {
        err_set(e, MG_E_CONFLICT, "%s is a %s already and cannot be a %s", name, type_word(m->type),
                type_word(type));
        return NULL;
    }
    if (m && (m->bound_count != n || (n > 0 && memcmp(m->bounds, bounds, n * sizeof *bounds)))) {
        err_set(e, MG_E_CONFLICT, "%s has other buckets already; they stay until a restart", name);
        return NULL;
    }
    if (!m && HASH_COUNT(names) >= TOOL_METRICS_NAMES) {
        err_set(e, MG_E_LIMIT, "%s: there are %d metrics of tools already", name,
                TOOL_METRICS_NAMES);
        return NULL;
    }
    if (!m)
        m = metric_new(name, type, bounds, n);
    if (!m)
        err_set(e, MG_E_NOMEM, "no memory for a metric");
    return m;
}

struct tool_metric *tool_metric_find(const char *name, enum tool_metric_type type, const char *help,
                                     const double *bounds, size_t bound_count, struct err *e)
{
    if (check_new(name, bounds, bound_count, e) != 0)
        return NULL;
    if (strlen(help) > TOOL_METRICS_HELP_MAX || utf8_valid(help, strlen(help)) != strlen(help)) {
        err_set(e, MG_E_INVALID, "%s: help is UTF-8 of at most %d bytes", name,
                TOOL_METRICS_HELP_MAX);
        return NULL;
    }
    pthread_mutex_lock(&lock);
    struct tool_metric *m = find_or_make(name, type, bounds, bound_count, e);
    pthread_mutex_unlock(&lock);
    if (!m)
        return NULL;
    pthread_mutex_lock(&m->lock);
    memcpy(m->help, help, strlen(help) + 1);
    pthread_mutex_unlock(&m->lock);
    return m;
}

/* ---- labels ---- */

/* Room for all that a key may be, escapes included. */
#define KEY_MAX \
    (130 + TOOL_METRICS_LABELS * (TOOL_METRICS_LABEL_NAME_MAX + 6 * TOOL_METRICS_LABEL_VALUE_MAX))

struct key {
    size_t len, tool_len;
    char text[KEY_MAX];
};

static void key_put(struct key *k, const char *s, size_t n)
{
    memcpy(k->text + k->len, s, n);
    k->len += n;
}

static void key_value(struct key *k, const char *s, size_t len)
{
    if (len > TOOL_METRICS_LABEL_VALUE_MAX) {
        len = TOOL_METRICS_LABEL_VALUE_MAX;
        while (len > 0 && ((unsigned char)s[len] & 0xC0) == 0x80) /* not inside a character */
            len--;
    }
    for (size_t i = 0; i < len;) {
        size_t n = utf8_sequence(s + i, len - i);
        if (n == 0)
            key_put(k, "\xEF\xBF\xBD", 3);
        else if (s[i] == '\n')
            key_put(k, "\\n", 2);
        else if (s[i] == '"' || s[i] == '\\')
            key_put(k, s[i] == '"' ? "\\\"" : "\\\\", 2);
        else
            key_put(k, s + i, n);
        i += n ? n : 1;
    }
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct tool_label *)a)->name, ((const struct tool_label *)b)->name);
}

static int labels_check(struct tool_label *labels, size_t n, struct err *e)
{
    if (n > TOOL_METRICS_LABELS)
        return err_set(e, MG_E_INVALID, "at most %d labels", TOOL_METRICS_LABELS);
    if (n > 1)
        qsort(labels, n, sizeof *labels, compare);
    for (size_t i = 0; i < n; i++) {
        const char *name = labels[i].name;
        if (!is_word(name, TOOL_METRICS_LABEL_NAME_MAX))
            return err_set(e, MG_E_INVALID,
                           "a label's name is 1 to %d of a-z A-Z 0-9 _, not a digit first",
                           TOOL_METRICS_LABEL_NAME_MAX);
        if (strcmp(name, "tool") == 0 || strcmp(name, "le") == 0 || strncmp(name, "__", 2) == 0)
            return err_set(e, MG_E_INVALID, "the label %s is reserved", name);
        if (i > 0 && strcmp(name, labels[i - 1].name) == 0)
            return err_set(e, MG_E_INVALID, "the label %s is there twice", name);
    }
    return 0;
}

/* is_other: every value is "other". */
static void key_make(struct key *k, const char *tool, const struct tool_label *labels, size_t n,
                     bool is_other)
{
    k->len = 0;
    k->tool_len = strnlen(tool, 128);
    key_put(k, tool, k->tool_len);
    key_put(k, "", 1);
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            key_put(k, ",", 1);
        key_put(k, labels[i].name, strlen(labels[i].name));
        key_put(k, "=\"", 2);
        if (is_other)
            key_put(k, "other", 5);
        else
            key_value(k, labels[i].value, labels[i].value_len);
        key_put(k, "\"", 1);
    }
}

/* ---- series; m is locked ---- */

/* The count of the key's tool, made where there is none. NULL: no memory. */
static struct tool_count *count_of(struct tool_metric *m, const struct key *k)
{
    struct tool_count *c = NULL;

    HASH_FIND(hh, m->tools, k->text, k->tool_len, c);
    if (c)
        return c;
    c = calloc(1, sizeof *c + k->tool_len + 1);
    if (!c)
        return NULL;
    memcpy(c->tool, k->text, k->tool_len);
    HASH_ADD_KEYPTR(hh, m->tools, c->tool, k->tool_len, c);
    if (!c->hh.tbl) {
        free(c);
        return NULL;
    }
    return c;
}

/* NULL: a bound was reached, or no memory. */
static struct series *series_make(struct tool_metric *m, const struct key *k, unsigned max)
{
    struct tool_count *c = count_of(m, k);

    if (!c || c->series >= max || atomic_load(&series_total) >= TOOL_METRICS_TOTAL)
        return NULL;
    struct series *s = series_new(m, k->text, k->len, k->tool_len);
    if (!s)
        return NULL;
    HASH_ADD_KEYPTR(hh, m->table, s->key, s->key_len, s);
    if (!s->hh.tbl) {
        free(s);
        return NULL;
    }
    c->series++;
    atomic_fetch_add(&series_total, 1);
    return s;
}

static struct series *series_find(struct tool_metric *m, const struct key *k)
{
    struct series *s = NULL;
    HASH_FIND(hh, m->table, k->text, k->len, s);
    return s;
}

static void tell(const struct tool_metric *m, const char *tool)
{
    struct log_line l;
    log_begin(&l, LOG_WARN, "a metric has too many series: further label values count as other");
    log_str(&l, "tool", tool);
    log_str(&l, "metric", m->name);
    log_end(&l);
}

/* k becomes the key of what was found. */
static struct series *series_other(struct tool_metric *m, struct key *k, const char *tool,
                                   const struct tool_label *labels, size_t n)
{
    atomic_fetch_add_explicit(&overflowed, 1, memory_order_relaxed);
    key_make(k, tool, labels, n, true);
    struct series *s = series_find(m, k);
    if (s)
        return s;
    s = series_make(m, k, TOOL_METRICS_SERIES + 1);
    if (s) {
        tell(m, tool);
        return s;
    }
    if (!atomic_exchange(&has_told_spill, true))
        tell(m, tool);
    m->has_spilt = true;
    return m->spill;
}

static void series_note(const struct tool_metric *m, struct series *s, double v)
{
    size_t i = 0;

    switch (m->type) {
    case TOOL_COUNTER: s->value += v; return;
    case TOOL_GAUGE: s->value = v; return;
    case TOOL_HISTOGRAM: break;
    }
    while (i < m->bound_count && v > m->bounds[i])
        i++;
    s->buckets[i]++;
    s->value += v;
}

int tool_metric_note(struct tool_metric *m, const char *tool, double v, struct tool_label *labels,
                     size_t label_count, struct err *e)
{
    struct key k;
    int code = labels_check(labels, label_count, e);

    if (code != 0)
        return code;
    key_make(&k, tool, labels, label_count, false);
    pthread_mutex_lock(&m->lock);
    struct series *s = series_find(m, &k);
    if (!s)
        s = series_make(m, &k, TOOL_METRICS_SERIES);
    if (!s)
        s = series_other(m, &k, tool, labels, label_count);
    series_note(m, s, v);
    pthread_mutex_unlock(&m->lock);
    return 0;
}

/* ---- showing ---- */

static void put_number(struct buf *out, double v)
{
    if (v == floor(v) && fabs(v) < 9007199254740992.0)
        buf_printf(out, "%lld\n", (long long)v);
    else
        buf_printf(out, "%.17g\n", v);
}

static void put_name(struct buf *out, const struct tool_metric *m, const char *suffix,
                     const struct series *s, const char *le)
{
    const char *labels = s->key + s->tool_len + 1;
    size_t len = s->key_len - s->tool_len - 1;

    buf_printf(out, PREFIX "%s%s{tool=\"%.*s\"", m->name, suffix, (int)s->tool_len, s->key);
    if (len > 0) {
        buf_putc(out, ',');
        buf_append(out, labels, len);
    }
    if (le)
        buf_printf(out, ",le=\"%s\"", le);
    buf_str(out, "} ");
}

static void put_series(struct buf *out, const struct tool_metric *m, const struct series *s)
{
    uint64_t count = 0;
    char le[32];

    for (size_t i = 0; s->buckets && i <= m->bound_count; i++) {
        count += s->buckets[i];
        snprintf(le, sizeof le, "%.15g", i < m->bound_count ? m->bounds[i] : 0);
        put_name(out, m, "_bucket", s, i < m->bound_count ? le : "+Inf");
        buf_printf(out, "%llu\n", (unsigned long long)count);
    }
    put_name(out, m, s->buckets ? "_sum" : "", s, NULL);
    put_number(out, s->value);
    if (s->buckets) {
        put_name(out, m, "_count", s, NULL);
        buf_printf(out, "%llu\n", (unsigned long long)count);
    }
}

static void put_metric(struct buf *out, struct tool_metric *m)
{
    pthread_mutex_lock(&m->lock);
    if (m->table || m->has_spilt) {
        buf_printf(out, "# HELP " PREFIX "%s ", m->name);
        for (const char *p = m->help; *p; p++) {
            if (*p == '\n' || *p == '\\')
                buf_putc(out, '\\');
            buf_putc(out, *p == '\n' ? 'n' : *p);
        }
        buf_printf(out, "\n# TYPE " PREFIX "%s %s\n", m->name, type_word(m->type));
    }
    for (const struct series *s = m->table; s; s = s->hh.next)
        put_series(out, m, s);
    if (m->has_spilt)
        put_series(out, m, m->spill);
    pthread_mutex_unlock(&m->lock);
}

void tool_metrics_render(void *unused, struct buf *out)
{
    struct tool_metric *all[TOOL_METRICS_NAMES];
    size_t n = 0;

    (void)unused;
    pthread_mutex_lock(&lock);
    for (struct tool_metric *m = names; m && n < TOOL_METRICS_NAMES; m = m->hh.next)
        all[n++] = m;
    pthread_mutex_unlock(&lock);
    for (size_t i = 0; i < n; i++)
        put_metric(out, all[i]);
    buf_printf(out,
               "# HELP moongate_tool_metrics_overflowed_total Values of tools' metrics that were "
               "noted as \"other\".\n"
               "# TYPE moongate_tool_metrics_overflowed_total counter\n"
               "moongate_tool_metrics_overflowed_total %llu\n",
               atomic_load(&overflowed));
}
