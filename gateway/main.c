/* main.c - from the command line to the exit code. */
#include "cli/cli.h"
#include "worker/offline.h"
#include "worker/supervisor.h"

static int call(const struct cli *cli)
{
    struct offline_call o = { .tool = cli->tool,
                              .arguments = cli->arguments,
                              .as = cli->key,
                              .answers = cli->answers,
                              .answer_count = cli->answer_count,
                              .commit = cli->commit };
    return cli_end(offline_call(cli->ini, &o));
}

static int test(const struct cli *cli)
{
    struct offline_test o = { cli->files, cli->filter, cli->tap };
    return cli_end(offline_test(cli->ini, &o));
}

static int tools(const struct cli *cli)
{
    enum offline_tools_form form = cli->form == CLI_MARKDOWN ? OFFLINE_TOOLS_MARKDOWN
                                   : cli->json               ? OFFLINE_TOOLS_JSON
                                                             : OFFLINE_TOOLS_LIST;
    return cli_end(offline_tools(cli->ini, form));
}

static int import(const struct cli *cli)
{
    struct offline_import o = { cli->file, cli->overwrite, cli->dry_run };
    return cli_end(offline_import(cli->ini, &o));
}

int main(int argc, char **argv)
{
    struct cli cli;
    int code = cli_parse(argc, argv, &cli);
    if (code >= 0)
        return code;
    switch (cli.command) {
    case CLI_CHECK: return cli_end(offline_check(cli.ini, cli.file));
    case CLI_CONFIG: return cli_config(&cli);
    case CLI_TOOLS: return tools(&cli);
    case CLI_CALL: return call(&cli);
    case CLI_NEW: return cli_new(&cli);
    case CLI_TEST: return test(&cli);
    case CLI_MAY: return cli_end(offline_may(cli.ini, cli.key, cli.tool));
    case CLI_IMPORT: return import(&cli);
    case CLI_STDIO: return supervisor_stdio(cli.ini);
    case CLI_SERVE: break;
    }
    return supervisor_serve(cli.ini);
}
