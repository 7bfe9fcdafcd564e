/* The extension io.modelcontextprotocol/skills: skills/list, skills/get, resources/directory/read,
 * and the files of skills as resources. Nothing of a skill runs: all of it lies in the toolset. */
#include <string.h>

#include "base/hash.h"
#include "base/json_write.h"
#include "mcp/cursor.h"
#include "mcp/request.h"
#include "tools/skill.h"

static bool skills_are_there(struct request *rq)
{
    return offers_are_there(rq, TOOL_SKILL, TOOL_SKILL);
}

/* {"uri":...,"frontmatter":{...},"resources":[...]} */
static void skill_write(const struct skill *s, struct buf *b)
{
    json_open(b, '{');
    json_member_str(b, "uri", skill_at(s, 0)->uri);
    json_member_raw(b, "frontmatter", skill_frontmatter(s));
    json_key(b, "resources");
    json_open(b, '[');
    for (size_t i = 0; i < skill_count(s); i++) {
        const struct skill_file *f = skill_at(s, i);
        json_open(b, '{');
        json_member_str(b, "uri", f->uri);
        json_member_str(b, "digest", f->digest);
        json_key(b, "size");
        json_int(b, (int64_t)f->len);
        json_close(b, '}');
    }
    json_close(b, ']');
    json_close(b, '}');
}

void skills_list_serve(struct request *rq)
{
    char after[CURSOR_NAME_SIZE] = "";
    const struct tool *last = NULL;
    size_t written = 0;
    bool has_more = false;

    if (!skills_are_there(rq) || !page_begin(rq, "skills", after))
        return;
    struct buf *b = page_open(rq, "skills");
    for (size_t i = 0; i < toolset_offers(rq->in->tools, TOOL_SKILL) && !has_more; i++) {
        const struct tool *t = toolset_offer_at(rq->in->tools, TOOL_SKILL, i);
        if (strcmp(tool_wire_name(t), after) <= 0 || !offer_is_visible(rq, t))
            continue;
        has_more = rq->server->page_size && written == rq->server->page_size;
        if (has_more)
            break;
        skill_write(t->skill, b);
        written++;
        last = t;
    }
    page_end(rq, "skills", has_more && last ? tool_wire_name(last) : NULL,
             rq->server->lists_are_public);
}

/* ---- by URI ---- */

const struct skill_file *skill_file_find(const struct request *rq, const char *uri, size_t len,
                                         const struct tool **of)
{
    const struct skill_file *found = NULL;

    for (size_t i = 0; i < toolset_offers(rq->in->tools, TOOL_SKILL) && !found; i++) {
        *of = toolset_offer_at(rq->in->tools, TOOL_SKILL, i);
        if (offer_is_visible(rq, *of))
            found = skill_find((*of)->skill, uri, len);
    }
    return found;
}

/* The parameter uri, decoded into *text; false: answered. */
static bool uri_read(struct request *rq, struct buf *text)
{
    struct json_text uri = rq->message.params[PARAM_URI];

    if (uri.type != JSON_STRING) {
        reply_error(rq, 200, MCP_INVALID_PARAMS, "Invalid params: uri must be a string");
        return false;
    }
    json_string_decode(uri, text);
    if (!buf_cstr(text)) {
        reply_no_memory(rq);
        buf_fini(text);
        return false;
    }
    return true;
}

void skills_get_serve(struct request *rq)
{
    struct buf uri = { 0 };
    const struct tool *t = NULL;

    if (!skills_are_there(rq) || !uri_read(rq, &uri))
        return;
    const struct skill_file *f = skill_file_find(rq, uri.data, uri.len, &t);
    buf_fini(&uri);
    if (!f || f != skill_at(t->skill, 0)) {
        resource_unknown(rq, rq->message.params[PARAM_URI]);
        return;
    }
    struct buf *b = reply_result_begin(rq);
    json_key(b, "skill");
    skill_write(t->skill, b);
    reply_cache_hints(b, LIST_TTL_MS, rq->server->lists_are_public);
    reply_result_end(rq);
}

void skill_file_serve(struct request *rq, const struct skill_file *f)
{
    struct buf *b = reply_result_begin(rq);

    json_key(b, "contents");
    json_open(b, '[');
    json_open(b, '{');
    json_member_str(b, "uri", f->uri);
    json_member_str(b, "mimeType", f->mime);
    if (f->is_text) {
        json_member_str(b, "text", f->data);
    } else {
        json_key(b, "blob");
        buf_putc(b, '"');
        base64_encode(b, f->data, f->len, false);
        buf_putc(b, '"');
    }
    json_close(b, '}');
    json_close(b, ']');
    if (rq->is_modern)
        reply_cache_hints(b, LIST_TTL_MS, rq->server->lists_are_public);
    reply_result_end(rq);
}

/* ---- folders ---- */

/* The part of a file's path that has `depth` parts before it. */
static struct span part_of(const char *path, size_t depth)
{
    for (; depth > 0; depth--)
        path += strcspn(path, "/") + 1;
    return (struct span){ path, strcspn(path, "/") };
}

static void child_write(const struct skill_file *f, size_t uri_len, struct span name, struct buf *b)
{
    bool is_folder = f->uri[uri_len] != '\0';

    json_open(b, '{');
    json_key(b, "uri");
    json_str_n(b, f->uri, uri_len);
    json_key(b, "name");
    json_str_n(b, name.p, name.len);
    json_member_str(b, "mimeType", is_folder ? "inode/directory" : f->mime);
    if (!is_folder) {
        json_key(b, "size");
        json_int(b, (int64_t)f->len);
    }
    json_close(b, '}');
}

/* How many parts of the paths a folder of the skill stands for; -1: it is none of it. */
static int folder_depth(const struct skill *s, const struct buf *uri)
{
    size_t root = strlen(skill_at(s, 0)->uri) - strlen("/" SKILL_TEXT);
    int depth = 0;

    if (uri->len < root || memcmp(uri->data, skill_at(s, 0)->uri, root) != 0)
        return -1;
    for (size_t i = root; i < uri->len; i++)
        depth += uri->data[i] == '/';
    return depth;
}

/* What lies in the folder, each once: files of one folder follow each other. Returns how many. */
static size_t children_write(const struct skill *s, const struct buf *uri, int depth, struct buf *b)
{
    const struct skill_file *before = NULL;
    size_t before_len = 0, written = 0;

    for (size_t i = 0; i < skill_count(s); i++) {
        const struct skill_file *f = skill_at(s, i);
        if (strncmp(f->uri, uri->data, uri->len) != 0 || f->uri[uri->len] != '/')
            continue;
        size_t len = uri->len + 1 + strcspn(f->uri + uri->len + 1, "/");
        if (before && before_len == len && memcmp(before->uri, f->uri, len) == 0)
            continue;
        if (b)
            child_write(f, len, part_of(f->path, (size_t)depth), b);
        before = f;
        before_len = len;
        written++;
    }
    return written;
}

void directory_read_serve(struct request *rq)
{
    struct json_text cursor = rq->message.params[PARAM_CURSOR];
    struct buf uri = { 0 };
    const struct skill *s = NULL;
    int depth = -1;

    if (!skills_are_there(rq) || !uri_read(rq, &uri))
        return;
    for (size_t i = 0; i < toolset_offers(rq->in->tools, TOOL_SKILL) && !s; i++) {
        const struct tool *t = toolset_offer_at(rq->in->tools, TOOL_SKILL, i);
        depth = offer_is_visible(rq, t) ? folder_depth(t->skill, &uri) : -1;
        if (depth >= 0 && children_write(t->skill, &uri, depth, NULL) > 0)
            s = t->skill;
    }
    if (!s) {
        resource_unknown(rq, rq->message.params[PARAM_URI]);
    } else if (!text_is_absent(cursor) && !text_is(cursor, "")) {
        reply_error(rq, 200, MCP_INVALID_PARAMS, "Invalid params: unknown cursor");
    } else {
        children_write(s, &uri, depth, page_open(rq, "resources"));
        page_end(rq, "", NULL, rq->server->lists_are_public);
    }
    buf_fini(&uri);
}
