/* SPDX-License-Identifier: MIT */
/**
 * A request of the line protocol: one JSON object, its verb, and its fields by type.
 *
 * The two tables below are the protocol. docs/PROTOCOL.md says the same for people.
 */
#ifndef MRI_SOCKET_REQUEST_H
#define MRI_SOCKET_REQUEST_H

#include "base/buf.h"
#include "json/json_read.h"

/** The versions of the protocol that are spoken. */
enum { MRI_REQUEST_VERSION = 1 };

/** A request's line, and its id as it stands there. */
enum { MRI_REQUEST_LINE_BYTES_MAX = 1024 * 1024, MRI_REQUEST_ID_BYTES_MAX = 128 };

/** What a field may be. */
enum mri_request_type {
    MRI_REQUEST_TEXT = 1,
    MRI_REQUEST_INTEGER = 2,
    MRI_REQUEST_NUMBER = 4, /**< an integer, too */
    MRI_REQUEST_BOOL = 8,
    MRI_REQUEST_OBJECT = 16,
    MRI_REQUEST_ARRAY = 32,
};

/** X(NAME, key, types, about): every field of every verb. */
#define MRI_REQUEST_FIELD_MAP(X)                                                                   \
    X(ID, "id", MRI_REQUEST_TEXT | MRI_REQUEST_INTEGER | MRI_REQUEST_NUMBER,                       \
        "comes back in the reply as it is written, up to 128 bytes; absent is null")               \
    X(VERB, "verb", MRI_REQUEST_TEXT, "what is asked for")                                         \
    X(VERSION, "version", MRI_REQUEST_INTEGER,                                                     \
        "the newest version of the protocol that the client speaks")                               \
    X(SYMBOL, "symbol", MRI_REQUEST_TEXT, "must be registered; or a spelling of one")              \
    X(SIDE, "side", MRI_REQUEST_TEXT, "long, buy, short or sell")                                  \
    X(SOURCE, "source", MRI_REQUEST_TEXT,                                                          \
        "who emits, brings in a fact or gives feedback, up to 64 bytes, not only spaces; of a "    \
        "signal and of feedback no name of the engine's: a built-in source, engine, millrace, "    \
        "run, or an actor but external (of feedback, and operator)")                               \
    X(NAME, "name", MRI_REQUEST_TEXT, "kind of signal, up to 64 bytes; default: the source")       \
    X(CONFIDENCE, "confidence", MRI_REQUEST_NUMBER, "0 to 1; without one it is no evidence")       \
    X(PRICE, "price", MRI_REQUEST_NUMBER, "above zero, rounded to the instrument's decimals")      \
    X(HORIZON, "horizon", MRI_REQUEST_TEXT, "1m, 5m, 15m, 30m or 1h")                              \
    X(VALID_FOR, "valid_for", MRI_REQUEST_TEXT,                                                    \
        "how long it may wait, 1s to 24h (90s, 5m); default: the configuration's")                 \
    X(EXTERNAL_ID, "external_id", MRI_REQUEST_TEXT, "the producer's own id, up to 256 bytes")      \
    X(IDEMPOTENCY_KEY, "idempotency_key", MRI_REQUEST_TEXT,                                        \
        "up to 256 bytes; the same key of the same source is the same signal, and refused with "   \
        "another symbol, side or name")                                                            \
    X(ACCOUNT, "account", MRI_REQUEST_TEXT, "which account it is meant for, up to 256 bytes")      \
    X(DATA, "data", MRI_REQUEST_OBJECT,                                                            \
        "free data, kept byte for byte, up to 64 KiB; a key in it may stand there twice")          \
    X(DURABILITY, "durability", MRI_REQUEST_TEXT,                                                  \
        "group (default): the reply comes when it survives a power cut; async: kill -9")           \
    X(SIGNALS, "signals", MRI_REQUEST_ARRAY,                                                       \
        "1 to 8,192 signals, each with the fields of one; all of them or none")                    \
    X(MOVES, "moves", MRI_REQUEST_ARRAY,                                                           \
        "1 to 8,192 moves, each with the fields of one; all of them or none")                      \
    X(SIGNAL, "signal", MRI_REQUEST_TEXT | MRI_REQUEST_INTEGER,                                    \
        "the id of a signal, or its ordinal as a number")                                          \
    X(FROM, "from", MRI_REQUEST_TEXT,                                                              \
        "the state that the signal must be in; of `claim` by default generated")                   \
    X(TO, "to", MRI_REQUEST_TEXT, "the state that it is to be in (LIFECYCLE.md)")                  \
    X(GATE, "gate", MRI_REQUEST_TEXT,                                                              \
        "of FORMAT.md \"gate\"; needed when `to` is blocked; none but of blocked and expired")     \
    X(REASON, "reason", MRI_REQUEST_TEXT,                                                          \
        "of FORMAT.md \"reason\"; needed when `to` is blocked. Of `nack`: why, up to 200 bytes")   \
    X(QUESTION, "question", MRI_REQUEST_TEXT,                                                      \
        "as that of `millrace query`; default: every signal. Newest first unless it says `order "  \
        "by time asc`; a symbol, source or name that the log does not know is refused")            \
    X(PAGE, "page", MRI_REQUEST_TEXT,                                                              \
        "the `next` of the page before; absent: the first page. It names a signal, not the "       \
        "question: with any question, what comes behind that signal in its order. A signal's id, " \
        "and the token of `millrace query`, which names a moment, too, are also taken")            \
    X(LIMIT, "limit", MRI_REQUEST_INTEGER, "signals of a page, 1 to 1,000; default: 100")          \
    X(SUBSCRIPTION, "subscription", MRI_REQUEST_TEXT,                                              \
        "the cursor's name: a-z, 0-9, _ and -, up to 64")                                          \
    X(KIND, "kind", MRI_REQUEST_TEXT,                                                              \
        "signal.generated, signal.moved, ... (FORMAT.md); default: every kind")                    \
    X(STATE, "state", MRI_REQUEST_TEXT, "moves into this state only")                              \
    X(FROM_BEGINNING, "from_beginning", MRI_REQUEST_BOOL,                                          \
        "when the cursor is made: every event there is, else what comes after")                    \
    X(MAX_IN_FLIGHT, "max_in_flight", MRI_REQUEST_INTEGER,                                         \
        "events that are handed out and not acked, 1 to 1,024; 0: as the name was made, a new "    \
        "one as many as there can be")                                                             \
    X(MAX_DELIVER, "max_deliver", MRI_REQUEST_INTEGER,                                             \
        "deliveries before an event is a dead letter; 0: as the name was made, a new one no "      \
        "limit")                                                                                   \
    X(ACK_WAIT_MS, "ack_wait_ms", MRI_REQUEST_INTEGER,                                             \
        "how long an event is leased; 0: as the name was made, a new one 30,000")                  \
    X(TIMEOUT_MS, "timeout_ms", MRI_REQUEST_INTEGER,                                               \
        "how long the reply may be waited for, 0 (default) to 86,400,000")                         \
    X(DELAY_MS, "delay_ms", MRI_REQUEST_INTEGER,                                                   \
        "not before so long is it delivered again, 0 (default) to 86,400,000")                     \
    X(ORDER, "order", MRI_REQUEST_TEXT, "the client order id of an order")                         \
    X(STATUS, "status", MRI_REQUEST_TEXT,                                                          \
        "sent, accepted, filled, rejected, cancelled or unknown")                                  \
    X(QUANTITY, "quantity", MRI_REQUEST_NUMBER,                                                    \
        "of a fill: what is left of the order, or a part; not more decimals than the "             \
        "instrument has")                                                                          \
    X(FEE, "fee", MRI_REQUEST_NUMBER,                                                              \
        "of a fill: in the quote currency, rounded to 8 decimals; below 0: the venue paid")        \
    X(TIME, "time", MRI_REQUEST_TEXT | MRI_REQUEST_NUMBER,                                         \
        "the venue's: 2025-05-04T15:34:00Z, or seconds, milliseconds, microseconds or "            \
        "nanoseconds since 1970; needed of a fill, and in a simulated log of quotes and funding")  \
    X(VENUE_ORDER_ID, "venue_order_id", MRI_REQUEST_TEXT,                                          \
        "the order's id at the venue, up to 64 bytes")                                             \
    X(EXECUTOR, "executor", MRI_REQUEST_TEXT, "who reports, up to 64 bytes")                       \
    X(MESSAGE, "message", MRI_REQUEST_TEXT, "what the venue said, up to 1,024 bytes")              \
    X(SEQ, "seq", MRI_REQUEST_INTEGER, "the number of an event")                                   \
    X(AFTER, "after", MRI_REQUEST_INTEGER,                                                         \
        "the newest event that the client has seen; default: the newest there is")                 \
    X(QUOTES, "quotes", MRI_REQUEST_ARRAY,                                                         \
        "1 to 4,096 quotes, each with the fields of one; all that are new, or none")               \
    X(CANDLES, "candles", MRI_REQUEST_ARRAY,                                                       \
        "1 to 4,096 candles, each with the fields of one; all that are new, or none")              \
    X(FUNDINGS, "fundings", MRI_REQUEST_ARRAY,                                                     \
        "1 to 4,096 of funding, each with the fields of one; all that are new, or none")           \
    X(BID, "bid", MRI_REQUEST_TEXT | MRI_REQUEST_NUMBER,                                           \
        "above zero, a multiple of the tick, not above the ask")                                   \
    X(ASK, "ask", MRI_REQUEST_TEXT | MRI_REQUEST_NUMBER, "above zero, a multiple of the tick")     \
    X(BID_QUANTITY, "bid_quantity", MRI_REQUEST_TEXT | MRI_REQUEST_NUMBER,                         \
        "zero or more, rounded to the instrument's decimals")                                      \
    X(ASK_QUANTITY, "ask_quantity", MRI_REQUEST_TEXT | MRI_REQUEST_NUMBER,                         \
        "zero or more, rounded to the instrument's decimals")                                      \
    X(OPEN_TIME, "open_time", MRI_REQUEST_TEXT | MRI_REQUEST_NUMBER,                               \
        "when the candle's minute begins, as `time`; or close_time")                               \
    X(CLOSE_TIME, "close_time", MRI_REQUEST_TEXT | MRI_REQUEST_NUMBER,                             \
        "when the candle's minute ends, as `time`: a full minute")                                 \
    X(OPEN, "open", MRI_REQUEST_TEXT | MRI_REQUEST_NUMBER, "above zero, a multiple of the tick")   \
    X(HIGH, "high", MRI_REQUEST_TEXT | MRI_REQUEST_NUMBER,                                         \
        "above zero, a multiple of the tick; none of the four is above it")                        \
    X(LOW, "low", MRI_REQUEST_TEXT | MRI_REQUEST_NUMBER,                                           \
        "above zero, a multiple of the tick; none of the four is below it")                        \
    X(CLOSE, "close", MRI_REQUEST_TEXT | MRI_REQUEST_NUMBER, "above zero, a multiple of the tick") \
    X(VOLUME, "volume", MRI_REQUEST_TEXT | MRI_REQUEST_NUMBER, "zero or more")                     \
    X(RATE, "rate", MRI_REQUEST_TEXT | MRI_REQUEST_NUMBER,                                         \
        "share of the notional that longs pay shorts, -1 to 1")                                    \
    X(INTERVAL, "interval", MRI_REQUEST_TEXT | MRI_REQUEST_NUMBER,                                 \
        "between payments of funding (8h), up to 7 days")                                          \
    X(NEXT_TIME, "next_time", MRI_REQUEST_TEXT | MRI_REQUEST_NUMBER,                               \
        "when the next payment is due, as `time`: at most 7 days after it")                        \
    X(OWNER, "owner", MRI_REQUEST_TEXT,                                                            \
        "the worker's name, up to 64 bytes; a source routed to external:NAME is claimed by NAME "  \
        "alone")                                                                                   \
    X(LEASE_MS, "lease_ms", MRI_REQUEST_INTEGER,                                                   \
        "without renewal the claim ends after so long, 1 to 86,400,000; default: 60,000, and of "  \
        "`renew` what it was claimed with")                                                        \
    X(JUDGEMENT, "judgement", MRI_REQUEST_TEXT, "win, loss or neutral")                            \
    X(RETURN_BPS, "return_bps", MRI_REQUEST_NUMBER,                                                \
        "what it brought in the signal's side, -10,000,000 to 10,000,000")                         \
    X(LESSON, "lesson", MRI_REQUEST_TEXT, "for people, up to 1,024 bytes")                         \
    X(EVIDENCE, "evidence", MRI_REQUEST_OBJECT, "free data, as `data`, up to 64 KiB")              \
    X(AS_OF, "as_of", MRI_REQUEST_TEXT | MRI_REQUEST_INTEGER,                                      \
        "what was known then: behind an event (its number), at a time of the log "                 \
        "(2025-05-04T15:34Z), so long before its newest (2h), or the `as_of` of a reply")

enum mri_request_field {
#define MRI_REQUEST_FIELD_ENUM(NAME, key, types, about) MRI_FIELD_##NAME,
    MRI_REQUEST_FIELD_MAP(MRI_REQUEST_FIELD_ENUM)
#undef MRI_REQUEST_FIELD_ENUM
        MRI_FIELD_COUNT
};

/** A set of fields: of a verb, or of an item of a list. */
struct mri_request_fields {
    bool has[MRI_FIELD_COUNT];
};

/** F(NAME): the fields of a signal to emit, and of a move. */
#define MRI_REQUEST_EMISSION(F)                                                                    \
    F(SYMBOL)                                                                                      \
    F(SIDE)                                                                                        \
    F(SOURCE)                                                                                      \
    F(NAME)                                                                                        \
    F(CONFIDENCE)                                                                                  \
    F(PRICE) F(HORIZON) F(VALID_FOR) F(EXTERNAL_ID) F(IDEMPOTENCY_KEY) F(ACCOUNT) F(DATA)
#define MRI_REQUEST_MOVE(F) F(SIGNAL) F(FROM) F(TO) F(GATE) F(REASON) F(DATA)

/** F(NAME): the fields of facts. */
#define MRI_REQUEST_QUOTE(F)                                                                       \
    F(SYMBOL) F(SOURCE) F(TIME) F(BID) F(ASK) F(BID_QUANTITY) F(ASK_QUANTITY)
#define MRI_REQUEST_CANDLE(F)                                                                      \
    F(SYMBOL) F(OPEN_TIME) F(CLOSE_TIME) F(OPEN) F(HIGH) F(LOW) F(CLOSE) F(VOLUME)
#define MRI_REQUEST_FUNDING(F) F(SYMBOL) F(SOURCE) F(TIME) F(RATE) F(INTERVAL) F(NEXT_TIME)

/** As F of a list of fields, to make a set of it: {.has = {MRI_REQUEST_MOVE(MRI_REQUEST_HAS)}}. */
#define MRI_REQUEST_HAS(NAME) [MRI_FIELD_##NAME] = true,

/**
 * X(NAME, text, has_effect, fields beside id and verb, by F): what can be asked for. What has an
 * effect is done also when nobody hears the answer.
 */
#define MRI_REQUEST_VERB_MAP(X, F)                                                                 \
    X(HELLO, "hello", false, F(VERSION))                                                           \
    X(EMIT, "emit", true, MRI_REQUEST_EMISSION(F) F(SIGNALS) F(DURABILITY))                        \
    X(MOVE, "move", true, MRI_REQUEST_MOVE(F) F(MOVES) F(DURABILITY))                              \
    X(CLAIM, "claim", false,                                                                       \
        F(SIGNAL) F(SYMBOL) F(SOURCE) F(OWNER) F(FROM) F(TO) F(LEASE_MS) F(TIMEOUT_MS)             \
            F(DURABILITY))                                                                         \
    X(RENEW, "renew", false, F(SIGNAL) F(LEASE_MS))                                                \
    X(RELEASE, "release", true, F(SIGNAL) F(DURABILITY))                                           \
    X(FEEDBACK, "feedback", true,                                                                  \
        F(SIGNAL) F(SOURCE) F(JUDGEMENT) F(RETURN_BPS) F(LESSON) F(EVIDENCE) F(DURABILITY))        \
    X(QUOTE, "quote", true, MRI_REQUEST_QUOTE(F) F(QUOTES) F(DURABILITY))                          \
    X(CANDLE, "candle", true, MRI_REQUEST_CANDLE(F) F(CANDLES) F(DURABILITY))                      \
    X(FUNDING, "funding", true, MRI_REQUEST_FUNDING(F) F(FUNDINGS) F(DURABILITY))                  \
    X(GET, "get", false, F(SIGNAL) F(AS_OF))                                                       \
    X(QUERY, "query", false, F(QUESTION) F(PAGE) F(LIMIT) F(AS_OF))                                \
    X(ORDERS, "orders", false, )                                                                   \
    X(REPORT, "report", true,                                                                      \
        F(ORDER) F(STATUS) F(PRICE) F(QUANTITY) F(FEE) F(TIME) F(VENUE_ORDER_ID) F(SYMBOL) F(SIDE) \
            F(EXECUTOR) F(MESSAGE) F(DURABILITY))                                                  \
    X(COUNTS, "counts", false, )                                                                   \
    X(HEALTH, "health", false, )                                                                   \
    X(SUBSCRIBE, "subscribe", false,                                                               \
        F(SUBSCRIPTION) F(KIND) F(SYMBOL) F(SOURCE) F(NAME) F(STATE) F(FROM_BEGINNING)             \
            F(MAX_IN_FLIGHT) F(MAX_DELIVER) F(ACK_WAIT_MS))                                        \
    X(UNSUBSCRIBE, "unsubscribe", false, F(SUBSCRIPTION))                                          \
    X(NEXT, "next", false, F(SUBSCRIPTION) F(TIMEOUT_MS))                                          \
    X(ACK, "ack", true, F(SUBSCRIPTION) F(SEQ))                                                    \
    X(NACK, "nack", true, F(SUBSCRIPTION) F(SEQ) F(DELAY_MS) F(REASON))                            \
    X(WAIT, "wait", false, F(AFTER) F(TIMEOUT_MS))                                                 \
    X(STATS, "stats", false, )                                                                     \
    X(QUIT, "quit", false, )

enum mri_request_verb {
#define MRI_REQUEST_VERB_ENUM(NAME, text, has_effect, fields) MRI_VERB_##NAME,
    MRI_REQUEST_VERB_MAP(MRI_REQUEST_VERB_ENUM, MRI_REQUEST_HAS)
#undef MRI_REQUEST_VERB_ENUM
        MRI_VERB_COUNT
};

/** A field's value; is_given is false for one that is absent or null. */
struct mri_request_value {
    bool is_given;
    bool is_text;
    bool boolean;
    int64_t integer;
    double number;
    const char *text;     /**< of a text, or of an object as it stands there; with a NUL behind */
    struct mri_slice raw; /**< as it stands in the line */
};

struct mri_request {
    enum mri_request_verb verb;
    struct mri_slice id; /**< as it stands in the line; "null" when there is none */
    struct mri_request_value fields[MRI_FIELD_COUNT];
};

/** What is wrong with a request, and where. */
struct mri_request_fault {
    mr_err err;
    char field[48]; /**< "": none */
    int64_t byte;   /**< in the line, from 0; -1: not known */
    mr_problem problem;
};

/** Reads requests, one after another. */
struct mri_request_reader {
    struct mri_json_parser *parser;
    struct mri_buf texts; /**< of the request that was read last */
    const char *line;     /**< of it */
};

/**
 * Make a reader.
 *
 * Returns  MR_OK; MR_ENOMEM.
 * Owner    mri_request_reader_fini() frees.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_request_reader_init(
    struct mri_request_reader *reader, const struct mri_alloc *alloc);

/**
 * Free. Zeroed is allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_request_reader_fini(struct mri_request_reader *reader);

/**
 * Read a line.
 *
 * @param ret_request  its id is set also when it is refused, if one could be read
 *
 * Returns  MR_OK; MR_REFUSED and *reterr_fault says what and where; MR_ENOMEM.
 * Owner    texts belong to the reader, raw to the line.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_request_read(struct mri_request_reader *reader, struct mri_slice line,
    struct mri_request *ret_request, struct mri_request_fault *reterr_fault);

/**
 * The next item of an array of objects: its fields.
 *
 * @param rest    what is left of the array; its raw text at first
 * @param fields  that it may have
 * @param ret_values  MRI_FIELD_COUNT of them
 *
 * Returns  MR_OK; MR_END there is none; MR_REFUSED and *reterr_fault says what and where.
 * Owner    as mri_request_read().
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_request_item(struct mri_request_reader *reader, struct mri_slice *rest,
    const struct mri_request_fields *fields, struct mri_request_value *ret_values,
    struct mri_request_fault *reterr_fault);

/**
 * The text of a verb, and the key of a field.
 *
 * Returns  a static text.
 * Threads  any.
 */
const char *mri_request_verb_text(enum mri_request_verb verb);

/**
 * The key of a field.
 *
 * Returns  a static text.
 * Threads  any.
 */
const char *mri_request_field_key(enum mri_request_field field);

/**
 * What a field may be, and what it means, for people.
 *
 * Returns  a static text.
 * Threads  any.
 */
const char *mri_request_field_type(enum mri_request_field field);

/**
 * What a field means.
 *
 * Returns  a static text.
 * Threads  any.
 */
const char *mri_request_field_about(enum mri_request_field field);

/**
 * The fields that a verb may have beside id and verb.
 *
 * Returns  a static set.
 * Threads  any.
 */
const struct mri_request_fields *mri_request_verb_fields(enum mri_request_verb verb);

/**
 * Does a verb change something, whether its reply is read or not?
 *
 * Returns  true or false.
 * Threads  any.
 */
bool mri_request_verb_has_effect(enum mri_request_verb verb);

/**
 * The field of a key.
 *
 * Returns  an enum mri_request_field; -1: there is none.
 * Threads  any.
 */
int mri_request_find_key(struct mri_slice key);

/**
 * Note a fault of a field (printf).
 *
 * @param raw  the value in the line; NULL: it is missing
 *
 * Returns  MR_REFUSED.
 * Threads  one at a time.
 */
__attribute__((format(printf, 5, 6))) mr_err mri_request_refuse(
    const struct mri_request_reader *reader, struct mri_request_fault *fault, const char *key,
    const char *raw, const char *format, ...);

#endif
