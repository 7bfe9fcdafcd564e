#include "mcp/request_state.h"

#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/json_canon.h"
#include "base/seal.h"

#define VERSION 1
#define HEAD_SIZE (1 + 8 + SHA256_SIZE) /* version, expiry, binding; then the memory */
#define WAY_OUT "call again without requestState and inputResponses"

/* What must be the same in the next round. MG_E_NOMEM. */
static int binding(const struct mcp_call *c, uint8_t out[SHA256_SIZE])
{
    struct json_text none = { "{}", 2, JSON_OBJECT };
    struct buf text = { 0 }, arguments = { 0 };
    json_canonical(&arguments, c->arguments.type == JSON_OBJECT ? c->arguments : none);
    buf_printf(&text, "%016llx %s\n%s\n%s\n", (unsigned long long)c->caller_number, c->caller,
               mcp_call_method(c), c->tool->name);
    buf_append(&text, arguments.data, arguments.len);
    bool is_whole = buf_ok(&arguments) && buf_ok(&text);
    if (is_whole)
        hash_sha256(text.data, text.len, out);
    buf_fini(&arguments);
    buf_fini(&text);
    return is_whole ? 0 : MG_E_NOMEM;
}

static void time_write(int64_t ms, uint8_t out[8])
{
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)((uint64_t)ms >> (8 * i));
}

static int64_t time_read(const uint8_t in[8])
{
    uint64_t ms = 0;
    for (int i = 0; i < 8; i++)
        ms |= (uint64_t)in[i] << (8 * i);
    return (int64_t)ms;
}

void request_state_write(const struct mcp_server *s, const struct mcp_call *c,
                         const struct buf *memory, struct buf *out)
{
    uint8_t head[HEAD_SIZE] = { VERSION };
    struct buf whole = { 0 };
    time_write(clock_wall_ms() + s->ask_timeout_ms, head + 1);
    bool is_bound = binding(c, head + 9) == 0;
    buf_append(&whole, head, sizeof head);
    buf_append(&whole, memory->data, memory->len);
    if (s->seal && is_bound && buf_ok(&whole) && buf_ok(memory))
        seal_write(s->seal, whole.data, whole.len, out);
    else
        out->failed = true;
    buf_fini(&whole);
}

/* It is ours: is it of this very call, and in time? */
static int head_check(const struct mcp_call *c, const struct buf *whole, struct request_state *out,
                      struct err *e)
{
    const uint8_t *head = (const uint8_t *)whole->data;
    uint8_t bound[SHA256_SIZE];
    if (binding(c, bound) != 0)
        return MG_E_NOMEM;
    if (whole->len < HEAD_SIZE || head[0] != VERSION || !hash_equal(head + 9, bound, sizeof bound))
        return err_set(e, MG_E_INVALID,
                       "requestState belongs to another call: who calls, what and the arguments "
                       "must be the same; " WAY_OUT);
    out->expires_ms = time_read(head + 1);
    if (clock_wall_ms() < out->expires_ms)
        return 0;
    return err_set(e, MG_E_INVALID, "requestState has expired ([tools] ask_timeout); " WAY_OUT);
}

int request_state_read(const struct mcp_server *s, const struct mcp_call *c, struct json_text text,
                       struct request_state *out, struct err *e)
{
    struct buf sealed = { 0 }, whole = { 0 };
    json_string_decode(text, &sealed);
    int code = !buf_ok(&sealed) ? MG_E_NOMEM
               : s->seal        ? seal_read(s->seal, sealed.data, sealed.len, &whole, out->id)
                                : MG_E_INVALID;
    if (code == MG_E_INVALID)
        err_set(e, code,
                "requestState is not what this gateway gave, or its key is another one "
                "now; " WAY_OUT);
    if (code == 0)
        code = head_check(c, &whole, out, e);
    if (code == 0)
        buf_append(&out->memory, whole.data + HEAD_SIZE, whole.len - HEAD_SIZE);
    buf_fini(&sealed);
    buf_fini(&whole);
    return code == 0 && !buf_ok(&out->memory) ? MG_E_NOMEM : code;
}

int request_state_spend(const struct mcp_server *s, const struct request_state *state,
                        struct err *e)
{
    if (s->host->spend(s->host->arg, state->id, state->expires_ms))
        return 0;
    return err_set(e, MG_E_INVALID, "requestState was used already; " WAY_OUT);
}
