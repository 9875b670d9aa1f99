/* SPDX-License-Identifier: MIT */
/**
 * What the feedback in force says: the coefficients of every source, and the mixture's weights.
 *
 * Derived from feedback events, which carry every value after the update. Who predicts and who
 * learns each keep their own; both are the same function of the log.
 *
 * A coefficient is a sum of three levels: global, + the symbol's deviation, + the regime's
 * deviation, each per source, side and horizon, once for the log-odds of up and once for return /
 * volatility.
 */
#ifndef MRI_BUS_BELIEFS_H
#define MRI_BUS_BELIEFS_H

#include "base/alloc.h"
#include "base/buf.h"
#include "base/intern.h"
#include "base/ou_cell.h"
#include "base/unpack.h"
#include "bus/event_codec.h"

enum { MRI_LEVEL_GLOBAL, MRI_LEVEL_SYMBOL, MRI_LEVEL_REGIME, MRI_LEVEL_COUNT };
enum { MRI_MEMBER_COIN, MRI_MEMBER_PLATT, MRI_MEMBER_POOL, MRI_MEMBER_COUNT };

/** The most terms of a view. */
enum { MRI_TERMS_MAX = 64 };

/** Constants of the model; from the configuration. */
struct mri_beliefs_options {
    struct mri_ou_prior levels[MRI_LEVEL_COUNT];
    struct mri_ou_prior platt;
    double mixture_prior[MRI_MEMBER_COUNT]; /**< adds up to 1 */
    uint32_t symbols_max;
    uint32_t sources_max;
};

/** A coefficient: its two heads are always updated together, so what is computed alike lies side by
 * side and goes through one instruction. */
struct mri_coefficient {
    double mean;
    double ev_mean;
    double variance;
    double ev_variance;
    int64_t touch_unix_ns; /**< 0 = never: the prior */
};

/** What is known at one horizon. */
struct mri_beliefs_horizon {
    struct mri_ou_cell platt;
    double log_weights[MRI_MEMBER_COUNT];
};

struct mri_beliefs {
    const struct mri_alloc *alloc;
    struct mri_beliefs_options options;
    struct mri_coefficient *coefficients; /**< see mri_beliefs_coefficient() */
    size_t coefficient_count;
    struct mri_beliefs_horizon horizons[MR_HORIZON_COUNT];
    const struct mri_intern *source_names; /**< numbers of sources */
    uint8_t *is_source_seen;    /**< per source number: an external one that has emitted */
    uint32_t source_count;      /**< internal ones, and the external ones that have emitted */
    uint64_t feedback_seq;      /**< newest feedback taken in; 0 = none */
    int64_t event_time_unix_ns; /**< newest event time taken in */
};

/** The sums of a view's terms over the coefficients in force. */
struct mri_beliefs_sums {
    double z;           /**< log-odds of up */
    double variance;    /**< of z */
    double ev;          /**< return / volatility */
    double ev_variance; /**< of ev */
};

/** What a sum is taken over. */
struct mri_beliefs_place {
    uint32_t symbol;
    uint8_t regime; /**< MRI_REGIME_ABSENT: the regime level adds nothing */
    mr_horizon horizon;
};

/**
 * Make beliefs that nothing has taught yet.
 *
 * @param source_names  the bus's numbering of sources; outlives the beliefs
 *
 * Returns  MR_OK; MR_ENOMEM.
 * Owner    mri_beliefs_fini() frees.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_beliefs_init(struct mri_beliefs *beliefs, const struct mri_alloc *alloc,
    const struct mri_beliefs_options *options, const struct mri_intern *source_names);

/**
 * Take new constants; the limits among them must stay. Horizons that nothing has taught begin with
 * the new prior weights of the mixture, so that beliefs made before the log's configuration was
 * known are those of the log.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_beliefs_configure(struct mri_beliefs *beliefs, const struct mri_beliefs_options *options);

/**
 * Free. NULL and zeroed are allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_beliefs_fini(struct mri_beliefs *beliefs);

/**
 * Take an event in: feedback changes coefficients and weights, market facts move the time.
 *
 * Returns  MR_OK; MR_ECORRUPT a source or symbol beyond the limits.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_beliefs_apply(struct mri_beliefs *beliefs, const struct mri_event *event);

/**
 * The coefficient of a level; NULL when the place has no such level (regime absent).
 *
 * Returns  the coefficient as it was last touched, not relaxed.
 * Owner    points into the beliefs.
 * Threads  one at a time.
 */
struct mri_coefficient *mri_beliefs_coefficient(const struct mri_beliefs *beliefs,
    const struct mri_beliefs_place *place, unsigned level, const struct mri_row_term *term);

/**
 * A coefficient at the current event time, relaxed towards its prior.
 *
 * Returns  the relaxed coefficient; the prior for one never touched.
 * Threads  any.
 * Cost     one exponential.
 */
static inline struct mri_coefficient mri_beliefs_relaxed(
    const struct mri_beliefs *beliefs, unsigned level, const struct mri_coefficient *coefficient)
{
    const struct mri_ou_prior *prior = &beliefs->options.levels[level];
    double stationary = prior->sd * prior->sd;
    if (coefficient->touch_unix_ns == 0) {
        return (struct mri_coefficient){.variance = stationary, .ev_variance = stationary};
    }
    double a = mri_ou_decay(prior, coefficient->touch_unix_ns, beliefs->event_time_unix_ns);
    return (struct mri_coefficient){
        .mean = coefficient->mean * a,
        .variance = stationary + (coefficient->variance - stationary) * a * a,
        .ev_mean = coefficient->ev_mean * a,
        .ev_variance = stationary + (coefficient->ev_variance - stationary) * a * a,
        .touch_unix_ns = coefficient->touch_unix_ns,
    };
}

/**
 * All levels of a term at the current event time; zero for the regime level without a regime.
 *
 * Returns  nothing.
 * Threads  any.
 * Cost     an exponential a level.
 */
void mri_beliefs_relax_term(const struct mri_beliefs *beliefs,
    const struct mri_beliefs_place *place, const struct mri_row_term *term,
    struct mri_coefficient ret_levels[static MRI_LEVEL_COUNT]);

/**
 * Add a term's levels to the sums of a view.
 *
 * Returns  nothing.
 * Threads  any.
 */
static inline void mri_beliefs_sums_add(struct mri_beliefs_sums *sums, double x,
    const struct mri_coefficient levels[static MRI_LEVEL_COUNT])
{
    for (unsigned level = 0; level < MRI_LEVEL_COUNT; level++) {
        sums->z += x * levels[level].mean;
        sums->variance += x * x * levels[level].variance;
        sums->ev += x * levels[level].ev_mean;
        sums->ev_variance += x * x * levels[level].ev_variance;
    }
}

/**
 * z = sum x_i (m_g + m_s + m_r) and V = sum x_i^2 (v_g + v_s + v_r), for both heads.
 *
 * Returns  the sums.
 * Threads  any.
 * Cost     three relaxations a term.
 */
struct mri_beliefs_sums mri_beliefs_sum(const struct mri_beliefs *beliefs,
    const struct mri_beliefs_place *place, const struct mri_row_term *terms, unsigned count);

/**
 * The slope of the calibrated static member at the current event time.
 *
 * Returns  the relaxed slope.
 * Threads  any.
 */
struct mri_belief mri_beliefs_platt(const struct mri_beliefs *beliefs, mr_horizon horizon);

/**
 * Probability of up by the log-odds pool: sigmoid(z / sqrt(1 + 0.3927 V)).
 *
 * Returns  a probability.
 * Threads  any.
 * Source   probit approximation of the logistic-normal integral (MacKay 1992); 0.3927 is pi / 8.
 */
double mri_beliefs_pool_probability(const struct mri_beliefs_sums *sums);

/**
 * Probability of up by the mixture of its members.
 *
 * @param members  the members' probabilities; the coin's is 0.5
 *
 * Returns  sum of weight times probability.
 * Threads  any.
 */
double mri_beliefs_mixture(const struct mri_beliefs *beliefs, mr_horizon horizon,
    const double members[static MRI_MEMBER_COUNT]);

/**
 * The log-odds that equal static weights give a view: twice the mean of x over all sources.
 *
 * Returns  the log-odds.
 * Threads  any.
 */
double mri_beliefs_static_logit(
    const struct mri_beliefs *beliefs, const struct mri_row_term *terms, unsigned count);

/**
 * Append the beliefs to a snapshot.
 *
 * Returns  nothing; see buf->err.
 * Threads  one at a time.
 */
void mri_beliefs_save(const struct mri_beliefs *beliefs, struct mri_buf *buf);

/**
 * Take beliefs back, made with the same limits.
 *
 * Returns  MR_OK; MR_ECORRUPT.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_beliefs_load(struct mri_beliefs *beliefs, struct mri_unpack *unpack);

#endif
