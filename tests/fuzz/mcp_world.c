#include "mcp_world.h"

#include <string.h>

#include "fuzz.h"
#include "tools/headerparams.h"
#include "tools/skill.h"
#include "tools/uritemplate.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct principal {
    int unused;
};

static const struct principal somebody;
const struct principal *const caller = &somebody;

const char task_members[] =
    "\"taskId\":\"t\",\"status\":\"input_required\",\"createdAt\":\"2026-11-29T00:00:00.000Z\","
    "\"ttlMs\":1,\"inputRequests\":{\"a\":{\"method\":\"roots/list\"},\"b\":{\"method\":"
    "\"elicitation/create\",\"params\":{\"message\":\"?\"}}}";

void world_hold_json(const char *text, size_t len, const char *what)
{
    struct json_text root;

    fuzz_hold(len > 0 && json_scan(text, len, NULL, &root, NULL) == 0 && !memchr(text, '\n', len),
              what);
}

/* ---- the host ---- */

static bool may(void *arg, const struct principal *p, const char *name)
{
    (void)arg, (void)p;
    return !strstr(name, "secret");
}

static int create(void *arg, const struct principal *p, struct mcp_session *s)
{
    (void)arg, (void)p;
    memcpy(s->id, SESSION_11, sizeof s->id);
    return 0;
}

static int find(void *arg, const struct principal *p, const char *id, struct mcp_session *out)
{
    static const struct mcp_session sessions[] = {
        { .id = SESSION_03, .revision = MCP_2025_03_26, .log_level = MCP_LOG_NONE },
        { .id = SESSION_06, .revision = MCP_2025_06_18, .log_level = MCP_LOG_INFO, .asks = 0x15 },
        { .id = SESSION_11,
          .revision = MCP_2025_11_25,
          .log_level = MCP_LOG_DEBUG,
          .asks = 0x3f,
          .client_name = "client",
          .client_version = "1" },
    };

    (void)arg, (void)p;
    for (size_t i = 0; i < COUNT(sessions); i++)
        if (strcmp(sessions[i].id, id) == 0) {
            *out = sessions[i];
            return 0;
        }
    return MG_E_NOTFOUND;
}

static int by_id(void *arg, const struct principal *p, const char *id)
{
    struct mcp_session s;
    return find(arg, p, id, &s);
}

static int set_level(void *arg, const struct principal *p, const char *id, enum mcp_log_level l)
{
    fuzz_hold(l >= MCP_LOG_DEBUG && l <= MCP_LOG_EMERGENCY, "a level is one");
    return by_id(arg, p, id);
}

static void cancel(void *arg, const struct principal *p, const char *session, const char *id,
                   size_t len)
{
    (void)arg, (void)p, (void)session;
    world_hold_json(id, len, "an id is JSON");
}

static int subscribe(void *arg, const struct principal *p, const char *id, const char *uri,
                     size_t len, bool on)
{
    (void)arg, (void)id;
    fuzz_hold(!on || mcp_may_read(&server, world_tools(), p, uri, len),
              "only what may be read is subscribed to");
    return len > 40 ? MG_E_LIMIT : 0;
}

static void answer(void *arg, const struct principal *p, const char *session,
                   const struct mcp_answer *a)
{
    (void)arg, (void)p, (void)session;
    fuzz_hold(memchr(a->id, '\0', sizeof a->id) != NULL, "the id of an answer ends");
    fuzz_hold(a->result.type != JSON_NONE || a->error, "an answer says something");
}

static const char *who(void *arg, const struct principal *p, uint64_t *number)
{
    (void)arg, (void)p;
    *number = 1;
    return "fuzz";
}

static bool spend(void *arg, const uint8_t id[SEAL_ID_SIZE], int64_t expires_ms)
{
    (void)arg, (void)id, (void)expires_ms;
    return true;
}

static int task_find(const char *id, size_t len)
{
    return len == strlen(TASK) && memcmp(id, TASK, len) == 0 ? 0 : MG_E_NOTFOUND;
}

static int task_get(void *arg, const struct principal *p, const char *id, size_t len,
                    struct buf *members)
{
    (void)arg, (void)p;
    if (task_find(id, len) != 0)
        return MG_E_NOTFOUND;
    buf_str(members, task_members);
    return 0;
}

/* What is left of what the task asks for, once this is answered. */
static int task_update(void *arg, const struct principal *p, const char *id, size_t len,
                       struct json_text responses)
{
    struct buf answers = { 0 }, left = { 0 };

    (void)arg, (void)p;
    fuzz_hold(responses.type == JSON_OBJECT, "responses are an object");
    if (task_find(id, len) != 0)
        return MG_E_NOTFOUND;
    buf_append(&answers, responses.p, responses.len);
    buf_putc(&answers, '\0');
    buf_putc(&left, '{');
    mcp_encode_task_answered(task_members, strlen(task_members), answers.data, answers.len, &left);
    buf_putc(&left, '}');
    world_hold_json(left.data, left.len, "a task that was answered is JSON");
    buf_fini(&answers);
    buf_fini(&left);
    return responses.len > 500 ? MG_E_LIMIT : 0;
}

static int task_cancel(void *arg, const struct principal *p, const char *id, size_t len)
{
    (void)arg, (void)p;
    return task_find(id, len);
}

static const struct mcp_host host = { .may = may,
                                      .session_create = create,
                                      .session_find = find,
                                      .session_initialized = by_id,
                                      .session_log_level = set_level,
                                      .session_subscribe = subscribe,
                                      .session_remove = by_id,
                                      .cancel = cancel,
                                      .answer = answer,
                                      .caller = who,
                                      .spend = spend,
                                      .task_get = task_get,
                                      .task_update = task_update,
                                      .task_cancel = task_cancel };
static const struct seal_key seal;
const struct mcp_server server = { .name = "fuzz",
                                   .title = "Fuzz",
                                   .version = "1",
                                   .instructions = "Call it.",
                                   .limits = { .max_values = 10000 },
                                   .page_size = 1,
                                   .host = &host,
                                   .seal = &seal,
                                   .ask_timeout_ms = 1000 };

/* ---- what it offers ---- */

#define ANY "{\"type\":\"object\"}"
#define WHERE                                                                                  \
    "{\"type\":\"object\",\"properties\":{\"region\":{\"type\":\"string\",\"x-mcp-header\":"   \
    "\"Region\"},\"at\":{\"type\":\"object\",\"properties\":{\"level\":{\"type\":\"integer\"," \
    "\"x-mcp-header\":\"Level\"}}},\"dry\":{\"type\":\"boolean\",\"x-mcp-header\":\"Dry\"}}}"

static const struct tool offers[] = {
    { .name = "search", .input_schema = ANY },
    { .name = "echo",
      .title = "Echo",
      .input_schema = ANY,
      .output_schema = "{\"type\":\"array\"}",
      .annotations = "{\"readOnlyHint\":true}",
      .icons = "[{\"src\":\"https://example.com/i.png\"}]",
      .meta = "{\"com.example/x\":1}" },
    { .name = "secret", .input_schema = ANY },
    { .name = "where", .input_schema = WHERE },
    { .name = "long", .input_schema = ANY, .needs_task = true },
    { .kind = TOOL_PROMPT,
      .name = "prompt:review",
      .title = "Review",
      .description = "Look at it.",
      .size = -1,
      .icons = "[{\"src\":\"https://example.com/i.png\"}]",
      .arguments = "[{\"name\":\"file\",\"required\":true},{\"name\":\"f\\u00fcr\"}]" },
    { .kind = TOOL_PROMPT, .name = "prompt:plain", .size = -1 },
    { .kind = TOOL_PROMPT, .name = "prompt:secret", .size = -1 },
    { .kind = TOOL_COMPLETER, .name = "prompt:review" },
    { .kind = TOOL_RESOURCE,
      .name = "resource:today",
      .uri = "test://today",
      .mime_type = "text/plain",
      .annotations = "{\"priority\":1}",
      .size = 5 },
    { .kind = TOOL_RESOURCE, .name = "resource:secret", .uri = "test://secret", .size = -1 },
    { .kind = TOOL_TEMPLATE, .name = "resource:file", .uri = "file:///{+path}{?rev}", .size = -1 },
    { .kind = TOOL_TEMPLATE, .name = "resource:part", .uri = "part:{a,b}{;c}", .size = -1 },
    { .kind = TOOL_TEMPLATE, .name = "resource:secret_file", .uri = "secret:{x}", .size = -1 },
    { .kind = TOOL_COMPLETER, .name = "resource:file" },
    { .kind = TOOL_LISTER, .name = "resource:file" },
    { .kind = TOOL_LISTER, .name = "resource:part" },
};

static void offer_add(struct toolset *tools, struct tool t)
{
    if (t.kind == TOOL_TEMPLATE)
        fuzz_hold((t.pattern = uritemplate_new(t.uri, NULL)) != NULL, "a template is one");
    if (t.kind == TOOL_TOOL)
        fuzz_hold(headerparams_compile(t.input_schema, strlen(t.input_schema), &t.headers, NULL) ==
                      0,
                  "parameters in headers are some");
    fuzz_hold(toolset_add(tools, &t, NULL) == 0, "an offer is added");
}

static void skill_add(struct toolset *tools, const char *name, const char *description,
                      size_t files)
{
    static const struct skill_source sources[] = {
        { "SKILL.md", "Fold it.\n", 9 },
        { "a/b.lua", "return 1\n", 9 },
        { "a/c/d e.bin", "\0\1\2", 3 },
        { "z.txt", "z", 1 },
    };
    struct tool t = { .kind = TOOL_SKILL, .name = name, .mime_type = "text/markdown" };

    t.skill = skill_new("demo", strchr(name, ':') + 1, description, sources, files, NULL);
    fuzz_hold(t.skill != NULL, "a skill is one");
    t.uri = skill_at(t.skill, 0)->uri;
    t.size = (int64_t)skill_at(t.skill, 0)->len;
    t.description = skill_description(t.skill);
    fuzz_hold(toolset_add(tools, &t, NULL) == 0, "a skill is added");
}

const struct toolset *world_tools(void)
{
    static struct toolset *tools;

    if (tools)
        return tools;
    tools = toolset_new(1);
    fuzz_hold(tools != NULL, "there is memory");
    for (size_t i = 0; i < COUNT(offers); i++)
        offer_add(tools, offers[i]);
    skill_add(tools, "skill:fold", "How to fold.", 4);
    skill_add(tools, "skill:flat", "How to flatten.", 1);
    skill_add(tools, "skill:secret", "How to hide.", 1);
    fuzz_hold(toolset_seal(tools) == 0, "the set is sealed");
    return tools;
}
