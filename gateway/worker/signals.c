#include "worker/signals.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

static void readable(void *arg, uint32_t events)
{
    struct signals *s = arg;
    struct signalfd_siginfo info;
    (void)events;
    while (read(s->fd, &info, sizeof info) == sizeof info)
        s->arrived(s->arg, info.ssi_signo == SIGHUP, info.ssi_signo);
}

int signals_open(struct signals *s, struct loop *l,
                 void (*arrived)(void *arg, bool is_reload, unsigned number), void *arg,
                 struct err *e)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    signal(SIGPIPE, SIG_IGN);
    s->arrived = arrived;
    s->arg = arg;
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
        return err_set(e, MG_E_IO, "cannot block signals");
    s->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (s->fd < 0)
        return err_set(e, MG_E_IO, "signalfd: %s", strerror(errno));
    int code = loop_watch(l, s->fd, EPOLLIN, readable, s, &s->watch);
    return code == 0 ? 0 : err_set(e, code, "cannot watch for signals: %s", err_word(code));
}

void signals_close(struct signals *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}
