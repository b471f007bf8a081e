/* x86-64 entries: 4 or 5 levels (OCT_LEVELS) of 4 KiB pages. SPDX-License-Identifier: MIT
 *
 *   bit  0      present
 *   bit  1      writable
 *   bit  2      user
 *   bits 3, 4   PWT, PCD: entry of the PAT, which the host programs with OCT_X86_64_PAT
 *               (0 write-back, 1 write-combining, 2 UC-, 3 UC)
 *   bit  5      accessed
 *   bit  6      dirty
 *   bit  7      at level 1 and 2: large page. At level 0 a third bit for the PAT, which large pages have
 *               at bit 12; never set here, kept when a page changes its size
 *   bit  8      global
 *   bit  9      software: none yet
 *   bit 10      software: userfault write-protected
 *   bit 11      software: soft-dirty
 *   bits 51..12 address
 *   bit 63      no execution
 *
 * A store that finds dirty clear sets it in memory. Dirty is a bit of its own: it survives the loss
 * of the write right. Table entries grant everything and are accessed from the start, because an
 * entry is cached only when every level is. */
#ifndef OCTAVO_ARCH_X86_64_FORMAT_H
#define OCTAVO_ARCH_X86_64_FORMAT_H

#define OCT_FORMAT_NAME        "x86_64"
#define OCT_FORMAT_BROADCAST   0 /* each CPU invalidates for itself, asked by an interrupt */
#define OCT_FORMAT_SHARED_ROOT 1 /* user and kernel half hang from one root */
/* Address bits of the user half: the lower half of the root. */
#define OCT_FORMAT_USER_BITS (OCT_PAGE_SHIFT + OCT_LEVELS * OCT_TABLE_SHIFT - 1)
/* A fault drops the entry that caused it. */
#define OCT_FORMAT_FAULT_KEEPS 0
/* No TLB keeps an invalid entry. */
#define OCT_FORMAT_CACHES_INVALID 0
/* Large pages of 2 MiB and 1 GiB, at level 1 and 2. */
#define OCT_FORMAT_LEAF_MAX 2
/* No contiguous bit. */
#define OCT_FORMAT_CONT 0
/* An address is where it is translated to. */
#define OCT_FORMAT_PHYS_SHIFT 0

#define OCT_X86_64_PAT 0x0007010600070106ull

#define OCT_X86_64_PRESENT  ((oct_pte_t)1 << 0)
#define OCT_X86_64_WRITE    ((oct_pte_t)1 << 1)
#define OCT_X86_64_USER     ((oct_pte_t)1 << 2)
#define OCT_X86_64_PAT_BITS ((oct_pte_t)3 << 3)
#define OCT_X86_64_ACCESSED ((oct_pte_t)1 << 5)
#define OCT_X86_64_DIRTY    ((oct_pte_t)1 << 6)
#define OCT_X86_64_LARGE    ((oct_pte_t)1 << 7)
#define OCT_X86_64_PAT_0    ((oct_pte_t)1 << 7)
#define OCT_X86_64_PAT_1    ((oct_pte_t)1 << 12) /* at level 1 and 2 */
#define OCT_X86_64_GLOBAL   ((oct_pte_t)1 << 8)
#define OCT_X86_64_UFFD_WP  ((oct_pte_t)1 << 10)
#define OCT_X86_64_SOFT     ((oct_pte_t)1 << 11)
#define OCT_X86_64_ADDRESS  (((oct_pte_t)1 << 52) - ((oct_pte_t)1 << 12))
#define OCT_X86_64_NX       ((oct_pte_t)1 << 63)

static inline bool oct_pte_present(oct_pte_t pte)
{
	return (pte & OCT_X86_64_PRESENT) != 0;
}

static inline bool oct_pte_write(oct_pte_t pte)
{
	return (pte & OCT_X86_64_WRITE) != 0;
}

static inline bool oct_pte_user(oct_pte_t pte)
{
	return (pte & OCT_X86_64_USER) != 0;
}

static inline bool oct_pte_global(oct_pte_t pte)
{
	return (pte & OCT_X86_64_GLOBAL) != 0;
}

static inline bool oct_pte_exec(oct_pte_t pte)
{
	return (pte & OCT_X86_64_NX) == 0;
}

static inline bool oct_pte_young(oct_pte_t pte)
{
	return (pte & OCT_X86_64_ACCESSED) != 0;
}

static inline bool oct_pte_dirty(oct_pte_t pte)
{
	return (pte & OCT_X86_64_DIRTY) != 0;
}

static inline bool oct_pte_cont(oct_pte_t pte)
{
	(void)pte;
	return false;
}

static inline bool oct_pte_soft_dirty(oct_pte_t pte)
{
	return (pte & OCT_X86_64_SOFT) != 0;
}

static inline bool oct_pte_uffd_wp(oct_pte_t pte)
{
	return (pte & OCT_X86_64_UFFD_WP) != 0;
}

static inline oct_pte_t oct_pte_mkclean(oct_pte_t pte)
{
	return pte & ~OCT_X86_64_DIRTY;
}

static inline oct_pte_t oct_pte_mkdirty(oct_pte_t pte)
{
	return pte | OCT_X86_64_DIRTY;
}

static inline oct_pte_t oct_pte_wrprotect(oct_pte_t pte)
{
	return pte & ~OCT_X86_64_WRITE;
}

static inline oct_pte_t oct_pte_mkwrite(oct_pte_t pte)
{
	return pte | OCT_X86_64_WRITE;
}

static inline oct_pte_t oct_pte_mkyoung(oct_pte_t pte)
{
	return pte | OCT_X86_64_ACCESSED;
}

static inline oct_pte_t oct_pte_mkold(oct_pte_t pte)
{
	return pte & ~OCT_X86_64_ACCESSED;
}

static inline oct_pte_t oct_pte_mk_soft_dirty(oct_pte_t pte)
{
	return pte | OCT_X86_64_SOFT;
}

static inline oct_pte_t oct_pte_clear_soft_dirty(oct_pte_t pte)
{
	return pte & ~OCT_X86_64_SOFT;
}

static inline oct_pte_t oct_pte_mk_uffd_wp(oct_pte_t pte)
{
	return oct_pte_wrprotect(pte) | OCT_X86_64_UFFD_WP;
}

static inline oct_pte_t oct_pte_clear_uffd_wp(oct_pte_t pte)
{
	return pte & ~OCT_X86_64_UFFD_WP;
}

static inline oct_phys_t oct_pte_phys(oct_pte_t pte)
{
	return pte & OCT_X86_64_ADDRESS;
}

static inline bool oct_pte_is_table(oct_pte_t pte, unsigned level)
{
	return level > 0 && (pte & (OCT_X86_64_PRESENT | OCT_X86_64_LARGE)) == OCT_X86_64_PRESENT;
}

static inline enum oct_memory_type oct_pte_type(oct_pte_t pte)
{
	switch ((pte & OCT_X86_64_PAT_BITS) >> 3) {
	case 1:
		return OCT_WRITE_COMBINING;
	case 2:
		return OCT_DEVICE;
	case 3:
		return OCT_UNCACHED;
	default:
		return OCT_NORMAL;
	}
}

static inline oct_pte_t oct_x86_64_pat(enum oct_memory_type type)
{
	switch (type) {
	case OCT_WRITE_COMBINING:
		return (oct_pte_t)1 << 3;
	case OCT_DEVICE:
		return (oct_pte_t)2 << 3;
	case OCT_UNCACHED:
		return (oct_pte_t)3 << 3;
	default:
		return 0;
	}
}

static inline oct_pte_t oct_x86_64_rights(unsigned prot)
{
	oct_pte_t bits = 0;

	if (prot & OCT_KERNEL)
		bits |= OCT_X86_64_GLOBAL;
	else if (prot & OCT_PROT_MASK)
		bits |= OCT_X86_64_USER;
	if (prot & OCT_WRITE)
		bits |= OCT_X86_64_WRITE;
	if (!(prot & OCT_EXEC))
		bits |= OCT_X86_64_NX;
	return bits;
}

static inline oct_pte_t oct_pte_make(oct_phys_t page, unsigned prot, enum oct_memory_type type)
{
	return (page & OCT_X86_64_ADDRESS) | OCT_X86_64_PRESENT | oct_x86_64_pat(type) |
	       oct_x86_64_rights(prot);
}

static inline oct_pte_t oct_pte_resize(oct_pte_t pte, unsigned from, unsigned to)
{
	bool pat = (pte & (from > 0 ? OCT_X86_64_PAT_1 : OCT_X86_64_PAT_0)) != 0;

	pte &= ~(OCT_X86_64_LARGE | (from > 0 ? OCT_X86_64_PAT_1 : 0));
	if (to > 0)
		pte |= OCT_X86_64_LARGE;
	if (pat)
		pte |= to > 0 ? OCT_X86_64_PAT_1 : OCT_X86_64_PAT_0;
	return pte;
}

static inline oct_phys_t oct_pte_leaf_phys(oct_pte_t pte, unsigned level)
{
	return pte & OCT_X86_64_ADDRESS & ~(oct_level_bytes(level) - 1);
}

static inline oct_pte_t oct_pte_mk_cont(oct_pte_t pte)
{
	return pte;
}

static inline oct_pte_t oct_pte_clear_cont(oct_pte_t pte, unsigned index)
{
	(void)index;
	return pte;
}

static inline oct_pte_t oct_pte_modify(oct_pte_t pte, unsigned prot)
{
	pte &= ~(OCT_X86_64_GLOBAL | OCT_X86_64_USER | OCT_X86_64_WRITE | OCT_X86_64_NX);
	pte |= oct_x86_64_rights(prot);
	return oct_pte_uffd_wp(pte) ? oct_pte_wrprotect(pte) : pte;
}

static inline oct_pte_t oct_pte_make_table(oct_phys_t page, unsigned level, bool kernel)
{
	(void)level;
	return (page & OCT_X86_64_ADDRESS) | OCT_X86_64_PRESENT | OCT_X86_64_WRITE | OCT_X86_64_ACCESSED |
	       (kernel ? 0 : OCT_X86_64_USER);
}

#endif
