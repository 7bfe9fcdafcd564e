/* new_command.c - moongate new: a tool and its tests, to begin with. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "config/config.h"

#define NAME_MAX_BYTES 100

static const char tool_text[] =
    "-- @.lua - counts the words of a text.\n"
    "local mcp = require \"mcp\"\n"
    "\n"
    "local function run(args)\n"
    "  local words = 0\n"
    "  for _ in args.text:gmatch(\"%S+\") do words = words + 1 end\n"
    "  if words == 0 then return nil, \"there are no words in it\" end   -- the model can react\n"
    "  return { words = words, bytes = #args.text }\n"
    "end\n"
    "\n"
    "return mcp.tool {\n"
    "  name        = \"@\",\n"
    "  description = \"Count the words of a text.\",\n"
    "  input = {\n"
    "    type = \"object\",\n"
    "    properties = {\n"
    "      text = { type = \"string\", maxLength = 10000, description = \"What to count.\" },\n"
    "    },\n"
    "    required = { \"text\" },\n"
    "    additionalProperties = false,\n"
    "  },\n"
    "  annotations = { readOnlyHint = true, openWorldHint = false },\n"
    "  run         = run,\n"
    "}\n";

static const char test_text[] =
    "-- @_test.lua - what @ answers and refuses. Run it: moongate test @_test.lua\n"
    "local mcp = require \"mcp\"\n"
    "local t = mcp.testing\n"
    "\n"
    "t.case(\"counts words\", function()\n"
    "  local result = t.call(\"@\", { text = \"the quick  brown fox\" })\n"
    "  t.eq(result.ok, true, result.text)\n"
    "  t.eq(result.value, { words = 4, bytes = 20 })\n"
    "end)\n"
    "\n"
    "t.case(\"refuses a text without words\", function()\n"
    "  local result = t.call(\"@\", { text = \" \" })\n"
    "  t.eq(result.ok, false)\n"
    "  t.eq(result.text, \"there are no words in it\")\n"
    "end)\n";

/* A tool's name that is also a plain file name; what ends in _test is a file of tests, and what
 * begins with "_" is not loaded. */
static const char *flaw(const char *name)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    size_t len = strlen(name);
    if (len == 0 || len > NAME_MAX_BYTES || strspn(name, plain) != len)
        return "a name has 1 to 100 of A-Z a-z 0-9 _ -";
    if (name[0] == '_' || name[0] == '-')
        return "a name begins with a letter or a digit";
    if (len >= 5 && strcmp(name + len - 5, "_test") == 0)
        return "files whose name ends in _test are tests";
    return NULL;
}

static void expand(const char *text, const char *name, struct buf *out)
{
    for (; *text; text++)
        if (*text == '@')
            buf_str(out, name);
        else
            buf_putc(out, *text);
}

/* Never over a file that is there. Removed again when it cannot be written as a whole. */
static int file_make(const char *path, const char *text, const char *name)
{
    struct buf b = { 0 };
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) {
        fprintf(stderr, "moongate: %s: %s\n", path, strerror(errno));
        return CLI_FAILURE;
    }
    expand(text, name, &b);
    ssize_t n = buf_ok(&b) ? write(fd, b.data, b.len) : -1;
    bool is_whole = buf_ok(&b) && n == (ssize_t)b.len;
    is_whole = close(fd) == 0 && is_whole;
    if (!is_whole) {
        fprintf(stderr, "moongate: %s: cannot be written: %s\n", path,
                n >= 0 ? "No space left on device" : strerror(errno));
        (void)unlink(path);
    }
    buf_fini(&b);
    return is_whole ? CLI_OK : CLI_FAILURE;
}

static int files_make(const char *folder, const char *name)
{
    char tool[PATH_MAX], test[PATH_MAX];
    int n = snprintf(tool, sizeof tool, "%s/%s.lua", folder, name);
    int m = snprintf(test, sizeof test, "%s/%s_test.lua", folder, name);
    if (n < 0 || m < 0 || (size_t)n >= sizeof tool || (size_t)m >= sizeof test) {
        fprintf(stderr, "moongate: %s: the path is too long\n", folder);
        return CLI_FAILURE;
    }
    if (access(test, F_OK) == 0) {
        fprintf(stderr, "moongate: %s: File exists\n", test);
        return CLI_FAILURE;
    }
    if (file_make(tool, tool_text, name) != CLI_OK)
        return CLI_FAILURE;
    if (file_make(test, test_text, name) != CLI_OK) {
        (void)unlink(tool); /* both or none */
        return CLI_FAILURE;
    }
    printf("%s\n%s\n\nNext:\n"
           "  moongate test %s_test.lua          run its tests\n"
           "  moongate call %s '{\"text\":\"a b\"}'   call it once\n"
           "A gateway that runs serves it already.\n",
           tool, test, name, name);
    return CLI_OK;
}

int cli_new(const struct cli *cli)
{
    const char *reason = flaw(cli->tool);
    if (reason) {
        fprintf(stderr, "moongate: \"%s\": %s\n", cli->tool, reason);
        return CLI_USAGE;
    }
    struct problems problems = { 0 };
    struct config_source source = { .path = cli->ini, .env = (const char *const *)environ };
    struct config *c = config_load(&source, &problems);
    problems_print(&problems, stderr);
    problems_fini(&problems);
    if (!c)
        return CLI_USAGE;
    int code = files_make(c->paths.tools, cli->tool);
    config_unref(c);
    return cli_end(code);
}
