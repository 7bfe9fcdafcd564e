/* curl.h - libcurl, loaded when it is first used. It brings twenty libraries, which cost every
 * start milliseconds and memory, and which a gateway whose tools ask nobody has no business to
 * hold. What is used of <curl/curl.h> keeps its name and hands over to the library.   Threads: any.
 */
#ifndef MG_CURL_H
#define MG_CURL_H
#include <curl/curl.h>

#include "base/err.h"

/* Before any other function of libcurl's. 0; MG_E_IO or MG_E_NOMEM with the reason: asked again, it
 * tries again. */
int curl_ready(struct err *e) MG_NODISCARD;

/* Their types are what the header of the library's version says. */
#define CURL_CALLS(CALL)      \
    CALL(easy_cleanup)        \
    CALL(easy_getinfo)        \
    CALL(easy_init)           \
    CALL(easy_perform)        \
    CALL(easy_setopt)         \
    CALL(easy_strerror)       \
    CALL(free)                \
    CALL(global_init)         \
    CALL(multi_add_handle)    \
    CALL(multi_assign)        \
    CALL(multi_cleanup)       \
    CALL(multi_info_read)     \
    CALL(multi_init)          \
    CALL(multi_remove_handle) \
    CALL(multi_setopt)        \
    CALL(multi_socket_action) \
    CALL(multi_strerror)      \
    CALL(slist_append)        \
    CALL(slist_free_all)      \
    CALL(url)                 \
    CALL(url_cleanup)         \
    CALL(url_get)             \
    CALL(url_set)             \
    CALL(url_strerror)

#define CURL_MEMBER(name) __typeof__ (&curl_##name)(name);
extern struct curl_calls {
    CURL_CALLS(CURL_MEMBER)
} curl_calls; /* set by curl_ready() */

/* The three with any number of arguments are functions of curl.c: the header checks their callers'
 * types by macros of these names. */
#define curl_easy_cleanup curl_calls.easy_cleanup
#define curl_easy_init curl_calls.easy_init
#define curl_easy_perform curl_calls.easy_perform
#define curl_easy_strerror curl_calls.easy_strerror
#define curl_free curl_calls.free
#define curl_global_init curl_calls.global_init
#define curl_multi_add_handle curl_calls.multi_add_handle
#define curl_multi_assign curl_calls.multi_assign
#define curl_multi_cleanup curl_calls.multi_cleanup
#define curl_multi_info_read curl_calls.multi_info_read
#define curl_multi_init curl_calls.multi_init
#define curl_multi_remove_handle curl_calls.multi_remove_handle
#define curl_multi_socket_action curl_calls.multi_socket_action
#define curl_multi_strerror curl_calls.multi_strerror
#define curl_slist_append curl_calls.slist_append
#define curl_slist_free_all curl_calls.slist_free_all
#define curl_url curl_calls.url
#define curl_url_cleanup curl_calls.url_cleanup
#define curl_url_get curl_calls.url_get
#define curl_url_set curl_calls.url_set
#define curl_url_strerror curl_calls.url_strerror

#endif
