/* said.h - requests that were said, by their ids, in lists. Of those that another gateway may have
 * to hear again all is kept, of the others the id. Lifetime: on the heap, their list's. Private to
 * conversation. Threads: one owner. */
#ifndef MG_SAID_H
#define MG_SAID_H
#include <stddef.h>

#include "base/json_scan.h"

enum said_kind {
    SAID_ANY,
    SAID_HANDSHAKE,
    SAID_LEVEL,
    SAID_SUBSCRIBE,
    SAID_UNSUBSCRIBE,
    SAID_LISTEN
};

struct said {
    struct said *prev, *next;
    enum said_kind kind;
    size_t id_at, id_len;   /* in text: its JSON */
    size_t uri_at, uri_len; /* likewise; 0: it names none */
    size_t len;
    char text[]; /* the message; of SAID_ANY the id alone */
};

/* method: JSON_NONE makes it one of SAID_ANY. Without memory it is not added: its client misses an
 * error, or the next gateway what it asked for. */
void said_add(struct said **list, struct json_text message, struct json_text id,
              struct json_text method);
struct said *said_find(struct said *list, struct json_text id); /* NULL: it is not there */
struct said *said_last(struct said *list, enum said_kind kind); /* likewise: of that kind */
void said_drop(struct said **list, struct said *s);
void said_drop_all(struct said **list);
/* Those of this kind, and of this one's URI where it names one. */
void said_drop_alike(struct said **list, enum said_kind kind, const struct said *as);
struct json_text said_id(const struct said *s);
struct json_text said_uri(const struct said *s); /* JSON_NONE: it names none */

#endif
