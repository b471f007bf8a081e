/* A format for unit tests that makes confusion visible. SPDX-License-Identifier: MIT
 *
 *   bit 0       present
 *   bit 1..6    read, write, exec, user, global, young
 *   bit 7       dirty
 *   bits 8..9   memory type
 *   bit 10..11  soft-dirty, userfault write-protected
 *   bits 51..12 address
 *   bits 59..56 level + 1 of the table that the entry belongs to
 *   bit 60      contiguous
 *   bit 63      links a table
 *
 * Every present entry names its level. Taking a table link for a leaf, or a link of one level for
 * another's, panics. */
#ifndef OCTAVO_ARCH_FAKE_FORMAT_H
#define OCTAVO_ARCH_FAKE_FORMAT_H

#define OCT_FORMAT_NAME           "fake"
#define OCT_FORMAT_BROADCAST      0
#define OCT_FORMAT_SHARED_ROOT    1
#define OCT_FORMAT_USER_BITS      (OCT_PAGE_SHIFT + OCT_LEVELS * OCT_TABLE_SHIFT - 1)
#define OCT_FORMAT_FAULT_KEEPS    1
#define OCT_FORMAT_CACHES_INVALID 0
#define OCT_FORMAT_LEAF_MAX       2
#define OCT_FORMAT_CONT           1
#define OCT_FORMAT_PHYS_SHIFT     0

#define OCT_FAKE_PRESENT ((oct_pte_t)1 << 0)
#define OCT_FAKE_READ    ((oct_pte_t)1 << 1)
#define OCT_FAKE_WRITE   ((oct_pte_t)1 << 2)
#define OCT_FAKE_EXEC    ((oct_pte_t)1 << 3)
#define OCT_FAKE_USER    ((oct_pte_t)1 << 4)
#define OCT_FAKE_GLOBAL  ((oct_pte_t)1 << 5)
#define OCT_FAKE_YOUNG   ((oct_pte_t)1 << 6)
#define OCT_FAKE_DIRTY   ((oct_pte_t)1 << 7)
#define OCT_FAKE_SOFT    ((oct_pte_t)1 << 10)
#define OCT_FAKE_UFFD_WP ((oct_pte_t)1 << 11)
#define OCT_FAKE_ADDRESS (((oct_pte_t)1 << 52) - ((oct_pte_t)1 << 12))
#define OCT_FAKE_LEVEL   ((oct_pte_t)15 << 56)
#define OCT_FAKE_CONT    ((oct_pte_t)1 << 60)
#define OCT_FAKE_TABLE   ((oct_pte_t)1 << 63)

static inline unsigned oct_fake_level(oct_pte_t pte)
{
	return (unsigned)(pte >> 56) & 15;
}

/* Every use of an entry as a leaf passes here. */
static inline oct_pte_t oct_fake_leaf(oct_pte_t pte)
{
	if ((pte & OCT_FAKE_PRESENT) && (pte & OCT_FAKE_TABLE))
		oct_port_panic("fake format: a table link is used as a leaf");
	return pte;
}

static inline bool oct_pte_present(oct_pte_t pte)
{
	return (pte & OCT_FAKE_PRESENT) != 0;
}

static inline bool oct_pte_write(oct_pte_t pte)
{
	return (oct_fake_leaf(pte) & OCT_FAKE_WRITE) != 0;
}

static inline bool oct_pte_user(oct_pte_t pte)
{
	return (oct_fake_leaf(pte) & OCT_FAKE_USER) != 0;
}

static inline bool oct_pte_global(oct_pte_t pte)
{
	return (oct_fake_leaf(pte) & OCT_FAKE_GLOBAL) != 0;
}

static inline bool oct_pte_exec(oct_pte_t pte)
{
	return (oct_fake_leaf(pte) & OCT_FAKE_EXEC) != 0;
}

static inline bool oct_pte_young(oct_pte_t pte)
{
	return (oct_fake_leaf(pte) & OCT_FAKE_YOUNG) != 0;
}

static inline bool oct_pte_dirty(oct_pte_t pte)
{
	return (oct_fake_leaf(pte) & OCT_FAKE_DIRTY) != 0;
}

static inline bool oct_pte_cont(oct_pte_t pte)
{
	return (oct_fake_leaf(pte) & OCT_FAKE_CONT) != 0;
}

static inline bool oct_pte_soft_dirty(oct_pte_t pte)
{
	return (oct_fake_leaf(pte) & OCT_FAKE_SOFT) != 0;
}

static inline bool oct_pte_uffd_wp(oct_pte_t pte)
{
	return (oct_fake_leaf(pte) & OCT_FAKE_UFFD_WP) != 0;
}

static inline oct_pte_t oct_pte_mkclean(oct_pte_t pte)
{
	return oct_fake_leaf(pte) & ~OCT_FAKE_DIRTY;
}

static inline oct_pte_t oct_pte_mkdirty(oct_pte_t pte)
{
	return oct_fake_leaf(pte) | OCT_FAKE_DIRTY;
}

static inline oct_pte_t oct_pte_wrprotect(oct_pte_t pte)
{
	return oct_fake_leaf(pte) & ~OCT_FAKE_WRITE;
}

static inline oct_pte_t oct_pte_mkwrite(oct_pte_t pte)
{
	return oct_fake_leaf(pte) | OCT_FAKE_WRITE;
}

static inline oct_pte_t oct_pte_mkyoung(oct_pte_t pte)
{
	return oct_fake_leaf(pte) | OCT_FAKE_YOUNG;
}

static inline oct_pte_t oct_pte_mkold(oct_pte_t pte)
{
	return oct_fake_leaf(pte) & ~OCT_FAKE_YOUNG;
}

static inline oct_pte_t oct_pte_mk_soft_dirty(oct_pte_t pte)
{
	return oct_fake_leaf(pte) | OCT_FAKE_SOFT;
}

static inline oct_pte_t oct_pte_clear_soft_dirty(oct_pte_t pte)
{
	return oct_fake_leaf(pte) & ~OCT_FAKE_SOFT;
}

static inline oct_pte_t oct_pte_mk_uffd_wp(oct_pte_t pte)
{
	return oct_pte_wrprotect(pte) | OCT_FAKE_UFFD_WP;
}

static inline oct_pte_t oct_pte_clear_uffd_wp(oct_pte_t pte)
{
	return oct_fake_leaf(pte) & ~OCT_FAKE_UFFD_WP;
}

static inline oct_phys_t oct_pte_phys(oct_pte_t pte)
{
	return pte & OCT_FAKE_ADDRESS;
}

static inline bool oct_pte_is_table(oct_pte_t pte, unsigned level)
{
	if (!(pte & OCT_FAKE_PRESENT))
		return false;
	if (oct_fake_level(pte) != level + 1)
		oct_port_panic("fake format: an entry is used at another level than its own");
	return (pte & OCT_FAKE_TABLE) != 0;
}

static inline enum oct_memory_type oct_pte_type(oct_pte_t pte)
{
	return (enum oct_memory_type)((oct_fake_leaf(pte) >> 8) & 3);
}

static inline oct_pte_t oct_fake_rights(unsigned prot)
{
	oct_pte_t bits = 0;

	if (prot & OCT_PROT_MASK)
		bits |= OCT_FAKE_READ | ((prot & OCT_KERNEL) ? 0 : OCT_FAKE_USER);
	if (prot & OCT_KERNEL)
		bits |= OCT_FAKE_GLOBAL;
	if (prot & OCT_WRITE)
		bits |= OCT_FAKE_WRITE;
	if (prot & OCT_EXEC)
		bits |= OCT_FAKE_EXEC;
	return bits;
}

static inline oct_pte_t oct_pte_make(oct_phys_t page, unsigned prot, enum oct_memory_type type)
{
	return (page & OCT_FAKE_ADDRESS) | OCT_FAKE_PRESENT | ((oct_pte_t)type << 8) | ((oct_pte_t)1 << 56) |
	       oct_fake_rights(prot);
}

/* pte, used as a leaf of level. */
static inline oct_pte_t oct_fake_leaf_of(oct_pte_t pte, unsigned level)
{
	if (oct_fake_level(oct_fake_leaf(pte)) != level + 1)
		oct_port_panic("fake format: a leaf is used at another level than its own");
	return pte;
}

static inline oct_pte_t oct_pte_resize(oct_pte_t pte, unsigned from, unsigned to)
{
	return (oct_fake_leaf_of(pte, from) & ~OCT_FAKE_LEVEL) | (oct_pte_t)(to + 1) << 56;
}

static inline oct_phys_t oct_pte_leaf_phys(oct_pte_t pte, unsigned level)
{
	return oct_fake_leaf_of(pte, level) & OCT_FAKE_ADDRESS & ~(oct_level_bytes(level) - 1);
}

static inline oct_pte_t oct_pte_mk_cont(oct_pte_t pte)
{
	return oct_fake_leaf_of(pte, 0) | OCT_FAKE_CONT;
}

static inline oct_pte_t oct_pte_clear_cont(oct_pte_t pte, unsigned index)
{
	const oct_pte_t low = (((oct_pte_t)1 << OCT_CONT_SHIFT) - 1) << OCT_PAGE_SHIFT;

	return (oct_fake_leaf_of(pte, 0) & ~(OCT_FAKE_CONT | low)) | (oct_pte_t)index << OCT_PAGE_SHIFT;
}

static inline oct_pte_t oct_pte_modify(oct_pte_t pte, unsigned prot)
{
	pte = oct_fake_leaf(pte) &
	      ~(OCT_FAKE_READ | OCT_FAKE_WRITE | OCT_FAKE_EXEC | OCT_FAKE_USER | OCT_FAKE_GLOBAL);
	pte |= oct_fake_rights(prot);
	return oct_pte_uffd_wp(pte) ? oct_pte_wrprotect(pte) : pte;
}

static inline oct_pte_t oct_pte_make_table(oct_phys_t page, unsigned level, bool kernel)
{
	if (level == 0)
		oct_port_panic("fake format: a leaf entry cannot link a table");
	return (page & OCT_FAKE_ADDRESS) | OCT_FAKE_PRESENT | OCT_FAKE_TABLE |
	       ((oct_pte_t)(level + 1) << 56) | (kernel ? OCT_FAKE_GLOBAL : 0);
}

#endif
