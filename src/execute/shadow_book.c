/* SPDX-License-Identifier: MIT */
/*
 * The places of the shadow book.
 *
 * Invariants
 *  1. Every place is in the list of its symbol, once; links are ordinals, so that they can be saved
 *     as they are.
 *  2. counts[] are the places by state; a symbol's `waiting` are those of its places that the next
 *     price may change.
 */
#include "execute/shadow_book.h"

/** Of a pause in which nothing came at all, so much counts as time without a price. */
#define PAUSE_NS_MAX (60 * INT64_C(1000000000))

mr_err mri_shadow_book_init(
    struct mri_shadow_book *book, const struct mri_alloc *alloc, uint32_t symbols_max)
{
    *book = (struct mri_shadow_book){.alloc = alloc, .symbols_max = symbols_max};
    mri_due_queue_init(&book->places, alloc, sizeof(struct mri_shadow));
    void *block;
    mr_err err = mri_alloc_array(alloc, symbols_max, sizeof(*book->symbols), &block);
    if (err == MR_OK) {
        book->symbols = block;
    }
    return err;
}

void mri_shadow_book_fini(struct mri_shadow_book *book)
{
    if (book != NULL && book->alloc != NULL) {
        mri_due_queue_fini(&book->places);
        mri_alloc_free(book->alloc, book->symbols, book->symbols_max * sizeof(*book->symbols));
        *book = (struct mri_shadow_book){0};
    }
}

struct mri_shadow *mri_shadow_book_find(const struct mri_shadow_book *book, uint32_t ordinal)
{
    return mri_due_queue_find(&book->places, ordinal);
}

mr_err mri_shadow_book_add(struct mri_shadow_book *book, const struct mri_shadow *born)
{
    MRI_ASSERT(born->symbol < book->symbols_max);
    struct mri_shadow_symbol *symbol = &book->symbols[born->symbol];
    mr_err err = mri_due_queue_reserve(&book->places, 1);
    if (err != MR_OK) {
        return err;
    }
    struct mri_shadow *made = mri_due_queue_add(&book->places, born->ordinal, MRI_DUE_NEVER);
    made->signal_seq = born->signal_seq;
    made->ordinal = born->ordinal;
    made->symbol = born->symbol;
    made->side = born->side;
    made->previous = symbol->last;
    if (symbol->last == 0) {
        symbol->first = born->ordinal;
    } else {
        mri_shadow_book_find(book, symbol->last)->next = born->ordinal;
    }
    symbol->last = born->ordinal;
    book->counts[MRI_SHADOW_BORN]++;
    return MR_OK;
}

static bool is_waiting(unsigned state)
{
    return state == MRI_SHADOW_WANTED || state == MRI_SHADOW_OPEN;
}

void mri_shadow_book_set_state(
    struct mri_shadow_book *book, struct mri_shadow *shadow, enum mri_shadow_state state)
{
    struct mri_shadow_symbol *symbol = &book->symbols[shadow->symbol];
    symbol->waiting -= is_waiting(shadow->state);
    symbol->waiting += is_waiting(state);
    symbol->wanted -= shadow->state == MRI_SHADOW_WANTED;
    symbol->wanted += state == MRI_SHADOW_WANTED;
    book->counts[shadow->state]--;
    book->counts[state]++;
    shadow->state = (uint8_t)state;
}

void mri_shadow_book_remove(struct mri_shadow_book *book, struct mri_shadow *shadow)
{
    struct mri_shadow_symbol *symbol = &book->symbols[shadow->symbol];
    if (shadow->previous == 0) {
        symbol->first = shadow->next;
    } else {
        mri_shadow_book_find(book, shadow->previous)->next = shadow->next;
    }
    if (shadow->next == 0) {
        symbol->last = shadow->previous;
    } else {
        mri_shadow_book_find(book, shadow->next)->previous = shadow->previous;
    }
    book->counts[shadow->state]--;
    symbol->waiting -= is_waiting(shadow->state);
    symbol->wanted -= shadow->state == MRI_SHADOW_WANTED;
    mri_due_queue_remove(&book->places, shadow->ordinal);
}

void mri_shadow_book_pass(struct mri_shadow_book *book, int64_t time_unix_ns)
{
    int64_t since_ns = book->time_unix_ns == 0 ? 0 : time_unix_ns - book->time_unix_ns;
    book->passed_ns += since_ns < PAUSE_NS_MAX ? since_ns : PAUSE_NS_MAX;
    book->time_unix_ns = time_unix_ns;
}

void mri_shadow_book_save(const struct mri_shadow_book *book, struct mri_buf *buf)
{
    mri_buf_put(buf, book->symbols, book->symbols_max * sizeof(*book->symbols));
    mri_buf_put(buf, &book->time_unix_ns, sizeof(book->time_unix_ns));
    mri_buf_put(buf, &book->passed_ns, sizeof(book->passed_ns));
    mri_buf_put(buf, &book->left_out, sizeof(book->left_out));
    mri_buf_put(buf, &book->unpriced, sizeof(book->unpriced));
    mri_due_queue_save(&book->places, buf);
}

/** Is the list of a symbol one, of places of that symbol? */
static bool is_list(const struct mri_shadow_book *book, uint32_t at, uint32_t *count)
{
    const struct mri_shadow_symbol *symbol = &book->symbols[at];
    uint32_t previous = 0;
    uint32_t waiting = 0;
    uint32_t wanted = 0;
    for (uint32_t ordinal = symbol->first; ordinal != 0; (*count)++) {
        const struct mri_shadow *shadow = mri_shadow_book_find(book, ordinal);
        if (shadow == NULL || shadow->symbol != at || shadow->previous != previous ||
            shadow->ordinal != ordinal || *count == book->places.count) {
            return false;
        }
        waiting += is_waiting(shadow->state);
        wanted += shadow->state == MRI_SHADOW_WANTED;
        previous = ordinal;
        ordinal = shadow->next;
    }
    return symbol->last == previous && symbol->waiting == waiting && symbol->wanted == wanted;
}

mr_err mri_shadow_book_load(struct mri_shadow_book *book, struct mri_unpack *unpack)
{
    mri_unpack_take(unpack, book->symbols, book->symbols_max * sizeof(*book->symbols));
    mri_unpack_take(unpack, &book->time_unix_ns, sizeof(book->time_unix_ns));
    mri_unpack_take(unpack, &book->passed_ns, sizeof(book->passed_ns));
    mri_unpack_take(unpack, &book->left_out, sizeof(book->left_out));
    mri_unpack_take(unpack, &book->unpriced, sizeof(book->unpriced));
    mr_err err = unpack->err == MR_OK ? mri_due_queue_load(&book->places, unpack) : unpack->err;
    if (err != MR_OK) {
        return err;
    }
    uint32_t listed = 0;
    for (uint32_t i = 0; i < book->symbols_max; i++) {
        if (!is_list(book, i, &listed)) {
            return MR_ECORRUPT;
        }
    }
    for (uint32_t i = 0; i < book->places.count; i++) {
        int64_t due;
        uint32_t ordinal = mri_due_queue_at(&book->places, i, &due);
        const struct mri_shadow *shadow = mri_shadow_book_find(book, ordinal);
        if (shadow->state >= MRI_SHADOW_STATE_COUNT ||
            (shadow->side != MR_LONG && shadow->side != MR_SHORT)) {
            return MR_ECORRUPT;
        }
        book->counts[shadow->state]++;
    }
    return listed == book->places.count ? MR_OK : MR_ECORRUPT;
}
