/* walk.h: what the files of src/space share. SPDX-License-Identifier: MIT */
#ifndef OCT_SPACE_WALK_H
#define OCT_SPACE_WALK_H

#include <octavo/mm.h>

/* Is [start, end) aligned, not empty, and inside the addresses that mm may map? */
bool oct_mm_range_ok(const struct oct_mm *mm, uintptr_t start, uintptr_t end);

/* addr and bytes as mmap, munmap and mprotect take them: *end receives the end of the range, rounded
 * up. 0 or -OCT_EINVAL. */
int oct_mm_range(const struct oct_mm *mm, uintptr_t addr, size_t bytes, uintptr_t *end);

/* Replaces every entry of [start, end) that is present by change(entry, arg), under ticket; tables
 * that are missing are skipped. With revoke, what entries that already look as wanted still
 * wait for joins ticket (R4): when ticket is complete, no CPU has more rights than the entries show. The caller holds
 * the lock of the space. */
void oct_walk_change(struct oct_mm *mm, uintptr_t start, uintptr_t end,
                     oct_pte_t (*change)(oct_pte_t pte, unsigned long arg), unsigned long arg, bool revoke,
                     struct oct_ticket *ticket);

/* Takes areas and pages out of [start, end), which no area crosses, and gives back tables that became
 * empty. Complete on return. The caller holds the lock for writing. */
void oct_walk_remove(struct oct_mm *mm, uintptr_t start, uintptr_t end);

#endif
