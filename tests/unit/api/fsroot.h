/* fsroot.h - for the tests of mcp.fs: tools that may read and write below the base folder. */
#ifndef MG_TEST_FSROOT_H
#define MG_TEST_FSROOT_H
#include "fixture.h"

int fsroot_setup(void **state); /* for cmocka; ends with fixture_teardown */
/* The path of a name in the base folder. Static storage. */
const char *in_root(struct fixture *f, const char *name);

#endif
