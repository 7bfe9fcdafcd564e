#include "http/sockinfo.h"

#include <linux/tcp.h> /* the C library's <netinet/tcp.h> lacks tcpi_bytes_received */
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

bool sockinfo(int fd, uint64_t *bytes, int64_t *ago_ms)
{
    struct tcp_info info = { 0 };
    socklen_t len = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0 ||
        len < offsetof(struct tcp_info, tcpi_bytes_received) + sizeof info.tcpi_bytes_received)
        return false;
    *bytes = info.tcpi_bytes_received;
    *ago_ms = info.tcpi_last_data_recv;
    return true;
}
