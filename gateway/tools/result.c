#include "tools/result.h"

#include "base/json_write.h"

void tool_result_text(struct tool_result *r, enum outcome o, bool is_error, const char *text,
                      size_t len)
{
    static const char before[] = "[{\"type\":\"text\",\"text\":\"", after[] = "\"}]";
    r->outcome = o;
    r->is_error = is_error;
    r->is_text = true;
    buf_clear(&r->content);
    buf_clear(&r->structured);
    buf_clear(&r->meta);
    buf_reserve(&r->content, sizeof before + len + len / 4 + sizeof after);
    buf_append(&r->content, before, sizeof before - 1);
    json_escape(&r->content, text, len);
    buf_append(&r->content, after, sizeof after - 1);
}
