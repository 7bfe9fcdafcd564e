/* A call's arguments, before its tool sees them. */
#include "schema/schema.h"
#include "vm/module.h"
#include "vm/state.h"

static int fit(const struct tool *tool, unsigned use, struct buf *fitted, struct json_text *args,
               struct err *e)
{
    int code = schema_fit(tool->input, *args, use, fitted, e);
    if (code != 0) {
        const struct err why = *e;
        return err_set(e, code, "invalid arguments: %s", why.text);
    }
    if (fitted->len > 0)
        *args = (struct json_text){ fitted->data, fitted->len, JSON_OBJECT };
    return 0;
}

int arguments_fit(struct vm *vm, const struct tool *tool, struct json_text *args, struct err *e)
{
    static const char none[] = "{}";

    if (!tool->input)
        return 0;
    if (vm->fitted.cap > SCRATCH_KEPT)
        buf_fini(&vm->fitted);
    if (args->type == JSON_NONE)
        *args = (struct json_text){ none, sizeof none - 1, JSON_OBJECT };
    return fit(tool, SCHEMA_ARGUMENTS | (tool->coerce ? SCHEMA_COERCE : 0), &vm->fitted, args, e);
}

/* From another tool, for which an empty table may mean a list. */
int tool_arguments(const struct tool *tool, struct buf *text, struct json_text *args, struct err *e)
{
    struct buf fitted = { 0 };
    *args = (struct json_text){ text->data, text->len, JSON_OBJECT };
    if (!tool->input)
        return 0;
    unsigned use = SCHEMA_ARGUMENTS | SCHEMA_RESULT | (tool->coerce ? SCHEMA_COERCE : 0);
    int code = fit(tool, use, &fitted, args, e);
    if (code == 0 && fitted.len > 0) {
        buf_fini(text);
        *text = fitted;
        return 0;
    }
    buf_fini(&fitted);
    return code;
}
