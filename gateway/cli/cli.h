/* cli.h - the command line: what was asked for, and the commands that need no tools.
 * Threads: the main one. Texts belong to argv or are constants. */
#ifndef MG_CLI_H
#define MG_CLI_H
#include <stdbool.h>

enum cli_exit { CLI_OK, CLI_FAILURE, CLI_USAGE }; /* the process's exit codes */

enum cli_command { CLI_SERVE, CLI_CHECK, CLI_CONFIG, CLI_TOOLS, CLI_CALL };
enum cli_form { CLI_IN_EFFECT, CLI_FRESH_INI, CLI_MARKDOWN };

struct cli {
    enum cli_command command;
    const char *ini;    /* the file to read; NULL only for CLI_CONFIG in a form that reads none */
    const char *file;   /* CLI_CHECK: tell of this tool file alone, or NULL */
    enum cli_form form; /* CLI_CONFIG */
    bool json;          /* CLI_TOOLS */
    const char *tool;   /* CLI_CALL */
    const char *arguments; /* CLI_CALL: the JSON text as it was given, "{}" when none was */
};

/* Negative: *out says what to do. Else the process's exit code: help or version was printed, or
 * what is wrong with the command line, on standard error. */
int cli_parse(int argc, char **argv, struct cli *out);

/* moongate config: returns the exit code. */
int cli_config(const struct cli *cli);

/* Flushes standard output; returns code, or CLI_FAILURE when it could not be written. */
int cli_end(int code);

#endif
