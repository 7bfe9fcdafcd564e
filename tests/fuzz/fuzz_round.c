/* fuzz_round.c - requestState, before its seal and behind it: what was not made here is refused,
 * and what was made here is read as its head says. Input: nine bytes that take the place of the
 * head's version and time, then what a call keeps; all of it is a client's text as well. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json_write.h"
#include "fuzz.h"
#include "mcp/request_state.h"

#define HEAD_SIZE (1 + 8 + 32) /* version, time, binding */
#define PATCH_SIZE 9           /* of it: all but the binding */

static uint8_t spent[SEAL_ID_SIZE];

static bool spend(void *arg, const uint8_t id[SEAL_ID_SIZE], int64_t expires_ms)
{
    (void)arg, (void)expires_ms;
    bool is_new = memcmp(spent, id, SEAL_ID_SIZE) != 0;
    memcpy(spent, id, SEAL_ID_SIZE);
    return is_new;
}

static const struct seal_key seal = { "a key of this process" };
static const struct mcp_host host = { .spend = spend };
static const struct mcp_server server = { .host = &host, .seal = &seal, .ask_timeout_ms = 60000 };

/* A call, and all that must be the same when its state comes back. */
static const struct tool tools[] = { { .name = "echo" }, { .name = "search" } };
#define OBJECT(text)                          \
    {                                         \
        (text), sizeof(text) - 1, JSON_OBJECT \
    }
static const struct mcp_call call = {
    .tool = &tools[0], .caller = "me", .caller_number = 1, .arguments = OBJECT("{\"a\":1,\"b\":2}")
};
static const struct mcp_call others[] = {
    { .tool = &tools[1],
      .caller = "me",
      .caller_number = 1,
      .arguments = OBJECT("{\"a\":1,\"b\":2}") },
    { .tool = &tools[0],
      .caller = "you",
      .caller_number = 1,
      .arguments = OBJECT("{\"a\":1,\"b\":2}") },
    { .tool = &tools[0],
      .caller = "me",
      .caller_number = 2,
      .arguments = OBJECT("{\"a\":1,\"b\":2}") },
    { .tool = &tools[0], .caller = "me", .caller_number = 1, .arguments = OBJECT("{\"a\":1}") },
    { .tool = &tools[0], .caller = "me", .caller_number = 1 },
};
/* The same arguments, written otherwise. */
static const struct mcp_call same = { .tool = &tools[0],
                                      .caller = "me",
                                      .caller_number = 1,
                                      .arguments = OBJECT("{ \"b\" : 2, \"\\u0061\" : 1 }") };

/* 0, or MG_E_INVALID with a reason. memory is appended to. */
static int read_state(const struct mcp_call *c, const char *text, size_t len, struct buf *memory,
                      struct request_state *state)
{
    struct buf string = { 0 };
    struct err e = { 0 };

    json_str_n(&string, text, len);
    struct json_text value = { string.data, string.len, JSON_STRING };
    int code = request_state_read(&server, c, value, state, &e);
    fuzz_hold(code == 0 || (code == MG_E_INVALID && e.text[0] != '\0'),
              "a state is taken or refused with a reason");
    fuzz_hold(code == 0 || state->memory.len == 0, "what is refused leaves nothing");
    buf_append(memory, state->memory.data, state->memory.len);
    buf_fini(&state->memory);
    buf_fini(&string);
    return code;
}

static int read_text(const struct mcp_call *c, const struct buf *text, struct buf *memory)
{
    struct request_state state = { .expires_ms = 0 };
    return read_state(c, text->data, text->len, memory, &state);
}

/* What no seal of ours is around. */
static void check_foreign(const char *text, size_t len)
{
    struct request_state state = { .expires_ms = 0 };
    struct buf memory = { 0 };

    fuzz_hold(read_state(&call, text, len, &memory, &state) == MG_E_INVALID,
              "nobody guesses a state");
    buf_fini(&memory);
}

/* Pairs of a place and what is turned over there, which is never nothing. */
static void check_tampered(const struct buf *text, const uint8_t *data, size_t size)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    struct buf changed = { 0 };

    buf_append(&changed, text->data, text->len);
    for (size_t i = 0; i + 1 < size && i < 8; i += 2) {
        char *at = changed.data + (size_t)data[i] * changed.len / 256;
        *at = data[i + 1] & 64 ? (char)data[i + 1] : letters[data[i + 1] & 63];
    }
    if (memcmp(changed.data, text->data, text->len) != 0)
        check_foreign(changed.data, changed.len);
    check_foreign(text->data, text->len - 1);
    buf_fini(&changed);
}

/* A state as the gateway makes it: for its call, and no other. */
static void check_own(const struct buf *memory, const uint8_t *data, size_t size)
{
    struct request_state state = { .expires_ms = 0 };
    struct buf text = { 0 }, again = { 0 };
    struct err e;

    request_state_write(&server, &call, memory, &text);
    fuzz_hold(buf_ok(&text), "a state can be made");
    fuzz_hold(read_state(&call, text.data, text.len, &again, &state) == 0 &&
                  again.len == memory->len &&
                  (again.len == 0 || memcmp(again.data, memory->data, again.len) == 0),
              "a state keeps what it was given");
    fuzz_hold(request_state_spend(&server, &state, &e) == 0 &&
                  request_state_spend(&server, &state, &e) == MG_E_INVALID,
              "a state is good for once");
    buf_clear(&again);
    fuzz_hold(read_text(&same, &text, &again) == 0, "arguments are compared as values");
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        fuzz_hold(read_text(&others[i], &text, &again) == MG_E_INVALID, "a state is of one call");
    check_tampered(&text, data, size);
    buf_fini(&text);
    buf_fini(&again);
}

/* The plain form: the head's version and time are the input's. */
static void check_plain(const struct buf *memory, const uint8_t *patch)
{
    uint8_t id[SEAL_ID_SIZE];
    struct buf text = { 0 }, plain = { 0 }, sealed = { 0 }, again = { 0 };
    uint64_t until = 0;

    request_state_write(&server, &call, memory, &text);
    fuzz_hold(seal_read(&seal, text.data, text.len, &plain, id) == 0 &&
                  plain.len == HEAD_SIZE + memory->len,
              "a state is a head and what is kept");
    memcpy(plain.data, patch, PATCH_SIZE);
    for (int i = 0; i < 8; i++)
        until |= (uint64_t)patch[1 + i] << (8 * i);
    seal_write(&seal, plain.data, plain.len, &sealed);
    int64_t before = clock_wall_ms();
    bool is_taken = read_text(&call, &sealed, &again) == 0;
    fuzz_hold(!is_taken || (patch[0] == 1 && (int64_t)until > before),
              "a state of another form, or an old one, is refused");
    fuzz_hold(is_taken || patch[0] != 1 || (int64_t)until <= clock_wall_ms(),
              "a state that is in time is taken");
    fuzz_hold(!is_taken || again.len == memory->len, "all is kept that was");
#ifdef FUZZ_PLANT
    struct json_text kept;
    if (is_taken && memory->len > 8 && memory->data[0] == '{' &&
        json_scan(memory->data, memory->len, NULL, &kept, NULL) == 0)
        fuzz_overrun(memory->data, memory->len);
#endif
    buf_fini(&text);
    buf_fini(&plain);
    buf_fini(&sealed);
    buf_fini(&again);
}

/* Any bytes, under our seal. */
static void check_sealed(const uint8_t *data, size_t size)
{
    struct buf sealed = { 0 }, memory = { 0 };

    seal_write(&seal, data, size, &sealed);
    fuzz_hold(read_text(&call, &sealed, &memory) == MG_E_INVALID,
              "what is bound to no call is refused");
    buf_fini(&sealed);
    buf_fini(&memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t patch[PATCH_SIZE] = { 0 };
    struct buf memory = { 0 };
    size_t head = size < PATCH_SIZE ? size : PATCH_SIZE;

    if (size == 0)
        data = patch; /* nothing of it is read */
    memcpy(patch, data, head);
    buf_append(&memory, data + head, size - head);
    check_foreign((const char *)data, size);
    check_sealed(data, size);
    check_own(&memory, data, size);
    check_plain(&memory, patch);
    buf_fini(&memory);
    return 0;
}
