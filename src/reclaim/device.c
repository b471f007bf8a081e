/* device.c: private pages that go to memory which CPUs cannot access. SPDX-License-Identifier: MIT
 *
 * A slot of device memory goes through the states of a slot of swap (swap.c): busy from setup to finalize,
 * with the folio in the cache; out afterwards; cached again when a fault has read it back.
 *
 * Why no store is lost (I2, I3). Setup completes its flush before it returns, so before anybody copies; what
 * a CPU stores until then is in the page. The page becomes clean memory of nobody: its contents are kept
 * because the slot is unwritten until they were copied. Dirty and young are those that the exchange returned
 * (races 17); a page that comes back is dirty, since nothing else has its contents.
 *
 * Why nobody is misled meanwhile (I4; races 16). The entry that stands there names the slot, and its flush is
 * complete when the lock of the space is dropped. Who unmaps it gives up its count and is done: finalize
 * stores no entry, it only ends the work on the slot, which goes when nobody names it any more. Who forks
 * counts one more. Who faults counts as at work on the slot, sleeps, and looks at the entry again.
 *
 * Why a pinned page stays (I5). As in pin.c: the exchange, then a read-modify-write of the count. */
#include <octavo/contpte.h>
#include <octavo/device.h>
#include <octavo/pin.h>
#include "../space/walk.h"
#include "../tlb/authority.h"
#include "entry.h"
#include "swap.h"
#include "../notify/notifier.h"

int oct_device_init(struct oct_swap *device, void *object, struct oct_swap_slot *slot, uint32_t pages)
{
	int error = oct_swap_init(device, object, slot, pages);

	if (!error)
		device->device = true;
	return error;
}

void oct_device_attach(struct oct_reclaimer *reclaim, struct oct_swap *device)
{
	reclaim->device = device;
}

/* The locked entry gives its page, if it is the only one that has it. false: the device is full. */
static bool take(struct oct_migrate_vma *migrate, struct oct_pte_guard *guard, struct oct_ticket *ticket)
{
	struct oct_migrate_page *page = &migrate->page[migrate->count];
	oct_pte_t pte = oct_ptep_get(guard), old;
	struct oct_swap_hold hold;

	if (!oct_mm_movable(migrate->mm, pte))
		return true;
	page->folio = oct_folio_of(oct_pte_phys(pte));
	hold = oct_swap_take(migrate->device, page->folio, 1);
	if (hold.slot == OCT_NO_SLOT)
		return false;
	/* The ticket has the verdict. The entry's reference is the cache's now. */
	(void)!oct_entry_change(ticket, guard, guard->pte, guard->va,
	                        oct_pte_mkswap(pte, hold.slot | OCT_SWAP_DEVICE), &old);
	if (!oct_folio_alone(page->folio, 1)) {
		OCT_COVER("migrate-put-back");
		oct_entry_put_back(guard, guard->pte, guard->va, old);
		oct_swap_give_up(migrate->device, hold.slot);
		return true;
	}
	OCT_COVER("device-take");
	page->va = guard->va;
	page->index = hold.slot;
	page->dirty = oct_pte_dirty(old);
	page->young = oct_pte_young(old);
	page->copied = false;
	migrate->count++;
	return true;
}

/* One lock section: entries of the leaf table of va, below end. Returns where to go on; *full: not at all. */
static uintptr_t take_in_leaf(struct oct_migrate_vma *migrate, uintptr_t va, uintptr_t end,
                              struct oct_ticket *ticket, bool *full)
{
	struct oct_pte_guard guard;

	oct_pte_lock_at(&migrate->mm->space, va, &guard);
	if (guard.level) {
		oct_pte_guard_unlock(NULL, &guard);
		va = oct_level_next(va, guard.level);
		return va && va < end ? va : end;
	}
	do {
		*full = !take(migrate, &guard, ticket);
		va = guard.va + OCT_PAGE_SIZE;
	} while (!*full && migrate->count < OCT_RECLAIM_PAGES && va < end && oct_pte_guard_next(&guard));
	oct_pte_guard_unlock(ticket, &guard);
	return *full ? end : va;
}

static struct oct_swap *device_of(const struct oct_mm *mm)
{
	/* Its registry is that of a reclaimer. */
	return mm->space.soft == &oct_swap_soft ? ((struct oct_reclaimer *)(void *)mm->kin.anon)->device
	                                        : NULL;
}

int oct_migrate_vma_setup(struct oct_migrate_vma *migrate, struct oct_mm *mm, uintptr_t start, uintptr_t end)
{
	struct oct_announced announced;
	struct oct_ticket ticket;
	const struct oct_vma *vma;
	bool full = false;

	migrate->count = 0;
	if (!oct_mm_range_ok(mm, start, end) || !device_of(mm))
		return -OCT_EINVAL;
	migrate->mm = mm;
	migrate->device = device_of(mm);
	migrate->next = end;
	oct_ticket_init(&ticket, &mm->space);
	oct_rwlock_read_lock(&mm->lock);
	oct_announce(&announced, mm, start, end);
	for (vma = oct_vma_first(&mm->areas, start); vma && vma->start < end && !full;
	     vma = oct_vma_first(&mm->areas, vma->end)) {
		uintptr_t va = vma->start > start ? vma->start : start;
		uintptr_t last = vma->end < end ? vma->end : end;

		if (oct_vma_kind(vma) != OCT_VMA_ANON)
			continue;
		while (va < last && !full && migrate->count < OCT_RECLAIM_PAGES)
			va = take_in_leaf(migrate, va, last, &ticket, &full);
		if (migrate->count == OCT_RECLAIM_PAGES) {
			migrate->next = va;
			break;
		}
	}
	oct_ticket_complete(&ticket);
	oct_announce_end(&announced);
	oct_rwlock_read_unlock(&mm->lock);
	return (int)migrate->count;
}

int oct_migrate_vma_pages(struct oct_migrate_vma *migrate)
{
	int copied = 0;

	for (unsigned i = 0; i < migrate->count; i++) {
		struct oct_migrate_page *page = &migrate->page[i];

		if (!page->copied)
			page->copied =
			    oct_port_page_write(migrate->device->object, page->index, page->folio->page) == 0;
		copied += page->copied;
	}
	return copied;
}

int oct_migrate_vma_finalize(struct oct_migrate_vma *migrate)
{
	int given = 0;

	/* All of them before the lock of the space is asked for: who sleeps on one of the slots holds it, and
	 * a writer may wait between. */
	for (unsigned i = 0; i < migrate->count; i++)
		given += oct_swap_finish(migrate->device, migrate->page[i].index, migrate->page[i].copied, 0);
	/* What failed is in the cache: a fault maps it again. Where none can, the next access will. */
	for (unsigned i = 0; i < migrate->count; i++)
		if (!migrate->page[i].copied)
			(void)oct_fault(migrate->mm, migrate->page[i].va, OCT_READ);
	migrate->count = 0;
	return given;
}
