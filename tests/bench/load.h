/* What both load generators share: the clock, latencies, percentiles. */
#ifndef LOAD_H
#define LOAD_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

enum { SUB_BUCKETS = 128, BUCKETS = 64 * SUB_BUCKETS };

struct latencies {
    uint64_t count, buckets[BUCKETS];
    double worst_s;
};

static inline double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static inline void fail(const char *what) {
    perror(what);
    exit(1);
}

/* Let timers fire when they are due, not up to 50 us later. */
static inline void sharpen_timers(void) { prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0); }

/* Linear steps, 64 and more to each power of two of microseconds: within 1.6 %. */
static inline void note_latency(struct latencies *of, double seconds) {
    uint64_t us = seconds <= 0 ? 0 : (uint64_t)(seconds * 1e6), shift = 0;
    if (seconds > of->worst_s) of->worst_s = seconds;
    while (us >> shift >= SUB_BUCKETS) shift++;
    uint64_t bucket = shift * SUB_BUCKETS + (us >> shift);
    of->buckets[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
    of->count++;
}

static inline double percentile_ms(const struct latencies *of, double part) {
    uint64_t wanted = (uint64_t)((double)of->count * part), seen = 0;
    for (uint64_t b = 0; b < BUCKETS; b++) {
        seen += of->buckets[b];
        if (seen > wanted) return (double)((b % SUB_BUCKETS) << (b / SUB_BUCKETS)) / 1e3;
    }
    return of->worst_s * 1e3;
}

/* The members of a JSON object that tell of latencies. */
static inline void print_latencies(const struct latencies *of) {
    printf("\"p50_ms\": %.3f, \"p99_ms\": %.3f, \"p999_ms\": %.3f, \"max_ms\": %.3f",
           percentile_ms(of, .5), percentile_ms(of, .99), percentile_ms(of, .999), of->worst_s * 1e3);
}

#endif
