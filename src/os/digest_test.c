/* SPDX-License-Identifier: MIT */
/*
 * Tests of SHA-256: the vectors of FIPS 180-2, and any cutting into pieces.
 */
#include "os/digest.h"

#include <string.h>

#include "tests/lib/cmocka_all.h"

static void it_gives_the_vectors_of_fips_180_2(void **fixture)
{
    (void)fixture;
    static const struct {
        const char *message;
        const char *digest;
    } cases[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mri_digest digest;
        char text[MRI_DIGEST_TEXT_BYTES];
        assert_int_equal(mri_digest_init(&digest), MR_OK);
        mri_digest_add(&digest, cases[i].message, strlen(cases[i].message));
        assert_string_equal(mri_digest_text(&digest, text), cases[i].digest);
        mri_digest_fini(&digest);
    }
}

static void pieces_give_the_digest_of_the_whole(void **fixture)
{
    (void)fixture;
    static const char message[] = "a message that is longer than one block of sixty-four bytes, "
                                  "so that the pieces meet in every place of a block";
    uint8_t whole[MRI_DIGEST_BYTES];
    struct mri_digest digest;
    assert_int_equal(mri_digest_init(&digest), MR_OK);
    mri_digest_add(&digest, message, sizeof(message));
    mri_digest_bytes(&digest, whole);
    mri_digest_fini(&digest);
    for (size_t cut = 0; cut <= sizeof(message); cut++) {
        uint8_t pieces[MRI_DIGEST_BYTES];
        assert_int_equal(mri_digest_init(&digest), MR_OK);
        mri_digest_add(&digest, message, cut);
        mri_digest_add(&digest, NULL, 0);
        mri_digest_add(&digest, message + cut, sizeof(message) - cut);
        mri_digest_bytes(&digest, pieces);
        assert_memory_equal(pieces, whole, sizeof(whole));
        mri_digest_fini(&digest);
    }
}

static void freeing_twice_or_nothing_is_allowed(void **fixture)
{
    (void)fixture;
    struct mri_digest digest = {0};
    mri_digest_fini(NULL);
    mri_digest_fini(&digest);
    assert_int_equal(mri_digest_init(&digest), MR_OK);
    mri_digest_fini(&digest);
    mri_digest_fini(&digest);
    assert_null(digest.state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_gives_the_vectors_of_fips_180_2),
        cmocka_unit_test(pieces_give_the_digest_of_the_whole),
        cmocka_unit_test(freeing_twice_or_nothing_is_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
