/* loading.h - reading the configuration from file and environment, its problems told line by line.
 */
#ifndef MG_LOADING_H
#define MG_LOADING_H
#include "config/config.h"

void loading_tell_stderr(const char *line);
void loading_tell_log(const char *line);
/* NULL: every reason was told. The caller holds one reference. */
struct config *loading_config(const char *ini_path, void (*tell)(const char *line));

#endif
