/* topic_fixture.h - a loop, topics, and listeners that write down what they get. */
#ifndef MG_TEST_TOPIC_FIXTURE_H
#define MG_TEST_TOPIC_FIXTURE_H
#include <stdbool.h>

#include "base/buf.h"
#include "hub/topics.h"

struct listener {
    struct topic_sub *sub;
    struct buf got;       /* "event:data " for each event, then "closed:CODE " */
    unsigned leave_after; /* unsubscribes in that event's callback; 0: never */
    unsigned events, closed;
};

extern struct loop *topic_loop;
extern struct topics *topic_hub;

/* NULL options: 1000 topics, 1 MB, 8 topics per subscriber, 1 MB of queue. */
void topic_hub_make(const struct topics_options *o);
int topic_setup(void **state); /* with the usual options */
int topic_teardown(void **state);

/* Subscribes to `names`, separated by blanks. */
void listen_to(struct listener *l, const char *names);
void listener_leave(struct listener *l);
/* Runs the loop once and checks all that came since the last time. */
void listener_expect(struct listener *l, const char *want);
void publish(const char *topic, const char *event, const char *data);
/* The value of a line of topics_metrics(). */
long topic_metric(const char *name);

#endif
