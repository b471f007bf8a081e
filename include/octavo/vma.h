/* vma.h: areas of an address space and the tree that holds them. SPDX-License-Identifier: MIT
 *
 * An area is a page-aligned range [start, end) with one protection. Areas of a tree do not overlap.
 * The tree is a height-balanced binary tree by start: depth at most 1.45 log2(areas). Each area knows
 * the largest gap below it. Areas come
 * from whole pages (OCT_USE_CORE) that belong to one space: nothing is shared between spaces.
 *
 * All functions: plain memory guarded by the lock of the space, held for writing by who changes
 * and at least for reading by who looks; they neither sleep nor touch tables or TLBs. Those that change
 * bounds may sleep where an area shows an object: its reverse map changes too, under the lock of the mapping.
 * Pages that an area no longer shows are unmapped and complete before (R4). Interrupts are on. */
#ifndef OCTAVO_VMA_H
#define OCTAVO_VMA_H

#include <stdbool.h>
#include <octavo/port.h>

#ifdef __cplusplus
extern "C" {
#endif

struct oct_vma_page;
struct oct_mapping;
struct oct_space;

/* Flags of oct_mmap (mm.h). An area remembers SHARED and GROWSDOWN. */
enum oct_map_flag {
	OCT_MAP_FIXED = 1,           /* at addr, in place of whatever is there */
	OCT_MAP_SHARED = 2,          /* not copied on write; fork shares it. All pages are allocated now; with
	                                OCT_MAP_FIXED too it replaces nothing: -OCT_EEXIST */
	OCT_MAP_FIXED_NOREPLACE = 4, /* at addr, 0 included; -OCT_EEXIST if something is there */
	OCT_MAP_POPULATE = 8,        /* pages now instead of faults: written ones if prot allows stores */
	OCT_MAP_GROWSDOWN = 16,      /* a stack: a fault below it makes it larger. Gaps that are chosen leave
	                                OCT_STACK_GUARD_PAGES below it. Not with SHARED */
};

/* Further flags of an area, set by oct_madvise, oct_uffd_async and oct_uffd_register. */
enum oct_vma_flag {
	OCT_VMA_HUGE = 0x100,     /* large folios are welcome */
	OCT_VMA_NOHUGE = 0x200,   /* they are not */
	OCT_VMA_WP_ASYNC = 0x400, /* userfault write-protection is no event (oct_uffd_async, userfault.h) */
	/* enum oct_uffd_mode (userfault.h), in the same order */
	OCT_VMA_UFFD_MISSING = 0x800,
	OCT_VMA_UFFD_MINOR = 0x1000,
	OCT_VMA_UFFD_WP = 0x2000,
	OCT_VMA_UFFD = 0x3800, /* any of them */
};

struct oct_vma {
	uintptr_t start, end;        /* bytes, page-aligned, start < end; changed by oct_vma_resize */
	unsigned prot;               /* OCT_READ | OCT_WRITE | OCT_EXEC */
	unsigned flags;              /* OCT_MAP_SHARED, OCT_MAP_GROWSDOWN, enum oct_vma_flag */
	struct oct_mapping *mapping; /* the object whose pages it shows; NULL: anonymous memory */
	uint64_t pgoff; /* page number of start: in the object; of an anonymous area, an address as it was
	                   when the area was made. Goes along with start */
	struct oct_vma *left, *right; /* right links free areas of a page too */
	struct oct_vma_page *page;    /* the page it was carved from */
	int height;
	/* Of this area and all below it: where they begin (what grows down: with its guard) and end, and the
	 * largest gap between two. */
	uintptr_t first, last, gap;
	/* Its place in the reverse map of its mapping (src/page/shown.h), under the lock of the mapping. */
	struct oct_space *space; /* into which it maps; NULL: it is not there */
	struct {
		struct oct_vma *left, *right;
		uint64_t last; /* index: largest that it or one below shows */
		int height;
		bool shared; /* stores through it reach the object */
		bool keep;   /* its tables stay, empty or not: no retraction (collapse.h) */
		bool told;   /* its space has notifiers (notify.h) */
	} shown;
};

/* What fills a page of an area that has none. */
enum oct_vma_kind {
	OCT_VMA_ANON,   /* zeros, private */
	OCT_VMA_SHARED, /* zeros, shared with those who forked it */
	OCT_VMA_FILE,   /* an object: the page of the mapping, or a private copy of it */
};

static inline enum oct_vma_kind oct_vma_kind(const struct oct_vma *vma)
{
	return vma->mapping ? OCT_VMA_FILE : vma->flags & OCT_MAP_SHARED ? OCT_VMA_SHARED : OCT_VMA_ANON;
}

/* Where areas come from. Slots that are free are the deposit of splits: an operation reserves what
 * it may need before it changes anything. */
struct oct_vma_store {
	struct oct_vma_page *partial; /* pages with free and used slots */
	struct oct_vma_page *empty;   /* pages with no used slot */
	unsigned free_slots;
};

struct oct_vma_tree {
	struct oct_vma *root;
	struct oct_vma_store store;
	unsigned count; /* areas */
};

/* No areas. */
void oct_vma_tree_init(struct oct_vma_tree *tree);

/* Make sure that slots areas can be allocated without failing. 0 or -OCT_ENOMEM. */
int oct_vma_reserve(struct oct_vma_tree *tree, unsigned slots);
/* Give back pages without a used slot. The deposit is empty afterwards. */
void oct_vma_trim(struct oct_vma_tree *tree);

/* The lowest area with end > addr, NULL if there is none. It need not contain addr. */
struct oct_vma *oct_vma_first(const struct oct_vma_tree *tree, uintptr_t addr);
/* The area that contains addr, or NULL. */
struct oct_vma *oct_vma_find(const struct oct_vma_tree *tree, uintptr_t addr);

/* Add [start, end) with prot and flags, which overlaps no area, using one reserved slot; returns the area. It
 * is anonymous, with pgoff as if nothing had ever moved; what it shows instead is set by the caller before it
 * merges areas. */
struct oct_vma *oct_vma_insert(struct oct_vma_tree *tree, uintptr_t start, uintptr_t end, unsigned prot,
                               unsigned flags);
/* Take an area out and return its slot to the deposit. */
void oct_vma_remove(struct oct_vma_tree *tree, struct oct_vma *vma);
/* Take all areas out. */
void oct_vma_clear(struct oct_vma_tree *tree);
/* Give an area other bounds, which overlap no other area and keep its place among them; pgoff follows
 * start. */
void oct_vma_resize(struct oct_vma_tree *tree, struct oct_vma *vma, uintptr_t start, uintptr_t end);
/* Cut the area that contains addr strictly inside, if there is one, using one reserved slot. */
void oct_vma_split(struct oct_vma_tree *tree, uintptr_t addr);
/* Join areas with equal protection, flags, object and reverse map that meet at start, at end or in between,
 * and whose pgoff go on. */
void oct_vma_merge(struct oct_vma_tree *tree, uintptr_t start, uintptr_t end);
/* How many areas oct_vma_split would make for a cut at start and one at end: 0, 1 or 2. */
unsigned oct_vma_cuts(const struct oct_vma_tree *tree, uintptr_t start, uintptr_t end);
/* The lowest address at or above low where bytes fit below high, 0 for none. An area that grows down
 * counts from OCT_STACK_GUARD_PAGES below its start. Passes over whole subtrees
 * whose gaps are too small: as many steps as the tree is deep, twice at most. */
uintptr_t oct_vma_gap(const struct oct_vma_tree *tree, uintptr_t low, uintptr_t high, size_t bytes);
/* The same from above: the highest address at which bytes fit between low and high. */
uintptr_t oct_vma_gap_down(const struct oct_vma_tree *tree, uintptr_t low, uintptr_t high, size_t bytes);

#ifdef __cplusplus
}
#endif
#endif
