#include "config/value.h"

#include <string.h>

#include "base/parse.h"
#include "config/expand.h"
#include "config/shape.h"

static int no_memory(struct err *e) { return err_set(e, MG_E_NOMEM, "not enough memory"); }

/* What stands in the file looks like a value and is not meant as one. */
static const char *decoration_reason(const char *s)
{
    size_t len = strlen(s);

    if (len >= 2 && (*s == '"' || *s == '\'') && s[len - 1] == *s)
        return "a value stands without quotes";
    if (strstr(s, " #") || strstr(s, "\t#") || (*s == '#' && (s[1] == ' ' || s[1] == '\0')))
        return "a comment behind a value begins with ; and not with #";
    return NULL;
}

/* A secret's file holds one key. */
static int secret_text(struct value_reader *r, const struct raw *raw, struct buf *out,
                       struct err *e)
{
    struct config_list keys = { 0 };
    static const struct keyfile_rules rules = { 1, shape_secret };
    int rc = keyfile_read(r, raw, raw->text, &rules, &keys, e);

    if (rc == 0 && keys.n > 0)
        buf_str(out, keys.items[0]);
    return rc;
}

static int value_text(struct value_reader *r, const struct raw *raw, bool is_secret,
                      struct buf *out, struct err *e)
{
    int rc = 0;

    if (is_secret && raw->has_files && *raw->text == '@')
        rc = secret_text(r, raw, out, e);
    else if (raw->has_refs)
        rc = expand_refs(out, raw->text, strlen(raw->text), r->env, e);
    else
        buf_str(out, raw->text);
    if (rc < 0)
        return rc;
    return buf_cstr(out) ? 0 : no_memory(e);
}

static int expected(const struct key_info *k, const char *what, const char *got, struct err *e)
{
    if (key_is_secret(k))
        return err_set(e, MG_E_INVALID, "expected %s", what);
    return err_set(e, MG_E_INVALID, "expected %s, got '%s'", what, got);
}

static int number_read(const struct key_info *k, const char *s, int64_t *out, struct err *e)
{
    struct buf what = { 0 };
    uint64_t u = 0;
    int rc;

    if (k->type == KEY_DURATION) {
        rc = parse_duration(s, out);
    } else {
        rc = k->type == KEY_SIZE ? parse_size(s, &u) : parse_uint(s, INT64_MAX, &u);
        *out = u > INT64_MAX ? INT64_MAX : (int64_t)u;
    }
    if (rc == 0 && *out >= k->min && *out <= k->max && !(k->whole_seconds && *out % 1000))
        return 0;
    bounds_render(&what, k);
    rc = buf_cstr(&what) ? expected(k, what.data, s, e) : no_memory(e);
    buf_fini(&what);
    return rc;
}

static int rate_read(const struct key_info *k, const char *s, struct config_rate *out,
                     struct err *e)
{
    char count[16];
    const char *slash = strchr(s, '/');
    size_t len = slash ? (size_t)(slash - s) : sizeof count;
    uint64_t bucket;
    int64_t window;

    if (len < sizeof count) {
        memcpy(count, s, len);
        count[len] = '\0';
        if (parse_uint(count, 1000000, &bucket) == 0 && bucket > 0 &&
            parse_duration(slash + 1, &window) == 0 && window >= 1 && window <= 3600 * 1000) {
            *out = (struct config_rate){ (uint32_t)bucket, (uint32_t)window };
            return 0;
        }
    }
    return expected(k, "a number up to 1000000, / and a time from 1ms to 1h, such as 100/10s", s,
                    e);
}

static int choice_refuse(const struct key_info *k, const char *s, struct err *e)
{
    struct buf what = { 0 };

    for (const char *word = k->choices; *word;) {
        size_t len = strcspn(word, " ");
        const char *before = word == k->choices ? "" : word[len] ? ", " : " or ";
        buf_printf(&what, "%s%.*s", before, (int)len, word);
        word += len + (word[len] == ' ');
    }
    int rc = buf_cstr(&what) ? expected(k, what.data, s, e) : no_memory(e);
    buf_fini(&what);
    return rc;
}

static int choice_read(const struct key_info *k, const char *s, void *field, struct err *e)
{
    const char *word = k->choices;

    for (unsigned value = 0; *word; value++) {
        size_t len = strcspn(word, " ");
        if (strlen(s) == len && memcmp(s, word, len) == 0) {
            memcpy(field, &value, sizeof value);
            return 0;
        }
        word += len + (word[len] == ' ');
    }
    return choice_refuse(k, s, e);
}

static int path_read(struct value_reader *r, const struct key_info *k, const struct raw *raw,
                     const char *s, const char **out, struct err *e)
{
    struct buf path = { 0 };
    bool from_cwd = k->from_cwd || raw->at.kind == CONFIG_ENV;

    if (strncmp(s, "{root}", 6) == 0 && (s[6] == '/' || s[6] == '\0')) {
        s += s[6] == '/' ? 7 : 6;
        path_join(&path, r->root, *s == '/' ? s + strspn(s, "/") : s);
    } else {
        path_join(&path, from_cwd ? r->cwd : r->dir, s);
    }
    *out = buf_ok(&path) ? arena_strndup(r->arena, path.data, path.len) : NULL;
    buf_fini(&path);
    return *out ? 0 : no_memory(e);
}

static int text_read(struct value_reader *r, const struct key_info *k, const char *s,
                     const char **out, struct err *e)
{
    const char *wrong = k->shape ? k->shape(s) : NULL;

    if (wrong)
        return expected(k, wrong, s, e);
    *out = arena_strndup(r->arena, s, strlen(s));
    return *out ? 0 : no_memory(e);
}

static int scalar_read(struct value_reader *r, const struct key_info *k, const struct raw *raw,
                       const char *s, void *field, struct err *e)
{
    int64_t number;
    int rc;

    switch (k->type) {
    case KEY_PATH: return path_read(r, k, raw, s, field, e);
    case KEY_BOOL: return parse_bool(s, field) == 0 ? 0 : expected(k, "yes or no", s, e);
    case KEY_RATE: return rate_read(k, s, field, e);
    case KEY_DATE:
        return date_parse(s, field) == 0
                   ? 0
                   : expected(k, "a day such as 2027-01-31, or 2027-01-31T12:00:00Z", s, e);
    case KEY_CHOICE: return choice_read(k, s, field, e);
    case KEY_INT:
    case KEY_SIZE:
    case KEY_DURATION:
        rc = number_read(k, s, &number, e);
        if (rc == 0 && k->type == KEY_INT)
            *(uint32_t *)field = (uint32_t)number;
        else if (rc == 0 && k->type == KEY_SIZE)
            *(uint64_t *)field = (uint64_t)number;
        else if (rc == 0)
            *(int64_t *)field = number;
        return rc;
    default: return text_read(r, k, s, field, e);
    }
}

/* A program that is named with a folder lies where the file's other paths begin, not where it runs.
 */
static int program_add(struct value_reader *r, const struct raw *raw, const char *program,
                       size_t len, struct config_list *l, struct err *e)
{
    struct buf path = { 0 };
    int rc;

    if (!memchr(program, '/', len) || *program == '{')
        return list_add(r->arena, l, program, len, e);
    char *name = arena_strndup(r->arena, program, len);
    if (name)
        path_join(&path, raw->at.kind == CONFIG_ENV ? r->cwd : r->dir, name);
    rc = name && buf_cstr(&path) ? list_add(r->arena, l, path.data, path.len, e) : no_memory(e);
    buf_fini(&path);
    return rc;
}

static int item_read(struct value_reader *r, const struct key_info *k, const struct raw *raw,
                     const char *item, struct config_list *l, struct err *e)
{
    struct buf text = { 0 };
    int rc = 0;

    if (k->type == KEY_SECRETS && raw->has_files && *item == '@') {
        struct keyfile_rules rules = { LIST_ITEMS_MAX, k->shape };
        return keyfile_read(r, raw, item, &rules, l, e);
    }
    if (raw->has_refs)
        rc = expand_refs(&text, item, strlen(item), r->env, e);
    else
        buf_str(&text, item);
    if (rc == 0 && !buf_cstr(&text))
        rc = no_memory(e);
    else if (rc == 0 && k->type != KEY_ARGV)
        rc = list_split(r->arena, l, text.data, e);
    else if (rc == 0 && l->n == 0)
        rc = program_add(r, raw, text.data, text.len, l, e);
    else if (rc == 0) /* what a variable holds stays one argument */
        rc = list_add(r->arena, l, text.data, text.len, e);
    buf_fini(&text);
    return rc;
}

static int items_check(const struct key_info *k, const struct config_list *l, size_t from,
                       struct err *e)
{
    if (k->max > 0 && l->n > (size_t)k->max)
        return err_set(e, MG_E_LIMIT, "more than %d items", (int)k->max);
    for (size_t i = from; i < l->n; i++) {
        const char *wrong = k->shape ? k->shape(l->items[i]) : NULL;
        if (wrong)
            return expected(k, wrong, l->items[i], e);
        for (size_t j = 0; j < i && k->type != KEY_ARGV; j++) {
            if (strcmp(l->items[i], l->items[j]) != 0)
                continue;
            if (key_is_secret(k))
                return err_set(e, MG_E_CONFLICT, "one key is listed twice");
            return err_set(e, MG_E_CONFLICT, "'%s' is listed twice", l->items[i]);
        }
    }
    return 0;
}

/* An empty variable or file where limits should be: never an open door. */
static int empty_refuse(const struct key_info *k, struct err *e)
{
    return err_set(e, MG_E_INVALID, "there is %s in it",
                   k->type == KEY_SECRETS ? "no key" : "nothing");
}

static int items_read(struct value_reader *r, const struct key_info *k, const struct raw *raw,
                      struct config_list *l, struct err *e)
{
    struct config_list items = { 0 };
    size_t from = l->n;
    int rc = k->type == KEY_ARGV ? argv_split(r->arena, &items, raw->text, e)
                                 : list_split(r->arena, &items, raw->text, e);

    for (size_t i = 0; rc == 0 && i < items.n; i++)
        rc = item_read(r, k, raw, items.items[i], l, e);
    if (rc == 0)
        rc = items_check(k, l, from, e);
    if (rc == 0 && k->required && l->n == 0)
        rc = err_set(e, MG_E_INVALID, "must not be empty");
    if (rc == 0 && l->n == from && k->opens && *raw->text)
        rc = empty_refuse(k, e);
    return rc;
}

int value_read(struct value_reader *r, const struct key_info *k, const struct raw *raw, void *field,
               struct err *e)
{
    struct buf text = { 0 };
    const char *wrong = NULL;
    int rc;

    if (raw->at.kind == CONFIG_FILE && k->type != KEY_ARGV)
        wrong = decoration_reason(raw->text);
    if (wrong)
        return err_set(e, MG_E_INVALID, "%s", wrong);
    if (key_is_list(k))
        return items_read(r, k, raw, field, e);
    rc = value_text(r, raw, k->type == KEY_SECRET, &text, e);
    if (rc == 0 && text.len > 0)
        rc = scalar_read(r, k, raw, text.data, field, e);
    else if (rc == 0 &&
             (k->required || (k->fallback && *k->fallback) || (key_is_secret(k) && *raw->text)))
        rc = err_set(e, MG_E_INVALID, "must not be empty");
    else if (rc == 0 && k->opens && *raw->text)
        rc = empty_refuse(k, e);
    if (key_is_secret(k) && text.data)
        explicit_bzero(text.data, text.len);
    buf_fini(&text);
    return rc;
}

void value_seal(struct arena *a, const struct key_info *k, void *field)
{
    if (key_is_list(k))
        list_seal(a, field, k->type != KEY_SECRETS);
    else if (k->type == KEY_TEXT || k->type == KEY_PATH || k->type == KEY_SECRET)
        *(const char **)field = *(const char **)field ? *(const char **)field : "";
}

int setting_read(struct value_reader *r, const struct raw *raw, struct buf *out, struct err *e)
{
    const char *wrong = raw->at.kind == CONFIG_FILE ? decoration_reason(raw->text) : NULL;

    if (wrong)
        return err_set(e, MG_E_INVALID, "%s", wrong);
    return value_text(r, raw, false, out, e);
}
