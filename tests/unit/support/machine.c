#include "support/machine.h"

#include <pthread.h>

#include "support/slow.h"

/* Valgrind may not let the watchdog run for seconds. */
static bool has_signals(void) { return vm_preempt_signal() != 0 && !is_under_valgrind(); }

static const struct vm_policy *policy_of_all(void *arg, const char *tool)
{
    (void)tool;
    return arg;
}

struct vm_options machine_options(const char *tools_dir, const char *root, struct vm_policy *policy)
{
    return (struct vm_options){
        .tools_dir = tools_dir,
        .root = root,
        .policy = policy_of_all,
        .policy_arg = policy,
        .default_timeout_ms = 30000,
        .max_timeout_ms = 600000,
        .default_memory = 64 << 20,
        .max_memory = 256 << 20,
        .worker_memory = 512 << 20,
        .permanent_hook = !has_signals(),
    };
}

void machine_load(struct vm **vm, struct toolset **set, const struct vm_options *o,
                  const struct vm_services *services)
{
    struct err e = { 0 };

    vm_free(*vm);
    toolset_unref(*set);
    *set = toolset_new(1);
    assert_non_null(*set);
    *vm = vm_new(o, *set, NULL, &e);
    if (!*vm)
        fail_msg("%s", e.text);
    assert_int_equal(toolset_seal(*set), 0);
    vm_attach(*vm, services);
}

void dog_start(struct dog *d, struct vm_services *services)
{
    struct watchdog_options o = { .slice_ms = 5, .signal = vm_preempt_signal() };
    struct err e = { 0 };

    if (!has_signals())
        return;
    assert_int_equal(vm_install_signal(&e), 0);
    d->watchdog = watchdog_start(&o, &e);
    assert_non_null(d->watchdog);
    d->slot.thread = pthread_self();
    assert_int_equal(watchdog_add(d->watchdog, &d->slot), 0);
    services->watch = &d->slot;
}

void dog_stop(struct dog *d)
{
    if (!d->watchdog)
        return;
    watchdog_remove(d->watchdog, &d->slot);
    watchdog_stop(d->watchdog);
}
