#include "config/manual.h"

#include "config/keys.h"
#include "config/value.h"

/* ---- a commented ini file -------------------------------------------------------------------- */

static const char ini_top[] =
    "; mcp.ini - how this gateway is set up. Every key stands here with its default: take the ;\n"
    "; away to change one; a running gateway follows. docs/config.md says more. The commands\n"
    "; \"moongate check\" and \"moongate config\" show what is wrong, and what is in effect.\n";

static void key_ini(struct buf *out, const struct key_info *k)
{
    buf_printf(out, "; %s\n;%s =%s%s\n", k->help, k->name, k->fallback && *k->fallback ? " " : "",
               k->fallback ? k->fallback : "");
}

void manual_ini(struct buf *out)
{
    buf_str(out, ini_top);
    for (size_t i = 0; i < config_section_count; i++) {
        const struct section_info *s = &config_sections[i];
        buf_printf(out, "\n; %s\n", s->help);
        if (s->named)
            buf_printf(out, ";[%s %s]\n", s->name, s->named);
        else
            buf_printf(out, "[%s]\n", s->name);
        for (size_t j = 0; j < s->n_keys; j++)
            key_ini(out, &s->keys[j]);
    }
}

/* ---- docs/config.md -------------------------------------------------------------------------- */

static const char md_top[] =
    "# mcp.ini\n"
    "\n"
    "This page is printed by `moongate config --markdown`; it and the reader of the file\n"
    "come from one table.\n"
    "\n"
    "`moongate check` reads the file without serving and prints everything that is wrong,\n"
    "each with file and line. `moongate config` prints the configuration in effect, each\n"
    "value with its origin, secrets masked. `moongate config --ini` prints a fresh file\n"
    "with every key.\n"
    "\n"
    "## The file\n"
    "\n"
    "- `[section]`, then `key = value`, each in the first column. `;` or `#` begins a\n"
    "  comment line; behind a value a comment begins with ` ;`.\n"
    "- A line has at most 190 bytes. A list may stand on several lines, each with the key:\n"
    "  the items append. Any other key stands once, and so does a section.\n"
    "- What is unknown, wrong or there twice is an error: the gateway does not start, a\n"
    "  reload changes nothing.\n"
    "- Times: `250ms`, `30s`, `5m`, `2h`, `7d`; a bare number is seconds. Sizes: `512K`,\n"
    "  `8M`, `1G`. Lists: separated by commas.\n"
    "- `${NAME}` is the environment variable NAME, which must be set; `$${` stands for\n"
    "  `${`.\n"
    "- A relative path begins at the folder of the ini file; `root`, and every path from\n"
    "  the environment, at the working folder. `{root}` at the beginning of a path is the\n"
    "  root.\n"
    "- A secret may be `@/path`: what that file holds. A file of keys has one key a line, of\n"
    "  `[key NAME] secret` just one; empty lines, and lines that begin with `#` or `;`, are\n"
    "  skipped, and so are blanks around a key. A file that others may read, or that anybody\n"
    "  but its owner may write, is refused: `chmod 600` it.\n"
    "- A key has no blanks in it and begins with neither `#` nor `;`.\n"
    "- The folders of `[paths]`, and those that the state and the log lie in, must be there.\n"
    "\n"
    "## The environment\n"
    "\n"
    "What the environment says comes before the file, and the file before the default.\n"
    "Every key has a name there: `MOONGATE_`, the section, `_`, the key, in capitals. In a\n"
    "section with a name that name stands between, every byte but letters and digits as `_`\n"
    "(`MOONGATE_KEY_CI_SECRET`, `MOONGATE_TOOL_RUN_EVAL_TIMEOUT`), and the section must be\n"
    "in the file. Some keys have a second name. An empty variable counts as not set; two\n"
    "names with two values are an error, and so is a name that begins with a section's and\n"
    "ends with no key of it. `[auth] keys` from the environment replaces those of the file\n"
    "and leaves `[key NAME]` alone.\n"
    "\n"
    "Keys that are written but turn out empty, as `${NAME}` of an empty variable or as an\n"
    "empty file, are an error: they never mean that no key is asked for. The same holds for\n"
    "the other keys whose emptiness would allow more: `deny`, `redact`, `order`, and of\n"
    "`[key NAME]` `tools` and `expires`.\n";

static const char md_tools[] =
    "\n"
    "A section may name one tool or, with `*` and `?`, several. Key by key, a tool's own\n"
    "section wins over one with a glob, and of two globs the later one. A key that is not\n"
    "in the table is a setting of the tool: the tool's file declares it, with its type, or\n"
    "it is an error.\n";

static const char md_evals[] =
    "\n"
    "`command` is split at blanks, with quotes and `\\` as in a shell, but no shell runs it:\n"
    "what is filled in for a placeholder, or for `${NAME}`, stays one argument. It may\n"
    "stand on several lines. A program named with a folder is a path of the file; any other\n"
    "is found in `PATH`.\n"
    "\n"
    "With `url` an orchestrator runs it: it gets `POST url` with the JSON object `{taskId,\n"
    "configId, jobId, dryRun}` and answers 2xx, with a `jobId` of its own or without; is asked\n"
    "by `GET url/ID`, to which it answers `{status, result?, error?, progress?}`; and is told\n"
    "by `DELETE url/ID` when the job is not wanted any more. `run_eval` then needs `http =\n"
    "@evals`, which opens no other address, and for one in a private network `allow_private\n"
    "= yes`. A comma ends a header field; in a file it does not.\n";

static const char md_keys[] =
    "\n"
    "A key needs exactly one of `secret` and `sha256`. A day as `expires` is valid to its\n"
    "end, UTC.\n";

/* A `|` would end the table's cell. */
static void cell_append(struct buf *out, const char *s)
{
    for (; *s; s++) {
        if (*s == '|')
            buf_putc(out, '\\');
        buf_putc(out, *s);
    }
}

static void type_append(struct buf *out, const struct key_info *k)
{
    switch (k->type) {
    case KEY_TEXT: buf_str(out, "text"); break;
    case KEY_PATH: buf_str(out, "path"); break;
    case KEY_SECRET: buf_str(out, "secret"); break;
    case KEY_BOOL: buf_str(out, "yes or no"); break;
    case KEY_INT: bounds_render(out, k); break;
    case KEY_DURATION:
        buf_str(out, "time, ");
        bounds_render(out, k);
        break;
    case KEY_SIZE:
        buf_str(out, "size, ");
        bounds_render(out, k);
        break;
    case KEY_RATE: buf_str(out, "number/time"); break;
    case KEY_DATE: buf_str(out, "day or time"); break;
    case KEY_CHOICE: buf_str(out, k->choices); break;
    case KEY_LIST: buf_str(out, "list"); break;
    case KEY_SECRETS: buf_str(out, "list of secrets"); break;
    case KEY_ARGV: buf_str(out, "words"); break;
    }
}

static void key_markdown(struct buf *out, const struct key_info *k)
{
    buf_printf(out, "| `%s` | ", k->name);
    type_append(out, k);
    buf_str(out, " | ");
    if (k->fallback && *k->fallback)
        buf_printf(out, "`%s`", k->fallback);
    else if (k->note)
        cell_append(out, k->note);
    buf_str(out, " | ");
    cell_append(out, k->help);
    buf_str(out, k->restart ? " (restart)" : "");
    if (k->alias)
        buf_printf(out, " (also `%s`%s)", k->alias, k->alias_ms ? ", in milliseconds" : "");
    buf_str(out, " |\n");
}

static void section_markdown(struct buf *out, const struct section_info *s)
{
    static const struct {
        const char *section, *text;
    } more[] = { { "tool", md_tools }, { "eval", md_evals }, { "key", md_keys } };

    buf_printf(out, "\n### `[%s%s%s]`\n\n%s.\n\n", s->name, s->named ? " " : "",
               s->named ? s->named : "", s->help);
    buf_str(out, "| key | value | default | |\n|---|---|---|---|\n");
    for (size_t i = 0; i < s->n_keys; i++)
        key_markdown(out, &s->keys[i]);
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++)
        if (section_find(more[i].section) == s)
            buf_str(out, more[i].text);
}

void manual_markdown(struct buf *out)
{
    buf_str(out, md_top);
    buf_str(out, "\n## The keys\n\n"
                 "(restart) marks what a reload does not change: it is logged and waits for the "
                 "next start.\n");
    for (size_t i = 0; i < config_section_count; i++)
        section_markdown(out, &config_sections[i]);
}
