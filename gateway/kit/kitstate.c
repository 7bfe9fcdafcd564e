#include "kit/kitstate.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json_write.h"
#include "kit/kitrows.h"

const struct kit_limits kit_limits = { (uint64_t)1 << 30, 1000000, (size_t)256 << 20 };

struct gate { /* one row of model_gates */
    char *model, *gate;
    size_t row; /* from 0 */
    bool is_used;
};

struct reading {
    struct kitfile file;
    const struct kit_limits *limits;
    struct kit_state *out;
    size_t rows; /* of all tables so far */
    struct gate *gates;
    size_t gate_count, gate_size;
    struct buf a, b; /* values of the current row */
};

const char *kit_key_field(const char *collection)
{
    return strcmp(collection, "jobs") == 0     ? "jobId"
           : strcmp(collection, "models") == 0 ? "modelId"
                                               : "id";
}

/* ---- rows ---- */

static int no_memory(const struct reading *r, struct err *e)
{
    return err_set(e, MG_E_NOMEM, "%s: not enough memory", r->file.path);
}

/* As kitrows_next(), within the bounds. */
static int next_row(struct reading *r, struct kitrows *rows, struct err *e)
{
    int got = kitrows_next(rows, e);
    if (got > 0 && ++r->rows > r->limits->rows)
        return err_set(e, MG_E_LIMIT, "%s: has more than %zu rows", r->file.path, r->limits->rows);
    buf_clear(&r->a);
    buf_clear(&r->b);
    return got;
}

static int room(struct reading *r, void **items, size_t count, size_t *size, size_t item,
                struct err *e)
{
    if (count < *size)
        return 0;
    size_t want = *size ? *size * 2 : 64;
    void *more = realloc(*items, want * item);
    if (!more)
        return no_memory(r, e);
    *items = more;
    *size = want;
    return 0;
}

/* Takes text; key is copied. */
static int object_add(struct reading *r, const char *collection, struct buf *key, struct buf *text,
                      int64_t ended_ms, struct err *e)
{
    struct kit_state *s = r->out;
    void *objects = s->objects;
    struct kit_object o = { .collection = collection, .ended_ms = ended_ms };
    int code = room(r, &objects, s->count, &s->size, sizeof o, e);
    s->objects = objects;
    if (code != 0)
        return code;
    const char *k = buf_cstr(key);
    o.key = k ? strdup(k) : NULL;
    o.text = buf_take(text, &o.len);
    if (!o.key || !o.text) {
        free(o.key);
        free(o.text);
        return no_memory(r, e);
    }
    s->objects[s->count++] = o;
    s->bytes += o.len;
    if (s->bytes > r->limits->bytes)
        return err_set(e, MG_E_LIMIT, "%s: its rows have more than %zu bytes", r->file.path,
                       r->limits->bytes);
    return 0;
}

static void note_unused(const struct reading *r, const struct kitrows *rows)
{
    struct buf names = { 0 };
    if (kitrows_unused(rows, &names) && buf_cstr(&names))
        buf_printf(&r->out->notes, "table %s: not taken over: %s\n", rows->table, names.data);
    buf_fini(&names);
}

/* member of the object in text, from a column */
static int add_text(const struct kitrows *rows, int at, const char *member, struct buf *value,
                    struct buf *text, struct err *e)
{
    buf_clear(value);
    int code = kitrows_text(rows, at, value, e);
    if (code == 0) {
        json_key(text, member);
        json_str_n(text, value->data, value->len);
    }
    return code;
}

static int add_time(const struct kitrows *rows, int at, const char *member, int64_t *wall_ms,
                    struct buf *text, struct err *e)
{
    char iso[CLOCK_ISO_SIZE];
    int code = kitrows_time(rows, at, wall_ms, e);
    if (code == 0) {
        clock_iso(iso, *wall_ms);
        json_key(text, member);
        json_str(text, iso);
    }
    return code;
}

/* ---- jobs ---- */

enum { JOB_ID, JOB_TASK, JOB_CONFIG, JOB_STATUS, JOB_STARTED, JOB_UPDATED, JOB_RESULT, JOB_ERROR };
static const char *const job_names[] = { "jobId",     "taskId",    "configId", "status",
                                         "startedAt", "updatedAt", "result",   "error" };
#define JOB_NEEDED JOB_UPDATED /* the last that must be there */
#define JOB_COLUMNS (JOB_ERROR + 1)

static int job_row(struct reading *r, const struct kitrows *rows, const int *at, struct err *e)
{
    struct buf text = { 0 }, *key = &r->a, *value = &r->b;
    int64_t started_ms, updated_ms = 0;
    bool is_alive = false;

    json_open(&text, '{');
    int code = add_text(rows, at[JOB_ID], "jobId", key, &text, e);
    for (int i = JOB_TASK; code == 0 && i <= JOB_STATUS; i++)
        code = add_text(rows, at[i], job_names[i], value, &text, e);
    if (code == 0 && buf_cstr(value))
        is_alive = strcmp(value->data, "QUEUED") == 0 || strcmp(value->data, "RUNNING") == 0;
    if (code == 0)
        code = add_time(rows, at[JOB_STARTED], "startedAt", &started_ms, &text, e);
    if (code == 0)
        code = add_time(rows, at[JOB_UPDATED], "updatedAt", &updated_ms, &text, e);
    if (code == 0 && !kitrows_is_null(rows, at[JOB_RESULT])) {
        json_key(&text, "result");
        code = kitrows_object(rows, at[JOB_RESULT], &text, e);
    }
    if (code == 0 && !kitrows_is_null(rows, at[JOB_ERROR]))
        code = add_text(rows, at[JOB_ERROR], "error", value, &text, e);
    json_close(&text, '}');
    if (code == 0)
        code = object_add(r, "jobs", key, &text, is_alive ? 0 : updated_ms, e);
    buf_fini(&text);
    return code;
}

static int jobs_read(struct reading *r, struct kitrows *rows, struct err *e)
{
    int at[JOB_COLUMNS], code = 0, got = 1;
    for (int i = 0; code == 0 && i < JOB_COLUMNS; i++)
        code = kitrows_column(rows, job_names[i], i <= JOB_NEEDED, &at[i], e);
    while (code == 0 && (got = next_row(r, rows, e)) > 0)
        code = job_row(r, rows, at, e);
    note_unused(r, rows);
    return code != 0 ? code : got;
}

/* ---- models ---- */

static int by_model(const void *a, const void *b)
{
    const struct gate *x = a, *y = b;
    int order = strcmp(x->model, y->model);
    return order != 0 ? order : x->row < y->row ? -1 : x->row > y->row;
}

static int gate_row(struct reading *r, const struct kitrows *rows, const int at[2], struct err *e)
{
    void *gates = r->gates;
    int code = room(r, &gates, r->gate_count, &r->gate_size, sizeof *r->gates, e);
    r->gates = gates;
    if (code == 0)
        code = kitrows_text(rows, at[0], &r->a, e);
    if (code == 0)
        code = kitrows_text(rows, at[1], &r->b, e);
    if (code != 0)
        return code;
    struct gate g = { .row = r->gate_count };
    g.model = buf_take(&r->a, NULL);
    g.gate = buf_take(&r->b, NULL);
    if (!g.model || !g.gate) {
        free(g.model);
        free(g.gate);
        return no_memory(r, e);
    }
    r->gates[r->gate_count++] = g;
    return 0;
}

static int gates_read(struct reading *r, struct kitrows *rows, struct err *e)
{
    int at[2], got = 1;
    int code = kitrows_column(rows, "modelId", true, &at[0], e);
    if (code == 0)
        code = kitrows_column(rows, "gate", true, &at[1], e);
    while (code == 0 && (got = next_row(r, rows, e)) > 0)
        code = gate_row(r, rows, at, e);
    note_unused(r, rows);
    if (code == 0 && got == 0 && r->gate_count > 0)
        qsort(r->gates, r->gate_count, sizeof *r->gates, by_model);
    return code != 0 ? code : got;
}

/* The first of a model's gates, which lie one after the other; or gate_count. */
static size_t gates_find(const struct reading *r, const char *model)
{
    size_t low = 0, high = r->gate_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (strcmp(r->gates[mid].model, model) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static void add_gates(struct reading *r, const char *model, struct buf *text)
{
    json_key(text, "gates");
    json_open(text, '[');
    for (size_t i = gates_find(r, model);
         i < r->gate_count && strcmp(r->gates[i].model, model) == 0; i++) {
        json_str(text, r->gates[i].gate);
        r->gates[i].is_used = true;
    }
    json_close(text, ']');
}

static int model_row(struct reading *r, const struct kitrows *rows, const int at[3], struct err *e)
{
    struct buf text = { 0 };
    bool is_promoted = false;
    int64_t wall_ms;

    json_open(&text, '{');
    int code = add_text(rows, at[0], "modelId", &r->a, &text, e);
    if (code == 0 && buf_cstr(&r->a)) {
        add_gates(r, r->a.data, &text);
        code = kitrows_bool(rows, at[1], &is_promoted, e);
        json_key(&text, "promoted");
        json_bool(&text, is_promoted);
    }
    if (code == 0 && !kitrows_is_null(rows, at[2]))
        code = add_time(rows, at[2], "promotedAt", &wall_ms, &text, e);
    json_close(&text, '}');
    if (code == 0)
        code = object_add(r, "models", &r->a, &text, 0, e);
    buf_fini(&text);
    return code;
}

static int models_read(struct reading *r, struct kitrows *rows, struct err *e)
{
    static const char *const names[] = { "modelId", "promoted", "promotedAt" };
    int at[3], code = 0, got = 1;
    for (int i = 0; code == 0 && i < 3; i++)
        code = kitrows_column(rows, names[i], i < 2, &at[i], e);
    while (code == 0 && (got = next_row(r, rows, e)) > 0)
        code = model_row(r, rows, at, e);
    note_unused(r, rows);
    for (size_t i = 0; code == 0 && got == 0 && i < r->gate_count; i++)
        if (!r->gates[i].is_used)
            code = err_set(e, MG_E_INVALID,
                           "%s: table model_gates: gate %.80s is of the model %.80s, which the "
                           "table models does not have",
                           r->file.path, r->gates[i].gate, r->gates[i].model);
    return code != 0 ? code : got;
}

/* ---- audits ---- */

/* Every column as it is; beside them, or in its place, the id as a text. */
static int audit_row(struct reading *r, const struct kitrows *rows, int id, struct err *e)
{
    struct buf text = { 0 };
    int code = 0;

    if (id >= 0)
        code = kitrows_text(rows, id, &r->a, e);
    else if (rows->has_rowid)
        buf_printf(&r->a, "%lld", (long long)sqlite3_column_int64(rows->rows, rows->count));
    else
        code = err_set(e, MG_E_INVALID, "%s: table audits: it has neither an id nor a rowid",
                       r->file.path);
    json_open(&text, '{');
    json_key(&text, "id");
    json_str_n(&text, r->a.data ? r->a.data : "", r->a.len);
    for (int i = 0; code == 0 && i < rows->count; i++) {
        if (strcmp(rows->names[i], "id") == 0)
            continue;
        json_key_n(&text, rows->names[i], strlen(rows->names[i]));
        code = kitrows_any(rows, i, &text, e);
    }
    json_close(&text, '}');
    if (code == 0)
        code = object_add(r, "audits", &r->a, &text, 0, e);
    buf_fini(&text);
    return code;
}

static int audits_read(struct reading *r, struct kitrows *rows, struct err *e)
{
    int id = -1, got = 1;
    int code = kitrows_column(rows, "id", false, &id, e);
    if (code == 0 && id < 0)
        code = kitrows_column(rows, "auditId", false, &id, e);
    while (code == 0 && (got = next_row(r, rows, e)) > 0)
        code = audit_row(r, rows, id, e);
    return code != 0 ? code : got;
}

/* ---- the file ---- */

typedef int table_fn(struct reading *r, struct kitrows *rows, struct err *e);

static const struct {
    const char *table;
    table_fn *read;
} tables[] = {
    { "jobs", jobs_read },
    { "model_gates", gates_read }, /* before their models */
    { "models", models_read },
    { "audits", audits_read },
};
#define TABLES (sizeof tables / sizeof tables[0])
enum { MODEL_GATES = 1, MODELS = 2 };

static int not_the_kits(const struct reading *r, struct err *e)
{
    struct buf have = { 0 };
    sqlite3_stmt *ask = NULL;
    if (sqlite3_prepare_v2(r->file.db,
                           "SELECT name FROM pragma_table_list WHERE schema = 'main' AND "
                           "type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name",
                           -1, &ask, NULL) == SQLITE_OK)
        while (have.len < 200 && sqlite3_step(ask) == SQLITE_ROW) {
            const char *name = (const char *)sqlite3_column_text(ask, 0);
            buf_printf(&have, "%s%.60s", have.len > 0 ? ", " : "", name ? name : "");
        }
    sqlite3_finalize(ask);
    int code = err_set(e, MG_E_INVALID,
                       "%s: none of the tables jobs, models, model_gates, audits is there; it has "
                       "%s",
                       r->file.path, have.len > 0 && buf_cstr(&have) ? have.data : "no table");
    buf_fini(&have);
    return code;
}

static int tables_read(struct reading *r, struct err *e)
{
    bool is_there[TABLES] = { false };
    int code = 0;
    for (size_t i = 0; code == 0 && i < TABLES; i++) {
        struct kitrows rows;
        code = kitrows_open(&rows, &r->file, tables[i].table, &is_there[i], e);
        if (code == 0 && is_there[i])
            code = tables[i].read(r, &rows, e);
        kitrows_close(&rows);
        if (code == 0 && !is_there[i])
            buf_printf(&r->out->notes, "there is no table %s\n", tables[i].table);
    }
    if (code != 0)
        return code;
    if (!is_there[0] && !is_there[1] && !is_there[2] && !is_there[3])
        return not_the_kits(r, e);
    if (is_there[MODELS] != is_there[MODEL_GATES])
        return err_set(e, MG_E_INVALID, "%s: there is a table %s, but no table %s", r->file.path,
                       tables[is_there[MODELS] ? MODELS : MODEL_GATES].table,
                       tables[is_there[MODELS] ? MODEL_GATES : MODELS].table);
    return buf_ok(&r->out->notes) ? 0 : no_memory(r, e);
}

static int by_key(const void *a, const void *b)
{
    const struct kit_object *x = *(const struct kit_object *const *)a;
    const struct kit_object *y = *(const struct kit_object *const *)b;
    int order = strcmp(x->collection, y->collection);
    return order != 0 ? order : strcmp(x->key, y->key);
}

static int check_doubles(const struct reading *r, struct err *e)
{
    size_t n = r->out->count;
    const struct kit_object **sorted = calloc(n + 1, sizeof(void *));
    int code = sorted ? 0 : no_memory(r, e);
    for (size_t i = 0; sorted && i < n; i++)
        sorted[i] = &r->out->objects[i];
    if (sorted)
        qsort(sorted, n, sizeof(void *), by_key);
    for (size_t i = 1; sorted && code == 0 && i < n; i++)
        if (by_key(&sorted[i - 1], &sorted[i]) == 0)
            code = err_set(e, MG_E_INVALID, "%s: table %s: two rows have the %s %.100s",
                           r->file.path, sorted[i]->collection,
                           kit_key_field(sorted[i]->collection), sorted[i]->key);
    free(sorted);
    return code;
}

int kit_state_read(const char *path, const struct kit_limits *limits, struct kit_state *out,
                   struct err *e)
{
    struct reading r = { .limits = limits, .out = out };
    *out = (struct kit_state){ 0 };
    int code = kitfile_open(&r.file, path, limits->file_bytes, e);
    if (code == 0)
        code = tables_read(&r, e);
    if (code == 0)
        code = check_doubles(&r, e);
    for (size_t i = 0; i < r.gate_count; i++) {
        free(r.gates[i].model);
        free(r.gates[i].gate);
    }
    free(r.gates);
    buf_fini(&r.a);
    buf_fini(&r.b);
    kitfile_close(&r.file);
    if (code != 0)
        kit_state_fini(out);
    return code;
}

void kit_state_fini(struct kit_state *s)
{
    for (size_t i = 0; i < s->count; i++) {
        free(s->objects[i].key);
        free(s->objects[i].text);
    }
    free(s->objects);
    buf_fini(&s->notes);
    *s = (struct kit_state){ 0 };
}
