#include "mcp/content.h"

#include <string.h>

#include "base/json_write.h"
#include "mcp/text.h"

struct young { /* a word that not all revisions know */
    const char *word, *quoted;
    enum mcp_revision since;
};

static const struct young types[] = { /* of blocks */
                                      { "audio", "\"audio\"", MCP_2025_03_26 },
                                      { "resource_link", "\"resource_link\"", MCP_2025_06_18 },
                                      { 0 }
};
static const struct young members[] = { /* of what lists and contents hold */
                                        { "title", "\"title\"", MCP_2025_06_18 },
                                        { "_meta", "\"_meta\"", MCP_2025_06_18 },
                                        { "icons", "\"icons\"", MCP_2025_11_25 },
                                        { 0 }
};

/* Quotes inside strings are escaped, so a word in quotes is a key or a whole string. Most texts
 * have none, and are not walked through. */
static bool may_be_unknown(const struct young *y, const char *text, size_t len, enum mcp_revision r)
{
    for (; y->word; y++)
        if (r < y->since && memmem(text, len, y->quoted, strlen(y->quoted)))
            return true;
    return false;
}

static bool is_unknown(const struct young *y, struct json_text word, enum mcp_revision r)
{
    for (; y->word; y++)
        if (r < y->since && text_is(word, y->word))
            return true;
    return false;
}

/* A string's inside, still escaped: fit to stand in another string. */
static void append_inside(struct buf *out, const char *before, struct json_text string)
{
    if (string.type != JSON_STRING)
        return;
    buf_str(out, before);
    buf_append(out, string.p + 1, string.len - 2);
}

/* "[audio: audio/wav]", "[resource_link: Report: file:///r.txt]" */
static void block_write_text(struct json_text block, struct json_text type, struct buf *out)
{
    static const char *const names[] = { "mimeType", "name", "uri" };
    struct json_text member[3];
    bool is_link = text_is(type, "resource_link");

    json_find(block, names, member, 3);
    json_open(out, '{');
    json_key(out, "type");
    json_str(out, "text");
    json_key(out, "text");
    buf_str(out, "\"[");
    append_inside(out, "", type);
    if (is_link) {
        append_inside(out, ": ", member[1]);
        append_inside(out, ": ", member[2]);
    } else {
        append_inside(out, ": ", member[0]);
    }
    buf_str(out, "]\"}");
}

static void block_write(struct json_text block, enum mcp_revision r, struct buf *out)
{
    static const char *const names[] = { "type" };
    struct json_text type;

    json_find(block, names, &type, 1);
    if (is_unknown(types, type, r))
        block_write_text(block, type, out);
    else
        json_raw_text(out, block);
}

void content_write(const char *content, size_t len, enum mcp_revision r, struct buf *out)
{
    struct json_iter it = json_iter((struct json_text){ content, len, JSON_ARRAY });
    struct json_text block;

    if (!may_be_unknown(types, content, len, r)) {
        json_raw(out, content, len);
        return;
    }
    json_open(out, '[');
    while (json_next_item(&it, &block))
        block_write(block, r, out);
    json_close(out, ']');
}

void messages_write(const char *messages, size_t len, enum mcp_revision r, struct buf *out)
{
    static const char *const names[] = { "role", "content" };
    struct json_iter it = json_iter((struct json_text){ messages, len, JSON_ARRAY });
    struct json_text message, member[2];

    if (!may_be_unknown(types, messages, len, r)) {
        json_raw(out, messages, len);
        return;
    }
    json_open(out, '[');
    while (json_next_item(&it, &message)) {
        json_find(message, names, member, 2);
        json_open(out, '{');
        json_key(out, "role");
        json_raw_text(out, member[0]);
        json_key(out, "content");
        block_write(member[1], r, out);
        json_close(out, '}');
    }
    json_close(out, ']');
}

static void object_write(struct json_text object, enum mcp_revision r, struct buf *out)
{
    struct json_iter it = json_iter(object);
    struct json_text name, value;

    json_open(out, '{');
    while (json_next_member(&it, &name, &value))
        if (!is_unknown(members, name, r))
            json_member_text(out, name, value);
    json_close(out, '}');
}

size_t entries_write(const char *objects, size_t len, enum mcp_revision r, struct buf *out)
{
    struct json_iter it = json_iter((struct json_text){ objects, len, JSON_ARRAY });
    struct json_text object;
    size_t count = 0;
    bool is_known = !may_be_unknown(members, objects, len, r);

    for (; json_next_item(&it, &object); count++)
        if (is_known)
            json_raw_text(out, object);
        else
            object_write(object, r, out);
    return count;
}

void objects_write(const char *objects, size_t len, enum mcp_revision r, struct buf *out)
{
    if (!may_be_unknown(members, objects, len, r)) {
        json_raw(out, objects, len);
        return;
    }
    json_open(out, '[');
    entries_write(objects, len, r, out);
    json_close(out, ']');
}
