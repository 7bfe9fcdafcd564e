#include "io/post.h"

#include "io/curl.h"

static size_t take(char *data, size_t size, size_t n, void *arg)
{
    struct buf *answer = arg;
    buf_append(answer, data, size * n);
    return buf_ok(answer) ? size * n : 0;
}

static struct curl_slist *headers_make(const char *const *headers)
{
    struct curl_slist *list = NULL;
    for (; *headers; headers++) {
        struct curl_slist *longer = curl_slist_append(list, *headers);
        if (!longer) {
            curl_slist_free_all(list);
            return NULL;
        }
        list = longer;
    }
    return list;
}

static int fail(CURLcode code, const char *text, const struct post *p, struct err *e)
{
    int reason = code == CURLE_OPERATION_TIMEDOUT                             ? MG_E_TIMEOUT
                 : code == CURLE_WRITE_ERROR                                  ? MG_E_LIMIT
                 : code == CURLE_OUT_OF_MEMORY                                ? MG_E_NOMEM
                 : code == CURLE_COULDNT_CONNECT || code == CURLE_GOT_NOTHING ? MG_E_CLOSED
                                                                              : MG_E_IO;
    return err_set(e, reason, "%s: %s", p->url, *text ? text : curl_easy_strerror(code));
}

static int perform(CURL *curl, struct curl_slist *headers, const struct post *p, struct buf *answer,
                   int *status, struct err *e)
{
    char text[CURL_ERROR_SIZE] = "";
    long code = 0;
    curl_easy_setopt(curl, CURLOPT_URL, p->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, p->body);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)p->len);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)p->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, text);
    answer->max = POST_MAX_BYTES;
    CURLcode result = curl_easy_perform(curl);
    if (result != CURLE_OK)
        return fail(result, text, p, e);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &code);
    *status = (int)code;
    return 0;
}

int post_send(const struct post *p, struct buf *answer, int *status, struct err *e)
{
    int code = curl_ready(e);
    if (code != 0)
        return code;
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = headers_make(p->headers);
    code = curl && headers ? perform(curl, headers, p, answer, status, e)
                           : err_set(e, MG_E_NOMEM, "no memory for a request");
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return code;
}
