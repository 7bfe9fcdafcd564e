/* Type, const, enum, ranges of numbers, lengths and patterns of strings. */
#include <string.h>

#include <stdio.h>
#include <time.h>

#include "schema/check.h"

#define SHORT_SUBJECT 16 /* bytes: fewer cannot take long within the match limit */
#define STEPS_PER_US 20

static bool check_type(struct check *c, const struct frame *f)
{
    static const struct {
        unsigned types;
        const char *name;
    } names[] = {
        { 1U << JSON_OBJECT, "an object" }, { 1U << JSON_ARRAY, "a list" },
        { 1U << JSON_STRING, "a string" },  { 1U << JSON_NUMBER, "a number" },
        { TYPE_INTEGER, "a whole number" }, { 1U << JSON_TRUE, "true or false" },
        { 1U << JSON_NULL, "null" },
    };
    unsigned types = f->s->types;
    uint8_t type = c->tape.node[f->node].type;
    char text[120] = ""; /* all seven fit */
    size_t n = 0;

    if (types == 0 || types >> type & 1)
        return true;
    if (type == JSON_NUMBER && types & TYPE_INTEGER) {
        struct number number;
        number_read(&number, tape_text(&c->tape, f->node));
        if (number_is_integer(&number))
            return true;
    }
    for (size_t i = 0; c->mute == 0 && i < sizeof names / sizeof *names; i++)
        if (types & names[i].types)
            n +=
                (size_t)snprintf(text + n, sizeof text - n, "%s%s", n ? " or " : "", names[i].name);
    return check_fail(c, f, "%s", text);
}

/* Expected is what stands at a node of the schema, as far as it fits. */
static bool fail_value(struct check *c, const struct frame *f, const char *before, uint32_t node)
{
    const struct tape_node *n = &f->s->resource->doc->tape.node[node];
    bool is_long = n->len > 140;

    return check_fail(c, f, "%s%.*s%s", before, is_long ? 140 : (int)n->len, n->p,
                      is_long ? "..." : "");
}

static bool check_choices(struct check *c, const struct frame *f)
{
    const struct tape *t = &f->s->resource->doc->tape;
    const struct tape_node *n = f->s->choices ? &t->node[f->s->choices] : NULL;

    if (f->s->constant && !equal_values(c, t, f->s->constant, &c->tape, f->node))
        return fail_value(c, f, "", f->s->constant);
    if (!n)
        return true;
    for (uint32_t i = f->s->choices + 1; i < n->next; i = t->node[i].next)
        if (equal_values(c, t, i, &c->tape, f->node))
            return true;
    return fail_value(c, f, "one of ", f->s->choices);
}

/* Writes a schema's number as people do, as far as it fits. */
static const char *number_text(const struct number *n, char out[80])
{
    struct buf b = { .data = out, .cap = 78, .max = 78 };
    int64_t point = n->exponent;

    if (n->is_minus)
        buf_putc(&b, '-');
    if (point <= 0 && point > -20) {
        buf_str(&b, n->count ? "0." : "0");
        for (; point < 0; point++)
            buf_putc(&b, '0');
        buf_append(&b, n->digits, n->count);
    } else if (point > 0 && point < 25) {
        for (int64_t i = 0; i < point || i < n->count; i++) {
            if (i == point)
                buf_putc(&b, '.');
            buf_putc(&b, i < n->count ? n->digits[i] : '0');
        }
    } else {
        buf_str(&b, "0.");
        buf_append(&b, n->digits, n->count < 50 ? n->count : 50);
        buf_printf(&b, "e%lld", (long long)point);
    }
    out[b.len] = '\0';
    return out;
}

static bool check_number(struct check *c, const struct frame *f)
{
    const struct subschema *s = f->s;
    struct number n;
    char text[80];

    if (!s->minimum && !s->maximum && !s->over && !s->under && !s->multiple_of)
        return true;
    number_read(&n, tape_text(&c->tape, f->node));
    if (s->minimum && number_compare(&n, s->minimum) < 0)
        return check_fail(c, f, "at least %s", number_text(s->minimum, text));
    if (s->maximum && number_compare(&n, s->maximum) > 0)
        return check_fail(c, f, "at most %s", number_text(s->maximum, text));
    if (s->over && number_compare(&n, s->over) <= 0)
        return check_fail(c, f, "more than %s", number_text(s->over, text));
    if (s->under && number_compare(&n, s->under) >= 0)
        return check_fail(c, f, "less than %s", number_text(s->under, text));
    if (s->multiple_of && !number_is_multiple(&n, s->multiple_of))
        return check_fail(c, f, "a multiple of %s", number_text(s->multiple_of, text));
    return true;
}

const char *check_text(struct check *c, uint32_t string, size_t *len)
{
    const char *text = tape_string(&c->tape, string, &c->arena, len);

    if (!text)
        (void)check_no_memory(c);
    else if (!check_work(c, c->tape.node[string].has_escapes ? *len / 16 : 0))
        return NULL;
    return text;
}

static int64_t cpu_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* PCRE2 bounds the work of one match and does not tell how much it was; many that are just within
 * the bound add up, so what takes long is counted by its time. */
static int match(struct check *c, const struct pattern *p, const char *text, size_t len)
{
    int64_t begun = len > SHORT_SUBJECT ? cpu_us() : 0;
    /* json_scan() has seen to the UTF-8. */
    int rc = pcre2_match(p->code, (PCRE2_SPTR)text, len, 0, PCRE2_NO_UTF_CHECK, c->match_data,
                         c->match_context);

    if (begun)
        (void)check_work(c, (uint64_t)(cpu_us() - begun) * STEPS_PER_US);
    return rc;
}

bool check_matches(struct check *c, const struct pattern *p, uint32_t string)
{
    size_t len;
    const char *text = check_text(c, string, &len);

    if (!text || !check_work(c, 10 + len / 16))
        return false;
    if (!c->match_data) {
        c->match_data = pcre2_match_data_create(1, NULL);
        c->match_context = pcre2_match_context_create(NULL);
        if (!c->match_data || !c->match_context)
            return check_no_memory(c);
        (void)pcre2_set_match_limit(c->match_context, SCHEMA_MATCH_LIMIT);
        (void)pcre2_set_depth_limit(c->match_context, SCHEMA_MATCH_LIMIT);
    }
    int rc = match(c, p, text, len);
    if (rc < 0 && rc != PCRE2_ERROR_NOMATCH && !c->failure)
        c->failure =
            rc == PCRE2_ERROR_NOMEMORY
                ? (check_no_memory(c), MG_E_NOMEM)
                : err_set(c->e, MG_E_LIMIT, "too much work to match the pattern %.100s", p->text);
    return rc >= 0;
}

/* In characters. */
static uint64_t string_length(const struct check *c, uint32_t node)
{
    const struct tape_node *n = &c->tape.node[node];
    uint64_t length = 0;

    for (const char *p = n->p + 1, *end = n->p + n->len - 1; p < end; length++) {
        if (*p != '\\') {
            for (p++; p < end && ((unsigned char)*p & 0xC0) == 0x80; p++)
                ;
        } else if (p[1] != 'u') {
            p += 2;
        } else { /* a pair of surrogates is one character */
            bool is_pair = (p[2] | 32) == 'd' && strchr("89abAB", p[3]);
            p += is_pair ? 12 : 6;
        }
    }
    return length;
}

static bool check_string(struct check *c, const struct frame *f)
{
    const struct range *r = &f->s->length;

    if (r->min > 0 || r->max != NO_LIMIT) {
        uint64_t length = string_length(c, f->node);
        if (!check_work(c, length / 64))
            return false;
        if (length < r->min)
            return check_fail(c, f, "at least %llu character%s", (unsigned long long)r->min,
                              r->min == 1 ? "" : "s");
        if (length > r->max)
            return check_fail(c, f, "at most %llu character%s", (unsigned long long)r->max,
                              r->max == 1 ? "" : "s");
    }
    if (!f->s->pattern || check_matches(c, f->s->pattern, f->node))
        return !c->failure;
    return check_fail(c, f, "what matches %.120s", f->s->pattern->text);
}

bool check_scalar(struct check *c, const struct frame *f)
{
    if (!check_type(c, f))
        return false;
    if ((f->s->constant || f->s->choices) && !check_choices(c, f))
        return false;
    switch (c->tape.node[f->node].type) {
    case JSON_NUMBER: return check_number(c, f);
    case JSON_STRING: return check_string(c, f);
    default: return !c->failure;
    }
}
