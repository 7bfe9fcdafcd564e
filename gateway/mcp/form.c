#include "mcp/form.h"

#include "base/json_write.h"
#include "mcp/text.h"

bool form_is_primitive(struct json_text schema)
{
    struct json_text properties = json_get(schema, "properties"), name, property;

    if (properties.type != JSON_OBJECT)
        return true;
    struct json_iter it = json_iter(properties);
    while (json_next_member(&it, &name, &property))
        if (text_is(json_get(property, "type"), "array"))
            return false;
    return true;
}

/* One list of one member of each choice. */
static void choices_encode(struct json_text choices, const char *of, struct buf *out)
{
    struct json_iter it = json_iter(choices);
    struct json_text choice;

    json_open(out, '[');
    while (json_next_item(&it, &choice))
        json_raw_text(out, json_get(choice, of));
    json_close(out, ']');
}

static void property_encode(struct json_text property, struct buf *out)
{
    struct json_iter it = json_iter(property);
    struct json_text name, value;

    json_open(out, '{');
    while (json_next_member(&it, &name, &value)) {
        if (!text_is(name, "oneOf")) {
            json_member_text(out, name, value);
            continue;
        }
        json_key(out, "enum");
        choices_encode(value, "const", out);
        json_key(out, "enumNames");
        choices_encode(value, "title", out);
    }
    json_close(out, '}');
}

void form_encode_primitive(struct json_text schema, struct buf *out)
{
    struct json_iter it = json_iter(schema);
    struct json_text name, value, property;

    json_open(out, '{');
    while (json_next_member(&it, &name, &value)) {
        if (!text_is(name, "properties")) {
            json_member_text(out, name, value);
            continue;
        }
        struct json_iter properties = json_iter(value);
        json_key(out, "properties");
        json_open(out, '{');
        while (json_next_member(&properties, &name, &property)) {
            json_raw_text(out, name);
            buf_putc(out, ':');
            property_encode(property, out);
        }
        json_close(out, '}');
    }
    json_close(out, '}');
}
