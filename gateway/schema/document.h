/* document.h - schema documents and what in them can be referred to: resources (a document's root,
 * and every schema with an $id) and their anchors. Documents that a reference may name are
 * registered; nothing is fetched. The metaschemas of draft 2020-12 are known without that.
 * Private to schema. Threads: its owner's, while it is built. */
#ifndef MG_SCHEMA_DOCUMENT_H
#define MG_SCHEMA_DOCUMENT_H
#include "base/buf.h"
#include "base/arena.h"
#include "schema/tape.h"

struct subschema;

struct anchor {
    struct anchor *next;
    const char *name;
    uint32_t node;
    bool is_dynamic;
};

struct resource {
    struct resource *next; /* of all that are known */
    struct document *doc;
    const char *uri; /* absolute, without a fragment; "" for a document without a name */
    uint32_t node;
    struct anchor *anchors;
    bool is_reached;     /* something in it was compiled: a check may come through it */
    bool has_validation; /* its dialect has the vocabulary of type, maximum, required, ... */
};

struct document {
    struct document *next;
    struct tape tape;
    struct resource **of_node;   /* the resource that each node belongs to */
    struct subschema **compiled; /* by node; NULL: not yet */
};

struct documents {
    struct arena arena; /* holds all of it, the compiled schemas too */
    struct document *first;
    struct resource *resources;
};

/* Adds a document under the URI it would have been fetched from ("" if none), and returns it. NULL:
 * not JSON, or no memory. */
struct document *documents_add(struct documents *d, const char *uri, const char *text, size_t len,
                               struct err *e);
void documents_fini(struct documents *d);
/* The resource of that URI, the shipped metaschemas included; NULL with *e left alone: unknown. */
struct resource *documents_find(struct documents *d, const char *uri, struct err *e);
/* The node that a fragment ("", "/a/0", "name") means in r. MG_E_NOTFOUND, MG_E_NOMEM. */
int resource_locate(const struct resource *r, const char *fragment, uint32_t *node);
const struct anchor *resource_anchor(const struct resource *r, const char *name);
/* A string's text, in the arena. NULL: no memory. */
const char *documents_text(struct documents *d, const struct tape *t, uint32_t node, size_t *len);

#endif
