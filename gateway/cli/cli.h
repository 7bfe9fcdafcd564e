/* cli.h - the command line: what was asked for, and the commands that need no tools.
 * Threads: the main one. Texts belong to argv or are constants. */
#ifndef MG_CLI_H
#define MG_CLI_H
#include <stdbool.h>
#include <stddef.h>

#define CLI_ANSWERS_MAX 32

enum cli_exit { CLI_OK, CLI_FAILURE, CLI_USAGE }; /* the process's exit codes */

enum cli_command {
    CLI_SERVE,
    CLI_STDIO,
    CLI_CHECK,
    CLI_CONFIG,
    CLI_TOOLS,
    CLI_CALL,
    CLI_NEW,
    CLI_TEST,
    CLI_MAY,
    CLI_IMPORT
};
enum cli_form { CLI_IN_EFFECT, CLI_FRESH_INI, CLI_MARKDOWN };

struct cli {
    enum cli_command command;
    const char *ini; /* the file to read; NULL only for CLI_CONFIG in a form that reads none */
    /* CLI_CHECK: tell of this tool file alone, or NULL; CLI_IMPORT: what to read */
    const char *file;
    enum cli_form form; /* CLI_CONFIG; CLI_TOOLS: only CLI_MARKDOWN counts */
    bool json;          /* CLI_TOOLS */
    const char *tool;   /* CLI_CALL, CLI_NEW, CLI_MAY */
    /* CLI_CALL: the JSON text as it was given, "-" for standard input, "{}" when none was */
    const char *arguments;
    const char *key;                      /* CLI_CALL: --as, or NULL; CLI_MAY */
    bool commit;                          /* CLI_CALL */
    const char *answers[CLI_ANSWERS_MAX]; /* CLI_CALL: "KEY=JSON" each */
    size_t answer_count;
    const char *const *files; /* CLI_TEST: NULL-terminated */
    const char *filter;       /* CLI_TEST, or NULL */
    bool tap;                 /* CLI_TEST */
    bool overwrite, dry_run;  /* CLI_IMPORT */
};

/* Negative: *out says what to do. Else the process's exit code: help or version was printed, or
 * what is wrong with the command line, on standard error. */
int cli_parse(int argc, char **argv, struct cli *out);

/* moongate config: returns the exit code. */
int cli_config(const struct cli *cli);
/* moongate new: likewise. */
int cli_new(const struct cli *cli);

/* Flushes standard output; returns code, or CLI_FAILURE when it could not be written. */
int cli_end(int code);

#endif
