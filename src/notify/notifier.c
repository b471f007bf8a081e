/* notifier.c: who is told before a space changes. SPDX-License-Identifier: MIT
 *
 * WHO OWNS WHICH WORD
 *   mm.told           the lock of the space; there are notifiers
 *   area.shown.told   the lock of its mapping, held for writing; as mm.told, for those who come by the object
 *   mm.notifiers      a list; written with the lock of the space held for writing, read with it, or with the
 *                     lock of a mapping that the space shows
 *   notifier.next     written as mm.notifiers
 *
 * WHY NOTHING IS USED THAT CHANGES (I8). A call that changes entries holds the lock of the space, or that of
 * the object whose page it is, from its start (S) to its end (E), and changes them (X) in between. A user of
 * the range looks (L) between two looks at his own state under his own lock, U1 and U2.
 *
 *   - S before U2 under that lock: U2 finds the range announced, or its end; he looks again.
 *   - U2 before S: S waits until what was handed out at U2 is done, and X comes after S.
 *   - E before U1: L comes after X, and sees the new entry.
 *
 * No call is made under a lock that spins, so S may sleep; a call that would have to, reclaim that finds
 * further spaces of a page (oct_rmap_next), leaves alone those that have notifiers: their pages stay for now.
 *
 * WHY NO CHANGE IS MISSED. Bind holds the lock of the space for writing: who holds it is done before, or
 * hears of the notifier. For those who come by an object bind takes the lock of each that the space shows:
 * who held it is done, who has it later finds told and the list. New areas come under the lock of the space.
 *
 * WHY AN END HAS A START. The head of the list as it was at the start goes with the call: members that came
 * since are before it. One that is taken out meanwhile keeps its link, and unbind returns after all locks
 * went round, so after the call (one that stood behind it may be passed over; the contract says so). */
#include "notifier.h"

void oct_notifiers_start(struct oct_announced *announced)
{
	/* Acquire: pairs with the release in oct_notifier_bind; its fields are seen. Relaxed: as in
	 * secondary.c. */
	struct oct_notifier *n = oct_load(&announced->mm->notifiers, OCT_ACQ);

	OCT_COVER("announced");
	announced->first = n;
	for (; n; n = oct_load(&n->next, OCT_RLX))
		n->start(n, announced->mm, announced->start, announced->end);
}

void oct_notifiers_end(const struct oct_announced *announced)
{
	for (struct oct_notifier *n = announced->first; n; n = oct_load(&n->next, OCT_RLX))
		n->end(n, announced->mm, announced->start, announced->end);
}

void oct_notifiers_leave(struct oct_mm *mm)
{
	struct oct_notifier *n = oct_load(&mm->notifiers, OCT_RLX), *next;

	/* Nobody binds or unbinds any more. */
	for (; n; n = next) {
		next = oct_load(&n->next, OCT_RLX);
		n->leave(n, mm);
	}
}

/* The list has changed: all who hold the lock of an object shown see it from now on. */
static void tell(struct oct_mm *mm)
{
	struct oct_vma *vma = oct_vma_first(&mm->areas, 0);

	mm->told = oct_load(&mm->notifiers, OCT_RLX) != NULL;
	for (; vma; vma = oct_vma_first(&mm->areas, vma->end)) {
		if (!vma->space)
			continue;
		oct_rwlock_write_lock(&vma->mapping->lock);
		vma->shown.told = mm->told;
		oct_rwlock_write_unlock(&vma->mapping->lock);
	}
}

void oct_notifier_bind(struct oct_mm *mm, struct oct_notifier *notifier)
{
	oct_rwlock_write_lock(&mm->lock);
	oct_store(&notifier->next, oct_load(&mm->notifiers, OCT_RLX), OCT_RLX); /* the lock's */
	/* Release: pairs with the acquire of who comes by an object and finds told of another one. */
	oct_store(&mm->notifiers, notifier, OCT_REL);
	tell(mm);
	oct_rwlock_write_unlock(&mm->lock);
}

void oct_notifier_unbind(struct oct_mm *mm, struct oct_notifier *notifier)
{
	struct oct_notifier **link = &mm->notifiers, *now;

	oct_rwlock_write_lock(&mm->lock);
	while ((now = oct_load(link, OCT_RLX)) != notifier) { /* the lock's */
		if (!now)
			oct_port_panic("oct_notifier_unbind: it is not bound to this space");
		link = &now->next;
	}
	/* Relaxed: each bind of those behind it has gone round the locks of the objects (tell) before this
	 * store, so who finds them by it, under one of those locks or that of the space, comes after that
	 * bind. */
	oct_store(link, oct_load(&notifier->next, OCT_RLX), OCT_RLX);
	tell(mm);
	oct_rwlock_write_unlock(&mm->lock);
}
