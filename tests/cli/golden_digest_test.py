#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The same bits from every compiler and processor: the digest of one fixed small run.

When a change is meant to decide differently, raise MRI_ENGINE_VERSION and write the new digest
here; when it is not, this test has found a bug.
"""
import program

GOLDEN = "2056992d33b978e172bb7588ef2190825020807ebf05a956e9af5d066af8cbb2"
MARKET = {"synthetic__symbols": 4, "synthetic__bars": 1500}
# Ways to make the C library choose other code. Names differ between its versions; those it does
# not know it ignores.
TUNABLES = [
    "glibc.cpu.hwcaps=-AVX2_Usable,-AVX_Fast_Unaligned_Load,-AVX2,-FMA,-FMA4,-AVX,-ERMS,-BMI2",
    "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX512BW,-AVX2,-FMA,-FMA4,-AVX,-SSE4_2,-SSE4_1,-SSSE3",
]


class GoldenDigestTest(program.Case):
    def digest(self, name, **env):
        config = self.write_config(**MARKET)
        found = self.ok("run", "--json", "--feed", "synthetic:1", "--config", config, "--dir",
                        self.folder / name, env=env).json
        self.assertGreater(found["orders"]["filled"], 0)  # orders and the ledger are covered
        self.assertGreater(found["feedback"]["events"], 1000)
        return found["digest"]

    def test_the_digest_is_the_one_that_was_written_down(self):
        self.assertEqual(self.digest("log"), GOLDEN)

    def test_the_digest_does_not_depend_on_features_of_the_processor(self):
        for i, tunables in enumerate(TUNABLES):
            with self.subTest(tunables=tunables):
                self.assertEqual(self.digest(f"log{i}", GLIBC_TUNABLES=tunables), GOLDEN)

    def test_the_digest_tells_another_market(self):
        config = self.write_config(**MARKET)
        other = self.ok("run", "--json", "--feed", "synthetic:2", "--config", config, "--dir",
                        self.folder / "log").json
        self.assertNotEqual(other["digest"], GOLDEN)


if __name__ == "__main__":
    program.main()
