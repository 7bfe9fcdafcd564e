/* offline.h - what the command line does with tools without serving: check, list, call.
 * Nothing here opens a socket or changes the state file. Output goes to standard output, errors to
 * standard error; each returns the exit code: 0, 1 failure, 2 usage or configuration. Threads: the
 * main one. */
#ifndef MG_OFFLINE_H
#define MG_OFFLINE_H
#include <stdbool.h>

/* Loads the configuration and every tool, prints every error. file: only the problems of this tool
 * file; NULL: all. */
int offline_check(const char *ini_path, const char *file);

/* Lists the tools that would be served; as_json: the tools/list result's "tools" array. */
int offline_tools(const char *ini_path, bool as_json);

/* Calls one tool, its changes kept in memory only. Prints the text blocks of the result, other
 * blocks as JSON. An error result goes to standard error and returns 1. */
int offline_call(const char *ini_path, const char *name, const char *json);

#endif
