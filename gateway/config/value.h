/* value.h - from the text of one key to the field of a struct, and back.
 * Private to gateway/config. Threads: any, each with its own reader. */
#ifndef MG_CONFIG_VALUE_H
#define MG_CONFIG_VALUE_H
#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "config/section.h"

#define LIST_ITEMS_MAX 1000

struct value_reader { /* borrowed by every call; lives as long as the loading */
    struct arena *arena;
    const char *const *env;
    const char *dir, *cwd; /* where relative paths begin: the file's folder, the working folder */
    const char *root;      /* what {root} stands for */
    struct config_list *files; /* every @file is added */
};

/* Reads one written value into field; the lines of a list append. The text in e has no place in it,
 * and of a secret says nothing. */
int value_read(struct value_reader *r, const struct key_info *k, const struct raw *raw, void *field,
               struct err *e) MG_NODISCARD;
/* Ends a list, also one that nobody wrote: items and text are there. */
void value_seal(struct arena *a, const struct key_info *k, void *field);

/* The text of a value as it could stand in the file; secrets are "***" when masked. */
void value_render(struct buf *out, const struct key_info *k, const void *field, bool masked);
void value_copy(const struct key_info *k, void *to, const void *from);

/* What a value that names no key of ours says (a tool's setting): ${NAME} replaced, decoration
 * refused. */
int setting_read(struct value_reader *r, const struct raw *raw, struct buf *out,
                 struct err *e) MG_NODISCARD;

/* "1s to 1h", "a number from 0 to 65535": what is accepted. */
void bounds_render(struct buf *out, const struct key_info *k);

/* list.c */
int list_add(struct arena *a, struct config_list *l, const char *s, size_t len,
             struct err *e) MG_NODISCARD;
int list_split(struct arena *a, struct config_list *l, const char *text,
               struct err *e) MG_NODISCARD;
int argv_split(struct arena *a, struct config_list *l, const char *text,
               struct err *e) MG_NODISCARD;
void list_seal(struct arena *a, struct config_list *l, bool with_text);

/* keyfile.c: adds the secrets of the file that the item @PATH names, one a line. Comments and empty
 * lines are none; more than most, and what has not the shape, are errors that name file and line.
 */
struct keyfile_rules {
    size_t most;
    const char *(*shape)(const char *s);
};
int keyfile_read(struct value_reader *r, const struct raw *raw, const char *item,
                 const struct keyfile_rules *rules, struct config_list *l,
                 struct err *e) MG_NODISCARD;

/* date.c */
int date_parse(const char *s, int64_t *ms) MG_NODISCARD;

#endif
