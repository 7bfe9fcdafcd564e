#include "worker/stand_in.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "worker/supervisor.h"

static void *stand_in_main(void *arg)
{
    struct stand_in *s = arg;
    prctl(PR_SET_NAME, "mg-stand-in");
    s->code = supervisor_stand_in(s->ini_path, s->fd, &s->is_second);
    return NULL;
}

int stand_in_start(struct stand_in *s, const char *ini_path, int *fd, struct err *e)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return err_set(e, MG_E_IO, "cannot make a socket: %s", strerror(errno));
    *s = (struct stand_in){ .ini_path = ini_path, .fd = ends[0] };
    int error = pthread_create(&s->thread, NULL, stand_in_main, s);
    if (error != 0) {
        close(ends[0]);
        close(ends[1]);
        return err_set(e, MG_E_IO, "cannot start a thread: %s", strerror(error));
    }
    s->is_running = true;
    *fd = ends[1];
    return 0;
}

void stand_in_join(struct stand_in *s)
{
    if (s->is_running)
        pthread_join(s->thread, NULL);
    s->is_running = false;
}
