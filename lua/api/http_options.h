/* http_options.h - what a tool gives to http.request, checked; wrong use raises.
 * Lifetime: texts and the list of header fields lie on the Lua stack or in the options' table.
 * Threads: the state's. */
#ifndef MG_HTTP_OPTIONS_H
#define MG_HTTP_OPTIONS_H
#include <lua.h>

#include "io/fetch.h"

#define HTTP_HEADERS_MAX 100             /* fields of a request */
#define HTTP_HEADER_BYTES (32 << 10)     /* of their names and values together */
#define HTTP_BODY_MAX ((size_t)16 << 20) /* bytes, of a request and of an answer */
#define HTTP_ANSWER_DEFAULT ((size_t)4 << 20)
#define HTTP_TIMEOUT_MAX_MS ((int64_t)3600 * 1000)

struct http_options {
    struct fetch_options fetch; /* what the tool decides of it; timeout_ms 0: not given */
    const char *to_file;        /* or NULL */
};

/* Reads the options at 1, the URL at 2, the body at 3 (nil: none), and at 4 whether that is JSON.
 * Leaves what it needs on the stack. */
void http_options_read(lua_State *L, struct http_options *o);

#endif
