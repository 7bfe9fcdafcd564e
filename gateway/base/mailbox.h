/* mailbox.h - messages from any thread to one: an intrusive queue with many writers and one reader.
 * Posting allocates nothing and never fails: the message's first member is the link. The reader is
 * to be woken only when mailbox_post() says so: it does once per sleep. Reader's protocol:
 * mailbox_take_all() until empty; before sleeping mailbox_sleep(), which refuses when something has
 * arrived; after waking mailbox_awake(). */
#ifndef MG_MAILBOX_H
#define MG_MAILBOX_H
#include <stdatomic.h>
#include <stdbool.h>

struct mail { /* first member of every message; owned by the reader once posted */
    struct mail *next;
    /* called on the reader's thread; frees the message or gives it back */
    void (*run)(struct mail *m);
};

struct mailbox {
    _Atomic(struct mail *) head; /* newest first; reversed by the reader */
    atomic_bool asleep;
};

void mailbox_init(struct mailbox *mb);
/* True: the reader sleeps and must be woken by the caller (once: later posts return false). */
bool mailbox_post(struct mailbox *mb, struct mail *m);
/* All messages, oldest first, as a list; NULL when there are none. Reader only. */
struct mail *mailbox_take_all(struct mailbox *mb);
bool mailbox_sleep(struct mailbox *mb); /* false: do not sleep, messages are there */
void mailbox_awake(struct mailbox *mb);

#endif
