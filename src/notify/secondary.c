/* secondary.c: the secondary MMUs of a space. SPDX-License-Identifier: MIT
 *
 * WHO OWNS WHICH WORD
 *   space.secondary, secondary.next   a list; written by bind and unbind, one at a time; read with
 *                                     interrupts off by who completes a flush (src/tlb/tlb.c)
 *
 * WHY NONE IS MISSED (F9)
 * A flusher draws its generation (SC, after its entry stores), then reads the list (SC). Bind stores the
 * list (SC), and the device walks after that. If the flusher does not see it, the draw comes before
 * the store in the order of the SC operations, so does every entry store of the draw, and the
 * device's walks find them.
 *
 * WHY NONE IS CALLED WHEN IT IS GONE
 * Readers have interrupts off from the read of the list to their last call. Unbind takes the struct out
 * of the list and then waits until each CPU has taken an interrupt: who reads later does not find it. */
#include <octavo/notify.h>
#include "../tlb/authority.h"

/* T0 has no other walkers than the local CPU. */
#if OCT_TIER > 0

void oct_secondary_bind(struct oct_space *space, struct oct_secondary *secondary)
{
	oct_store(&secondary->next, oct_load(&space->secondary, OCT_RLX), OCT_RLX); /* the caller's alone */
	oct_store(&space->secondary, secondary, OCT_SC); /* F9; release: its fields are seen */
}

void oct_secondary_unbind(struct oct_space *space, struct oct_secondary *secondary)
{
	struct oct_secondary **link = &space->secondary;

	/* Relaxed: the list is the caller's alone to change. */
	while (oct_load(link, OCT_RLX) != secondary) {
		if (oct_load(link, OCT_RLX) == NULL)
			oct_port_panic("oct_secondary_unbind: it is not bound to this space");
		link = &oct_load(link, OCT_RLX)->next;
	}
	/* Release: who reads past secondary sees the fields of those behind it. */
	oct_store(link, oct_load(&secondary->next, OCT_RLX), OCT_REL);
	oct_grace_wait(space->system);
}

void oct_secondary_leave(struct oct_space *space)
{
	/* Acquire: pairs with the stores above. Nothing binds to the space any more. */
	struct oct_secondary *s = oct_load(&space->secondary, OCT_ACQ), *next;

	for (; s != NULL; s = next) {
		next = oct_load(&s->next, OCT_ACQ);
		s->leave(s, space);
	}
}

void oct_secondary_invalidate(struct oct_space *space, uintptr_t start, size_t pages, enum oct_depth depth)
{
	unsigned long state = oct_cpu_enter();

	/* Acquire: pairs with the stores above. */
	for (struct oct_secondary *s = oct_load(&space->secondary, OCT_ACQ); s != NULL;
	     s = oct_load(&s->next, OCT_ACQ))
		s->invalidate(s, space, start, pages, depth);
	oct_cpu_leave(state);
}

#endif
