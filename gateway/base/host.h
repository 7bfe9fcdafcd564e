/* host.h - how the machine and this process are, as the kernel tells.
 * Threads: any; host_read() may block where the disk of `root` hangs. */
#ifndef MG_HOST_H
#define MG_HOST_H
#include <stdbool.h>
#include <stdint.h>

/* What the kernel did not tell is negative. Bytes and seconds. */
struct host {
    double load[3];     /* over 1, 5 and 15 minutes */
    int64_t processors; /* that are online */
    int64_t memory_total, memory_available;
    double uptime;
    int64_t disk_total, disk_available; /* of the file system that root lies on; available to us */
    double process_uptime;
    int64_t process_memory; /* resident */
    int64_t process_threads, process_descriptors;
};

void host_read(struct host *h, const char *root); /* root: NULL: no disk is asked */

/* The value behind "NAME:" in a text of such lines, with its kB taken times 1024; -1: not there. */
int64_t host_line(const char *text, const char *name);
/* starttime, the 22nd field, of /proc/PID/stat, whose second may hold anything; -1: not there. */
int64_t host_start_ticks(const char *stat);

#endif
