#include "kit/kitfile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAGIC "SQLite format 3" /* and a NUL */
/* SQLite's own places for locks, far behind a small file's end: one byte for who is about to write,
 * one for who has begun to, and a range that readers share. */
#define LOCK_PENDING 0x40000000
#define LOCK_SHARED (LOCK_PENDING + 2)
#define LOCK_SHARED_SIZE 510
#define FOLDER "moongate-import-" /* of the copy, in TMPDIR; six letters follow */
#define OLD_S 60
#define ROW_MAX (16 << 20) /* bytes of one row or value */
#define BLOCK 65536

/* A rollback journal begins so, once there is something in it to be undone. */
static const unsigned char journal_magic[8] = { 0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7 };

struct original {
    const char *path; /* as given, for messages */
    char real[PATH_MAX];
    int fd, wal; /* -1: there is none */
    struct stat before, wal_before;
};

static int fail_errno(const char *path, struct err *e)
{
    return err_set(e, errno == ENOENT ? MG_E_NOTFOUND : MG_E_IO, "%s: %s", path, strerror(errno));
}

/* ---- the original ---- */

/* Opened without waiting for the other end of a pipe, and only when it is a file. */
static int open_regular(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return -1;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        return fd;
    close(fd);
    errno = EINVAL;
    return -1;
}

static int check_free(const struct original *o, struct err *e)
{
    struct flock lock = { .l_type = F_WRLCK,
                          .l_whence = SEEK_SET,
                          .l_start = LOCK_PENDING,
                          .l_len = LOCK_SHARED - LOCK_PENDING + LOCK_SHARED_SIZE };
    if (fcntl(o->fd, F_OFD_GETLK, &lock) != 0)
        return fail_errno(o->path, e);
    if (lock.l_type == F_UNLCK)
        return 0;
    if (lock.l_pid > 0)
        return err_set(e, MG_E_CONFLICT, "%s: is in use by process %ld: stop that first", o->path,
                       (long)lock.l_pid);
    return err_set(e, MG_E_CONFLICT, "%s: is in use by another process: stop that first", o->path);
}

/* Nobody may write while it is copied. */
static int lock_shared(const struct original *o, struct err *e)
{
    struct flock lock = {
        .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = LOCK_SHARED, .l_len = LOCK_SHARED_SIZE
    };
    int code = check_free(o, e);
    if (code != 0)
        return code;
    if (fcntl(o->fd, F_OFD_SETLK, &lock) == 0)
        return 0;
    return errno == EAGAIN || errno == EACCES ? check_free(o, e) : fail_errno(o->path, e);
}

/* An unfinished transaction is SQLite's to undo, and its journal may name a further file, which
 * SQLite would remove: nothing to do for a reader. */
static int check_journal(const struct original *o, struct err *e)
{
    char path[PATH_MAX + 16];
    unsigned char head[sizeof journal_magic];
    snprintf(path, sizeof path, "%s-journal", o->real);
    int fd = open_regular(path);
    ssize_t n = fd >= 0 ? read(fd, head, sizeof head) : 0;
    if (fd >= 0)
        close(fd);
    if (n != (ssize_t)sizeof head || memcmp(head, journal_magic, sizeof head) != 0)
        return 0;
    return err_set(e, MG_E_INVALID,
                   "%s: %s-journal holds a transaction that was not finished: open the file with "
                   "sqlite3 once, which undoes it",
                   o->path, o->path);
}

static int check_head(const struct original *o, struct err *e)
{
    char head[sizeof MAGIC];
    ssize_t n = pread(o->fd, head, sizeof head, 0);
    if (n < 0)
        return fail_errno(o->path, e);
    if (n == 0)
        return err_set(e, MG_E_INVALID, "%s: is empty", o->path);
    if (n != (ssize_t)sizeof head || memcmp(head, MAGIC, sizeof head) != 0)
        return err_set(e, MG_E_INVALID, "%s: is no SQLite file", o->path);
    return 0;
}

static int original_open(struct original *o, const char *path, uint64_t max_bytes, struct err *e)
{
    char wal[PATH_MAX + 16];
    *o = (struct original){ .path = path, .fd = -1, .wal = -1 };
    if (!realpath(path, o->real))
        return fail_errno(path, e);
    o->fd = open_regular(o->real);
    if (o->fd < 0)
        return errno == EINVAL ? err_set(e, MG_E_INVALID, "%s: is no file", path)
                               : fail_errno(path, e);
    int code = check_head(o, e);
    if (code == 0)
        code = lock_shared(o, e);
    if (code == 0)
        code = check_journal(o, e);
    if (code != 0)
        return code;
    snprintf(wal, sizeof wal, "%s-wal", o->real);
    o->wal = open_regular(wal);
    if (o->wal < 0 && errno != ENOENT)
        return fail_errno(wal, e);
    if (fstat(o->fd, &o->before) != 0 || (o->wal >= 0 && fstat(o->wal, &o->wal_before) != 0))
        return fail_errno(path, e);
    if ((uint64_t)o->before.st_size + (uint64_t)o->wal_before.st_size > max_bytes)
        return err_set(e, MG_E_LIMIT, "%s: has more than %llu bytes", path,
                       (unsigned long long)max_bytes);
    return 0;
}

static bool is_same(int fd, const struct stat *before)
{
    struct stat now;
    return fd < 0 || (fstat(fd, &now) == 0 && now.st_size == before->st_size &&
                      now.st_mtim.tv_sec == before->st_mtim.tv_sec &&
                      now.st_mtim.tv_nsec == before->st_mtim.tv_nsec);
}

/* One that keeps a WAL may have come and gone meanwhile: readers do not keep it out. */
static int check_unchanged(const struct original *o, struct err *e)
{
    int code = check_free(o, e);
    if (code != 0 || (is_same(o->fd, &o->before) && is_same(o->wal, &o->wal_before)))
        return code;
    return err_set(e, MG_E_CONFLICT, "%s: was changed while it was read", o->path);
}

static void original_close(struct original *o)
{
    if (o->fd >= 0)
        close(o->fd);
    if (o->wal >= 0)
        close(o->wal);
}

/* ---- the copy ---- */

static int write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

static int copy_file(const struct kitfile *f, int from, const char *name, struct err *e)
{
    char path[PATH_MAX + 16], block[BLOCK];
    off_t at = 0;
    ssize_t n = 0;
    snprintf(path, sizeof path, "%s/%s", f->folder, name);
    int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (to < 0)
        return err_set(e, MG_E_IO, "%s: %s", path, strerror(errno));
    while ((n = pread(from, block, sizeof block, at)) > 0 && write_all(to, block, (size_t)n) == 0)
        at += n;
    int code = n == 0 ? 0
                      : err_set(e, MG_E_IO, "%s: cannot be copied to %s: %s", f->path, f->folder,
                                strerror(errno));
    close(to);
    return code;
}

/* By descriptor: whoever else may write to the folder above cannot lead us elsewhere. */
static void folder_empty(int fd)
{
    static const char *const names[] = { "copy", "copy-wal", "copy-shm", "copy-journal" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        (void)unlinkat(fd, names[i], 0);
}

/* One that nobody holds, of a process that was killed. */
static void sweep_one(int tmp, const char *name)
{
    struct stat st;
    int fd = openat(tmp, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return;
    if (fstat(fd, &st) == 0 && st.st_uid == geteuid() && st.st_mtime < time(NULL) - OLD_S &&
        flock(fd, LOCK_EX | LOCK_NB) == 0) {
        folder_empty(fd);
        (void)unlinkat(tmp, name, AT_REMOVEDIR);
    }
    close(fd);
}

static void sweep(const char *tmp)
{
    DIR *d = opendir(tmp);
    if (!d)
        return;
    for (const struct dirent *x; (x = readdir(d)) != NULL;)
        if (strncmp(x->d_name, FOLDER, sizeof FOLDER - 1) == 0 &&
            strlen(x->d_name) == sizeof FOLDER - 1 + 6)
            sweep_one(dirfd(d), x->d_name);
    closedir(d);
}

/* Locked, so that no sweep takes it for one that was left. */
static int folder_make(struct kitfile *f, const char *tmp, struct err *e)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/" FOLDER "XXXXXX", tmp);
    if (n < 0 || (size_t)n >= sizeof path)
        return err_set(e, MG_E_LIMIT, "TMPDIR is too long");
    if (!mkdtemp(path))
        return err_set(e, MG_E_IO, "cannot make a folder as %s: %s", path, strerror(errno));
    memcpy(f->folder, path, (size_t)n + 1);
    f->has_copy = true;
    f->lock = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (f->lock < 0)
        return err_set(e, MG_E_IO, "%s: %s", path, strerror(errno));
    (void)flock(f->lock, LOCK_EX | LOCK_NB); /* where there are no locks its age has to do */
    return 0;
}

static int copy_make(struct kitfile *f, const struct original *o, struct err *e)
{
    const char *tmp = getenv("TMPDIR");
    if (!tmp || !tmp[0])
        tmp = P_tmpdir;
    sweep(tmp);
    int code = folder_make(f, tmp, e);
    if (code == 0)
        code = copy_file(f, o->fd, "copy", e);
    if (code == 0 && o->wal >= 0)
        code = copy_file(f, o->wal, "copy-wal", e);
    return code;
}

static void copy_remove(struct kitfile *f)
{
    if (!f->has_copy)
        return;
    f->has_copy = false;
    if (f->lock >= 0) {
        folder_empty(f->lock);
        close(f->lock);
    }
    (void)rmdir(f->folder);
}

/* ---- SQLite ---- */

int kitfile_error(const struct kitfile *f, struct err *e)
{
    switch (sqlite3_errcode(f->db) & 0xFF) {
    case SQLITE_NOMEM: return err_set(e, MG_E_NOMEM, "%s: not enough memory", f->path);
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
        return err_set(e, MG_E_IO, "%s: its copy in %s: %s", f->path, f->folder,
                       sqlite3_errmsg(f->db));
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return err_set(e, MG_E_INVALID, "%s: is damaged: %s", f->path, sqlite3_errmsg(f->db));
    default: return err_set(e, MG_E_INVALID, "%s: %s", f->path, sqlite3_errmsg(f->db));
    }
}

/* A file may say what is run when it is read: none of that is. */
static int set_up(const struct kitfile *f, struct err *e)
{
    static const int off[] = { SQLITE_DBCONFIG_TRUSTED_SCHEMA, SQLITE_DBCONFIG_ENABLE_TRIGGER,
                               SQLITE_DBCONFIG_ENABLE_VIEW, SQLITE_DBCONFIG_DQS_DML,
                               SQLITE_DBCONFIG_DQS_DDL };
    int rc = sqlite3_db_config(f->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    for (size_t i = 0; rc == SQLITE_OK && i < sizeof off / sizeof off[0]; i++)
        rc = sqlite3_db_config(f->db, off[i], 0, NULL);
    sqlite3_limit(f->db, SQLITE_LIMIT_LENGTH, ROW_MAX);
    if (rc == SQLITE_OK) /* the index of the WAL stays in memory: no other file is made */
        rc = sqlite3_exec(f->db,
                          "PRAGMA locking_mode = EXCLUSIVE; PRAGMA mmap_size = 0;"
                          "PRAGMA cell_size_check = ON; PRAGMA ignore_check_constraints = ON",
                          NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : kitfile_error(f, e);
}

/* Damage that reading alone would not always notice, such as a page in two places. */
static int check_whole(const struct kitfile *f, struct err *e)
{
    sqlite3_stmt *ask = NULL;
    int code = 0;
    if (sqlite3_prepare_v2(f->db, "PRAGMA quick_check(1)", -1, &ask, NULL) != SQLITE_OK)
        return kitfile_error(f, e);
    if (sqlite3_step(ask) != SQLITE_ROW) {
        code = kitfile_error(f, e);
    } else {
        const char *said = (const char *)sqlite3_column_text(ask, 0);
        if (!said || strcmp(said, "ok") != 0)
            code = err_set(e, MG_E_INVALID, "%s: is damaged: %.*s", f->path,
                           said ? (int)strcspn(said, "\n") : 0, said ? said : "");
    }
    sqlite3_finalize(ask);
    return code;
}

static int database_open(struct kitfile *f, struct err *e)
{
    char path[PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/copy", f->folder);
    int rc = sqlite3_open_v2(path, &f->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (!f->db)
        return err_set(e, MG_E_NOMEM, "%s: not enough memory", f->path);
    int code = rc == SQLITE_OK ? set_up(f, e) : kitfile_error(f, e);
    return code == 0 ? check_whole(f, e) : code;
}

int kitfile_open(struct kitfile *f, const char *path, uint64_t max_bytes, struct err *e)
{
    struct original o;
    *f = (struct kitfile){ .path = path, .lock = -1 };
    int code = original_open(&o, path, max_bytes, e);
    if (code == 0)
        code = copy_make(f, &o, e);
    if (code == 0)
        code = check_unchanged(&o, e);
    original_close(&o);
    if (code == 0)
        code = database_open(f, e);
    copy_remove(f); /* SQLite has all of it open: who is killed from now on leaves nothing */
    return code;
}

void kitfile_close(struct kitfile *f)
{
    (void)sqlite3_close(f->db);
    f->db = NULL;
    copy_remove(f);
}
