#include "worker/logging.h"

#include <unistd.h>

#include "base/log.h"

static void options_fill(const struct config *c, struct log_options *o)
{
    bool has_file = c->log.file[0] != '\0';
    bool is_for_people = !has_file && isatty(STDERR_FILENO);
    *o = (struct log_options){
        .level = c->log.level,
        .text =
            c->log.format == CONFIG_LOG_TEXT || (c->log.format == CONFIG_LOG_AUTO && is_for_people),
        .file = has_file ? c->log.file : NULL,
        .redact = c->log.redact.items,
    };
}

int logging_start(const struct config *c, struct err *e)
{
    struct log_options o;
    options_fill(c, &o);
    return log_start(&o, e);
}

int logging_configure(const struct config *c, struct err *e)
{
    struct log_options o;
    options_fill(c, &o);
    return log_configure(&o, e);
}
