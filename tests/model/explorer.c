/* SPDX-License-Identifier: MIT */
/*
 * The explorer: a stack of states to go on from, and a table of those that were seen.
 */
#include "tests/model/explorer.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum { SLOTS = 1 << 22, STACK = 1 << 21 };

struct exploring {
    const struct mri_model *model;
    struct mri_model_state *seen; /* open addressing; `is_used` says which are states */
    uint8_t *is_used;
    struct mri_model_state *stack;
    size_t stacked;
    struct mri_model_found found;
};

static uint64_t hash_of(const struct mri_model_state *state)
{
    const uint8_t *bytes = (const uint8_t *)state;
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < sizeof(*state); i++) {
        hash = (hash ^ bytes[i]) * UINT64_C(1099511628211);
    }
    return hash ^ hash >> 29;
}

/** A step within the thread, but for loads. */
static void step_alone(struct mri_model_thread *thread, const struct mri_model_step *step)
{
    bool goes = step->op == MRI_MODEL_GO ||
                (step->op == MRI_MODEL_IF_LESS && thread->r[step->a] < thread->r[step->b]) ||
                (step->op == MRI_MODEL_IF_ZERO && thread->r[step->a] == 0) ||
                (step->op == MRI_MODEL_IF_EQUAL && thread->r[step->a] == step->c);
    if (step->op == MRI_MODEL_SET) {
        thread->r[step->a] = (uint8_t)(thread->r[step->b] + step->c);
    } else if (step->op == MRI_MODEL_AND) {
        thread->r[step->a] = thread->r[step->b] & step->c;
    } else if (step->op == MRI_MODEL_BIT) {
        thread->r[step->a] = (uint8_t)(1u << (thread->r[step->b] + step->c) % 8);
    } else if (step->op == MRI_MODEL_HIGH) {
        thread->r[step->a] = thread->r[step->b] >> 4;
    } else if (step->op == MRI_MODEL_PACK) {
        thread->r[step->a] = (uint8_t)(thread->r[step->a] << 4 | thread->r[step->b]);
    }
    thread->at = goes ? step->to : (uint8_t)(thread->at + 1);
}

static bool is_alone(enum mri_model_op op)
{
    return op == MRI_MODEL_SET || op == MRI_MODEL_AND || op == MRI_MODEL_HIGH ||
           op == MRI_MODEL_PACK || op == MRI_MODEL_BIT || op == MRI_MODEL_IF_LESS ||
           op == MRI_MODEL_IF_ZERO || op == MRI_MODEL_IF_EQUAL || op == MRI_MODEL_GO;
}

/** Steps that nobody else can see are done at once: their order among others changes nothing. */
static void settle(const struct mri_model *model, struct mri_model_state *state)
{
    for (size_t i = 0; i < model->thread_count; i++) {
        struct mri_model_thread *thread = &state->threads[i];
        while (
            thread->sleeps_on == MRI_MODEL_WORDS && is_alone(model->programs[i][thread->at].op)) {
            step_alone(thread, &model->programs[i][thread->at]);
        }
    }
}

/** Go on from a state later, if it is new. */
static void note(struct exploring *exploring, struct mri_model_state *state)
{
    settle(exploring->model, state);
    size_t slot = (size_t)hash_of(state) % SLOTS;
    while (exploring->is_used[slot] != 0) {
        if (memcmp(&exploring->seen[slot], state, sizeof(*state)) == 0) {
            return;
        }
        slot = (slot + 1) % SLOTS;
    }
    exploring->is_used[slot] = 1;
    exploring->seen[slot] = *state;
    exploring->found.states++;
    MRI_ASSERT(exploring->found.states < SLOTS / 4 * 3 && exploring->stacked < STACK);
    exploring->stack[exploring->stacked++] = *state;
}

static uint8_t load(const struct mri_model_state *state, size_t i, uint8_t word)
{
    const struct mri_model_thread *thread = &state->threads[i];
    for (int at = thread->buffered - 1; at >= 0; at--) {
        if (thread->buffer[at].word == word) {
            return thread->buffer[at].value; /* its own newest store */
        }
    }
    return state->m[word];
}

/** Does the step act on memory itself, so that everything buffered must be there first? */
static bool needs_empty_buffer(enum mri_model_op op)
{
    return op == MRI_MODEL_FENCE || op == MRI_MODEL_ADD || op == MRI_MODEL_OR ||
           op == MRI_MODEL_CLEAR || op == MRI_MODEL_SWAP || op == MRI_MODEL_RAISE ||
           op == MRI_MODEL_TRY || op == MRI_MODEL_LOCK || op == MRI_MODEL_SLEEP ||
           op == MRI_MODEL_WAKE;
}

static bool can_step(const struct mri_model *model, const struct mri_model_state *state, size_t i)
{
    const struct mri_model_thread *thread = &state->threads[i];
    const struct mri_model_step *step = &model->programs[i][thread->at];
    if (thread->sleeps_on != MRI_MODEL_WORDS || step->op == MRI_MODEL_END ||
        (needs_empty_buffer(step->op) && thread->buffered > 0) ||
        (step->op == MRI_MODEL_STORE && thread->buffered == MRI_MODEL_BUFFER)) {
        return false;
    }
    return step->op != MRI_MODEL_LOCK || state->m[step->a] == 0;
}

static void store(const struct mri_model *model, struct mri_model_state *state, size_t i,
    uint8_t word, uint8_t value)
{
    struct mri_model_thread *thread = &state->threads[i];
    if (model->is_sequential) {
        state->m[word] = value;
        return;
    }
    thread->buffer[thread->buffered].word = word;
    thread->buffer[thread->buffered].value = value;
    thread->buffered++;
}

static void flush_one(struct mri_model_state *state, size_t i)
{
    struct mri_model_thread *thread = &state->threads[i];
    state->m[thread->buffer[0].word] = thread->buffer[0].value;
    thread->buffered--;
    memmove(&thread->buffer[0], &thread->buffer[1], thread->buffered * sizeof(thread->buffer[0]));
    memset(&thread->buffer[thread->buffered], 0, sizeof(thread->buffer[0]));
}

/** Wake in any order: one state for each choice of the first that is woken; then in order. */
static void wake(struct exploring *exploring, const struct mri_model_state *state, size_t i)
{
    const struct mri_model_step *step = &exploring->model->programs[i][state->threads[i].at];
    size_t count = exploring->model->thread_count;
    bool is_any = false;
    for (size_t from = 0; from < count; from++) {
        struct mri_model_state next = *state;
        struct mri_model_thread *waker = &next.threads[i];
        uint8_t bits = waker->r[step->b];
        uint8_t woken = 0;
        for (size_t k = 0; k < count && woken < step->c; k++) {
            struct mri_model_thread *thread = &next.threads[(from + k) % count];
            if (thread->sleeps_on == step->a && (thread->sleeps_for & bits) != 0) {
                thread->sleeps_on = MRI_MODEL_WORDS;
                thread->sleeps_for = 0;
                woken++;
            }
        }
        waker->r[step->b] = woken;
        waker->at++;
        if (woken > 0 || !is_any) {
            note(exploring, &next);
        }
        is_any = true;
        if (woken == 0) {
            break;
        }
    }
}

/** A step that reads and changes memory at once. */
static void step_memory(struct mri_model_state *state, size_t i, const struct mri_model_step *step)
{
    struct mri_model_thread *thread = &state->threads[i];
    uint8_t *word = &state->m[step->a];
    uint8_t *r = &thread->r[step->b];
    uint8_t before = *word;
    switch (step->op) {
    case MRI_MODEL_ADD:
        *word = (uint8_t)(before + step->c);
        break;
    case MRI_MODEL_OR:
        *word = (uint8_t)(before | *r | step->c);
        break;
    case MRI_MODEL_CLEAR:
        *word = (uint8_t)(before & ~*r);
        break;
    case MRI_MODEL_SWAP:
        *word = *r;
        *r = before;
        break;
    case MRI_MODEL_RAISE:
        *word = before > *r ? before : *r;
        break;
    case MRI_MODEL_TRY:
        *r = before == 0;
        *word = 1;
        break;
    case MRI_MODEL_LOCK:
        *word = 1;
        break;
    case MRI_MODEL_SLEEP:
        if (before == *r) {
            thread->sleeps_on = step->a;
            thread->sleeps_for = thread->r[step->c];
        }
        break;
    default: /* a fence */
        break;
    }
    thread->at++;
}

static void step_thread(struct exploring *exploring, const struct mri_model_state *state, size_t i)
{
    struct mri_model_state next = *state;
    struct mri_model_thread *thread = &next.threads[i];
    const struct mri_model_step *step = &exploring->model->programs[i][thread->at];
    if (step->op == MRI_MODEL_WAKE) {
        wake(exploring, state, i);
        return;
    }
    if (step->op == MRI_MODEL_LOAD) {
        thread->r[step->a] = load(state, i, step->b);
        thread->at++;
    } else if (step->op == MRI_MODEL_STORE) {
        store(exploring->model, &next, i, step->a, (uint8_t)(thread->r[step->b] + step->c));
        thread->at++;
    } else {
        step_memory(&next, i, step);
    }
    note(exploring, &next);
}

struct mri_model_found mri_model_explore(const struct mri_model *model)
{
    struct exploring exploring = {.model = model};
    struct mri_model_state state;
    exploring.seen = malloc(sizeof(state) * (size_t)SLOTS);
    exploring.stack = malloc(sizeof(state) * (size_t)STACK);
    exploring.is_used = calloc(1, SLOTS);
    MRI_ASSERT(exploring.seen != NULL && exploring.stack != NULL && exploring.is_used != NULL);
    memset(&state, 0, sizeof(state));
    for (size_t i = 0; i < MRI_MODEL_THREADS; i++) {
        memcpy(state.threads[i].r, model->first[i], sizeof(state.threads[i].r));
        state.threads[i].sleeps_on = MRI_MODEL_WORDS;
    }
    note(&exploring, &state);
    while (exploring.stacked > 0) {
        state = exploring.stack[--exploring.stacked];
        bool is_stuck = true;
        for (size_t i = 0; i < model->thread_count; i++) {
            if (state.threads[i].buffered > 0) {
                struct mri_model_state next = state;
                flush_one(&next, i);
                note(&exploring, &next);
                is_stuck = false;
            }
            if (can_step(model, &state, i)) {
                step_thread(&exploring, &state, i);
                is_stuck = false;
            }
        }
        if (is_stuck) {
            exploring.found.ends++;
            exploring.found.wrong += model->is_stuck_wrongly(&state);
        }
    }
    free(exploring.seen);
    free(exploring.stack);
    free(exploring.is_used);
    return exploring.found;
}
