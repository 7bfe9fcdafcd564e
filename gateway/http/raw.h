/* raw.h - private to gateway/http: an answer written past libmicrohttpd, which cannot give one
 * while it receives. */
#ifndef MG_HTTP_RAW_H
#define MG_HTTP_RAW_H

/* One text/plain reply with "Connection: close", as far as the socket takes it now. */
void raw_reply(int fd, int status, const char *reason);

#endif
