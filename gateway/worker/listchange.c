#include "worker/listchange.h"

#include <stddef.h>
#include <string.h>

#include "tools/skill.h"
#include "worker/worker.h"

static const enum tool_kind kinds[NOTICE_LISTS][4] = {
    [NOTICE_TOOLS] = { TOOL_TOOL, TOOL_TOOL, TOOL_TOOL, TOOL_TOOL },
    [NOTICE_PROMPTS] = { TOOL_PROMPT, TOOL_PROMPT, TOOL_PROMPT, TOOL_PROMPT },
    [NOTICE_RESOURCES] = { TOOL_RESOURCE, TOOL_TEMPLATE, TOOL_LISTER, TOOL_SKILL },
};

static bool shows(const void *principal, const char *name)
{
    return principal_may(principal, name);
}

static unsigned lists_changed(void *arg, uint64_t principal)
{
    const struct listchange *c = arg;
    struct toolset_filter before = { shows, keyring_numbered(c->keys_before, principal) };
    struct toolset_filter now = { shows, keyring_numbered(c->keys_now, principal) };
    unsigned lists = 0;
    for (unsigned list = 0; list < NOTICE_LISTS; list++)
        for (unsigned i = 0; i < 4; i++)
            if (!toolset_lists_alike_for(c->before, before, c->now, now, kinds[list][i]))
                lists |= 1u << list;
    return lists;
}

/* Files of skills are resources whose changes this side knows of by itself. */
static void tell_skill_files(const struct listchange *c)
{
    for (size_t i = 0; i < toolset_offers(c->before, TOOL_SKILL); i++) {
        const struct tool *was = toolset_offer_at(c->before, TOOL_SKILL, i);
        const struct tool *is =
            toolset_offer_find(c->now, TOOL_SKILL, was->name, strlen(was->name));
        for (size_t k = 0; is && k < skill_count(was->skill); k++) {
            const struct skill_file *f = skill_at(was->skill, k);
            const struct skill_file *g = skill_find(is->skill, f->uri, strlen(f->uri));
            if (g && strcmp(f->digest, g->digest) != 0)
                notices_updated(c->gateway->notices, g->uri, strlen(g->uri));
        }
    }
}

static bool all_serve(const struct listchange *c)
{
    for (unsigned i = 0; i < c->gateway->worker_count; i++)
        if (atomic_load(&c->gateway->workers[i]->adopted) != c->number)
            return false;
    return true;
}

static void adopted(struct mail *m)
{
    struct listchange *c = (struct listchange *)m;
    atomic_store(&c->gateway->is_adopting, false);
    if (!c->is_waiting || !all_serve(c))
        return;
    c->is_waiting = false;
    notices_lists(c->gateway->notices, lists_changed, c);
    tell_skill_files(c);
    toolset_unref(c->before);
    keyring_unref(c->keys_before);
    c->before = toolset_ref(c->now);
    c->keys_before = keyring_ref(c->keys_now);
}

void listchange_begin(struct listchange *c, struct gateway *g, struct loop *l, struct serving *s)
{
    c->mail.run = adopted;
    c->gateway = g;
    c->number = s->number;
    c->before = toolset_ref(s->generation->tools);
    c->now = toolset_ref(s->generation->tools);
    c->keys_before = keyring_ref(s->keyring);
    c->keys_now = keyring_ref(s->keyring);
    g->adopted_loop = l;
    g->adopted = &c->mail;
}

void listchange_publish(struct listchange *c, struct serving *s)
{
    s->number = ++c->number;
    toolset_unref(c->now);
    keyring_unref(c->keys_now);
    c->now = toolset_ref(s->generation->tools);
    c->keys_now = keyring_ref(s->keyring);
    c->is_waiting = true;
}

void listchange_end(struct listchange *c)
{
    if (!c->before)
        return;
    toolset_unref(c->before);
    toolset_unref(c->now);
    keyring_unref(c->keys_before);
    keyring_unref(c->keys_now);
    c->before = NULL;
    c->is_waiting = false; /* a message may still be under way */
}
