/* slow.h - for the tests: what they run under. */
#ifndef MG_TEST_SLOW_H
#define MG_TEST_SLOW_H
#include <stdbool.h>

bool is_under_valgrind(void);
/* 1, or about how many times slower sanitizers and valgrind are: there, tests do less, and bounds
 * on time are not looked at. */
int slow_factor(void);

#endif
