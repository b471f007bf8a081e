/* explorer_stub.c: no explorer. SPDX-License-Identifier: MIT
 *
 * Weak: the machine's own definitions take their place when they are linked in. */
#include <string.h>
#include "explorer_hook.h"

__attribute__((weak)) bool explorer_available(void)
{
	return false;
}

__attribute__((weak)) void explorer_run(const struct program *program, int textbook,
                                        struct brute_count *count,
                                        void (*outcome)(void *arg, const uint64_t *values, unsigned n),
                                        void *arg)
{
	(void)program;
	(void)textbook;
	(void)outcome;
	(void)arg;
	memset(count, 0, sizeof *count);
}
