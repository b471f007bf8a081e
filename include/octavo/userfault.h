/* userfault.h: pages of a space that somebody else supplies or watches. SPDX-License-Identifier: MIT
 *
 * A handler (a thread of the host, a process, a device model) says for areas what shall be an event. A fault
 * that is one returns OCT_FAULT_EVENT and has changed nothing; the faulting thread tells the handler and
 * sleeps (oct_uffd_wait); the handler resolves the event by one of the calls below and wakes (oct_uffd_wake).
 * The access is made again. The calls resolve pages that nobody has touched yet just as well.
 *
 *   MISSING  nothing is mapped, and the object that the area shows (if any) has no page in memory
 *   MINOR    nothing is mapped, and the object has the page in memory (a fault reads it in, and then is one)
 *   WP       a store to a page that is write-protected for userfault
 *
 * What happens to it: the modes belong to areas. mprotect and cutting keep them, joining needs equal ones,
 * what mremap moves or makes larger takes them along, munmap and a new mapping end them; a child of fork has
 * none. DONTNEED makes pages missing again. A marker (a soft entry) stands for the protection of a page that
 * is not mapped: it moves with mremap, what truncation or eviction take away leaves one in an area with WP,
 * and munmap, DONTNEED and fork's child are without. Whoever changes under sleepers what they wait for (these
 * calls, munmap, truncation) wakes them.
 *
 * Unless a function says otherwise: it takes the lock of mm for reading, page by page, and of an object's
 * mapping where the area shows one; so it may sleep, and is called with interrupts on and no page-table lock
 * or lock of a mapping held. Addresses are page-aligned, a range as in mm.h. Resolutions begin with the first
 * page and stop at the first that they cannot resolve: they return how many they did (1 .. pages), or, if not
 * even one, why; with nothing changed for the others. Each needs areas with some mode:
 *   -OCT_EINVAL  range, flags, or what the call says
 *   -OCT_ENOENT  no area with a mode there
 *   -OCT_EEXIST  something is mapped, or (shared area) in the object's memory: no page is replaced
 *   -OCT_EFAULT  the page lies past the end of the object
 *   -OCT_ENOMEM  no memory for the page or a table
 *   -OCT_EAGAIN  somebody else has the entry in hand for a moment
 * TLB after: no entry that was valid has changed, but for oct_uffd_move, which is complete (mm.h). */
#ifndef OCTAVO_USERFAULT_H
#define OCTAVO_USERFAULT_H

#include <octavo/mm.h>

#ifdef __cplusplus
extern "C" {
#endif

enum oct_uffd_mode { OCT_UFFD_MISSING = 1, OCT_UFFD_MINOR = 2, OCT_UFFD_WP = 4, OCT_UFFD_MODES = 7 };

/* Does the area have one of modes? Under the lock of its space. Any context. */
static inline bool oct_vma_has_uffd(const struct oct_vma *vma, unsigned modes)
{
	return (vma->flags & modes * OCT_VMA_UFFD_MISSING) != 0;
}

/* ---- Areas (T2) --------------------------------------------------------------------------------- */

/* The areas of [start, end), without a hole, have modes from now on, and no others: 0 ends it. MISSING needs
 * private memory or an object with folios, MINOR such an object. Where WP ends, protection and markers of the
 * range go. Wakes all sleepers. Takes the lock of mm for writing. Entries keep their rights, TLBs stay as
 * they are. 0; -OCT_EINVAL: also an area that cannot have a mode; -OCT_ENOMEM: a part is not mapped, or an
 * area is cut and there is no memory: nothing has changed. */
int oct_uffd_register(struct oct_mm *mm, uintptr_t start, uintptr_t end, unsigned modes);

/* Write-protect [start, end) for userfault: enable: a store to a page that is present now makes oct_fault
 * return OCT_FAULT_EVENT until the protection is taken off again; complete. In areas with WP pages that are
 * not there are protected too, by markers: a page that comes is protected. In others absent pages are not
 * touched. Not enable: take it off; the pages stay without the write right and the next store resolves as any
 * other. 0; -OCT_EINVAL; -OCT_ENOMEM: no table for markers; no page has changed, unless a table of the range
 * was retracted meanwhile (collapse.h): then some may be protected, and the call may be made again. */
int oct_uffd_writeprotect(struct oct_mm *mm, uintptr_t start, uintptr_t end, bool enable);

/* For the areas of [start, end), without a hole: enable: a store to a page that is write-protected for
 * userfault (oct_uffd_writeprotect, OCT_SCAN_PROTECT) is no event; the fault takes the protection off and
 * goes on, so that a missing protection says that the page was stored to. Not enable: it is an event again.
 * Takes the lock of mm for writing. Entries and TLBs stay as they are. 0; -OCT_EINVAL; -OCT_ENOMEM: a part is
 * not mapped, or an area is cut and there is no memory: nothing has changed. */
int oct_uffd_async(struct oct_mm *mm, uintptr_t start, uintptr_t end, bool enable);

/* ---- Events (T2) -------------------------------------------------------------------------------- */

struct oct_uffd_event {
	uintptr_t va;            /* page */
	enum oct_uffd_mode mode; /* which it is */
	unsigned access;         /* OCT_READ, OCT_WRITE or OCT_EXEC */
};

/* oct_fault, which see, for the access access to addr; where it returns OCT_FAULT_EVENT, *event says of what.
 */
int oct_uffd_fault(struct oct_mm *mm, uintptr_t addr, unsigned access, struct oct_uffd_event *event);

/* For a thread whose access to addr (any byte) was an event: sleeps while it would be one again and nobody
 * calls oct_uffd_wake. May return early; the access is made again then. What was resolved before a wake that
 * follows it is never slept through. TLBs stay as they are. */
void oct_uffd_wait(struct oct_mm *mm, uintptr_t addr, unsigned access);

/* Wakes all who sleep in oct_uffd_wait on mm: called after a page was resolved, or its protection taken off.
 * Does not sleep; any lock may be held; leaves TLBs alone. */
void oct_uffd_wake(struct oct_mm *mm);

/* ---- Resolutions (T3) ----------------------------------------------------------------------------- */

enum oct_uffd_flag {
	OCT_UFFD_PROTECTED = 1,   /* the pages come write-protected for userfault; the areas have WP */
	OCT_UFFD_ALLOW_HOLES = 2, /* oct_uffd_move: what is empty stays so, and counts as done */
};

/* Fresh pages at start and following, with the contents of the pages pages of memory from physical address
 * from on (page-aligned), which do not change meanwhile. In a private area, also one that shows an object,
 * the page is the space's own; in a shared one it becomes the object's, dirty. It is mapped with the rights
 * of the area, young and dirty; without the write right where it comes protected, or the object's owner wants
 * to be asked before a store. A marker makes it come protected. flags: 0 or OCT_UFFD_PROTECTED. Errors:
 * above. */
int oct_uffd_copy(struct oct_mm *mm, uintptr_t start, size_t pages, oct_phys_t from, unsigned flags);

/* The same for pages pages from start on, with contents by upcall: fill(arg, va, page) stores all of page,
 * which is nobody else's yet and will be at va. It runs without any lock and may sleep; what it returns other
 * than 0 (negative) ends the call. */
int oct_uffd_fill(struct oct_mm *mm, uintptr_t start, size_t pages,
                  int (*fill)(void *arg, uintptr_t va, oct_phys_t page), void *arg, unsigned flags);

/* The same with zeros for pages pages from start on: in a private area the zero page, without the write
 * right; in a shared one as oct_uffd_copy does. How many, or an error as above. */
int oct_uffd_zeropage(struct oct_mm *mm, uintptr_t start, size_t pages, unsigned flags);

/* MINOR: maps the pages that the object has in memory for pages pages from start on, young and without the
 * write right: a store comes by a fault of its own, which tells the object's owner and marks the page dirty
 * (shared area), or copies (private). Also -OCT_EINVAL: no object; -OCT_EFAULT: it has no such page in
 * memory, or it is being read. */
int oct_uffd_continue(struct oct_mm *mm, uintptr_t start, size_t pages, unsigned flags);

/* The pages at from and following move to to, where nothing is, without being copied; from is empty
 * afterwards (MISSING, where that is on). Both in private anonymous areas with the same protection, that of
 * to with some mode; the ranges do not overlap. Young, dirty and soft-dirty move along; userfault
 * write-protection does not. Complete: nobody uses a page by its old address once it is mapped at the new
 * one. Takes both page-table locks. Pages in swap are read in before. flags: 0 or enum oct_uffd_flag. Also
 * -OCT_ENOENT: nothing at from (see ALLOW_HOLES), or no area; -OCT_EBUSY: the page is not this space's alone,
 * or pinned; -OCT_EIO. */
int oct_uffd_move(struct oct_mm *mm, uintptr_t to, uintptr_t from, size_t pages, unsigned flags);

/* From now on an access to one of the pages pages from start on, where nothing is mapped, is
 * OCT_FAULT_SIGNAL: its contents are lost for good. By markers, which munmap and DONTNEED take away; fork's
 * child has them. */
int oct_uffd_poison(struct oct_mm *mm, uintptr_t start, size_t pages);

/* ---- Markers ------------------------------------------------------------------------------------ */
/* A soft entry of kind OCT_SOFT_MARKER: nothing is mapped, and this has to be remembered. For all but
 * faults and the calls above it is as if the entry was none; a table that has one is not empty. */
#define OCT_MARKER_UFFD_WP ((uint64_t)1)
#define OCT_MARKER_POISON  ((uint64_t)2)

/* Nothing is mapped: none, or a marker. */
static inline bool oct_pte_vacant(oct_pte_t pte)
{
	return oct_pte_none(pte) || oct_pte_soft_kind(pte) == OCT_SOFT_MARKER;
}

/* Is pte a marker with one of bits? */
static inline bool oct_pte_marked(oct_pte_t pte, uint64_t bits)
{
	return oct_pte_soft_kind(pte) == OCT_SOFT_MARKER && (oct_pte_soft_value(pte) & bits) != 0;
}

#ifdef __cplusplus
}
#endif
#endif
