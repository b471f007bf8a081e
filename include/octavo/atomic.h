/* Atomics: short names over the compiler's builtins. SPDX-License-Identifier: MIT
 *
 * Shared memory is touched through these only. The memory model is C11's (RC11): an order weaker
 * than OCT_SC, and each fence, says in a comment what it pairs with. The model machine compiles
 * the same source with -fsanitize=thread and supplies the entry points, so every use is an event. */
#ifndef OCTAVO_ATOMIC_H
#define OCTAVO_ATOMIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OCT_RLX     __ATOMIC_RELAXED
#define OCT_ACQ     __ATOMIC_ACQUIRE
#define OCT_REL     __ATOMIC_RELEASE
#define OCT_ACQ_REL __ATOMIC_ACQ_REL
#define OCT_SC      __ATOMIC_SEQ_CST

#define oct_load(p, order)         __atomic_load_n((p), (order))
#define oct_store(p, v, order)     __atomic_store_n((p), (v), (order))
#define oct_xchg(p, v, order)      __atomic_exchange_n((p), (v), (order))
#define oct_fetch_add(p, v, order) __atomic_fetch_add((p), (v), (order))
#define oct_fetch_sub(p, v, order) __atomic_fetch_sub((p), (v), (order))
#define oct_fetch_and(p, v, order) __atomic_fetch_and((p), (v), (order))
#define oct_fetch_or(p, v, order)  __atomic_fetch_or((p), (v), (order))
#define oct_fence(order)           __atomic_thread_fence(order)

/* Strong compare-and-swap; on failure *expected receives the value found, read relaxed. */
#define oct_cas(p, expected, desired, order)                                                       \
	__atomic_compare_exchange_n((p), (expected), (desired), 0, (order), OCT_RLX)

/* Every waiting loop of the core. cond has no side effect while it is false: the model machine
 * treats the loop as one event that blocks until the values read can change. A host may define
 * oct_await in OCT_PORT_HEADER; otherwise it spins on oct_port_relax(). */
#ifdef OCT_PORT_HEADER
#include OCT_PORT_HEADER
#endif
#ifndef oct_await
#define oct_await(cond)                                                                            \
	do {                                                                                       \
		while (!(cond))                                                                    \
			oct_port_relax();                                                          \
	} while (0)
#endif

#endif
