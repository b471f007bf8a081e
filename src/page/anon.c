/* anon.c: from a private page to the entries that map it. SPDX-License-Identifier: MIT
 *
 * Who owns what
 *   links of a space     the lock of its registry
 *   lineage of a space   set before anybody else knows the space, or by the fork that makes it a copy
 *   lineage of a folio   set before the entry that first maps it is stored: the page-table lock of any
 *                        entry that maps it carries it to who looks
 *   users                under the lock of the registry: who is at work on a space and holds no lock of it
 *
 * Why a walk may trust what it finds. The lock of the registry keeps each space in its ring, so its tables
 * and its root are there; the lock of the space, held for reading, keeps its areas and its tables; and the
 * page-table lock keeps the entry. None of the first two is waited for in the wrong order: the lock of a
 * space is only tried.
 *
 * Why it may miss entries, and why that is no harm. Each entry that a walk does not find still holds
 * its reference of the folio. Who wants to do something to a page that must be done to all of its
 * entries counts what he found, and leaves the page alone when there are more references.
 *
 * Why a space does not end under somebody's hands. Its end takes it out of the registry first, so that
 * no walk finds it, and then waits for those who had found it before (users). Who drops the last one wakes
 * the sleeper under the lock, and the sleeper takes the lock once more: after that nobody looks at the
 * space. */
#include <octavo/contpte.h>
#include <octavo/mm.h>
#include "../tlb/authority.h"

void oct_anon_lock(struct oct_anon *anon)
{
	oct_spin_lock(&anon->lock);
}

void oct_anon_unlock(struct oct_anon *anon)
{
	oct_spin_unlock(&anon->lock);
}

void oct_anon_init(struct oct_anon *anon, const struct oct_soft *soft)
{
	anon->lock = 0;
	anon->first = NULL;
	anon->hand = NULL;
	anon->spaces = 0;
	anon->lineages = 0;
	anon->soft = soft;
}

/* ---- Spaces come and go ------------------------------------------------------------------------- */

void oct_kin_init(struct oct_kin *kin)
{
	kin->anon = NULL;
	kin->lineage = 0;
	kin->next = NULL;
	kin->prev = NULL;
	kin->next_kin = NULL;
	kin->prev_kin = NULL;
	kin->hand = 0;
	kin->users = 0;
	kin->leaving = false;
	kin->moved = false;
	kin->gate = 0;
}

static void link_space(struct oct_anon *anon, struct oct_mm *mm)
{
	mm->kin.prev = NULL;
	mm->kin.next = anon->first;
	if (anon->first)
		anon->first->kin.prev = mm;
	anon->first = mm;
	anon->spaces++;
}

static void unlink_space(struct oct_anon *anon, struct oct_mm *mm)
{
	if (anon->hand == mm)
		anon->hand = mm->kin.next;
	if (mm->kin.prev)
		mm->kin.prev->kin.next = mm->kin.next;
	else
		anon->first = mm->kin.next;
	if (mm->kin.next)
		mm->kin.next->kin.prev = mm->kin.prev;
	anon->spaces--;
}

/* A ring of its own. */
static void be_alone(struct oct_mm *mm)
{
	mm->kin.next_kin = mm;
	mm->kin.prev_kin = mm;
}

static void leave_ring(struct oct_mm *mm)
{
	mm->kin.prev_kin->kin.next_kin = mm->kin.next_kin;
	mm->kin.next_kin->kin.prev_kin = mm->kin.prev_kin;
	be_alone(mm);
}

int oct_anon_add(struct oct_anon *anon, struct oct_mm *mm)
{
	if (mm->kin.anon || mm->areas.root)
		return -OCT_EINVAL;
	oct_anon_lock(anon);
	mm->kin.anon = anon;
	mm->kin.lineage = ++anon->lineages;
	mm->space.soft = anon->soft;
	be_alone(mm);
	link_space(anon, mm);
	oct_anon_unlock(anon);
	return 0;
}

void oct_anon_fork_begin(struct oct_mm *child, const struct oct_mm *parent)
{
	if (child->kin.lineage)
		return;
	child->kin.anon = parent->kin.anon;
	child->space.soft = parent->space.soft;
}

void oct_anon_fork_undo(struct oct_mm *child)
{
	if (child->kin.lineage)
		return;
	child->kin.anon = NULL;
	child->space.soft = NULL;
}

void oct_anon_fork(struct oct_mm *child, struct oct_mm *parent)
{
	struct oct_anon *anon = parent->kin.anon;

	if (!anon)
		return;
	oct_anon_lock(anon);
	if (child->kin.lineage)
		leave_ring(child);
	else
		link_space(anon, child);
	child->kin.lineage = parent->kin.lineage;
	child->kin.moved = parent->kin.moved;
	child->kin.prev_kin = parent;
	child->kin.next_kin = parent->kin.next_kin;
	parent->kin.next_kin->kin.prev_kin = child;
	parent->kin.next_kin = child;
	oct_anon_unlock(anon);
}

void oct_anon_remove(struct oct_mm *mm)
{
	struct oct_anon *anon = mm->kin.anon;

	if (!anon)
		return;
	oct_anon_lock(anon);
	unlink_space(anon, mm);
	leave_ring(mm);
	while (mm->kin.users) {
		mm->kin.leaving = true;
		oct_store(&mm->kin.gate, 1u, OCT_RLX); /* the lock orders it */
		oct_anon_unlock(anon);
		oct_port_wait(&mm->kin.gate, 1);
		oct_anon_lock(anon);
	}
	oct_anon_unlock(anon);
}

void oct_anon_hold(struct oct_mm *mm)
{
	mm->kin.users++;
}

void oct_anon_release(struct oct_mm *mm)
{
	if (--mm->kin.users || !mm->kin.leaving)
		return;
	/* Relaxed: the sleeper takes the lock, which is held here, before he believes anything. */
	oct_store(&mm->kin.gate, 0u, OCT_RLX);
	oct_port_wake(&mm->kin.gate, 1);
}

void oct_anon_born(const struct oct_mm *mm, const struct oct_vma *vma, uintptr_t va, struct oct_folio *folio)
{
	if (!mm->kin.lineage)
		return;
	folio->lineage = mm->kin.lineage;
	folio->index = vma->pgoff + ((va - vma->start) >> OCT_PAGE_SHIFT);
}

/* ---- Walking the entries of a folio --------------------------------------------------------------- */

void oct_rmap_start(struct oct_rmap *walk, struct oct_folio *folio, struct oct_mm *mm, uintptr_t va,
                    struct oct_mm *held)
{
	walk->folio = folio;
	walk->hint = va;
	walk->first = mm;
	walk->mm = NULL;
	walk->held = held;
	walk->locked = false;
	walk->missed = false;
}

/* Is the folio mapped at va? Then its entry stays locked. */
static bool mapped_at(struct oct_rmap *walk, uintptr_t va)
{
	if ((va & ~OCT_PAGE_MASK) || va < OCT_USER_START || va > walk->mm->space.last)
		return false;
	oct_pte_lock_at(&walk->mm->space, va, &walk->guard);
	if (walk->guard.level == 0) {
		oct_pte_t pte = oct_ptep_get(&walk->guard);

		if (oct_pte_present(pte) && oct_pte_phys(pte) == walk->folio->page)
			return true;
	}
	oct_pte_guard_unlock(NULL, &walk->guard);
	return false;
}

/* Areas were moved, here or where the hint comes from: whichever show the folio's index. */
static bool mapped_in_areas(struct oct_rmap *walk)
{
	const struct oct_vma_tree *areas = &walk->mm->areas;
	const struct oct_vma *vma = oct_vma_first(areas, 0);

	for (; vma; vma = oct_vma_first(areas, vma->end)) {
		uint64_t page = walk->folio->index - vma->pgoff;

		if (!(vma->flags & OCT_MAP_SHARED) && page < (vma->end - vma->start) >> OCT_PAGE_SHIFT &&
		    mapped_at(walk, vma->start + (uintptr_t)(page << OCT_PAGE_SHIFT)))
			return true;
	}
	return false;
}

static bool mapped_in_space(struct oct_rmap *walk)
{
	uintptr_t birth = (uintptr_t)(walk->folio->index << OCT_PAGE_SHIFT);

	if (mapped_at(walk, walk->hint) || (birth != walk->hint && mapped_at(walk, birth)))
		return true;
	return (walk->mm->kin.moved || walk->first->kin.moved) && mapped_in_areas(walk);
}

/* The lock of walk->mm, without waiting. */
static bool enter_space(struct oct_rmap *walk)
{
	if (walk->mm == walk->held)
		return true;
	walk->locked = oct_rwlock_read_trylock(&walk->mm->lock);
	/* Who has notifiers is not changed from here: they may sleep (notify.h). */
	if (walk->locked && !walk->mm->told)
		return true;
	walk->missed = true;
	return false;
}

static void leave_space(struct oct_rmap *walk)
{
	if (walk->locked)
		oct_rwlock_read_unlock(&walk->mm->lock);
	walk->locked = false;
}

void oct_rmap_end(struct oct_rmap *walk)
{
	leave_space(walk);
	walk->first = NULL;
}

bool oct_rmap_next(struct oct_rmap *walk)
{
	while (walk->first) {
		leave_space(walk);
		if (walk->mm && walk->mm->kin.next_kin == walk->first) {
			oct_rmap_end(walk);
			break;
		}
		walk->mm = walk->mm ? walk->mm->kin.next_kin : walk->first;
		if (enter_space(walk) && mapped_in_space(walk))
			return true;
	}
	return false;
}

struct oct_mm *oct_rmap_find(struct oct_anon *anon, const struct oct_folio *folio)
{
	struct oct_mm *mm = anon->first;

	while (mm && (!folio->lineage || mm->kin.lineage != folio->lineage))
		mm = mm->kin.next;
	return mm;
}
