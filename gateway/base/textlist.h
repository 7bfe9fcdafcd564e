/* textlist.h - lists of texts that end with NULL. Pure. */
#ifndef MG_TEXTLIST_H
#define MG_TEXTLIST_H

/* Copies the list and its texts; NULL is an empty list. NULL: no memory. */
char **textlist_copy(const char *const *items);
void textlist_free(char **items); /* NULL is legal */

#endif
