/* SPDX-License-Identifier: MIT */
/*
 * Heads kept outside of a log's records.
 *
 * Invariants
 *  1. Lines are in order of seq; `at` only grows, and every line before it was met or skipped.
 *  2. What is signed names the log: a head of one log is none of another.
 */
#include "log/prove/seal_heads.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fixed.h"
#include "base/problem.h"

enum { MESSAGE_BYTES = 192 };

static int digit_of(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

mr_err mri_seal_heads_hex(struct mri_slice text, uint8_t *ret_bytes, size_t count)
{
    if (text.count != 2 * count) {
        return MR_REFUSED;
    }
    for (size_t i = 0; i < count; i++) {
        int high = digit_of(text.bytes[2 * i]);
        int low = digit_of(text.bytes[2 * i + 1]);
        if (high < 0 || low < 0) {
            return MR_REFUSED;
        }
        ret_bytes[i] = (uint8_t)(high * 16 + low);
    }
    return MR_OK;
}

void mri_seal_heads_put_hex(const void *bytes, size_t count, struct mri_buf *text)
{
    static const char digits[] = "0123456789abcdef";
    char *place = mri_buf_grow(text, 2 * count);
    for (size_t i = 0; place != NULL && i < count; i++) {
        uint8_t byte = ((const uint8_t *)bytes)[i];
        place[2 * i] = digits[byte >> 4];
        place[2 * i + 1] = digits[byte & 15];
    }
}

/** Cut the next word off a line; empty at its end. */
static struct mri_slice take_word(struct mri_slice *line)
{
    while (line->count > 0 && (line->bytes[0] == ' ' || line->bytes[0] == '\t')) {
        line->bytes++;
        line->count--;
    }
    struct mri_slice word = {line->bytes, 0};
    while (word.count < line->count && line->bytes[word.count] != ' ' &&
           line->bytes[word.count] != '\t' && line->bytes[word.count] != '\r') {
        word.count++;
    }
    line->bytes += word.count;
    line->count -= word.count;
    return word;
}

static bool parse_line(struct mri_slice text, struct mri_seal_head_line *line)
{
    int64_t seq;
    struct mri_slice first = take_word(&text);
    struct mri_slice second = take_word(&text);
    struct mri_slice third = take_word(&text);
    bool is_good = mri_fixed_parse(first, 0, &seq) == MR_OK && seq > 0 &&
                   mri_seal_heads_hex(second, line->head.link.bytes, MRI_DIGEST_BYTES) == MR_OK &&
                   take_word(&text).count == 0;
    line->head.seq = is_good ? (uint64_t)seq : 0;
    line->is_signed = third.count > 0;
    return is_good && (!line->is_signed ||
                          mri_seal_heads_hex(third, line->signature, MRI_SIGNATURE_BYTES) == MR_OK);
}

static int compare_lines(const void *a, const void *b)
{
    uint64_t x = ((const struct mri_seal_head_line *)a)->head.seq;
    uint64_t y = ((const struct mri_seal_head_line *)b)->head.seq;
    return x < y ? -1 : x > y;
}

mr_err mri_seal_heads_parse(struct mri_slice text, const struct mri_alloc *alloc,
    struct mri_seal_heads *ret_heads, mr_problem *reterr_problem)
{
    struct mri_buf lines;
    unsigned long number = 0;
    mr_err err = MR_OK;
    mri_buf_init(&lines, alloc, MRI_SEAL_HEADS_BYTES_MAX * sizeof(struct mri_seal_head_line) / 64);
    while (text.count > 0 && err == MR_OK) {
        const char *feed = memchr(text.bytes, '\n', text.count);
        struct mri_slice line = {
            text.bytes, feed == NULL ? text.count : (size_t)(feed - text.bytes)};
        size_t step = line.count + (feed != NULL);
        struct mri_seal_head_line parsed = {.is_signed = false};
        text.bytes += step;
        text.count -= step;
        number++;
        struct mri_slice rest = line;
        struct mri_slice word = take_word(&rest);
        if (word.count == 0 || word.bytes[0] == '#') {
            continue;
        }
        if (!parse_line(line, &parsed)) {
            err = mri_problem(reterr_problem, MR_REFUSED,
                "line %lu: expected a head: seq, link in 64 hex digits, and perhaps a signature",
                number);
        } else {
            mri_buf_put(&lines, &parsed, sizeof(parsed));
            err = lines.err == MR_OK ? MR_OK
                                     : mri_problem(reterr_problem, MR_ENOMEM, "too many heads");
        }
    }
    size_t bytes = lines.count;
    void *block = NULL;
    if (err == MR_OK && bytes > 0) {
        err = mri_alloc_array(alloc, bytes, 1, &block);
    }
    if (err == MR_OK && bytes > 0) {
        memcpy(block, lines.bytes, bytes);
        qsort(block, bytes / sizeof(struct mri_seal_head_line), sizeof(struct mri_seal_head_line),
            compare_lines);
    }
    mri_buf_fini(&lines);
    if (err == MR_OK) {
        *ret_heads = (struct mri_seal_heads){
            .alloc = alloc, .lines = block, .count = bytes / sizeof(struct mri_seal_head_line)};
    }
    return err;
}

/** What is signed. */
static size_t message_of(
    const struct mri_seal_head *head, const uint8_t *log_uuid, char text[static MESSAGE_BYTES])
{
    char uuid[33];
    char link[2 * MRI_DIGEST_BYTES + 1];
    for (int i = 0; i < 16; i++) {
        (void)snprintf(uuid + 2 * i, 3, "%02x", log_uuid[i]);
    }
    for (int i = 0; i < MRI_DIGEST_BYTES; i++) {
        (void)snprintf(link + 2 * i, 3, "%02x", head->link.bytes[i]);
    }
    return (size_t)snprintf(text, MESSAGE_BYTES, "millrace head 1 %s %llu %s", uuid,
        (unsigned long long)head->seq, link);
}

mr_err mri_seal_heads_sign(const struct mri_signature_key *key, const uint8_t log_uuid[static 16],
    struct mri_seal_head_line *line)
{
    char text[MESSAGE_BYTES];
    size_t count = message_of(&line->head, log_uuid, text);
    line->is_signed = true;
    return mri_signature_make(key, text, count, line->signature);
}

mr_err mri_seal_heads_check_signed(const struct mri_seal_heads *heads,
    const uint8_t log_uuid[static 16], const struct mri_signature_key *key,
    mr_problem *reterr_problem)
{
    if (heads->count == 0) {
        return mri_problem(reterr_problem, MR_REFUSED, "no head of this log was signed");
    }
    for (size_t i = 0; i < heads->count; i++) {
        const struct mri_seal_head_line *line = &heads->lines[i];
        char text[MESSAGE_BYTES];
        size_t count = message_of(&line->head, log_uuid, text);
        mr_err err =
            !line->is_signed ? MR_REFUSED : mri_signature_check(key, text, count, line->signature);
        if (err != MR_OK) {
            return mri_problem(reterr_problem, err,
                "the head of event %llu was not signed for this log by the owner of the key",
                (unsigned long long)line->head.seq);
        }
    }
    return MR_OK;
}

mr_err mri_seal_heads_meet(struct mri_seal_heads *heads, uint64_t first_seq,
    const struct mri_seal_head *head, mr_problem *reterr_problem)
{
    for (; heads->at < heads->count; heads->at++) {
        const struct mri_seal_head *expected = &heads->lines[heads->at].head;
        if (expected->seq > head->seq) {
            return MR_OK;
        }
        if (expected->seq < first_seq) {
            heads->skipped_count++;
        } else if (expected->seq < head->seq) {
            return mri_problem(reterr_problem, MR_REFUSED,
                "no seal of the log ends with event %llu, and a head says that one did",
                (unsigned long long)expected->seq);
        } else if (!mri_seal_is_equal(&expected->link, &head->link)) {
            return mri_problem(reterr_problem, MR_REFUSED,
                "the log up to event %llu is not the one that its head was taken from",
                (unsigned long long)expected->seq);
        }
    }
    return MR_OK;
}

mr_err mri_seal_heads_end(const struct mri_seal_heads *heads, mr_problem *reterr_problem)
{
    return heads->at == heads->count
               ? MR_OK
               : mri_problem(reterr_problem, MR_REFUSED,
                     "the log has no seal of event %llu any more, and a head says that it had: "
                     "it was cut or set back",
                     (unsigned long long)heads->lines[heads->at].head.seq);
}

void mri_seal_heads_fini(struct mri_seal_heads *heads)
{
    if (heads != NULL && heads->alloc != NULL) {
        mri_alloc_free(heads->alloc, heads->lines, heads->count * sizeof(*heads->lines));
        *heads = (struct mri_seal_heads){0};
    }
}

void mri_seal_heads_write(const struct mri_seal_head_line *line, struct mri_buf *text)
{
    mri_buf_printf(text, "%llu ", (unsigned long long)line->head.seq);
    mri_seal_heads_put_hex(line->head.link.bytes, MRI_DIGEST_BYTES, text);
    if (line->is_signed) {
        mri_buf_text(text, " ");
        mri_seal_heads_put_hex(line->signature, MRI_SIGNATURE_BYTES, text);
    }
    mri_buf_text(text, "\n");
}
