/* line_pipe.h - lines in from one descriptor, lines out to another, on a loop.
 * What cannot be written at once is queued; while more than max_queue bytes are, or while its owner
 * holds it, nothing is read, so that a client that does not read cannot make it grow by asking.
 * Pipes, sockets, terminals and files serve. Descriptors that are shared with other processes keep
 * their flags: who started us may use them, too. Threads: the loop's. */
#ifndef MG_LINE_PIPE_H
#define MG_LINE_PIPE_H
#include <stdbool.h>
#include <stddef.h>

#include "io/loop.h"
#include "stdio/line_reader.h"

struct line_pipe_ops {
    struct line_ops lines;
    /* Once: no more lines come. is_lost: nobody reads what is sent either; what the other end of
     * one socket had said before that has come. May free the pipe. */
    void (*ended)(void *arg, bool is_lost);
    void (*flushed)(void *arg); /* the queue is empty again */
};

struct line_pipe_options {
    int in_fd, out_fd; /* taken over, on failure closed; may be the same socket twice (dup) */
    size_t max_line, max_queue;
    /* A last line without its end is dropped: the other side always sends ends, so it died in the
     * middle of that line. Else it counts as one. */
    bool drops_torn;
};

struct line_pipe;
/* Reading begins with the next poll. */
struct line_pipe *line_pipe_new(struct loop *l, const struct line_pipe_options *o,
                                const struct line_pipe_ops *ops, void *arg, struct err *e);
void line_pipe_free(struct line_pipe *p); /* what is queued is dropped; NULL is legal */

/* Sends one line; its end is added. False: nobody reads, or no memory (then the pipe is lost, too:
 * an answer that is missing must not go unnoticed). ended() is never called from in here. */
bool line_pipe_send(struct line_pipe *p, const char *text, size_t len);
size_t line_pipe_queued(const struct line_pipe *p);
/* Nothing more will be sent: once the queue has left, a socket's other end reads the end. */
void line_pipe_finish(struct line_pipe *p);
void line_pipe_hold(struct line_pipe *p, bool hold);

#endif
