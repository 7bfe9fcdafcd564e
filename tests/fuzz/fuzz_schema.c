/* fuzz_schema.c - schemas and what is held against them. Input: a schema, a newline, an instance.
 * A check says the same twice; what schema_fit() makes of arguments is JSON, fits, and is left as
 * it is by a second one. */
#include <stdlib.h>
#include <string.h>

#include "base/json_write.h"
#include "fuzz.h"
#include "schema/schema.h"

static void check_fit(const struct schema *s, struct json_text instance, unsigned use)
{
    const struct json_limits limits = { .takes_nul = true }; /* of a default's name or text */
    struct buf once = { 0 }, twice = { 0 };
    struct json_text root = instance;
    struct err e = { 0 };

    if (schema_fit(s, instance, use, &once, &e) == 0) {
        if (once.len > 0)
            fuzz_hold(json_scan(once.data, once.len, &limits, &root, NULL) == 0,
                      "what fits is JSON");
        int rc = schema_fit(s, root, use, &twice, &e);
        fuzz_hold(rc == 0 || rc == MG_E_LIMIT, "what was made to fit fits");
        fuzz_hold(rc != 0 || twice.len == 0 ||
                      (twice.len == root.len && memcmp(twice.data, root.p, root.len) == 0),
                  "what fits is not changed");
        if (use == SCHEMA_ARGUMENTS) {
            rc = schema_check(s, root, &e);
            fuzz_hold(rc == 0 || rc == MG_E_LIMIT, "what was fitted passes the check");
        }
    }
    buf_fini(&once);
    buf_fini(&twice);
}

static void check(const struct schema *s, const char *text, size_t len)
{
    const struct json_limits limits = { .max_values = 2000 };
    struct json_text root;
    struct err first, second;

    if (json_scan(text, len, &limits, &root, NULL) != 0)
        return;
    int rc = schema_check(s, root, &first), again = schema_check(s, root, &second);
    fuzz_hold(rc == again || rc == MG_E_LIMIT || again == MG_E_LIMIT, "a check says the same");
    fuzz_hold(rc != MG_E_INVALID || first.text[0], "a refusal has a reason");
#ifdef FUZZ_PLANT
    if (rc == MG_E_INVALID && strstr(first.text, "multiple"))
        fuzz_overrun(first.text, strlen(first.text));
#endif
    if (root.type == JSON_OBJECT) {
        check_fit(s, root, SCHEMA_ARGUMENTS);
        check_fit(s, root, SCHEMA_RESULT);
        check_fit(s, root, SCHEMA_ARGUMENTS | SCHEMA_COERCE);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e = { 0 };
    size_t schema_len, len;
    char *text = fuzz_take(&data, &size, '\n', &schema_len);
    char *instance = fuzz_take(&data, &size, '\0', &len);
    struct schema *s = schema_compile(text, schema_len, NULL, 0, &e);

    if (s) {
        /* Tools with defaults that their own schema refuses are not loaded. */
        if (schema_check_defaults(s, &e) == 0)
            check(s, instance, len);
    } else {
        fuzz_hold(e.text[0] != '\0', "a schema is refused with a reason");
    }
    schema_free(s);
    free(text);
    free(instance);
    return 0;
}
