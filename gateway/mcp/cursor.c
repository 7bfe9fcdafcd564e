#include "mcp/cursor.h"

#include <stdbool.h>
#include <string.h>

#include "base/hash.h"
#include "base/utf8.h"
#include "mcp/text.h"

/* base64url("LIST:NAME"), and no longer: LIST has at most 16 characters. */
#define CURSOR_MAX ((16 + 1 + CURSOR_NAME_SIZE) * 4 / 3 + 4)

void cursor_write(struct buf *out, const char *list, const char *name)
{
    char text[16 + 1 + CURSOR_NAME_SIZE];
    size_t list_len = strlen(list), name_len = strlen(name);

    memcpy(text, list, list_len);
    text[list_len] = ':';
    memcpy(text + list_len + 1, name, name_len);
    buf_putc(out, '"');
    base64_encode(out, text, list_len + 1 + name_len, true);
    buf_putc(out, '"');
}

static bool decoded_read(const struct buf *b, const char *list, char name[CURSOR_NAME_SIZE])
{
    size_t prefix = strlen(list) + 1;

    if (b->len <= prefix || b->len - prefix >= CURSOR_NAME_SIZE ||
        memcmp(b->data, list, prefix - 1) != 0 || b->data[prefix - 1] != ':' ||
        memchr(b->data, '\0', b->len) || utf8_valid(b->data, b->len) != b->len)
        return false;
    memcpy(name, b->data + prefix, b->len - prefix);
    name[b->len - prefix] = '\0';
    return true;
}

int cursor_read(struct json_text cursor, const char *list, char name[CURSOR_NAME_SIZE])
{
    char text[CURSOR_MAX + 1];
    struct buf b = { 0 };

    name[0] = '\0';
    if (cursor.type != JSON_STRING || !text_cut(cursor, text, sizeof text))
        return MG_E_INVALID;
    if (text[0] == '\0')
        return 0;
    int rc = base64_decode(&b, text, strlen(text), true);
    if (rc == 0 && !decoded_read(&b, list, name))
        rc = MG_E_INVALID;
    buf_fini(&b);
    return rc;
}
