/* skill.h - one skill: a SKILL.md and the files beside it, as clients read them, with the digest of
 * each. Lifetime: counted references. Threads: immutable; the count is atomic. */
#ifndef MG_SKILL_H
#define MG_SKILL_H
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define SKILL_MAX_FILES 512
#define SKILL_MAX_BYTES (16u << 20) /* of all files together */
#define SKILL_NAME_MAX 64
#define SKILL_PATH_MAX 255 /* bytes of a file's path */
#define SKILL_TEXT "SKILL.md"

struct skill_source { /* what a skill is made of; borrowed */
    const char *path; /* below the skill's folder: "scripts/run.lua" */
    const char *data;
    size_t len;
};

struct skill_file {
    const char *path;
    const char *uri; /* "skill://demo/hello/scripts/run.lua", what needs it encoded */
    const char *mime;
    const char *data; /* followed by a NUL */
    size_t len;
    bool is_text;    /* UTF-8 without a zero byte */
    char digest[72]; /* "sha256:" and 64 hexadecimal digits */
};

struct skill;
/* folder: what stands before the name in its URIs, such as "demo"; "" is nothing. description: of
 * the head that is made where SKILL.md has none; NULL where it has one. NULL: *e says why. */
struct skill *skill_new(const char *folder, const char *name, const char *description,
                        const struct skill_source *files, size_t count, struct err *e);
struct skill *skill_ref(struct skill *s);
void skill_unref(struct skill *s); /* NULL is legal */

/* Lower case letters, digits and single hyphens inside, at most SKILL_NAME_MAX. */
bool skill_name_is_right(const char *name);
const char *skill_frontmatter(const struct skill *s); /* a JSON object */
const char *skill_description(const struct skill *s);
size_t skill_count(const struct skill *s);
/* SKILL.md first, then by path, bytewise. */
const struct skill_file *skill_at(const struct skill *s, size_t i);
const struct skill_file *skill_find(const struct skill *s, const char *uri, size_t len);
/* Would a client read the same? Both may be NULL. */
bool skill_is_same(const struct skill *a, const struct skill *b);

#endif
