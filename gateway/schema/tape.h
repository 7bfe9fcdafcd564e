/* tape.h - a JSON text as an array of nodes, for readers that come back to the same values: each
 * value once, in the order of the text, a container's parts behind it. An object's parts are its
 * keys and values in turn. Lifetime: the text must outlive the tape. Pure. */
#ifndef MG_SCHEMA_TAPE_H
#define MG_SCHEMA_TAPE_H
#include "base/arena.h"
#include "base/json_scan.h"

#define TAPE_INLINE 48

struct tape_node {
    const char *p;
    uint32_t len;
    uint32_t next;  /* the node behind this value and all its parts */
    uint32_t count; /* members or items */
    uint8_t type;   /* enum json_type */
    bool has_escapes;
};

struct tape {
    struct tape_node *node; /* node[0] is the root */
    uint32_t count, cap;
    struct tape_node first[TAPE_INLINE];
};

/* value: text that json_scan() accepted. MG_E_NOMEM. The tape must not be moved. */
int tape_read(struct tape *t, struct json_text value) MG_NODISCARD;
void tape_fini(struct tape *t);

static inline struct json_text tape_text(const struct tape *t, uint32_t i)
{
    const struct tape_node *n = &t->node[i];
    return (struct json_text){ n->p, n->len, (enum json_type)n->type };
}

/* A string's bytes: in the text, or, where it has escapes, decoded in the arena with a NUL behind
 * them. NULL: no memory. */
const char *tape_string(const struct tape *t, uint32_t i, struct arena *a, size_t *len);

/* The value of an object's member, or 0: no value but the root has that number. */
uint32_t tape_member(const struct tape *t, uint32_t object, const char *name, size_t len);

#endif
