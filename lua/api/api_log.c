#include <lauxlib.h>
#include <string.h>

#include "api/api.h"
#include "api/outbox.h"
#include "api/scratch.h"
#include "base/json_scan.h"
#include "base/log.h"

#define MAX_FIELDS 32
#define MAX_FIELD_NAME 64

/* Names that the gateway writes itself: a tool's field of that name is written behind "field_". */
static const char *const reserved[] = { "ts",     "level", "msg",     "tool", "call_id",
                                        "worker", "cut",   "dropped", NULL };

static bool is_reserved(const char *name)
{
    for (const char *const *r = reserved; *r; r++)
        if (strcmp(*r, name) == 0)
            return true;
    return false;
}

/* Turns the JSON key into a plain name with room for a prefix; raises for what is none. */
static void field_name(lua_State *L, struct json_text key,
                       char out[MAX_FIELD_NAME + sizeof "field_"])
{
    const char *p = key.p + 1;
    size_t len = key.len - 2;

    if (len == 0 || len > MAX_FIELD_NAME)
        luaL_error(L, "log: a field's name has 1 to %d characters", MAX_FIELD_NAME);
    for (size_t i = 0; i < len; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-", p[i]))
            luaL_error(L, "log: a field's name is made of letters, digits and _ . -");
    memcpy(out, p, len);
    out[len] = '\0';
    if (is_reserved(out)) {
        memmove(out + strlen("field_"), out, len + 1);
        memcpy(out, "field_", strlen("field_"));
    }
}

static void write_fields(lua_State *L, struct log_line *line, const struct buf *json)
{
    struct json_text object = { .p = json->data, .len = json->len, .type = JSON_OBJECT };
    struct json_iter it = json_iter(object);
    struct json_text key, value;
    char name[MAX_FIELD_NAME + sizeof "field_"];

    for (int n = 0; json_next_member(&it, &key, &value); n++) {
        if (n == MAX_FIELDS)
            luaL_error(L, "log: at most %d fields", MAX_FIELDS);
        field_name(L, key, name);
        log_raw(line, name, value.p, value.len);
    }
}

static void line_end(lua_State *L, struct log_line *line)
{
    struct task *t = task_of(L);
    const struct vm_services *services = vm_services_of(L);

    if (t && services && services->outbox)
        outbox_log(services->outbox, task_wait_seq(t), line);
    else
        log_end(line);
}

static int write_line(lua_State *L, enum log_level level)
{
    const char *message = luaL_checkstring(L, 1);
    bool has_fields = !lua_isnoneornil(L, 2);
    if (has_fields)
        luaL_checktype(L, 2, LUA_TTABLE);
    if (!log_enabled(level))
        return 0;

    struct buf *fields = NULL;
    if (has_fields) {
        struct err e;
        fields = scratch_push(L);
        if (value_encode(L, 2, fields, &e) != 0)
            return luaL_error(L, "log: %s", e.text);
        if (!buf_ok(fields) || fields->data[0] != '{')
            return luaL_error(L, "log: fields is a table with names as keys");
    }

    struct log_line line;
    const struct tool *tool = tool_of(L);
    const struct task_info *info = task_info_of(L);
    log_begin(&line, level, message);
    log_str(&line, "tool", tool ? tool->name : NULL);
    log_str(&line, "call_id", info ? info->call_id : NULL);
    if (fields) {
        write_fields(L, &line, fields);
        buf_fini(fields);
    }
    line_end(L, &line);
    return 0;
}

/* mcp.log.debug(message [, fields]): a line in the gateway's log, with the tool's name and the
 * call's id. fields is a table of at most 32 members. */
static int l_debug(lua_State *L) { return write_line(L, LOG_DEBUG); }
/* mcp.log.info(message [, fields]): likewise. */
static int l_info(lua_State *L) { return write_line(L, LOG_INFO); }
/* mcp.log.warn(message [, fields]): likewise. */
static int l_warn(lua_State *L) { return write_line(L, LOG_WARN); }
/* mcp.log.error(message [, fields]): likewise. */
static int l_error(lua_State *L) { return write_line(L, LOG_ERROR); }

static const luaL_Reg functions[] = {
    { "debug", l_debug }, { "info", l_info }, { "warn", l_warn },
    { "error", l_error }, { NULL, NULL },
};

int mgl_open_log(lua_State *L)
{
    luaL_newlib(L, functions);
    return 1;
}
