/* sockinfo.h - private to gateway/http: what the kernel knows of a TCP connection. */
#ifndef MG_HTTP_SOCKINFO_H
#define MG_HTTP_SOCKINFO_H
#include <stdbool.h>
#include <stdint.h>

/* Bytes that came in all, and how long ago the last ones did. False: not known. */
bool sockinfo(int fd, uint64_t *bytes, int64_t *ago_ms);

#endif
