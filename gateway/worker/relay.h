/* relay.h - `moongate stdio` where another process holds the state: lines go to that process and
 * its answers back. When it goes away its place is taken by whichever process has the state next,
 * or by this one; the client notices no more of that than what a conversation (conversation.h)
 * tells it. Threads: the main one, and the gateway's that takes the place in this process
 * (stand_in.h). */
#ifndef MG_RELAY_H
#define MG_RELAY_H

/* Takes over both descriptors. Returns the exit code: 0 when the client ended; else no gateway was
 * found, nor could one be started, and what was asked is answered with errors: says why on standard
 * error. */
int relay_run(const char *ini_path, int in_fd, int out_fd);

#endif
