/* load.h - tool files into a vm. Each file is loaded as a task: 500 ms, 16 MB, killed like any
 * other. Threads: the loader's, before the vm belongs to a worker. */
#ifndef MG_VM_LOAD_H
#define MG_VM_LOAD_H
#include "vm/state.h"

#define LOAD_MS 500 /* of computing: a file cannot wait */
#define LOAD_MEMORY (INT64_C(16) << 20)

/* Every file of tools_dir; those that do not load any more from `before` (NULL: there is none), as
 * they were there. MG_E_INVALID: one was there and cannot be any more, for nothing but its settings
 * in mcp.ini; a grant that was taken away is no such reason. */
int load_all(struct vm *vm, struct toolset *set, const struct vm *before,
             struct err *e) MG_NODISCARD;
/* The files of `first`, whose set is sealed, once more. */
int load_again(struct vm *vm, const struct vm *first, struct err *e) MG_NODISCARD;
void load_fini(struct vm *vm);

#endif
