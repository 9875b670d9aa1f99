/* SPDX-License-Identifier: MIT */
/*
 * No store: a pwrite and an fdatasync for each acknowledgement, of as many bytes as the records
 * have, into a file of zeros. Nothing durable is done with less.
 */
#include "bench/disk.h"
#include "bench/peer.h"

static struct mri_disk_floor floor_file;

static void *raw_open(const char *folder)
{
    mri_disk_floor_open(&floor_file, folder);
    return &floor_file;
}

static void raw_close(void *client)
{
    (void)client; /* the file has no name and ends with the program */
}

static void raw_append(void *client, uint64_t key, const void *value)
{
    (void)key;
    (void)value;
    mri_disk_floor_write(client, MRI_PEER_RECORD_BYTES);
}

static void raw_window(void *client, uint64_t key, const void *values, unsigned count)
{
    (void)key;
    (void)values;
    mri_disk_floor_write(client, count * MRI_PEER_RECORD_BYTES);
}

const struct mri_peer mri_peer_raw = {
    .name = "raw",
    .settings = "one pwrite of whole records + one fdatasync, into a file of zeros",
    .open = raw_open,
    .close = raw_close,
    .append = raw_append,
    .window = raw_window,
};
