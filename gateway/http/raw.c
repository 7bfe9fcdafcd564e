#include "http/raw.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <microhttpd.h>

void raw_reply(int fd, int status, const char *reason)
{
    char text[512];
    int n = snprintf(text, sizeof text,
                     "HTTP/1.1 %d %s\r\nContent-Type: text/plain; charset=utf-8\r\n"
                     "Content-Length: %zu\r\n%sConnection: close\r\n\r\n%s\n",
                     status, MHD_get_reason_phrase_for((unsigned)status), strlen(reason) + 1,
                     status == MHD_HTTP_SERVICE_UNAVAILABLE ? "Retry-After: 1\r\n" : "", reason);
    if (n > 0 && (size_t)n < sizeof text)
        (void)send(fd, text, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
}
