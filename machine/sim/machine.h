/* machine.h: what the files of the sim share. SPDX-License-Identifier: MIT */
#ifndef OCT_SIM_MACHINE_H
#define OCT_SIM_MACHINE_H

#include "sim.h"
#include "decode.h"
#include <octavo/mmu.h>
#include <pthread.h>

/* Running scenarios (machine/sim/check): delays, and what is the machine's own among the variables. */
#ifdef OCT_SIM_CHECK
#define SIM_STATE __attribute__((section("sim_state")))
#define SIM_DELAYS
void sim_skew(void); /* at the start of an actor */
uint64_t sim_random(void);
#else
#define SIM_STATE
#endif
/* SIM_DELAYS: whoever builds the machine says how long things take. */
#ifdef SIM_DELAYS
void sim_delay(void);
#else
static inline void sim_delay(void)
{
}
#endif

enum {
	TLB_SETS = 128,
	TLB_WAYS = 4,
	LINK_SLOTS = 16, /* of the walk cache, per level */
	MOST_QUEUED = 64,
};

/* arm64 below BBM level 2: who changes the size of what is mapped breaks first. */
#if defined(OCT_ARCH_ARM64) && (!defined(OCT_BBM_LEVEL) || OCT_BBM_LEVEL < 2)
#define SIM_CONFLICTS true
#else
#define SIM_CONFLICTS false
#endif

/* What a TLB holds: address and ASID in the key, the entry as it was read, the 2^shift bytes that it
 * translates. pte 0: not used. */
struct translation {
	uint64_t key;
	oct_pte_t pte;
	oct_phys_t base;
	uint8_t shift;
};

/* What a walk cache holds: the table that the entry of one upper level links. table 0: not used. */
struct table_link {
	uint64_t key;
	oct_phys_t table;
};

/* An invalidation that waits for its barrier. */
struct invalidation {
	enum { INVALIDATE_RANGE, INVALIDATE_ASID, INVALIDATE_ALL } what;
	enum oct_scope scope;
	enum oct_depth depth;
	uint16_t asid;
	uintptr_t va;
	size_t pages;
};

struct sim_cpu {
	unsigned number;
	/* ---- this CPU's thread only ---- */
	unsigned irqs_off;
	bool no_bits;            /* its walker sets neither young nor dirty; changes between runs only */
	struct oct_space *space; /* runs it */
	unsigned queued;
	struct invalidation queue[MOST_QUEUED];
	struct sim_counters counters;
	/* ---- under busy, which an access holds from its translation to its end ---- */
	uint32_t busy; /* atomic */
	oct_phys_t root;
	uint16_t asid;
	unsigned turn;   /* whose turn in a set it is to be replaced */
	uint64_t shifts; /* sizes that the TLB may hold, a bit each */
	struct translation tlb[TLB_SETS][TLB_WAYS];
	struct table_link link[OCT_LEVELS][LINK_SLOTS];
	/* ---- others' ---- */
	uint32_t pending;        /* atomic: an interrupt was sent */
	uint32_t taken;          /* atomic: handlers that have returned */
	uint32_t call_busy;      /* atomic: somebody uses call */
	void (*call)(void *arg); /* atomic: what the next interrupt runs, NULL for nothing */
	void *call_arg;
	bool parked;         /* no thread runs it; changes between runs only */
	uint32_t *sleeps_on; /* atomic, set under mutex: word of oct_port_wait */
	pthread_mutex_t mutex;
	pthread_cond_t wake;
	pthread_mutex_t standing_in; /* held by who takes the interrupts of a parked CPU */
} __attribute__((aligned(128)));

struct sim_machine {
	unsigned cpus;
	bool hardware_bits;
	struct oct_system *system;
	void (*panic)(const char *why);
	uint32_t live; /* atomic: CPUs whose function has not returned */
	struct sim_cpu cpu[OCT_MAX_CPUS];
};

extern struct sim_machine sim_machine;
extern _Thread_local struct sim_cpu *sim_self;

/* ---- cpu.c ---- */
/* Runs fn(arg) on cpu in an interrupt and waits for its end. Interrupts on. */
void sim_interrupt(unsigned cpu, void (*fn)(void *arg), void *arg);
void sim_take_interrupts(struct sim_cpu *cpu);
static inline void sim_poll_cpu(struct sim_cpu *cpu)
{
	/* Acquire: pairs with the release in oct_port_ipi. */
	if (cpu->irqs_off == 0 && oct_load(&cpu->pending, OCT_ACQ))
		sim_take_interrupts(cpu);
}

/* ---- tlb.c; under busy ---- */
/* What the TLB has for va, NULL for nothing. */
struct translation *sim_tlb_find(struct sim_cpu *cpu, uintptr_t va);
const struct translation *sim_tlb_insert(struct sim_cpu *cpu, uintptr_t va, oct_pte_t pte, unsigned shift,
                                         oct_phys_t base);
void sim_tlb_drop_page(struct sim_cpu *cpu, uint16_t asid, uintptr_t va, enum oct_depth depth);
void sim_tlb_drop_asid(struct sim_cpu *cpu, bool all, uint16_t asid);
/* The table that the entry for va at level links, as far as it is cached; 0: not. */
oct_phys_t sim_link_find(struct sim_cpu *cpu, uintptr_t va, unsigned level);
void sim_link_insert(struct sim_cpu *cpu, uintptr_t va, unsigned level, oct_phys_t table);

/* ---- pool.c ---- */
void sim_pool_init(void);
void sim_pool_exit(void);
/* Is page out, for use? */
bool sim_page_is(oct_phys_t page, enum oct_page_use use);

#endif
