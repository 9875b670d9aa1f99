/* SPDX-License-Identifier: MIT */
/*
 * Redis on a Unix socket, started as for the other benchmarks (append-only file, synced every
 * second): a stream of all events, a hash for each signal, a sorted set for each symbol and state,
 * a hash of counts. What belongs together is one round trip: a transaction to emit, a script to
 * compare and set.
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/harness.h"
#include "bench/peer.h"
#include "bench/server.h"
#include "bench/store.h"
#include "millrace/err.h"

enum { OUT_BYTES = 8192, IN_BYTES = 65536, VALUES_MAX = 256 };

static const char move_script[] =
    "local h = redis.call('HMGET', KEYS[1], 'state', 'symbol') "
    "if h[1] ~= ARGV[2] then return 0 end "
    "redis.call('XADD', 'events', '*', 'id', ARGV[1], 'from', ARGV[2], 'to', ARGV[3],"
    " 'gate', ARGV[4], 'reason', ARGV[5]) "
    "redis.call('HSET', KEYS[1], 'state', ARGV[3], 'gate', ARGV[4], 'reason', ARGV[5]) "
    "redis.call('ZREM', h[2] .. ':' .. ARGV[2], ARGV[1]) "
    "redis.call('ZADD', h[2] .. ':' .. ARGV[3], ARGV[1], ARGV[1]) "
    "redis.call('HINCRBY', 'counts', ARGV[2], -1) "
    "redis.call('HINCRBY', 'counts', ARGV[3], 1) "
    "return 1";

static int connection = -1;
static char out[OUT_BYTES];
static size_t out_bytes;
static char in[IN_BYTES + 1];
static size_t in_bytes;
static size_t in_at;
static char script_hash[41];

/** The strings and numbers of the newest answer, arrays flattened. */
static const char *values[VALUES_MAX];
static size_t value_count;

/** A command of so many words, which are texts. */
static void put(int count, ...)
{
    va_list words;
    va_start(words, count);
    out_bytes += (size_t)snprintf(out + out_bytes, OUT_BYTES - out_bytes, "*%d\r\n", count);
    for (int i = 0; i < count && out_bytes < OUT_BYTES; i++) {
        const char *word = va_arg(words, const char *);
        out_bytes += (size_t)snprintf(
            out + out_bytes, OUT_BYTES - out_bytes, "$%zu\r\n%s\r\n", strlen(word), word);
    }
    va_end(words);
    mri_harness_must(out_bytes < OUT_BYTES ? MR_OK : MR_ELIMIT, "redis: a long command");
}

static void receive_more(void)
{
    ssize_t got = recv(connection, in + in_bytes, IN_BYTES - in_bytes, 0);
    mri_harness_must(got <= 0 ? MR_EIO : MR_OK, "redis: the answer");
    in_bytes += (size_t)got;
}

/** The next line of the answer, without its end. */
static char *take_line(void)
{
    char *end;
    while ((end = memmem(in + in_at, in_bytes - in_at, "\r\n", 2)) == NULL) {
        receive_more();
    }
    char *line = in + in_at;
    *end = '\0';
    in_at = (size_t)(end - in) + 2;
    return line;
}

static void keep(const char *value)
{
    mri_harness_must(value_count < VALUES_MAX ? MR_OK : MR_ELIMIT, "redis: a long answer");
    values[value_count++] = value;
}

/** One value after the other; an array adds how many of them follow. */
static void take_answer(void)
{
    for (long left = 1; left > 0; left--) {
        char *line = take_line();
        long length = strtol(line + 1, NULL, 10);
        if (*line == '-') {
            (void)fprintf(stderr, "redis: %s\n", line);
            exit(1);
        }
        if (*line == '*') {
            left += length;
        } else if (*line == '$' && length >= 0) {
            while (in_bytes - in_at < (size_t)length + 2) {
                receive_more();
            }
            in[in_at + (size_t)length] = '\0';
            keep(in + in_at);
            in_at += (size_t)length + 2;
        } else {
            keep(line + 1);
        }
    }
}

/** Send what was put, and take its answers. */
static void ask(unsigned answers)
{
    mri_server_send(connection, out, out_bytes);
    out_bytes = in_bytes = in_at = value_count = 0;
    for (unsigned i = 0; i < answers; i++) {
        take_answer();
    }
}

static void redis_start(const char *folder)
{
    char path[4352];
    mri_peer_find("redis")->start(folder, MRI_PEER_DELIVERY);
    (void)snprintf(path, sizeof(path), "%s/redis.socket", folder);
    connection = mri_server_connect(path, 0);
    put(3, "SCRIPT", "LOAD", move_script);
    ask(1);
    (void)snprintf(script_hash, sizeof(script_hash), "%s", values[0]);
}

static void redis_stop(void)
{
    (void)close(connection); /* nothing is under way */
    mri_peer_find("redis")->stop();
}

static void redis_emit(const struct mri_store_signal *signal)
{
    char ordinal[16];
    char key[32];
    char set[48];
    char confidence[32];
    const char *side = signal->side == MR_LONG ? "long" : "short";
    (void)snprintf(ordinal, sizeof(ordinal), "%u", signal->ordinal);
    (void)snprintf(key, sizeof(key), "signal:%u", signal->ordinal);
    (void)snprintf(set, sizeof(set), "%s:generated", signal->symbol_text);
    (void)snprintf(confidence, sizeof(confidence), "%.9g", signal->confidence);
    put(1, "MULTI");
    put(15, "XADD", "events", "*", "id", ordinal, "symbol", signal->symbol_text, "source",
        signal->source, "side", side, "confidence", confidence, "data", signal->data);
    put(12, "HSET", key, "symbol", signal->symbol_text, "source", signal->source, "side", side,
        "confidence", confidence, "state", "generated");
    put(4, "ZADD", set, ordinal, ordinal);
    put(4, "HINCRBY", "counts", "generated", "1");
    put(1, "EXEC");
    ask(6);
}

static void redis_move(const mr_move *move)
{
    char ordinal[16];
    char key[32];
    (void)snprintf(ordinal, sizeof(ordinal), "%u", move->ordinal.n);
    (void)snprintf(key, sizeof(key), "signal:%u", move->ordinal.n);
    put(9, "EVALSHA", script_hash, "1", key, ordinal, mr_state_text(move->from),
        mr_state_text(move->to), move->gate == NULL ? "none" : move->gate,
        move->reason == NULL ? "none" : move->reason);
    ask(1);
    mri_harness_must(strcmp(values[0], "1") == 0 ? MR_OK : MR_CONFLICT, "move");
}

/** A value of the newest answer, which is of names and values. */
static const char *value_of(const char *name)
{
    for (size_t i = 0; i + 1 < value_count; i += 2) {
        if (strcmp(values[i], name) == 0) {
            return values[i + 1];
        }
    }
    return "?";
}

static struct mri_store_found redis_get(uint32_t ordinal)
{
    char key[32];
    (void)snprintf(key, sizeof(key), "signal:%u", ordinal);
    put(2, "HGETALL", key);
    ask(1);
    return (struct mri_store_found){.state = mri_store_state(value_of("state")),
        .symbol = mri_store_symbol(value_of("symbol"))};
}

static uint32_t redis_latest(struct mri_workload_question question, uint32_t *ordinals)
{
    char symbol[MRI_WORKLOAD_SYMBOL_BYTES];
    char set[48];
    mri_workload_symbol_text(question.symbol, symbol);
    (void)snprintf(set, sizeof(set), "%s:%s", symbol, mr_state_text(question.state));
    put(4, "ZREVRANGE", set, "0", "99");
    ask(1);
    for (size_t i = 0; i < value_count && i < MRI_WORKLOAD_LATEST; i++) {
        ordinals[i] = (uint32_t)strtoul(values[i], NULL, 10);
    }
    return (uint32_t)value_count;
}

static void redis_counts(uint64_t ret_counts[MR_STATE_COUNT])
{
    put(2, "HGETALL", "counts");
    ask(1);
    for (size_t i = 0; i + 1 < value_count; i += 2) {
        ret_counts[mri_store_state(values[i])] = strtoull(values[i + 1], NULL, 10);
    }
}

const struct mri_store mri_store_redis = {
    .name = "redis",
    .settings = MRI_REDIS_VERSION
    ", Unix socket, appendonly yes, appendfsync everysec; a stream of events, a hash a signal, a "
    "sorted set a symbol and state, a hash of counts; emit: MULTI, XADD, HSET, ZADD, HINCRBY, EXEC "
    "in one round trip; move: a script by EVALSHA",
    .start = redis_start,
    .stop = redis_stop,
    .emit = redis_emit,
    .move = redis_move,
    .get = redis_get,
    .latest = redis_latest,
    .counts = redis_counts,
};
