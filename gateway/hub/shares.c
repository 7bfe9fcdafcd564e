#include "hub/shares.h"

#include "hub/per_key.h"

struct share { /* goes when nothing is held any more */
    struct per_key key;
    uint64_t held;
};

/* Of an odd number the middle one is in it. */
static uint64_t half_of(uint64_t max) { return max - max / 2; }

bool share_is_fair(uint64_t held, uint64_t counted, uint64_t n, uint64_t max)
{
    if (held > half_of(max) || n > half_of(max) - held || counted > max || n > max - counted)
        return false;
    return held + n <= 1 || held + n - 1 <= max - counted - n;
}

static uint64_t counted_of(const struct shares *s, uint64_t held)
{
    return held < half_of(s->max) ? held : half_of(s->max);
}

static void set_held(struct shares *s, struct share *one, uint64_t held)
{
    s->counted += counted_of(s, held) - counted_of(s, one->held);
    s->held += held - one->held;
    one->held = held;
}

void shares_set_max(struct shares *s, uint64_t max)
{
    s->max = max;
    s->counted = 0;
    for (struct per_key *one = s->table; one; one = one->hh.next)
        s->counted += counted_of(s, ((struct share *)one)->held);
}

void shares_fini(struct shares *s)
{
    while (s->table)
        per_key_drop(&s->table, s->table);
    *s = (struct shares){ 0 };
}

uint64_t shares_of(const struct shares *s, uint64_t principal)
{
    const struct share *one = per_key_find(s->table, principal);

    return one ? one->held : 0;
}

bool shares_fit(const struct shares *s, uint64_t principal, uint64_t n)
{
    return share_is_fair(shares_of(s, principal), s->counted, n, s->max);
}

int shares_take(struct shares *s, uint64_t principal, uint64_t n)
{
    return shares_fit(s, principal, n) ? shares_put(s, principal, n) : MG_E_LIMIT;
}

int shares_put(struct shares *s, uint64_t principal, uint64_t n)
{
    struct share *one = n > 0 ? per_key_get(&s->table, principal, sizeof *one) : NULL;

    if (one)
        set_held(s, one, one->held + n);
    return one || n == 0 ? 0 : MG_E_NOMEM;
}

void shares_give(struct shares *s, uint64_t principal, uint64_t n)
{
    struct share *one = n > 0 ? per_key_find(s->table, principal) : NULL;

    if (!one)
        return;
    set_held(s, one, one->held - n);
    if (one->held == 0)
        per_key_drop(&s->table, one);
}
