#include "worker/loading.h"

#include <stdio.h>

#include "base/log.h"

extern char **environ;

void loading_tell_stderr(const char *line) { fprintf(stderr, "%s\n", line); }

void loading_tell_log(const char *line) { log_printf(LOG_ERROR, "configuration: %s", line); }

struct config *loading_config(const char *ini_path, void (*tell)(const char *line))
{
    struct problems problems = { 0 };
    struct config_source source = { .path = ini_path, .env = (const char *const *)environ };
    struct config *c = config_load(&source, &problems);
    for (size_t i = 0; i < problems.kept; i++)
        tell(problems.lines[i]);
    if (problems.count > problems.kept) {
        char more[64];
        snprintf(more, sizeof more, "and %zu more", problems.count - problems.kept);
        tell(more);
    }
    problems_fini(&problems);
    return c;
}
