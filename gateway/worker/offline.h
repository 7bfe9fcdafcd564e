/* offline.h - what the command line does with tools without serving: check, list, call.
 * Nothing here changes the state file but a call that is to be committed. Output goes to standard
 * output, errors to standard error; each returns the exit code: 0, 1 failure, 2 usage or
 * configuration. Threads: the main one. */
#ifndef MG_OFFLINE_H
#define MG_OFFLINE_H
#include <stdbool.h>

/* Loads the configuration and every tool, prints every error. file: only the problems of this tool
 * file; NULL: all. */
int offline_check(const char *ini_path, const char *file);

/* Lists the tools that would be served; as_json: the tools/list result's "tools" array. */
int offline_tools(const char *ini_path, bool as_json);

struct offline_call {
    const char *tool;
    const char *arguments; /* a JSON object; "-": standard input holds it */
    const char *as;        /* a key's name; NULL: the operator, who may call everything */
    bool commit;           /* what it changes stays; else it works on a copy of the state */
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

#endif
