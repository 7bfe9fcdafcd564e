/* err.h - what can go wrong, and the text a person reads about it.
 * Functions that can fail return 0 or a negative enum mg_err. Where a person will read the reason
 * they also take a struct err, always as the last parameter; NULL is allowed and drops the text.
 * Threads: a struct err belongs to its caller; nothing here is shared. */
#ifndef MG_ERR_H
#define MG_ERR_H

#define MG_NODISCARD __attribute__((warn_unused_result))
#define MG_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

enum mg_err {
    MG_OK = 0,
    MG_E_NOMEM = -1,
    MG_E_IO = -2,      /* the system refused; errno is in the text */
    MG_E_INVALID = -3, /* the input is wrong */
    MG_E_LIMIT = -4,   /* right, but more than a limit allows */
    MG_E_NOTFOUND = -5,
    MG_E_CONFLICT = -6, /* somebody else changed it first */
    MG_E_DENIED = -7,
    MG_E_READONLY = -8, /* the store accepts no change now */
    MG_E_CLOSED = -9,   /* the other side is gone, or we are stopping */
    MG_E_TIMEOUT = -10,
    MG_E_CANCELLED = -11,
    MG_E_UNSURE = -12, /* a change that may or may not survive */
};

struct err {
    int code;       /* an enum mg_err */
    char text[480]; /* one line, no newline at its end; cut, never overrun */
};

/* Sets code and text and returns code, so that callers write: return err_set(e, MG_E_IO, "...",
 * ...). */
int err_set(struct err *e, int code, const char *fmt, ...) MG_PRINTF(3, 4);

/* Puts "prefix: " before the text that is there, as far as it fits; returns e->code (MG_E_INVALID
 * for NULL). */
int err_prefix(struct err *e, const char *fmt, ...) MG_PRINTF(2, 3);

/* The upper-case word of a code for logs and for Lua's third result: "NOMEM", "LIMIT", ... */
const char *err_word(int code);

#endif
