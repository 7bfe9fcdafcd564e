/* folder.h - for the tests: a folder of its own for each, of which nothing stays behind.
 * What cannot be done fails the test. */
#ifndef MG_TEST_FOLDER_H
#define MG_TEST_FOLDER_H

#define FOLDER_PATH 64

/* Makes TMPDIR/moongate-NAME-XXXXXX, or the same in /tmp where TMPDIR is long; its path, without
 * links, is written to path. */
void folder_make(char path[FOLDER_PATH], const char *name);
void folder_remove(const char *path); /* with all that is in it */
/* Writes a file below the folder; folders on the way are made. The second one formats. */
void folder_write(const char *path, const char *name, const char *text);
__attribute__((format(printf, 3, 4))) void folder_printf(const char *path, const char *name,
                                                         const char *format, ...);
/* How many descriptors this process has open: what opens files closes them. */
int descriptors_open(void);

#endif
