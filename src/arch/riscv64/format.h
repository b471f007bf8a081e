/* riscv64 entries: Sv39, Sv48 and Sv57 (OCT_LEVELS 3, 4, 5), 4 KiB pages. SPDX-License-Identifier: MIT
 *
 *   bit  0      V: valid
 *   bit  1      R: readable. A valid entry with R, W and X clear links a table, so every leaf has R
 *   bit  2      W: writable (never without R: reserved)
 *   bit  3      X: executable
 *   bit  4      U: for users
 *   bit  5      G: global
 *   bit  6      A: accessed
 *   bit  7      D: dirty
 *   bit  8      software: soft-dirty
 *   bit  9      software: userfault write-protected
 *   bits 53..10 page number
 *   bits 60..54 reserved, clear
 *   bits 62..61 PBMT: 0 as the platform says, 1 non-cacheable, 2 I/O (Svpbmt)
 *   bit  63     N: one of a contiguous, aligned block (Svnapot); the low bits of the page number then
 *               say how large the block is
 *
 * Dirty is a bit of its own: it survives the loss of the write right. With Svadu hardware sets A and D;
 * with Svade the access faults and the handler sets them: the entries are the same. Table entries have
 * nothing but V and the page number; the rest is reserved there. A leaf above level 0 has the bits of one
 * at level 0, but N, which is reserved there; its page number is aligned to its size.
 *
 * What the host says about its harts, with -D:
 *   OCT_RISCV64_SVVPTC   they take notice of an entry that becomes valid by themselves (Svvptc)
 *   OCT_RISCV64_NO_NAPOT  no Svnapot: bit 63 stays clear
 *   OCT_RISCV64_NO_PBMT  no Svpbmt: bits 62..61 stay clear, and the platform decides about memory types */
#ifndef OCTAVO_ARCH_RISCV64_FORMAT_H
#define OCTAVO_ARCH_RISCV64_FORMAT_H

#define OCT_FORMAT_NAME        "riscv64"
#define OCT_FORMAT_BROADCAST   1 /* the firmware fences every hart and returns when that is done */
#define OCT_FORMAT_SHARED_ROOT 1 /* user and kernel half hang from one root */
/* Address bits of the user half: the lower half of the root. */
#define OCT_FORMAT_USER_BITS (OCT_PAGE_SHIFT + OCT_LEVELS * OCT_TABLE_SHIFT - 1)
/* A fault leaves the entry that caused it in the TLB: who finds a fault spurious invalidates. */
#define OCT_FORMAT_FAULT_KEEPS 1
/* A TLB may keep that an entry, of any level, was invalid: who maps invalidates on his CPU, and other
 * CPUs do when they fault without need. */
#ifdef OCT_RISCV64_SVVPTC
#define OCT_FORMAT_CACHES_INVALID 0
#else
#define OCT_FORMAT_CACHES_INVALID 1
#endif

/* A leaf of any level: 2 MiB, 1 GiB, 512 GiB, 256 TiB. */
#define OCT_FORMAT_LEAF_MAX (OCT_LEVELS - 1)
/* Svnapot: blocks of 64 KiB. Without it OCT_RISCV64_NO_NAPOT. */
#ifdef OCT_RISCV64_NO_NAPOT
#define OCT_FORMAT_CONT 0
#else
#define OCT_FORMAT_CONT 1
#endif
/* Entries have addresses two bits further down. */
#define OCT_FORMAT_PHYS_SHIFT 2

#define OCT_RISCV64_VALID     ((oct_pte_t)1 << 0)
#define OCT_RISCV64_READ      ((oct_pte_t)1 << 1)
#define OCT_RISCV64_WRITE     ((oct_pte_t)1 << 2)
#define OCT_RISCV64_EXEC      ((oct_pte_t)1 << 3)
#define OCT_RISCV64_USER      ((oct_pte_t)1 << 4)
#define OCT_RISCV64_GLOBAL    ((oct_pte_t)1 << 5)
#define OCT_RISCV64_ACCESSED  ((oct_pte_t)1 << 6)
#define OCT_RISCV64_DIRTY     ((oct_pte_t)1 << 7)
#define OCT_RISCV64_SOFT      ((oct_pte_t)1 << 8)
#define OCT_RISCV64_UFFD_WP   ((oct_pte_t)1 << 9)
#define OCT_RISCV64_NUMBER    (((oct_pte_t)1 << 54) - ((oct_pte_t)1 << 10))
#define OCT_RISCV64_PBMT      ((oct_pte_t)3 << 61)
#define OCT_RISCV64_PBMT_NC   ((oct_pte_t)1 << 61)
#define OCT_RISCV64_PBMT_IO   ((oct_pte_t)2 << 61)
#define OCT_RISCV64_NAPOT     ((oct_pte_t)1 << 63)
#define OCT_RISCV64_ADDRESS   (((oct_phys_t)1 << 56) - ((oct_phys_t)1 << 12))
#define OCT_RISCV64_LEAF_BITS (OCT_RISCV64_READ | OCT_RISCV64_WRITE | OCT_RISCV64_EXEC)

/* Page number bits of an entry with N: the block's number in the upper ones; of the low OCT_CONT_SHIFT
 * ones the highest is set and the others are clear. */
#define OCT_RISCV64_NAPOT_LOW  ((((oct_pte_t)1 << OCT_CONT_SHIFT) - 1) << 10)
#define OCT_RISCV64_NAPOT_SIZE ((oct_pte_t)1 << (OCT_CONT_SHIFT - 1 + 10))

static inline bool oct_pte_present(oct_pte_t pte)
{
	return (pte & OCT_RISCV64_VALID) != 0;
}

static inline bool oct_pte_write(oct_pte_t pte)
{
	return (pte & OCT_RISCV64_WRITE) != 0;
}

static inline bool oct_pte_user(oct_pte_t pte)
{
	return (pte & OCT_RISCV64_USER) != 0;
}

static inline bool oct_pte_global(oct_pte_t pte)
{
	return (pte & OCT_RISCV64_GLOBAL) != 0;
}

static inline bool oct_pte_exec(oct_pte_t pte)
{
	return (pte & OCT_RISCV64_EXEC) != 0;
}

static inline bool oct_pte_young(oct_pte_t pte)
{
	return (pte & OCT_RISCV64_ACCESSED) != 0;
}

static inline bool oct_pte_dirty(oct_pte_t pte)
{
	return (pte & OCT_RISCV64_DIRTY) != 0;
}

static inline bool oct_pte_cont(oct_pte_t pte)
{
	return (pte & OCT_RISCV64_NAPOT) != 0;
}

static inline bool oct_pte_soft_dirty(oct_pte_t pte)
{
	return (pte & OCT_RISCV64_SOFT) != 0;
}

static inline bool oct_pte_uffd_wp(oct_pte_t pte)
{
	return (pte & OCT_RISCV64_UFFD_WP) != 0;
}

static inline oct_pte_t oct_pte_mkclean(oct_pte_t pte)
{
	return pte & ~OCT_RISCV64_DIRTY;
}

static inline oct_pte_t oct_pte_mkdirty(oct_pte_t pte)
{
	return pte | OCT_RISCV64_DIRTY;
}

static inline oct_pte_t oct_pte_wrprotect(oct_pte_t pte)
{
	return pte & ~OCT_RISCV64_WRITE;
}

static inline oct_pte_t oct_pte_mkwrite(oct_pte_t pte)
{
	return pte | OCT_RISCV64_WRITE;
}

static inline oct_pte_t oct_pte_mkyoung(oct_pte_t pte)
{
	return pte | OCT_RISCV64_ACCESSED;
}

static inline oct_pte_t oct_pte_mkold(oct_pte_t pte)
{
	return pte & ~OCT_RISCV64_ACCESSED;
}

static inline oct_pte_t oct_pte_mk_soft_dirty(oct_pte_t pte)
{
	return pte | OCT_RISCV64_SOFT;
}

static inline oct_pte_t oct_pte_clear_soft_dirty(oct_pte_t pte)
{
	return pte & ~OCT_RISCV64_SOFT;
}

static inline oct_pte_t oct_pte_mk_uffd_wp(oct_pte_t pte)
{
	return oct_pte_wrprotect(pte) | OCT_RISCV64_UFFD_WP;
}

static inline oct_pte_t oct_pte_clear_uffd_wp(oct_pte_t pte)
{
	return pte & ~OCT_RISCV64_UFFD_WP;
}

/* Of an entry with N: the first page of its block. */
static inline oct_phys_t oct_pte_phys(oct_pte_t pte)
{
	if (oct_pte_cont(pte))
		pte &= ~OCT_RISCV64_NAPOT_LOW;
	return (pte & OCT_RISCV64_NUMBER) << 2;
}

static inline bool oct_pte_is_table(oct_pte_t pte, unsigned level)
{
	return level > 0 && (pte & (OCT_RISCV64_VALID | OCT_RISCV64_LEAF_BITS)) == OCT_RISCV64_VALID;
}

/* There are three types: registers of devices and strongly ordered memory are one. */
static inline enum oct_memory_type oct_pte_type(oct_pte_t pte)
{
	switch (pte & OCT_RISCV64_PBMT) {
	case OCT_RISCV64_PBMT_NC:
		return OCT_WRITE_COMBINING;
	case OCT_RISCV64_PBMT_IO:
		return OCT_DEVICE;
	default:
		return OCT_NORMAL;
	}
}

static inline oct_pte_t oct_riscv64_pbmt(enum oct_memory_type type)
{
#ifdef OCT_RISCV64_NO_PBMT
	(void)type;
	return 0;
#else
	switch (type) {
	case OCT_WRITE_COMBINING:
		return OCT_RISCV64_PBMT_NC;
	case OCT_UNCACHED:
	case OCT_DEVICE:
		return OCT_RISCV64_PBMT_IO;
	default:
		return 0;
	}
#endif
}

/* Readable always: else the entry would link a table. Whom it is not for, U keeps out. */
static inline oct_pte_t oct_riscv64_rights(unsigned prot)
{
	oct_pte_t bits = OCT_RISCV64_READ;

	if (prot & OCT_KERNEL)
		bits |= OCT_RISCV64_GLOBAL;
	else if (prot & OCT_PROT_MASK)
		bits |= OCT_RISCV64_USER;
	if (prot & OCT_WRITE)
		bits |= OCT_RISCV64_WRITE;
	if (prot & OCT_EXEC)
		bits |= OCT_RISCV64_EXEC;
	return bits;
}

static inline oct_pte_t oct_pte_make(oct_phys_t page, unsigned prot, enum oct_memory_type type)
{
	return (page & OCT_RISCV64_ADDRESS) >> 2 | OCT_RISCV64_VALID | oct_riscv64_pbmt(type) |
	       oct_riscv64_rights(prot);
}

static inline oct_pte_t oct_pte_modify(oct_pte_t pte, unsigned prot)
{
	pte &= ~(OCT_RISCV64_GLOBAL | OCT_RISCV64_USER | OCT_RISCV64_LEAF_BITS);
	pte |= oct_riscv64_rights(prot);
	return oct_pte_uffd_wp(pte) ? oct_pte_wrprotect(pte) : pte;
}

static inline oct_pte_t oct_pte_make_table(oct_phys_t page, unsigned level, bool kernel)
{
	(void)level;
	(void)kernel;
	return (page & OCT_RISCV64_ADDRESS) >> 2 | OCT_RISCV64_VALID;
}

/* The size of a leaf does not show in it. */
static inline oct_pte_t oct_pte_resize(oct_pte_t pte, unsigned from, unsigned to)
{
	(void)from;
	(void)to;
	return pte;
}

static inline oct_phys_t oct_pte_leaf_phys(oct_pte_t pte, unsigned level)
{
	return oct_pte_phys(pte) & ~(oct_level_bytes(level) - 1);
}

/* The entry that each page of the block has: N and the block's size. */
static inline oct_pte_t oct_pte_mk_cont(oct_pte_t pte)
{
	return (pte & ~OCT_RISCV64_NAPOT_LOW) | OCT_RISCV64_NAPOT | OCT_RISCV64_NAPOT_SIZE;
}

static inline oct_pte_t oct_pte_clear_cont(oct_pte_t pte, unsigned index)
{
	return (pte & ~(OCT_RISCV64_NAPOT_LOW | OCT_RISCV64_NAPOT)) | (oct_pte_t)index << 10;
}

#endif
