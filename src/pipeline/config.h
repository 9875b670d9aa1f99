/* SPDX-License-Identifier: MIT */
/**
 * The effective configuration: settings and instruments, complete and in range.
 *
 * Made from the defaults or parsed from YAML (src/conf/); written back as YAML, the text that goes
 * into the log's config event. Parsing that text gives an equal configuration.
 */
#ifndef MRI_PIPELINE_CONFIG_H
#define MRI_PIPELINE_CONFIG_H

#include "base/buf.h"
#include "bus/route.h"
#include "market/instruments.h"
#include "pipeline/config_table.h"

#define MRI_CHOICE_ENUM(name, value, text) name = (value),
enum mri_choice_emit { MRI_CHOICE_EMIT_MAP(MRI_CHOICE_ENUM) };
enum mri_choice_venue { MRI_CHOICE_VENUE_MAP(MRI_CHOICE_ENUM) };
enum mri_choice_switch { MRI_CHOICE_SWITCH_MAP(MRI_CHOICE_ENUM) };
#undef MRI_CHOICE_ENUM

typedef int64_t mri_config_integer;
typedef double mri_config_number;
typedef int64_t mri_config_choice_emit;   /* the value of an enum mri_choice_emit */
typedef int64_t mri_config_choice_venue;  /* the value of an enum mri_choice_venue */
typedef int64_t mri_config_choice_switch; /* the value of an enum mri_choice_switch */

/** The longest text, and the most instruments and routes: so many, whatever they are, print within
 * it. */
enum {
    MRI_CONFIG_INSTRUMENTS_MAX = 1024,
    MRI_CONFIG_ROUTES_MAX = 256,
    MRI_CONFIG_SPELLINGS_MAX = 1024,
    MRI_CONFIG_TEXT_BYTES_MAX = 640 * 1024
};

/** The number of each setting, and how many there are. */
enum mri_config_index {
#define MRI_CONFIG_INDEX(section, key, kind, default_value, low, high, unit, about)                \
    MRI_CONFIG_INDEX_##section##_##key,
    MRI_CONFIG_MAP(MRI_CONFIG_INDEX) MRI_CONFIG_SETTING_COUNT
#undef MRI_CONFIG_INDEX
};

/** Where something stands in a text, from 1; line 0: in none. */
struct mri_config_place {
    uint32_t line;
    uint32_t column;
};

struct mri_config {
#define MRI_CONFIG_MEMBER(section, key, kind, default_value, low, high, unit, about)               \
    mri_config_##kind section##_##key;
    MRI_CONFIG_MAP(MRI_CONFIG_MEMBER)
#undef MRI_CONFIG_MEMBER
    const struct mri_alloc *alloc;
    struct mri_instrument_spec *instruments;
    uint32_t instrument_count;
    uint32_t instrument_capacity;
    struct mri_route *routes; /**< sources that are not internal; each once */
    uint32_t route_count;
    struct mri_spelling *spellings;           /**< other names of symbols; each once */
    struct mri_config_place *spelling_places; /**< where each stands in its text; room for
                                                 MRI_CONFIG_SPELLINGS_MAX */
    uint32_t spelling_count;
};

/** What a setting is. */
enum mri_setting_kind { MRI_SETTING_INTEGER, MRI_SETTING_NUMBER, MRI_SETTING_CHOICE };

/** A setting, for whoever treats all alike: parser, printer, documentation. */
struct mri_setting {
    const char *section;
    const char *key;
    enum mri_setting_kind kind;
    double low;
    double high;
    const char *unit;
    const char *about;
    const struct mri_word *choices; /**< of a choice */
    size_t choice_count;
    size_t offset; /**< of the member in struct mri_config */
};

/** What a key of an instrument holds; the words are those of MRI_CONFIG_INSTRUMENT_MAP. */
enum mri_instrument_key_kind {
    MRI_INSTRUMENT_KEY_text,
    MRI_INSTRUMENT_KEY_decimals, /**< uint32, 0 to MRI_FIXED_DECIMALS_MAX */
    MRI_INSTRUMENT_KEY_price,    /**< int64 in price_decimals */
    MRI_INSTRUMENT_KEY_quantity, /**< int64 in quantity_decimals */
    MRI_INSTRUMENT_KEY_money,    /**< int64 with MRI_MONEY_DECIMALS */
    MRI_INSTRUMENT_KEY_integer,  /**< int64 */
};

/** A key of an instrument. */
struct mri_instrument_key {
    const char *key;
    enum mri_instrument_key_kind kind;
    const char *about;
    size_t offset; /**< of the member in struct mri_instrument_spec */
};

/** The number of each key of an instrument, and how many there are. */
enum mri_instrument_key_index {
#define MRI_INSTRUMENT_KEY_INDEX(key, kind, about) MRI_INSTRUMENT_KEY_INDEX_##key,
    MRI_CONFIG_INSTRUMENT_MAP(MRI_INSTRUMENT_KEY_INDEX) MRI_INSTRUMENT_KEY_COUNT
#undef MRI_INSTRUMENT_KEY_INDEX
};

/**
 * All settings in the order of the table; sections are contiguous.
 *
 * Returns  a static array of *ret_count settings.
 * Threads  any.
 */
const struct mri_setting *mri_config_settings(size_t *ret_count);

/**
 * The keys of an instrument in the order of the table, MRI_INSTRUMENT_KEY_COUNT of them.
 *
 * Returns  a static array.
 * Threads  any.
 */
const struct mri_instrument_key *mri_config_instrument_keys(void);

/**
 * The built-in configuration: every default, and the instruments of common markets.
 *
 * Returns  MR_OK; MR_ENOMEM.
 * Owner    mri_config_fini() frees.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_config_default(struct mri_config *config, const struct mri_alloc *alloc);

/**
 * Make a configuration with the defaults and no instrument.
 *
 * Returns  nothing.
 * Owner    mri_config_fini() frees.
 * Threads  one at a time.
 */
void mri_config_init(struct mri_config *config, const struct mri_alloc *alloc);

/**
 * Free. NULL and zeroed are allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_config_fini(struct mri_config *config);

/**
 * Add an instrument that mri_instrument_check() accepts.
 *
 * Returns  MR_OK; MR_EXISTS the symbol is there already; MR_FULL; MR_ENOMEM.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_config_add_instrument(
    struct mri_config *config, const struct mri_instrument_spec *spec);

/**
 * Add the route of a source.
 *
 * Returns  MR_OK; MR_EXISTS the source has one already; MR_FULL; MR_ENOMEM.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_config_add_route(struct mri_config *config, const struct mri_route *route);

/**
 * Add a spelling that mri_instruments_is_spelling().
 *
 * Returns  MR_OK; MR_EXISTS it is listed already; MR_FULL MRI_CONFIG_SPELLINGS_MAX are; MR_ENOMEM.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_config_add_spelling(
    struct mri_config *config, const struct mri_spelling *spelling, struct mri_config_place place);

/**
 * The symbol that a configuration has for a name: of its instruments, or of its spellings.
 *
 * Returns  the symbol's name; NULL: it has none for it.
 * Owner    the configuration.
 * Threads  any.
 */
const char *mri_config_symbol(const struct mri_config *config, const char *name);

/**
 * The routes of a configuration.
 *
 * Returns  them.
 * Owner    the configuration.
 * Threads  any.
 */
struct mri_routes mri_config_routes(const struct mri_config *config);

/**
 * Do the settings fit together (each is in its own range already)?
 *
 * Returns  MR_OK; MR_REFUSED, *reterr_problem begins with a key ("log.segment: ") and says the
 *          rule.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_config_check(const struct mri_config *config, mr_problem *reterr_problem);

/**
 * Write a setting's value as YAML reads it.
 *
 * Returns  nothing; see buf->err.
 * Threads  one at a time per buffer.
 */
void mri_config_put_value(
    const struct mri_config *config, const struct mri_setting *setting, struct mri_buf *buf);

/**
 * Write what a setting may be, for people: "an integer from 1 to 86400 (s)", "on_change or
 * every_bar".
 *
 * Returns  nothing; see buf->err.
 * Threads  one at a time per buffer.
 */
void mri_config_put_range(const struct mri_setting *setting, struct mri_buf *buf);

/**
 * Write the whole configuration as YAML: every key with its value, unit and meaning.
 *
 * Returns  nothing; see buf->err.
 * Threads  one at a time per buffer.
 */
void mri_config_print(const struct mri_config *config, struct mri_buf *buf);

/**
 * How the text of a config event is parsed: given to the pipeline by whoever composes the program,
 * since the parser lies above it. Settings that the text lacks have their defaults, so that a log
 * stays readable when a setting is added.
 *
 * Returns  MR_OK; MR_REFUSED the text is not a valid configuration of this version; MR_ENOMEM.
 * Owner    the caller frees *ret_config.
 */
typedef mr_err (*mri_config_parser)(
    struct mri_slice text, const struct mri_alloc *alloc, struct mri_config *ret_config);

#endif
