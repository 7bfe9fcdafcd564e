#include "cli/cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: moongate [-c FILE] [COMMAND]\n"
    "\n"
    "  serve                 serve the tools until SIGTERM; SIGHUP reads the file again (default)\n"
    "  stdio                 serve the program that starts it: MCP on standard input and output\n"
    "  check [TOOL.lua]      read the file and load the tools, print everything that is wrong\n"
    "  config                print the configuration in effect, each value with its origin\n"
    "  config --ini          print a fresh mcp.ini with every key\n"
    "  config --markdown     print the manual of mcp.ini\n"
    "  tools [--json]        list the tools\n"
    "  tools --markdown      print the page of all tools, with what they are granted\n"
    "  new NAME              write a tool and its tests into the tools folder, to begin with\n"
    "  test [FILE...]        run the tests of the tools folder, or those files of it\n"
    "       --filter TEXT    only cases whose FILE: NAME contains it\n"
    "       --tap            the results for programs, in TAP\n"
    "  call NAME [JSON | -]  call one tool, without serving, on a copy of the state (files,\n"
    "                        programs and requests are real); -: the arguments come from\n"
    "                        standard input\n"
    "       --as KEYNAME     as that key, if it may\n"
    "       --answer KEY=JSON  what is answered when the tool asks for KEY\n"
    "       --commit         on the state itself; through the gateway, if one runs\n"
    "  may KEYNAME TOOL      may that key call the tool? and which line decides\n"
    "  import FILE.db        take over jobs, models and audits of the ops kit's SQLite state\n"
    "       --dry-run        only say what would be done\n"
    "       --overwrite      also what is in the state already\n"
    "\n"
    "  -c FILE               the configuration; without it mcp.ini in the working folder\n"
    "  -h, --help            print this\n"
    "  --version             print the version\n"
    "\n"
    "Exit codes: 0, 1 failure (a result that is an error, a failed test, \"no\"), 2 usage or\n"
    "configuration.\n";

static const struct command {
    const char *name;
    enum cli_command command;
    int min, max;        /* words behind its name */
    const char *options; /* those it knows, by their letter */
} commands[] = {
    { "serve", CLI_SERVE, 0, 0, "" },   { "stdio", CLI_STDIO, 0, 0, "" },
    { "check", CLI_CHECK, 0, 1, "" },   { "config", CLI_CONFIG, 0, 0, "im" },
    { "tools", CLI_TOOLS, 0, 0, "jm" }, { "call", CLI_CALL, 1, 2, "aCA" },
    { "new", CLI_NEW, 1, 1, "" },       { "test", CLI_TEST, 0, 10000, "fT" },
    { "may", CLI_MAY, 2, 2, "" },       { "import", CLI_IMPORT, 1, 1, "nO" },
};

static int misuse(const char *text, const char *word)
{
    fprintf(stderr, "moongate: %s%s\ntry: moongate --help\n", text, word);
    return CLI_USAGE;
}

int cli_end(int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    fprintf(stderr, "moongate: standard output: %s\n", strerror(errno));
    return code == CLI_OK ? CLI_FAILURE : code;
}

static void option_note(char given[8], int option)
{
    if (!strchr(given, option) && strlen(given) < 7)
        given[strlen(given)] = (char)option;
}

/* Reads the options; given collects the letters of those that belong to one command. Negative: go
 * on. */
static int options_read(int argc, char **argv, struct cli *out, char given[8])
{
    static const struct option longs[] = {
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, 'v' },
        { "json", no_argument, NULL, 'j' },
        { "ini", no_argument, NULL, 'i' },
        { "markdown", no_argument, NULL, 'm' },
        { "as", required_argument, NULL, 'a' },
        { "commit", no_argument, NULL, 'C' },
        { "filter", required_argument, NULL, 'f' },
        { "tap", no_argument, NULL, 'T' },
        { "dry-run", no_argument, NULL, 'n' },
        { "overwrite", no_argument, NULL, 'O' },
        { "answer", required_argument, NULL, 'A' },
        { NULL, 0, NULL, 0 },
    };
    int option;

    while ((option = getopt_long(argc, argv, "c:h", longs, NULL)) != -1) {
        switch (option) {
        case 'h': fputs(usage, stdout); return cli_end(CLI_OK);
        case 'v': puts("moongate " MG_VERSION); return cli_end(CLI_OK);
        case 'c':
            if (out->ini)
                return misuse("-c was given twice", "");
            out->ini = optarg;
            break;
        case 'a':
            out->key = optarg;
            option_note(given, option);
            break;
        case 'f':
            out->filter = optarg;
            option_note(given, option);
            break;
        case 'A':
            if (out->answer_count == CLI_ANSWERS_MAX)
                return misuse("too many answers: ", optarg);
            out->answers[out->answer_count++] = optarg;
            option_note(given, option);
            break;
        case 'C':
        case 'T':
        case 'j':
        case 'i':
        case 'm':
        case 'n':
        case 'O': option_note(given, option); break;
        default:
            fputs("try: moongate --help\n", stderr); /* getopt has said what is wrong */
            return CLI_USAGE;
        }
    }
    return -1;
}

static const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static void words_take(char **words, int n, const char *given, struct cli *out)
{
    out->commit = strchr(given, 'C') != NULL;
    out->tap = strchr(given, 'T') != NULL;
    out->dry_run = strchr(given, 'n') != NULL;
    out->overwrite = strchr(given, 'O') != NULL;
    switch (out->command) {
    case CLI_CHECK:
    case CLI_IMPORT: out->file = n > 0 ? words[0] : NULL; break;
    case CLI_NEW: out->tool = words[0]; break;
    case CLI_CALL:
        out->tool = words[0];
        out->arguments = n > 1 ? words[1] : "{}";
        break;
    case CLI_MAY:
        out->key = words[0];
        out->tool = words[1];
        break;
    case CLI_TEST: out->files = (const char *const *)words; break; /* argv ends with NULL */
    default: break;
    }
}

static int command_read(const struct command *command, char **words, int n, const char *given,
                        struct cli *out)
{
    if (n < command->min)
        return misuse(command->command == CLI_MAY ? "this command needs a key's name and a tool's: "
                      : command->command == CLI_IMPORT ? "this command needs a file: "
                                                       : "this command needs a name: ",
                      command->name);
    if (n > command->max)
        return misuse("one word too many: ", words[command->max]);
    if (given[strspn(given, command->options)] != '\0')
        return misuse("--json belongs to tools; --ini and --markdown belong to config (--markdown "
                      "to tools, too); --as, --answer and --commit belong to call; --filter and "
                      "--tap belong "
                      "to test; --dry-run and --overwrite belong to import",
                      "");
    if (command->command == CLI_CONFIG && strlen(given) > 1)
        return misuse("--ini or --markdown, not both", "");
    if (command->command == CLI_TOOLS && strlen(given) > 1)
        return misuse("--json or --markdown, not both", "");
    out->command = command->command;
    out->json = strchr(given, 'j') != NULL;
    out->form = strchr(given, 'i')   ? CLI_FRESH_INI
                : strchr(given, 'm') ? CLI_MARKDOWN
                                     : CLI_IN_EFFECT;
    words_take(words, n, given, out);
    return -1;
}

/* Nothing is guessed: a gateway that serves another folder's tools by accident is worse than none.
 */
static int ini_find(struct cli *out)
{
    if (out->ini || (out->command == CLI_CONFIG && out->form != CLI_IN_EFFECT))
        return -1;
    if (access("mcp.ini", F_OK) != 0)
        return misuse("there is no mcp.ini here; name one with -c FILE, or make one: "
                      "moongate config --ini >mcp.ini",
                      "");
    out->ini = "mcp.ini";
    return -1;
}

int cli_parse(int argc, char **argv, struct cli *out)
{
    char given[8] = "";

    *out = (struct cli){ .command = CLI_SERVE };
    int code = options_read(argc, argv, out, given);
    if (code >= 0)
        return code;
    char **words = argv + optind;
    int n = argc - optind;
    const struct command *command = command_find(n > 0 ? words[0] : "serve");
    if (!command)
        return misuse("unknown command: ", words[0]);
    code = command_read(command, n > 0 ? words + 1 : words, n > 0 ? n - 1 : 0, given, out);
    return code >= 0 ? code : ini_find(out);
}
