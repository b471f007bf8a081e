/* count.h: counts what the core writes between two addresses. SPDX-License-Identifier: MIT
 *
 * For a build of its own (-include): the short names of octavo/atomic.h, with a count beside each write. */
#ifndef TESTS_SIM_COUNT_H
#define TESTS_SIM_COUNT_H

#include <octavo/atomic.h>

extern uintptr_t count_start, count_bytes;
extern uint64_t count_writes;

static inline void count_write(uintptr_t where)
{
	if (where - count_start < count_bytes)
		count_writes++;
}

#undef oct_store
#undef oct_xchg
#undef oct_cas
#define oct_store(p, v, order) (count_write((uintptr_t)(p)), __atomic_store_n((p), (v), (order)))
#define oct_xchg(p, v, order)  (count_write((uintptr_t)(p)), __atomic_exchange_n((p), (v), (order)))
#define oct_cas(p, expected, desired, order)                                                                 \
	(count_write((uintptr_t)(p)),                                                                        \
	 __atomic_compare_exchange_n((p), (expected), (desired), 0, (order), OCT_RLX))

#endif
