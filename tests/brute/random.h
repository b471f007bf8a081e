/* random.h: seeded random programs. SPDX-License-Identifier: MIT */
#ifndef BRUTE_RANDOM_H
#define BRUTE_RANDOM_H

#include "program.h"

struct random_options {
	enum program_arch arch;
	bool ets2;
	bool hw_dirty;    /* some entries are clean and writable, hardware sets dirty */
	bool roots;       /* a CPU loads its root register under two numbers */
	bool interrupts;  /* a flush is asked for by a flag that a CPU's handler awaits, under a lock */
	bool devices;     /* one of the threads is a device */
	bool mix;         /* of all of these and of one and two levels: each in some of the programs */
	unsigned levels;  /* 1, 2; 0: either */
	unsigned threads; /* 2 to 4; 0: mostly three */
	unsigned weight;  /* size: events of the longest unfolding, about; 0: the default */
};

/* Program number index of the sequence that seed starts. The same arguments give the same program. */
void random_program(struct program *program, const struct random_options *options, uint64_t seed,
                    uint64_t index);

#endif
