/* moongate import: the ops kit's SQLite state into the state of this gateway, all or nothing. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "kit/kitstate.h"
#include "store/store.h"
#include "worker/loading.h"
#include "worker/offline.h"

#define NEVER_MS (INT64_C(1) << 40)

struct count {
    const char *collection;
    size_t rows, added, replaced, kept;
};

struct import {
    const struct offline_import *o;
    struct config *config;
    struct kit_state kit;
    struct count counts[3];
    size_t old_jobs; /* among those taken over: ended longer ago than job_ttl */
    bool is_unsure;  /* the new file is in place, but not for sure after a power cut */
};

static void counts_begin(struct import *im)
{
    im->counts[0] = (struct count){ .collection = "jobs" };
    im->counts[1] = (struct count){ .collection = "models" };
    im->counts[2] = (struct count){ .collection = "audits" };
    im->old_jobs = 0;
}

static struct count *count_of(struct import *im, const char *collection)
{
    for (size_t i = 0; i < 2; i++)
        if (strcmp(im->counts[i].collection, collection) == 0)
            return &im->counts[i];
    return &im->counts[2];
}

static int object_put(const struct kit_object *o, struct store *store, struct err *e)
{
    struct store_change change = { .collection = o->collection,
                                   .key = o->key,
                                   .key_len = strlen(o->key),
                                   .text = o->text,
                                   .len = o->len,
                                   .expect = STORE_ANY };
    struct store_op op = { .kind = STORE_WRITE, .changes = &change, .change_count = 1 };
    (void)!store_submit(store, &op); /* a local store completes inline */
    int code = op.code;
    if (code != 0) {
        err_set(e, code, "%s", op.err.text);
        err_prefix(e, "%s %.80s", kit_key_field(o->collection), o->key);
    }
    store_op_fini(&op);
    return code;
}

static bool is_old(const struct import *im, const struct kit_object *o)
{
    int64_t ttl_ms = im->config->state.job_ttl_ms;
    return ttl_ms > 0 && o->ended_ms > 0 && o->ended_ms < clock_wall_ms() - ttl_ms;
}

static int object_take(struct import *im, const struct kit_object *o, struct store *store,
                       struct err *e)
{
    struct count *c = count_of(im, o->collection);
    struct store_op op = {
        .kind = STORE_GET, .collection = o->collection, .key = o->key, .key_len = strlen(o->key)
    };
    (void)!store_submit(store, &op);
    bool is_there = op.code == 0;
    int code = op.code == MG_E_NOTFOUND ? 0 : op.code;
    if (code != 0)
        err_set(e, code, "%s", op.err.text);
    store_op_fini(&op);
    c->rows++;
    if (code == 0 && is_there && !im->o->overwrite) {
        c->kept++;
        return 0;
    }
    if (code == 0)
        code = object_put(o, store, e);
    c->replaced += code == 0 && is_there;
    c->added += code == 0 && !is_there;
    im->old_jobs += code == 0 && is_old(im, o);
    return code;
}

/* Every object, into whatever store. */
static int take_all(struct import *im, struct store *store, struct err *e)
{
    int code = 0;
    counts_begin(im);
    for (size_t i = 0; code == 0 && i < im->kit.count; i++)
        if (strcmp(im->kit.objects[i].collection, "audits") == 0) {
            code = store_declare(store, "audits", kit_key_field("audits"), e);
            break;
        }
    for (size_t i = 0; code == 0 && i < im->kit.count; i++)
        code = object_take(im, &im->kit.objects[i], store, e);
    return code;
}

/* ---- where they go ---- */

/* What the state would refuse, such as an object that is too large, is found before it is touched.
 */
static int rehearse(struct import *im, struct err *e)
{
    struct err later;
    struct store *store =
        im->o->dry_run ? store_open_copy(im->config->state.path, e) : store_open_memory(e);
    if (!store)
        return e->code;
    int code = take_all(im, store, e);
    (void)store_close(store, &later);
    return code;
}

/* Without a journal: then the state's file with all of it is put in the old one's place in one
 * step, at the close, and nothing of it is anywhere before. Nothing is removed by age meanwhile. */
static int commit(struct import *im, struct err *e)
{
    struct store_options options = { .path = im->config->state.path,
                                     .autosave_ms = NEVER_MS,
                                     .durability = STORE_SNAPSHOT,
                                     .sweep_ms = NEVER_MS };
    struct store *store = store_open_local(&options, e);
    if (!store)
        return e->code;
    int code = take_all(im, store, e);
    /* Not closed when it failed, which would save the part that was taken: the process ends. */
    if (code != 0)
        return code;
    code = store_close(store, e);
    im->is_unsure = code == MG_E_UNSURE;
    return code;
}

/* ---- what it says ---- */

static void tell(const struct import *im)
{
    const char *would = im->o->dry_run ? "would be " : "";
    if (im->kit.notes.len > 0)
        fwrite(im->kit.notes.data, 1, im->kit.notes.len, stderr);
    for (size_t i = 0; i < 3; i++) {
        const struct count *c = &im->counts[i];
        printf("%-7s %zu row%s: %zu %simported", c->collection, c->rows, c->rows == 1 ? "" : "s",
               c->added, would);
        if (c->replaced > 0)
            printf(", %zu %sreplaced", c->replaced, would);
        if (c->kept > 0)
            printf(", %zu there already and left as they are", c->kept);
        putchar('\n');
    }
    if (im->old_jobs > 0)
        printf("%zu of the jobs ended longer ago than [state] job_ttl: the gateway will remove "
               "them when it starts\n",
               im->old_jobs);
    if (im->o->dry_run)
        printf("nothing was changed\n");
    else
        printf("the state %s holds them now\n", im->config->state.path);
}

static void tell_failure(const struct import *im, const struct err *e)
{
    fprintf(stderr, "moongate: %s\n", e->text);
    if (im->is_unsure)
        fprintf(stderr,
                "moongate: the rows stand in %s, but a power cut may take them back: see to the "
                "disk, then run the same import again, which succeeds when they are there to "
                "stay\n",
                im->config->state.path);
    else
        fprintf(stderr, "moongate: nothing was imported\n");
}

int offline_import(const char *ini_path, const struct offline_import *o)
{
    struct import im = { .o = o, .config = loading_config(ini_path, loading_tell_stderr, NULL) };
    struct err e = { 0 };
    if (!im.config)
        return 2;
    int code = kit_state_read(o->file, &kit_limits, &im.kit, &e);
    if (code == 0)
        code = rehearse(&im, &e);
    if (code == 0 && !o->dry_run)
        code = commit(&im, &e);
    if (code == 0)
        tell(&im);
    else
        tell_failure(&im, &e);
    kit_state_fini(&im.kit);
    config_unref(im.config);
    return code == 0 ? 0 : 1;
}
