/* parts.h: what the minimal scenarios share. SPDX-License-Identifier: MIT */
#ifndef SCENARIO_CHECKS_PARTS_H
#define SCENARIO_CHECKS_PARTS_H

#include <octavo/check.h>

/* What each actor does in a variant where they differ. */
#define PARTS(...)                                                                                           \
	do {                                                                                                 \
		void (*const parts[])(void) = {__VA_ARGS__};                                                 \
		parts[oct_port_cpu_self()]();                                                                \
	} while (0)

static inline void lock(uint32_t *word)
{
	uint32_t open;

	/* pairs with the release of unlock() */
	oct_await((open = 0, oct_cas(word, &open, 1u, OCT_ACQ)));
}

static inline void unlock(uint32_t *word)
{
	oct_store(word, 0u, OCT_REL); /* pairs with the acquire of lock() */
}

#endif
