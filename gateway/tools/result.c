#include "tools/result.h"

#include "base/json_write.h"

void tool_result_text(struct tool_result *r, enum outcome o, bool is_error, const char *text,
                      size_t len)
{
    r->outcome = o;
    r->is_error = is_error;
    buf_clear(&r->content);
    buf_clear(&r->structured);
    buf_clear(&r->meta);
    buf_reserve(&r->content, len + 32);
    buf_str(&r->content, "[{\"type\":\"text\",\"text\":");
    json_str_n(&r->content, text, len);
    buf_str(&r->content, "}]");
}
