/* fs_shim.c - preloaded into a program, knows what each sync of its files covered, and lets calls
 * fail.
 *
 * Watches one folder, through the calls that the store makes (names relative to the folder's
 * descriptor). What would be lost in a power cut is written to a log, one line a fact, each with
 * one write(2), so that kill -9 loses none; lib/disk.mjs reads it and takes back what was not
 * covered.
 *
 *   n                  a process begins; a log that is there already is continued
 *   b INO LEN          there at the first start, durable
 *   s INO LEN          synced, this long
 *   c INO NAME         created          \
 *   r INO FROM TO KEPT renamed           > durable once the folder is synced, in this order;
 *   u INO NAME KEPT    removed          /  KEPT: a link to what was replaced or removed, or -
 *   d N                the folder was synced when this process had done N of those
 *   t INO KEPT         truncated; KEPT: a copy of what it was. Durable with the next s
 *
 * Environment:
 *   FS_SHIM_ROOT   the folder; without it nothing is watched
 *   FS_SHIM_SIDE   a folder of its own on the same file system, for `log` and what is kept
 *   FS_SHIM_FAIL   CALL:K:ERROR,...  the K-th CALL (from 1; "K+": all from there) of open, write,
 * sync, rename, unlink, truncate fails with EIO, ENOSPC, ... or, a write, is "short". A file whose
 * sync has failed is never covered again FS_SHIM_LIE    syncs succeed and cover nothing
 *   FS_SHIM_FSYNC_US, FS_SHIM_FDATASYNC_US  what each takes at least, so that there is something to
 *                  interrupt */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <dirent.h>

int openat(int dir, const char *name, int flags, ...);
int openat64(int dir, const char *name, int flags, ...);
ssize_t write(int fd, const void *data, size_t len);
int fsync(int fd);
int fdatasync(int fd);
int renameat(int from_dir, const char *from, int to_dir, const char *to);
int unlinkat(int dir, const char *name, int flags);
int ftruncate(int fd, off_t len);

#define INODES 65536
#define FAULTS 16

enum call { OPEN, WRITE, SYNC, RENAME, UNLINK, TRUNCATE, CALLS };
static const char *const call_names[CALLS] = { "open",   "write",  "sync",
                                               "rename", "unlink", "truncate" };

struct fault {
    enum call call;
    unsigned from, to;
    int error; /* 0: short */
};

static struct {
    bool on, lies;
    char side[PATH_MAX];
    int log_fd, side_fd;
    dev_t dev;
    ino_t root;
    useconds_t fsync_us, fdatasync_us;
    struct fault faults[FAULTS];
    size_t fault_count;

    pthread_mutex_t lock; /* of all below; also makes a fact and its call one */
    unsigned counts[CALLS];
    unsigned dir_ops, kept;
    ino_t watched[INODES]; /* open addressing; 0 is free */
    bool poisoned[INODES];
} shim = { .lock = PTHREAD_MUTEX_INITIALIZER, .log_fd = -1 };

static int (*real_openat)(int, const char *, int, ...);
static ssize_t (*real_write)(int, const void *, size_t);
static int (*real_fsync)(int), (*real_fdatasync)(int), (*real_ftruncate)(int, off_t);
static int (*real_renameat)(int, const char *, int, const char *),
    (*real_unlinkat)(int, const char *, int);

static void die(const char *what)
{
    fprintf(stderr, "fs_shim: %s: %s\n", what, strerror(errno));
    abort();
}

/* ---- facts ---- */

__attribute__((format(printf, 1, 2))) static void note(const char *fmt, ...)
{
    char line[2 * NAME_MAX + 128];
    va_list args;

    va_start(args, fmt);
    int n = vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    if (real_write(shim.log_fd, line, (size_t)n) != n)
        die("log");
}

static size_t slot_of(ino_t ino)
{
    size_t i = (size_t)(ino * 0x9E3779B97F4A7C15u >> 40) % INODES;

    while (shim.watched[i] != 0 && shim.watched[i] != ino)
        i = (i + 1) % INODES;
    return i;
}

static bool is_watched(int fd, struct stat *st)
{
    return shim.on && fstat(fd, st) == 0 && st->st_dev == shim.dev &&
           shim.watched[slot_of(st->st_ino)] != 0;
}

static bool is_root(int fd)
{
    struct stat st;

    return shim.on && fd >= 0 && fstat(fd, &st) == 0 && st.st_dev == shim.dev &&
           st.st_ino == shim.root;
}

/* ---- faults ---- */

static int error_of(const char *name)
{
    static const struct {
        const char *name;
        int error;
    } known[] = {
        { "EIO", EIO },     { "ENOSPC", ENOSPC }, { "EDQUOT", EDQUOT },
        { "EROFS", EROFS }, { "short", 0 },
    };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(name, known[i].name) == 0)
            return known[i].error;
    errno = EINVAL;
    die(name);
    return 0;
}

static void read_faults(char *text)
{
    char *rest = text, *item;

    while ((item = strsep(&rest, ","))) {
        char call[16], error[16], plus[2] = "";
        struct fault *f = &shim.faults[shim.fault_count++];
        if (sscanf(item, "%15[a-z]:%u%1[+]:%15s", call, &f->from, plus, error) != 4 &&
            sscanf(item, "%15[a-z]:%u:%15s", call, &f->from, error) != 3)
            die(item);
        f->to = plus[0] ? UINT_MAX : f->from;
        f->error = error_of(error);
        while (f->call < CALLS && strcmp(call, call_names[f->call]) != 0)
            f->call++;
        if (f->call == CALLS || shim.fault_count == FAULTS)
            die(item);
    }
}

/* Counts the call; the fault that hits it, or NULL. Caller holds the lock. */
static const struct fault *hit(enum call call)
{
    unsigned n = ++shim.counts[call];

    for (size_t i = 0; i < shim.fault_count; i++)
        if (shim.faults[i].call == call && n >= shim.faults[i].from && n <= shim.faults[i].to)
            return &shim.faults[i];
    return NULL;
}

/* ---- start ---- */

static void watch_what_is_there(const char *root, bool is_first)
{
    DIR *d = opendir(root);
    struct dirent *entry;
    struct stat st;

    if (!d)
        die(root);
    while ((entry = readdir(d)))
        if (fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(st.st_mode)) {
            shim.watched[slot_of(st.st_ino)] = st.st_ino;
            if (is_first)
                note("b %ju %jd\n", (uintmax_t)st.st_ino, (intmax_t)st.st_size);
        }
    closedir(d);
}

static useconds_t microseconds(const char *name)
{
    const char *text = getenv(name);

    return text ? (useconds_t)strtoul(text, NULL, 10) : 0;
}

__attribute__((constructor)) static void shim_start(void)
{
    const char *root = getenv("FS_SHIM_ROOT"), *side = getenv("FS_SHIM_SIDE");
    const char *fail = getenv("FS_SHIM_FAIL");
    struct stat st;

    *(void **)&real_openat = dlsym(RTLD_NEXT, "openat");
    *(void **)&real_write = dlsym(RTLD_NEXT, "write");
    *(void **)&real_fsync = dlsym(RTLD_NEXT, "fsync");
    *(void **)&real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    *(void **)&real_renameat = dlsym(RTLD_NEXT, "renameat");
    *(void **)&real_unlinkat = dlsym(RTLD_NEXT, "unlinkat");
    *(void **)&real_ftruncate = dlsym(RTLD_NEXT, "ftruncate");
    if (!root || !side)
        return;
    snprintf(shim.side, sizeof shim.side, "%s", side);
    shim.side_fd = open(side, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (stat(root, &st) != 0 || shim.side_fd < 0)
        die(root);
    shim.dev = st.st_dev;
    shim.root = st.st_ino;
    bool is_first = faccessat(shim.side_fd, "log", F_OK, 0) != 0;
    shim.log_fd = real_openat(shim.side_fd, "log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (shim.log_fd < 0)
        die("log");
    note("n\n");
    shim.lies = getenv("FS_SHIM_LIE") != NULL;
    shim.fsync_us = microseconds("FS_SHIM_FSYNC_US");
    shim.fdatasync_us = microseconds("FS_SHIM_FDATASYNC_US");
    if (fail) {
        char *copy = strdup(fail);
        read_faults(copy);
        free(copy);
    }
    watch_what_is_there(root, is_first);
    /* Children of the program are not watched, nor its helpers. */
    unsetenv("LD_PRELOAD");
    shim.on = true;
}

/* ---- calls ---- */

/* Keeps what a name stands for now. */
static void keep(const char *name, int dir, char out[32])
{
    snprintf(out, 32, "kept-%d-%u", (int)getpid(), shim.kept++);
    if (linkat(dir, name, shim.side_fd, out, 0) != 0)
        strcpy(out, "-");
}

int openat(int dir, const char *name, int flags, ...)
{
    mode_t mode = 0;
    struct stat st;

    if (flags & O_CREAT) {
        va_list args;
        va_start(args, flags);
        mode = va_arg(args, mode_t);
        va_end(args);
    }
    if (strchr(name, '/') || !is_root(dir) || (flags & O_DIRECTORY))
        return real_openat(dir, name, flags, mode);
    pthread_mutex_lock(&shim.lock);
    bool is_new = (flags & O_CREAT) && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0;
    const struct fault *f = flags & O_CREAT ? hit(OPEN) : NULL;
    int fd = -1;
    if (f)
        errno = f->error;
    else
        fd = real_openat(dir, name, flags, mode);
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        size_t i = slot_of(st.st_ino);
        shim.watched[i] = st.st_ino;
        if (is_new) { /* also when the inode is one that was removed before */
            shim.poisoned[i] = false;
            shim.dir_ops++;
            note("c %ju %s\n", (uintmax_t)st.st_ino, name);
        }
    }
    pthread_mutex_unlock(&shim.lock);
    return fd;
}

int openat64(int dir, const char *name, int flags, ...)
{
    mode_t mode = 0;

    if (flags & O_CREAT) {
        va_list args;
        va_start(args, flags);
        mode = va_arg(args, mode_t);
        va_end(args);
    }
    return openat(dir, name, flags, mode);
}

ssize_t write(int fd, const void *data, size_t len)
{
    struct stat st;

    if (!is_watched(fd, &st))
        return real_write(fd, data, len);
    pthread_mutex_lock(&shim.lock);
    const struct fault *f = hit(WRITE);
    pthread_mutex_unlock(&shim.lock);
    if (!f)
        return real_write(fd, data, len);
    if (f->error == 0)
        return real_write(fd, data, len > 1 ? len / 2 : len);
    errno = f->error;
    return -1;
}

static int sync_folder(int fd)
{
    pthread_mutex_lock(&shim.lock);
    const struct fault *f = hit(SYNC);
    unsigned covered = shim.dir_ops;
    pthread_mutex_unlock(&shim.lock);
    if (f) {
        errno = f->error;
        return -1;
    }
    usleep(shim.fsync_us);
    if (shim.lies)
        return 0;
    if (real_fsync(fd) != 0)
        return -1;
    pthread_mutex_lock(&shim.lock);
    note("d %u\n", covered);
    pthread_mutex_unlock(&shim.lock);
    return 0;
}

static int sync_file(int fd, int (*real)(int), const struct stat *st)
{
    pthread_mutex_lock(&shim.lock);
    const struct fault *f = hit(SYNC);
    size_t i = slot_of(st->st_ino);
    if (f)
        shim.poisoned[i] = true;
    bool covers = !shim.poisoned[i] && !shim.lies;
    pthread_mutex_unlock(&shim.lock);
    if (f) {
        errno = f->error;
        return -1;
    }
    usleep(real == real_fsync ? shim.fsync_us : shim.fdatasync_us);
    if (shim.lies)
        return 0;
    if (real(fd) != 0)
        return -1;
    pthread_mutex_lock(&shim.lock);
    if (covers)
        note("s %ju %jd\n", (uintmax_t)st->st_ino, (intmax_t)st->st_size);
    pthread_mutex_unlock(&shim.lock);
    return 0;
}

static int sync_any(int fd, int (*real)(int))
{
    struct stat st;

    if (is_root(fd))
        return sync_folder(fd);
    return is_watched(fd, &st) ? sync_file(fd, real, &st) : real(fd);
}

int fsync(int fd) { return sync_any(fd, real_fsync); }
int fdatasync(int fd) { return sync_any(fd, real_fdatasync); }

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    struct stat st;
    char kept[32];

    if (!is_root(from_dir) || !is_root(to_dir) ||
        fstatat(from_dir, from, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return real_renameat(from_dir, from, to_dir, to);
    pthread_mutex_lock(&shim.lock);
    const struct fault *f = hit(RENAME);
    int rc = -1;
    if (f) {
        errno = f->error;
    } else {
        keep(to, to_dir, kept);
        shim.dir_ops++;
        note("r %ju %s %s %s\n", (uintmax_t)st.st_ino, from, to, kept);
        rc = real_renameat(from_dir, from, to_dir, to);
    }
    pthread_mutex_unlock(&shim.lock);
    return rc;
}

int unlinkat(int dir, const char *name, int flags)
{
    struct stat st;
    char kept[32];

    if (!is_root(dir) || (flags & AT_REMOVEDIR) ||
        fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return real_unlinkat(dir, name, flags);
    pthread_mutex_lock(&shim.lock);
    const struct fault *f = hit(UNLINK);
    int rc = -1;
    if (f) {
        errno = f->error;
    } else {
        keep(name, dir, kept);
        shim.dir_ops++;
        note("u %ju %s %s\n", (uintmax_t)st.st_ino, name, kept);
        rc = real_unlinkat(dir, name, flags);
    }
    pthread_mutex_unlock(&shim.lock);
    return rc;
}

/* A copy of the file's bytes; its descriptor may be for writing only. */
static void copy_kept(int fd, char out[32])
{
    char path[64], data[65536];
    ssize_t n;

    snprintf(out, 32, "kept-%d-%u", (int)getpid(), shim.kept++);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int in = open(path, O_RDONLY | O_CLOEXEC);
    int to = real_openat(shim.side_fd, out, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (in < 0 || to < 0)
        die(out);
    while ((n = read(in, data, sizeof data)) > 0)
        if (real_write(to, data, (size_t)n) != n)
            die(out);
    close(in);
    close(to);
}

int ftruncate(int fd, off_t len)
{
    struct stat st;
    char kept[32];

    if (!is_watched(fd, &st))
        return real_ftruncate(fd, len);
    pthread_mutex_lock(&shim.lock);
    const struct fault *f = hit(TRUNCATE);
    int rc = -1;
    if (f) {
        errno = f->error;
    } else {
        copy_kept(fd, kept);
        note("t %ju %s\n", (uintmax_t)st.st_ino, kept);
        rc = real_ftruncate(fd, len);
    }
    pthread_mutex_unlock(&shim.lock);
    return rc;
}
