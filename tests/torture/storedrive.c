/* storedrive.c - works a store as hard as it can and says on standard output what it was promised,
 * so that whoever kills it knows what must be there afterwards.
 *
 * usage: storedrive STATE THREADS SEED    until it is killed, or SIGTERM closes the store in order
 *        storedrive STATE 0 0             says what there is, then closes
 *
 *   S KEY V      at the start: this object is there, at version V
 *   E            that is all; the work begins
 *   A KEY V      version V is durable, or what stands for it is: see state_of()
 *   U KEY V      version V was written and may be lost
 *   R KEY V      version V was read, and is durable as far as the store says
 *   C            closed in order
 * Exit status: 0; 1: the store broke its word, on standard error; 3: it refused to open.
 *
 * Every key has one writer, which waits for each change before the next, so at most one change of a
 * key is ever under way. Versions count up by one. "pair-T" is two objects, written in one batch.
 */
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json_scan.h"
#include "base/log.h"
#include "store/store.h"

#define KEYS 8         /* of each thread, besides its pair */
#define AUTOSAVE_MS 20 /* with an odd SEED ... */
#define AUTOSAVE_RARE_MS                                                                  \
    500              /* ... and with an even one: a snapshot hides what the journal lacks \
                      */
#define REST_US 1000 /* while the store is read-only */

struct worker {
    struct store *s;
    struct loop *loop;
    pthread_t thread;
    unsigned number, threads;
    uint64_t random;
    int version[KEYS + 1]; /* 0: not there; the pair's is the last */
    bool waited;
    int code;
    struct store_wait wait;
};

#ifdef fdatasync /* the build that must be caught: its journal is never synced */
int fdatasync(int fd)
{
    (void)fd;
    return 0;
}
#endif

static atomic_bool stopping;

static void on_term(int sig)
{
    (void)sig;
    atomic_store(&stopping, true);
}

static void broken(const char *what, const char *key)
{
    fprintf(stderr, "storedrive: %s: %s\n", what, key);
    _exit(1);
}

/* One line is one write, which a pipe keeps whole. */
static void say(char what, const char *key, int version)
{
    char line[100];
    int n = snprintf(line, sizeof line, "%c %s %d\n", what, key, version);

    if (write(STDOUT_FILENO, line, (size_t)n) != n)
        _exit(0); /* nobody listens any more */
}

static unsigned next_random(struct worker *w)
{
    w->random = w->random * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(w->random >> 33);
}

/* ---- objects: a version's text is known by key and version alone ---- */

/* Every fifth version is a removal. */
static bool is_there(int version) { return version % 5 != 0; }

static size_t pad_length(int version)
{
    return version % 50 == 1 ? 20000 : (size_t)(version * 37 % 900);
}

static char *text_of(const char *field, const char *key, int version)
{
    size_t pad = pad_length(version);
    char *text = malloc(pad + 200);

    if (!text)
        abort();
    int n = sprintf(text, "{\"%s\":\"%s\",\"v\":%d,\"pad\":\"", field, key, version);
    memset(text + n, 'a' + version % 26, pad);
    memcpy(text + n + pad, "\"}", 3);
    return text;
}

/* The version of an object, whose text must be exactly that version's. */
static int version_of(const char *field, const struct store_value *v)
{
    const char *name = "v", *key = store_value_key(v, NULL);
    struct json_text root = { .type = JSON_OBJECT }, member;
    int64_t version = 0;

    root.p = store_value_text(v, &root.len);
    json_find(root, &name, &member, 1);
    if (!json_integer(member, &version))
        broken("an object without a version", key);
    char *want = text_of(field, key, (int)version);
    if (strcmp(want, root.p) != 0)
        broken("an object that is not what was written", key);
    free(want);
    return (int)version;
}

/* ---- waiting ---- */

static void wait_done(struct store_wait *wait, int code)
{
    struct worker *w = (struct worker *)(void *)((char *)wait - offsetof(struct worker, wait));

    w->code = code;
    w->waited = true;
}

static int wait_for(struct worker *w, store_seq seq)
{
    w->waited = false;
    w->wait = (struct store_wait){ .loop = w->loop, .seq = seq, .done = wait_done };
    store_wait(w->s, &w->wait);
    while (!w->waited)
        loop_poll(w->loop, 1000);
    return w->code;
}

/* ---- changes ---- */

static void key_name(const struct worker *w, unsigned owner, size_t k, char out[32])
{
    if (k < KEYS)
        snprintf(out, 32, "t%u-k%zu", owner % w->threads, k);
    else
        snprintf(out, 32, "pair-%u", owner % w->threads);
}

static void change_key(struct worker *w, size_t k)
{
    char key[32], *job = NULL, *model = NULL;
    int version = w->version[k] + 1;
    bool is_pair = k == KEYS;

    key_name(w, w->number, k, key);
    if (is_there(version)) {
        job = text_of("jobId", key, version);
        model = text_of("modelId", key, version);
    }
    const struct store_change ch[2] = {
        { .collection = "models",
          .key = key,
          .key_len = strlen(key),
          .text = model,
          .len = model ? strlen(model) : 0,
          .expect = STORE_ANY },
        { .collection = "jobs",
          .key = key,
          .key_len = strlen(key),
          .text = job,
          .len = job ? strlen(job) : 0,
          .expect = STORE_ANY },
    };
    struct store_op op = { .kind = STORE_WRITE,
                           .changes = is_pair ? ch : ch + 1,
                           .change_count = is_pair ? 2 : 1 };
    if (store_submit(w->s, &op) != 1)
        broken("a local store did not complete", key);
    if (op.code == 0) {
        w->version[k] = version;
        int code = wait_for(w, op.seq);
        if (code == 0 && !store_is_durable(w->s, op.seq))
            broken("acknowledged, but not durable", key);
        say(code == 0 ? 'A' : 'U', key, version);
    } else if (op.code == MG_E_READONLY) {
        usleep(REST_US);
    } else {
        broken(op.err.text, key);
    }
    store_op_fini(&op);
    free(job);
    free(model);
}

/* Somebody else's object: what was read, and waited for, may not be lost either. */
static void read_key(struct worker *w)
{
    char key[32];

    key_name(w, next_random(w), next_random(w) % KEYS, key);
    struct store_op op = {
        .kind = STORE_GET, .collection = "jobs", .key = key, .key_len = strlen(key)
    };
    if (store_submit(w->s, &op) != 1)
        broken("a local store did not complete", key);
    if (op.code == 0 && wait_for(w, op.seq) == 0)
        say('R', key, version_of("jobId", op.values[0]));
    store_op_fini(&op);
}

static void *work(void *arg)
{
    struct worker *w = arg;

    while (!atomic_load(&stopping)) {
        if (next_random(w) % 4 == 0)
            read_key(w);
        else
            change_key(w, next_random(w) % (KEYS + 1));
    }
    return NULL;
}

/* ---- what there is ---- */

static void say_all(struct store *s, const char *collection, const char *field)
{
    struct store_op op = { .kind = STORE_LIST, .collection = collection };
    char key[40];

    if (store_submit(s, &op) != 1 || op.code != 0)
        broken("cannot list", collection);
    for (size_t i = 0; i < op.count; i++) {
        bool is_model = strcmp(collection, "models") == 0;
        snprintf(key, sizeof key, "%s%s", is_model ? "m/" : "",
                 store_value_key(op.values[i], NULL));
        say('S', key, version_of(field, op.values[i]));
    }
    store_op_fini(&op);
}

static int version_now(struct store *s, const char *key)
{
    struct store_op op = {
        .kind = STORE_GET, .collection = "jobs", .key = key, .key_len = strlen(key)
    };
    int version = 0;

    if (store_submit(s, &op) == 1 && op.code == 0)
        version = version_of("jobId", op.values[0]);
    store_op_fini(&op);
    return version;
}

static void start_worker(struct worker *w, struct store *s, unsigned number, unsigned threads,
                         uint64_t seed)
{
    struct err e = { 0 };
    char key[32];

    *w = (struct worker){ .s = s,
                          .loop = loop_new(&e),
                          .number = number,
                          .threads = threads,
                          .random = seed * 1000003 + number };
    if (!w->loop)
        broken(e.text, "loop");
    for (size_t k = 0; k <= KEYS; k++) {
        key_name(w, number, k, key);
        w->version[k] = version_now(s, key);
    }
    if (pthread_create(&w->thread, NULL, work, w) != 0)
        broken("no thread", "pthread_create");
}

static void drive(struct store *s, unsigned threads, uint64_t seed)
{
    struct worker *w = calloc(threads, sizeof *w);

    if (!w)
        abort();
    for (unsigned i = 0; i < threads; i++)
        start_worker(&w[i], s, i, threads, seed);
    for (unsigned i = 0; i < threads; i++)
        pthread_join(w[i].thread, NULL);
    struct err e = { 0 };
    if (store_close(s, &e) != 0)
        broken("cannot close", e.text);
    for (unsigned i = 0; i < threads; i++)
        loop_free(w[i].loop);
    free(w);
}

int main(int argc, char **argv)
{
    struct err e = { 0 };
    struct sigaction term = { .sa_handler = on_term };

    if (argc != 4)
        return 2;
    sigaction(SIGTERM, &term, NULL);
    uint64_t seed = strtoull(argv[3], NULL, 10);
    struct store_options o = { .path = argv[1],
                               .autosave_ms = seed % 2 ? AUTOSAVE_MS : AUTOSAVE_RARE_MS,
                               .sweep_ms = 3600000 };
    struct store *s = store_open_local(&o, &e);
    if (!s) {
        fprintf(stderr, "%s\n", e.text);
        return 3;
    }
    say_all(s, "jobs", "jobId");
    say_all(s, "models", "modelId");
    say('E', "-", 0);
    drive(s, (unsigned)atoi(argv[2]), seed);
    say('C', "-", 0);
    return 0;
}
