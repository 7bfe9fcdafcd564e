#include "api/fs_tally.h"

#include <errno.h>
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/helped.h"
#include "files/many.h"
#include "files/read.h"
#include "files/tally.h"
#include "vm/module.h"

#define PATHS_MAX 500
#define MAX_DEFAULT ((uint64_t)1 << 20)
#define LOOK_FOR_ZERO 8000           /* bytes in which a zero byte makes a file binary */
#define KEPT_BYTES ((size_t)1 << 20) /* of the lines of one call */
#define STAMP_SIZE 80

enum what { IS_NO_FILE, IS_KNOWN, IS_LARGE, IS_BINARY, IS_COUNTED };

struct one {
    const char *path, *known; /* known: "" if it is not */
    enum what what;
    uint64_t size;
    double modified;
    char stamp[STAMP_SIZE];
    struct tally tally;
    size_t kept_at; /* in job.kept */
};

struct tally_job {
    struct helped helped;
    atomic_bool stop;
    struct rootfile_rules rules;
    struct fileop at;
    struct tally_syntax syntax;
    uint64_t max;
    size_t taken; /* bytes of at.shared */
    int code;     /* negative: fail says why */
    struct fail fail;
    struct buf kept;
    size_t n;
    struct one files[]; /* behind them the texts */
};

/* ---- the work ---- */

static void set_stamp(struct one *file, const struct stat *st)
{
    snprintf(file->stamp, sizeof file->stamp, "%llx.%llx.%llx.%lx", (unsigned long long)st->st_size,
             (unsigned long long)st->st_mtim.tv_sec, (unsigned long long)st->st_ino,
             (unsigned long)st->st_mtim.tv_nsec);
    file->size = (uint64_t)st->st_size;
    file->modified = root_time(st);
}

/* The file's bytes are in bytes. */
static int count_lines(struct tally_job *j, struct one *file, const struct buf *bytes)
{
    size_t look = bytes->len < LOOK_FOR_ZERO ? bytes->len : LOOK_FOR_ZERO;
    file->what = IS_BINARY;
    if (look > 0 && memchr(bytes->data, '\0', look))
        return 0;
    file->what = IS_COUNTED;
    file->kept_at = j->kept.len;
    tally_text(&j->syntax, bytes->data, bytes->len, &file->tally, &j->kept);
    if (buf_ok(&j->kept))
        return 0;
    if (!j->kept.is_over)
        return fail_errno(&j->fail, ENOMEM, "");
    return fail_set(&j->fail, MG_E_LIMIT, "TOO_LARGE",
                    "the lines that are kept have over 1 MB: ask for fewer files at once");
}

/* What cannot be opened or read is no file to us: gone, denied, a link, or a folder. */
static int look_at(struct tally_job *j, struct many *m, struct one *file, struct buf *bytes)
{
    struct stat st;
    if (!many_stat(m, file->path, &st))
        return 0;
    set_stamp(file, &st);
    file->what = IS_KNOWN;
    if (strcmp(file->stamp, file->known) == 0)
        return 0;
    file->what = IS_LARGE;
    if (file->size > j->max)
        return 0;
    file->what = IS_NO_FILE;
    int code = many_read(m, file->path, &st, (size_t)j->max, bytes, &j->fail);
    return code == 1 ? count_lines(j, file, bytes) : code;
}

static void job_work(struct helped *h)
{
    struct tally_job *j = (struct tally_job *)h;
    struct buf bytes = { 0 };
    struct many m;
    j->kept.max = KEPT_BYTES;
    j->code = many_begin(&m, &j->at, &j->fail);
    if (j->code != 0)
        return;
    for (size_t i = 0; j->code == 0 && i < j->n; i++) {
        j->code = fileop_stopped(&j->at, &j->fail);
        if (j->code == 0)
            j->code = look_at(j, &m, &j->files[i], &bytes);
    }
    many_end(&m);
    buf_fini(&bytes);
}

static void job_stop(struct helped *h) { atomic_store(&((struct tally_job *)h)->stop, true); }

static void job_free(struct helped *h)
{
    struct tally_job *j = (struct tally_job *)h;
    buf_fini(&j->kept);
    files_give(j->at.shared, j->taken);
    free(j);
}

/* ---- the results ---- */

static void set_count(lua_State *L, const char *name, uint64_t value)
{
    lua_pushinteger(L, (lua_Integer)value);
    lua_setfield(L, -2, name);
}

static void push_counted(lua_State *L, const struct tally_job *j, const struct one *file)
{
    const struct tally *t = &file->tally;
    set_count(L, "lines", t->lines);
    set_count(L, "blank", t->blank);
    set_count(L, "comment", t->comment);
    set_count(L, "code", t->code);
    set_count(L, "markers", t->markers);
    if (j->syntax.counts > 0) {
        lua_createtable(L, (int)j->syntax.counts, 0);
        for (size_t i = 0; i < j->syntax.counts; i++) {
            lua_pushinteger(L, t->counts[i]);
            lua_rawseti(L, -2, (lua_Integer)i + 1);
        }
        lua_setfield(L, -2, "counts");
    }
    if (t->more > 0)
        set_count(L, "more", t->more);
    if (t->kept == 0)
        return;
    const char *line = j->kept.data + file->kept_at;
    lua_createtable(L, (int)t->kept, 0);
    for (uint32_t i = 0; i < t->kept; i++) {
        lua_pushstring(L, line);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
        line += strlen(line) + 1;
    }
    lua_setfield(L, -2, "kept");
}

static void push_one(lua_State *L, const struct tally_job *j, const struct one *file)
{
    if (file->what == IS_NO_FILE || file->what == IS_KNOWN) {
        lua_pushboolean(L, file->what == IS_KNOWN);
        return;
    }
    lua_createtable(L, 0, 10);
    lua_pushstring(L, file->stamp);
    lua_setfield(L, -2, "stamp");
    set_count(L, "size", file->size);
    lua_pushnumber(L, file->modified);
    lua_setfield(L, -2, "modified");
    if (file->what == IS_COUNTED) {
        push_counted(L, j, file);
    } else {
        lua_pushstring(L, file->what == IS_LARGE ? "large" : "binary");
        lua_setfield(L, -2, "skipped");
    }
}

static int job_push(lua_State *L, struct helped *h)
{
    struct tally_job *j = (struct tally_job *)h;
    if (j->code < 0)
        return api_fail(L, j->fail.word, "%s", j->fail.err.text);
    lua_createtable(L, (int)j->n, 0);
    for (size_t i = 0; i < j->n; i++) {
        push_one(L, j, &j->files[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* ---- the arguments ---- */

/* Every list has its place on the stack, so that copying them allocates nothing and cannot raise
 * once memory is held that Lua does not know. */
enum { PATHS = 1, OPTIONS, LINE, BLOCK, TEXT, MARKERS, COUNT, KEEP, SECTION, KNOWN, QUOTES, LAST };
static const char *const list_names[] = {
    [LINE] = "line",       [BLOCK] = "block", [TEXT] = "text",
    [MARKERS] = "markers", [COUNT] = "count", [KEEP] = "keep",
    [SECTION] = "section", [KNOWN] = "known", [QUOTES] = "quotes"
};

/* The bytes of the string on top, with a zero. */
static size_t check_word(lua_State *L, const char *list)
{
    size_t len;
    if (lua_type(L, -1) != LUA_TSTRING)
        luaL_error(L, "%s: expected strings, got %s", list, luaL_typename(L, -1));
    const char *text = lua_tolstring(L, -1, &len);
    if (len == 0 || len > 100 || strlen(text) != len || strcmp(text, "^") == 0)
        luaL_error(L, "%s: expected texts of 1 to 100 bytes", list);
    lua_pop(L, 1);
    return len + 1;
}

static size_t check_list(lua_State *L, int index, bool is_pairs)
{
    const char *name = list_names[index];
    size_t bytes = 0;
    if (lua_isnil(L, index))
        return 0;
    if (!lua_istable(L, index) || lua_rawlen(L, index) > TALLY_ITEMS)
        luaL_error(L, "%s: expected a list of at most %d", name, TALLY_ITEMS);
    for (lua_Integer i = 1; i <= (lua_Integer)lua_rawlen(L, index); i++) {
        lua_rawgeti(L, index, i);
        if (!is_pairs) {
            bytes += check_word(L, name);
            continue;
        }
        if (!lua_istable(L, -1) || lua_rawlen(L, -1) != 2)
            luaL_error(L, "%s: expected pairs: { \"/*\", \"*/\" }", name);
        for (int k = 1; k <= 2; k++) {
            lua_rawgeti(L, -1, k);
            lua_insert(L, -2);
        }
        lua_pop(L, 1); /* the pair; its two texts stay */
        bytes += check_word(L, name);
        bytes += check_word(L, name);
    }
    return bytes;
}

static size_t check_paths(lua_State *L)
{
    size_t bytes = 0, len;
    luaL_checktype(L, PATHS, LUA_TTABLE);
    if (lua_rawlen(L, PATHS) > PATHS_MAX)
        luaL_error(L, "paths: at most %d at once", PATHS_MAX);
    for (lua_Integer i = 1; i <= (lua_Integer)lua_rawlen(L, PATHS); i++) {
        if (lua_rawgeti(L, PATHS, i) != LUA_TSTRING)
            luaL_error(L, "paths: expected strings, got %s", luaL_typename(L, -1));
        lua_tolstring(L, -1, &len);
        bytes += len + 1;
        lua_pop(L, 1);
        if (lua_isnil(L, KNOWN))
            continue;
        if (lua_rawgeti(L, KNOWN, i) == LUA_TSTRING) {
            lua_tolstring(L, -1, &len);
            bytes += len + 1;
        }
        lua_pop(L, 1);
    }
    return bytes;
}

/* Spreads the lists over the stack. Returns the bytes of all texts. */
static size_t check_all(lua_State *L, uint64_t *max)
{
    static const char *const names[] = { "line",    "block", "text",   "markers", "count", "keep",
                                         "section", "known", "quotes", "max",     NULL };
    lua_settop(L, 2);
    opts_check(L, OPTIONS, names);
    *max = opts_size(L, OPTIONS, "max", MAX_DEFAULT, READ_MAX);
    luaL_checkstack(L, 2 * LAST, "tally");
    for (int i = LINE; i < LAST; i++) {
        if (lua_istable(L, OPTIONS))
            lua_getfield(L, OPTIONS, list_names[i]);
        else
            lua_pushnil(L);
    }
    if (!lua_isnil(L, KNOWN) && !lua_istable(L, KNOWN))
        luaL_error(L, "known: expected a list");
    size_t bytes = check_paths(L);
    for (int i = LINE; i < KNOWN; i++)
        bytes += check_list(L, i, i == BLOCK || i == TEXT || i == SECTION);
    if (!lua_isnil(L, QUOTES)) {
        lua_pushvalue(L, QUOTES);
        bytes += check_word(L, "quotes");
    }
    return bytes;
}

/* The text on top, which is popped. */
static const char *copy(lua_State *L, char **at)
{
    size_t len;
    const char *text = lua_tolstring(L, -1, &len);
    char *to = *at;
    memcpy(to, text, len + 1);
    *at += len + 1;
    lua_pop(L, 1);
    return to;
}

static size_t copy_words(lua_State *L, int index, const char **words, char **at)
{
    size_t n = lua_istable(L, index) ? (size_t)lua_rawlen(L, index) : 0;
    for (size_t i = 0; i < n; i++) {
        lua_rawgeti(L, index, (lua_Integer)i + 1);
        words[i] = copy(L, at);
    }
    return n;
}

static size_t copy_pairs(lua_State *L, int index, struct tally_pair *pairs, char **at)
{
    size_t n = lua_istable(L, index) ? (size_t)lua_rawlen(L, index) : 0;
    for (size_t i = 0; i < n; i++) {
        lua_rawgeti(L, index, (lua_Integer)i + 1);
        lua_rawgeti(L, -1, 1);
        pairs[i].open = copy(L, at);
        lua_rawgeti(L, -1, 2);
        pairs[i].close = copy(L, at);
        lua_pop(L, 1);
        pairs[i].is_first = pairs[i].open[0] == '^';
        pairs[i].open += pairs[i].is_first;
    }
    return n;
}

static void copy_files(lua_State *L, struct tally_job *j, char **at)
{
    for (size_t i = 0; i < j->n; i++) {
        lua_rawgeti(L, PATHS, (lua_Integer)i + 1);
        j->files[i].path = copy(L, at);
        j->files[i].known = "";
        if (lua_isnil(L, KNOWN))
            continue;
        if (lua_rawgeti(L, KNOWN, (lua_Integer)i + 1) == LUA_TSTRING)
            j->files[i].known = copy(L, at);
        else
            lua_pop(L, 1);
    }
}

static void copy_all(lua_State *L, struct tally_job *j)
{
    struct tally_syntax *s = &j->syntax;
    char *at = (char *)&j->files[j->n];
    copy_files(L, j, &at);
    s->lines = copy_words(L, LINE, s->line, &at);
    s->blocks = copy_pairs(L, BLOCK, s->block, &at);
    s->texts = copy_pairs(L, TEXT, s->text, &at);
    s->marker_count = copy_words(L, MARKERS, s->markers, &at);
    s->counts = copy_words(L, COUNT, s->count, &at);
    s->keeps = copy_words(L, KEEP, s->keep, &at);
    s->sections = copy_pairs(L, SECTION, s->section, &at);
    if (!lua_isnil(L, QUOTES)) {
        lua_pushvalue(L, QUOTES);
        s->quotes = copy(L, &at);
    }
    const char *root = vm_options_of(L)->root;
    if (root)
        j->rules.root = memcpy(at, root, strlen(root) + 1);
}

/* mcp.fs.tally(paths [, {line=, block=, text=, quotes=, markers=, count=, keep=, section=, known=,
 * max=}]) -> list; or nil, message, code (w). What the lines of up to 500 files of one language
 * are. For each path {stamp=, size=, modified=, lines=, blank=, comment=, code=, markers=,
 * counts=, kept=, more=}, or false: there is no such file for tools. A line with code is code,
 * whatever comment stands in it, too, and so is a first line that begins with #!. line: what
 * begins a comment up to the end of the line ({"//"}); block, text: what stands around comments
 * and strings of several lines ({{"<!--", "-->"}}; with a ^ before it, as in {{'^"""', '"""'}},
 * only at the begin of a line); quotes: the characters around strings of one line. markers: words
 * in comments, whose number is told. count: words of lines with code; counts has a number for
 * each; one that begins with ^ must begin the line. keep: kept has the lines with such a word,
 * section those from one that begins with its first text to one that begins with its second; at
 * most 400 of a file, cut at 240 bytes; more says how many are missing. Each list has at most 24
 * items. known: for each path the stamp that it had, or false; where it still has it, the result
 * is true, and the file is not read. A file over max (1M, up to 16M), or one with zero bytes, is
 * not counted: skipped is "large" or "binary". */
int mgl_fs_tally(lua_State *L)
{
    static const struct helped_type type = { job_work, job_stop, job_push, job_free };
    const struct vm_options *o = vm_options_of(L);
    struct files *shared = vm_services_of(L)->fs;
    uint64_t max;
    size_t n = lua_istable(L, PATHS) ? (size_t)lua_rawlen(L, PATHS) : 0;
    size_t bytes = check_all(L, &max);
    if (policy_of(L)->fs == VM_FS_NONE) {
        const struct tool *tool = tool_of(L);
        return api_fail(L, "DENIED", "the tool may not read files; in mcp.ini: [tool %s] fs = read",
                        tool ? tool->name : "NAME");
    }
    struct helped_op *op = helped_push(L);
    if (!op)
        return 3;
    bytes +=
        sizeof(struct tally_job) + n * sizeof(struct one) + (o->root ? strlen(o->root) : 0) + 1;
    size_t taken = bytes + KEPT_BYTES + (size_t)max;
    if (!files_take(shared, taken))
        return helped_refuse(L, op, "LIMIT", "too much is read and written at once; try again");
    struct tally_job *j = calloc(1, bytes);
    if (!j) {
        files_give(shared, taken);
        return helped_refuse(L, op, "NOMEM", "no memory for a copy of the paths");
    }
    j->helped.type = &type;
    j->n = n;
    j->max = max;
    j->taken = taken;
    j->rules = (struct rootfile_rules){
        .may_open = o->may_open, .may_make = o->may_make, .view = o->view, .arg = o->may_open_arg
    };
    copy_all(L, j);
    j->at = (struct fileop){ .rules = &j->rules, .shared = shared, .stop = &j->stop };
    return helped_run(L, op, &j->helped);
}
