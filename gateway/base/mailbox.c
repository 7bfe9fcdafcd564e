#include "base/mailbox.h"

#include <stddef.h>

/* A lost wake-up would need the writer to miss `asleep` and the reader to miss `head`. Each side
 * stores one and then loads the other, all sequentially consistent: one of them sees the other. */

void mailbox_init(struct mailbox *mb)
{
    atomic_init(&mb->head, NULL);
    atomic_init(&mb->asleep, false);
}

bool mailbox_post(struct mailbox *mb, struct mail *m)
{
    struct mail *head = atomic_load_explicit(&mb->head, memory_order_relaxed);

    do
        m->next = head;
    while (!atomic_compare_exchange_weak(&mb->head, &head, m));
    /* m may be gone already. The plain load keeps a busy reader's line shared among the writers. */
    return atomic_load(&mb->asleep) && atomic_exchange(&mb->asleep, false);
}

struct mail *mailbox_take_all(struct mailbox *mb)
{
    struct mail *m = NULL, *list = NULL;

    if (atomic_load_explicit(&mb->head, memory_order_relaxed))
        m = atomic_exchange(&mb->head, NULL);
    while (m) {
        struct mail *next = m->next;
        m->next = list;
        list = m;
        m = next;
    }
    return list;
}

bool mailbox_sleep(struct mailbox *mb)
{
    atomic_store(&mb->asleep, true);
    if (!atomic_load(&mb->head))
        return true;
    atomic_store(&mb->asleep, false);
    return false;
}

void mailbox_awake(struct mailbox *mb) { atomic_store(&mb->asleep, false); }
