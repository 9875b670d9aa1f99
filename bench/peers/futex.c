/* SPDX-License-Identifier: MIT */
/*
 * No store: a value in shared memory and a futex. No reader that sleeps is woken sooner.
 */
#include <stdatomic.h>
#include <string.h>

#include "bench/harness.h"
#include "bench/peer.h"
#include "millrace/err.h"
#include "os/futex.h"

enum { VALUES = 4096 };

struct box {
    _Atomic uint32_t word; /* grows with every value */
    uint32_t seen;         /* the reader's */
    uint8_t values[VALUES][MRI_PEER_VALUE_BYTES];
};

static struct box *box;

static void futex_start(const char *folder, enum mri_peer_use use)
{
    (void)folder;
    (void)use;
    box = mri_harness_shared(sizeof(*box));
}

static void *futex_open(const char *folder)
{
    (void)folder;
    return box;
}

static void futex_close(void *client)
{
    (void)client; /* the memory ends with the program */
}

static void futex_publish(void *client, const void *value)
{
    struct box *to = client;
    memcpy(to->values[atomic_load(&to->word) % VALUES], value, MRI_PEER_VALUE_BYTES);
    atomic_fetch_add(&to->word, 1);
    mri_futex_wake(&to->word, 1, 1);
}

static void futex_receive(void *listener, void *value)
{
    struct box *from = listener;
    while (atomic_load(&from->word) == from->seen) {
        mri_harness_must(
            mri_futex_wait(&from->word, from->seen, 1, 1000000000) < 0 ? MR_EINTERNAL : MR_OK,
            "wait");
    }
    memcpy(value, from->values[from->seen % VALUES], MRI_PEER_VALUE_BYTES);
    from->seen++;
}

const struct mri_peer mri_peer_futex = {
    .name = "futex",
    .settings = "192 bytes copied in shared memory, FUTEX_WAKE of one sleeper",
    .is_volatile = true,
    .start = futex_start,
    .open = futex_open,
    .close = futex_close,
    .listen = futex_open,
    .publish = futex_publish,
    .receive = futex_receive,
};
