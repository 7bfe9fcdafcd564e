#include "io/curl.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/buf.h"

#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt

struct curl_calls curl_calls;

/* Every flavour has the same functions: the one whose TLS library is here anyway first. */
static const char *const names[] = { "libcurl-gnutls.so.4", "libcurl.so.4", "libcurl-nss.so.4" };

/* ---- loading ---- */

#define ENTRY(name) { "curl_" #name, (void **)&curl_calls.name },
static const struct {
    const char *name;
    void **at;
} calls[] = { CURL_CALLS(ENTRY) };

static int calls_find(void *library, struct err *e)
{
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (!(*calls[i].at = dlsym(library, calls[i].name)))
            return err_set(e, MG_E_IO, "libcurl has no %s: it is too old", calls[i].name);
    return 0;
}

static int load(struct err *e)
{
    void *library = NULL;
    struct buf why = { 0 };
    for (size_t i = 0; !library && i < sizeof names / sizeof *names; i++) {
        library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
        if (!library)
            buf_printf(&why, "%s%s", why.len ? "; " : "", dlerror());
    }
    int code = library ? calls_find(library, e)
                       : err_set(e, MG_E_IO, "libcurl cannot be loaded, install it: %s",
                                 buf_cstr(&why) ? why.data : "not enough memory");
    buf_fini(&why);
    if (!library)
        return code;
    if (code == 0 && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        code = err_set(e, MG_E_NOMEM, "no memory for libcurl to begin");
    if (code != 0)
        dlclose(library);
    return code;
}

int curl_ready(struct err *e)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static atomic_bool is_ready;

    if (atomic_load_explicit(&is_ready, memory_order_acquire))
        return 0;
    pthread_mutex_lock(&lock);
    int code = is_ready ? 0 : load(e);
    if (code == 0)
        atomic_store_explicit(&is_ready, true, memory_order_release);
    pthread_mutex_unlock(&lock);
    return code;
}

/* ---- what takes any number of arguments ---- */

/* The number of an option tells the type of its value. */
CURLcode curl_easy_setopt(CURL *curl, CURLoption option, ...)
{
    va_list values;
    CURLcode code;

    va_start(values, option);
    if (option < CURLOPTTYPE_OBJECTPOINT)
        code = curl_calls.easy_setopt(curl, option, va_arg(values, long));
    else if (option < CURLOPTTYPE_OFF_T)
        code = curl_calls.easy_setopt(curl, option, va_arg(values, void *));
    else
        code = curl_calls.easy_setopt(curl, option, va_arg(values, curl_off_t));
    va_end(values);
    return code;
}

CURLMcode curl_multi_setopt(CURLM *multi_handle, CURLMoption option, ...)
{
    va_list values;
    CURLMcode code;

    va_start(values, option);
    if ((int)option < CURLOPTTYPE_OBJECTPOINT)
        code = curl_calls.multi_setopt(multi_handle, option, va_arg(values, long));
    else
        code = curl_calls.multi_setopt(multi_handle, option, va_arg(values, void *));
    va_end(values);
    return code;
}

CURLcode curl_easy_getinfo(CURL *curl, CURLINFO info, ...)
{
    va_list values;
    va_start(values, info);
    CURLcode code = curl_calls.easy_getinfo(curl, info, va_arg(values, void *));
    va_end(values);
    return code;
}
