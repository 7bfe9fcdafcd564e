/* fuzz_cursor.c - cursors that clients hand back: one that decodes is written as itself again. */
#include <stdlib.h>
#include <string.h>

#include "base/json_scan.h"
#include "fuzz.h"
#include "mcp/cursor.h"

static void check_written(const char *text, size_t len)
{
    char name[CURSOR_NAME_SIZE];
    struct buf b = { 0 };
    struct json_text root;

    if (len == 0 || len >= CURSOR_NAME_SIZE || memchr(text, '\0', len))
        return;
    cursor_write(&b, "tools", text);
    fuzz_hold(json_scan(b.data, b.len, NULL, &root, NULL) == 0, "a cursor is a JSON string");
    if (cursor_read(root, "tools", name) == 0)
        fuzz_hold(strcmp(name, text) == 0, "a cursor reads as the name it was made of");
    buf_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char name[CURSOR_NAME_SIZE], again_name[CURSOR_NAME_SIZE];
    struct json_text root, again;
    struct buf b = { 0 };
    size_t len;
    char *text = fuzz_take(&data, &size, '\n', &len);

    check_written(text, len);
    if (json_scan(text, len, NULL, &root, NULL) == 0 && cursor_read(root, "tools", name) == 0 &&
        name[0] != '\0') {
        fuzz_hold(strlen(name) < CURSOR_NAME_SIZE, "a name has its NUL");
        cursor_write(&b, "tools", name);
        fuzz_hold(json_scan(b.data, b.len, NULL, &again, NULL) == 0 &&
                      cursor_read(again, "tools", again_name) == 0 && strcmp(name, again_name) == 0,
                  "a cursor that was read is written and reads the same");
#ifdef FUZZ_PLANT
        if (strlen(name) > 3 && !strchr(name, '_'))
            fuzz_overrun(name, strlen(name));
#endif
        buf_fini(&b);
    }
    free(text);
    return 0;
}
