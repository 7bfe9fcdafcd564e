#include "tools/legacyschema.h"

#include <string.h>

#include "base/json_write.h"

static bool is_boolean(struct json_text t) { return t.type == JSON_TRUE || t.type == JSON_FALSE; }

static bool has_boolean(struct json_text properties)
{
    struct json_iter it = json_iter(properties);
    struct json_text name, property;

    while (json_next_member(&it, &name, &property))
        if (is_boolean(property))
            return true;
    return false;
}

static void properties_write(struct json_text properties, struct buf *out)
{
    static const char anything[] = "{}", nothing[] = "{\"not\":{}}";
    struct json_iter it = json_iter(properties);
    struct json_text name, property;

    json_open(out, '{');
    while (json_next_member(&it, &name, &property)) {
        if (property.type == JSON_TRUE)
            property = (struct json_text){ anything, sizeof anything - 1, JSON_OBJECT };
        else if (property.type == JSON_FALSE)
            property = (struct json_text){ nothing, sizeof nothing - 1, JSON_OBJECT };
        json_member_text(out, name, property);
    }
    json_close(out, '}');
}

void legacyschema_write(const char *schema, struct buf *out)
{
    if (!schema || schema[0] != '{')
        return;
    struct json_text root = { schema, strlen(schema), JSON_OBJECT }, name, value;
    struct json_text properties = json_get(root, "properties");
    struct json_iter it = json_iter(root);
    if (properties.type != JSON_OBJECT || !has_boolean(properties))
        return;
    json_open(out, '{');
    while (json_next_member(&it, &name, &value)) {
        if (value.p != properties.p) {
            json_member_text(out, name, value);
        } else {
            json_key(out, "properties");
            properties_write(value, out);
        }
    }
    json_close(out, '}');
}
