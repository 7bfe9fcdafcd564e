/* fuzz_frontmatter.c - heads of SKILL.md files: what is read is a JSON object, and what is not is
 * told with its line. */
#include <stdlib.h>
#include <string.h>

#include "base/json_scan.h"
#include "fuzz.h"
#include "tools/frontmatter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_text root;
    struct buf json = { 0 };
    struct err e = { 0 };
    int code = frontmatter_read((const char *)data, size, &json, &e);

    fuzz_hold(code == 0 || code == MG_E_INVALID || code == MG_E_NOTFOUND, "a code of its own");
    if (code == 0)
        fuzz_hold(json_scan(json.data, json.len, NULL, &root, &e) == 0 &&
                      root.type == JSON_OBJECT && root.len == json.len,
                  "a head is a JSON object");
    else
        fuzz_hold(e.text[0] != '\0', "why not is told");
#ifdef FUZZ_PLANT
    const char *list = code == 0 ? memchr(json.data, '[', json.len) : NULL;
    if (list && list[1] != '"')
        fuzz_overrun((const char *)data, size);
#endif
    buf_fini(&json);
    return 0;
}
