/* fuzz_headers.c - values of headers. Input: one value a line; each reader gets each of them. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "mcp/mcp.h"
#include "worker/address.h"
#include "worker/content_type.h"
#include "worker/origin.h"

static bool is_address(const char *text)
{
    unsigned char bytes[16];
    return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

/* What is allowed as it is written is allowed when it is listed, and the other way round. */
static void check_origin(const char *text)
{
    static const char *const none[] = { NULL };
    const char *const listed[] = { text, NULL };
    struct authority a;

    if (authority_parse(text, strlen(text), &a)) {
        fuzz_hold(a.host_len > 0 && a.host >= text && a.host + a.host_len <= text + strlen(text),
                  "a host lies within its authority");
        fuzz_hold(!a.port || (a.port >= text && a.port + a.port_len <= text + strlen(text)),
                  "a port lies within its authority");
        fuzz_hold(!authority_is_loopback(&a) || host_is_allowed(text, none, ""),
                  "loopback is allowed");
#ifdef FUZZ_PLANT
        if (a.port && a.port_len > 2 && a.host_len > 4 && memchr(a.host, ':', a.host_len))
            fuzz_overrun(text, strlen(text));
#endif
    } else {
        fuzz_hold(!host_is_allowed(text, none, ""), "what is no authority is no host");
    }
    if (origin_is_allowed(text, none, ""))
        fuzz_hold(origin_is_allowed(text, listed, ""), "a list takes nothing away");
}

static void check_addresses(const char *text, const char *other)
{
    static const char *const proxies[] = { "127.0.0.1", "10.0.0.0/8", "fd00::/8", NULL };
    const char *const items[] = { text, NULL };
    char client[ADDRESS_SIZE];
    unsigned char key[16];
    struct err e;
    struct address_list *trusted = address_list_new(proxies, &e);
    struct address_list *list = address_list_new(items, &e);

    fuzz_hold(trusted != NULL, "there is a list");
    address_client(trusted, "127.0.0.1", text, client);
    fuzz_hold(is_address(client), "a client has an address");
    fuzz_hold(address_limit_key(client, key) <= sizeof key, "a key fits");
    if (list && is_address(text))
        fuzz_hold(address_list_has(list, text), "a list has its item");
    if (list)
        (void)address_list_has(list, other);
    (void)address_peer(client, text);
    address_list_free(list);
    address_list_free(trusted);
}

static void check_accept(const char *text)
{
    struct mcp_in in = { 0 };

    mcp_accept(&in, text);
    fuzz_hold(!in.names_both || (in.accepts_json && in.accepts_sse), "what is named is accepted");
    fuzz_hold(!in.prefers_sse || in.accepts_sse, "what is preferred is accepted");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *last = fuzz_take(&data, &size, '\n', NULL);

    for (int lines = 0; size > 0 && lines < 20; lines++) {
        size_t len;
        char *text = fuzz_take(&data, &size, '\n', &len);
        check_origin(text);
        check_addresses(text, last);
        check_accept(text);
        fuzz_hold(!content_type_is(text, "application/json") ||
                      strncasecmp(text, "application/json", 16) == 0,
                  "a type begins with its name");
        (void)mcp_header_omits_id(text);
        free(last);
        last = text;
    }
    free(last);
    return 0;
}
