/* walk.h: what the files of src/space share. SPDX-License-Identifier: MIT */
#ifndef OCT_SPACE_WALK_H
#define OCT_SPACE_WALK_H

#include <octavo/mm.h>

/* Rights as areas store them: what the formats cannot refuse is said. */
static inline unsigned oct_mm_prot(unsigned prot)
{
	return prot & (OCT_WRITE | OCT_EXEC) ? prot | OCT_READ : prot;
}

/* Does the present entry map the zero page? It counts no reference then, and has no write right. */
static inline bool oct_mm_is_zero(const struct oct_mm *mm, oct_pte_t pte)
{
	return oct_pte_phys(pte) == mm->zero_page;
}

/* Where a new mapping of bytes (whole pages) goes by the policy of mm; flags: what the area will have.
 * 0: nowhere. */
uintptr_t oct_mm_gap(const struct oct_mm *mm, size_t bytes, unsigned flags);

/* 0 if areas cover [start, end) without a hole, else -OCT_ENOMEM. *had: the rights that any has. */
int oct_mm_covered(const struct oct_mm *mm, uintptr_t start, uintptr_t end, unsigned *had);

/* Give every address of [start, end), where nothing is mapped, a cleared page of a shared area with the
 * rights prot. Nothing is left behind on -OCT_ENOMEM. The caller holds the lock for writing. */
int oct_mm_populate_shared(struct oct_mm *mm, uintptr_t start, uintptr_t end, unsigned prot);

/* oct_munmap of a checked range, under the lock held for writing. 0; -OCT_ENOMEM: an area is cut in its
 * middle and there is no memory; nothing has changed. */
int oct_mm_unmap(struct oct_mm *mm, uintptr_t start, uintptr_t end);

/* Is [start, end) aligned, not empty, and inside the addresses that mm may map? */
bool oct_mm_range_ok(const struct oct_mm *mm, uintptr_t start, uintptr_t end);

/* addr and bytes as mmap, munmap and mprotect take them: *end receives the end of the range, rounded
 * up. 0 or -OCT_EINVAL. */
int oct_mm_range(const struct oct_mm *mm, uintptr_t addr, size_t bytes, uintptr_t *end);

/* Replaces every entry of [start, end) that is present by change(entry, arg), under ticket; tables
 * that are missing are skipped. With revoke, what entries that already look as wanted still
 * wait for joins ticket (R4): when ticket is complete, no CPU has more rights than the entries show. The
 * caller holds the lock of the space. */
void oct_walk_change(struct oct_mm *mm, uintptr_t start, uintptr_t end,
                     oct_pte_t (*change)(oct_pte_t pte, unsigned long arg), unsigned long arg, bool revoke,
                     struct oct_ticket *ticket);

/* The areas of a checked range lose the flags clear and get set; takes the lock for writing. 0; -OCT_ENOMEM: a part is
 * not mapped, or an area is cut and there is no memory: nothing has changed. */
int oct_walk_flags(struct oct_mm *mm, uintptr_t start, uintptr_t end, unsigned clear, unsigned set);
/* The same, under the lock held for writing; the caller trims the store of areas. */
int oct_walk_set_flags(struct oct_mm *mm, uintptr_t start, uintptr_t end, unsigned clear, unsigned set);

/* oct_mmap, and oct_mmap_file where mapping is not NULL: pages from pgoff on. */
int oct_walk_map(struct oct_mm *mm, uintptr_t addr, size_t bytes, unsigned prot, unsigned flags,
                 struct oct_mapping *mapping, uint64_t pgoff, uintptr_t *result);

/* An empty ticket for pages of mm, whose lock is held. */
static inline void oct_walk_ticket(struct oct_ticket *ticket, struct oct_mm *mm)
{
	oct_ticket_init(ticket, &mm->space);
	ticket->runs = mm->large;
}

/* Clears every entry of [start, end); pages go to ticket, dirty of an object's pages to their folios. The
 * caller holds the lock of the space. */
void oct_walk_zap(struct oct_mm *mm, uintptr_t start, uintptr_t end, struct oct_ticket *ticket);

/* Empties what [start, end) shows of objects. Complete on return, so that areas may leave the reverse maps
 * of their objects, or become smaller (R4; races 2, 12). The caller holds the lock for writing. */
void oct_walk_leave_objects(struct oct_mm *mm, uintptr_t start, uintptr_t end);

/* Takes areas and pages out of [start, end), which no area crosses, and gives back tables that became
 * empty. Complete on return. The caller holds the lock for writing. */
void oct_walk_remove(struct oct_mm *mm, uintptr_t start, uintptr_t end);
/* Gives back tables on the way to [start, end), where no area is and no page, that became empty. Complete on
 * return. The caller holds the lock for writing. */
void oct_walk_trim(struct oct_mm *mm, uintptr_t start, uintptr_t end);

#endif
