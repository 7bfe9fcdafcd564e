/* json_scan.h - the gate in front of cJSON: one pass that accepts exactly RFC 8259 and our bounds.
 * Refused: what cJSON lets through (numbers such as 01 and 1., raw control characters, a BOM,
 * trailing text, numbers that overflow a double, invalid UTF-8, lone surrogates, \u0000), depth
 * over max_depth, more than max_values values, a key twice in one object (compared decoded, byte
 * for byte), a number of more than 63 bytes (cJSON would cut it). Pure and reentrant; memory: a
 * hash set of keys for open objects, freed before it returns. All extents point into the text that
 * was given. */
#ifndef MG_JSON_SCAN_H
#define MG_JSON_SCAN_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define JSON_MAX_DEPTH 64

enum json_type {
    JSON_NONE,
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

struct json_text { /* an extent of validated JSON; type JSON_NONE and p NULL when absent */
    const char *p; /* borrowed */
    size_t len;
    enum json_type type;
};

/* The type of the valid value that begins with c. */
static inline enum json_type json_type_of(char c)
{
    switch (c) {
    case '{': return JSON_OBJECT;
    case '[': return JSON_ARRAY;
    case '"': return JSON_STRING;
    case 't': return JSON_TRUE;
    case 'f': return JSON_FALSE;
    case 'n': return JSON_NULL;
    default: return JSON_NUMBER;
    }
}

struct json_limits {
    uint32_t max_depth;  /* 0 = JSON_MAX_DEPTH, which is also the most; [] has depth 1 */
    uint32_t max_values; /* 0 = no limit */
    bool takes_nul;      /* \u0000 may stand in strings: for readers that do not end a text at it */
};

/* Checks text[0..len). On success *root is the value without the blanks around it.
 * MG_E_INVALID with "offset N: reason", MG_E_LIMIT for depth or number of values, MG_E_NOMEM. */
int json_scan(const char *text, size_t len, const struct json_limits *limits,
              struct json_text *root, struct err *e) MG_NODISCARD;

/* The members of a text's outer objects, noted while it is scanned, so that nobody has to walk
 * through it again to find them. */
#define JSON_OUTLINE_DEPTH 3 /* the root object's members have depth 1 */
#define JSON_OUTLINE_MAX 32

struct json_member {
    struct json_text key, value;
    uint32_t depth;
};
struct json_outline {
    struct json_text root;
    uint32_t count;
    bool is_cut;                                 /* there are more members than it holds */
    struct json_member member[JSON_OUTLINE_MAX]; /* in the order of the text, parents first */
};

/* As json_scan(), and fills *o. */
int json_scan_outline(const char *text, size_t len, const struct json_limits *limits,
                      struct json_outline *o, struct err *e) MG_NODISCARD;
/* As json_find() for the root or a value in the outline, by the outline alone where that is whole.
 */
void json_outline_find(const struct json_outline *o, struct json_text object,
                       const char *const names[], struct json_text out[], size_t n);

/* The rest works on text that json_scan() accepted and on nothing else. */

struct json_iter {
    const char *p, *end;
};
/* Iterates the members of an object or the items of an array, shallowly, in order. */
struct json_iter json_iter(struct json_text container);
bool json_next_member(struct json_iter *it, struct json_text *key, struct json_text *value);
bool json_next_item(struct json_iter *it, struct json_text *value);

/* Looks for each of names[0..n) among the members of object in one walk; out[i] is the value or
 * JSON_NONE. Keys compare decoded and byte for byte. Returns the number of members of object. */
size_t json_find(struct json_text object, const char *const names[], struct json_text out[],
                 size_t n);
/* The one of that name; JSON_NONE: there is none, or the value is no object. */
struct json_text json_get(struct json_text value, const char *name);

/* Is the JSON string (with its quotes) equal to the n bytes of s once decoded? */
bool json_string_eq(struct json_text string, const char *s, size_t n);

struct buf;
/* Appends the decoded bytes of a JSON string. */
void json_string_decode(struct json_text string, struct buf *out);

/* A number that is an integer within +-2^53: its value. false otherwise (1.0 and 1e2 are integers).
 */
bool json_integer(struct json_text number, int64_t *out);

#endif
