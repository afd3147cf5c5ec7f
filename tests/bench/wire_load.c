/* A wire-level load generator: pre-encoded batches, so that the client is not the bottleneck.
 *
 *   wire_load produce HOST PORT TOPIC PARTITIONS CONNECTIONS DEPTH SECONDS RATE ACKS BATCH_FILE
 *   wire_load fetch   HOST PORT TOPIC PARTITIONS CONNECTIONS DEPTH SECONDS MAX_BYTES
 *   wire_load connect HOST PORT SECONDS
 *
 * DEPTH requests are in flight on each connection. RATE 0 is a closed loop; else that many
 * requests a second are due over all connections, and latency counts from when each was due
 * (open loop: a stalled server is charged for what it held up). Prints one line of JSON.
 * Produce is sent in version 7, Fetch in version 11 without a session.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { MAX_DEPTH = 64, SUB_BUCKETS = 64, BUCKETS = 64 * SUB_BUCKETS };

struct connection {
    int fd, partition, in_flight, due_count;
    uint32_t sent, answered;     /* requests: whole ones sent, answers read */
    double due[MAX_DEPTH];       /* when each request in flight was due, by number */
    size_t out_at;               /* bytes sent of the request that is on its way */
    int sending;
    char head[256];
    size_t head_bytes, head_length;
    char *in;
    size_t in_size, in_used;
    int64_t offset;              /* fetch: where to read on */
};

static const char *topic;
static char *batch;
static size_t batch_bytes;
static int32_t batch_records, acks, max_bytes;
static int fetching;
static struct sockaddr_in address;
static uint64_t histogram[BUCKETS], answers, errors, bytes_in, records_in;
static double worst;

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void put16(char **p, int16_t v) { v = (int16_t)htons((uint16_t)v); memcpy(*p, &v, 2); *p += 2; }
static void put32(char **p, int32_t v) { v = (int32_t)htonl((uint32_t)v); memcpy(*p, &v, 4); *p += 4; }
static void put64(char **p, int64_t v) { put32(p, (int32_t)(v >> 32)); put32(p, (int32_t)v); }
static void put_text(char **p, const char *s) { size_t n = strlen(s); put16(p, (int16_t)n); memcpy(*p, s, n); *p += n; }
static int16_t get16(const char *p) { uint16_t v; memcpy(&v, p, 2); return (int16_t)ntohs(v); }
static int32_t get32(const char *p) { uint32_t v; memcpy(&v, p, 4); return (int32_t)ntohl(v); }
static int64_t get64(const char *p) { return ((int64_t)get32(p) << 32) | (uint32_t)get32(p + 4); }

/* Latencies: 64 linear steps to each power of two of microseconds, so within 1.6 %. */
static void note_latency(double seconds) {
    uint64_t us = seconds <= 0 ? 0 : (uint64_t)(seconds * 1e6), shift = 0;
    if (seconds > worst) worst = seconds;
    while (us >> shift >= SUB_BUCKETS) shift++;
    uint64_t bucket = shift * SUB_BUCKETS + (us >> shift);
    histogram[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
}

static double percentile(double part) {
    uint64_t wanted = (uint64_t)((double)answers * part), seen = 0;
    for (uint64_t b = 0; b < BUCKETS; b++) {
        seen += histogram[b];
        if (seen > wanted) return (double)((b % SUB_BUCKETS) << (b / SUB_BUCKETS)) / 1e6;
    }
    return worst;
}

static int dial(void) {
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address)) fail("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static void make_head(struct connection *c) {
    char *p = c->head + 4;
    put16(&p, fetching ? 1 : 0);
    put16(&p, fetching ? 11 : 7);
    put32(&p, (int32_t)c->sent);
    put_text(&p, "load");
    if (fetching) {
        put32(&p, -1);  put32(&p, 500); put32(&p, 1); put32(&p, max_bytes); *p++ = 0;
        put32(&p, 0);   put32(&p, -1);
        put32(&p, 1);   put_text(&p, topic);
        put32(&p, 1);   put32(&p, c->partition); put32(&p, -1); put64(&p, c->offset); put64(&p, -1);
        put32(&p, max_bytes);
        put32(&p, 0);   put16(&p, 0);
    } else {
        put16(&p, -1);  put16(&p, (int16_t)acks); put32(&p, 30000);
        put32(&p, 1);   put_text(&p, topic);
        put32(&p, 1);   put32(&p, c->partition); put32(&p, (int32_t)batch_bytes);
    }
    c->head_length = (size_t)(p - c->head);
    p = c->head;
    put32(&p, (int32_t)(c->head_length - 4 + (fetching ? 0 : batch_bytes)));
}

/* Send on: 1 when the request is out, 0 when the socket is full. */
static int send_on(struct connection *c) {
    size_t body = fetching ? 0 : batch_bytes, total = c->head_length + body;
    while (c->out_at < total) {
        struct iovec parts[2];
        int count = 0;
        if (c->out_at < c->head_length)
            parts[count++] = (struct iovec){c->head + c->out_at, c->head_length - c->out_at};
        size_t at = c->out_at > c->head_length ? c->out_at - c->head_length : 0;
        if (body) parts[count++] = (struct iovec){batch + at, body - at};
        ssize_t n = writev(c->fd, parts, count);
        if (n < 0 && errno == EAGAIN) return 0;
        if (n < 0) fail("send");
        c->out_at += (size_t)n;
    }
    c->sending = 0;
    c->sent++;
    return 1;
}

static int start(struct connection *c, double due) {
    c->due[c->sent % MAX_DEPTH] = due;
    c->in_flight++;
    c->out_at = 0;
    c->sending = 1;
    make_head(c);
    return send_on(c);
}

/* Read the records of a Fetch answer: where the next request goes on. */
static void take_records(struct connection *c, const char *p, size_t length) {
    const char *end = p + length;
    int64_t next = c->offset;
    while (end - p >= 61 && end - p >= 12 + get32(p + 8)) {
        next = get64(p) + get32(p + 23) + 1;
        records_in += (uint64_t)get32(p + 57);
        p += 12 + get32(p + 8);
    }
    bytes_in += length;
    c->offset = length ? next : 0;
}

static void take_answer(struct connection *c, const char *p, double now) {
    if (fetching) {
        const char *q = p + 4 + 4 + 2 + 4 + 4;
        q += 2 + get16(q) + 4 + 4;
        int16_t error = get16(q);
        q += 2 + 8 + 8 + 8;
        int32_t aborted = get32(q);
        q += 4 + (aborted > 0 ? 16 * aborted : 0) + 4;
        if (error) errors++; else take_records(c, q + 4, (size_t)(get32(q) < 0 ? 0 : get32(q)));
    } else {
        const char *q = p + 4 + 4;
        q += 2 + get16(q) + 4 + 4;
        if (get16(q)) errors++;
    }
    note_latency(now - c->due[c->answered % MAX_DEPTH]);
    c->answered++;
    c->in_flight--;
    answers++;
}

static void receive(struct connection *c) {
    for (;;) {
        if (c->in_used == c->in_size) c->in = realloc(c->in, c->in_size *= 2);
        ssize_t n = read(c->fd, c->in + c->in_used, c->in_size - c->in_used);
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0) { fprintf(stderr, "the server closed a connection\n"); exit(1); }
        c->in_used += (size_t)n;
        size_t at = 0;
        double now = now_s();
        while (c->in_used - at >= 4) {
            size_t size = (size_t)get32(c->in + at);
            if (c->in_used - at < 4 + size) break;
            take_answer(c, c->in + at + 4, now);
            at += 4 + size;
        }
        memmove(c->in, c->in + at, c->in_used - at);
        c->in_used -= at;
    }
}

static void run(int partitions, int count, int depth, double seconds, double rate) {
    struct connection *all = calloc((size_t)count, sizeof *all);
    struct epoll_event *events = calloc((size_t)count, sizeof *events);
    int epoll = epoll_create1(0);
    for (int i = 0; i < count; i++) {
        struct connection *c = all + i;
        c->fd = dial();
        fcntl(c->fd, F_SETFL, O_NONBLOCK);
        c->partition = i % partitions;
        c->in = malloc(c->in_size = 1 << 16);
        struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
        epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &e);
    }
    double begin = now_s(), end = begin + seconds, next_due = begin;
    int turn = 0;
    for (;;) {
        double now = now_s();
        if (now >= end) break;
        if (rate > 0) {
            for (; next_due <= now; next_due += 1 / rate) {
                struct connection *c = NULL; /* the next one that has room, else it waits its turn */
                for (int i = 0; i < count && !c; i++) {
                    struct connection *candidate = all + (turn + i) % count;
                    if (!candidate->sending && candidate->in_flight < depth) c = candidate;
                }
                if (!c) break;
                turn = (int)(c - all) + 1;
                start(c, next_due);
            }
        } else {
            for (int i = 0; i < count; i++)
                while (!all[i].sending && all[i].in_flight < depth && start(all + i, now_s())) {}
        }
        double wait = rate > 0 ? next_due - now_s() : end - now_s();
        struct timespec timeout = {0, (long)(wait > 0.01 ? 1e7 : wait < 0 ? 0 : wait * 1e9)};
        int n = epoll_pwait2(epoll, events, count, &timeout, NULL);
        for (int i = 0; i < n; i++) {
            struct connection *c = events[i].data.ptr;
            if (events[i].events & EPOLLOUT && c->sending) send_on(c);
            if (events[i].events & EPOLLIN) receive(c);
            while (!rate && !c->sending && c->in_flight < depth && start(c, now_s())) {}
        }
    }
    double took = now_s() - begin;
    double bytes = fetching ? (double)bytes_in : (double)answers * (double)batch_bytes;
    double records = fetching ? (double)records_in : (double)answers * batch_records;
    printf("{\"requests_per_s\": %.1f, \"mb_per_s\": %.2f, \"records_per_s\": %.0f, \"requests\": %llu, "
           "\"bytes\": %.0f, \"errors\": %llu, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"p999_ms\": %.3f, "
           "\"max_ms\": %.3f, \"seconds\": %.3f}\n",
           (double)answers / took, bytes / took / 1e6, records / took, (unsigned long long)answers,
           bytes, (unsigned long long)errors, percentile(.5) * 1e3, percentile(.99) * 1e3,
           percentile(.999) * 1e3, worst * 1e3, took);
}

/* Connect, ask for ApiVersions, read the answer, close; again and again. */
static void run_connects(double seconds) {
    double begin = now_s();
    uint64_t done = 0;
    while (now_s() < begin + seconds) {
        int fd = dial();
        char request[64], answer[4096], *p = request + 4;
        put16(&p, 18); put16(&p, 0); put32(&p, 1); put_text(&p, "load");
        size_t length = (size_t)(p - request);
        p = request;
        put32(&p, (int32_t)length - 4);
        if (write(fd, request, length) != (ssize_t)length || read(fd, answer, sizeof answer) <= 0) fail("ask");
        close(fd);
        done++;
    }
    printf("{\"connections_per_s\": %.1f}\n", (double)done / (now_s() - begin));
}

static void read_batch(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) fail(path);
    fseek(file, 0, SEEK_END);
    batch_bytes = (size_t)ftell(file);
    rewind(file);
    batch = malloc(batch_bytes);
    if (fread(batch, 1, batch_bytes, file) != batch_bytes) fail(path);
    fclose(file);
    batch_records = get32(batch + 57);
}

int main(int argc, char **argv) {
    if (argc < 5) { fprintf(stderr, "see the head of wire_load.c\n"); return 2; }
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)atoi(argv[3]));
    inet_pton(AF_INET, argv[2], &address.sin_addr);
    if (!strcmp(argv[1], "connect")) { run_connects(atof(argv[4])); return 0; }
    if (argc < 10) { fprintf(stderr, "see the head of wire_load.c\n"); return 2; }
    topic = argv[4];
    fetching = !strcmp(argv[1], "fetch");
    double rate = 0;
    if (fetching) max_bytes = atoi(argv[9]);
    else { rate = atof(argv[9]); acks = atoi(argv[10]); read_batch(argv[11]); }
    int depth = atoi(argv[7]);
    run(atoi(argv[5]), atoi(argv[6]), depth > MAX_DEPTH ? MAX_DEPTH : depth, atof(argv[8]), rate);
    return 0;
}
