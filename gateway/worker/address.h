/* address.h - network addresses as texts: lists of addresses and networks, and who really is
 * calling. Pure; any thread. */
#ifndef MG_ADDRESS_H
#define MG_ADDRESS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define ADDRESS_SIZE 46 /* INET6_ADDRSTRLEN */

struct address_list;
/* items: "10.0.0.0/8", "192.168.1.7", "::1", "fd00::/8"; NULL-terminated. Returns NULL with *e set
 * on a bad one or without memory; an empty list gives an object that contains nothing. */
struct address_list *address_list_new(const char *const *items, struct err *e);
void address_list_free(struct address_list *l);
bool address_list_has(const struct address_list *l, const char *address);

/* The client's address: the connection's peer, or, when that is a trusted proxy, the last address
 * in X-Forwarded-For that is not one itself. An entry that is no address ends the walk at the proxy
 * that sent it. */
void address_client(const struct address_list *trusted, const char *peer, const char *forwarded_for,
                    char out[ADDRESS_SIZE]);

/* What the rate limiter counts by: an IPv4 address, or the /64 of an IPv6 one (loopback stays
 * whole). Returns its length. */
size_t address_limit_key(const char *address, unsigned char out[16]);

/* Who a request without a session comes from, as far as it tells: the address, all of loopback
 * being one, and the User-Agent (or NULL). Others come to the same as good as never. */
uint64_t address_peer(const char *address, const char *user_agent);

#endif
