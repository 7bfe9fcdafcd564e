/* watchwalk.h - one look at what is followed: names the watches, and makes one number of all that
 * stat() says, so that two looks can be compared. A path is followed as a name: every folder and
 * every symbolic link on the way belongs to it, for each of them may be replaced. Threads: any. */
#ifndef MG_WATCHWALK_H
#define MG_WATCHWALK_H
#include <stdbool.h>
#include <stdint.h>

#include "io/watchset.h"

#define WATCHWALK_MAX 20000 /* entries; the rest is not looked at */

struct watchwalk {
    struct watchset *set; /* NULL: only looks */
    const char *suffix;   /* of the files in a folder that matter: ".lua" */
    const char *enter;    /* the one folder in a followed one that is entered, with all below it */
    const char *whole;    /* another one, in which all files matter; NULL: none */
    uint64_t facts;       /* equal facts: nothing has changed, as far as stat() can tell */
    int64_t newest_ms;    /* wall clock: the last change of any of the files */
    unsigned entries;
    bool is_cut; /* there is more than WATCHWALK_MAX */
};

/* Absolute paths; they need not exist. */
void watchwalk_file(struct watchwalk *w, const char *path);
void watchwalk_folder(struct watchwalk *w, const char *path);

#endif
