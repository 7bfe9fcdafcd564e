/* number.h - JSON numbers compared as the decimals that they are: 0.1 is a tenth, 1.0 is 1, and two
 * integers of 60 digits differ in their last one. Pure. */
#ifndef MG_SCHEMA_NUMBER_H
#define MG_SCHEMA_NUMBER_H
#include "base/json_scan.h"

struct number { /* (-1)^is_minus * 0.DIGITS * 10^exponent; zero has no digits */
    bool is_minus;
    uint8_t count;
    int64_t exponent;
    char digits[64]; /* neither first nor last is '0' */
};

/* text: a validated JSON number, of at most 63 bytes, as json_scan() sees to. */
void number_read(struct number *n, struct json_text text);
bool number_is_integer(const struct number *n);
int number_compare(const struct number *a, const struct number *b); /* <0, 0, >0 */
/* Is a / b an integer? b is over 0. */
bool number_is_multiple(const struct number *a, const struct number *b);

#endif
