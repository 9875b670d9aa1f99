/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes what is read from a consumer's file and from its records in the log. The first byte of the
 * input chooses:
 *
 *   0    the rest is the file of a cursor; what is missing of it is zero
 *   1    the same, but every checksum is put right first, so that what it protects is reached
 *   else the rest is the body of an ACK
 *
 * Whatever the bytes are: one of the copies counts or none does, the window holds its invariant
 * through every operation, nothing is handed out that is acked, and what is accepted can be used.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "log/consume/consumer_file.h"
#include "log/consume/consumer_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static const uint8_t boot[MRI_BOOT_ID_BYTES] = {1, 2, 3};

static bool is_alive(void *context, uint16_t owner)
{
    (void)context;
    MRI_ASSERT(owner < MR_CONSUMER_HANDLES_MAX);
    return owner % 2 == 0;
}

/** Put every checksum right, and what every slot begins with. */
static void seal_all(struct mri_consumer_image *image)
{
    struct mri_consumer_slot *slots[] = {&image->slot_0, &image->slot_1};
    for (int i = 0; i < 2; i++) {
        memcpy(slots[i]->magic, MRI_CONSUMER_SLOT_MAGIC, sizeof(slots[i]->magic));
        slots[i]->version = MRI_CONSUMER_SLOT_VERSION;
        mri_consumer_slot_seal(slots[i]);
    }
    uint32_t seed = mri_consumer_lease_seed(boot, image->slot_0.id);
    for (size_t i = 0; i < MRI_CONSUMER_WINDOW_SEQS; i++) {
        if (image->leases.items[i].state != MRI_CONSUMER_FREE) {
            mri_consumer_lease_seal(&image->leases.items[i], seed);
        }
    }
    mri_consumer_lease_seal_mark(&image->leases.mark, seed);
}

static void use_slot(struct mri_consumer_slot *slot, struct mri_consumer_leases *leases)
{
    const struct mri_consumer_census census = {is_alive, NULL};
    const struct mri_consumer_window *window = &slot->window;
    (void)mri_consumer_lease_clean(leases, mri_consumer_lease_seed(boot, slot->id));
    for (int64_t now = 0; now < 4; now++) {
        struct mri_consumer_pick pick = mri_consumer_lease_pick(leases, window, now, &census);
        MRI_ASSERT(pick.due == 0 || !mri_consumer_window_has(window, pick.due));
        MRI_ASSERT(pick.fresh == 0 || !mri_consumer_window_has(window, pick.fresh));
        MRI_ASSERT(pick.in_flight <= MRI_CONSUMER_WINDOW_SEQS && pick.waiting <= pick.in_flight);
    }
    MRI_ASSERT(mri_consumer_lease_back_off(&slot->rules, slot->rewind_count) >= 0);
    uint64_t before = window->next;
    (void)mri_consumer_lease_fold(leases, slot, slot->applied_seq);
    MRI_ASSERT(window->next >= before && (window->bits[0] & 1) == 0);
    (void)mri_consumer_window_add(&slot->window, before + slot->generation % 2048);
    mri_consumer_window_skip(&slot->window, before + slot->redeliveries % 2048);
    MRI_ASSERT(window->next >= before && (window->bits[0] & 1) == 0);
    mri_consumer_window_cut(&slot->window, before);
    MRI_ASSERT(window->next == before && (window->bits[0] & 1) == 0);
}

static void read_file(const uint8_t *bytes, size_t count, bool is_sealed)
{
    int index;
    struct mri_consumer_image *image = calloc(1, sizeof(*image));
    MRI_ASSERT(image != NULL);
    memcpy(image, bytes, count < sizeof(*image) ? count : sizeof(*image));
    if (is_sealed) {
        seal_all(image);
    }
    if (mri_consumer_slot_choose(&image->slot_0, &image->slot_1, &index) == MR_OK) {
        struct mri_consumer_slot *slot = index == 0 ? &image->slot_0 : &image->slot_1;
        MRI_ASSERT(mri_consumer_slot_check(slot) == MR_OK);
        MRI_ASSERT(mri_consumer_slot_compare(&slot->rules, &slot->rules, NULL) == MR_OK);
        use_slot(slot, &image->leases);
    }
    free(image);
}

static void read_record(const uint8_t *bytes, size_t count)
{
    struct mri_consumer_said said;
    const mr_log_event event = {
        .seq = {9}, .type = 5, .version = 1, .body = bytes, .body_bytes = (uint32_t)count};
    if (count >= MRI_CONSUMER_ID_BYTES && mri_consumer_record_get(&event, bytes, &said)) {
        MRI_ASSERT(said.seqs + (size_t)8 * said.head.count <= bytes + count);
        for (uint32_t i = 0; i < said.head.count; i++) {
            (void)mri_consumer_record_seq(&said, i); /* within the body: a sanitizer would say */
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    if (count == 0) {
        return 0;
    }
    if (bytes[0] < 2) {
        read_file(bytes + 1, count - 1, bytes[0] == 1);
    } else {
        read_record(bytes + 1, count - 1);
    }
    return 0;
}
