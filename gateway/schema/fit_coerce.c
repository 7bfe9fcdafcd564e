/* Arguments as older, lenient servers took them: made to fit where they can be. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_write.h"
#include "schema/compile.h"
#include "schema/fit.h"

#define NUMBERS (1U << JSON_NUMBER | TYPE_INTEGER)
#define NUMBER_MAX 63 /* bytes, as json_scan() has it */

static struct json_text number_text(const char *text)
{
    return (struct json_text){ text, strlen(text), JSON_NUMBER };
}

/* The number that a string holds, blanks around it aside. */
static bool read_number(struct fit *f, uint32_t node, char out[NUMBER_MAX + 1])
{
    struct json_text root;
    struct err e;
    size_t len;
    const char *text = check_text(&f->check, node, &len);
    if (!text || json_scan(text, len, NULL, &root, &e) != 0 || root.type != JSON_NUMBER)
        return false;
    memcpy(out, root.p, root.len);
    out[root.len] = '\0';
    return true;
}

/* The bound that the schema writes, when the number is beyond it. */
static void clamp(const struct subschema *s, const char *keyword, const struct number *bound,
                  int side, char text[NUMBER_MAX + 1])
{
    const struct document *doc = s->resource->doc;
    uint32_t node = bound ? compile_member(doc, s, keyword) : 0;
    struct number n;
    if (!node)
        return;
    number_read(&n, number_text(text));
    if (number_compare(&n, bound) * side <= 0)
        return;
    struct json_text t = tape_text(&doc->tape, node);
    memcpy(text, t.p, t.len);
    text[t.len] = '\0';
}

static void cut_fraction(char text[NUMBER_MAX + 1])
{
    struct number n;
    number_read(&n, number_text(text));
    double value = strtod(text, NULL);
    /* Beyond 2^53 a double does not hold the fraction: that one stays, and does not fit. */
    if (!number_is_integer(&n) && fabs(value) < 9007199254740992.0)
        snprintf(text, NUMBER_MAX + 1, "%.0f", floor(value));
}

static void write_number(struct fit *f, const struct subschema *s, char text[NUMBER_MAX + 1])
{
    clamp(s, "minimum", s->minimum, -1, text);
    clamp(s, "maximum", s->maximum, 1, text);
    if (!(s->types & 1U << JSON_NUMBER))
        cut_fraction(text);
    json_raw(f->out, text, strlen(text));
}

/* What was written from `at` on. Type JSON_NONE: f->check.failure is set. */
static struct json_text written(struct fit *f, size_t at)
{
    struct json_text text = { NULL, 0, JSON_NONE };
    struct err e = { 0 };
    /* written from validated text, or by us; read for its type */
    if (!buf_ok(f->out) || json_scan(f->out->data + at, f->out->len - at, NULL, &text, &e) != 0)
        (void)check_no_memory(&f->check);
    return text;
}

/* 0, or MG_E_INVALID, or f->check.failure. */
static int check_part(struct fit *f, const struct subschema *s, struct json_text text,
                      struct err *why)
{
    struct check c;
    int code = check_begin(&c, text, why);
    if (code == 0) {
        c.steps = f->check.steps; /* all members together have one budget */
        code = check_root(&c, s);
        f->check.steps = c.steps;
        check_end(&c);
    }
    if (code != 0 && code != MG_E_INVALID)
        f->check.failure = err_set(f->check.e, code, "%s", why->text);
    return code;
}

static bool has_type(const struct subschema *s, struct json_text text)
{
    struct number n;
    if (s->types == 0 || s->types >> text.type & 1)
        return true;
    if (text.type != JSON_NUMBER || !(s->types & TYPE_INTEGER))
        return false;
    number_read(&n, text);
    return number_is_integer(&n);
}

static bool item_fits(struct fit *f, const struct subschema *s, size_t at)
{
    struct err why = { 0 };
    struct json_text text = written(f, at);
    return text.type != JSON_NONE && check_part(f, s, text, &why) == 0;
}

static void write_items(struct fit *f, const struct subschema *s, uint32_t node)
{
    const struct tape *t = &f->check.tape;

    json_open(f->out, '[');
    for (uint32_t i = node + 1; i < t->node[node].next && check_work(&f->check, 1);
         i = t->node[i].next) {
        size_t before = f->out->len;
        json_raw_text(f->out, tape_text(t, i));
        size_t at = before > 0 && f->out->data[before] == ',' ? before + 1 : before;
        if (item_fits(f, s->items, at))
            continue;
        f->out->len = before;
        f->is_changed = true;
    }
    json_close(f->out, ']');
}

static void write_scalar(struct fit *f, const struct subschema *s, uint32_t node)
{
    const struct tape_node *n = &f->check.tape.node[node];
    char text[NUMBER_MAX + 1];
    bool is_flag = s->types & 1U << JSON_TRUE;
    bool takes_text = s->types == 0 || s->types & 1U << JSON_STRING;

    if (n->type == JSON_STRING && s->types & NUMBERS && !takes_text && read_number(f, node, text)) {
        write_number(f, s, text);
    } else if (n->type == JSON_NUMBER && s->types & NUMBERS) {
        memcpy(text, n->p, n->len);
        text[n->len] = '\0';
        write_number(f, s, text);
    } else if (n->type == JSON_NUMBER && s->types == 1U << JSON_STRING) {
        json_str_n(f->out, n->p, n->len);
    } else if (n->type == JSON_STRING && is_flag && !takes_text &&
               (json_string_eq(tape_text(&f->check.tape, node), "true", 4) ||
                json_string_eq(tape_text(&f->check.tape, node), "false", 5))) {
        json_raw(f->out, n->p + 1, n->len - 2);
    } else {
        json_raw_text(f->out, tape_text(&f->check.tape, node));
    }
}

/* "at /b: ..." of a part becomes "at /a/b: ..." of the whole. */
static void refuse(struct fit *f, const char *name, size_t len, const char *why)
{
    const char *rest = strncmp(why, "at /", 4) == 0 ? why + 4 : why;
    f->check.failure = err_set(f->check.e, MG_E_INVALID, "at /%.*s%s%s", len < 100 ? (int)len : 100,
                               name, *rest == ':' ? "" : "/", rest);
}

bool fit_coerce(struct fit *f, const struct subschema *s, uint32_t node, const char *name,
                size_t len)
{
    size_t at = f->out->len;
    const struct subschema *target = fit_target(s);
    uint8_t type = f->check.tape.node[node].type;
    struct err why = { 0 };

    if (type == JSON_ARRAY && target->items && !target->prefix.count)
        write_items(f, target, node);
    else if (type == JSON_OBJECT || type == JSON_ARRAY)
        fit_value(f, target, node);
    else
        write_scalar(f, target, node);
    f->is_changed = true; /* whether it differs is not worth a comparison */
    if (f->check.failure)
        return false;
    struct json_text text = written(f, at);
    if (text.type == JSON_NONE || !has_type(target, text))
        return false;
    if (check_part(f, s, text, &why) == MG_E_INVALID)
        refuse(f, name, len, why.text);
    return !f->check.failure;
}
