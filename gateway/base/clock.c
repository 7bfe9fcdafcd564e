#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define ISO_MAX_SECONDS INT64_C(253402300799) /* 9999-12-31T23:59:59Z */
#define ISO_SECOND_SIZE 20                    /* "2026-11-23T07:30:41." */

static int64_t clock_us(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* The fake clock of this thread: what it shows while it stands. */
static _Thread_local struct {
    bool is_on;
    int64_t mono_ms, wall_ms;
} fake;

int64_t clock_mono_ms(void) { return fake.is_on ? fake.mono_ms : clock_us(CLOCK_MONOTONIC) / 1000; }

int64_t clock_mono_us(void) { return clock_us(CLOCK_MONOTONIC); }

int64_t clock_ms_of(int64_t mono_us) { return fake.is_on ? fake.mono_ms : mono_us / 1000; }

int64_t clock_wall_ms(void) { return fake.is_on ? fake.wall_ms : clock_us(CLOCK_REALTIME) / 1000; }

void clock_fake_start(void)
{
    fake.is_on = false;
    fake.mono_ms = clock_mono_ms();
    fake.wall_ms = clock_wall_ms();
    fake.is_on = true;
}

void clock_fake_advance(int64_t ms)
{
    fake.mono_ms += ms;
    fake.wall_ms += ms;
}

void clock_fake_stop(void) { fake.is_on = false; }

bool clock_is_fake(void) { return fake.is_on; }

void clock_iso(char out[CLOCK_ISO_SIZE], int64_t wall_ms)
{
    static _Thread_local int64_t cached = -1;
    static _Thread_local char text[32];
    int64_t sec = wall_ms < 0 ? 0 : wall_ms / 1000;
    int ms = wall_ms < 0 ? 0 : (int)(wall_ms % 1000);

    if (sec > ISO_MAX_SECONDS)
        sec = ISO_MAX_SECONDS;
    if (sec != cached) {
        struct tm tm;
        time_t t = (time_t)sec;
        gmtime_r(&t, &tm);
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.", &tm);
        cached = sec;
    }
    memcpy(out, text, ISO_SECOND_SIZE);
    out[20] = (char)('0' + ms / 100);
    out[21] = (char)('0' + ms / 10 % 10);
    out[22] = (char)('0' + ms % 10);
    out[23] = 'Z';
    out[24] = '\0';
}
