/* shape.h - what texts must look like. Each returns NULL, or what was expected ("an IP address").
 * Pure; any thread. */
#ifndef MG_CONFIG_SHAPE_H
#define MG_CONFIG_SHAPE_H
#include <stdbool.h>

const char *shape_address(const char *s);   /* 127.0.0.1, ::1 */
const char *shape_network(const char *s);   /* an address, or ADDRESS/BITS */
const char *shape_host(const char *s);      /* as in a Host header, with or without port */
const char *shape_host_grant(const char *s); /* the same, with * and ?; @evals */
const char *shape_origin(const char *s);    /* scheme://host[:port], null or * */
const char *shape_url(const char *s);       /* http:// or https:// and a host */
const char *shape_orchestrator(const char *s); /* such a URL that "/ID" can be put behind */
const char *shape_header(const char *s);       /* NAME: VALUE, none that frames the message */
const char *shape_http_path(const char *s); /* /mcp */
const char *shape_sha256(const char *s);    /* 64 hex digits */
const char *shape_tool_glob(const char *s);
const char *shape_word(const char *s);   /* one name: letters, digits and _ . - */
const char *shape_secret(const char *s); /* what can travel in a header */
const char *shape_scope(const char *s);
const char *shape_program(const char *s); /* a name, an absolute path, @evals */
const char *shape_env_name(const char *s);
const char *shape_state_grant(const char *s); /* jobs:rw, models:r, jobs = jobs:r */
const char *shape_glob(const char *s);        /* a path glob relative to the root */
const char *shape_key_name(const char *s);    /* the NAME of [key NAME] */
const char *shape_eval_name(const char *s);   /* the NAME of [eval NAME], or * */
const char *shape_placeholder(const char *s); /* {name} in an argv template is a known one */

bool shape_is_loopback(const char *address);

#endif
