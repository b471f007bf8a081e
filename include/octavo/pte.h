/* pte.h: page-table entries as values. SPDX-License-Identifier: MIT
 *
 * An entry is a plain 64-bit scalar; the functions here are pure and know nothing of memory.
 * Level 0 is always the leaf table. What walkers do with the bits stands in the architecture's
 * format.h, which is chosen here once per build: OCT_ARCH_ARM64, OCT_ARCH_X86_64,
 * OCT_ARCH_RISCV64 or OCT_ARCH_FAKE.
 *
 * Words used for an entry:
 *   none      all zero: nothing here
 *   present   walkers use it. Rights: write, user, exec. State: young, dirty.
 *   soft      not present and not none: carries software information (below). "broken" is the soft
 *             entry that stands while break-before-make is under way: invalid but not empty.
 *
 * Each format.h supplies, besides its constants:
 *   oct_pte_present write user exec young dirty soft_dirty uffd_wp global   predicates
 *   oct_pte_wrprotect  write right away; what hardware had recorded as dirty stays dirty
 *   oct_pte_mkwrite    write right given; a clean entry stays clean
 *   oct_pte_mkclean mkdirty mkold mkyoung                                   state
 *   oct_pte_mk_soft_dirty clear_soft_dirty                                  software bit
 *   oct_pte_mk_uffd_wp clear_uffd_wp    mk also takes the write right away, clear does not give it
 *   oct_pte_make(page, prot, type)      clean, old level-0 entry; prot OCT_NONE: present, but not
 *                                       for users. OCT_KERNEL: global, not for users
 *   oct_pte_make_table(page, level, kernel)   an entry of level >= 1 that links a table
 *   oct_pte_phys(pte)                   page of a present entry
 *   oct_pte_is_table(pte, level)        present and links a table; false at level 0
 *   oct_pte_type(pte)                   enum oct_memory_type
 *   oct_pte_modify(pte, prot)           rights replaced (no write while write-protected for userfault);
 *                                       page, type, state and software bits stay
 *   oct_pte_resize(pte, from, to)       a leaf of level from, written as a leaf of level to; its page is aligned
 *                                       to the larger of both. All else stays
 *   oct_pte_leaf_phys(pte, level)       first page of a leaf of level
 *   oct_pte_mk_cont(pte)                a leaf of level 0, as one of a contiguous block (below)
 *   oct_pte_clear_cont(pte, index)      no part of a block any more: the page with number index of it
 * The others that take an entry without its level take leaves of every level.
 *
 * A leaf at level 1 and above (2 MiB, 1 GiB, ...; at most OCT_FORMAT_LEAF_MAX) maps OCT_TABLE_ENTRIES times
 * what one below it maps. A contiguous block (OCT_FORMAT_CONT) is 2^OCT_CONT_SHIFT leaf entries of level 0,
 * aligned, whose pages are consecutive and aligned, that agree in all but young and dirty: a TLB may hold
 * them as one, with the state of any of them. */
#ifndef OCTAVO_PTE_H
#define OCTAVO_PTE_H

#include <octavo/types.h>

typedef uint64_t oct_pte_t;

/* ---- Geometry ----------------------------------------------------------------------------------- */
/* Bytes that one entry of a table at level maps, log2. */
static inline unsigned oct_level_shift(unsigned level)
{
	return OCT_PAGE_SHIFT + level * OCT_TABLE_SHIFT;
}

static inline uintptr_t oct_level_bytes(unsigned level)
{
	return (uintptr_t)1 << oct_level_shift(level);
}

/* Which entry of a table at level maps va. */
static inline unsigned oct_table_index(uintptr_t va, unsigned level)
{
	return (unsigned)(va >> oct_level_shift(level)) & (OCT_TABLE_ENTRIES - 1);
}

/* First address after va where another entry at level begins; 0 past the end of addresses. */
static inline uintptr_t oct_level_next(uintptr_t va, unsigned level)
{
	return (va & ~(oct_level_bytes(level) - 1)) + oct_level_bytes(level);
}

#if defined(OCT_ARCH_ARM64)
#include <octavo/arch/arm64/format.h>
#elif defined(OCT_ARCH_X86_64)
#include <octavo/arch/x86_64/format.h>
#elif defined(OCT_ARCH_RISCV64)
#include <octavo/arch/riscv64/format.h>
#elif defined(OCT_ARCH_FAKE)
#include <octavo/arch/fake/format.h>
#else
#error "define OCT_ARCH_ARM64, OCT_ARCH_X86_64, OCT_ARCH_RISCV64 or OCT_ARCH_FAKE"
#endif

/* ---- Soft entries: the same in every format ---------------------------------------------------- */
/* Bit 0 is clear in each (not present). Bits that hardware may still set in an entry that was just
 * made non-present (x86-64: 5 and 6) and the arm64 bits with state (7, 10, 51) carry nothing, so a
 * stray update is not misread: kind in bits 2..4, value in bits 12..47. */
enum oct_soft_kind {
	OCT_SOFT_BROKEN = 1, /* break-before-make under way */
	OCT_SOFT_MARKER = 2, /* nothing here but something to remember (userfault.h) */
	OCT_SOFT_SWAP = 3, /* a page that is in a swap area (swap.h); from here on kinds that the owner of the
	                      space gives a meaning (struct oct_soft) */
	OCT_SOFT_KIND_MAX = 7,
};

#define OCT_SOFT_KIND_SHIFT  2
#define OCT_SOFT_VALUE_SHIFT 12
#define OCT_SOFT_KIND_MASK   ((oct_pte_t)7 << OCT_SOFT_KIND_SHIFT)
#define OCT_SOFT_VALUE_MASK  ((((oct_pte_t)1 << 36) - 1) << OCT_SOFT_VALUE_SHIFT)

/* kind 1..7, value below 2^36. */
static inline oct_pte_t oct_pte_mksoft(unsigned kind, uint64_t value)
{
	return ((oct_pte_t)kind << OCT_SOFT_KIND_SHIFT) |
	       (((oct_pte_t)value << OCT_SOFT_VALUE_SHIFT) & OCT_SOFT_VALUE_MASK);
}

/* The soft entry's kind, 0 for an entry that is not soft. */
static inline unsigned oct_pte_soft_kind(oct_pte_t pte)
{
	return oct_pte_present(pte) ? 0 : (unsigned)((pte & OCT_SOFT_KIND_MASK) >> OCT_SOFT_KIND_SHIFT);
}

static inline uint64_t oct_pte_soft_value(oct_pte_t pte)
{
	return (pte & OCT_SOFT_VALUE_MASK) >> OCT_SOFT_VALUE_SHIFT;
}

/* Nothing here; stray accessed and dirty bits do not count. */
static inline bool oct_pte_none(oct_pte_t pte)
{
	return !oct_pte_present(pte) && (pte & (OCT_SOFT_KIND_MASK | OCT_SOFT_VALUE_MASK)) == 0;
}

/* Two soft entries say the same, whatever stray bits hardware has set in them. */
static inline bool oct_pte_soft_same(oct_pte_t a, oct_pte_t b)
{
	return ((a ^ b) & (OCT_SOFT_KIND_MASK | OCT_SOFT_VALUE_MASK)) == 0 && !oct_pte_present(a) &&
	       !oct_pte_present(b);
}

static inline oct_pte_t oct_pte_broken(void)
{
	return oct_pte_mksoft(OCT_SOFT_BROKEN, 0);
}

/* The rights of a present entry: what oct_pte_make was given, OCT_READ added where implied. */
static inline unsigned oct_pte_prot(oct_pte_t pte)
{
	unsigned prot = OCT_NONE;

	if (oct_pte_global(pte))
		prot |= OCT_KERNEL;
	else if (!oct_pte_user(pte))
		return OCT_NONE;
	prot |= OCT_READ;
	if (oct_pte_write(pte))
		prot |= OCT_WRITE;
	if (oct_pte_exec(pte))
		prot |= OCT_EXEC;
	return prot;
}

/* ---- Leaves of every size ------------------------------------------------------------------------ */
/* The largest leaf that the core makes; a host whose CPUs lack leaves of level 2 defines it as 1. */
#ifndef OCT_LEAF_MAX
#define OCT_LEAF_MAX 2
#endif
#if OCT_LEAF_MAX > OCT_FORMAT_LEAF_MAX
#error "OCT_LEAF_MAX: the format has no leaf of that level"
#endif

/* What CPUs do while two sizes of leaves translate one address (arm64: FEAT_BBM). Below 2: anything, so a leaf
 * breaks before it changes its size. 2: they use one or the other. */
#ifndef OCT_BBM_LEVEL
#ifdef OCT_ARCH_X86_64
#define OCT_BBM_LEVEL 2
#else
#define OCT_BBM_LEVEL 0
#endif
#endif

#define OCT_CONT_ENTRIES (1u << OCT_CONT_SHIFT)
#define OCT_CONT_BYTES   (OCT_PAGE_SIZE << OCT_CONT_SHIFT)

/* Present and links no table. */
static inline bool oct_pte_is_leaf(oct_pte_t pte, unsigned level)
{
	return oct_pte_present(pte) && !oct_pte_is_table(pte, level);
}

/* A leaf of level, as oct_pte_make makes it; page is aligned to its size. */
static inline oct_pte_t oct_pte_make_leaf(oct_phys_t page, unsigned level, unsigned prot,
                                          enum oct_memory_type type)
{
	return oct_pte_resize(oct_pte_make(page, prot, type), 0, level);
}

/* A leaf whose page lies bytes further on. */
static inline oct_pte_t oct_pte_advance(oct_pte_t pte, oct_phys_t bytes)
{
	return pte + (bytes >> OCT_FORMAT_PHYS_SHIFT);
}

/* The page that va translates to by pte, a leaf of level. */
static inline oct_phys_t oct_pte_frame(oct_pte_t pte, unsigned level, uintptr_t va)
{
	uintptr_t in_leaf = (oct_pte_cont(pte) ? OCT_CONT_BYTES : oct_level_bytes(level)) - 1;

	return (oct_pte_leaf_phys(pte, level) & ~(oct_phys_t)in_leaf) | (va & in_leaf & OCT_PAGE_MASK);
}

/* pte, a leaf of level, as it would be for the page of va alone: of level 0, in no block. */
static inline oct_pte_t oct_pte_single(oct_pte_t pte, unsigned level, uintptr_t va)
{
	if (level > 0)
		return oct_pte_advance(oct_pte_resize(pte, level, 0),
		                       va & (oct_level_bytes(level) - 1) & OCT_PAGE_MASK);
	if (oct_pte_cont(pte))
		return oct_pte_clear_cont(pte, (unsigned)(va >> OCT_PAGE_SHIFT) & (OCT_CONT_ENTRIES - 1));
	return pte;
}

#endif
