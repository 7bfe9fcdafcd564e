/* replays.h - the streams of calls that legacy sessions can resume: what was said on each, kept
 * until its client may be taken to have it. A replay is one call's stream. It has one writer, the
 * call, and at most one reader, the feed of the connection that is open for it, wherever that
 * landed: the call's own one at first, then the newest GET that names an event of it. A client that
 * is away loses nothing but, over the bound, the oldest of what may be missed (progress, log
 * messages); requests and the answer are always kept. When the call is over its replay waits for a
 * client that has gone: REPLAYS_KEEP_MS, or REPLAYS_TOLD_MS once a connection was given all of it,
 * REPLAYS_MAX of them, REPLAYS_MAX_BYTES of all. Of both each key has its share (hub/shares.h);
 * beyond it, of its own, what was given leaves first, then the oldest.
 * Threads: any; a feed's functions: its loop's; a replay's: one at a time. One lock. Time is passed
 * in. */
#ifndef MG_REPLAYS_H
#define MG_REPLAYS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "hub/event_id.h"
#include "io/loop.h"

#define REPLAYS_KEEP_MS (5 * 60 * 1000)
#define REPLAYS_TOLD_MS (30 * 1000)
#define REPLAYS_MAX 1000              /* that are over */
#define REPLAYS_MAX_BYTES (64u << 20) /* of all events */

struct replays;
/* max_bytes: of what may be missed of one call. NULL: no memory. */
struct replays *replays_new(size_t max_bytes);
void replays_free(struct replays *r); /* after all feeds are closed; NULL is legal */
void replays_set_max(struct replays *r, size_t max_bytes);

/* ---- the writer ---- */

struct replay;
/* Called while the session cannot end (sessions_enter()). MG_E_LIMIT: calls that run hold all
 * that this key may have of REPLAYS_MAX_BYTES; MG_E_NOMEM. */
int replays_begin(struct replays *r, const char *session, uint64_t principal,
                  struct replay **out) MG_NODISCARD;
/* The next event. must: it is never left out. MG_E_NOMEM: its stream is broken, end it. */
int replay_put(struct replay *one, const char *json, size_t len, bool must) MG_NODISCARD;
/* The connection that is open, if any, ends when it has been given what was put until now; the
 * client is to come back after retry_ms. */
void replay_pause(struct replay *one, uint32_t retry_ms);
bool replay_has_session(struct replay *one); /* false: it has ended, nobody can come back */
/* The call is over: its last event was put (has_answer), or there is none, and nothing is kept. The
 * writer must not touch it any more. */
void replay_end(struct replay *one, bool has_answer, int64_t now_ms);
void replay_event_id(const struct replay *one, uint64_t number, char out[static EVENT_ID_SIZE]);

/* ---- the readers ---- */

struct replay_feed;
struct replay_feed_ops {     /* on the feed's loop; not after replay_close() */
    void (*due)(void *arg);  /* replay_next() may have something, or it is over */
    void (*lost)(void *arg); /* its session has ended, or another connection took over: close now */
};
/* The call's own connection. MG_E_NOMEM. */
int replay_follow(struct replay *one, struct loop *l, const struct replay_feed_ops *ops, void *arg,
                  struct replay_feed **out) MG_NODISCARD;
/* A connection that names the last event its client has seen; all that came behind it follows.
 * Called while the session cannot end. MG_E_NOTFOUND: it is no event of a call's stream of this
 * session; MG_E_NOMEM. */
int replays_resume(struct replays *r, struct loop *l, const char *session, uint64_t principal,
                   const char *last_event, const struct replay_feed_ops *ops, void *arg,
                   struct replay_feed **out) MG_NODISCARD;
void replay_close(struct replay_feed *f, int64_t now_ms); /* NULL is legal */

enum replay_next {
    REPLAY_NOTHING, /* not now */
    REPLAY_EVENT,   /* appended to *out, as an event of an event stream */
    REPLAY_WHOLE,   /* likewise, one that must be told, however large */
    REPLAY_PAUSED,  /* end the connection, *retry_ms is when the client is to come back */
    REPLAY_OVER,    /* end the connection */
};
enum replay_next replay_next(struct replay_feed *f, struct buf *out, uint32_t *retry_ms);

/* ---- all ---- */

/* The session has ended: connections are told, what is over is forgotten; what runs is not kept. */
void replays_forget(struct replays *r, const char *session);
void replays_sweep(struct replays *r, int64_t now_ms); /* once a minute, or oftener */
/* Calls' streams, those that wait for their client, bytes, events left out: a metrics_source. */
void replays_metrics(void *replays, struct buf *out);

#endif
