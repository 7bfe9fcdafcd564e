/* main.c - from the command line to the exit code. */
#include "cli/cli.h"
#include "worker/offline.h"
#include "worker/supervisor.h"

int main(int argc, char **argv)
{
    struct cli cli;
    int code = cli_parse(argc, argv, &cli);
    if (code >= 0)
        return code;
    switch (cli.command) {
    case CLI_CHECK: return cli_end(offline_check(cli.ini, cli.file));
    case CLI_CONFIG: return cli_config(&cli);
    case CLI_TOOLS: return cli_end(offline_tools(cli.ini, cli.json));
    case CLI_CALL: return cli_end(offline_call(cli.ini, cli.tool, cli.arguments));
    case CLI_SERVE: break;
    }
    return supervisor_serve(cli.ini);
}
