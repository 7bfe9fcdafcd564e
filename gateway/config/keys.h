/* keys.h - the one table of everything that can stand in mcp.ini.
 * Reading, checking, printing, the comments of the shipped mcp.ini and docs/config.md all come
 * from it; a key that is not here does not exist.
 * Lifetime: constant data. Threads: any. */
#ifndef MG_CONFIG_KEYS_H
#define MG_CONFIG_KEYS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The type of a value, and what the field at `offset` is. */
enum key_type {
    KEY_TEXT,     /* const char *, "" when empty */
    KEY_PATH,     /* const char *, absolute; "" when empty */
    KEY_SECRET,   /* const char *; masked, may be @file */
    KEY_BOOL,     /* bool */
    KEY_INT,      /* uint32_t */
    KEY_DURATION, /* int64_t, ms */
    KEY_SIZE,     /* uint64_t, bytes */
    KEY_RATE,     /* struct config_rate */
    KEY_DATE,     /* int64_t, wall ms */
    KEY_CHOICE,   /* an enum whose values follow `choices` */
    KEY_LIST,     /* struct config_list, comma-separated */
    KEY_SECRETS,  /* struct config_list of secrets */
    KEY_ARGV,     /* struct config_list of words, separated by blanks, quotes as in a shell */
};

struct key_info {
    const char *name;
    enum key_type type;
    size_t offset;        /* in struct config, or in the struct of its named section */
    const char *fallback; /* the default as text; NULL: none, the field stays zero */
    int64_t min, max;     /* of a number; of a list max alone: its items, 0: LIST_ITEMS_MAX */
    const char *choices;  /* "journal snapshot" */
    const char *(*shape)(const char *s); /* of a text, or of each item: what is wrong, or NULL */
    const char *alias;                   /* the ops kit's environment name, or NULL */
    bool alias_ms;                       /* its value is a number of milliseconds */
    bool required;                       /* must not be empty */
    bool opens; /* empty allows more: never because a variable or a file is empty */
    bool whole_seconds;
    bool restart;     /* a reload does not change it */
    bool from_cwd;    /* a relative path starts at the working folder */
    bool hidden;      /* masked in print although it is no KEY_SECRET */
    const char *note; /* what an empty default means, for people */
    const char *help; /* one line */
};

struct section_info {
    const char *name;  /* "server"; of [tool NAME]: "tool" */
    const char *named; /* what NAME is: "NAME", "NAME or GLOB"; NULL: a plain section */
    const char *(*name_shape)(const char *s);
    size_t size;       /* of a named section's struct */
    bool has_settings; /* other keys are kept for the tool */
    const struct key_info *keys;
    size_t n_keys;
    const char *help;
};

extern const struct section_info config_sections[];
extern const size_t config_section_count;

const struct section_info *section_find(const char *name);
const struct key_info *key_find(const struct section_info *s, const char *name);

/* The closest name that is near enough to be meant, or NULL. */
const char *section_nearest(const char *name);
const char *key_nearest(const struct section_info *s, const char *name);

bool key_is_list(const struct key_info *k);
bool key_is_secret(const struct key_info *k);

/* A key's environment name: the prefix, section, NAME and key, joined by _, in capitals, every byte
 * but letters and digits as _. */
#define ENV_PREFIX "MOONGATE_"
/* What follows s, written that way, at the beginning of variable; NULL: it begins otherwise. */
const char *env_skip(const char *variable, const char *s);
/* What follows a section's whole part, at least one byte; name is its NAME or NULL. */
const char *env_skip_section(const char *variable, const struct section_info *s, const char *name);
/* The name of the key that this may mean, as it stands in the file, or NULL. */
const char *env_nearest(const struct section_info *s, const char *rest);

#endif
