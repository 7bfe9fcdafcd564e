/* supervisor.h - the process: builds everything in order, waits for signals, takes everything down
 * in the opposite order. Threads: the main one. SIGTERM and SIGINT drain and end with 0, SIGHUP
 * reloads, and so does a change of the files that are followed (reload.h). */
#ifndef MG_SUPERVISOR_H
#define MG_SUPERVISOR_H
#include <stdbool.h>

/* Serves with this mcp.ini until a signal ends it. Returns the exit code: 0, 1 failure, 2
 * configuration. Errors are told on standard error, and in the log once there is one. */
int supervisor_serve(const char *ini_path);

/* The same for the client that started the process: JSON-RPC in lines on standard input and output,
 * no addresses, one worker, until the input ends. */
int supervisor_stdio(const char *ini_path);

/* The same for a client at a socket, which is taken over: what a relay (relay.h) becomes when the
 * process that held the state is gone. On a thread whose creator has blocked the signals.
 * is_second: yet another process has the state, nothing was done or said. */
int supervisor_stand_in(const char *ini_path, int fd, bool *is_second);

#endif
