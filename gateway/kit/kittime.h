/* kittime.h - times as programs write them into SQLite. Pure. */
#ifndef MG_KITTIME_H
#define MG_KITTIME_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "2026-11-23T07:30:41.220Z", also with a blank for the T, without the fraction, or without the
 * seconds; the zone is Z, +01:30 or, left out, UTC. Or digits: milliseconds since 1970. */
bool kittime_parse(const char *s, size_t len, int64_t *wall_ms);
/* From 2000 to 9999: what lies before it was written in seconds. */
bool kittime_is_plausible(int64_t wall_ms);

#endif
