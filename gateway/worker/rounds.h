/* rounds.h - a call in several rounds, as the client's side of it sees them: what is asked is
 * answered with what was given beforehand.
 * Lifetime: embedded; {0}, with answers set, is one that was asked nothing. Threads: one owner. */
#ifndef MG_ROUNDS_H
#define MG_ROUNDS_H
#include <stdbool.h>

#include "base/buf.h"
#include "base/json_scan.h"

#define ROUNDS_MAX 100 /* of one call */

struct rounds {
    struct json_text answers; /* an object of results by key, or JSON_NONE: none is given */
    struct buf asked;         /* JSON items: every {"key":,"method":,"params":} so far */
    struct buf responses;     /* of the next round: an object; empty: there is none */
    struct buf state;         /* likewise: requestState as it came, a JSON string */
    unsigned count;
};

enum rounds_next {
    ROUNDS_OVER, /* the reply is no question */
    ROUNDS_NEXT, /* responses and state are there */
    ROUNDS_OPEN, /* problem says what cannot be answered */
};
/* reply: a JSON-RPC answer. problem gets a text for people. */
enum rounds_next rounds_next(struct rounds *r, const struct buf *reply, struct buf *problem);
/* Members of params, each after a comma. */
void rounds_write(const struct rounds *r, struct buf *b);
void rounds_fini(struct rounds *r);

#endif
