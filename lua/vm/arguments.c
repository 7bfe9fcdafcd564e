/* A call's arguments, before its tool sees them. */
#include "schema/schema.h"
#include "vm/state.h"

int arguments_fit(struct vm *vm, const struct tool *tool, struct json_text *args, struct err *e)
{
    static const char none[] = "{}";
    unsigned use = SCHEMA_ARGUMENTS | (tool->coerce ? SCHEMA_COERCE : 0);
    struct err why = { 0 };

    if (!tool->input)
        return 0;
    if (vm->fitted.cap > SCRATCH_KEPT)
        buf_fini(&vm->fitted);
    if (args->type == JSON_NONE)
        *args = (struct json_text){ none, sizeof none - 1, JSON_OBJECT };
    int code = schema_fit(tool->input, *args, use, &vm->fitted, &why);
    if (code != 0)
        return err_set(e, code, "invalid arguments: %s", why.text);
    if (vm->fitted.len > 0)
        *args = (struct json_text){ vm->fitted.data, vm->fitted.len, JSON_OBJECT };
    return 0;
}
