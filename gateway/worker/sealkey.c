#include "worker/sealkey.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"

#define TEXT_SIZE (2 * SEAL_KEY_SIZE + 1) /* hex digits and a line end */

static int path_make(char out[PATH_MAX], const char *state_path, const char *suffix, struct err *e)
{
    int n = snprintf(out, PATH_MAX, "%s%s", state_path, suffix);
    return n > 0 && n < PATH_MAX ? 0 : err_set(e, MG_E_LIMIT, "the path of the state is too long");
}

static int text_read(const char *text, size_t len, struct seal_key *k)
{
    struct buf bytes = { 0 };
    int code = len == TEXT_SIZE ? hex_decode(&bytes, text, len - 1) : MG_E_INVALID;
    if (code == 0)
        memcpy(k->secret, bytes.data, sizeof k->secret);
    if (bytes.data)
        explicit_bzero(bytes.data, bytes.cap);
    buf_fini(&bytes);
    return code;
}

/* MG_E_NOTFOUND: it is not there, or not as we have left it. */
static int key_read(const char *path, struct seal_key *k, struct err *e)
{
    char text[TEXT_SIZE + 1];
    struct stat st;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && (errno == ENOENT || errno == ELOOP))
        return MG_E_NOTFOUND;
    if (fd < 0)
        return err_set(e, MG_E_IO, "%s: %s", path, strerror(errno));
    bool is_ours = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
                   (st.st_mode & 077) == 0;
    ssize_t n = is_ours ? read(fd, text, sizeof text) : 0;
    close(fd);
    int code = n > 0 ? text_read(text, (size_t)n, k) : MG_E_INVALID;
    explicit_bzero(text, sizeof text);
    return code == 0 ? 0 : MG_E_NOTFOUND;
}

static int text_write(int fd, const struct seal_key *k)
{
    struct buf text = { 0 };
    hex_encode(&text, k->secret, sizeof k->secret);
    buf_putc(&text, '\n');
    bool is_written =
        buf_ok(&text) && write(fd, text.data, text.len) == (ssize_t)text.len && fsync(fd) == 0;
    int code = is_written ? 0 : MG_E_IO;
    if (text.data)
        explicit_bzero(text.data, text.cap);
    buf_fini(&text);
    return code;
}

/* The name is there with the whole key, or not at all. */
static int key_write(const char *path, const char *temp, const struct seal_key *k, struct err *e)
{
    (void)unlink(temp);
    int fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_set(e, MG_E_IO, "%s: %s", temp, strerror(errno));
    int code = text_write(fd, k);
    if (code != 0)
        err_set(e, code, "%s: %s", temp, strerror(errno));
    if (close(fd) != 0 && code == 0)
        code = err_set(e, MG_E_IO, "%s: %s", temp, strerror(errno));
    if (code == 0 && rename(temp, path) != 0)
        code = err_set(e, MG_E_IO, "%s: %s", path, strerror(errno));
    if (code != 0)
        (void)unlink(temp);
    return code;
}

int sealkey_open(const char *state_path, struct seal_key *k, struct err *e)
{
    char path[PATH_MAX], temp[PATH_MAX];
    int code = path_make(path, state_path, SEALKEY_SUFFIX, e);
    if (code == 0)
        code = path_make(temp, state_path, SEALKEY_SUFFIX ".tmp", e);
    if (code == 0)
        code = key_read(path, k, e);
    if (code == 0)
        return 0;
    seal_key_make(k);
    return code == MG_E_NOTFOUND ? key_write(path, temp, k, e) : code;
}
