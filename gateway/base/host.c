#include "base/host.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* One read: files of /proc are as they were when it began. "" when there is none. */
static void read_proc(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, size - 1) : 0;
    text[n > 0 ? n : 0] = '\0';
    if (fd >= 0)
        close(fd);
}

int64_t host_line(const char *text, const char *name)
{
    char key[64];
    size_t len = (size_t)snprintf(key, sizeof key, "%s:", name);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (len >= sizeof key || strncmp(line, key, len) != 0)
            continue;
        char *end;
        long long value = strtoll(line + len, &end, 10);
        if (end == line + len || value < 0 || value > INT64_MAX / 1024)
            return -1;
        return strncmp(end, " kB", 3) == 0 ? value * 1024 : value;
    }
    return -1;
}

int64_t host_start_ticks(const char *stat)
{
    const char *at = strrchr(stat, ')');
    for (int field = 2; at && field < 22; field++)
        at = strchr(at + 1, ' ');
    if (!at)
        return -1;
    char *end;
    long long value = strtoll(at + 1, &end, 10);
    return end == at + 1 || value < 0 ? -1 : value;
}

static void read_machine(struct host *h)
{
    char text[8192], *end;
    read_proc("/proc/loadavg", text, sizeof text);
    if (sscanf(text, "%lf %lf %lf", &h->load[0], &h->load[1], &h->load[2]) != 3)
        h->load[0] = h->load[1] = h->load[2] = -1;
    h->processors = sysconf(_SC_NPROCESSORS_ONLN);
    read_proc("/proc/meminfo", text, sizeof text);
    h->memory_total = host_line(text, "MemTotal");
    h->memory_available = host_line(text, "MemAvailable");
    read_proc("/proc/uptime", text, sizeof text);
    h->uptime = strtod(text, &end);
    if (end == text)
        h->uptime = -1;
}

static int64_t count_descriptors(void)
{
    DIR *d = opendir("/proc/self/fd");
    int64_t n = -1; /* without the one that this takes */
    for (struct dirent *entry; d && (entry = readdir(d));)
        n += entry->d_name[0] != '.';
    if (d)
        closedir(d);
    return n;
}

static void read_process(struct host *h)
{
    char text[8192];
    read_proc("/proc/self/status", text, sizeof text);
    h->process_memory = host_line(text, "VmRSS");
    h->process_threads = host_line(text, "Threads");
    h->process_descriptors = count_descriptors();
    read_proc("/proc/self/stat", text, sizeof text);
    int64_t ticks = host_start_ticks(text);
    long hertz = sysconf(_SC_CLK_TCK);
    h->process_uptime = -1;
    if (ticks >= 0 && hertz > 0 && h->uptime >= 0)
        h->process_uptime = h->uptime - (double)ticks / (double)hertz;
    if (h->process_uptime > -1 && h->process_uptime < 0)
        h->process_uptime = 0; /* it began within the tick that uptime shows */
}

void host_read(struct host *h, const char *root)
{
    struct statvfs disk;
    read_machine(h);
    read_process(h);
    h->disk_total = h->disk_available = -1;
    if (!root || statvfs(root, &disk) != 0)
        return;
    h->disk_total = (int64_t)(disk.f_blocks * disk.f_frsize);
    h->disk_available = (int64_t)(disk.f_bavail * disk.f_frsize);
}
