/* config_command.c - moongate config: what is in effect, a fresh file, the manual. */
#include <stdio.h>

#include "cli/cli.h"
#include "config/config.h"
#include "config/manual.h"

extern char **environ;

static int in_effect(const char *ini, struct buf *out)
{
    struct problems problems = { 0 };
    struct config_source source = { .path = ini, .env = (const char *const *)environ };
    struct config *c = config_load(&source, &problems);

    problems_print(&problems, stderr);
    problems_fini(&problems);
    if (!c)
        return CLI_USAGE;
    config_print(c, out);
    config_unref(c);
    return CLI_OK;
}

int cli_config(const struct cli *cli)
{
    struct buf out = { 0 };
    int code = CLI_OK;

    switch (cli->form) {
    case CLI_IN_EFFECT: code = in_effect(cli->ini, &out); break;
    case CLI_FRESH_INI: manual_ini(&out); break;
    case CLI_MARKDOWN: manual_markdown(&out); break;
    }
    if (!buf_ok(&out)) {
        fputs("moongate: not enough memory\n", stderr);
        code = CLI_FAILURE;
    } else if (out.len > 0) {
        fwrite(out.data, 1, out.len, stdout);
    }
    buf_fini(&out);
    return cli_end(code);
}
