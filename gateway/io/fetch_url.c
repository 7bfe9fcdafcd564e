#include "io/fetch_url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "io/curl.h"

#define HOST_BYTES "abcdefghijklmnopqrstuvwxyz0123456789-._"
#define SIX_BYTES "0123456789abcdef:."
#define HOST_MAX 255

/* ---- judging the parts ---- */

static int check_scheme(CURLU *u, struct fetch_url *out, struct err *e)
{
    char *scheme = NULL;
    if (curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
        return err_set(e, MG_E_INVALID, "the URL has no scheme: expected http:// or https://");
    out->is_tls = strcmp(scheme, "https") == 0;
    int code = 0;
    if (!out->is_tls && strcmp(scheme, "http") != 0)
        code = err_set(e, MG_E_DENIED,
                       "the URL begins with %.20s: and not with http: or https:", scheme);
    curl_free(scheme);
    return code;
}

static int check_user(CURLU *u, struct err *e)
{
    static const CURLUPart parts[] = { CURLUPART_USER, CURLUPART_PASSWORD };
    for (size_t i = 0; i < 2; i++) {
        char *text = NULL;
        CURLUcode code = curl_url_get(u, parts[i], &text, 0);
        curl_free(text);
        if (code == CURLUE_OK)
            return err_set(e, MG_E_INVALID,
                           "the URL has a user or password in it: use the header Authorization");
    }
    return 0;
}

static bool is_host(const char *host, size_t len)
{
    if (host[0] == '[')
        return len > 2 && host[len - 1] == ']' && strspn(host + 1, SIX_BYTES) == len - 2;
    return strspn(host, HOST_BYTES) == len && host[0] != '.';
}

/* Lower case, no dot at the end; put back into u, so that it is what is used. */
static int normalise_host(CURLU *u, char *host, struct err *e)
{
    size_t len = strlen(host);
    for (size_t i = 0; i < len; i++)
        if (host[i] >= 'A' && host[i] <= 'Z')
            host[i] = (char)(host[i] - 'A' + 'a');
    if (len > 1 && host[len - 1] == '.')
        host[--len] = '\0';
    /* With more dots each reading would drop another, until 0x7f... is an address after all. */
    if (len == 0 || len > HOST_MAX || !is_host(host, len) || host[len - 1] == '.')
        return err_set(e, MG_E_INVALID, "the URL's host is not a name or an address in ASCII");
    CURLUcode code = curl_url_set(u, CURLUPART_HOST, host, 0);
    if (code == CURLUE_OUT_OF_MEMORY)
        return err_set(e, MG_E_NOMEM, "no memory for the URL");
    return code == CURLUE_OK
               ? 0
               : err_set(e, MG_E_INVALID, "the URL's host: %s", curl_url_strerror(code));
}

/* *host is curl's. */
static int check_host(CURLU *u, char **host, struct err *e)
{
    CURLUcode code = curl_url_get(u, CURLUPART_HOST, host, 0);
    if (code == CURLUE_OUT_OF_MEMORY)
        return err_set(e, MG_E_NOMEM, "no memory for the URL");
    if (code != CURLUE_OK)
        return err_set(e, MG_E_INVALID, "the URL's host: %s", curl_url_strerror(code));
    return normalise_host(u, *host, e);
}

static int check_port(CURLU *u, struct fetch_url *out, struct err *e)
{
    char *text = NULL;
    uint64_t port = 0;
    if (curl_url_get(u, CURLUPART_PORT, &text, CURLU_DEFAULT_PORT) != CURLUE_OK)
        return err_set(e, MG_E_INVALID, "the URL has no port");
    int code = parse_uint(text, 65535, &port);
    curl_free(text);
    if (code != 0 || port == 0)
        return err_set(e, MG_E_INVALID, "the URL's port: expected 1 to 65535");
    out->port = (uint16_t)port;
    return 0;
}

/* ---- the whole ---- */

static int fill(CURLU *u, const char *host, struct fetch_url *out, struct err *e)
{
    char *text = NULL;
    (void)curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0);
    CURLUcode code = curl_url_get(u, CURLUPART_URL, &text, 0);
    if (code != CURLUE_OK)
        return err_set(e, code == CURLUE_OUT_OF_MEMORY ? MG_E_NOMEM : MG_E_INVALID, "the URL: %s",
                       curl_url_strerror(code));
    size_t len = strlen(text), host_len = strlen(host);
    int result = 0;
    if (len > FETCH_URL_MAX)
        result = err_set(e, MG_E_INVALID, "the URL is longer than %d bytes", FETCH_URL_MAX);
    else if (!(out->text = malloc(len + host_len + 2)))
        result = err_set(e, MG_E_NOMEM, "no memory for the URL");
    if (out->text) {
        memcpy(out->text, text, len + 1);
        out->host = memcpy(out->text + len + 1, host, host_len + 1);
    }
    curl_free(text);
    return result;
}

static int check_parts(CURLU *u, struct fetch_url *out, struct err *e)
{
    char *host = NULL;
    int code = check_scheme(u, out, e);
    if (code == 0)
        code = check_user(u, e);
    if (code == 0)
        code = check_host(u, &host, e);
    if (code == 0)
        code = check_port(u, out, e);
    if (code == 0)
        code = fill(u, host, out, e);
    curl_free(host);
    return code;
}

/* The authority as it is written: an escape in it would be undone before it is judged, and what
 * comes of that is nobody's intention. */
static bool has_escaped_host(const char *text)
{
    const char *host = text;
    size_t scheme =
        strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-");
    if (text[scheme] == ':')
        host += scheme + 1;
    if (*host != '/' || (host == text && host[1] != '/'))
        return false; /* a path alone */
    host += strspn(host, "/");
    return memchr(host, '%', strcspn(host, "/?#")) != NULL;
}

static int set_text(CURLU *u, const char *text, struct err *e)
{
    const unsigned flags = CURLU_NON_SUPPORT_SCHEME | CURLU_URLENCODE;
    CURLUcode code = curl_url_set(u, CURLUPART_URL, text, flags);
    if (code == CURLUE_OUT_OF_MEMORY)
        return err_set(e, MG_E_NOMEM, "no memory for the URL");
    if (code != CURLUE_OK)
        return err_set(e, MG_E_INVALID, "the URL: %s", curl_url_strerror(code));
    return 0;
}

static int parse_once(struct fetch_url *out, const char *base, const char *text, struct err *e)
{
    *out = (struct fetch_url){ 0 };
    CURLU *u = curl_url();
    if (!u)
        return err_set(e, MG_E_NOMEM, "no memory for the URL");
    int code = base ? set_text(u, base, e) : 0;
    if (code == 0)
        code = set_text(u, text, e);
    if (code == 0)
        code = check_parts(u, out, e);
    curl_url_cleanup(u);
    return code;
}

int fetch_url_parse(struct fetch_url *out, const struct fetch_url *base, const char *text,
                    struct err *e)
{
    struct fetch_url first;
    *out = (struct fetch_url){ 0 };
    if (strlen(text) > FETCH_URL_MAX)
        return err_set(e, MG_E_INVALID, "the URL is longer than %d bytes", FETCH_URL_MAX);
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return err_set(e, MG_E_INVALID, "the URL has a control character in it");
    if (has_escaped_host(text))
        return err_set(e, MG_E_INVALID, "the URL's host has a %% in it");
    int code = curl_ready(e);
    if (code != 0)
        return code;
    code = parse_once(&first, base ? base->text : NULL, text, e);
    /* The transfer reads the normalised text again: what it will see there is what is judged. */
    if (code == 0)
        code = parse_once(out, NULL, first.text, e);
    fetch_url_fini(&first);
    return code;
}

void fetch_url_fini(struct fetch_url *u)
{
    free(u->text);
    *u = (struct fetch_url){ 0 };
}

bool fetch_url_same_origin(const struct fetch_url *a, const struct fetch_url *b)
{
    return a->is_tls == b->is_tls && a->port == b->port && strcmp(a->host, b->host) == 0;
}

/* ---- grants ---- */

static bool grant_matches(const char *grant, const char *host, uint16_t port)
{
    char glob[HOST_MAX + 1];
    uint64_t wanted = 0;
    const char *bracket = grant[0] == '[' ? strchr(grant, ']') : NULL;
    const char *colon = strchr(bracket ? bracket : grant, ':');
    size_t len = colon ? (size_t)(colon - grant) : strlen(grant);

    if (len == 0 || len >= sizeof glob || (colon && parse_uint(colon + 1, 65535, &wanted) != 0))
        return false;
    if (colon ? wanted != port : port != 80 && port != 443)
        return false;
    for (size_t i = 0; i < len; i++)
        glob[i] = (char)(grant[i] >= 'A' && grant[i] <= 'Z' ? grant[i] - 'A' + 'a' : grant[i]);
    glob[len] = '\0';
    return glob_match(glob, host, strlen(host));
}

bool fetch_host_is_granted(const char *const *hosts, const char *host, uint16_t port)
{
    for (; hosts && *hosts; hosts++)
        if (grant_matches(*hosts, host, port))
            return true;
    return false;
}

void fetch_host_grant(const struct fetch_url *u, char *out, size_t size)
{
    if (u->port == 80 || u->port == 443)
        snprintf(out, size, "%s", u->host);
    else
        snprintf(out, size, "%s:%u", u->host, u->port);
}
