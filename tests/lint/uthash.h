/* uthash.h - what clang-tidy sees in place of uthash's deletion, in front of every source.
 * The analyzer does not follow a table from its head to its last element, takes the table's free() for one
 * of the element, and then reports uses after free that cannot be. */
#include <uthash.h>

void uthash_deleted(void *head_address);
#undef HASH_DELETE_HH
#define HASH_DELETE_HH(hh, head, delptrhh) ((void)(delptrhh), uthash_deleted(&(head)))
