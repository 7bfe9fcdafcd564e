/* offline.h - what the command line does with tools without serving: check, list, call.
 * Nothing here changes the state file but a call that is to be committed, and an import. Output
 * goes to standard output, errors to standard error; each returns the exit code: 0, 1 failure, 2
 * usage or configuration. Threads: the main one. */
#ifndef MG_OFFLINE_H
#define MG_OFFLINE_H
#include <stdbool.h>
#include <stddef.h>

/* Loads the configuration and every tool, prints every error. file: only the problems of this tool
 * file; NULL: all. */
int offline_check(const char *ini_path, const char *file);

enum offline_tools_form {
    OFFLINE_TOOLS_LIST,
    OFFLINE_TOOLS_JSON,    /* the tools/list result's "tools" array */
    OFFLINE_TOOLS_MARKDOWN /* a page with everything that is declared and granted */
};
/* Lists the tools that would be served. */
int offline_tools(const char *ini_path, enum offline_tools_form form);

struct offline_call {
    const char *tool;
    const char *arguments;      /* a JSON object; "-": standard input holds it */
    const char *as;             /* a key's name; NULL: the operator, who may call everything */
    const char *const *answers; /* "KEY=JSON": what is answered when the tool asks for KEY */
    size_t answer_count;
    bool commit; /* what it changes stays; else it works on a copy of the state */
};
/* Calls one tool. Prints the text blocks of the result, other blocks as JSON. An error result goes
 * to standard error and returns 1. commit: through the gateway that holds the state, if one does.
 */
int offline_call(const char *ini_path, const struct offline_call *o);

/* May the key call the tool? Prints the answer and what decides it; 0 yes, 1 no, 2 when there is no
 * such key or tool. */
int offline_may(const char *ini_path, const char *key, const char *tool);

struct offline_test {
    const char *const *files; /* names in the tools folder, or paths of such; NULL-terminated */
    const char *filter;       /* only cases whose "FILE: NAME" contains it; NULL: all */
    bool tap;                 /* the Test Anything Protocol instead of text for people */
};
/* Runs the tests beside the tools: all, or those of some files. 1: one failed, or there is none. */
int offline_test(const char *ini_path, const struct offline_test *o);

struct offline_import {
    const char *file; /* the ops kit's SQLite state */
    bool overwrite;   /* what is there already is replaced; else it stays as it is */
    bool dry_run;     /* on a copy of the state: only says what would be done */
};
/* Takes over the kit's jobs, models and audits, all or nothing; durable when it says so. The state
 * must not be in use, but for a dry run. */
int offline_import(const char *ini_path, const struct offline_import *o);

#endif
