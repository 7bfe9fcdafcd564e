#include "api/http_options.h"

#include <lauxlib.h>
#include <string.h>
#include <strings.h>

#include "vm/module.h"

#define METHOD_MAX 32
#define NAME_MAX_BYTES 128

/* ---- words ---- */

static bool is_token(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (s[i] <= ' ' || s[i] >= 0x7f || strchr("()<>@,;:\\\"/[]?={}", s[i]))
            return false;
    return len > 0;
}

static bool is_one_of(const char *s, const char *const *words)
{
    for (; *words; words++)
        if (strcasecmp(s, *words) == 0)
            return true;
    return false;
}

static const char *check_text(lua_State *L, int index, const char *what, size_t *len)
{
    if (lua_type(L, index) != LUA_TSTRING)
        luaL_error(L, "http.request: %s: expected a string, got %s", what, luaL_typename(L, index));
    const char *text = lua_tolstring(L, index, len);
    if (strlen(text) != *len)
        luaL_error(L, "http.request: %s: has a zero byte in it", what);
    return text;
}

/* A body without a method is a POST. */
static const char *check_method(lua_State *L, bool has_body)
{
    static const char *const refused[] = { "CONNECT", "TRACE", "TRACK", NULL };
    size_t len;
    if (lua_getfield(L, 1, "method") == LUA_TNIL)
        return has_body ? "POST" : "GET";
    const char *method = check_text(L, -1, "method", &len);
    if (!is_token(method, len) || len > METHOD_MAX)
        luaL_error(L, "http.request: method: expected a word such as \"GET\"");
    for (const char *c = method; *c; c++)
        if (*c >= 'a' && *c <= 'z')
            luaL_error(L, "http.request: method: is written in capitals, such as \"GET\"");
    if (is_one_of(method, refused))
        luaL_error(L, "http.request: method: %s is not for tools", method);
    if (has_body && strcmp(method, "HEAD") == 0)
        luaL_error(L, "http.request: HEAD takes no body");
    return method;
}

/* ---- header fields ---- */

static void check_name(lua_State *L, const char *name, size_t len)
{
    /* What frames the message is made here, from what is really sent. */
    static const char *const refused[] = { "host",    "content-length", "transfer-encoding",
                                           "te",      "connection",     "keep-alive",
                                           "upgrade", "trailer",        "expect",
                                           NULL };
    if (!is_token(name, len) || len > NAME_MAX_BYTES)
        luaL_error(L, "http.request: headers: a name is a word such as \"Accept\"");
    if (is_one_of(name, refused) || strncasecmp(name, "proxy-", 6) == 0)
        luaL_error(L, "http.request: headers: %s is not for tools", name);
}

/* Says nothing of the value: it may be a secret. */
static void check_value(lua_State *L, const char *name, const char *value, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)value[i];
        if ((c < ' ' && c != '\t') || c == 0x7f)
            luaL_error(L, "http.request: headers: the value of %s has a control character in it",
                       name);
    }
}

static bool has_field(const struct fetch_header *fields, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcasecmp(fields[i].name, name) == 0)
            return true;
    return false;
}

static void add_field(lua_State *L, struct fetch_header *fields, size_t *n, size_t *bytes)
{
    size_t name_len, len;
    if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING)
        luaL_error(L, "http.request: headers: expected names and values that are strings");
    const char *name = lua_tolstring(L, -2, &name_len);
    const char *value = lua_tolstring(L, -1, &len);
    check_name(L, name, name_len);
    check_value(L, name, value, len);
    if (has_field(fields, *n, name))
        luaL_error(L, "http.request: headers: %s is given twice", name);
    *bytes += name_len + len;
    if (*n == HTTP_HEADERS_MAX || *bytes > HTTP_HEADER_BYTES)
        luaL_error(L, "http.request: headers: at most %d, of %d bytes together", HTTP_HEADERS_MAX,
                   HTTP_HEADER_BYTES);
    fields[(*n)++] = (struct fetch_header){ .name = name, .value = value };
}

/* Names and values stay in their table, which stays on the stack. */
static void check_headers(lua_State *L, struct fetch_options *o, bool is_json)
{
    struct fetch_header *fields = lua_newuserdatauv(L, (HTTP_HEADERS_MAX + 1) * sizeof *fields, 0);
    size_t n = 0, bytes = 0;
    int type = lua_getfield(L, 1, "headers");
    if (type != LUA_TNIL && type != LUA_TTABLE)
        luaL_error(L, "http.request: headers: expected a table, got %s", luaL_typename(L, -1));
    if (type == LUA_TTABLE)
        for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1))
            add_field(L, fields, &n, &bytes);
    if (is_json && !has_field(fields, n, "content-type"))
        fields[n++] = (struct fetch_header){ "Content-Type", "application/json" };
    o->headers = fields;
    o->header_count = n;
}

/* ---- the rest ---- */

static void check_body(lua_State *L, struct fetch_options *o)
{
    if (lua_isnil(L, 3))
        return;
    if (lua_type(L, 3) != LUA_TSTRING)
        luaL_error(L, "http.request: body: expected a string, got %s", luaL_typename(L, 3));
    o->body = lua_tolstring(L, 3, &o->body_len);
    if (o->body_len > HTTP_BODY_MAX)
        luaL_error(L, "http.request: body: at most %d bytes", (int)HTTP_BODY_MAX);
}

static unsigned check_redirects(lua_State *L)
{
    int is_integer = 1;
    lua_Integer n = 0;
    if (lua_getfield(L, 1, "redirects") != LUA_TNIL)
        n = lua_tointegerx(L, -1, &is_integer);
    if (!is_integer || n < 0 || n > FETCH_REDIRECTS_MAX)
        luaL_error(L, "http.request: redirects: expected 0 to %d", FETCH_REDIRECTS_MAX);
    lua_pop(L, 1);
    return (unsigned)n;
}

void http_options_read(lua_State *L, struct http_options *o)
{
    static const char *const names[] = { "method",  "url",       "headers", "query",
                                         "json",    "body",      "timeout", "max_bytes",
                                         "to_file", "redirects", NULL };
    size_t len;

    luaL_checktype(L, 1, LUA_TTABLE);
    opts_check(L, 1, names);
    lua_settop(L, 4);
    *o = (struct http_options){ 0 };
    o->fetch.url = check_text(L, 2, "url", &len);
    check_body(L, &o->fetch);
    o->fetch.method = check_method(L, o->fetch.body != NULL);
    check_headers(L, &o->fetch, lua_toboolean(L, 4));
    o->fetch.redirects = check_redirects(L);
    o->fetch.max_bytes = (size_t)opts_size(L, 1, "max_bytes", HTTP_ANSWER_DEFAULT, HTTP_BODY_MAX);
    o->fetch.timeout_ms = opts_duration(L, 1, "timeout", -1, HTTP_TIMEOUT_MAX_MS);
    if (o->fetch.timeout_ms == 0)
        luaL_error(L, "timeout: expected more than 0");
    if (o->fetch.timeout_ms < 0)
        o->fetch.timeout_ms = 0;
    if (lua_getfield(L, 1, "to_file") != LUA_TNIL)
        o->to_file = check_text(L, -1, "to_file", &len);
}
