/* saver.h - the thread that makes snapshots and sweeps, and decides when.
 * A snapshot is due `autosave` after the last one when something changed since, but no sooner than
 * 20 times what the last one took; at once when somebody asks or the journal broke; after a failure
 * with growing pauses. Lifetime: starts when the state is recovered, ends before the final
 * snapshot. Threads: any may call. */
#ifndef MG_STORE_SAVER_H
#define MG_STORE_SAVER_H
#include "store/store.h"

struct local;
struct saver;

struct saver_options {
    int64_t autosave_ms, sweep_ms;
    store_seq saved; /* the newest record that the snapshot on disk holds; older than the newest:
                        due now */
};
/* In two steps, because the journal pokes the saver, which looks at the journal. */
struct saver *saver_new(struct local *l, const struct saver_options *o, struct err *e);
int saver_start(struct saver *s, struct err *e) MG_NODISCARD;
void saver_reconfigure(struct saver *s, int64_t autosave_ms);
/* Something is wrong with the journal: look at once. */
void saver_poke(struct saver *s);
/* Makes a snapshot of what there is now and waits for it. */
int saver_now(struct saver *s, struct err *e) MG_NODISCARD;
/* Ends the thread, after the snapshot that it may be making. Returns the newest record on disk. */
store_seq saver_stop(struct saver *s);
void saver_free(struct saver *s); /* stopped, or never started; NULL is legal */

struct saver_figures {
    uint64_t snapshots, failures, swept;
    int64_t took_ms;       /* of the newest snapshot */
    int64_t saved_wall_ms; /* when it was done; 0 = none yet */
};
void saver_figures(struct saver *s, struct saver_figures *out);

#endif
