#include "worker/address.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/parse.h"

struct network {
    unsigned char addr[16]; /* IPv4 as ::ffff:a.b.c.d, so that one comparison serves both */
    unsigned bits;
};

struct address_list {
    size_t count;
    struct network networks[];
};

/* Any textual address as 16 bytes. Returns the number of bits in front of a prefix length: 96 for
 * IPv4. */
static int parse_address(const char *text, unsigned char out[16], unsigned *offset)
{
    struct in_addr v4;
    if (inet_pton(AF_INET, text, &v4) == 1) {
        memset(out, 0, 10);
        out[10] = out[11] = 0xff;
        memcpy(out + 12, &v4, 4);
        *offset = 96;
        return 0;
    }
    *offset = 0;
    return inet_pton(AF_INET6, text, out) == 1 ? 0 : MG_E_INVALID;
}

static int parse_network(const char *text, struct network *n)
{
    char address[ADDRESS_SIZE];
    const char *slash = strchr(text, '/');
    size_t len = slash ? (size_t)(slash - text) : strlen(text);
    if (len >= sizeof address)
        return MG_E_INVALID;
    memcpy(address, text, len);
    address[len] = '\0';
    unsigned offset;
    if (parse_address(address, n->addr, &offset) != 0)
        return MG_E_INVALID;
    uint64_t bits = 128 - offset;
    if (slash && parse_uint(slash + 1, 128 - offset, &bits) != 0)
        return MG_E_INVALID;
    n->bits = offset + (unsigned)bits;
    return 0;
}

struct address_list *address_list_new(const char *const *items, struct err *e)
{
    size_t count = 0;
    while (items && items[count])
        count++;
    struct address_list *l = calloc(1, sizeof *l + count * sizeof l->networks[0]);
    if (!l) {
        err_set(e, MG_E_NOMEM, "no memory for a list of addresses");
        return NULL;
    }
    for (; l->count < count; l->count++)
        if (parse_network(items[l->count], &l->networks[l->count]) != 0) {
            err_set(e, MG_E_INVALID,
                    "\"%s\" is neither an address nor a network such as 10.0.0.0/8",
                    items[l->count]);
            free(l);
            return NULL;
        }
    return l;
}

void address_list_free(struct address_list *l) { free(l); }

static bool network_has(const struct network *n, const unsigned char addr[16])
{
    unsigned whole = n->bits / 8, rest = n->bits % 8;
    if (memcmp(n->addr, addr, whole) != 0)
        return false;
    if (rest == 0)
        return true;
    unsigned char mask = (unsigned char)(0xff << (8 - rest));
    return ((n->addr[whole] ^ addr[whole]) & mask) == 0;
}

bool address_list_has(const struct address_list *l, const char *address)
{
    unsigned char bytes[16];
    unsigned offset;
    if (!l || l->count == 0 || parse_address(address, bytes, &offset) != 0)
        return false;
    for (size_t i = 0; i < l->count; i++)
        if (network_has(&l->networks[i], bytes))
            return true;
    return false;
}

/* The last item of a comma-separated list that ends at *end; moves *end in front of it. */
static bool last_item(const char *list, size_t *end, char out[ADDRESS_SIZE])
{
    size_t stop = *end, start;
    while (stop > 0 && (list[stop - 1] == ' ' || list[stop - 1] == '\t'))
        stop--;
    start = stop;
    while (start > 0 && list[start - 1] != ',')
        start--;
    *end = start > 0 ? start - 1 : 0;
    while (start < stop && (list[start] == ' ' || list[start] == '\t'))
        start++;
    if (stop == start || stop - start >= ADDRESS_SIZE)
        return false;
    memcpy(out, list + start, stop - start);
    out[stop - start] = '\0';
    unsigned char bytes[16];
    unsigned offset;
    return parse_address(out, bytes, &offset) == 0;
}

void address_client(const struct address_list *trusted, const char *peer, const char *forwarded_for,
                    char out[ADDRESS_SIZE])
{
    strncpy(out, peer, ADDRESS_SIZE - 1);
    out[ADDRESS_SIZE - 1] = '\0';
    size_t end = forwarded_for ? strlen(forwarded_for) : 0;
    while (end > 0 && address_list_has(trusted, out)) {
        char item[ADDRESS_SIZE];
        if (!last_item(forwarded_for, &end, item))
            return;
        memcpy(out, item, sizeof item);
    }
}

size_t address_limit_key(const char *address, unsigned char out[16])
{
    static const unsigned char loopback[16] = { [15] = 1 };
    unsigned offset;
    if (parse_address(address, out, &offset) != 0) {
        memset(out, 0, 16); /* no address at all: such callers share one bucket */
        return 16;
    }
    bool is_whole = offset == 96 || memcmp(out, loopback, sizeof loopback) == 0;
    return is_whole ? 16 : 8;
}

uint64_t address_peer(const char *address, const char *user_agent)
{
    static const struct network loopback[] = {
        { { [10] = 0xff, [11] = 0xff, [12] = 127 }, 96 + 8 },
        { { [15] = 1 }, 128 },
    };
    unsigned char bytes[16] = { 0 };
    unsigned offset;
    if (parse_address(address, bytes, &offset) != 0)
        memset(bytes, 0xff, sizeof bytes); /* no address at all: not ours */
    else if (network_has(&loopback[0], bytes) || network_has(&loopback[1], bytes))
        memset(bytes, 0, sizeof bytes);
    const uint64_t parts[] = { hash_key(bytes, sizeof bytes),
                               user_agent ? hash_key(user_agent, strlen(user_agent)) : 0 };
    return hash_key(parts, sizeof parts);
}
