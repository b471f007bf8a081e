/* build.h: write a program by hand, one call per instruction. SPDX-License-Identifier: MIT */
#ifndef BRUTE_BUILD_H
#define BRUTE_BUILD_H

#include <assert.h>
#include <string.h>
#include "program.h"

enum { X = 0, Y = 1 };
#define RLX     __ATOMIC_RELAXED
#define ACQ     __ATOMIC_ACQUIRE
#define REL     __ATOMIC_RELEASE
#define ACQ_REL __ATOMIC_ACQ_REL
#define SC      __ATOMIC_SEQ_CST
#define M(n)    ((unsigned)AT_WORD + (n))
#define P(n)    ((unsigned)AT_FRAME + (n))
#define E(page) AT_LEAF_OF(0, page)
#define E2      ((unsigned)AT_UPPER)

static inline struct program program_new(enum program_arch arch, bool ets2, unsigned levels)
{
	struct program p;

	memset(&p, 0, sizeof p);
	p.arch = arch;
	p.ets2 = ets2;
	p.levels = levels;
	p.uppers = 1;
	for (unsigned t = 0; t < PROGRAM_THREADS; t++)
		p.cpu[t] = t;
	if (levels == 2)
		p.initial[AT_UPPER] = ENTRY_TABLE(0);
	return p;
}

static inline struct instruction *add(struct program *p, unsigned thread, enum program_op op)
{
	struct instruction *in;

	assert(thread < PROGRAM_THREADS && p->length[thread] < PROGRAM_LENGTH);
	if (p->threads <= thread)
		p->threads = thread + 1;
	in = &p->code[thread][p->length[thread]++];
	memset(in, 0, sizeof *in);
	in->op = op;
	in->order = RLX;
	return in;
}

static inline void load(struct program *p, unsigned thread, unsigned where, int order)
{
	struct instruction *in = add(p, thread, OP_LOAD);

	in->where = where;
	in->order = order;
}

static inline void store(struct program *p, unsigned thread, unsigned where, uint64_t value, int order)
{
	struct instruction *in = add(p, thread, OP_STORE);

	in->where = where;
	in->value = value;
	in->order = order;
}

static inline void modify(struct program *p, unsigned thread, enum program_op op, unsigned where,
                          uint64_t value, int order)
{
	struct instruction *in = add(p, thread, op);

	in->where = where;
	in->value = value;
	in->order = order;
}

static inline void cas(struct program *p, unsigned thread, unsigned where, uint64_t expected, uint64_t value,
                       int order)
{
	modify(p, thread, OP_CAS, where, value, order);
	p->code[thread][p->length[thread] - 1].expected = expected;
}

static inline void fence(struct program *p, unsigned thread, int order)
{
	add(p, thread, OP_FENCE)->order = order;
}

static inline void tlbi(struct program *p, unsigned thread, unsigned where, bool broadcast)
{
	struct instruction *in = add(p, thread, OP_TLBI);

	in->where = where;
	in->broadcast = broadcast;
}

static inline void dsb(struct program *p, unsigned thread)
{
	add(p, thread, OP_DSB);
}

static inline void isb(struct program *p, unsigned thread)
{
	add(p, thread, OP_ISB);
}

static inline void user_load(struct program *p, unsigned thread, unsigned page)
{
	add(p, thread, OP_USER_LOAD)->where = page;
}

static inline void user_store(struct program *p, unsigned thread, unsigned page, uint64_t value)
{
	struct instruction *in = add(p, thread, OP_USER_STORE);

	in->where = page;
	in->value = value;
}

#endif
