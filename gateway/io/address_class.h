/* address_class.h - which addresses lie in the public internet, and what the others are.
 * Pure; any thread. */
#ifndef MG_ADDRESS_CLASS_H
#define MG_ADDRESS_CLASS_H
#include <stdbool.h>
#include <sys/socket.h>

/* NULL: a public address. Else what it is, for a message: "loopback", "private", "link-local"
 * (where clouds keep their metadata), "carrier-grade NAT", "multicast", "reserved", ... An IPv6
 * address that carries an IPv4 one (mapped, NAT64, 6to4) is what that one is. What is neither IPv4
 * nor IPv6 is "not an internet address". */
const char *address_class(const struct sockaddr *address);
/* The same of an address in digits. */
const char *address_class_of_text(const char *address);
/* Of one of these: is that a network of somebody's own, which allow_private is there for? Others
 * are no place for a request at all: metadata, multicast, reserved, ... */
bool address_class_is_private(const char *what);

#endif
