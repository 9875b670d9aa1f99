/* SPDX-License-Identifier: MIT */
/**
 * The signal bus: emit, move, find and follow signals, from any number of processes.
 *
 *   bus_signal.h        the handle; emit, move, find by id, follow
 *   bus_query.h         questions, also about the past; events one by one
 *   bus_claim.h         have a signal for oneself
 *   bus_subscription.h  what happens, delivered until it is acked
 *   bus_facts.h         quotes, bars and funding rates from outside
 *   bus_observe.h       what is no signal
 *
 * Caveats first
 * - Emitting, moving, asking and subscriptions go through a state in memory that all processes of
 *   the log share. What is not there a handle folds from the log for itself: claims, facts, signals
 *   learned long ago, questions that ask for the oldest first, idempotency keys when there were
 *   more than three for each sixteen signals that it has room for. That reads the log from its
 *   newest snapshot on, once, and from then on each signal takes about 80 bytes in that process.
 * - A handle sees what others have done when it is asked something.
 * - Symbols must be registered: `millrace run` registers those of its feed and its configuration,
 *   mr_bus_register() others as provisional: they have a name, no price, and are not traded.
 * - The time of a signal is the log's event time. In a simulated log that is the feed's, so one
 *   that was never run takes none; in a live log (mr_bus_create()) it is the run's, and while none
 *   is up the wall clock's, but never before the newest event.
 * - One thread uses a handle at a time. A child of fork() opens its own.
 */
#ifndef MILLRACE_BUS_H
#define MILLRACE_BUS_H

#include "millrace/bus_claim.h"
#include "millrace/bus_facts.h"
#include "millrace/bus_observe.h"
#include "millrace/bus_query.h"
#include "millrace/bus_signal.h"
#include "millrace/bus_subscription.h"

#endif
