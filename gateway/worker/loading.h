/* loading.h - reading the configuration from file and environment, its problems told line by line.
 */
#ifndef MG_LOADING_H
#define MG_LOADING_H
#include "config/config.h"

/* arg is not used. */
void loading_tell_stderr(void *arg, const char *line);
/* NULL: every reason was told. The caller holds one reference. */
struct config *loading_config(const char *ini_path, void (*tell)(void *arg, const char *line),
                              void *arg);

#endif
