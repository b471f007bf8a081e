/* explorer_hook.h: how the comparison reaches the explorer. SPDX-License-Identifier: MIT
 *
 * The machine's side implements these two over the model machine; without it weak stubs say that there is no
 * explorer. The two sides share this header and program.h, and no code. */
#ifndef BRUTE_EXPLORER_HOOK_H
#define BRUTE_EXPLORER_HOOK_H

#include "program.h"

struct brute_count {
	uint64_t executions; /* complete */
	uint64_t blocked;
	uint64_t twice; /* complete graphs visited more than once, each further visit counted */
};

/* Is there an explorer linked in? The weak stub returns false. */
bool explorer_available(void);

/* Explore every execution of program. Calls outcome once for each complete one with the n values that
 * program.h documents. textbook: the textbook notion of maximality, which loses executions. */
void explorer_run(const struct program *program, int textbook, struct brute_count *count,
                  void (*outcome)(void *arg, const uint64_t *values, unsigned n), void *arg);

#endif
