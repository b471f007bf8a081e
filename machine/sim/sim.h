/* sim.h: a machine of threads on which the core runs fast. SPDX-License-Identifier: MIT
 *
 * Each CPU is a thread with a software MMU: a set-associative TLB tagged by ASID that holds leaves of any
 * size, a walk cache for the upper levels, a walker that sets young and dirty in memory by compare-and-swap.
 * Tables are real ones, of 512 entries. What is cached stays cached until it is invalidated, replaced by
 * chance of its set, or dropped as the architecture says: an invalidation that the core forgets is
 * used, and seen. Build the core with OCT_MMU_MACHINE and this directory's files.
 *
 * Where the sim decides for the worst that an architecture allows:
 *   invalidations on arm64 take effect at their barrier, not before
 *   an entry that faulted for want of a right stays cached where the architecture may keep it
 *   that nothing was mapped stays cached where the architecture may keep it
 *   freed pages are filled with a pattern, given out again first, and checked when they are
 *   using a page or a table that is not out is a panic (I1)
 *   an entry of a contiguous block is used for the whole block; valid ones that disagree are a panic (I6)
 *   arm64: two sizes cached for one address are a panic (I11); elsewhere either is used
 *   a large leaf is cached as one entry; any address in it drops it
 * Not here: TLBs for kernel addresses, devices that walk tables (tests/sim/shadow.c has one in software),
 * reordered memory.
 *
 * One machine a process. Between runs the calling thread is CPU 0 (or what sim_become says) and
 * interrupts for CPUs that no thread runs are taken by the sender in their name. */
#ifndef OCT_SIM_H
#define OCT_SIM_H

#include <octavo/octavo.h>

/* ---- The machine ------------------------------------------------------------------------------- */
#ifndef SIM_PAGES
#define SIM_PAGES ((size_t)1 << 18) /* of the pool, a multiple of 512 */
#endif

/* cpus 1 .. OCT_MAX_CPUS, every page free, TLBs empty, counters zero. Panics where memory is missing. */
void sim_init(unsigned cpus);
/* Gives the pool back to the operating system. */
void sim_exit(void);
/* Whose oct_tlb_interrupt interrupts call. Before the first of them. */
void sim_attach(struct oct_system *system);
/* false: the walker sets neither young nor dirty, it faults instead. true at the start. */
void sim_hardware_bits(bool on);

/* A panic of core or machine calls handler, which does not return, in the thread that it happens in. */
void sim_panic_to(void (*handler)(const char *why));

/* Runs fn(cpu, arg) on CPUs 0 .. cpus-1, each in a thread of its own (CPU 0 in the caller's), and
 * returns when all have returned. Each of them answers interrupts until then. */
void sim_run(unsigned cpus, void (*fn)(unsigned cpu, void *arg), void *arg);
/* The calling thread plays cpu from now on. Only between runs. */
void sim_become(unsigned cpu);
/* Takes what interrupts are pending. For loops of fn that neither access memory nor call the core. */
void sim_poll(void);

/* ---- User accesses of this CPU, to the space it runs ------------------------------------------- */
/* TLB, walk, oct_fault, again. bytes: 1, 2, 4 or 8, va is aligned to it.
 * 0; -OCT_EFAULT: signal, or no space; -OCT_EBUSY: a userfault event; -OCT_ENOMEM. */
int sim_load(uintptr_t va, unsigned bytes, uint64_t *value);
int sim_store(uintptr_t va, unsigned bytes, uint64_t value);
static inline int sim_load64(uintptr_t va, uint64_t *value)
{
	return sim_load(va, 8, value);
}
static inline int sim_store64(uintptr_t va, uint64_t value)
{
	return sim_store(va, 8, value);
}
/* Whether an instruction could be fetched at va. */
int sim_fetch(uintptr_t va);

/* ---- Objects: what oct_port_page_read and oct_port_page_write are about --------------------------- */
struct sim_object {
	uint64_t pages;
	uint64_t *words;
};
/* Zeros. Pass it as object to the core. Panics where memory is missing. */
void sim_object_init(struct sim_object *object, uint64_t pages);
void sim_object_exit(struct sim_object *object);
/* The page as it was last written. */
uint64_t *sim_object_page(const struct sim_object *object, uint64_t index);
/* The n-th read or write from now fails, once; 0: none does. */
void sim_fail_io(uint64_t n);
uint64_t sim_io(void);
/* What oct_port_event answers with; NULL, at the start: 0 to all. */
void sim_on_event(int (*event)(const struct oct_event *event));
uint64_t sim_events(void);

/* ---- Counters ----------------------------------------------------------------------------------- */
struct sim_counters {
	uint64_t accesses;
	uint64_t hits;          /* of these: translated by the TLB */
	uint64_t large_hits;    /* of these: by an entry that covers more than a page */
	uint64_t walks;         /* accesses that the TLB did not translate */
	uint64_t walk_hits;     /* of these: began at a cached upper level */
	uint64_t updates;       /* young or dirty set in memory */
	uint64_t faults;        /* calls of oct_fault */
	uint64_t ipis;          /* sent */
	uint64_t interrupts;    /* taken; several sent may be one taken */
	uint64_t invalidations; /* instructions: one per page of a range, one per ASID or for all */
	uint64_t by_page;       /* of these: of one address */
	uint64_t by_asid;       /* of these: of one address-space number; the rest: everything */
	uint64_t broadcasts;    /* of all: to every CPU */
	uint64_t roots;         /* loaded */
	uint64_t sleeps;        /* oct_port_wait that slept */
};

/* Of one CPU; between runs only. */
struct sim_counters sim_counters(unsigned cpu);
/* The sum over all CPUs; between runs only. */
struct sim_counters sim_counters_total(void);

/* ---- Pages --------------------------------------------------------------------------------------- */
size_t sim_pages_out(void);
/* Calls of page_alloc so far, failed ones included. */
uint64_t sim_allocations(void);
/* The n-th allocation from now fails, once; 0: none does. */
void sim_fail_allocation(uint64_t n);
/* Panics if a free page was stored to since it was freed. Between runs only. */
void sim_check_pool(void);

#endif
