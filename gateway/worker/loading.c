#include "worker/loading.h"

#include <stdio.h>

#include "base/log.h"

extern char **environ;

void loading_tell_stderr(void *arg, const char *line)
{
    (void)arg;
    fprintf(stderr, "%s\n", line);
}

void loading_tell_log(void *arg, const char *line)
{
    (void)arg;
    log_printf(LOG_ERROR, "configuration: %s", line);
}

struct config *loading_config(const char *ini_path, void (*tell)(void *arg, const char *line))
{
    struct problems problems = { 0 };
    struct config_source source = { .path = ini_path, .env = (const char *const *)environ };
    struct config *c = config_load(&source, &problems);
    problems_tell(&problems, tell, NULL);
    problems_fini(&problems);
    return c;
}
