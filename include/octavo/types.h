/* types.h: errors, rights, and the structures a host owns. SPDX-License-Identifier: MIT
 *
 * The core has no global state: the host gives the memory of these structures and zeroes nothing,
 * the init functions do. Fields are the core's unless a line says that the host sets them. */
#ifndef OCTAVO_TYPES_H
#define OCTAVO_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <octavo/atomic.h>
#include <octavo/config.h>
#include <octavo/port.h>

/* 0: the local CPU is the only target of a flush, no locks. 1, the default: SMP. */
#ifndef OCT_TIER
#define OCT_TIER 1
#endif

#define OCT_MUST_USE __attribute__((warn_unused_result))

/* Points of interest that a checker wants reached. OCT_PORT_HEADER may define it. */
#ifndef OCT_COVER
#define OCT_COVER(name) ((void)0)
#endif

/* The core is about to rely on what *entry says of va being what every TLB holds (I7). A checker may
 * look whether that is so. */
#ifndef OCT_RELIED
#define OCT_RELIED(entry, va) ((void)0)
#endif

/* The core asks whether the guarded table still waits for a flush, to rely on its entries. A program that
 * counts may define it. */
#ifndef OCT_ASKED
#define OCT_ASKED(guard) ((void)0)
#endif

/* After its last atomic access the CPU uses no user address any more and keeps its root, or uses them again. A
 * checker need not ask then what its TLB may hold of pages. */
#ifndef OCT_LAZY
#define OCT_LAZY(lazy) ((void)0)
#endif

/* ---- Errors: functions return them negated, 0 is success -------------------------------------- */
enum oct_error {
	OCT_EINVAL = 1, /* unaligned, empty, overflowing or outside the space's range */
	OCT_ENOMEM,     /* no page could be allocated: nothing visible was changed */
	OCT_EEXIST,     /* something is mapped there already */
	OCT_ENOENT,     /* nothing is mapped there */
	OCT_EFAULT,     /* an access that no fault handling can satisfy */
	OCT_EACCES,     /* the area does not grant this right */
	OCT_EBUSY,      /* in use: try later */
	OCT_EAGAIN,     /* the state changed meanwhile: start again */
	OCT_EIO,        /* a device failed (T3) */
};

/* ---- Rights and memory types ------------------------------------------------------------------ */
enum oct_prot {
	OCT_NONE = 0,
	OCT_READ = 1,
	OCT_WRITE = 2, /* implies OCT_READ: neither format can refuse it */
	OCT_EXEC = 4,  /* likewise */
	OCT_PROT_MASK = 7,
	OCT_KERNEL = 8, /* not for users, global: every space sees it (kernel half only) */
	/* Of oct_table_map, not of entries: where address and page are aligned alike, the mapping may use */
	OCT_LARGE = 16, /* leaves of higher levels */
	OCT_CONT = 32,  /* contiguous blocks */
};

enum oct_memory_type {
	OCT_NORMAL,          /* write-back cached */
	OCT_UNCACHED,        /* strongly ordered */
	OCT_WRITE_COMBINING, /* normal, not cached */
	OCT_DEVICE,          /* registers of devices: ordered, early acknowledgement allowed */
};

struct oct_mapping;

/* ---- Folios ----------------------------------------------------------------------------------- */
enum oct_folio_flag {
	OCT_FOLIO_ANON = 1,           /* anonymous memory */
	OCT_FOLIO_ANON_EXCLUSIVE = 2, /* only one space maps it: it may be made writable in place */
	OCT_FOLIO_DIRTY = 4,          /* stored to since it was last cleaned, by an entry now gone */
	OCT_FOLIO_SHARED = 8,         /* belongs to a shared mapping: never copied on write */
	OCT_FOLIO_UPTODATE = 16,      /* a page of an object: its contents have been read */
	OCT_FOLIO_LOCKED = 32,        /* I/O on it is under way; who clears it wakes sleepers on flags */
	OCT_FOLIO_LAZYFREE = 64,      /* may be dropped instead of kept while its entries are clean */
};

/* The descriptor of pages of an address space. The host keeps one per page it gives out for
 * OCT_USE_USER (oct_port_folio_of), also where it gives out several at once; type-stable. A folio is found by
 * any of its pages: oct_folio_of (folio.h). */
struct oct_folio {
	uint32_t refcount; /* atomic: who keeps the page from being freed; each mapping counts one */
	uint32_t mapcount; /* atomic: entries that map it */
	uint32_t flags;    /* atomic: enum oct_folio_flag */
	uint32_t order;  /* 2^order pages: 0, OCT_FOLIO_ORDER or OCT_HUGE_ORDER; in the descriptor of each of
	                    them */
	oct_phys_t page; /* the first; in each descriptor its own */
	/* The object whose page it is (mapping.h), NULL for anonymous memory: written before the folio is
	 * published, kept until it is freed. */
	struct oct_mapping *mapping;
	uint64_t index;   /* page of the object; of anonymous memory, of its lineage (anon.h) */
	uint64_t lineage; /* anonymous memory: spaces that may map it, 0: unknown; written as mapping is */
	uint32_t swap;    /* 1 + its slot while it is in the swap cache, else 0: under the lock of the area */
	uint32_t device;  /* the same of device memory (device.h) */
	struct oct_folio *head; /* of the first page, which has all the rest; itself where it is the first */
};

struct oct_fault_state;
struct oct_space;

/* What soft entries mean (pte.h), but the broken one: set for a space by who puts them there (swap.h).
 * Called with the page-table lock of the entry held. */
struct oct_soft {
	/* A fault met the entry. May drop the page-table lock and take it again. As oct_fault. */
	int (*fault)(struct oct_fault_state *fault, uint64_t pte);
	/* The entry is copied to a child of space, which gives it the same meaning: the child's entry. */
	uint64_t (*copy)(struct oct_space *space, uint64_t pte);
	/* The entry was taken out of the tables. */
	void (*release)(struct oct_space *space, uint64_t pte);
};

/* ---- Page-table lock --------------------------------------------------------------------------- */
/* One per slot of a table above the leaves. It covers the slot and, while the slot of a level-1
 * table links a leaf table, that table's entries. It outlives the leaf table, so nothing about
 * unfinished flushes is lost when a table comes or goes. */
struct oct_ptl {
	uint32_t lock;  /* atomic: 0 free, 1 held */
	uint32_t stamp; /* under lock: low half of the newest generation an entry waits for; 0 none */
};

/* ---- The system: CPUs and address-space numbers ----------------------------------------------- */
struct oct_space;
struct oct_secondary;

/* Statistics, each written by its CPU only; absent from the checker's build. */
struct oct_counters {
	uint64_t flushes;       /* invalidations issued on this CPU, or by it for all */
	uint64_t full;          /* of these: whole space */
	uint64_t ranged;        /* of these: by address */
	uint64_t local;         /* completions that needed no other CPU */
	uint64_t interrupts;    /* CPUs that this one interrupted for a flush */
	uint64_t joined;        /* completions that found everything done by others */
	uint64_t false_syncs;   /* reliances that found the table behind and had to invalidate */
	uint64_t graces;        /* rounds of interrupts for tables that were freed */
	uint64_t rollovers;     /* times the numbers ran out */
	uint64_t switches;      /* to another space, or none */
	uint64_t lazy_switches; /* to none, the root left as it is */
	uint64_t lazy_skipped;  /* lazy CPUs that a flush of this one left alone */
	uint64_t lazy_flushes;  /* of this CPU when it came back from being lazy */
	uint64_t folds;         /* contiguous blocks made of entries that were in use */
	uint64_t unfolds;       /* contiguous blocks taken apart */
};

struct oct_cpu {
	struct oct_space *space; /* runs it; this CPU only, interrupts off */
	bool lazy;               /* has its root loaded and uses no user address; likewise */
	uint64_t epoch;          /* this CPU invalidated everything when it entered this ASID epoch */
	uint64_t grace_done;     /* atomic: newest grace request this CPU's handler has seen */
	struct oct_space *owner; /* atomic: whose number asid is, NULL for nobody's */
	uint32_t asid;           /* under asid_lock: number loaded last */
	struct {
		uintptr_t page; /* leaf table locked through oct_space_pte_lock_raw, 0 none */
		struct oct_ptl *ptl;
	} raw[4];
	struct oct_counters counters;
} __attribute__((aligned(64)));

struct oct_system {
	unsigned cpus;            /* CPUs 0 .. cpus-1 take interrupts */
	uint32_t asid_lock;       /* atomic: interrupts off */
	uint64_t epoch;           /* under asid_lock: 1 and up */
	uint64_t grace_request;   /* atomic */
	oct_phys_t idle_root;     /* root of a CPU that runs no space */
	oct_phys_t zero_page;     /* atomic: zeros for whoever reads; OCT_NO_PAGE until T2 needs it */
	struct oct_space *kernel; /* the kernel's space, NULL for none; set before the CPUs run */
	/* Set by a host that has grace periods (T2: oct_port_defer); NULL: interrupts to every CPU. */
	void (*defer)(void (*fn)(void *arg), void *arg);
	uint64_t asid_used[(OCT_MAX_ASIDS + 63) / 64]; /* under asid_lock */
	struct oct_cpu cpu[OCT_MAX_CPUS];
};

/* ---- What the flush authority knows of an address space ---------------------------------------- */
enum { OCT_CPUS_A_WORD = 32, OCT_CPU_WORDS = (OCT_MAX_CPUS + OCT_CPUS_A_WORD - 1) / OCT_CPUS_A_WORD };

struct oct_space {
	struct oct_system *system;
	oct_phys_t root;
	uintptr_t start; /* addresses [start, last] belong to the space */
	uintptr_t last;
	bool kernel;         /* active on every CPU, entries global */
	uint64_t generation; /* atomic: newest drawn */
	uint64_t completed;  /* atomic: all generations up to it are complete */
	uint64_t asid;       /* atomic, written under asid_lock: epoch << 16 | number */
	uint32_t leaving;    /* atomic: CPUs must leave it (oct_space_leave) */
	/* atomic, two bits per CPU. The lower: x86-64: has the space's root loaded or is about to; with
	 * broadcast invalidation: may hold translations of it. The upper, 32 further on: is lazy. */
	uint64_t running[OCT_CPU_WORDS];
	uint64_t ranges[OCT_OPEN_RANGES]; /* atomic: what a generation changed (src/tlb/range.h) */
	uint64_t seen[OCT_MAX_CPUS];      /* atomic: the CPU holds nothing older than this generation */
	/* Tables for the large leaves of the space to be split into: [0] leaf tables, [1] others. */
	uint32_t deposit_lock; /* atomic */
	oct_phys_t deposit[2]; /* under deposit_lock: linked by their first word, OCT_NO_PAGE ends */
#if OCT_TIER > 0
	uint32_t splits; /* atomic, written under deposit_lock: how many of split_at there are */
	uintptr_t split_at[OCT_SPLIT_LEAVES]; /* under deposit_lock: where a leaf of level 1 became a table */
	unsigned split_next;                  /* likewise: the one that makes way when all are taken */
#endif
	/* Takes pages of OCT_USE_USER that a ticket completed, pages (>= 1) from page on; set by the owner of
	 * the space after oct_space_init; NULL: oct_port_page_free. More than one only where ticket.runs said
	 * so, and then of one aligned block of OCT_FOLIO_PAGES; or where one leaf mapped them
	 * (oct_ticket_free_pages). Called with or without page-table locks. */
	void (*page_release)(struct oct_space *space, oct_phys_t page, unsigned pages);
	const struct oct_soft *soft;     /* NULL: there are no soft entries but broken ones */
	struct oct_secondary *secondary; /* atomic: other walkers of its tables (notify.h), NULL for none */
};

/* ---- Flush ticket ------------------------------------------------------------------------------ */
/* On the stack of who changes entries. See tlb.h. */
struct oct_ticket {
	struct oct_space *space;
	uint64_t newest; /* newest generation drawn for it, 0 none */
	uintptr_t start; /* changes since the last draw: [start, end), pending only */
	uintptr_t end;
	bool pending;    /* entries were changed in the lock section that is still open */
	unsigned unit;   /* of these: all were leaves of this level; 0 where they differ */
	bool all_levels; /* of these: a table was unlinked */
	bool tables;     /* the queue holds a table page */
	bool runs; /* set by its owner after oct_ticket_init: pages that follow one another are queued as one
	            */
	unsigned queued;
	oct_phys_t queue[OCT_GATHER_PAGES]; /* page | pages more | what | order (low bits) */
};

#endif
