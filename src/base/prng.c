/* SPDX-License-Identifier: MIT */
/*
 * xoshiro256**: one seed, one sequence, on every machine.
 */
#include "base/prng.h"

#include "base/check.h"
#include "base/exact_math.h"

static uint64_t rotate_left(uint64_t x, unsigned count)
{
    return (x << count) | (x >> (64 - count));
}

void mri_prng_init(struct mri_prng *prng, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        seed += 0x9e3779b97f4a7c15u;
        uint64_t z = seed;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        prng->state[i] = z ^ (z >> 31);
    }
}

uint64_t mri_prng_next(struct mri_prng *prng)
{
    uint64_t *s = prng->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

uint64_t mri_prng_below(struct mri_prng *prng, uint64_t bound)
{
    MRI_ASSERT(bound > 0);
    uint64_t reject = (0 - bound) % bound; /* 2^64 mod bound: the biased low values */
    uint64_t draw = mri_prng_next(prng);
    while (draw < reject) {
        draw = mri_prng_next(prng);
    }
    return draw % bound;
}

double mri_prng_uniform(struct mri_prng *prng)
{
    return (double)(mri_prng_next(prng) >> 11) * 0x1p-53;
}

double mri_prng_normal(struct mri_prng *prng)
{
    double u;
    double s;
    do {
        u = 2.0 * mri_prng_uniform(prng) - 1.0;
        double v = 2.0 * mri_prng_uniform(prng) - 1.0;
        s = u * u + v * v;
    } while (s >= 1.0 || s == 0.0);
    return u * mri_sqrt(-2.0 * mri_log(s) / s);
}
