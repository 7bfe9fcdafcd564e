#include "api/outbox.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "hub/notices.h"
#include "hub/topics.h"

enum entry_kind {
    ENTRY_EVENT,
    ENTRY_LOG,     /* data is its line */
    ENTRY_UPDATED, /* topic is the URI of a resource */
    ENTRY_LISTED,  /* topic is the full name of a template */
};

struct entry {
    struct entry *next;
    store_seq seq;
    size_t bytes; /* of the whole block */
    enum entry_kind kind;
    const char *topic, *event; /* inside text */
    const char *data;
    size_t len;
    char text[];
};

struct outbox {
    struct loop *loop;
    struct store *store;
    struct topics *topics;
    struct notices *notices;
    outbox_shows *shows;
    void *shows_arg;
    struct entry *first, **last;
    size_t bytes;
    bool is_waiting; /* wait is with the store */
    struct store_wait wait;
    bool is_troubled; /* all that is there was unsure, and wait is patient */
    store_seq least;  /* of what is there, while is_troubled */
};

struct outbox *outbox_new(struct loop *l, struct store *s, struct topics *t, struct notices *n,
                          outbox_shows *shows, void *arg)
{
    struct outbox *o = calloc(1, sizeof *o);
    if (!o)
        return NULL;
    o->loop = l;
    o->store = s;
    o->topics = t;
    o->notices = n;
    o->shows = shows;
    o->shows_arg = arg;
    o->last = &o->first;
    return o;
}

bool outbox_is_empty(const struct outbox *o) { return !o->first && !o->is_waiting; }
bool outbox_is_settled(const struct outbox *o) { return outbox_is_empty(o) || o->is_troubled; }

static struct entry *entry_take(struct outbox *o, struct entry **at)
{
    struct entry *e = *at;
    *at = e->next;
    if (!*at)
        o->last = at;
    o->bytes -= e->bytes;
    return e;
}

void outbox_free(struct outbox *o)
{
    if (!o)
        return;
    while (o->first)
        free(entry_take(o, &o->first));
    free(o);
}

/* ---- sending ---- */

static void warn_dropped(const char *topic, const char *event, const char *reason)
{
    struct log_line line;
    log_begin(&line, LOG_WARN, "event dropped");
    log_str(&line, "topic", topic);
    log_str(&line, "event", event);
    log_str(&line, "reason", reason);
    log_end(&line);
}

static int send_event(struct outbox *o, const char *topic, const char *event, const char *data,
                      size_t len)
{
    if (!o->topics)
        return 0;
    int code = topics_publish(o->topics, topic, event, data, len);
    if (code != 0)
        warn_dropped(topic, event, err_word(code));
    return code;
}

static void send_log(const char *data, size_t len)
{
    struct log_line line;
    memcpy(&line, data, len);
    log_end(&line);
}

static void send_updated(struct outbox *o, const char *uri, size_t len)
{
    if (o->notices)
        notices_updated(o->notices, uri, len);
}

struct listed {
    const struct outbox *outbox;
    const char *name;
};

static unsigned lists_changed(void *arg, uint64_t principal)
{
    const struct listed *l = arg;
    return l->outbox->shows(l->outbox->shows_arg, principal, l->name) ? 1u << NOTICE_RESOURCES : 0;
}

static void send_listed(struct outbox *o, const char *name)
{
    struct listed l = { o, name };
    if (o->notices && o->shows)
        notices_lists(o->notices, lists_changed, &l);
}

static void entry_send(struct outbox *o, struct entry *e, bool is_lost)
{
    static const char *const words[] = {
        [ENTRY_UPDATED] = "updated", [ENTRY_LISTED] = "list_changed"
    };
    if (e->kind == ENTRY_LOG)
        send_log(e->data, e->len);
    else if (is_lost)
        warn_dropped(e->topic, e->event ? e->event : words[e->kind],
                     "the change it tells of may not survive");
    else if (e->kind == ENTRY_UPDATED)
        send_updated(o, e->topic, e->len);
    else if (e->kind == ENTRY_LISTED)
        send_listed(o, e->topic);
    else
        (void)send_event(o, e->topic, e->event, e->data, e->len);
    free(e);
}

static void all_send(struct outbox *o, bool is_lost)
{
    while (o->first)
        entry_send(o, entry_take(o, &o->first), is_lost);
}

/* When trouble is over that is all there is. */
static void durable_send(struct outbox *o)
{
    while (o->first && store_is_durable(o->store, o->first->seq))
        entry_send(o, entry_take(o, &o->first), false);
    o->is_troubled &= o->first != NULL;
}

/* An unsure change becomes durable with the snapshot that ends the trouble, or dies with the
 * process: until then what tells of it stays. The rest need not wait that long: whoever has seen an
 * unsure change waits for its record or a later one, so what waits for an earlier one than all that
 * stays overtakes nothing that it could know of. That it is durable alone does not say so, as the
 * trouble may end meanwhile. */
static void unsure_keep(struct outbox *o)
{
    o->least = STORE_ANY;
    for (struct entry **at = &o->first; *at;) {
        store_seq seq = (*at)->seq;
        bool is_safe = seq < o->least && store_is_durable(o->store, seq);
        if (is_safe || (*at)->kind == ENTRY_LOG) {
            entry_send(o, entry_take(o, at), false);
            continue;
        }
        if (seq < o->least)
            o->least = seq;
        at = &(*at)->next;
    }
    o->is_troubled = true;
}

static void outbox_pump(struct outbox *o);

static void wait_done(struct store_wait *w, int code)
{
    struct outbox *o = (struct outbox *)((char *)w - offsetof(struct outbox, wait));

    o->is_waiting = false;
    o->is_troubled = false;
    if (!o->store)
        all_send(o, code != 0);
    else if (code != 0)
        unsure_keep(o);
    outbox_pump(o);
}

static void outbox_pump(struct outbox *o)
{
    durable_send(o);
    if (!o->first || o->is_waiting)
        return;
    o->is_waiting = true;
    /* In trouble it is told when that is over, as soon as another worker is, which may tell of what
     * comes later. */
    o->wait = (struct store_wait){
        .loop = o->loop, .seq = o->first->seq, .is_patient = o->is_troubled, .done = wait_done
    };
    store_wait(o->store, &o->wait);
}

void outbox_store_closed(struct outbox *o)
{
    if (o)
        o->store = NULL;
}

/* ---- queueing ---- */

static bool may_send(struct outbox *o, store_seq seq)
{
    if (!o->store)
        return !o->first;
    if (o->is_troubled)
        durable_send(o);
    return store_is_durable(o->store, seq) && (!o->first || (o->is_troubled && seq < o->least));
}

static struct entry *entry_new(struct outbox *o, store_seq seq, enum entry_kind kind, size_t text)
{
    struct entry *e = malloc(sizeof *e + text);
    if (!e)
        return NULL;
    *e = (struct entry){ .seq = seq, .bytes = sizeof *e + text, .kind = kind };
    *o->last = e;
    o->last = &e->next;
    o->bytes += e->bytes;
    if (seq < o->least)
        o->least = seq;
    return e;
}

int outbox_publish(struct outbox *o, store_seq seq, const char *topic, const char *event,
                   const char *data, size_t len)
{
    if (may_send(o, seq))
        return send_event(o, topic, event, data, len);

    size_t topic_size = strlen(topic) + 1, event_size = strlen(event) + 1;
    if (o->bytes + topic_size + event_size + len > OUTBOX_MAX_BYTES)
        return MG_E_LIMIT;
    struct entry *e = entry_new(o, seq, ENTRY_EVENT, topic_size + event_size + len);
    if (!e)
        return MG_E_NOMEM;
    e->topic = memcpy(e->text, topic, topic_size);
    e->event = memcpy(e->text + topic_size, event, event_size);
    e->data = memcpy(e->text + topic_size + event_size, data, len);
    e->len = len;
    outbox_pump(o);
    return 0;
}

/* What is told by a name alone. */
static int name_queue(struct outbox *o, store_seq seq, enum entry_kind kind, const char *name,
                      size_t len)
{
    if (o->bytes + len + 1 > OUTBOX_MAX_BYTES)
        return MG_E_LIMIT;
    struct entry *e = entry_new(o, seq, kind, len + 1);
    if (!e)
        return MG_E_NOMEM;
    memcpy(e->text, name, len);
    e->text[len] = '\0';
    e->topic = e->text;
    e->len = len;
    outbox_pump(o);
    return 0;
}

int outbox_updated(struct outbox *o, store_seq seq, const char *uri, size_t len)
{
    if (!may_send(o, seq))
        return name_queue(o, seq, ENTRY_UPDATED, uri, len);
    send_updated(o, uri, len);
    return 0;
}

int outbox_listed(struct outbox *o, store_seq seq, const char *name)
{
    if (!may_send(o, seq))
        return name_queue(o, seq, ENTRY_LISTED, name, strlen(name));
    send_listed(o, name);
    return 0;
}

void outbox_log(struct outbox *o, store_seq seq, struct log_line *line)
{
    size_t size = offsetof(struct log_line, data) + line->len;
    struct entry *e = NULL;

    if (!may_send(o, seq) && !o->is_troubled && o->bytes + size <= OUTBOX_MAX_BYTES)
        e = entry_new(o, seq, ENTRY_LOG, size);
    if (!e) {
        log_end(line);
        return;
    }
    e->data = memcpy(e->text, line, size);
    e->len = size;
    outbox_pump(o);
}
