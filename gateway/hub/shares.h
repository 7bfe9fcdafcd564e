/* shares.h - how much each key holds of something that all callers share, and the one rule of how
 * much it may: nobody takes what would leave the others less than he holds. One alone gets half,
 * two that grow together a third each; who comes when others have theirs gets half of what they
 * left, so that no one key, nor two, keep others out, but many together can. What had to be taken
 * beyond that (shares_put()) counts against who took it and not against the others.
 * Lifetime: embedded; zeroed it is empty, with a bound of 0. Threads: everything wants the lock of
 * what it is embedded in. */
#ifndef MG_SHARES_H
#define MG_SHARES_H
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct per_key;
struct shares {
    struct per_key *table; /* those who hold something */
    uint64_t max;
    uint64_t held;    /* by all */
    uint64_t counted; /* likewise, but of nobody more than half of max */
};

void shares_set_max(struct shares *s, uint64_t max);
void shares_fini(struct shares *s); /* whatever is held */
uint64_t shares_of(const struct shares *s, uint64_t principal);
/* May he take so much more? 0: may he keep what he has? */
bool shares_fit(const struct shares *s, uint64_t principal, uint64_t n);
/* MG_E_LIMIT; MG_E_NOMEM. */
int shares_take(struct shares *s, uint64_t principal, uint64_t n) MG_NODISCARD;
/* Also where it does not fit. MG_E_NOMEM. */
int shares_put(struct shares *s, uint64_t principal, uint64_t n) MG_NODISCARD;
void shares_give(struct shares *s, uint64_t principal, uint64_t n); /* back */

/* The rule itself, for tables that count by themselves: one who holds so much of all that is
 * counted, and wants n more. */
bool share_is_fair(uint64_t held, uint64_t counted, uint64_t n, uint64_t max);

#endif
