/* SPDX-License-Identifier: MIT */
/*
 * Tests of the MANIFEST: what is read is exactly what was written, anything else is damage.
 */
#include "log/format/manifest.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/crc32c.h"
#include "base/prng.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/os_memory.h"

static struct mri_manifest sample(void)
{
    return (struct mri_manifest){
        .log_uuid = {0xde, 0xad, 0, 0xff, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0x10, 0x80},
        .segment_bytes = 1 << 20,
        .features_compat = 0xabc,
        .attribute_count = 2,
        .attributes = {{"seed", "42"}, {"what: no", ""}},
    };
}

static struct mri_os_memory *memory;
static const struct mri_os *os;

static int set_up(void **fixture)
{
    (void)fixture;
    memory = mri_os_memory_new(1 << 16);
    os = mri_os_memory_table(memory);
    return os->make_folder(os->context, "/log") == MR_OK ? 0 : 1;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    size_t open_count = mri_os_memory_open_count(memory);
    mri_os_memory_free(memory);
    return open_count == 0 ? 0 : 1;
}

static void put(const char *text, size_t count)
{
    mri_os_memory_put(memory, "/log/MANIFEST", text, count);
}

/** Put lines with a right checksum behind them. */
static void put_sealed(const char *lines)
{
    char text[1000];
    int count = snprintf(text, sizeof(text), "%scrc32c: %08x\n", lines,
        (unsigned)mri_crc32c(0, lines, strlen(lines)));
    put(text, (size_t)count);
}

static mr_err read_it(struct mri_manifest *ret_manifest)
{
    mr_problem problem = {{0}};
    mr_err err = mri_manifest_read(os, "/log", ret_manifest, &problem);
    assert_int_equal(problem.text[0] == '\0', err == MR_OK);
    return err;
}

static void what_is_written_is_read_back(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    mri_prng_init(&prng, 1);
    for (int round = 0; round < 500; round++) {
        struct mri_manifest manifest = {
            .segment_bytes = (uint64_t)1 << (20 + mri_prng_below(&prng, 11)),
            .features_compat = (uint32_t)mri_prng_next(&prng),
            .features_ro_compat = (uint32_t)mri_prng_next(&prng),
            .attribute_count = (uint32_t)mri_prng_below(&prng, MRI_MANIFEST_ATTRIBUTES_MAX + 1),
        };
        for (size_t i = 0; i < sizeof(manifest.log_uuid); i++) {
            manifest.log_uuid[i] = (uint8_t)mri_prng_next(&prng);
        }
        for (uint32_t i = 0; i < manifest.attribute_count; i++) {
            size_t key_bytes = mri_prng_below(&prng, MRI_MANIFEST_KEY_BYTES);
            size_t value_bytes = mri_prng_below(&prng, MRI_MANIFEST_VALUE_BYTES);
            for (size_t k = 0; k < key_bytes; k++) {
                char c = (char)(32 + mri_prng_below(&prng, 95));
                manifest.attributes[i].key[k] = c == ':' ? ';' : c;
            }
            for (size_t k = 0; k < value_bytes; k++) {
                manifest.attributes[i].value[k] = (char)(32 + mri_prng_below(&prng, 95));
            }
        }
        struct mri_manifest again;
        memset(&again, 0xee, sizeof(again));
        assert_int_equal(mri_manifest_write(os, "/log", &manifest), MR_OK);
        assert_int_equal(read_it(&again), MR_OK);
        assert_memory_equal(&again, &manifest, sizeof(manifest));
    }
}

static void attributes_are_found_by_their_key(void **fixture)
{
    (void)fixture;
    struct mri_manifest manifest = sample();
    (void)snprintf(manifest.attributes[1].key, sizeof(manifest.attributes[1].key), "%s", "empty");
    assert_string_equal(mri_manifest_get(&manifest, "seed"), "42");
    assert_string_equal(mri_manifest_get(&manifest, "empty"), "");
    assert_null(mri_manifest_get(&manifest, "see"));
    assert_null(mri_manifest_get(&manifest, ""));
}

static void what_could_not_be_read_back_is_not_written(void **fixture)
{
    (void)fixture;
    static const char *const keys[] = {"a:b", "a\nb", "a\x7f", "\xc3\xa4", "a: b"};
    struct mri_manifest manifest = sample();
    for (size_t i = 0; i < MRI_COUNT_OF(keys); i++) {
        (void)snprintf(
            manifest.attributes[1].key, sizeof(manifest.attributes[1].key), "%s", keys[i]);
        assert_int_equal(mri_manifest_write(os, "/log", &manifest), MR_EINVAL);
    }
    (void)snprintf(manifest.attributes[1].key, sizeof(manifest.attributes[1].key), "%s", "ok");
    (void)snprintf(
        manifest.attributes[1].value, sizeof(manifest.attributes[1].value), "%s", "two\nlines");
    assert_int_equal(mri_manifest_write(os, "/log", &manifest), MR_EINVAL);
    assert_int_equal(read_it(&manifest), MR_NOT_FOUND);
}

/** The bytes of a written sample. */
static size_t written(char text[1000])
{
    struct mri_manifest manifest = sample();
    size_t count = 0;
    (void)snprintf(manifest.attributes[1].key, sizeof(manifest.attributes[1].key), "%s", "what");
    assert_int_equal(mri_manifest_write(os, "/log", &manifest), MR_OK);
    const uint8_t *bytes = mri_os_memory_bytes(memory, "/log/MANIFEST", &count);
    assert_true(count < 1000);
    memcpy(text, bytes, count);
    return count;
}

static void every_flipped_bit_is_damage(void **fixture)
{
    (void)fixture;
    char text[1000];
    size_t count = written(text);
    for (size_t bit = 0; bit < 8 * count; bit++) {
        struct mri_manifest manifest;
        text[bit / 8] = (char)(text[bit / 8] ^ 1 << bit % 8);
        put(text, count);
        assert_int_equal(read_it(&manifest), MR_ECORRUPT);
        text[bit / 8] = (char)(text[bit / 8] ^ 1 << bit % 8);
    }
}

static void a_cut_or_lengthened_manifest_is_damage(void **fixture)
{
    (void)fixture;
    static char longer[10000];
    char text[1000];
    struct mri_manifest manifest;
    size_t count = written(text);
    for (size_t cut = 0; cut < count; cut++) {
        put(text, cut);
        assert_int_equal(read_it(&manifest), MR_ECORRUPT);
    }
    memset(longer, '\n', sizeof(longer));
    memcpy(longer, text, count);
    put(longer, count + 1);
    assert_int_equal(read_it(&manifest), MR_ECORRUPT);
    put(longer, sizeof(longer));
    assert_int_equal(read_it(&manifest), MR_ECORRUPT);
    put(text, count);
    assert_int_equal(read_it(&manifest), MR_OK);
}

#define UUID "uuid: 000102030405060708090a0b0c0d0e0f\n"

static void lines_with_a_good_checksum_must_still_be_right(void **fixture)
{
    (void)fixture;
    static const char *const texts[] = {
        "",
        "millrace-log: 1\n",
        "millrace-log: 1\n" UUID "segment_bytes: 1048576\n",
        "millrace-log: 1\nuuid: 00\nsegment_bytes: 1048576\nfeatures: 0 0 0\n",
        "millrace-log: 1\n" UUID "segment_bytes: 1048577\nfeatures: 0 0 0\n",
        "millrace-log: 1\n" UUID "segment_bytes: 4096\nfeatures: 0 0 0\n",
        "millrace-log: 1\n" UUID "segment_bytes: \nfeatures: 0 0 0\n",
        "millrace-log: 1\n" UUID "segment_bytes: 1048576\nfeatures: 0 0\n",
        "millrace-log: 1\n" UUID "features: 0 0 0\nsegment_bytes: 1048576\n",
        "another-log: 1\n" UUID "segment_bytes: 1048576\nfeatures: 0 0 0\n",
        "millrace-log: 1\n" UUID "segment_bytes: 1048576\nfeatures: 0 0 0\nno colon\n",
        "millrace-log: 1\n" UUID "segment_bytes: 1048576\nfeatures: 0 0 0\nno end: x",
        "millrace-log: 1\n" UUID "segment_bytes: 1048576\nfeatures: 0 0 0\n"
        "a key that is longer than thirty-one bytes: x\n",
    };
    struct mri_manifest manifest;
    for (size_t i = 0; i < MRI_COUNT_OF(texts); i++) {
        put_sealed(texts[i]);
        assert_int_equal(read_it(&manifest), MR_ECORRUPT);
    }
    put_sealed("millrace-log: 1\n" UUID "segment_bytes: 1048576\nfeatures: 0 0 0\nkey: x: y\n");
    assert_int_equal(read_it(&manifest), MR_OK);
    assert_string_equal(mri_manifest_get(&manifest, "key"), "x: y");
}

static void seventeen_attributes_are_damage(void **fixture)
{
    (void)fixture;
    char text[1000];
    struct mri_manifest manifest;
    int count = snprintf(text, sizeof(text), "%s",
        "millrace-log: 1\n" UUID "segment_bytes: 1048576\nfeatures: 0 0 0\n");
    for (int i = 0; i < 17; i++) {
        put_sealed(text);
        assert_int_equal(read_it(&manifest), MR_OK);
        count += snprintf(text + count, sizeof(text) - (size_t)count, "k%d: v\n", i);
    }
    put_sealed(text);
    assert_int_equal(read_it(&manifest), MR_ECORRUPT);
}

static void a_newer_version_or_an_unknown_feature_is_not_read(void **fixture)
{
    (void)fixture;
    struct mri_manifest manifest;
    put_sealed("millrace-log: 2\nanything: else\n");
    assert_int_equal(read_it(&manifest), MR_EVERSION);
    put_sealed("millrace-log: 1\n" UUID "segment_bytes: 1048576\nfeatures: 0 0 4\n");
    assert_int_equal(read_it(&manifest), MR_EVERSION);
    put_sealed("millrace-log: 1\n" UUID "segment_bytes: 1048576\nfeatures: ff ff 0\n");
    assert_int_equal(read_it(&manifest), MR_OK); /* a reader may; see opening */
}

static void a_folder_without_one_holds_no_log(void **fixture)
{
    (void)fixture;
    struct mri_manifest manifest;
    mr_problem problem;
    assert_int_equal(read_it(&manifest), MR_NOT_FOUND);
    assert_int_equal(mri_manifest_read(os, "/nowhere", &manifest, &problem), MR_EPATH);
    put("x", 1);
    assert_int_equal(mri_manifest_read(os, "/log/MANIFEST", &manifest, &problem), MR_EPATH);
    assert_int_equal(mri_manifest_read(os, "/nowhere", &manifest, NULL), MR_EPATH);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_is_read_back),
        TEST(attributes_are_found_by_their_key),
        TEST(what_could_not_be_read_back_is_not_written),
        TEST(every_flipped_bit_is_damage),
        TEST(a_cut_or_lengthened_manifest_is_damage),
        TEST(lines_with_a_good_checksum_must_still_be_right),
        TEST(seventeen_attributes_are_damage),
        TEST(a_newer_version_or_an_unknown_feature_is_not_read),
        TEST(a_folder_without_one_holds_no_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
