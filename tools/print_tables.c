/* SPDX-License-Identifier: MIT */
/*
 * Prints a table of the program as markdown, for tools/gen_docs.py: what is listed in the code is
 * not written a second time by hand.
 *
 *   print_tables NAME       config instruments errors fields events vocabularies sources
 *                           lifecycle codes recovery verbs requests
 */
#include <stdio.h>
#include <string.h>

#include "bus/lifecycle.h"
#include "evaluate/gates.h"
#include "log/format/recover.h"
#include "millrace/err.h"
#include "pipeline/config.h"
#include "socket/request.h"

enum { TEXT_BYTES_MAX = 1024 * 1024 };

/** A cell: nothing in it may end the cell or the row. */
static void put_cell(struct mri_buf *buf, const char *text)
{
    for (; *text != '\0'; text++) {
        mri_buf_text(buf, *text == '|' ? "\\" : "");
        mri_buf_put(buf, text, 1);
    }
}

/* ---- settings -------------------------------------------------------------------------------- */

static void put_setting(
    struct mri_buf *buf, const struct mri_config *defaults, const struct mri_setting *setting)
{
    mri_buf_printf(buf, "| `%s` | `", setting->key);
    mri_config_put_value(defaults, setting, buf);
    mri_buf_text(buf, "` | ");
    mri_config_put_range(setting, buf);
    mri_buf_text(buf, " | ");
    put_cell(buf, setting->about);
    mri_buf_text(buf, " |\n");
}

static void put_config(struct mri_buf *buf)
{
    struct mri_config defaults;
    const char *section = "";
    size_t count;
    const struct mri_setting *settings = mri_config_settings(&count);
    mri_config_init(&defaults, mri_alloc_system());
    for (size_t i = 0; i < count; i++) {
        if (strcmp(settings[i].section, section) != 0) {
            section = settings[i].section;
            mri_buf_printf(buf, "%s### `%s`\n\n| key | default | allowed | meaning |\n",
                i == 0 ? "" : "\n", section);
            mri_buf_text(buf, "|---|---|---|---|\n");
        }
        put_setting(buf, &defaults, &settings[i]);
    }
    mri_config_fini(&defaults);
}

static const char *key_kind_text(enum mri_instrument_key_kind kind)
{
    switch (kind) {
    case MRI_INSTRUMENT_KEY_text:
        return "text";
    case MRI_INSTRUMENT_KEY_decimals:
    case MRI_INSTRUMENT_KEY_integer:
        return "integer";
    case MRI_INSTRUMENT_KEY_price:
        return "number with at most `price_decimals` decimals";
    case MRI_INSTRUMENT_KEY_quantity:
        return "number with at most `quantity_decimals` decimals";
    case MRI_INSTRUMENT_KEY_money:
        return "number with at most 8 decimals";
    }
    return "?";
}

static void put_instruments(struct mri_buf *buf)
{
    const struct mri_instrument_key *keys = mri_config_instrument_keys();
    struct mri_config config;
    mri_buf_text(buf, "| key | kind | meaning |\n|---|---|---|\n");
    for (size_t i = 0; i < MRI_INSTRUMENT_KEY_COUNT; i++) {
        mri_buf_printf(buf, "| `%s` | %s | ", keys[i].key, key_kind_text(keys[i].kind));
        put_cell(buf, keys[i].about);
        mri_buf_text(buf, " |\n");
    }
    if (mri_config_default(&config, mri_alloc_system()) != MR_OK) {
        buf->err = MR_ENOMEM;
        return;
    }
    mri_buf_text(buf, "\nBuilt in are, with a smallest order of 5 in quote currency:\n\n"
                      "| symbol | venue | quote | tick | lot |\n|---|---|---|---|---|\n");
    for (uint32_t i = 0; i < config.instrument_count; i++) {
        const struct mri_instrument_spec *spec = &config.instruments[i];
        char text[2][MRI_FIXED_TEXT_BYTES];
        MRI_ASSERT(spec->notional_min_e8 == 5 * mri_fixed_power(MRI_MONEY_DECIMALS));
        mri_buf_printf(buf, "| %s | %s | %s | %s | %s |\n", spec->symbol, spec->venue,
            spec->quote_currency, mri_fixed_format(spec->tick, spec->price_decimals, text[0]),
            mri_fixed_format(spec->lot, spec->quantity_decimals, text[1]));
    }
    mri_config_fini(&config);
}

/* ---- results --------------------------------------------------------------------------------- */

static void put_errors(struct mri_buf *buf)
{
    static const struct {
        const char *name;
        int value;
        const char *text;
    } results[] = {
#define RESULT(name, value, text) {#name, value, text},
        MR_ERR_MAP(RESULT)
#undef RESULT
    };
    mri_buf_text(buf, "| result | value | kind | meaning |\n|---|---|---|---|\n");
    for (size_t i = 0; i < MRI_COUNT_OF(results); i++) {
        int value = results[i].value;
        mri_buf_printf(buf, "| `%s` | %d | %s | ", results[i].name, value,
            value == 0  ? "success"
            : value > 0 ? "condition"
                        : "fault");
        put_cell(buf, results[i].text);
        mri_buf_text(buf, " |\n");
    }
}

/* ---- events ---------------------------------------------------------------------------------- */

/** The name of a kind of field, and what it holds; NULL: a code of the vocabulary of that name. */
struct kind_text {
    const char *name;
    const char *about;
};

static struct kind_text kind_text(enum mri_field_kind kind)
{
    switch (kind) {
    case MRI_FIELD_ref:
        return (struct kind_text){"ref", "an event, see \"References\""};
    case MRI_FIELD_time:
        return (struct kind_text){"time", "int64, nanoseconds since 1970-01-01 UTC"};
    case MRI_FIELD_duration:
        return (struct kind_text){"duration", "int64, nanoseconds"};
    case MRI_FIELD_price:
        return (struct kind_text){"price", "int64 in the instrument's price decimals"};
    case MRI_FIELD_quantity:
        return (struct kind_text){"quantity", "int64 in the instrument's quantity decimals"};
    case MRI_FIELD_money:
        return (struct kind_text){"money", "int64 with 8 decimals of the quote currency"};
    case MRI_FIELD_integer:
        return (struct kind_text){"integer", "int64"};
    case MRI_FIELD_wide:
        return (struct kind_text){"wide", "uint64"};
    case MRI_FIELD_number:
        return (struct kind_text){"number", "double (IEEE 754), never NaN or infinite"};
    case MRI_FIELD_count:
        return (struct kind_text){"count", "uint32"};
    case MRI_FIELD_symbol:
        return (struct kind_text){"symbol", "uint32, number of the symbol in the registry"};
    case MRI_FIELD_instrument:
        return (struct kind_text){"instrument", "uint32, number of the instrument"};
    case MRI_FIELD_source:
        return (struct kind_text){"source", "uint16, number of the source, see \"Names\""};
    case MRI_FIELD_flags16:
        return (struct kind_text){"flags16", "uint16, bits"};
    case MRI_FIELD_small:
        return (struct kind_text){"small", "uint8"};
    case MRI_FIELD_pad8:
        return (struct kind_text){"pad8", "zero"};
    case MRI_FIELD_pad16:
        return (struct kind_text){"pad16", "zero"};
    case MRI_FIELD_pad32:
        return (struct kind_text){"pad32", "zero"};
    case MRI_FIELD_reason8:
        return (struct kind_text){"reason8", "uint8, a code of `reason`"};
#define VOCABULARY_KIND(id)                                                                        \
    case MRI_FIELD_##id:                                                                           \
        return (struct kind_text){#id, NULL};
        MRI_VOCABULARY_MAP(VOCABULARY_KIND)
#undef VOCABULARY_KIND
    }
    return (struct kind_text){"?", "?"};
}

static void put_fields(struct mri_buf *buf)
{
    static const enum mri_field_kind kinds[] = {
#define KIND(kind) MRI_FIELD_##kind,
        MRI_FIELD_KIND_MAP(KIND)
#undef KIND
    };
    mri_buf_text(buf, "| kind | bytes | holds |\n|---|---|---|\n");
    for (size_t i = 0; i < MRI_COUNT_OF(kinds); i++) {
        struct kind_text text = kind_text(kinds[i]);
        mri_buf_printf(buf, "| `%s` | %u | ", text.name, mri_field_bytes(kinds[i]));
        if (text.about == NULL) {
            mri_buf_printf(buf, "a code of `%s` |\n", text.name);
        } else {
            mri_buf_printf(buf, "%s |\n", text.about);
        }
    }
}

static void put_struct(struct mri_buf *buf, const struct mri_field *fields, unsigned count)
{
    unsigned offset = 0;
    mri_buf_text(buf, "| at | field | kind | meaning |\n|---|---|---|---|\n");
    for (unsigned i = 0; i < count; i++) {
        mri_buf_printf(buf, "| %u | `%s` | `%s`%s%s | ", offset, fields[i].name,
            kind_text(fields[i].kind).name, fields[i].unit[0] == '\0' ? "" : ", ", fields[i].unit);
        put_cell(buf, fields[i].about);
        mri_buf_text(buf, " |\n");
        offset += mri_field_bytes(fields[i].kind);
    }
}

/** The field of the fixed part that lies at an offset. */
static const char *field_at(const struct mri_event_kind *kind, unsigned wanted)
{
    unsigned offset = 0;
    for (unsigned i = 0; i < kind->field_count; i++) {
        if (offset == wanted) {
            return kind->fields[i].name;
        }
        offset += mri_field_bytes(kind->fields[i].kind);
    }
    return "?";
}

static void put_event(struct mri_buf *buf, const struct mri_event_kind *kind)
{
    mri_buf_printf(buf, "\n### %u `%s`\n\nWritten by %s. Fixed part of %u bytes%s:\n\n",
        (unsigned)kind->type, kind->name, kind->writers, (unsigned)kind->fixed_bytes,
        kind->is_covered ? "" : "; not covered by the digest");
    put_struct(buf, kind->fields, kind->field_count);
    for (unsigned i = 0; i < kind->row_group_count; i++) {
        const struct mri_rows *rows = &kind->rows[i];
        mri_buf_printf(buf, "\nRows `%s`, `%s` of them, %u bytes each:\n\n", rows->name,
            field_at(kind, rows->count_offset), (unsigned)rows->row_bytes);
        put_struct(buf, rows->fields, rows->field_count);
    }
    if (kind->text_count > 0) {
        mri_buf_text(buf, "\n| text | length | meaning |\n|---|---|---|\n");
    }
    for (unsigned i = 0; i < kind->text_count; i++) {
        mri_buf_printf(buf, "| `%s` | %s | ", kind->texts[i].name,
            kind->texts[i].is_long ? "uint32" : "uint16");
        put_cell(buf, kind->texts[i].about);
        mri_buf_text(buf, " |\n");
    }
}

static void put_events(struct mri_buf *buf)
{
    size_t count;
    const struct mri_event_kind *kinds = mri_event_kinds(&count);
    mri_buf_text(buf, "| type | kind | written by | digest |\n|---|---|---|---|\n");
    for (size_t i = 0; i < count; i++) {
        mri_buf_printf(buf, "| %u | `%s` | %s | %s |\n", (unsigned)kinds[i].type, kinds[i].name,
            kinds[i].writers, kinds[i].is_covered ? "yes" : "no");
    }
    for (size_t i = 0; i < count; i++) {
        put_event(buf, &kinds[i]);
    }
}

static bool is_in_lifecycle_document(enum mri_vocabulary_id id)
{
    return id == MRI_VOCABULARY_state || id == MRI_VOCABULARY_actor || id == MRI_VOCABULARY_gate ||
           id == MRI_VOCABULARY_reason;
}

static void put_vocabularies(struct mri_buf *buf)
{
    mri_buf_text(buf, "| vocabulary | codes |\n|---|---|\n");
    for (int id = 0; id < MRI_VOCABULARY_COUNT; id++) {
        const struct mri_vocabulary *vocabulary = mri_vocabulary((enum mri_vocabulary_id)id);
        mri_buf_printf(buf, "| `%s` | ", vocabulary->name);
        if (is_in_lifecycle_document((enum mri_vocabulary_id)id)) {
            mri_buf_text(buf, "see LIFECYCLE.md |\n");
            continue;
        }
        for (size_t i = 0; i < vocabulary->count; i++) {
            const struct mri_word *word = &vocabulary->words[i];
            mri_buf_printf(buf, "%s%u %s", i == 0 ? "" : ", ", (unsigned)word->value,
                word->text[0] == '\0' ? "(none)" : word->text);
        }
        mri_buf_text(buf, " |\n");
    }
}

static void put_sources(struct mri_buf *buf)
{
    mri_buf_text(buf, "| number | source |\n|---|---|\n");
    for (int source = 0; source < MRI_SOURCE_INTERNAL_COUNT; source++) {
        mri_buf_printf(buf, "| %d | `%s` |\n", source, mri_source_name((enum mri_source)source));
    }
}

/* ---- lifecycle ------------------------------------------------------------------------------- */

static const char *state_text(int state)
{
    return mri_word_text(MRI_VOCABULARY_state, (unsigned)state);
}

static void put_lifecycle(struct mri_buf *buf)
{
    mri_buf_text(buf, "```mermaid\nstateDiagram-v2\n    [*] --> generated\n");
    for (int from = 0; from < MR_STATE_COUNT; from++) {
        for (int to = 0; to < MR_STATE_COUNT; to++) {
            if (mri_lifecycle_allows((mr_state)from, (mr_state)to)) {
                mri_buf_printf(buf, "    %s --> %s\n", state_text(from), state_text(to));
            }
        }
    }
    mri_buf_text(buf, "    learned --> [*]\n```\n\n| code | state | may become |\n|---|---|---|\n");
    for (int from = 0; from < MR_STATE_COUNT; from++) {
        const char *separator = "";
        mri_buf_printf(buf, "| %d | `%s` | ", from, state_text(from));
        for (int to = 0; to < MR_STATE_COUNT; to++) {
            if (mri_lifecycle_allows((mr_state)from, (mr_state)to)) {
                mri_buf_printf(buf, "%s`%s`", separator, state_text(to));
                separator = ", ";
            }
        }
        mri_buf_printf(buf, "%s |\n", separator[0] == '\0' ? "nothing" : "");
    }
}

/** "count; quote for `exposure_full`" */
static void put_units(struct mri_buf *buf, enum mri_gate gate)
{
    const struct mri_vocabulary *reasons = mri_vocabulary(MRI_VOCABULARY_reason);
    enum mri_unit usual = mri_gate_unit(gate, MRI_REASON_NONE);
    const char *text = mri_word_text(MRI_VOCABULARY_unit, usual);
    mri_buf_text(buf, text[0] == '\0' ? "none" : text);
    for (size_t i = 0; i < reasons->count; i++) {
        enum mri_unit unit = mri_gate_unit(gate, (enum mri_reason)reasons->words[i].value);
        if (unit != usual) {
            mri_buf_printf(buf, "; %s for `%s`", mri_word_text(MRI_VOCABULARY_unit, unit),
                reasons->words[i].text);
        }
    }
}

static void put_place(struct mri_buf *buf, enum mri_gate gate)
{
    for (unsigned i = 0; i < MRI_CHAIN_GATE_COUNT; i++) {
        if (mri_gates_at(i) == gate) {
            mri_buf_printf(buf, " | chain, place %u |\n", i + 1);
            return;
        }
    }
    mri_buf_printf(
        buf, " | %s |\n", gate == MRI_GATE_NONE ? "nobody blocked" : "outside the chain");
}

static void put_codes(struct mri_buf *buf)
{
    const struct mri_vocabulary *actors = mri_vocabulary(MRI_VOCABULARY_actor);
    const struct mri_vocabulary *gates = mri_vocabulary(MRI_VOCABULARY_gate);
    const struct mri_vocabulary *reasons = mri_vocabulary(MRI_VOCABULARY_reason);
    mri_buf_text(buf, "### Actors\n\n| code | actor |\n|---|---|\n");
    for (size_t i = 0; i < actors->count; i++) {
        mri_buf_printf(
            buf, "| %u | `%s` |\n", (unsigned)actors->words[i].value, actors->words[i].text);
    }
    mri_buf_text(buf, "\n### Gates\n\n| code | gate | unit of value and threshold | where |\n"
                      "|---|---|---|---|\n");
    for (size_t i = 0; i < gates->count; i++) {
        unsigned value = gates->words[i].value;
        mri_buf_printf(buf, "| %u | `%s` | ", value, gates->words[i].text);
        put_units(buf, (enum mri_gate)value);
        put_place(buf, (enum mri_gate)value);
    }
    mri_buf_text(buf, "\n### Reasons\n\n| code | reason | meaning |\n|---|---|---|\n");
    for (size_t i = 0; i < reasons->count; i++) {
        const struct mri_word *word = &reasons->words[i];
        mri_buf_printf(buf, "| %u | `%s` | ", (unsigned)word->value, word->text);
        put_cell(buf, word->about);
        mri_buf_text(buf, " |\n");
    }
}

/* ---- recovery -------------------------------------------------------------------------------- */

/** What a column of a merged row says. */
enum { IS_NO, IS_YES, IS_ANY, FACTS = 3, ROWS = 1 << FACTS };

struct row {
    int facts[FACTS];
    enum mri_recover_decision decision;
    bool is_merged; /* into another row */
};

static struct row row_of(int bits)
{
    struct row row = {.is_merged = false};
    for (int i = 0; i < FACTS; i++) {
        row.facts[i] = (bits >> i) & 1;
    }
    const struct mri_recover_facts facts = {
        .is_end_zero = row.facts[0] == IS_YES,
        .is_claimed = row.facts[1] == IS_YES,
        .is_last_segment = row.facts[2] == IS_YES,
    };
    row.decision = mri_recover_decide(&facts);
    return row;
}

/** Do two rows differ in this column alone? */
static bool are_alike_but(const struct row *a, const struct row *b, int column)
{
    bool is_alike = !a->is_merged && !b->is_merged && a->decision == b->decision &&
                    a->facts[column] != b->facts[column];
    for (int i = 0; i < FACTS; i++) {
        is_alike = is_alike && (i == column || a->facts[i] == b->facts[i]);
    }
    return is_alike;
}

static void merge_column(struct row rows[ROWS], int column)
{
    for (int i = 0; i < ROWS; i++) {
        for (int k = i + 1; k < ROWS; k++) {
            if (are_alike_but(&rows[i], &rows[k], column)) {
                rows[i].facts[column] = IS_ANY;
                rows[k].is_merged = true;
            }
        }
    }
}

static void put_recovery(struct mri_buf *buf)
{
    static const char *const fact_texts[] = {"no", "yes", "any"};
    static const char *const decision_texts[] = {
#define DECISION(name, text) text,
        MRI_RECOVER_MAP(DECISION)
#undef DECISION
    };
    struct row rows[ROWS];
    for (int i = 0; i < ROWS; i++) {
        rows[i] = row_of(i);
    }
    for (int column = 0; column < FACTS; column++) {
        merge_column(rows, column);
    }
    mri_buf_text(buf, "| rest is zero | the first bad event was durable | newest segment "
                      "| decision |\n|---|---|---|---|\n");
    for (int i = 0; i < ROWS; i++) {
        if (!rows[i].is_merged) {
            mri_buf_text(buf, "| ");
            for (int k = 0; k < FACTS; k++) {
                mri_buf_printf(buf, "%s | ", fact_texts[rows[i].facts[k]]);
            }
            mri_buf_printf(buf, "%s |\n", decision_texts[rows[i].decision]);
        }
    }
}

/* ---- line protocol --------------------------------------------------------------------------- */

static void put_verbs(struct mri_buf *buf)
{
    mri_buf_text(buf, "| verb | fields beside `id` and `verb` |\n|---|---|\n");
    for (int verb = 0; verb < MRI_VERB_COUNT; verb++) {
        const struct mri_request_fields *fields =
            mri_request_verb_fields((enum mri_request_verb)verb);
        mri_buf_printf(buf, "| `%s` |", mri_request_verb_text((enum mri_request_verb)verb));
        for (int field = 0; field < MRI_FIELD_COUNT; field++) {
            bool is_beside = field != MRI_FIELD_ID && field != MRI_FIELD_VERB;
            if (is_beside && fields->has[field]) {
                mri_buf_printf(buf, " `%s`", mri_request_field_key((enum mri_request_field)field));
            }
        }
        mri_buf_text(buf, " |\n");
    }
}

static void put_requests(struct mri_buf *buf)
{
    mri_buf_text(buf, "| field | is | meaning |\n|---|---|---|\n");
    for (int field = 0; field < MRI_FIELD_COUNT; field++) {
        mri_buf_printf(buf, "| `%s` | %s | ", mri_request_field_key((enum mri_request_field)field),
            mri_request_field_type((enum mri_request_field)field));
        put_cell(buf, mri_request_field_about((enum mri_request_field)field));
        mri_buf_text(buf, " |\n");
    }
}

/* ---- command line ---------------------------------------------------------------------------- */

int main(int count, char **arguments)
{
    static const struct {
        const char *name;
        void (*put)(struct mri_buf *buf);
    } tables[] = {
        {"config", put_config},
        {"instruments", put_instruments},
        {"errors", put_errors},
        {"fields", put_fields},
        {"events", put_events},
        {"vocabularies", put_vocabularies},
        {"sources", put_sources},
        {"lifecycle", put_lifecycle},
        {"codes", put_codes},
        {"recovery", put_recovery},
        {"verbs", put_verbs},
        {"requests", put_requests},
    };
    for (size_t i = 0; count == 2 && i < MRI_COUNT_OF(tables); i++) {
        if (strcmp(arguments[1], tables[i].name) == 0) {
            struct mri_buf buf;
            mri_buf_init(&buf, mri_alloc_system(), TEXT_BYTES_MAX);
            tables[i].put(&buf);
            bool is_good = buf.err == MR_OK &&
                           fwrite(buf.bytes, 1, buf.count, stdout) == buf.count &&
                           fflush(stdout) == 0;
            mri_buf_fini(&buf);
            return is_good ? 0 : 3;
        }
    }
    (void)fprintf(stderr, "usage: print_tables");
    for (size_t i = 0; i < MRI_COUNT_OF(tables); i++) {
        (void)fprintf(stderr, "%s%s", i == 0 ? " " : " | ", tables[i].name);
    }
    (void)fprintf(stderr, "\n");
    return 2;
}
