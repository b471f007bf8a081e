/* program.h: small programs for comparing the explorer with brute force.
 * SPDX-License-Identifier: MIT
 *
 * A program is a few threads, each a CPU of one address space under one ASID, over a fixed set of locations.
 * Both judges run the same struct program and must agree on the number of complete execution graphs and on
 * the multiset of outcomes.
 *
 * Two execution graphs are the same if and only if the threads have the same events with the same values,
 * each read and each translation read has the same source, and each location has the same coherence order. An
 * execution is complete when every thread ran to its end; a fault ends its instruction, not its thread. */
#ifndef BRUTE_PROGRAM_H
#define BRUTE_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

enum {
	PROGRAM_THREADS = 9, /* random programs have 2 to 4, some hand-written counts more */
	PROGRAM_LENGTH = 12, /* instructions of one thread */
	PROGRAM_WORDS = 6,   /* plain words m0 .. m5 */
	PROGRAM_FRAMES = 3,  /* frames p0 .. p2, one word each */
	PROGRAM_PAGES = 2,   /* user addresses: 0 is x, 1 is y */
	PROGRAM_TABLES = 2,  /* leaf tables */
	PROGRAM_UPPERS = 2,  /* upper entries */
	PROGRAM_CPUS = 3,    /* that have root registers, in programs with roots */
	PROGRAM_ASIDS = 2,   /* address-space numbers 1 and 2, in programs with roots */
};

/* ---- Locations: the numbers used by instruction.where and by the final values of an outcome
 * ---------------- Plain words, then frames, then last-level entries (table-major), then upper entries,
 * then root registers.
 * Kernel loads, stores and read-modify-writes may name any of them; a user access names an address and finds
 * its frame by translation. */
enum {
	AT_WORD = 0,
	AT_FRAME = AT_WORD + PROGRAM_WORDS,
	AT_LEAF = AT_FRAME + PROGRAM_FRAMES,
	AT_UPPER = AT_LEAF + PROGRAM_TABLES * PROGRAM_PAGES,
	AT_ROOT = AT_UPPER + PROGRAM_UPPERS,
	PROGRAM_LOCATIONS = AT_ROOT + PROGRAM_CPUS * PROGRAM_ASIDS, /* 21 */
};
/* Entry of address page in leaf table table. With one level only table 0 is used. */
/* Root register of a CPU under address-space number asid, 1 or 2. */
#define AT_ROOT_OF(cpu, asid)   ((unsigned)AT_ROOT + (unsigned)(cpu)*PROGRAM_ASIDS + (unsigned)(asid)-1u)
#define AT_LEAF_OF(table, page) ((unsigned)AT_LEAF + (unsigned)(table)*PROGRAM_PAGES + (unsigned)(page))

/* ---- Entry values: not the architecture's encoding
 * --------------------------------------------------------- 0 is not present. A leaf: frame, writable, dirty;
 * always young, readable. An upper entry: a leaf table. */
#define ENTRY_INVALID           UINT64_C(0)
#define ENTRY_PRESENT           UINT64_C(1)
#define ENTRY_WRITABLE          UINT64_C(2)
#define ENTRY_DIRTY             UINT64_C(4)
#define ENTRY_SHIFT             4
#define ENTRY_LEAF(frame, bits) (ENTRY_PRESENT | (uint64_t)(frame) << ENTRY_SHIFT | (bits))
#define ENTRY_RW                (ENTRY_WRITABLE | ENTRY_DIRTY)
#define ENTRY_TABLE(table)      (ENTRY_PRESENT | (uint64_t)(table) << ENTRY_SHIFT)
#define ENTRY_NUMBER(entry)     ((unsigned)((entry) >> ENTRY_SHIFT)) /* frame or table */

enum program_op {
	OP_LOAD,         /* where, order */
	OP_STORE,        /* where, order, value */
	OP_FETCH_ADD,    /* where, order, value; never of an entry */
	OP_XCHG,         /* where, order, value */
	OP_CAS,          /* where, order, expected, value; a failing one is a relaxed load */
	OP_FENCE,        /* order: acquire, release, acq_rel or seq_cst */
	OP_DMB,          /* full fence: a seq_cst fence */
	OP_DSB,          /* full fence that also completes this CPU's invalidations */
	OP_ISB,          /* context synchronisation */
	OP_TLBI,         /* where: address, or TLBI_ALL; broadcast; leaf_only (by address) */
	OP_USER_LOAD,    /* where: address */
	OP_USER_STORE,   /* where: address, value */
	OP_AWAIT,        /* where, order, value: loads until it finds value; returns nothing */
	OP_AWAIT_EITHER, /* where, order, value, other: until where holds value or, if not, other holds 1 */
	OP_LOCK,     /* where: acquires by compare-and-swap of 0 by 1, waits while it finds another value */
	OP_LOAD_ROOT /* where: asid; value: leaf table; keep: what is cached under asid stays */
};
enum { TLBI_ALL = PROGRAM_PAGES };

struct instruction {
	enum program_op op;
	int order; /* __ATOMIC_*; __ATOMIC_SEQ_CST only on plain words, frames and fences */
	unsigned where;
	uint64_t value, expected;
	bool broadcast; /* not x86-64 */
	bool leaf_only; /* not x86-64, not with TLBI_ALL */
	bool keep;
	bool device; /* OP_TLBI: of what devices hold */
	unsigned other;
	unsigned asid; /* OP_TLBI in programs with roots: 0 for all */
};

enum program_arch { PROGRAM_ARM64, PROGRAM_X86_64, PROGRAM_RISCV64 };

struct program {
	enum program_arch arch;
	bool ets2;       /* x86-64: always as if set */
	bool hw_dirty;   /* a store through a clean writable entry makes U; otherwise it faults */
	unsigned levels; /* 1: T reads AT_LEAF_OF(0, page). 2: T of the upper entry, then of the leaf */
	unsigned uppers; /* with 2 levels: address page is under upper entry page % uppers (1 or 2); the leaf
	                  * entry of page in the table found there is AT_LEAF_OF(table, page) */
	bool roots;      /* with 2 levels: the upper entry is the root register of the CPU under its number;
	                  * each CPU starts under number 1 with table 0 */
	unsigned threads;
	unsigned
	    cpu[PROGRAM_THREADS]; /* whose TLB the thread uses; two threads of one: program and interrupts */
	bool device[PROGRAM_THREADS]; /* a device: user accesses only, by a TLB that no other thread has */
	bool no_ad[PROGRAM_THREADS];  /* its walker sets nothing: a store through a clean entry faults */
	bool snoops;                  /* broadcast invalidations reach devices */
	unsigned length[PROGRAM_THREADS];
	struct instruction code[PROGRAM_THREADS][PROGRAM_LENGTH];
	uint64_t initial[PROGRAM_LOCATIONS];
};

/* ---- Outcomes
 * ---------------------------------------------------------------------------------------------- values[]:
 * thread by thread, in program order, one value for each instruction that returns one: OP_LOAD, OP_FETCH_ADD,
 * OP_XCHG, OP_CAS: the value read; OP_USER_LOAD: the value read, or BRUTE_FAULT; OP_USER_STORE: 0, or
 * BRUTE_FAULT; then the coherence-last value of each of the PROGRAM_LOCATIONS locations, in the order of
 * their numbers. */
#define BRUTE_FAULT UINT64_MAX
enum { PROGRAM_VALUES = PROGRAM_THREADS * PROGRAM_LENGTH + PROGRAM_LOCATIONS };

/* ---- How the rules of docs/MODEL.md are read where they leave a choice -----------------------------
 *  1. Rule 3 of H (into T): e is any earlier event, T included, and may be the DSB itself. With ETS2 e
 *     is any earlier event but T and U.
 *  2. Rule 4 of H (out of T): e is no T. DMB, DSB and C11 acquire fences are acquire fences there; X is
 *     an I.
 *  3. Rule 2: every I after T includes the X of T's own walk. In O, synchronises-with does not end at X:
 *     there X stands for the access that a stale translation did not make, not for an I. Nor is
 *     it in O within one thread, where a read may be served by a store that nobody else sees yet.
 *  4. "The DSB that precedes V": the last one before V in program order; without one nothing was seen
 *     before V. "Read by an event" includes T.
 *  5. A V by address covers the upper T of an access to another address through the same upper entry if
 *     at least one lower T of the walk reads a write that C(V) is H-before. A leaf-only V does not.
 *  6. O: "fence" is every C11 fence, DMB and DSB, and a release or acquire RMW counts as the store or
 *     load; T is in O by synchronises-with, edges 3, 4, 5, T -> A and reads-from only, not by program
 *     order with fences. O is acyclic in every graph, also in one without a completion edge.
 *  7. "Through a completion edge": a path of O from A with at least one completion edge anywhere in it.
 *  8. If a store A reaches a read r of its location in that way, r reads A or something coherence-later.
 *  9. V on arm64 without a later DSB constrains nothing.
 * 10. x86-64: V (and X, for the address of its access) is its own C(V), and "seen before V" is H-before V
 *     itself. V stands for a DSB and then an I wherever rules 2, 3 and 4 look for these between two
 *     events (for rule 3 from V itself as well), but is no C11 or seq_cst fence: it synchronises with
 *     nothing and has no psc edges. The T of a faulting walk are not H-before their own X.
 * 11. psc is RC11's, with H as happens-before; eco there has rf, mo, rb of events that are not T, and the
 *     from-reads of an uncacheable T. Release sequences are C20's: [W];(rf;rmw)*.
 * 12. Linking: "H-before the write its upper T read" cannot be plain program order of two relaxed stores,
 *     or the published ROT.inv+po would be forbidden. A lower T, cacheable or not, reads nothing
 *     coherence-older than a write that is H-before a release (store or fence) with which rule 2 makes
 *     that lower T synchronise.
 * 13. "A -> C(V)" is there for X as for A: a store through a stale entry that was read-only. "U -> C(V)" is there
 *     for each U of the walk, one that fails too.
 * 14. An access made through a walk (a load or store, not X) reads nothing coherence-older than a write
 *     of its location that is H-before a release (store or fence) with which rule 2 makes a T of its walk
 *     synchronise, nor than what a read or RMW that is H-before that release read; a store is placed after
 *     both. It binds that access only and is no edge of H: a later load may overtake the walk. The
 *     reason: hardware cannot make an access before it has the translation that says where. So a kernel
 *     that fills a page and then publishes its entry with release is sure that no user access through
 *     the entry finds the page's former content; without this each copy-on-write would lose stores.
 * 15. U: "before later events only if a full DSB stands between (that DSB included) or they are accesses
 *     of the same entry"; O has no more of its program order than H. A failed U orders, for all later
 *     walks of its access, the T of the same entry; its own walk's T have no other completion edge than U's.
 * 16. Another CPU is another thread wherever these rules say so (completion edges, reads-from in O): a
 * handler of interrupts is not placed in its CPU's program order. A local V reaches all threads of its CPU.
 * 17. OP_LOAD_ROOT is: DSB; the register under the number that is left becomes 0, if it is another; the one
 *     under the new number is written; V of all addresses under that number, local, unless what is cached is
 *     kept and the number was loaded before; on arm64, if not kept, DSB; DSB; ISB. For rule 5 every address
 * is under the root register.
 * 18. riscv64: V is complete at once, on remote CPUs too, and orders the walks of its own; ISB, X order
 *     nothing; each value is cacheable. A failed U walks again.
 * 19. Devices: V_dev is complete and has its barrier in itself on each architecture, and is no context
 *     synchronisation; for rule 5 it is like V of arm64. X of a device is no V, and is a context
 * synchronisation on each architecture. On riscv64 it caches no invalid value.
 */

/* The number under which thread runs at instruction at. */
unsigned program_asid(const struct program *program, unsigned thread, unsigned at);
/* Is the OP_LOAD_ROOT at instruction at the first of its number on its CPU? */
bool program_first_load(const struct program *program, unsigned thread, unsigned at);
/* The upper entry of a walk for page that thread makes there. */
unsigned program_upper(const struct program *program, unsigned thread, unsigned at, unsigned page);

/* ---- Printing -------------------------------------------------------------------------------------- */
void program_print(const struct program *program);
/* Number of values that precede the final ones in an outcome. */
unsigned program_results(const struct program *program);

#endif
