/* SPDX-License-Identifier: MIT */
/*
 * Tests of signatures: a vector of RFC 8032, and what must not pass.
 */
#include "os/signature.h"

#include <string.h>

#include "tests/lib/cmocka_all.h"

/* RFC 8032, section 7.1, test 2, as PKCS #8 and SubjectPublicKeyInfo. */
static const char private_pem[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumJNqM9u1PuKb7\n"
    "-----END PRIVATE KEY-----\n";
static const char public_pem[] = "-----BEGIN PUBLIC KEY-----\n"
                                 "MCowBQYDK2VwAyEAPUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=\n"
                                 "-----END PUBLIC KEY-----\n";
static const uint8_t message[] = {0x72};
static const uint8_t expected[MRI_SIGNATURE_BYTES] = {0x92, 0xa0, 0x09, 0xa9, 0xf0, 0xd4, 0xca,
    0xb8, 0x72, 0x0e, 0x82, 0x0b, 0x5f, 0x64, 0x25, 0x40, 0xa2, 0xb2, 0x7b, 0x54, 0x16, 0x50, 0x3f,
    0x8f, 0xb3, 0x76, 0x22, 0x23, 0xeb, 0xdb, 0x69, 0xda, 0x08, 0x5a, 0xc1, 0xe4, 0x3e, 0x15, 0x99,
    0x6e, 0x45, 0x8f, 0x36, 0x13, 0xd0, 0xf1, 0x1d, 0x8c, 0x38, 0x7b, 0x2e, 0xae, 0xb4, 0x30, 0x2a,
    0xee, 0xb0, 0x0d, 0x29, 0x16, 0x12, 0xbb, 0x0c, 0x00};

static void it_gives_the_vector_of_rfc_8032(void **fixture)
{
    (void)fixture;
    struct mri_signature_key key;
    uint8_t signature[MRI_SIGNATURE_BYTES];
    assert_int_equal(
        mri_signature_key_read(private_pem, sizeof(private_pem) - 1, true, &key), MR_OK);
    assert_int_equal(mri_signature_make(&key, message, sizeof(message), signature), MR_OK);
    assert_memory_equal(signature, expected, sizeof(expected));
    mri_signature_key_fini(&key);
}

static void any_flipped_bit_is_refused(void **fixture)
{
    (void)fixture;
    struct mri_signature_key key;
    assert_int_equal(
        mri_signature_key_read(public_pem, sizeof(public_pem) - 1, false, &key), MR_OK);
    assert_int_equal(mri_signature_check(&key, message, sizeof(message), expected), MR_OK);
    for (size_t bit = 0; bit < 8 * sizeof(expected); bit++) {
        uint8_t signature[MRI_SIGNATURE_BYTES];
        memcpy(signature, expected, sizeof(signature));
        signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(
            mri_signature_check(&key, message, sizeof(message), signature), MR_REFUSED);
    }
    assert_int_equal(mri_signature_check(&key, "s", 1, expected), MR_REFUSED);
    assert_int_equal(mri_signature_check(&key, message, 0, expected), MR_REFUSED);
    mri_signature_key_fini(&key);
}

static void what_is_no_key_of_the_kind_is_refused(void **fixture)
{
    (void)fixture;
    struct mri_signature_key key = {0};
    assert_int_equal(
        mri_signature_key_read(public_pem, sizeof(public_pem) - 1, true, &key), MR_REFUSED);
    assert_int_equal(
        mri_signature_key_read(private_pem, sizeof(private_pem) - 1, false, &key), MR_REFUSED);
    assert_int_equal(mri_signature_key_read("", 0, true, &key), MR_REFUSED);
    assert_int_equal(mri_signature_key_read(private_pem, 60, true, &key), MR_REFUSED);
    mri_signature_key_fini(&key);
    mri_signature_key_fini(&key);
    mri_signature_key_fini(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_gives_the_vector_of_rfc_8032),
        cmocka_unit_test(any_flipped_bit_is_refused),
        cmocka_unit_test(what_is_no_key_of_the_kind_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
