/* SPDX-License-Identifier: MIT */
/**
 * A YAML text as a stream of nodes with their places, and the list of what is wrong with it.
 *
 * The only file that knows libyaml is reading.c. Anchors, aliases, tags, deep nesting, a second
 * document and syntax errors are refused here; what the nodes mean is the caller's business.
 */
#ifndef MRI_CONF_READING_H
#define MRI_CONF_READING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/slice.h"
#include "conf/yaml.h"

/** What the reading stands on. */
enum mri_node {
    MRI_NODE_NONE, /**< nothing: a syntax error ended the reading, or it is over */
    MRI_NODE_SCALAR,
    MRI_NODE_MAP,     /**< its begin */
    MRI_NODE_LIST,    /**< its begin */
    MRI_NODE_END,     /**< of the innermost map or list */
    MRI_NODE_REFUSED, /**< stands for a value, and was said to be wrong already */
};

/** A place in the text, from 1; line 0 = none. */
struct mri_place {
    uint32_t line;
    uint32_t column;
};

/** Bytes of a label and of a found phrase, with NUL. */
enum { MRI_READING_LABEL_BYTES = 160, MRI_FOUND_BYTES = 80 };

/** What stands in the text instead of what was expected, in words. */
struct mri_found {
    char text[MRI_FOUND_BYTES];
};

struct mri_config;

struct mri_reading {
    const struct mri_alloc *alloc;
    void *machine; /**< libyaml's parser and event */
    const char *name;
    struct mri_slice source; /**< the whole text */
    struct mri_yaml_problems *problems;
    uint64_t problem_count;
    char label[MRI_READING_LABEL_BYTES]; /**< the key that problems are about */
    struct mri_buf phrase;               /**< for callers: one phrase of a problem */
    mr_err err;                          /**< MR_ENOMEM once there was none; sticky */

    /* The node it stands on. */
    enum mri_node node;
    struct mri_place place;
    struct mri_slice text; /**< of a scalar, with a NUL behind it; valid until the next node */
    bool is_quoted;        /**< the scalar is written with quotes or as a block */
    unsigned depth;        /**< maps and lists that are open, this one included */
    bool is_stopped;       /**< the rest of the text is not certain */
};

/**
 * Start to read a text; nothing is read yet.
 *
 * @param problems  NULL, or where to list what is wrong
 *
 * Returns  MR_OK; MR_ENOMEM.
 * Owner    mri_reading_fini() frees; text, name and problems are borrowed until then.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_reading_init(struct mri_reading *reading, struct mri_slice text,
    const char *name, const struct mri_alloc *alloc, struct mri_yaml_problems *problems);

/**
 * Free. NULL and zeroed are allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_reading_fini(struct mri_reading *reading);

/**
 * Go to the first node of the document.
 *
 * Returns  the node; MRI_NODE_NONE when there is none, which is a problem.
 * Threads  one at a time.
 */
enum mri_node mri_reading_begin(struct mri_reading *reading);

/**
 * Check that nothing follows the document; the reading stands on the last node of the root.
 *
 * Returns  the place behind the document.
 * Threads  one at a time.
 */
struct mri_place mri_reading_finish(struct mri_reading *reading);

/**
 * Go to the next node.
 *
 * Returns  the node.
 * Threads  one at a time.
 */
enum mri_node mri_reading_next(struct mri_reading *reading);

/**
 * Go to the last node of the value that begins here: to the end of a map or list, else nowhere.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_reading_skip(struct mri_reading *reading);

/**
 * Go to the next key of a map and label it; keys that are not scalars are refused with their
 * values.
 *
 * @param outer  label of the map, "" for the root
 *
 * Returns  true: it stands on the key; false: on the map's end.
 * Threads  one at a time.
 */
bool mri_reading_next_key(struct mri_reading *reading, const char *outer);

/**
 * Does a node of this kind begin here? If not, say so and skip the value.
 *
 * @param expected  for the problem: "a map of keys"
 *
 * Returns  true or false.
 * Threads  one at a time.
 */
bool mri_reading_expect(struct mri_reading *reading, enum mri_node node, const char *expected);

/**
 * Say that the key it stands on was there before.
 *
 * @param first  where; line 0 = it was not
 *
 * Returns  true when it was.
 * Threads  one at a time.
 */
bool mri_reading_is_again(struct mri_reading *reading, struct mri_place first);

/**
 * Say that the key it stands on is not one of these, and which it most likely means.
 *
 * @param what  "key" or "section"
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_reading_unknown(
    struct mri_reading *reading, const char *what, const char *const *names, size_t count);

/**
 * Set the key that problems are about: "gates", "gates.cooldown", "instruments[2].tick".
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_reading_label(struct mri_reading *reading, const char *outer, struct mri_slice key);

/**
 * List a problem (printf) under the label; the text is cut if it must be.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
__attribute__((format(printf, 3, 4))) void mri_reading_problem(
    struct mri_reading *reading, struct mri_place place, const char *format, ...);

/** A list of the configuration each of whose entries has a name of its own. */
struct mri_reading_list {
    const char *entries; /**< instruments */
    const char *name;    /**< what they are told apart by: symbol */
    int entries_max;
};

/**
 * List what there is to say of an entry that was to be added to a list: it is there already, or it
 * is one too many, and then it is the last one that is read.
 *
 * @param err   what adding it was answered with
 * @param name  the entry's
 *
 * Returns  nothing; another fault is reading->err.
 * Threads  one at a time.
 */
void mri_reading_added(struct mri_reading *reading, struct mri_place place, mr_err err,
    const struct mri_reading_list *list, const char *name);

/**
 * The node it stands on, in words: "a map", "nothing", "\"12x\"".
 *
 * Returns  the words.
 * Threads  one at a time.
 */
struct mri_found mri_reading_found(const struct mri_reading *reading);

/**
 * A text as something found: in quotes, cut when it is long.
 *
 * Returns  the words.
 * Threads  any.
 */
struct mri_found mri_found_text(struct mri_slice text, bool is_quoted);

/**
 * Read a list of which every entry is read alike, in order.
 *
 * @param what  "a list of ..."
 * @param read  has the entry as the current node, and leaves behind it; index from 0
 *
 * Returns  nothing; problems are noted.
 * Threads  one at a time.
 */
void mri_reading_list(struct mri_reading *reading, struct mri_config *config, const char *what,
    void (*read)(struct mri_reading *reading, struct mri_config *config, uint32_t index));

#endif
