#include "base/log.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log_line.h"
#include "base/log_source.h"
#include "base/log_thread.h"

static atomic_int min_level = LOG_INFO;
static atomic_bool is_running;
static atomic_ullong dropped;

/* ---- what lines ask ---- */

bool log_enabled(enum log_level level)
{
    return (int)level >= atomic_load_explicit(&min_level, memory_order_relaxed) && level < LOG_OFF;
}

uint64_t log_dropped(void) { return atomic_load_explicit(&dropped, memory_order_relaxed); }

static void dropped_add(uint64_t n)
{
    atomic_fetch_add_explicit(&dropped, n, memory_order_relaxed);
}

bool log_admits(struct log_line *l)
{
    struct log_source *src;

    if (!log_enabled(l->level))
        return false;
    src = log_source_self();
    if (!src) {
        dropped_add(1);
        return false;
    }
    log_style_refresh(&src->style, &src->style_number);
    l->text = src->style && src->style->text;
    l->redact_lengths = src->style ? src->style->redact_lengths : 0;
    return true;
}

bool log_redacts(const char *key, size_t len)
{
    const struct log_source *src = log_source_self();

    return src && log_style_redacts(src->style, key, len);
}

uint64_t log_missing(void)
{
    const struct log_source *src = log_source_self();

    return src ? src->missing : 0;
}

static void line_write_now(const char *p, size_t len)
{
    while (len > 0) {
        ssize_t n = write(STDERR_FILENO, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        p += n;
        len -= (size_t)n;
    }
}

void log_submit(const struct log_line *l)
{
    struct log_source *src = log_source_self();

    if (!atomic_load_explicit(&is_running, memory_order_acquire)) {
        line_write_now(l->data, l->len);
    } else if (!src || !log_ring_put(&src->ring, l->data, l->len)) {
        dropped_add(1);
        if (src)
            src->missing++;
        return;
    } else {
        log_thread_notice();
        if (log_ring_is_filling(&src->ring))
            log_thread_hurry();
    }
    if (src)
        src->missing = 0;
}

/* ---- start and stop ---- */

int log_configure(const struct log_options *o, struct err *e)
{
    struct log_sink sink;
    struct log_style *style = log_style_new(o);

    if (!style)
        return err_set(e, MG_E_NOMEM, "log: out of memory");
    int rc = log_sink_open(&sink, o->file, e);
    if (rc < 0) {
        log_style_unref(style);
        return rc;
    }
    log_style_set(style);
    atomic_store(&min_level, (int)o->level);
    dropped_add(log_thread_sink(&sink));
    return 0;
}

int log_start(const struct log_options *o, struct err *e)
{
    int rc = log_configure(o, e);

    if (rc == 0 && !log_source_self()) /* who starts it must be able to say why all else failed */
        rc = err_set(e, MG_E_NOMEM, "log: out of memory");
    if (rc == 0)
        rc = log_thread_start(e);
    if (rc == 0)
        atomic_store_explicit(&is_running, true, memory_order_release);
    return rc;
}

void log_stop(void)
{
    if (!atomic_exchange(&is_running, false))
        return;
    log_source_leave();
    dropped_add(log_thread_stop());
}

void log_flush(void)
{
    if (atomic_load(&is_running))
        log_thread_flush();
}
