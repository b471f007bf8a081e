/* mirror.h: what spaces must contain, kept as a plain map beside them. SPDX-License-Identifier: MIT
 *
 * An actor is one CPU with a slice of addresses that nobody else maps, unmaps or protects. It runs the
 * common space or children of its own, made by fork, and knows of each page of its slice in each of
 * them: rights, contents, whether a userfault must come. Every call of the core is made on both and the
 * answers compared; every load must see the last store, every refusal must be due.
 *
 * Others touch an actor's slice too, but only the second word of its pages (they need no permission: a
 * refusal is fine). While a page grants no stores its second word must not move: a CPU that can still
 * store after the call that took the right away has returned is caught by that.
 * An actor has objects of its own (a file, a device's memory) that its areas show, a stack, and a large leaf;
 * and a region that no area covers, which it maps by hand as a host does that keeps its own areas.
 * And there is a region in which everybody does anything. A word there is zero or says its own address:
 * contents that belong elsewhere are caught by that. */
#ifndef MIRROR_H
#define MIRROR_H

#include "../../machine/sim/sim.h"

enum {
	NEAR_PAGES = 64, /* of a slice, in a leaf table that all actors share */
	FAR_PAGES = 32,  /* of a slice, across two leaf tables of its own, which come and go */
	SLICE_PAGES = NEAR_PAGES + FAR_PAGES,
	COMMON_PAGES = 64, /* the region for everybody */
	MOST_SPACES = 3,
	MOST_CELLS = 4096,
	OBJECT_PAGES = 32, /* of an object, at most */
	DEVICE_PAGES = 8,  /* of them: memory of a device */
	STACK_PAGES = 32,  /* in which a stack grows */
	STACK_MOST = 28,   /* what the space allows it */
	STACK_BLOCKED = 9, /* pages of it that are too near to what may lie below */
	LEAF_PAGES = 512,  /* of a large leaf */
};

/* What is called, and what must happen. Every one of them is counted, and none may be missing at the end of a
 * long run. WITH_RECLAIM, WITH_FAILING_IO: only there. */
#define MIRROR_CALLS(X)                                                                                      \
	X(MMAP, "oct_mmap", ALWAYS)                                                                          \
	X(MMAP_SHARED, "oct_mmap, shared", ALWAYS)                                                           \
	X(MMAP_FILE, "oct_mmap_file, shared", ALWAYS)                                                        \
	X(MMAP_FILE_PRIVATE, "oct_mmap_file, private", ALWAYS)                                               \
	X(MMAP_DEVICE, "oct_mmap_file, without folios", ALWAYS)                                              \
	X(MUNMAP, "oct_munmap", ALWAYS)                                                                      \
	X(MPROTECT, "oct_mprotect", ALWAYS)                                                                  \
	X(MREMAP, "oct_mremap", ALWAYS)                                                                      \
	X(DONTNEED, "oct_madvise_dontneed", ALWAYS)                                                          \
	X(FREE, "oct_madvise, free", ALWAYS)                                                                 \
	X(POPULATE, "oct_madvise, populate", ALWAYS)                                                         \
	X(ADVISE, "oct_madvise, large folios", ALWAYS)                                                       \
	X(PAGEOUT, "oct_madvise_pageout", WITH_RECLAIM)                                                      \
	X(RECLAIM, "oct_reclaim", WITH_RECLAIM)                                                              \
	X(CLEAR_REFS, "oct_clear_refs", ALWAYS)                                                              \
	X(USERFAULT, "oct_uffd_writeprotect", ALWAYS)                                                        \
	X(UFFD_REGISTER, "oct_uffd_register", ALWAYS)                                                        \
	X(UFFD_COPY, "oct_uffd_copy, oct_uffd_fill", ALWAYS)                                                 \
	X(UFFD_ZEROPAGE, "oct_uffd_zeropage", ALWAYS)                                                        \
	X(UFFD_MOVE, "oct_uffd_move", ALWAYS)                                                                \
	X(UFFD_POISON, "oct_uffd_poison", ALWAYS)                                                            \
	X(UFFD_EVENT, "oct_uffd_fault, an event", ALWAYS)                                                    \
	X(MAP_FOLIO, "oct_mm_map_folio", ALWAYS)                                                             \
	X(PIN, "oct_gup", ALWAYS)                                                                            \
	X(PIN_FAST, "oct_gup_fast", ALWAYS)                                                                  \
	X(MIGRATE, "oct_migrate_pages", ALWAYS)                                                              \
	X(MERGE, "oct_merge_pages", ALWAYS)                                                                  \
	X(RETRACT, "oct_retract_page_tables", ALWAYS)                                                        \
	X(COLLAPSE, "oct_collapse", ALWAYS)                                                                  \
	X(COLLAPSE_HUGE, "oct_collapse_huge", ALWAYS)                                                        \
	X(MM_INIT, "oct_mm_init", ALWAYS)                                                                    \
	X(FORK, "oct_fork", ALWAYS)                                                                          \
	X(EXIT, "oct_mm_exit", ALWAYS)                                                                       \
	X(RESET, "oct_mm_reset", ALWAYS)                                                                     \
	X(POLICY, "oct_mm_set_policy", ALWAYS)                                                               \
	X(SWITCH, "oct_mm_switch", ALWAYS)                                                                   \
	X(LAZY, "oct_space_switch_lazy", ALWAYS)                                                             \
	X(STACK_MAP, "oct_mmap, a stack", ALWAYS)                                                            \
	X(STACK_GROWS, "a stack grows", ALWAYS)                                                              \
	X(STACK_REFUSED, "a stack does not grow", ALWAYS)                                                    \
	X(TRUNCATE, "oct_mapping_truncate", ALWAYS)                                                          \
	X(WRITEBACK, "oct_mapping_writeback", ALWAYS)                                                        \
	X(EVICT, "oct_mapping_evict", ALWAYS)                                                                \
	X(MSYNC, "oct_msync", ALWAYS)                                                                        \
	X(COLLAPSE_OBJECT, "oct_collapse_mapping", ALONE)                                                    \
	X(GET, "oct_mapping_get", ALWAYS)                                                                    \
	X(PAST_END, "an access past the end of an object", ALWAYS)                                           \
	X(TABLE_MAP, "oct_table_map", ALWAYS)                                                                \
	X(TABLE_UNMAP, "oct_table_unmap", ALWAYS)                                                            \
	X(TABLE_PROTECT, "oct_table_protect", ALWAYS)                                                        \
	X(TABLE_SPLIT, "oct_table_split", ALWAYS)                                                            \
	X(TABLE_MERGE, "oct_table_merge", ALWAYS)                                                            \
	X(IO_FAILS, "I/O fails", WITH_FAILING_IO)

#define MIRROR_CALL_NUMBER(call, name, when) CALL_##call,
enum mirror_call { MIRROR_CALLS(MIRROR_CALL_NUMBER) CALLS };

struct mirror_page {
	bool mapped, shared; /* shared: anonymous */
	uint8_t file;        /* 0: anonymous; else it shows page index of object file - 1 */
	bool through;        /* file: stores reach the object */
	bool copied;         /* file, not through: it has contents of its own */
	uint64_t index;
	bool present; /* was touched since it was mapped or forgotten, by this actor */
	bool protected_by_userfault;
	bool perhaps_protected;  /* it was absent, but another CPU may have touched it before */
	bool perhaps_soft_dirty; /* a call failed in its middle, or a neighbour's store filled it too */
	bool perhaps_present;    /* a store beside it may have brought a large folio */
	bool soft_dirty, dirty;  /* dirty: at least; hardware may know of more stores */
	bool lazy;               /* its contents may be given back until a store (FREE) */
	bool aged;               /* made old since it last faulted */
	bool second_known;
	unsigned prot;
	unsigned warm;   /* accesses that need no fault: nothing has happened since one succeeded */
	unsigned cell;   /* shared: which contents */
	uint64_t value;  /* private: first word */
	uint64_t second; /* second word */
};

/* Pages [lowest, STACK_PAGES) are mapped. */
struct mirror_stack {
	bool there, blocked; /* blocked: something lies below */
	unsigned lowest, prot;
	uint64_t value[STACK_PAGES];
};

struct mirror_huge {
	bool there;
	uint64_t value[LEAF_PAGES]; /* 0: nothing was stored */
};

struct mirror {
	struct oct_mm *mm; /* NULL: not in use */
	bool no_write_exec;
	struct mirror_page page[SLICE_PAGES];
	struct mirror_stack stack;
	struct mirror_huge huge;
};

/* An object: what each page of it contains, first word, whether an area shows it or not. */
struct mirror_object {
	struct oct_mapping mapping;
	struct sim_object store; /* device: nothing */
	oct_phys_t first;        /* device */
	uint64_t pages, most;
	uint64_t value[OBJECT_PAGES];
};

/* A large leaf of the common space, whole or in pieces. */
struct mirror_leaf {
	oct_phys_t first; /* OCT_NO_PAGE: none */
	struct {
		uint8_t prot;
		bool mapped;
		uint64_t value;
	} page[LEAF_PAGES];
};

struct actor {
	unsigned cpu, cpus;
	bool may_fail;       /* an allocation was made to fail: -OCT_ENOMEM is due */
	bool io_fails;       /* reading and writing may fail at any time: -OCT_EIO is due */
	bool io_fails_alone; /* somebody else sees to that */
	bool large;          /* large folios are welcome everywhere */
	uint64_t seed, random;
	const uint8_t *script; /* what to draw instead, a byte or two at a time; NULL: random */
	size_t script_left;
	uint64_t operations;
	uint64_t faults, events, loads, stores, forks; /* what happened, for the last line */
	struct oct_system *system;
	struct oct_reclaimer *reclaim; /* pages may be taken at any time; NULL: none */
	uint64_t reclaimed, moves;
	struct mirror spaces[MOST_SPACES]; /* 0: the common one */
	struct oct_mm child[MOST_SPACES];
	unsigned running; /* of spaces */
	struct {
		uint64_t value;
		unsigned users;
	} cell[MOST_CELLS]; /* contents of shared pages, first word */
	unsigned next_cell;
	struct mirror_object object[2]; /* a file, a device */
	struct mirror_leaf leaf;
	uint64_t called[CALLS];
};

const char *mirror_call_name(enum mirror_call call);
/* The first call that was never made, of those that are to be expected; CALLS: none. */
enum mirror_call mirror_not_called(const struct actor *actors, unsigned count);

/* cpus: how many actors there are. mm: the common space, empty; reclaim: its registry, NULL for none. On this
 * CPU. */
void actor_start(struct actor *actor, unsigned cpu, unsigned cpus, struct oct_system *system,
                 struct oct_mm *mm, struct oct_reclaimer *reclaim, uint64_t seed);
/* One random call or access, compared. Aborts with the seed and the number of the operation. */
void actor_step(struct actor *actor);
/* Loads every page of every space, compares, ends the children, and leaves the common space. */
void actor_finish(struct actor *actor);
/* All actors have finished and the common space has ended, on any CPU: compares what the objects have. */
void actor_end(struct actor *actor);

#endif
