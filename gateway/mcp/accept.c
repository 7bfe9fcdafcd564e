/* The Accept header: may the answer be JSON, may it be an event stream, which comes first? */
#include <string.h>
#include <strings.h>

#include "mcp/mcp.h"
#include "mcp/text.h"

struct range {
    struct span type; /* "text/event-stream", "*" "/" "*" */
    unsigned weight;  /* thousandths; 0 = not acceptable */
};

/* How one of our two types fares: the most specific range that covers it decides. */
struct match {
    unsigned specific; /* 3 = named, 2 = type/ *, 1 = all, 0 = not covered */
    unsigned weight;
    unsigned place;
};

/* "0.25" -> 250. What is no weight counts as 1, as if it were not there. */
static unsigned weight_parse(struct span s)
{
    unsigned w = 0, unit = 1000;

    if (s.len == 0 || (s.p[0] != '0' && s.p[0] != '1') || (s.len > 1 && s.p[1] != '.'))
        return 1000;
    w = s.p[0] == '1' ? 1000 : 0;
    for (size_t i = 2; i < s.len && unit > 1; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return 1000;
        unit /= 10;
        w += (unsigned)(s.p[i] - '0') * unit;
    }
    return w > 1000 ? 1000 : w;
}

static struct span trim(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    while (end > p && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    return (struct span){ p, (size_t)(end - p) };
}

/* One item of the list: a media range, then parameters of which only q matters. */
static struct range range_parse(const char *p, const char *end)
{
    const char *semi = memchr(p, ';', (size_t)(end - p));
    struct range r = { trim(p, semi ? semi : end), 1000 };

    while (semi) {
        const char *start = semi + 1;
        semi = memchr(start, ';', (size_t)(end - start));
        struct span parameter = trim(start, semi ? semi : end);
        if (parameter.len >= 2 && (parameter.p[0] | 0x20) == 'q' && parameter.p[1] == '=')
            r.weight = weight_parse((struct span){ parameter.p + 2, parameter.len - 2 });
    }
    return r;
}

static bool is_named(struct span type, const char *name, size_t len)
{
    return type.len == len && strncasecmp(type.p, name, len) == 0;
}

static void match_range(struct match *m, const char *type, struct range r, unsigned place)
{
    size_t main_len = (size_t)(strchr(type, '/') - type) + 1;
    unsigned specific = 0;

    if (is_named(r.type, type, strlen(type)))
        specific = 3;
    else if (r.type.len == main_len + 1 && r.type.p[main_len] == '*' &&
             strncasecmp(r.type.p, type, main_len) == 0)
        specific = 2;
    else if (is_named(r.type, "*/*", 3))
        specific = 1;
    if (specific > m->specific)
        *m = (struct match){ specific, r.weight, place };
}

void mcp_accept(struct mcp_in *in, const char *accept)
{
    struct match json = { 0 }, sse = { 0 };
    unsigned place = 0;

    if (span_trim(accept).len == 0) {
        in->accepts_json = in->accepts_sse = true;
        in->prefers_sse = in->names_both = false;
        return;
    }
    for (const char *p = accept; p; place++) {
        const char *comma = strchr(p, ',');
        struct range r = range_parse(p, comma ? comma : p + strlen(p));
        match_range(&json, "application/json", r, place);
        match_range(&sse, "text/event-stream", r, place);
        p = comma ? comma + 1 : NULL;
    }
    in->accepts_json = json.weight > 0;
    in->accepts_sse = sse.weight > 0;
    in->names_both = json.specific == 3 && json.weight > 0 && sse.specific == 3 && sse.weight > 0;
    in->prefers_sse =
        sse.specific == 3 &&
        (sse.weight > json.weight || (sse.weight == json.weight && sse.place < json.place)) &&
        sse.weight > 0;
}
