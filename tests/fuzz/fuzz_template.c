/* fuzz_template.c - URI templates, both ways: what a URI is taken apart into makes that URI again,
 * and what was made of values is taken apart. Input: a template, a URI, then a value a line for
 * each variable. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/json_scan.h"
#include "base/utf8.h"
#include "fuzz.h"
#include "tools/uritemplate.h"

#define MATCH_NS 1000000000 /* computed: a hundred times what the largest takes here */

struct value {
    struct buf name, text; /* of a list: its texts, a NUL between two */
};

struct values {
    struct value of[URITEMPLATE_VARS_MAX];
    size_t count;
};

static void values_fini(struct values *v)
{
    for (size_t i = 0; i < v->count; i++) {
        buf_fini(&v->of[i].name);
        buf_fini(&v->of[i].text);
    }
}

static const struct buf *value_of(const struct values *v, const char *name, size_t len)
{
    for (size_t i = 0; i < v->count; i++)
        if (v->of[i].name.len == len && memcmp(v->of[i].name.data, name, len) == 0)
            return &v->of[i].text;
    return NULL;
}

/* ---- RFC 6570, read forwards ---- */

static const struct form {
    char sign;
    const char *first, *between, *none;
    bool is_named, is_open;
} forms[] = {
    { '\0', "", ",", "", false, false }, { '+', "", ",", "", false, true },
    { '#', "#", ",", "", false, true },  { '.', ".", ".", "", false, false },
    { '/', "/", "/", "", false, false }, { ';', ";", ";", "", true, false },
    { '?', "?", "&", "=", true, false }, { '&', "&", "&", "=", true, false },
};

/* A % is always encoded, also where a triplet might stand: it is a value's own. So is a point
 * that would end a label. */
static void text_expand(struct buf *out, const struct buf *text, const struct form *op)
{
    for (size_t i = 0; i < text->len; i++) {
        char c = text->data[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || (c && strchr("-_~", c)) ||
                        (c == '.' && op->sign != '.') ||
                        (op->is_open && c && strchr(":/?#[]@!$&'()*+,;=", c));
        if (is_plain)
            buf_putc(out, c);
        else
            buf_printf(out, "%%%02X", (unsigned char)c);
    }
}

/* What of the text {x:3} lets through; modifier: "", or ":3". */
static struct buf text_cut(const struct buf *text, const char *modifier, size_t len)
{
    struct buf cut = *text;
    size_t max = len > 1 ? (size_t)strtoul(modifier + 1, NULL, 10) : SIZE_MAX;

    for (size_t i = 0; i < text->len; i++)
        if (((unsigned char)text->data[i] & 0xC0) != 0x80 && max-- == 0) {
            cut.len = i;
            break;
        }
    return cut;
}

/* Where op's names stand, each text has it. */
static void value_expand(struct buf *out, const char *name, size_t len, const struct buf *text,
                         const struct form *op)
{
    if (op->is_named)
        buf_append(out, name, len);
    if (op->is_named)
        buf_str(out, text->len ? "=" : op->none);
    text_expand(out, text, op);
}

static void list_expand(struct buf *out, const char *name, size_t len, const struct buf *texts,
                        const struct form *op)
{
    static char empty[] = "";
    char *s = texts->len ? texts->data : empty, *end = s + texts->len;

    for (bool is_first = true; s; is_first = false) {
        char *at = memchr(s, '\0', (size_t)(end - s));
        struct buf text = { .data = s, .len = (size_t)((at ? at : end) - s) };
        if (!is_first)
            buf_str(out, op->between);
        value_expand(out, name, len, &text, op);
        s = at ? at + 1 : NULL;
    }
}

/* What stands between the braces. */
static void expression_expand(struct buf *out, const char *s, size_t len, const struct values *v)
{
    const struct form *op = &forms[0];
    const char *end = s + len;
    bool is_first = true;

    for (size_t i = 1; i < sizeof forms / sizeof forms[0]; i++)
        if (forms[i].sign == *s)
            op = &forms[i];
    for (s += op->sign != '\0'; s <= end;) {
        const char *comma = memchr(s, ',', (size_t)(end - s));
        size_t len_both = (size_t)((comma ? comma : end) - s);
        size_t name_len = 0;
        while (name_len < len_both && s[name_len] != ':' && s[name_len] != '*')
            name_len++;
        bool is_list = name_len < len_both && s[name_len] == '*';
        const struct buf *text = value_of(v, s, name_len);
        if (text) {
            buf_str(out, is_first ? op->first : op->between);
            struct buf cut = text_cut(text, s + name_len, is_list ? 0 : len_both - name_len);
            if (is_list)
                list_expand(out, s, name_len, text, op);
            else
                value_expand(out, s, name_len, &cut, op);
            is_first = false;
        }
        s += len_both + 1;
    }
}

static void expand(struct buf *out, const char *pattern, const struct values *v)
{
    while (*pattern) {
        size_t len = strcspn(pattern, "{");
        buf_append(out, pattern, len);
        pattern += len;
        if (!*pattern)
            return;
        len = strcspn(pattern, "}");
        expression_expand(out, pattern + 1, len - 1, v);
        pattern += len + 1;
    }
}

/* ---- what must hold ---- */

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 87 : -1;
}

/* Decoded, and without what two URIs of the same values may differ by: "?" of none, "=" of nothing.
 */
static void plain_write(struct buf *out, const char *pattern, const char *uri, size_t len)
{
    bool has_query = strstr(pattern, "{?") != NULL, has_path = strstr(pattern, "{;") != NULL;

    for (size_t i = 0; i < len; i++) {
        char c = uri[i];
        if (c == '%' && len - i >= 3 && hex(uri[i + 1]) >= 0 && hex(uri[i + 2]) >= 0) {
            c = (char)(hex(uri[i + 1]) << 4 | hex(uri[i + 2]));
            i += 2;
        }
        if (!(c == '?' && has_query) && !(c == '=' && has_path))
            buf_putc(out, c);
    }
}

static void check_same(const char *pattern, const char *uri, size_t len, const struct values *v)
{
    struct buf again = { 0 }, a = { 0 }, b = { 0 };

    expand(&again, pattern, v);
    plain_write(&a, pattern, uri, len);
    plain_write(&b, pattern, again.data, again.len);
    fuzz_hold(a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0),
              "the values of a URI make it");
    buf_fini(&again);
    buf_fini(&a);
    buf_fini(&b);
}

static void texts_read(struct json_text list, struct buf *out)
{
    struct json_text text;
    bool is_first = true;

    for (struct json_iter it = json_iter(list); json_next_item(&it, &text); is_first = false) {
        fuzz_hold(text.type == JSON_STRING, "a list has texts");
        if (!is_first)
            buf_putc(out, '\0');
        json_string_decode(text, out);
    }
    fuzz_hold(!is_first, "no list is empty");
}

/* The values of a match, which is JSON on one line. */
static void values_read(const struct uritemplate *t, const struct buf *json, struct values *v)
{
    struct json_text root, key, value;

    fuzz_hold(json_scan(json->data, json->len, NULL, &root, NULL) == 0 && root.type == JSON_OBJECT,
              "values are an object");
    for (struct json_iter it = json_iter(root); json_next_member(&it, &key, &value);) {
        fuzz_hold(v->count < URITEMPLATE_VARS_MAX &&
                      (value.type == JSON_STRING || value.type == JSON_ARRAY),
                  "no more values than variables, and each is a text or a list");
        struct value *one = &v->of[v->count];
        json_string_decode(key, &one->name);
        if (value.type == JSON_ARRAY)
            texts_read(value, &one->text);
        else
            json_string_decode(value, &one->text);
        fuzz_hold(buf_cstr(&one->name) && uritemplate_has(t, one->name.data),
                  "a value is a variable's");
        fuzz_hold(!value_of(v, one->name.data, one->name.len), "a variable has one value");
        v->count++;
    }
}

/* The URI in a block of its exact size. */
static int match(const struct uritemplate *t, const char *uri, size_t len, struct buf *json)
{
    struct timespec before, after;
    char *exact = malloc(len ? len : 1);

    fuzz_hold(exact != NULL, "there is memory");
    if (len)
        memcpy(exact, uri, len);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
    int code = uritemplate_match(t, exact, len, json);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
    fuzz_hold((after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec <
                  MATCH_NS,
              "a match takes no longer than its lengths say");
    fuzz_hold(code == 1 || (code == 0 && json->len == 0), "it matches or leaves nothing behind");
    free(exact);
    return code;
}

static void check_uri(const struct uritemplate *t, const char *pattern, const char *uri, size_t len)
{
    struct buf json = { 0 };
    struct values v = { .count = 0 };

    if (match(t, uri, len, &json) == 1) {
        values_read(t, &json, &v);
        check_same(pattern, uri, len, &v);
#ifdef FUZZ_PLANT
        if (v.count > 1 && memchr(uri, '%', len) && strstr(pattern, "{/"))
            fuzz_overrun(json.data, json.len);
#endif
    }
    values_fini(&v);
    buf_fini(&json);
}

/* Can every variable be told from what stands beside it? Digits in values and nowhere else, no
 * operator whose values reach beyond, a list only at the end, and two expressions never side by
 * side. */
static bool is_clear(const char *pattern, const struct values *v)
{
    const char *list = strchr(pattern, '*');

    if (list && strcmp(list, "*}") != 0)
        return false;
    for (const char *p = pattern; *p; p++)
        if ((*p >= '0' && *p <= '9') || (*p == '{' && strchr("+#.", p[1])) ||
            (*p == '}' && p[1] == '{' && !strchr("/;?&", p[2])))
            return false;
    for (size_t i = 0; i < v->count; i++)
        for (size_t k = 0; k < v->of[i].text.len; k++)
            if ((v->of[i].text.data[k] < '0' || v->of[i].text.data[k] > '9') &&
                (k == 0 || k + 1 == v->of[i].text.len || v->of[i].text.data[k] != '\0' ||
                 v->of[i].text.data[k - 1] == '\0'))
                return false;
    return true;
}

/* A URI of values that are all there, and none of them empty. */
static void check_values(const struct uritemplate *t, const char *pattern, const struct values *v)
{
    struct buf uri = { 0 }, json = { 0 };
    struct values got = { .count = 0 };

    expand(&uri, pattern, v);
    if (uri.len <= URITEMPLATE_URI_MAX) {
        fuzz_hold(match(t, uri.len ? uri.data : "", uri.len, &json) == 1,
                  "a URI that was made of a pattern is one of it");
        values_read(t, &json, &got);
        check_same(pattern, uri.len ? uri.data : "", uri.len, &got);
        for (size_t i = 0; i < v->count && is_clear(pattern, v); i++) {
            const struct value *one = &v->of[i];
            const struct buf *text = value_of(&got, one->name.data, one->name.len);
            fuzz_hold(text && text->len == one->text.len &&
                          memcmp(text->data, one->text.data, text->len) == 0,
                      "a value comes back");
        }
    }
    values_fini(&got);
    buf_fini(&json);
    buf_fini(&uri);
}

/* "1 2" becomes a list of two; none of them is empty, so that every operator can hold them. */
static void list_part(struct buf *text)
{
    for (size_t i = 1; i + 1 < text->len; i++)
        if (text->data[i] == ' ' && text->data[i - 1] != '\0')
            text->data[i] = '\0';
}

/* Gives each variable of the template a line; false: one of them is no value. */
static bool values_take(const char *pattern, const uint8_t **data, size_t *size, struct values *v)
{
    bool are_texts = true;

    for (const char *p = strchr(pattern, '{'); p; p = strchr(p, '{')) {
        const char *end = strchr(p, '}');
        for (p += strchr("+#./;?&", p[1]) ? 2 : 1; p <= end; p += strcspn(p, ",}") + 1) {
            struct value *one = &v->of[v->count++];
            size_t len;
            char *text = fuzz_take(data, size, '\n', &len);
            buf_append(&one->name, p, strcspn(p, ":*,}"));
            buf_append(&one->text, len ? text : "7", len ? len : 1);
            are_texts &= !memchr(one->text.data, '\0', one->text.len) &&
                         utf8_valid(one->text.data, one->text.len) == one->text.len;
            if (p[one->name.len] == '*')
                list_part(&one->text);
            free(text);
        }
    }
    return are_texts;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct values v = { .count = 0 };
    struct err e = { 0 };
    size_t len;
    char *pattern = fuzz_take(&data, &size, '\n', NULL);
    char *uri = fuzz_take(&data, &size, '\n', &len);
    struct uritemplate *t = uritemplate_new(pattern, &e);

    if (t) {
        check_uri(t, pattern, uri, len);
        if (values_take(pattern, &data, &size, &v))
            check_values(t, pattern, &v);
    } else {
        fuzz_hold(e.code != 0 && e.text[0] != '\0', "what is refused is told why");
    }
    values_fini(&v);
    uritemplate_free(t);
    free(pattern);
    free(uri);
    return 0;
}
