/* slow.h - for the tests: what they run under. */
#ifndef MG_TEST_SLOW_H
#define MG_TEST_SLOW_H
#include <stdbool.h>

/* Skips the test where programs cannot be run: valgrind 3.19 knows neither pidfd_open() nor
 * openat2(). The sanitizers do. */
void need_programs(void);

/* Skips what goes to a limit that takes valgrind long: the sanitizers go there. */
void need_speed(void);

bool is_under_valgrind(void);
/* 1, or about how many times slower sanitizers and valgrind are: there, tests do less, and bounds
 * on time are not looked at. */
int slow_factor(void);

#endif
