/* secondary.c: the secondary MMUs of a space. SPDX-License-Identifier: MIT
 *
 * WHO OWNS WHICH WORD
 *   space.secondary, secondary.next   a list; written by bind and unbind, one at a time; read with
 *                                     interrupts off by who completes a flush (src/tlb/tlb.c)
 *
 * WHY NONE IS MISSED (F9)
 * A flusher draws its generation (SC, after its entry stores), then reads the list (SC). Bind stores the
 * list (SC), then reads the generation (SC), and the device walks after that. If the flusher does not see
 * the device, the read finds the draw, and with it every entry store of the draw; so do the walks. (Without
 * the read nothing would order the walks after the store of the list.)
 *
 * WHO IS BEHIND A MEMBER
 * was bound before it was, and binds do not overlap: who has seen a member through the head (acquire) has
 * seen all behind it, so links between members need no order.
 *
 * WHY NONE IS CALLED WHEN IT IS GONE
 * Readers have interrupts off from the read of the list to their last call. Unbind takes the struct out
 * of the list and then waits until each CPU has taken an interrupt: who reads later does not find it. Where
 * the space ends all leave first, and then the same is done with the list: a flush that finds it empty owes
 * nothing to those that have left. */
#include <octavo/notify.h>
#include "../tlb/authority.h"

/* T0 has no other walkers than the local CPU. */
#if OCT_TIER > 0

void oct_secondary_bind(struct oct_space *space, struct oct_secondary *secondary)
{
	oct_store(&secondary->next, oct_load(&space->secondary, OCT_RLX), OCT_RLX); /* the caller's alone */
	oct_store(&space->secondary, secondary, OCT_SC); /* F9; release: its fields are seen */
	(void)oct_load(&space->generation, OCT_SC);      /* F9; pairs with the draw in oct_ticket_close */
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
	/* Release: for who finds those behind it through the head, and did not see them bound. */
	oct_store(link, oct_load(&secondary->next, OCT_RLX), OCT_REL);
	oct_grace_wait(space->system);
}

void oct_secondary_leave(struct oct_space *space)
{
	/* Relaxed: the end of the space comes after every bind and unbind, which its caller sees to. */
	struct oct_secondary *s = oct_load(&space->secondary, OCT_RLX), *next;

	if (s == NULL)
		return;
	for (; s != NULL; s = next) {
		next = oct_load(&s->next, OCT_RLX);
		s->leave(s, space);
	}
	/* Release: pairs with the read of who completes a flush; accesses of those that left are done. */
	oct_store(&space->secondary, (struct oct_secondary *)NULL, OCT_REL);
	oct_grace_wait(space->system);
}

void oct_secondary_invalidate(struct oct_space *space, uintptr_t start, size_t pages, enum oct_depth depth)
{
	unsigned long state = oct_cpu_enter();

	/* Acquire: pairs with the stores above. Relaxed: who is behind a member. */
	for (struct oct_secondary *s = oct_load(&space->secondary, OCT_ACQ); s != NULL;
	     s = oct_load(&s->next, OCT_RLX))
		s->invalidate(s, space, start, pages, depth);
	oct_cpu_leave(state);
}

bool oct_secondary_young(struct oct_space *space, uintptr_t start, size_t pages, bool clear)
{
	unsigned long state = oct_cpu_enter();
	bool young = false;

	/* As above: acquire for the first, relaxed for those behind. */
	for (struct oct_secondary *s = oct_load(&space->secondary, OCT_ACQ); s != NULL;
	     s = oct_load(&s->next, OCT_RLX))
		if (s->young)
			young |= s->young(s, space, start, pages, clear);
	oct_cpu_leave(state);
	return young;
}

#endif
