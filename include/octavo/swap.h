/* swap.h: a swap area, and the entries that stand for pages in it. T3. SPDX-License-Identifier: MIT
 *
 * A swap area is an object (port.h) of as many pages as the caller gives slots for. A slot is used while
 * entries name it. While its page is in memory as well, the slot knows the folio (swap cache) and holds a
 * reference of it: so two who fault on one slot agree on the page, and a page that is being written
 * out is found again. */
#ifndef OCTAVO_SWAP_H
#define OCTAVO_SWAP_H

#include <octavo/pte.h>
#include <octavo/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define OCT_NO_SLOT (~(uint32_t)0)

/* One page of a swap area. All under the lock of the area, but busy. */
struct oct_swap_slot {
	struct oct_folio *folio; /* its page in memory, with a reference; NULL: not there */
	uint32_t count;          /* entries that name it, and those who are at work on it; 0: free */
	uint32_t busy;           /* atomic, changed under the lock: 1 while I/O on it is under way */
	uint32_t next, prev;     /* of the free slots (next), or of those with a folio */
	bool unwritten;          /* the area does not have what folio contains */
};

/* The caller's. */
struct oct_swap {
	uint32_t lock; /* atomic: 4 in docs/LOCKING.md; everything below but the first three */
	void *object;
	struct oct_swap_slot *slot;
	uint32_t slots;
	uint32_t free;   /* first of the free slots */
	uint32_t cached; /* first of those with a folio */
	uint32_t used;   /* slots with a count */
	bool device;     /* memory of a device (device.h) */
};

/* A swap area of slots pages (1 .. 2^31 - 1), the memory for whose slots is at slot. object is passed to
 * oct_port_page_read and oct_port_page_write, with the number of the slot. Any context, nobody else uses it.
 * 0; -OCT_EINVAL. */
int oct_swap_init(struct oct_swap *swap, void *object, struct oct_swap_slot *slot, uint32_t slots);

/* Slots that are in use: a glance, plain when nobody else is at work. Spins; any context with interrupts
 * on. */
uint32_t oct_swap_used(struct oct_swap *swap);

/* ---- Entries ------------------------------------------------------------------------------------ */
/* A soft entry of kind OCT_SOFT_SWAP: the slot, and the two bits of software that the page's entry had. What
 * hardware may still set in an entry that was just taken away is no part of it (races 47): compare with
 * oct_pte_soft_same. */
#define OCT_SWAP_SOFT_DIRTY ((uint64_t)1 << 34)
#define OCT_SWAP_UFFD_WP    ((uint64_t)1 << 35)

/* In the number of a slot as entries have it: the slot is one of device memory. All that looks at the two bits
 * of software serves both. */
#define OCT_SWAP_DEVICE ((uint32_t)1 << 31)

/* The entry that stands for the page of the present entry pte, in slot. */
static inline oct_pte_t oct_pte_mkswap(oct_pte_t pte, uint32_t slot)
{
	return oct_pte_mksoft(OCT_SOFT_SWAP, slot | (oct_pte_soft_dirty(pte) ? OCT_SWAP_SOFT_DIRTY : 0) |
	                                         (oct_pte_uffd_wp(pte) ? OCT_SWAP_UFFD_WP : 0));
}

/* The swap entry pte with bits (of the two above) set or cleared. */
static inline oct_pte_t oct_pte_swap_bits(oct_pte_t pte, uint64_t bits, bool set)
{
	bits <<= OCT_SOFT_VALUE_SHIFT;
	return set ? pte | bits : pte & ~bits;
}

static inline uint32_t oct_swap_slot_of(oct_pte_t pte)
{
	return (uint32_t)oct_pte_soft_value(pte);
}

#ifdef __cplusplus
}
#endif
#endif
