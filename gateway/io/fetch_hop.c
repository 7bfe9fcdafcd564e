#include "io/fetch_struct.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/address_class.h"

#define CERTIFICATES "/etc/ssl/certs/ca-certificates.crt"
#define BUFFER_BYTES (16L << 10)

/* ---- what is connected to ---- */

static int resolver_started(void *state, void *reserved, void *arg)
{
    struct fetch_hop *h = arg;
    (void)state, (void)reserved;
    h->is_resolving = true;
    return h->fetch ? 0 : 1;
}

/* What is no place for a request stays refused, whatever was granted. */
static bool is_open(const struct fetch *t, const char *what)
{
    return !what || (t->allow_private && address_class_is_private(what));
}

/* Judges the very address that is connected to, so that what a name leads to may change between
 * any two looks at it. */
static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct fetch_hop *h = arg;
    h->is_resolving = false;
    if (!h->fetch || purpose != CURLSOCKTYPE_IPCXN)
        return CURL_SOCKET_BAD;
    const char *what = address_class(&address->addr);
    bool is_internet = address->family == AF_INET || address->family == AF_INET6;
    if (!is_internet || !is_open(h->fetch, what)) {
        h->refused = what;
        return CURL_SOCKET_BAD;
    }
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd >= 0 && h->fetcher->metrics)
        metrics_add(h->fetcher->metrics, M_FETCH_CONNECTIONS, 1);
    return fd >= 0 ? fd : CURL_SOCKET_BAD;
}

/* There is a connection: a new one, or one of the pool, which another tool may have opened that is
 * allowed more. */
static int connected(void *arg, char *address, char *local, int port, int local_port)
{
    struct fetch_hop *h = arg;
    (void)local, (void)port, (void)local_port;
    h->is_resolving = false;
    if (!h->fetch)
        return CURL_PREREQFUNC_ABORT;
    const char *what = address_class_of_text(address);
    if (!is_open(h->fetch, what)) {
        h->refused = what;
        return CURL_PREREQFUNC_ABORT;
    }
    h->has_connection = true;
    timer_stop(h->fetcher->loop, &h->fetch->connect_timer);
    return CURL_PREREQFUNC_OK;
}

static void on_no_connection(void *arg)
{
    struct fetch *t = arg;
    fetch_fail(t, "TIMEOUT", "no connection to %s within %d s", t->url.host,
               FETCH_CONNECT_MS / 1000);
    fetch_end(t);
}

/* ---- life ---- */

/* libcurl reads them for each connection anew. From the one file that holds them all this takes a
 * third of the time that it takes from the folder, where each has two names. SSL_CERT_FILE is where
 * other programs look for those to trust instead, and nothing else makes up for one that is not
 * there. */
static CURLcode set_certificates(CURL *easy)
{
    const char *file = getenv("SSL_CERT_FILE");
    if (!file || !file[0])
        file = CERTIFICATES;
    if (strcmp(file, CERTIFICATES) == 0 && access(file, R_OK) != 0)
        return CURLE_OK; /* as libcurl was built */
    CURLcode c = curl_easy_setopt(easy, CURLOPT_CAINFO, file);
    return c == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) : c;
}

static CURLcode set_safety(CURL *easy)
{
    CURLcode c = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    if (c == CURLE_OK)
        c = curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    if (c == CURLE_OK)
        c = curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* none, whatever the environment says */
    if (c == CURLE_OK)
        c = set_certificates(easy);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_HTTP09_ALLOWED, 0L);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, BUFFER_BYTES);
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, BUFFER_BYTES);
    return c;
}

static void set_callbacks(struct fetch_hop *h)
{
    curl_easy_setopt(h->easy, CURLOPT_PRIVATE, h);
    curl_easy_setopt(h->easy, CURLOPT_ERRORBUFFER, h->error);
    curl_easy_setopt(h->easy, CURLOPT_RESOLVER_START_FUNCTION, resolver_started);
    curl_easy_setopt(h->easy, CURLOPT_RESOLVER_START_DATA, h);
    curl_easy_setopt(h->easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(h->easy, CURLOPT_OPENSOCKETDATA, h);
    curl_easy_setopt(h->easy, CURLOPT_PREREQFUNCTION, connected);
    curl_easy_setopt(h->easy, CURLOPT_PREREQDATA, h);
    curl_easy_setopt(h->easy, CURLOPT_HEADERFUNCTION, fetch_answer_header);
    curl_easy_setopt(h->easy, CURLOPT_HEADERDATA, h);
    curl_easy_setopt(h->easy, CURLOPT_WRITEFUNCTION, fetch_answer_body);
    curl_easy_setopt(h->easy, CURLOPT_WRITEDATA, h);
}

void fetch_hop_free(struct fetch_hop *h)
{
    struct fetcher *f = h->fetcher;
    if (h->prev) {
        fetch_multi_forget(f, h->easy);
        (void)curl_multi_remove_handle(f->multi, h->easy);
        *h->prev = h->next;
        if (h->next)
            h->next->prev = h->prev;
        f->run--;
    }
    curl_easy_cleanup(h->easy);
    curl_slist_free_all(h->lines);
    free(h->location);
    free(h);
}

static int hop_join(struct fetch_hop *h)
{
    struct fetcher *f = h->fetcher;
    if (fetch_multi_open(f) != 0 || curl_multi_add_handle(f->multi, h->easy) != CURLM_OK)
        return MG_E_NOMEM;
    h->next = f->running;
    h->prev = &f->running;
    if (h->next)
        h->next->prev = &h->next;
    f->running = h;
    f->run++;
    return 0;
}

int fetch_hop_start(struct fetch *t)
{
    struct fetcher *f = t->fetcher;
    struct fetch_hop *h = fetch_multi_open(f) == 0 ? calloc(1, sizeof *h) : NULL;
    if (!h)
        return MG_E_NOMEM;
    h->fetcher = f;
    h->fetch = t;
    h->owner = t->owner;
    h->easy = curl_easy_init();
    if (!h->easy || set_safety(h->easy) != CURLE_OK || fetch_request_apply(t, h) != 0)
        goto fail;
    set_callbacks(h);
    if (hop_join(h) != 0)
        goto fail;
    t->hop = h;
    timer_start(f->loop, &t->connect_timer, FETCH_CONNECT_MS, on_no_connection, t);
    return 0;
fail:
    fetch_hop_free(h);
    return MG_E_NOMEM;
}

void fetch_hop_stop(struct fetch *t)
{
    struct fetch_hop *h = t->hop;
    t->hop = NULL;
    if (!h)
        return;
    h->fetch = NULL;
    if (!h->is_resolving)
        fetch_hop_free(h);
}

/* ---- the end ---- */

static const struct {
    CURLcode code;
    const char *word, *text;
} failures[] = {
    { CURLE_COULDNT_RESOLVE_HOST, "DNS", "the name cannot be resolved" },
    { CURLE_OPERATION_TIMEDOUT, "TIMEOUT", "it took too long" },
    { CURLE_SSL_CONNECT_ERROR, "TLS", "no TLS connection" },
    { CURLE_PEER_FAILED_VERIFICATION, "TLS", "its certificate is not trusted" },
    { CURLE_SSL_ISSUER_ERROR, "TLS", "its certificate is not trusted" },
    { CURLE_SSL_CERTPROBLEM, "TLS", "its certificate is not trusted" },
    { CURLE_SSL_CIPHER, "TLS", "no cipher in common" },
    { CURLE_SSL_CACERT_BADFILE, "TLS", "the certificates to trust cannot be read" },
    { CURLE_GOT_NOTHING, "CLOSED", "the connection was closed without an answer" },
    { CURLE_SEND_ERROR, "CLOSED", "the connection was closed" },
    { CURLE_RECV_ERROR, "CLOSED", "the connection was closed" },
    { CURLE_PARTIAL_FILE, "CLOSED", "the connection was closed before the end" },
    { CURLE_WEIRD_SERVER_REPLY, "PROTOCOL", "the answer is not HTTP" },
    { CURLE_UNSUPPORTED_PROTOCOL, "PROTOCOL", "the answer is not HTTP" },
    { CURLE_BAD_CONTENT_ENCODING, "PROTOCOL", "the answer's encoding is broken" },
    { CURLE_OUT_OF_MEMORY, "NOMEM", "no memory" },
};

static const char *errno_word(int number)
{
    switch (number) {
    case ECONNREFUSED: return "ECONNREFUSED";
    case EHOSTUNREACH: return "EHOSTUNREACH";
    case ENETUNREACH: return "ENETUNREACH";
    case ECONNRESET: return "CLOSED";
    case ETIMEDOUT: return "TIMEOUT";
    default: return "IO";
    }
}

static void fail_connect(struct fetch *t, const struct fetch_hop *h)
{
    long number = 0;
    (void)curl_easy_getinfo(h->easy, CURLINFO_OS_ERRNO, &number);
    fetch_fail(t, errno_word((int)number), "%s: no connection: %s", t->url.host,
               number ? strerror((int)number) : h->error);
}

/* Whose certificate it is was found; that it is this host's was not. */
static bool is_trusted(const struct fetch_hop *h)
{
    long status = 1;
    return curl_easy_getinfo(h->easy, CURLINFO_SSL_VERIFYRESULT, &status) == CURLE_OK &&
           status == 0;
}

static void fail_refused(struct fetch *t, const char *what)
{
    if (address_class_is_private(what))
        fetch_fail(t, "DENIED",
                   "%s leads to a %s address; in mcp.ini: [tool %s] allow_private = yes",
                   t->url.host, what, *t->tool ? t->tool : "NAME");
    else
        fetch_fail(t, "DENIED", "%s leads to a %s address%s: no grant opens those", t->url.host,
                   what,
                   strcmp(what, "link-local") == 0 ? ", where clouds keep their metadata" : "");
}

static void fail_hop(struct fetch *t, const struct fetch_hop *h, CURLcode code)
{
    if (t->answer.word)
        return; /* said already, by what stopped it */
    if (h->refused && !h->has_connection) {
        fail_refused(t, h->refused);
        return;
    }
    if (code == CURLE_COULDNT_CONNECT) {
        fail_connect(t, h);
        return;
    }
    if (code == CURLE_PEER_FAILED_VERIFICATION && is_trusted(h)) {
        fetch_fail(t, "TLS", "%s: its certificate is for another host", t->url.host);
        return;
    }
    /* A line of more than 100 KB is what libcurl calls so while the header comes. */
    if (code == CURLE_OUT_OF_MEMORY && h->has_connection && !h->in_body) {
        fetch_fail(t, "TOO_LARGE", "%s: a line of its header is too long, or memory has run out",
                   t->url.host);
        return;
    }
    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++)
        if (failures[i].code == code) {
            fetch_fail(t, failures[i].word, "%s: %s", t->url.host, failures[i].text);
            return;
        }
    fetch_fail(t, "IO", "%s: %s", t->url.host, curl_easy_strerror(code));
}

/* true: the next hop runs. */
static bool follow(struct fetch *t, const char *location)
{
    struct fetch_url to;
    struct err e = { 0 };

    if (t->hops == t->redirects) {
        fetch_fail(t, "REDIRECTS", "%s redirects after %u redirects", t->url.host, t->redirects);
        return false;
    }
    int code = fetch_url_parse(&to, &t->url, location, &e);
    if (code == 0)
        code = fetch_judge(t->hosts, t->tool, &to, &e);
    if (code != 0) {
        fetch_fail(t, code == MG_E_INVALID ? "PROTOCOL" : err_word(code), "a redirect of %s: %s",
                   t->url.host, e.text);
        fetch_url_fini(&to);
        return false;
    }
    t->hops++;
    fetch_request_redirect(t, t->answer.status, &to);
    fetch_answer_clear(t);
    if (fetch_hop_start(t) == 0)
        return true;
    fetch_fail(t, "NOMEM", "no memory for the request");
    return false;
}

static bool is_redirect(int status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

void fetch_hop_ended(struct fetch_hop *h, CURLcode code)
{
    struct fetch *t = h->fetch;
    struct fetcher *f = h->fetcher;
    h->is_resolving = false;
    if (!t) {
        fetch_hop_free(h);
        fetch_pump_soon(f);
        return;
    }
    if (code != CURLE_OK)
        fail_hop(t, h, code);
    char *location = h->location;
    h->location = NULL;
    fetch_hop_stop(t);
    bool is_over = code != CURLE_OK || t->redirects == 0 || !location ||
                   !is_redirect(t->answer.status) || !follow(t, location);
    free(location);
    if (is_over)
        fetch_end(t);
}
