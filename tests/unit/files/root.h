/* root.h - for the tests of what works on files: a root with the rules that the gateway has, no
 * links out of it, and a folder beside it. */
#ifndef MG_TEST_ROOT_H
#define MG_TEST_ROOT_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "files/files.h"
#include "support/folder.h"
#include "support/slow.h"
#include "tools/ownfiles.h"

struct root {
    char base[FOLDER_PATH];      /* holds root/ and outside/ */
    char path[FOLDER_PATH + 8];  /* base/root */
    struct ownfiles *own;        /* denied: .git, .env*; own: tools.d/, state.json* */
    struct rootfile_rules rules; /* judge by own, listings by a view of it */
    struct files *shared;
    int descriptors; /* open when it began; as many are at its end */
    struct fileop op;
};

int root_setup(void **state); /* for cmocka; what needs openat2() asks need_programs() first */
int root_teardown(void **state);
/* A path in the base folder ("root/a"). Static storage, four at once. */
const char *in_base(struct root *r, const char *name);
/* The bytes of a file in the base folder are these? */
void assert_bytes(struct root *r, const char *name, const char *want);
/* How many names the folder has. */
size_t count_names(struct root *r, const char *name);

#endif
