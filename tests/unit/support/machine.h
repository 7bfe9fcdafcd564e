/* machine.h - for the tests of what runs in a vm: its options, the watchdog beside it, loading. */
#ifndef MG_TEST_MACHINE_H
#define MG_TEST_MACHINE_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/watchdog.h"
#include "tools/toolset.h"
#include "vm/vm.h"

/* Generous bounds, and one policy for all tools. All is borrowed. */
struct vm_options machine_options(const char *tools_dir, const char *root,
                                  struct vm_policy *policy);
/* Frees what was there, loads what is in the folder now, and attaches the vm. Files that do not
 * load are the set's problems. */
void machine_load(struct vm **vm, struct toolset **set, const struct vm_options *o,
                  const struct vm_services *services);

/* The watchdog that interrupts this thread's vm, where signals can do that; all 0 where not. */
struct dog {
    struct watchdog *watchdog;
    struct watch_slot slot;
};
void dog_start(struct dog *d, struct vm_services *services);
void dog_stop(struct dog *d);

#endif
