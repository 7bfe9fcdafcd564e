#include "stdio/door.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 64

/* A socket's path has 107 bytes at most: the folder, whatever its length, is named by its
 * descriptor. Returns that; negative: *e. */
static int place(const char *state_path, struct sockaddr_un *a, char name[NAME_MAX + 1],
                 struct err *e)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(state_path, '/');
    const char *base = slash ? slash + 1 : state_path;
    int n = slash
                ? snprintf(folder, sizeof folder, "%.*s", (int)(slash - state_path + 1), state_path)
                : snprintf(folder, sizeof folder, ".");
    if (n < 0 || (size_t)n >= sizeof folder)
        return err_set(e, MG_E_LIMIT, "the path of the state is too long");
    int dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return err_set(e, MG_E_IO, "%s: %s", folder, strerror(errno));
    *a = (struct sockaddr_un){ .sun_family = AF_UNIX };
    n = snprintf(name, NAME_MAX + 1, "%s" DOOR_SUFFIX, base);
    if (n > 0 && n <= NAME_MAX)
        n = snprintf(a->sun_path, sizeof a->sun_path, "/proc/self/fd/%d/%s", dir, name);
    if (n < 0 || (size_t)n >= sizeof a->sun_path) {
        close(dir);
        return err_set(e, MG_E_LIMIT, "%s" DOOR_SUFFIX ": the name is too long for a socket", base);
    }
    return dir;
}

static void remove_socket(int dir, const char *name)
{
    struct stat st;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK(st.st_mode))
        unlinkat(dir, name, 0);
}

int door_open(const char *state_path, int *fd, struct err *e)
{
    struct sockaddr_un a;
    char name[NAME_MAX + 1];
    int dir = place(state_path, &a, name, e), code = 0;
    if (dir < 0)
        return dir;
    remove_socket(dir, name);
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* The mode of the socket becomes the file's: there is no moment at which it is wider. */
    if (*fd < 0 || fchmod(*fd, 0600) != 0 ||
        bind(*fd, (const struct sockaddr *)&a, sizeof a) != 0 || listen(*fd, BACKLOG) != 0) {
        code = err_set(e, MG_E_IO, "%s" DOOR_SUFFIX ": %s", state_path, strerror(errno));
        if (*fd >= 0)
            close(*fd);
        *fd = -1;
    }
    close(dir);
    return code;
}

void door_remove(const char *state_path)
{
    struct sockaddr_un a;
    struct err e = { 0 };
    char name[NAME_MAX + 1];
    int dir = place(state_path, &a, name, &e);
    if (dir < 0)
        return;
    remove_socket(dir, name);
    close(dir);
}

bool door_is_ours(int fd)
{
    struct ucred who;
    socklen_t len = sizeof who;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 && who.uid == geteuid();
}

/* For now: nobody is there, or so many wait that one more would have to (EAGAIN). */
static bool is_shut(int error)
{
    return error == ENOENT || error == ECONNREFUSED || error == EAGAIN;
}

int door_connect(const char *state_path, int *fd, struct err *e)
{
    struct sockaddr_un a;
    char name[NAME_MAX + 1];
    int dir = place(state_path, &a, name, e), code = 0;
    if (dir < 0)
        return dir;
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd < 0 || connect(*fd, (const struct sockaddr *)&a, sizeof a) != 0)
        code = err_set(e, is_shut(errno) ? MG_E_NOTFOUND : MG_E_IO, "%s" DOOR_SUFFIX ": %s",
                       state_path, strerror(errno));
    else if (!door_is_ours(*fd))
        code = err_set(e, MG_E_DENIED, "%s" DOOR_SUFFIX " belongs to another user's process",
                       state_path);
    if (code != 0 && *fd >= 0) {
        close(*fd);
        *fd = -1;
    }
    close(dir);
    return code;
}
