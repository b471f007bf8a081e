/* arm64 entries: 4 KiB pages, 48-bit addresses, stage 1. SPDX-License-Identifier: MIT
 *
 *   bit  0      valid
 *   bit  1      1: table (level >= 1) or page (level 0); 0 at level >= 1: block
 *   bits 4..2   AttrIndx: 0 normal write-back, 1 normal non-cacheable, 2 Device-nGnRnE,
 *               3 Device-nGnRE (the host programs MAIR_EL1 with OCT_ARM64_MAIR)
 *   bit  6      AP[1]: unprivileged access
 *   bit  7      AP[2]: read-only. With DBM, hardware clears it at the first store
 *   bits 9..8   shareability, inner
 *   bit 10      AF: accessed
 *   bit 11      nG: not global
 *   bits 47..12 address
 *   bit 51      DBM: writable; hardware may clear AP[2]
 *   bit 52      contiguous: one of 2^OCT_CONT_SHIFT entries that are aligned and alike, and map
 *               consecutive pages. The core sets it at level 0 only
 *   bit 53      PXN, bit 54 UXN: no execution, privileged and not
 *   bit 55      software: dirty
 *   bit 56      software: soft-dirty
 *   bit 57      software: userfault write-protected
 *
 * A block has the same bits but bit 1, and an address aligned to its size; bit 16 (nT) stays clear.
 *
 * The right to write is DBM alone. Writable and not read-only is dirty as hardware records it; what
 * must survive the loss of the write right goes to bit 55. Without hardware update, a store through
 * a clean entry (DBM with AP[2]) faults, and the handler makes it dirty. */
#ifndef OCTAVO_ARCH_ARM64_FORMAT_H
#define OCTAVO_ARCH_ARM64_FORMAT_H

#define OCT_FORMAT_NAME        "arm64"
#define OCT_FORMAT_BROADCAST   1 /* invalidations reach every CPU without interrupts */
#define OCT_FORMAT_SHARED_ROOT 0 /* the kernel half has a root register of its own */
/* Address bits of the user half. */
#define OCT_FORMAT_USER_BITS (OCT_PAGE_SHIFT + OCT_LEVELS * OCT_TABLE_SHIFT)
/* A fault leaves the entry that caused it in the TLB: who finds a fault spurious invalidates. */
#define OCT_FORMAT_FAULT_KEEPS 1
/* No TLB keeps an invalid entry. */
#define OCT_FORMAT_CACHES_INVALID 0
/* Blocks of 2 MiB and 1 GiB, at level 1 and 2. */
#define OCT_FORMAT_LEAF_MAX 2
/* 2^OCT_CONT_SHIFT entries may say that they are one (bit 52). */
#define OCT_FORMAT_CONT 1
/* An address is where it is translated to. */
#define OCT_FORMAT_PHYS_SHIFT 0

#define OCT_ARM64_MAIR 0x040044ffull

#define OCT_ARM64_VALID   ((oct_pte_t)1 << 0)
#define OCT_ARM64_TABLE   ((oct_pte_t)1 << 1)
#define OCT_ARM64_ATTR    ((oct_pte_t)7 << 2)
#define OCT_ARM64_USER    ((oct_pte_t)1 << 6)
#define OCT_ARM64_RDONLY  ((oct_pte_t)1 << 7)
#define OCT_ARM64_INNER   ((oct_pte_t)3 << 8)
#define OCT_ARM64_AF      ((oct_pte_t)1 << 10)
#define OCT_ARM64_NG      ((oct_pte_t)1 << 11)
#define OCT_ARM64_ADDRESS (((oct_pte_t)1 << 48) - ((oct_pte_t)1 << 12))
#define OCT_ARM64_DBM     ((oct_pte_t)1 << 51)
#define OCT_ARM64_CONT    ((oct_pte_t)1 << 52)
#define OCT_ARM64_PXN     ((oct_pte_t)1 << 53)
#define OCT_ARM64_UXN     ((oct_pte_t)1 << 54)
#define OCT_ARM64_DIRTY   ((oct_pte_t)1 << 55)
#define OCT_ARM64_SOFT    ((oct_pte_t)1 << 56)
#define OCT_ARM64_UFFD_WP ((oct_pte_t)1 << 57)

static inline bool oct_pte_present(oct_pte_t pte)
{
	return (pte & OCT_ARM64_VALID) != 0;
}

static inline bool oct_pte_write(oct_pte_t pte)
{
	return (pte & OCT_ARM64_DBM) != 0;
}

static inline bool oct_pte_user(oct_pte_t pte)
{
	return (pte & OCT_ARM64_USER) != 0;
}

static inline bool oct_pte_global(oct_pte_t pte)
{
	return (pte & OCT_ARM64_NG) == 0;
}

static inline bool oct_pte_exec(oct_pte_t pte)
{
	return (pte & (oct_pte_global(pte) ? OCT_ARM64_PXN : OCT_ARM64_UXN)) == 0;
}

static inline bool oct_pte_young(oct_pte_t pte)
{
	return (pte & OCT_ARM64_AF) != 0;
}

/* As the hardware records it: what a store through the entry leaves behind. */
static inline bool oct_pte_hw_dirty(oct_pte_t pte)
{
	return (pte & (OCT_ARM64_DBM | OCT_ARM64_RDONLY)) == OCT_ARM64_DBM;
}

static inline bool oct_pte_dirty(oct_pte_t pte)
{
	return (pte & OCT_ARM64_DIRTY) != 0 || oct_pte_hw_dirty(pte);
}

static inline bool oct_pte_cont(oct_pte_t pte)
{
	return (pte & OCT_ARM64_CONT) != 0;
}

static inline bool oct_pte_soft_dirty(oct_pte_t pte)
{
	return (pte & OCT_ARM64_SOFT) != 0;
}

static inline bool oct_pte_uffd_wp(oct_pte_t pte)
{
	return (pte & OCT_ARM64_UFFD_WP) != 0;
}

static inline oct_pte_t oct_pte_mkclean(oct_pte_t pte)
{
	return (pte & ~OCT_ARM64_DIRTY) | OCT_ARM64_RDONLY;
}

static inline oct_pte_t oct_pte_mkdirty(oct_pte_t pte)
{
	pte |= OCT_ARM64_DIRTY;
	return oct_pte_write(pte) ? pte & ~OCT_ARM64_RDONLY : pte;
}

static inline oct_pte_t oct_pte_wrprotect(oct_pte_t pte)
{
	if (oct_pte_hw_dirty(pte))
		pte |= OCT_ARM64_DIRTY;
	return (pte & ~OCT_ARM64_DBM) | OCT_ARM64_RDONLY;
}

static inline oct_pte_t oct_pte_mkwrite(oct_pte_t pte)
{
	pte |= OCT_ARM64_DBM;
	return (pte & OCT_ARM64_DIRTY) ? pte & ~OCT_ARM64_RDONLY : pte;
}

static inline oct_pte_t oct_pte_mkyoung(oct_pte_t pte)
{
	return pte | OCT_ARM64_AF;
}

static inline oct_pte_t oct_pte_mkold(oct_pte_t pte)
{
	return pte & ~OCT_ARM64_AF;
}

static inline oct_pte_t oct_pte_mk_soft_dirty(oct_pte_t pte)
{
	return pte | OCT_ARM64_SOFT;
}

static inline oct_pte_t oct_pte_clear_soft_dirty(oct_pte_t pte)
{
	return pte & ~OCT_ARM64_SOFT;
}

static inline oct_pte_t oct_pte_mk_uffd_wp(oct_pte_t pte)
{
	return oct_pte_wrprotect(pte) | OCT_ARM64_UFFD_WP;
}

static inline oct_pte_t oct_pte_clear_uffd_wp(oct_pte_t pte)
{
	return pte & ~OCT_ARM64_UFFD_WP;
}

static inline oct_phys_t oct_pte_phys(oct_pte_t pte)
{
	return pte & OCT_ARM64_ADDRESS;
}

static inline bool oct_pte_is_table(oct_pte_t pte, unsigned level)
{
	return level > 0 &&
	       (pte & (OCT_ARM64_VALID | OCT_ARM64_TABLE)) == (OCT_ARM64_VALID | OCT_ARM64_TABLE);
}

static inline enum oct_memory_type oct_pte_type(oct_pte_t pte)
{
	switch ((pte & OCT_ARM64_ATTR) >> 2) {
	case 1:
		return OCT_WRITE_COMBINING;
	case 2:
		return OCT_UNCACHED;
	case 3:
		return OCT_DEVICE;
	default:
		return OCT_NORMAL;
	}
}

static inline oct_pte_t oct_arm64_attr(enum oct_memory_type type)
{
	switch (type) {
	case OCT_WRITE_COMBINING:
		return (oct_pte_t)1 << 2;
	case OCT_UNCACHED:
		return (oct_pte_t)2 << 2;
	case OCT_DEVICE:
		return (oct_pte_t)3 << 2;
	default:
		return 0;
	}
}

static inline oct_pte_t oct_arm64_rights(unsigned prot)
{
	oct_pte_t bits = OCT_ARM64_PXN | OCT_ARM64_UXN;

	if (prot & OCT_KERNEL) {
		if (prot & OCT_EXEC)
			bits &= ~OCT_ARM64_PXN;
	} else {
		bits |= OCT_ARM64_NG;
		if (prot & OCT_PROT_MASK)
			bits |= OCT_ARM64_USER;
		if (prot & OCT_EXEC)
			bits &= ~OCT_ARM64_UXN;
	}
	return bits;
}

static inline oct_pte_t oct_pte_make(oct_phys_t page, unsigned prot, enum oct_memory_type type)
{
	oct_pte_t pte = (page & OCT_ARM64_ADDRESS) | OCT_ARM64_VALID | OCT_ARM64_TABLE | OCT_ARM64_INNER |
	                OCT_ARM64_RDONLY | oct_arm64_attr(type) | oct_arm64_rights(prot);

	return (prot & OCT_WRITE) ? oct_pte_mkwrite(pte) : pte;
}

static inline oct_pte_t oct_pte_resize(oct_pte_t pte, unsigned from, unsigned to)
{
	(void)from;
	return to > 0 ? pte & ~OCT_ARM64_TABLE : pte | OCT_ARM64_TABLE;
}

static inline oct_phys_t oct_pte_leaf_phys(oct_pte_t pte, unsigned level)
{
	return pte & OCT_ARM64_ADDRESS & ~(oct_level_bytes(level) - 1);
}

static inline oct_pte_t oct_pte_mk_cont(oct_pte_t pte)
{
	return pte | OCT_ARM64_CONT;
}

static inline oct_pte_t oct_pte_clear_cont(oct_pte_t pte, unsigned index)
{
	const oct_pte_t low = (((oct_pte_t)1 << OCT_CONT_SHIFT) - 1) << OCT_PAGE_SHIFT;

	return (pte & ~(OCT_ARM64_CONT | low)) | (oct_pte_t)index << OCT_PAGE_SHIFT;
}

static inline oct_pte_t oct_pte_modify(oct_pte_t pte, unsigned prot)
{
	pte = oct_pte_wrprotect(pte) & ~(OCT_ARM64_PXN | OCT_ARM64_UXN | OCT_ARM64_NG | OCT_ARM64_USER);
	pte |= oct_arm64_rights(prot);
	return (prot & OCT_WRITE) && !oct_pte_uffd_wp(pte) ? oct_pte_mkwrite(pte) : pte;
}

static inline oct_pte_t oct_pte_make_table(oct_phys_t page, unsigned level, bool kernel)
{
	(void)level;
	(void)kernel;
	return (page & OCT_ARM64_ADDRESS) | OCT_ARM64_VALID | OCT_ARM64_TABLE;
}

#endif
