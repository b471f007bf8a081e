/* fiber.h: coroutines. SPDX-License-Identifier: MIT
 *
 * Stacks stand at fixed places, so that addresses on them are the same in every execution. */
#ifndef MODEL_FIBER_H
#define MODEL_FIBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FIBER_STACK = 256 * 1024 };

struct fiber {
	void *sp;
	char *stack;
	void (*run)(void *arg);
	void *arg;
};

/* Leave *from, go on with *to. */
void fiber_switch(struct fiber *from, struct fiber *to);
/* (Re)start f: the next switch to it calls run(arg), which must not return. */
void fiber_start(struct fiber *f, void (*run)(void *arg), void *arg);

#endif
