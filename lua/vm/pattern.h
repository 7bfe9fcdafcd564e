/* pattern.h - Lua patterns with a bound: the same language as Lua 5.4's, in a matcher that counts
 * its steps. A pattern is compiled once per use; what is wrong with it raises when matching gets
 * there, as in Lua. Bytes are classified as in the C locale. Threads: reentrant. */
#ifndef MG_VM_PATTERN_H
#define MG_VM_PATTERN_H
#include <lua.h>
#include <stddef.h>
#include <stdint.h>

#define PATTERN_MAX_BYTES 8192
#define PATTERN_MAX_CAPTURES 32
#define PATTERN_MAX_DEPTH 200
/* Steps of one attempt, that is from one position of the subject. */
#define PATTERN_STEPS 2000000

#define CAPTURE_OPEN (-1)
#define CAPTURE_POSITION (-2)

struct byteset {
    uint64_t w[4];
};

struct node {
    uint8_t op, suffix, a, b;
    uint16_t set;
};

#define PATTERN_INLINE_NODES 40
#define PATTERN_INLINE_SETS 8
struct pattern {
    struct node *nodes;
    struct byteset *sets;
    struct node inline_nodes[PATTERN_INLINE_NODES];
    struct byteset inline_sets[PATTERN_INLINE_SETS];
};

struct match {
    lua_State *L;
    const struct pattern *pattern;
    const char *src, *end; /* the whole subject, with a NUL behind it */
    int64_t steps;         /* left for this attempt */
    int depth;
    int level;
    struct {
        const char *at;
        ptrdiff_t len;
    } capture[PATTERN_MAX_CAPTURES];
};

/* text without a leading anchor. May push one userdata (a long pattern), and raise. Returns how
 * many values it pushed. */
int pattern_compile(lua_State *L, struct pattern *p, const char *text, size_t len);
/* One attempt at s: the end of the match, or NULL. Raises. */
const char *pattern_match(struct match *m, const char *s);
/* The first byte that a match must begin with, or -1. */
int pattern_first_byte(const struct pattern *p);
/* Pushes capture i; the whole match from..to stands for capture 0 when there is none. Raises. */
void pattern_push_capture(struct match *m, int i, const char *from, const char *to);
/* Pushes all captures, or the whole match when there are none and from is not NULL; their number.
 */
int pattern_push_captures(struct match *m, const char *from, const char *to);

#endif
