/* SPDX-License-Identifier: MIT */
/*
 * MANIFEST.
 *
 *   millrace-log: 1
 *   uuid: 32 hex digits
 *   segment_bytes: 67108864
 *   features: compat ro_compat incompat      (three numbers, hex)
 *   removed: SEQ POSITION SEGMENTS CRC       (only when the log's beginning was removed)
 *   KEY: VALUE                               (attributes, any number up to 16)
 *   crc32c: 8 hex digits over everything above
 *
 * Invariants
 *  1. What is read is exactly what was written: an unknown line is an attribute, a bad one damage.
 *  2. The file is only ever replaced whole, so a torn one means damage, not a crash.
 */
#include "log/format/manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/crc32c.h"
#include "base/problem.h"
#include "log/format/segment.h"

enum { MANIFEST_BYTES_MAX = 8192, MANIFEST_VERSION = 1, CRC_LINE_BYTES = 17 };
static const char manifest_name[] = "MANIFEST";
static const char removed_key[] = "removed";
#define CRC_FORMAT "crc32c: %08x\n"

static bool is_storable(const char *text, char forbidden)
{
    for (const char *at = text; *at != '\0'; at++) {
        if (*at < 0x20 || *at > 0x7e || *at == forbidden) {
            return false;
        }
    }
    return true;
}

const char *mri_manifest_attribute_fault(const struct mri_manifest_attribute *attribute)
{
    static const char *const own_keys[] = {
        "millrace-log", "uuid", "segment_bytes", "features", removed_key, "crc32c"};
    for (size_t i = 0; i < MRI_COUNT_OF(own_keys); i++) {
        if (strcmp(attribute->key, own_keys[i]) == 0) {
            return "MANIFEST uses this key itself";
        }
    }
    if (!is_storable(attribute->key, ':')) {
        return "a key has printable ASCII without a colon";
    }
    return is_storable(attribute->value, '\0') ? NULL : "a value has printable ASCII";
}

static mr_err format_manifest(const struct mri_manifest *manifest, struct mri_buf *text)
{
    mri_buf_printf(text, "millrace-log: %d\nuuid: ", MANIFEST_VERSION);
    for (size_t i = 0; i < sizeof(manifest->log_uuid); i++) {
        mri_buf_printf(text, "%02x", manifest->log_uuid[i]);
    }
    mri_buf_printf(text, "\nsegment_bytes: %llu\nfeatures: %x %x %x\n",
        (unsigned long long)manifest->segment_bytes, manifest->features_compat,
        manifest->features_ro_compat, manifest->features_incompat);
    if (manifest->removed.last_seq > 0) {
        mri_buf_printf(text, "%s: %llu %llu %llu %08x\n", removed_key,
            (unsigned long long)manifest->removed.last_seq,
            (unsigned long long)manifest->removed.position,
            (unsigned long long)manifest->removed.segments, manifest->removed.chain_crc);
    }
    for (uint32_t i = 0; i < manifest->attribute_count; i++) {
        const struct mri_manifest_attribute *attribute = &manifest->attributes[i];
        if (mri_manifest_attribute_fault(attribute) != NULL) {
            return MR_EINVAL;
        }
        mri_buf_printf(text, "%s: %s\n", attribute->key, attribute->value);
    }
    mri_buf_printf(text, CRC_FORMAT, mri_crc32c(0, text->bytes, text->count));
    return text->err;
}

mr_err mri_manifest_check_first(const struct mri_manifest *manifest, const char *folder,
    uint64_t base_seq, mr_problem *reterr_problem)
{
    uint64_t first = manifest->removed.last_seq + 1;
    if (base_seq <= first) { /* an older one may wait to be removed */
        return MR_OK;
    }
    return mri_problem(reterr_problem, MR_ECORRUPT,
        "%s: a segment is missing: the log begins with event %llu, and the oldest segment with "
        "%llu",
        folder, (unsigned long long)first, (unsigned long long)base_seq);
}

mr_err mri_manifest_write(
    const struct mri_os *os, const char *folder, const struct mri_manifest *manifest)
{
    struct mri_buf text;
    mri_buf_init(&text, mri_alloc_system(), MANIFEST_BYTES_MAX);
    mr_err err = format_manifest(manifest, &text);
    if (err == MR_OK) {
        err = mri_os_replace_file(os, folder, manifest_name, text.bytes, text.count);
    }
    mri_buf_fini(&text);
    return err;
}

static bool parse_uuid(const char *text, uint8_t uuid[16])
{
    if (strlen(text) != 32) {
        return false;
    }
    for (int i = 0; i < 16; i++) {
        const char digits[3] = {text[2 * i], text[2 * i + 1], '\0'};
        if (strspn(digits, "0123456789abcdef") != 2) {
            return false;
        }
        uuid[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return true;
}

/** Three hex numbers of 32 bits with a blank between. */
static bool parse_features(const char *text, struct mri_manifest *manifest)
{
    uint32_t *const sets[] = {
        &manifest->features_compat, &manifest->features_ro_compat, &manifest->features_incompat};
    for (size_t i = 0; i < MRI_COUNT_OF(sets); i++) {
        char *end;
        size_t digits = strspn(text, "0123456789abcdef");
        if (digits == 0 || digits > 8) {
            return false;
        }
        *sets[i] = (uint32_t)strtoul(text, &end, 16);
        if (*end != (i + 1 < MRI_COUNT_OF(sets) ? ' ' : '\0')) {
            return false;
        }
        text = end + 1;
    }
    return true;
}

/** A decimal number of at most 19 digits at the front of a text; moves the text behind it. */
static bool take_number(const char **text, char behind, uint64_t *ret_number)
{
    char *end;
    size_t digits = strspn(*text, "0123456789");
    if (digits == 0 || digits > 19) {
        return false;
    }
    *ret_number = strtoull(*text, &end, 10);
    *text = end + (*end != '\0');
    return *end == behind;
}

static bool parse_removed(const char *text, struct mri_manifest_removed *removed)
{
    if (removed->last_seq > 0 || !take_number(&text, ' ', &removed->last_seq) ||
        !take_number(&text, ' ', &removed->position) ||
        !take_number(&text, ' ', &removed->segments)) {
        return false;
    }
    bool is_crc = strlen(text) == 8 && strspn(text, "0123456789abcdef") == 8;
    removed->chain_crc = is_crc ? (uint32_t)strtoul(text, NULL, 16) : 0;
    return is_crc && removed->last_seq > 0;
}

static bool store_attribute(struct mri_manifest *manifest, const char *key, const char *value)
{
    if (manifest->attribute_count == MRI_MANIFEST_ATTRIBUTES_MAX) {
        return false;
    }
    struct mri_manifest_attribute *attribute = &manifest->attributes[manifest->attribute_count++];
    int key_bytes = snprintf(attribute->key, sizeof(attribute->key), "%s", key);
    int value_bytes = snprintf(attribute->value, sizeof(attribute->value), "%s", value);
    return key_bytes < MRI_MANIFEST_KEY_BYTES && value_bytes < MRI_MANIFEST_VALUE_BYTES;
}

/** Read one "key: value" line; the line number decides which key is due. */
static bool parse_line(struct mri_manifest *manifest, unsigned number, const char *key,
    const char *value, bool *ret_is_version_known)
{
    switch (number) {
    case 0:
        *ret_is_version_known = strcmp(value, "1") == 0;
        return strcmp(key, "millrace-log") == 0;
    case 1:
        return strcmp(key, "uuid") == 0 && parse_uuid(value, manifest->log_uuid);
    case 2: {
        char *end;
        manifest->segment_bytes = strtoull(value, &end, 10);
        return strcmp(key, "segment_bytes") == 0 && *end == '\0';
    }
    case 3:
        return strcmp(key, "features") == 0 && parse_features(value, manifest);
    default:
        return strcmp(key, removed_key) == 0 ? parse_removed(value, &manifest->removed)
                                             : store_attribute(manifest, key, value);
    }
}

static bool is_length_good(uint64_t segment_bytes)
{
    return segment_bytes >= MRI_SEGMENT_BYTES_MIN && segment_bytes <= MRI_SEGMENT_BYTES_MAX &&
           (segment_bytes & (segment_bytes - 1)) == 0;
}

static mr_err parse_manifest(char *text, size_t count, struct mri_manifest *ret_manifest)
{
    struct mri_manifest manifest = {0};
    char crc_line[CRC_LINE_BYTES + 1];
    if (count < CRC_LINE_BYTES) {
        return MR_ECORRUPT;
    }
    count -= CRC_LINE_BYTES;
    (void)snprintf(crc_line, sizeof(crc_line), CRC_FORMAT, mri_crc32c(0, text, count));
    if (strcmp(text + count, crc_line) != 0) {
        return MR_ECORRUPT;
    }
    text[count] = '\0';
    bool is_version_known = false;
    unsigned number = 0;
    char *line = text;
    while (*line != '\0') {
        char *end = strchr(line, '\n');
        char *colon = strstr(line, ": ");
        if (end == NULL || colon == NULL || colon > end) {
            return MR_ECORRUPT;
        }
        *end = '\0';
        *colon = '\0';
        if (!parse_line(&manifest, number++, line, colon + 2, &is_version_known)) {
            return MR_ECORRUPT;
        }
        if (!is_version_known) {
            return MR_EVERSION;
        }
        line = end + 1;
    }
    *ret_manifest = manifest;
    return number >= 4 && is_length_good(manifest.segment_bytes) ? MR_OK : MR_ECORRUPT;
}

mr_err mri_manifest_read(const struct mri_os *os, const char *folder,
    struct mri_manifest *ret_manifest, mr_problem *reterr_problem)
{
    char path[MRI_PATH_BYTES_MAX];
    char text[MANIFEST_BYTES_MAX + 1];
    size_t count;
    struct mri_file_info info;
    mr_err err = os->info(os->context, folder, &info);
    if (err == MR_OK && !info.is_folder) {
        err = MR_EPATH;
    }
    if (err == MR_OK) {
        err = mri_os_path(folder, manifest_name, path);
    }
    if (err != MR_OK) {
        return mri_problem(reterr_problem, err, "%s: %s", folder, mr_err_text(err));
    }
    err = mri_os_read_file(os, path, text, MANIFEST_BYTES_MAX, &count);
    if (err == MR_ERANGE) {
        return mri_problem(
            reterr_problem, MR_ECORRUPT, "%s: the file is longer than any MANIFEST is", path);
    }
    if (err == MR_EPATH) {
        return mri_problem(
            reterr_problem, MR_NOT_FOUND, "%s: no log here (it has no MANIFEST)", folder);
    }
    if (err == MR_OK) {
        text[count] = '\0';
        err = memchr(text, '\0', count) != NULL ? MR_ECORRUPT
                                                : parse_manifest(text, count, ret_manifest);
    }
    if (err == MR_OK && (ret_manifest->features_incompat & ~(uint32_t)MRI_FEATURES_INCOMPAT) != 0) {
        err = MR_EVERSION;
    }
    if (err == MR_ECORRUPT) {
        return mri_problem(reterr_problem, err, "%s: %s; put it back from a copy", path,
            count == 0 ? "the file is empty"
                       : "the file is damaged: its checksum does not fit, or a line is none of it");
    }
    return err == MR_OK ? MR_OK
                        : mri_problem(reterr_problem, err, "%s: %s", path, mr_err_text(err));
}

const char *mri_manifest_uuid_text(
    const struct mri_manifest *manifest, char ret_text[static MRI_MANIFEST_UUID_TEXT_BYTES])
{
    for (size_t i = 0; i < sizeof(manifest->log_uuid); i++) {
        (void)snprintf(ret_text + 2 * i, 3, "%02x", manifest->log_uuid[i]);
    }
    return ret_text;
}

bool mri_manifest_is_gone(const struct mri_os *os, const char *folder, const char *uuid_text)
{
    struct mri_manifest manifest = {.attribute_count = 0};
    char text[MRI_MANIFEST_UUID_TEXT_BYTES];
    mr_err err = mri_manifest_read(os, folder, &manifest, NULL);
    return err == MR_OK ? strcmp(mri_manifest_uuid_text(&manifest, text), uuid_text) != 0
                        : err == MR_NOT_FOUND || err == MR_EPATH;
}

const char *mri_manifest_get(const struct mri_manifest *manifest, const char *key)
{
    for (uint32_t i = 0; i < manifest->attribute_count; i++) {
        if (strcmp(manifest->attributes[i].key, key) == 0) {
            return manifest->attributes[i].value;
        }
    }
    return NULL;
}
