/* Load through librdkafka, from C, so that no Python runs per message.
 *
 *   rdkafka_load LIBRARY produce BOOTSTRAP TOPIC PARTITIONS SIZE SECONDS CODEC
 *   rdkafka_load LIBRARY consume BOOTSTRAP TOPIC PARTITIONS SECONDS
 *   rdkafka_load LIBRARY latency BOOTSTRAP TOPIC PARTITIONS SIZE SECONDS RATE LINGER_MS
 *
 * LIBRARY is a librdkafka.so, such as the one inside the confluent-kafka package; it is opened at run
 * time, and the few names that are used are declared here, so that no headers are needed.
 * produce: acks=1, as fast as the client can. consume: by assignment, until the end of every
 * partition or SECONDS are over. latency: acks=all at a fixed rate (open loop: from when a message
 * was due to its acknowledgement). Prints one line of JSON.
 */
#define _GNU_SOURCE
#include "load.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

/* librdkafka's public C interface, as far as it is used */
typedef struct rd_kafka_s rd_kafka_t;
typedef struct rd_kafka_topic_s rd_kafka_topic_t;
typedef struct rd_kafka_conf_s rd_kafka_conf_t;
typedef struct rd_kafka_queue_s rd_kafka_queue_t;
typedef struct {
    int err;
    rd_kafka_topic_t *rkt;
    int32_t partition;
    void *payload;
    size_t len;
    void *key;
    size_t key_len;
    int64_t offset;
    void *opaque;
} rd_kafka_message_t;
enum { PRODUCER = 0, CONSUMER = 1, F_COPY = 2, PARTITION_EOF = -191 };
static const int64_t FROM_BEGINNING = -2;

#define NAMES(X) \
    X(rd_kafka_conf_t *, rd_kafka_conf_new, (void)) \
    X(int, rd_kafka_conf_set, (rd_kafka_conf_t *, const char *, const char *, char *, size_t)) \
    X(void, rd_kafka_conf_set_dr_msg_cb, \
      (rd_kafka_conf_t *, void (*)(rd_kafka_t *, const rd_kafka_message_t *, void *))) \
    X(rd_kafka_t *, rd_kafka_new, (int, rd_kafka_conf_t *, char *, size_t)) \
    X(rd_kafka_topic_t *, rd_kafka_topic_new, (rd_kafka_t *, const char *, void *)) \
    X(int, rd_kafka_produce, (rd_kafka_topic_t *, int32_t, int, void *, size_t, const void *, size_t, void *)) \
    X(int, rd_kafka_produce_batch, (rd_kafka_topic_t *, int32_t, int, rd_kafka_message_t *, int)) \
    X(int, rd_kafka_poll, (rd_kafka_t *, int)) \
    X(int, rd_kafka_flush, (rd_kafka_t *, int)) \
    X(int, rd_kafka_outq_len, (rd_kafka_t *)) \
    X(rd_kafka_queue_t *, rd_kafka_queue_new, (rd_kafka_t *)) \
    X(int, rd_kafka_consume_start_queue, (rd_kafka_topic_t *, int32_t, int64_t, rd_kafka_queue_t *)) \
    X(ptrdiff_t, rd_kafka_consume_batch_queue, (rd_kafka_queue_t *, int, rd_kafka_message_t **, size_t)) \
    X(void, rd_kafka_message_destroy, (rd_kafka_message_t *))
#define DECLARE(result, name, arguments) static result(*name) arguments;
NAMES(DECLARE)

enum { BLOCK = 1000, CONSUME_BLOCK = 10000, PAYLOAD_BYTES = 1 << 20, FLUSH_MS = 30000 };
static const double WARM_UP_S = 0.5;

static atomic_ullong acknowledged, failed;
static struct latencies latencies; /* only the polling thread touches it */
static double *_Atomic due_s; /* when each message was due, by number; from when latencies count */

static void stop(const char *what, const char *why) {
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

static void open_library(const char *path) {
    void *library = dlopen(path, RTLD_NOW);
    if (!library) stop(path, dlerror());
#define FIND(result, name, arguments) \
    if (!(name = (result(*) arguments)dlsym(library, #name))) stop(#name, "not in the library");
    NAMES(FIND)
}

static void set(rd_kafka_conf_t *config, const char *key, const char *value) {
    char why[256];
    if (rd_kafka_conf_set(config, key, value, why, sizeof why)) stop(key, why);
}

static rd_kafka_t *client(int kind, rd_kafka_conf_t *config) {
    char why[256];
    rd_kafka_t *made = rd_kafka_new(kind, config, why, sizeof why);
    if (!made) stop("librdkafka", why);
    return made;
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque) {
    (void)rk; (void)opaque;
    if (message->err) failed++;
    else acknowledged++;
    const double *due = due_s;
    if (due && !message->err) note_latency(&latencies, now_s() - due[(size_t)message->opaque]);
}

/* A MiB that compresses about as text does: words out of a small dictionary, and digits. */
static char *make_payloads(void) {
    static const char *const words[] = {"order", "customer", "status", "shipped", "amount", "currency",
        "warehouse", "created", "updated", "region", "north", "south", "pending", "quantity"};
    char *all = malloc(PAYLOAD_BYTES + 32);
    if (!all) fail("memory");
    unsigned long random = 1;
    for (size_t at = 0; at < PAYLOAD_BYTES;) {
        random = random * 6364136223846793005UL + 1442695040888963407UL;
        unsigned word = (unsigned)(random >> 33) % (unsigned)(sizeof words / sizeof *words);
        at += (size_t)snprintf(all + at, 32, "\"%s\":%lu,", words[word], random >> 45);
    }
    return all;
}

static char *payload(char *all, uint64_t number, size_t size) { return all + number % (PAYLOAD_BYTES / size) * size; }

static void run_produce(char **argv) {
    int partitions = atoi(argv[5]);
    size_t size = (size_t)atol(argv[6]);
    double seconds = atof(argv[7]);
    rd_kafka_conf_t *config = rd_kafka_conf_new();
    set(config, "bootstrap.servers", argv[3]);
    set(config, "acks", "1");
    set(config, "compression.codec", argv[8]);
    set(config, "queue.buffering.max.messages", "500000");
    set(config, "delivery.report.only.error", "true");
    rd_kafka_conf_set_dr_msg_cb(config, on_delivery);
    rd_kafka_t *producer = client(PRODUCER, config);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(producer, argv[4], NULL);
    char *payloads = make_payloads();
    static rd_kafka_message_t block[BLOCK];
    uint64_t taken = 0, before = 0;
    double start = now_s(), begin = 0, now;
    for (unsigned turn = 0; (now = now_s()) < start + WARM_UP_S + seconds; turn++) {
        if (!begin && now >= start + WARM_UP_S) {
            begin = now;
            before = taken - (uint64_t)rd_kafka_outq_len(producer);
        }
        for (int i = 0; i < BLOCK; i++)
            block[i] = (rd_kafka_message_t){.payload = payload(payloads, taken + (uint64_t)i, size), .len = size};
        int count = rd_kafka_produce_batch(topic, (int32_t)(turn % (unsigned)partitions), F_COPY, block, BLOCK);
        taken += (uint64_t)count;
        rd_kafka_poll(producer, count < BLOCK ? 1 : 0);
    }
    double done = (double)(taken - (uint64_t)rd_kafka_outq_len(producer) - before), took = now - begin;
    rd_kafka_flush(producer, FLUSH_MS);
    printf("{\"messages_per_s\": %.0f, \"messages\": %.0f, \"total_messages\": %llu, \"errors\": %llu, "
           "\"seconds\": %.3f}\n",
           done / took, done, (unsigned long long)taken,
           (unsigned long long)failed + (unsigned long long)rd_kafka_outq_len(producer), took);
}

static void run_consume(char **argv) {
    int partitions = atoi(argv[5]), ended = 0;
    double seconds = atof(argv[6]);
    rd_kafka_conf_t *config = rd_kafka_conf_new();
    set(config, "bootstrap.servers", argv[3]);
    set(config, "enable.partition.eof", "true");
    set(config, "queued.min.messages", "1000000");
    rd_kafka_t *consumer = client(CONSUMER, config);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(consumer, argv[4], NULL);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(consumer);
    for (int32_t p = 0; p < partitions; p++)
        if (rd_kafka_consume_start_queue(topic, p, FROM_BEGINNING, queue)) stop("consume", "refused");
    static rd_kafka_message_t *block[CONSUME_BLOCK];
    uint64_t messages = 0, bytes = 0, errors = 0;
    double start = now_s(), begin = 0, last = 0;
    while (ended < partitions && now_s() < (begin ? begin : start + 10) + seconds) {
        ptrdiff_t count = rd_kafka_consume_batch_queue(queue, 100, block, CONSUME_BLOCK);
        if (count > 0 && !begin) begin = now_s();
        for (ptrdiff_t i = 0; i < count; i++) {
            if (block[i]->err == PARTITION_EOF) ended++;
            else if (block[i]->err) errors++;
            else { messages++; bytes += block[i]->len; }
            rd_kafka_message_destroy(block[i]);
        }
        if (count > 0) last = now_s();
    }
    double took = last > begin ? last - begin : 1e-9;
    printf("{\"messages_per_s\": %.0f, \"messages\": %llu, \"bytes\": %llu, \"errors\": %llu, \"seconds\": %.3f}\n",
           (double)messages / took, (unsigned long long)messages, (unsigned long long)bytes,
           (unsigned long long)errors, took);
}

static atomic_int polling = 1;

static void *poll_on(void *producer) {
    while (polling) rd_kafka_poll(producer, 100);
    return NULL;
}

static void run_latency(char **argv) {
    int partitions = atoi(argv[5]);
    size_t size = (size_t)atol(argv[6]);
    double seconds = atof(argv[7]) + WARM_UP_S, rate = atof(argv[8]);
    size_t total = (size_t)(seconds * rate), warm = (size_t)(WARM_UP_S * rate);
    rd_kafka_conf_t *config = rd_kafka_conf_new();
    set(config, "bootstrap.servers", argv[3]);
    set(config, "acks", "all");
    set(config, "linger.ms", argv[9]);
    set(config, "socket.nagle.disable", "true");
    set(config, "queue.buffering.max.messages", "0");
    rd_kafka_conf_set_dr_msg_cb(config, on_delivery);
    rd_kafka_t *producer = client(PRODUCER, config);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(producer, argv[4], NULL);
    char *payloads = make_payloads();
    double *due = calloc(total + 1, sizeof *due), begin = now_s();
    if (!due) fail("memory");
    pthread_t poller;
    if (pthread_create(&poller, NULL, poll_on, producer)) fail("thread");
    for (size_t i = 0; i < total; i++) {
        due[i] = begin + (double)i / rate;
        struct timespec at = {(time_t)due[i], (long)((due[i] - (double)(time_t)due[i]) * 1e9)};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
        if (i == warm) { /* connections are made and the first requests answered: count from here */
            rd_kafka_flush(producer, FLUSH_MS);
            due_s = due;
            begin = now_s() - (double)i / rate;
            due[i] = now_s();
        }
        if (rd_kafka_produce(topic, (int32_t)(i % (size_t)partitions), F_COPY,
                             payload(payloads, i, size), size, NULL, 0, (void *)i))
            failed++;
    }
    double took = now_s() - begin - WARM_UP_S;
    rd_kafka_flush(producer, FLUSH_MS);
    polling = 0;
    pthread_join(poller, NULL);
    printf("{\"messages\": %llu, \"errors\": %llu, \"seconds\": %.3f, ", (unsigned long long)latencies.count,
           (unsigned long long)failed + (unsigned long long)rd_kafka_outq_len(producer), took);
    print_latencies(&latencies);
    printf("}\n");
}

int main(int argc, char **argv) {
    static const struct { const char *name; int arguments; void (*run)(char **); } modes[] = {
        {"produce", 9, run_produce}, {"consume", 7, run_consume}, {"latency", 10, run_latency}};
    sharpen_timers();
    for (size_t i = 0; argc > 2 && i < sizeof modes / sizeof *modes; i++)
        if (!strcmp(argv[2], modes[i].name) && argc == modes[i].arguments) {
            open_library(argv[1]);
            modes[i].run(argv);
            fflush(stdout);
            _exit(0); /* a client's orderly end takes time and is not what is measured */
        }
    fprintf(stderr, "see the head of rdkafka_load.c\n");
    return 2;
}
