#include "worker/loading.h"

#include <stdio.h>

extern char **environ;

void loading_tell_stderr(void *arg, const char *line)
{
    (void)arg;
    fprintf(stderr, "%s\n", line);
}

struct config *loading_config(const char *ini_path, void (*tell)(void *arg, const char *line),
                              void *arg)
{
    struct problems problems = { 0 };
    struct config_source source = { .path = ini_path, .env = (const char *const *)environ };
    struct config *c = config_load(&source, &problems);
    problems_tell(&problems, tell, arg);
    problems_fini(&problems);
    return c;
}
