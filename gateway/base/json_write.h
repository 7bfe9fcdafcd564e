/* json_write.h - writes JSON into a buf, one line always, commas placed by looking at the last
 * byte. Usage: json_open(b, '{'); json_key(b, "a"); json_int(b, 1); json_close(b, '}'). Failure is
 * the buffer's: sticky. Pure. */
#ifndef MG_JSON_WRITE_H
#define MG_JSON_WRITE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/json_scan.h"

void json_open(struct buf *b, char bracket);  /* '{' or '[', with a comma before when needed */
void json_close(struct buf *b, char bracket); /* '}' or ']' */
/* key is plain ASCII without quotes or backslashes */
void json_key(struct buf *b, const char *key);
void json_key_n(struct buf *b, const char *key, size_t len); /* any UTF-8; escaped */
void json_null(struct buf *b);
void json_bool(struct buf *b, bool v);
void json_int(struct buf *b, int64_t v);
/* shortest text that reads back equal; 3.0 is 3; NaN, inf: null */
void json_double(struct buf *b, double v);
void json_str(struct buf *b, const char *s);
/* Escapes quotes, backslashes and control characters; invalid UTF-8 becomes U+FFFD. */
void json_str_n(struct buf *b, const char *s, size_t len);
/* a whole JSON value, copied as it is */
void json_raw(struct buf *b, const char *text, size_t len);
void json_raw_text(struct buf *b, struct json_text t);
/* A member of another object, as it stands there: key with its quotes. */
void json_member_text(struct buf *b, struct json_text key, struct json_text value);
/* Members that are written unless the value is NULL. */
void json_member_str(struct buf *b, const char *key, const char *s);
void json_member_raw(struct buf *b, const char *key, const char *text);

/* Only the bytes between the quotes: for a string that is written in pieces. Bytes must be whole
 * UTF-8 sequences or they are replaced. */
void json_escape(struct buf *b, const char *s, size_t len);

/* Copies validated JSON without the blanks between tokens, so that it is one line. */
void json_compact(struct buf *b, const char *text, size_t len);

#endif
