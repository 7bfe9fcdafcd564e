#include "io/fetch_struct.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define USER_AGENT "moongate/" MG_VERSION

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (strcasecmp(*names, name) == 0)
            return true;
    return false;
}

/* ---- the copy ---- */

static char *put(char **at, const char *text)
{
    size_t len = strlen(text) + 1;
    char *copy = memcpy(*at, text, len);
    *at += len;
    return copy;
}

/* Struct, header fields and texts in one block. */
static struct fetch *copy_options(const struct fetch_options *o)
{
    size_t fields = o->header_count * sizeof(struct fetch_header);
    size_t size = sizeof(struct fetch) + fields + strlen(o->method) + 1;
    for (size_t i = 0; i < o->header_count; i++)
        size += strlen(o->headers[i].name) + strlen(o->headers[i].value) + 2;
    struct fetch *t = calloc(1, size);
    if (!t)
        return NULL;
    t->headers = (struct fetch_header *)(t + 1);
    t->header_count = o->header_count;
    char *at = (char *)(t + 1) + fields;
    t->method = put(&at, o->method);
    for (size_t i = 0; i < o->header_count; i++) {
        t->headers[i].name = put(&at, o->headers[i].name);
        t->headers[i].value = put(&at, o->headers[i].value);
    }
    t->owner = o->owner;
    t->hosts = o->hosts;
    t->allow_private = o->allow_private;
    t->redirects = o->redirects;
    t->max_bytes = o->max_bytes;
    t->timeout_ms = o->timeout_ms;
    snprintf(t->tool, sizeof t->tool, "%s", o->tool ? o->tool : "");
    snprintf(t->call, sizeof t->call, "%s", o->call ? o->call : "");
    return t;
}

static int copy_body(struct fetch *t, const struct fetch_options *o, struct err *e)
{
    if (!o->body)
        return 0;
    t->body = malloc(o->body_len + 1);
    if (!t->body)
        return err_set(e, MG_E_NOMEM, "no memory for the request");
    memcpy(t->body, o->body, o->body_len);
    t->body_len = o->body_len;
    return 0;
}

struct fetch *fetch_request_new(const struct fetch_options *o, struct err *e)
{
    struct fetch_url url;
    int code = fetch_url_parse(&url, NULL, o->url, e);
    if (code == 0)
        code = fetch_judge(o->hosts, o->tool, &url, e);
    struct fetch *t = code == 0 ? copy_options(o) : NULL;
    if (!t) {
        if (code == 0)
            err_set(e, MG_E_NOMEM, "no memory for the request");
        fetch_url_fini(&url);
        return NULL;
    }
    t->url = url;
    if (copy_body(t, o, e) != 0) {
        fetch_request_free(t);
        return NULL;
    }
    return t;
}

void fetch_request_free(struct fetch *t)
{
    fetch_url_fini(&t->url);
    buf_fini(&t->answer.headers);
    buf_fini(&t->answer.body);
    free(t->body);
    free(t);
}

/* ---- redirects ---- */

static void keep_fields(struct fetch *t, const char *const *names, bool are_kept)
{
    for (size_t i = 0; i < t->header_count; i++)
        if (t->headers[i].name && is_one_of(t->headers[i].name, names) != are_kept)
            t->headers[i].name = NULL;
}

void fetch_request_redirect(struct fetch *t, int status, struct fetch_url *to)
{
    /* Whatever else a tool gives may be a credential, under any name. */
    static const char *const plain[] = { "accept",
                                         "accept-charset",
                                         "accept-encoding",
                                         "accept-language",
                                         "content-type",
                                         "content-language",
                                         "content-encoding",
                                         "user-agent",
                                         "range",
                                         "cache-control",
                                         NULL };
    static const char *const of_body[] = { "content-type", "content-language", "content-encoding",
                                           NULL };
    bool is_post = strcmp(t->method, "POST") == 0, is_head = strcmp(t->method, "HEAD") == 0;

    if (!fetch_url_same_origin(&t->url, to))
        keep_fields(t, plain, true);
    if ((status == 303 && !is_head) || ((status == 301 || status == 302) && is_post)) {
        t->method = "GET";
        keep_fields(t, of_body, false);
        t->held -= t->body_len;
        t->fetcher->held -= t->body_len;
        free(t->body);
        t->body = NULL;
        t->body_len = 0;
    }
    fetch_url_fini(&t->url);
    t->url = *to;
    *to = (struct fetch_url){ 0 };
}

/* ---- what goes out ---- */

static int send_line(struct fetch_hop *h, const char *line)
{
    struct curl_slist *longer = curl_slist_append(h->lines, line);
    if (!longer)
        return MG_E_NOMEM;
    h->lines = longer;
    return 0;
}

/* A field without a value is written with ";": with ":" libcurl would leave it out. */
static int send_field(struct fetch_hop *h, const struct fetch_header *field)
{
    struct buf line = { 0 };
    bool is_empty = field->value[0] == '\0';
    buf_printf(&line, "%s%s%s", field->name, is_empty ? ";" : ": ", field->value);
    const char *text = buf_cstr(&line);
    int code = text ? send_line(h, text) : MG_E_NOMEM;
    if (line.data)
        explicit_bzero(line.data, line.len);
    buf_fini(&line);
    return code;
}

static int send_fields(const struct fetch *t, struct fetch_hop *h)
{
    bool has_type = false;
    int code = send_line(h, "Expect:"); /* no second of waiting before a large body */
    for (size_t i = 0; code == 0 && i < t->header_count; i++) {
        if (!t->headers[i].name)
            continue;
        has_type = has_type || strcasecmp(t->headers[i].name, "content-type") == 0;
        code = send_field(h, &t->headers[i]);
    }
    if (code == 0 && !has_type) /* libcurl would say it is a form */
        code = send_line(h, "Content-Type:");
    return code;
}

static CURLcode set_method(const struct fetch *t, CURL *easy)
{
    static const char *const with_body[] = { "POST", "PUT", "PATCH", NULL };
    if (strcmp(t->method, "HEAD") == 0)
        return curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    if (t->body || is_one_of(t->method, with_body)) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->body_len);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, t->body ? t->body : "");
    } else {
        curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    }
    return curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, t->method);
}

int fetch_request_apply(const struct fetch *t, struct fetch_hop *h)
{
    CURLcode c = curl_easy_setopt(h->easy, CURLOPT_URL, t->url.text);
    if (c == CURLE_OK)
        c = set_method(t, h->easy);
    if (c == CURLE_OK)
        c = curl_easy_setopt(h->easy, CURLOPT_USERAGENT, USER_AGENT);
    if (c == CURLE_OK)
        c = curl_easy_setopt(h->easy, CURLOPT_ACCEPT_ENCODING, "gzip, deflate");
    if (c != CURLE_OK || send_fields(t, h) != 0)
        return MG_E_NOMEM;
    return curl_easy_setopt(h->easy, CURLOPT_HTTPHEADER, h->lines) == CURLE_OK ? 0 : MG_E_NOMEM;
}
