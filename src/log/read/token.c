/* SPDX-License-Identifier: MIT */
/*
 * Tokens as text: "3.1042.9f00ab12.1040".
 *
 * Invariants
 *  1. One token has one text: numbers have no leading zeros, the checksum has eight lower-case
 *     digits. So texts can be compared.
 *
 * Not here: what a token means in a log (seek.c).
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "millrace/log_read.h"

const char *mr_log_token_text(const mr_log_token *token, char text[MR_LOG_TOKEN_BYTES])
{
    if (text == NULL) {
        return "";
    }
    if (token == NULL) {
        text[0] = '\0';
        return text;
    }
    (void)snprintf(text, MR_LOG_TOKEN_BYTES, "%" PRIu32 ".%" PRIu64 ".%08" PRIx32 ".%" PRIu64,
        token->writer_epoch, token->seq, token->chain_crc, token->synced_seq);
    return text;
}

/** A number in front of a text; NULL when there is none that fits. */
static const char *take_number(const char *text, uint64_t base, uint64_t *ret_number)
{
    uint64_t number = 0;
    const char *at = text;
    for (;; at++) {
        char c = *at;
        uint64_t digit = c >= '0' && c <= '9'                 ? (uint64_t)(c - '0')
                         : base == 16 && c >= 'a' && c <= 'f' ? (uint64_t)(c - 'a') + 10
                                                              : base;
        if (digit == base) {
            break;
        }
        if (number > (UINT64_MAX - digit) / base) {
            return NULL;
        }
        number = number * base + digit;
    }
    *ret_number = number;
    return at == text ? NULL : at;
}

mr_err mr_log_token_parse(const char *text, mr_log_token *ret_token)
{
    static const uint64_t bases[] = {10, 10, 16, 10};
    uint64_t numbers[4];
    char again[MR_LOG_TOKEN_BYTES];
    const char *at = text;
    if (text == NULL || ret_token == NULL) {
        return MR_REFUSED;
    }
    for (int i = 0; i < 4; i++) {
        at = take_number(at, bases[i], &numbers[i]);
        if (at == NULL || *at != (i < 3 ? '.' : '\0')) {
            return MR_REFUSED;
        }
        at++;
    }
    const mr_log_token token = {
        .writer_epoch = (uint32_t)numbers[0],
        .seq = numbers[1],
        .chain_crc = (uint32_t)numbers[2],
        .synced_seq = numbers[3],
    };
    if (strcmp(mr_log_token_text(&token, again), text) != 0) { /* too large, or another spelling */
        return MR_REFUSED;
    }
    *ret_token = token;
    return MR_OK;
}
