/* uritemplate_struct.h - the inside of a template: nodes, one after the other, that a URI must
 * pass.
 */
#ifndef MG_URITEMPLATE_STRUCT_H
#define MG_URITEMPLATE_STRUCT_H
#include <stdint.h>

#include "tools/uritemplate.h"

#define NODES_MAX 96 /* six of each variable's */
#define POOL_BYTES (3 * URITEMPLATE_TEXT_MAX + 8 * URITEMPLATE_VARS_MAX)

enum node_kind {
    NODE_TEXT,   /* these bytes */
    NODE_VALUE,  /* a variable's */
    NODE_OPTION, /* what follows up to the target, or nothing */
    NODE_JOINT,  /* "&", but nothing right behind "?" */
};

struct node {
    enum node_kind kind;
    uint16_t at, len;    /* of a text, or what stands between values; in the pool */
    uint8_t variable;    /* of a value, and of an option that leaves one empty */
    uint8_t target;      /* of an option */
    bool leaves_empty;   /* an option that is not there: its variable is, with nothing */
    char without;        /* of a value: it ends before this; 0: before nothing else */
    bool takes_reserved; /* a value of {+x} or {#x} */
    bool needs_one;      /* a value that is not empty */
    uint16_t max;        /* characters of a value */
    bool is_list;        /* values, between which the text stands */
    bool has_equals;     /* each is "=" and a value, or nothing */
    bool is_soft;        /* it ends before `without` only where what follows matches then: what a
                            value of so many characters cannot take another must be able to */
};

struct uritemplate {
    struct node nodes[NODES_MAX];
    size_t node_count;
    char names[URITEMPLATE_VARS_MAX][URITEMPLATE_NAME_MAX + 1];
    uint16_t max[URITEMPLATE_VARS_MAX]; /* characters of each one's value */
    bool is_list[URITEMPLATE_VARS_MAX];
    size_t variable_count;
    char pool[POOL_BYTES];
    size_t pool_len;
};

#endif
