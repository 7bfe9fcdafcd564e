#include "api/re_search.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/helped.h"
#include "base/clock.h"
#include "vm/module.h"

#define TOO_SLOW PCRE2_ERROR_CALLOUT /* what PCRE2 keeps for those who call back */

struct search {
    struct re_code *re;
    const char *s;
    size_t len, at;
    uint32_t options;
    enum re_results results;
    int rc;        /* pcre2_match()'s */
    size_t bad_at; /* where the subject is not UTF-8 */
    size_t part[2 * (RE_CAPTURES_MAX + 1)];
};

/* ---- matching, on any thread ---- */

struct patience {
    int64_t (*clock_us)(void);
    int64_t end_us;
    unsigned step, left; /* callouts between two looks */
};

static int64_t thread_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static int look_at_clock(pcre2_callout_block *block, void *arg)
{
    struct patience *p = arg;
    (void)block;
    if (--p->left > 0)
        return 0;
    p->left = p->step;
    return p->clock_us() < p->end_us ? 0 : TOO_SLOW;
}

static void search_run(struct search *q, int64_t (*clock_us)(void), int64_t allowed_us)
{
    /* Between two callouts lies at most one walk over the subject. */
    unsigned step = q->len >= RE_INLINE_BYTES ? 1 : (unsigned)(RE_INLINE_BYTES / (q->len + 4096));
    struct patience patience = { clock_us, clock_us() + allowed_us, step, step };
    pcre2_match_context *context = pcre2_match_context_create(NULL);
    pcre2_match_data *data = pcre2_match_data_create(q->re->captures + 1, NULL);

    q->rc = PCRE2_ERROR_NOMEMORY;
    if (context && data) {
        (void)pcre2_set_callout(context, look_at_clock, &patience);
        (void)pcre2_set_match_limit(context, RE_MATCH_LIMIT);
        (void)pcre2_set_depth_limit(context, RE_DEPTH);
        (void)pcre2_set_heap_limit(context, RE_HEAP_KB);
        q->rc =
            pcre2_match(q->re->code, (PCRE2_SPTR)q->s, q->len, q->at, q->options, data, context);
        if (q->rc > 0)
            memcpy(q->part, pcre2_get_ovector_pointer(data),
                   2 * (q->re->captures + 1) * sizeof *q->part);
        else if (q->rc <= PCRE2_ERROR_UTF8_ERR1 && q->rc >= PCRE2_ERROR_UTF8_ERR21)
            q->bad_at = pcre2_get_startchar(data);
    }
    pcre2_match_data_free(data);
    pcre2_match_context_free(context);
}

/* ---- results ---- */

static void push_part(lua_State *L, const struct search *q, uint32_t i)
{
    if (q->part[2 * i] == PCRE2_UNSET)
        lua_pushboolean(L, 0);
    else
        lua_pushlstring(L, q->s + q->part[2 * i], q->part[2 * i + 1] - q->part[2 * i]);
}

/* Of several groups with one name the one that is set counts. */
static void push_names(lua_State *L, const struct search *q)
{
    lua_createtable(L, 0, (int)q->re->name_count);
    for (uint32_t i = 0; i < q->re->name_count; i++) {
        const char *entry = q->re->names + (size_t)i * q->re->name_size;
        uint32_t number = (uint32_t)(unsigned char)entry[0] << 8 | (unsigned char)entry[1];
        if (lua_getfield(L, -1, entry + 2) != LUA_TSTRING) {
            push_part(L, q, number);
            lua_setfield(L, -3, entry + 2);
        }
        lua_pop(L, 1);
    }
}

static int push_match(lua_State *L, const struct search *q)
{
    int top = lua_gettop(L);
    luaL_checkstack(L, RE_CAPTURES_MAX + 10, "re");
    if (q->results != RE_MATCH) {
        lua_pushinteger(L, (lua_Integer)q->part[0] + 1);
        lua_pushinteger(L, (lua_Integer)q->part[1] + (q->results == RE_NEXT));
    }
    if (q->re->captures == 0 && q->results != RE_FIND)
        push_part(L, q, 0);
    for (uint32_t i = 1; i <= q->re->captures; i++)
        push_part(L, q, i);
    if (q->re->name_count > 0)
        push_names(L, q);
    return lua_gettop(L) - top;
}

static int push_results(lua_State *L, const struct search *q)
{
    if (q->rc > 0 && q->part[0] <= q->part[1] && q->part[1] >= q->at)
        return push_match(L, q);
    if (q->rc == PCRE2_ERROR_NOMATCH) {
        lua_pushnil(L);
        return 1;
    }
    if (q->rc <= PCRE2_ERROR_UTF8_ERR1 && q->rc >= PCRE2_ERROR_UTF8_ERR21)
        return api_fail(L, "INVALID",
                        "byte %zu of the subject is not UTF-8; the flag b takes bytes as they are",
                        q->bad_at + 1);
    if (q->rc == PCRE2_ERROR_BADUTFOFFSET)
        return luaL_error(L, "re: init is inside a character");
    if (q->rc == PCRE2_ERROR_NOMEMORY)
        return api_fail(L, "NOMEM", "no memory for the search");
    return api_fail(L, "LIMIT",
                    "the pattern tries too many ways to match; say more exactly what may stand "
                    "between, or make repeats possessive (a*+)");
}

/* ---- on a helper thread ---- */

struct search_job {
    struct helped helped;
    struct search search; /* with a reference to its code */
    char input[];
};

static void job_free(struct helped *h)
{
    struct search_job *j = (struct search_job *)h;
    re_code_unref(j->search.re);
    free(j);
}

static void job_work(struct helped *h)
{
    search_run(&((struct search_job *)h)->search, thread_us, RE_HELPER_US);
}

static int job_push(lua_State *L, struct helped *h)
{
    return push_results(L, &((struct search_job *)h)->search);
}

static int run_offloaded(lua_State *L, const struct search *q)
{
    static const struct helped_type helped = { job_work, NULL, job_push, job_free };
    struct helped_op *op = helped_push(L);
    if (!op)
        return 3;
    struct search_job *j = calloc(1, sizeof *j + q->len);
    if (!j)
        return helped_refuse(L, op, "NOMEM", "no memory for a copy of the subject");
    j->helped.type = &helped;
    j->search = *q;
    j->search.re = re_code_ref(q->re);
    j->search.s = memcpy(j->input, q->s, q->len);
    return helped_run(L, op, &j->helped);
}

/* ---- the search ---- */

int re_search(lua_State *L, struct re_code *re, int s, size_t at, bool is_checked,
              bool may_be_empty, enum re_results results)
{
    struct search q = { .re = re, .at = at, .results = results };
    const struct vm_services *services = vm_services_of(L);
    bool has_helpers = services && services->offload && task_of(L);

    q.s = lua_tolstring(L, s, &q.len);
    q.options = (is_checked || !re->is_utf ? PCRE2_NO_UTF_CHECK : 0) |
                (may_be_empty ? 0 : PCRE2_NOTEMPTY_ATSTART);
    if (at > q.len) {
        lua_pushnil(L);
        return 1;
    }
    if (q.len <= RE_INLINE_BYTES) {
        search_run(&q, clock_mono_us, RE_INLINE_US);
        if (q.rc != TOO_SLOW || !has_helpers)
            return push_results(L, &q);
    }
    if (!has_helpers)
        return luaL_error(L, "re: a string of over %d bytes while a file is loaded",
                          (int)RE_INLINE_BYTES);
    return run_offloaded(L, &q);
}
