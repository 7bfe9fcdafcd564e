#include "io/address_class.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* As IANA's registries of special addresses have them. The first that fits counts. */
static const struct {
    uint32_t network;
    unsigned bits;
    const char *what;
} fours[] = {
    { 0x00000000, 8, "unspecified" }, /* 0.0.0.0 is this machine */
    { 0x0a000000, 8, "private" },
    { 0x64400000, 10, "carrier-grade NAT" },
    { 0x7f000000, 8, "loopback" },
    { 0xa9fe0000, 16, "link-local" }, /* 169.254.169.254: metadata of clouds */
    { 0xac100000, 12, "private" },
    { 0xc0000000, 24, "reserved" },
    { 0xc0000200, 24, "documentation" },
    { 0xc0586300, 24, "reserved" }, /* relays of 6to4 */
    { 0xc0a80000, 16, "private" },
    { 0xc6120000, 15, "benchmarking" },
    { 0xc6336400, 24, "documentation" },
    { 0xcb007100, 24, "documentation" },
    { 0xe0000000, 4, "multicast" },
    { 0xf0000000, 4, "reserved" }, /* the broadcast address, too */
};

static const char *class_of_four(uint32_t address)
{
    for (size_t i = 0; i < sizeof fours / sizeof *fours; i++)
        if ((address ^ fours[i].network) >> (32 - fours[i].bits) == 0)
            return fours[i].what;
    return NULL;
}

/* embeds: where an IPv4 address begins that decides; 0: none. */
static const struct {
    uint8_t network[16];
    unsigned bits, embeds;
    const char *what;
} sixes[] = {
    { { 0 }, 128, 0, "unspecified" },
    { { [15] = 1 }, 128, 0, "loopback" },
    { { [10] = 0xff, [11] = 0xff }, 96, 12, NULL },
    { { 0x00, 0x64, 0xff, 0x9b }, 96, 12, NULL },                 /* NAT64 */
    { { 0x00, 0x64, 0xff, 0x9b, 0x00, 0x01 }, 48, 0, "private" }, /* NAT64 of a site */
    { { 0x20, 0x02 }, 16, 2, NULL },                              /* 6to4 */
    { { 0x20, 0x01, 0x00 }, 23, 0, "reserved" },                  /* Teredo and others */
    { { 0x20, 0x01, 0x0d, 0xb8 }, 32, 0, "documentation" },
    { { 0x3f, 0xff, 0x00 }, 20, 0, "documentation" },
    { { 0x20 }, 3, 0, NULL }, /* the public ones */
    { { 0xfc }, 7, 0, "private" },
    { { 0xfe, 0x80 }, 10, 0, "link-local" },
    { { 0xfe, 0xc0 }, 10, 0, "private" },
    { { 0xff }, 8, 0, "multicast" },
};

static bool is_within(const uint8_t *address, const uint8_t *network, unsigned bits)
{
    unsigned bytes = bits / 8, rest = bits % 8;
    if (memcmp(address, network, bytes) != 0)
        return false;
    return rest == 0 || (address[bytes] ^ network[bytes]) >> (8 - rest) == 0;
}

static const char *class_of_six(const uint8_t *address)
{
    for (size_t i = 0; i < sizeof sixes / sizeof *sixes; i++) {
        if (!is_within(address, sixes[i].network, sixes[i].bits))
            continue;
        const uint8_t *four = address + sixes[i].embeds;
        if (sixes[i].embeds == 0)
            return sixes[i].what;
        return class_of_four((uint32_t)four[0] << 24 | (uint32_t)four[1] << 16 |
                             (uint32_t)four[2] << 8 | four[3]);
    }
    return "reserved";
}

const char *address_class(const struct sockaddr *address)
{
    /* Copies, because nobody says how it is aligned. */
    if (address->sa_family == AF_INET) {
        struct sockaddr_in four;
        memcpy(&four, address, sizeof four);
        return class_of_four(ntohl(four.sin_addr.s_addr));
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 six;
        memcpy(&six, address, sizeof six);
        return class_of_six(six.sin6_addr.s6_addr);
    }
    return "not an internet address";
}

const char *address_class_of_text(const char *address)
{
    struct in_addr four;
    struct in6_addr six;

    if (inet_pton(AF_INET, address, &four) == 1)
        return class_of_four(ntohl(four.s_addr));
    if (inet_pton(AF_INET6, address, &six) == 1)
        return class_of_six(six.s6_addr);
    return "not an internet address";
}

bool address_class_is_private(const char *what)
{
    static const char *const own[] = { "loopback", "private", "carrier-grade NAT", "unspecified",
                                       "benchmarking" };
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (strcmp(what, own[i]) == 0)
            return true;
    return false;
}
