/* SPDX-License-Identifier: MIT */
/*
 * What names there are, for who has said one that there is not.
 *
 * Invariants
 *  1. The text names at least the nearest or first one, and counts those that it has no room for.
 */
#include "bus/filter_names.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

/** Names from outside are up to 64 bytes: this is left for their number and the bracket. */
enum { END_BYTES = 40, NONE = -1 };

static const char *const kinds[] = {
    [MRI_NAME_SYMBOL] = "symbol", [MRI_NAME_SOURCE] = "source", [MRI_NAME_NAME] = "name"};

/** The number of the name that was most likely meant; NONE. */
static int64_t find_nearest(
    const struct mri_filter_names *names, enum mri_name_kind kind, struct mri_slice found)
{
    int64_t nearest = NONE;
    size_t best = SIZE_MAX;
    const char *text;
    for (uint32_t i = 0; (text = names->text(names->context, kind, i)) != NULL; i++) {
        size_t distance = mri_text_nearest(found, &text, 1) == NULL
                              ? SIZE_MAX
                              : mri_text_distance(found, mri_slice_of(text));
        if (text[0] != '\0' && distance < best) {
            best = distance;
            nearest = i;
        }
    }
    return nearest;
}

/** Append a name if what is left afterwards holds the end. */
static bool put_name(char *text, const char *name, bool is_first)
{
    size_t used = strlen(text);
    bool has_room = used + strlen(name) + END_BYTES < MRI_EXPECTED_NAME_BYTES;
    if (has_room) {
        (void)snprintf(
            text + used, MRI_EXPECTED_NAME_BYTES - used, "%s%s", is_first ? "" : ", ", name);
    }
    return has_room;
}

const char *mri_filter_names_expected(const struct mri_filter_names *names, enum mri_name_kind kind,
    struct mri_slice found, char ret_text[MRI_EXPECTED_NAME_BYTES])
{
    const char *name;
    uint32_t shown = 0;
    uint32_t more = 0;
    int64_t nearest = find_nearest(names, kind, found);
    (void)snprintf(ret_text, MRI_EXPECTED_NAME_BYTES, "a %s that is known here (", kinds[kind]);
    if (nearest != NONE) {
        name = names->text(names->context, kind, (uint32_t)nearest);
        shown += put_name(ret_text, name, true);
    }
    for (uint32_t i = 0; (name = names->text(names->context, kind, i)) != NULL; i++) {
        bool is_one = name[0] != '\0' && i != nearest;
        bool is_shown = is_one && more == 0 && put_name(ret_text, name, shown == 0);
        shown += is_shown;
        more += is_one && !is_shown;
    }
    size_t used = strlen(ret_text);
    if (more > 0) {
        (void)snprintf(ret_text + used, MRI_EXPECTED_NAME_BYTES - used, " and %u more)", more);
    } else {
        (void)snprintf(ret_text + used, MRI_EXPECTED_NAME_BYTES - used, "%s",
            shown == 0 ? "there is none yet)" : ")");
    }
    return ret_text;
}
