/* address.h - private to gateway/http: socket addresses as text, and what they say. Pure. */
#ifndef MG_HTTP_ADDRESS_H
#define MG_HTTP_ADDRESS_H
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "http/shared.h"

#define ADDRESS_TEXT 46 /* INET6_ADDRSTRLEN */

/* "127.0.0.1", "::1"; IPv4 in IPv6 as IPv4; "" for any other family. */
void address_text(const struct sockaddr_storage *a, char out[ADDRESS_TEXT]);
uint16_t address_port(const struct sockaddr_storage *a);
bool address_is_loopback(const struct sockaddr_storage *a);
bool address_is_any(const struct sockaddr_storage *a); /* 0.0.0.0 or :: */
void address_key(const struct sockaddr_storage *a, struct peer_key *out);

#endif
