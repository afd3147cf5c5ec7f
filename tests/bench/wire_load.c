/* A wire-level load generator: pre-encoded batches, so that the client is not the bottleneck.
 *
 *   wire_load produce HOST PORT TOPIC PARTITIONS CONNECTIONS DEPTH SECONDS RATE ACKS BATCH_FILE LIMIT
 *   wire_load fetch   HOST PORT TOPIC PARTITIONS CONNECTIONS DEPTH SECONDS MAX_BYTES
 *   wire_load connect HOST PORT SECONDS
 *
 * DEPTH requests are in flight on each connection. RATE 0 is a closed loop; else that many
 * requests a second are due over all connections, and latency counts from when each was due
 * (open loop: a stalled server is charged for what it held up, also for what was never sent).
 * LIMIT, if not 0, ends the run after that many requests. Fetch does not wait for data, and starts over at the end of the log.
 * Prints one line of JSON. Produce is sent in version 7, Fetch in version 11 without a session.
 */
#define _GNU_SOURCE
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { MAX_DEPTH = 64, MAX_TOPIC = 120, MAX_HEAD = 256, RECEIVE_BYTES = 1 << 16 };
static const double DRAIN_S = 2, WAIT_S = 0.01;

struct request {
    double due_s;
    size_t head_bytes;
    char head[MAX_HEAD];
};

struct connection {
    int fd, partition;
    uint32_t queued, sent, answered; /* numbers of requests, ascending from left to right */
    size_t out_at;                   /* bytes that are sent of request number `sent` */
    int64_t offset;                  /* fetch: where to read on */
    size_t in_size, in_used;
    char *in;
    struct request ring[MAX_DEPTH];
};

static const char *topic;
static char *batch;
static size_t batch_bytes;
static int32_t batch_records, acks, max_bytes;
static int fetching;
static uint32_t depth;
static uint64_t limit, queued, answers, errors, bytes_in, records_in;
static struct sockaddr_in address;
static struct latencies latencies;

static void put16(char **p, int16_t v) { v = (int16_t)htons((uint16_t)v); memcpy(*p, &v, 2); *p += 2; }
static void put32(char **p, int32_t v) { v = (int32_t)htonl((uint32_t)v); memcpy(*p, &v, 4); *p += 4; }
static void put64(char **p, int64_t v) { put32(p, (int32_t)(v >> 32)); put32(p, (int32_t)v); }
static void put_text(char **p, const char *s) { size_t n = strlen(s); put16(p, (int16_t)n); memcpy(*p, s, n); *p += n; }
static int16_t get16(const char *p) { uint16_t v; memcpy(&v, p, 2); return (int16_t)ntohs(v); }
static int32_t get32(const char *p) { uint32_t v; memcpy(&v, p, 4); return (int32_t)ntohl(v); }
static int64_t get64(const char *p) { return (int64_t)((uint64_t)(uint32_t)get32(p) << 32 | (uint32_t)get32(p + 4)); }

static int dial(void) {
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address)) fail("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static size_t make_head(const struct connection *c, char *head) {
    char *p = head + 4;
    put16(&p, fetching ? 1 : 0);
    put16(&p, fetching ? 11 : 7);
    put32(&p, (int32_t)c->queued);
    put_text(&p, "load");
    if (fetching) {
        put32(&p, -1);  put32(&p, 0);   put32(&p, 1); put32(&p, max_bytes); *p++ = 0;
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
    size_t length = (size_t)(p - head);
    put32(&head, (int32_t)(length - 4 + batch_bytes));
    return length;
}

static void queue(struct connection *c, double due_s) {
    struct request *r = c->ring + c->queued % MAX_DEPTH;
    r->due_s = due_s;
    r->head_bytes = make_head(c, r->head);
    c->queued++;
    queued++;
}

/* Send all that is queued, several requests in one call, or as much as the socket takes. */
static void send_on(struct connection *c) {
    while (c->sent != c->queued) {
        struct iovec parts[2 * MAX_DEPTH];
        int count = 0;
        size_t skip = c->out_at;
        for (uint32_t n = c->sent; n != c->queued; n++) {
            struct request *r = c->ring + n % MAX_DEPTH;
            if (skip < r->head_bytes)
                parts[count++] = (struct iovec){r->head + skip, r->head_bytes - skip};
            size_t at = skip > r->head_bytes ? skip - r->head_bytes : 0;
            if (batch_bytes) parts[count++] = (struct iovec){batch + at, batch_bytes - at};
            skip = 0;
        }
        ssize_t n = writev(c->fd, parts, count);
        if (n < 0 && errno == EAGAIN) return;
        if (n < 0) fail("send");
        c->out_at += (size_t)n;
        while (c->sent != c->queued) {
            size_t total = c->ring[c->sent % MAX_DEPTH].head_bytes + batch_bytes;
            if (c->out_at < total) break;
            c->out_at -= total;
            c->sent++;
        }
    }
}

static int has_room(const struct connection *c) { return c->queued - c->answered < depth; }

static void keep_busy(struct connection *c) {
    double now = now_s();
    while (has_room(c) && !(limit && queued >= limit)) queue(c, now);
    send_on(c);
}

/* Read the batches of a Fetch answer: where the next request goes on. */
static void take_records(struct connection *c, const char *p, size_t length) {
    const char *end = p + length;
    int64_t next = 0;
    while (end - p >= 61 && end - p >= 12 + (int64_t)get32(p + 8)) {
        next = get64(p) + get32(p + 23) + 1;
        records_in += (uint64_t)get32(p + 57);
        p += 12 + (int64_t)get32(p + 8);
    }
    bytes_in += length;
    c->offset = next;
}

static void take_answer(struct connection *c, const char *p, double now) {
    const char *q = p + 4;
    int16_t error;
    if (fetching) {
        q += 4 + 2 + 4 + 4;
        q += 2 + get16(q) + 4 + 4;
        error = get16(q);
        q += 2 + 8 + 8 + 8;
        int32_t aborted = get32(q);
        q += 4 + (aborted > 0 ? 16 * aborted : 0) + 4;
        if (!error) take_records(c, q + 4, (size_t)(get32(q) < 0 ? 0 : get32(q)));
    } else {
        q += 4;
        q += 2 + get16(q) + 4 + 4;
        error = get16(q);
    }
    if (error) errors++;
    note_latency(&latencies, now - c->ring[c->answered % MAX_DEPTH].due_s);
    c->answered++;
    answers++;
}

static void receive(struct connection *c) {
    for (int emptied = 0; !emptied;) {
        if (c->in_used == c->in_size && !(c->in = realloc(c->in, c->in_size *= 2))) fail("memory");
        size_t space = c->in_size - c->in_used;
        ssize_t n = read(c->fd, c->in + c->in_used, space);
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0) { fprintf(stderr, "the server closed a connection\n"); exit(1); }
        emptied = (size_t)n < space;
        c->in_used += (size_t)n;
        size_t at = 0;
        double now = now_s();
        while (c->in_used - at >= 4) {
            size_t size = (size_t)get32(c->in + at);
            if (c->in_used - at < 4 + size) break;
            take_answer(c, c->in + at + 4, now);
            at += 4 + size;
        }
        if (at) memmove(c->in, c->in + at, c->in_used - at);
        c->in_used -= at;
    }
}

static void handle_events(int epoll, struct epoll_event *events, int count, double wait_s, int closed) {
    struct timespec timeout = {0, (long)(wait_s > WAIT_S ? WAIT_S * 1e9 : wait_s < 0 ? 0 : wait_s * 1e9)};
    int n = epoll_pwait2(epoll, events, count, &timeout, NULL);
    for (int i = 0; i < n; i++) {
        struct connection *c = events[i].data.ptr;
        if (events[i].events & EPOLLIN) receive(c);
        if (closed) keep_busy(c);
        else if (events[i].events & EPOLLOUT) send_on(c);
    }
}

/* Queue what is due on the connections in turn; what finds no room waits and is late. */
static double send_due(struct connection *all, int count, double next_due, double rate) {
    static int turn;
    for (double now = now_s(); next_due <= now; next_due += 1 / rate) {
        struct connection *c = NULL;
        for (int i = 0; i < count && !c; i++)
            if (has_room(all + (turn + i) % count)) c = all + (turn + i) % count;
        if (!c) break;
        turn = (int)(c - all + 1) % count;
        queue(c, next_due);
        send_on(c);
    }
    return next_due;
}

static struct connection *open_all(int epoll, int partitions, int count) {
    struct connection *all = calloc((size_t)count, sizeof *all);
    if (!all) fail("memory");
    for (int i = 0; i < count; i++) {
        struct connection *c = all + i;
        c->fd = dial();
        fcntl(c->fd, F_SETFL, O_NONBLOCK);
        c->partition = i % partitions;
        c->in = malloc(c->in_size = RECEIVE_BYTES);
        struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
        if (!c->in || epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &e)) fail("epoll");
    }
    return all;
}

static void print_result(double took_s, uint64_t answered, uint64_t bytes, uint64_t records) {
    struct rusage own;
    getrusage(RUSAGE_SELF, &own);
    double cpu_s = (double)(own.ru_utime.tv_sec + own.ru_stime.tv_sec)
        + (double)(own.ru_utime.tv_usec + own.ru_stime.tv_usec) / 1e6;
    printf("{\"requests_per_s\": %.1f, \"mb_per_s\": %.3f, \"records_per_s\": %.1f, \"requests\": %llu, "
           "\"bytes\": %llu, \"errors\": %llu, \"seconds\": %.3f, \"client_cpu_s\": %.3f, ",
           (double)answered / took_s, (double)bytes / took_s / 1e6, (double)records / took_s,
           (unsigned long long)answered, (unsigned long long)bytes, (unsigned long long)errors, took_s, cpu_s);
    print_latencies(&latencies);
    printf("}\n");
}

static void run(int partitions, int count, double seconds, double rate) {
    int epoll = epoll_create1(0);
    struct connection *all = open_all(epoll, partitions, count);
    struct epoll_event *events = calloc((size_t)count, sizeof *events);
    if (!events) fail("memory");
    double begin = now_s(), end = begin + seconds, next_due = begin;
    if (rate <= 0)
        for (int i = 0; i < count; i++) keep_busy(all + i);
    while (now_s() < end && !(limit && answers >= limit)) {
        if (rate > 0) next_due = send_due(all, count, next_due, rate);
        handle_events(epoll, events, count, (rate > 0 ? next_due : end) - now_s(), rate <= 0);
    }
    double took_s = now_s() - begin;
    uint64_t answered = answers;
    uint64_t bytes = fetching ? bytes_in : answers * batch_bytes;
    uint64_t records = fetching ? records_in : answers * (uint64_t)batch_records;
    if (rate > 0) {
        for (end = now_s() + DRAIN_S; now_s() < end && answers < queued;)
            handle_events(epoll, events, count, WAIT_S, 0);
        for (int i = 0; i < count; i++)
            for (struct connection *c = all + i; c->answered != c->queued; c->answered++)
                note_latency(&latencies, now_s() - c->ring[c->answered % MAX_DEPTH].due_s);
        for (; next_due < begin + seconds; next_due += 1 / rate)
            note_latency(&latencies, now_s() - next_due);
    }
    print_result(took_s, answered, bytes, records);
}

/* Connect, ask for ApiVersions, read the answer, close; again and again. */
static void run_connects(double seconds) {
    double begin = now_s();
    uint64_t done = 0;
    while (now_s() < begin + seconds) {
        int fd = dial();
        char request[64], answer[8192], *p = request + 4;
        put16(&p, 18); put16(&p, 0); put32(&p, 1); put_text(&p, "load");
        size_t length = (size_t)(p - request), used = 0;
        p = request;
        put32(&p, (int32_t)length - 4);
        if (write(fd, request, length) != (ssize_t)length) fail("send");
        while (used < 4 || used < 4 + (size_t)get32(answer)) {
            ssize_t n = read(fd, answer + used, sizeof answer - used);
            if (n <= 0) fail("receive");
            used += (size_t)n;
        }
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
    if (!batch || fread(batch, 1, batch_bytes, file) != batch_bytes) fail(path);
    fclose(file);
    batch_records = get32(batch + 57);
}

int main(int argc, char **argv) {
    static const struct { const char *name; int arguments; } modes[] = {
        {"produce", 13}, {"fetch", 10}, {"connect", 5}};
    int mode = 0;
    while (mode < 3 && (argc < 2 || strcmp(argv[1], modes[mode].name))) mode++;
    if (mode == 3 || argc != modes[mode].arguments) {
        fprintf(stderr, "see the head of wire_load.c\n");
        return 2;
    }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    sharpen_timers();
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)atoi(argv[3]));
    if (inet_pton(AF_INET, argv[2], &address.sin_addr) != 1) { fprintf(stderr, "not an IPv4 address\n"); return 2; }
    if (mode == 2) { run_connects(atof(argv[4])); return 0; }
    topic = argv[4];
    depth = (uint32_t)atoi(argv[7]);
    if (strlen(topic) > MAX_TOPIC || depth < 1 || depth > MAX_DEPTH) { fprintf(stderr, "out of range\n"); return 2; }
    fetching = mode == 1;
    double rate = 0;
    if (fetching) max_bytes = atoi(argv[9]);
    else { rate = atof(argv[9]); acks = atoi(argv[10]); read_batch(argv[11]); limit = strtoull(argv[12], NULL, 10); }
    run(atoi(argv[5]), atoi(argv[6]), atof(argv[8]), rate);
    return 0;
}
