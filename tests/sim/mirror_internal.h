/* mirror_internal.h: what the files of the mirror share. SPDX-License-Identifier: MIT */
#ifndef MIRROR_INTERNAL_H
#define MIRROR_INTERNAL_H

#include "mirror.h"

#define PAGE ((size_t)OCT_PAGE_SIZE)

/* A range of the slice that does not leave the near or the far part. */
struct range {
	unsigned first, pages;
	uintptr_t start, end;
};

__attribute__((noreturn, format(printf, 2, 3))) void differ(const struct actor *actor, const char *format,
                                                            ...);
unsigned pick(struct actor *actor, unsigned below);
struct range pick_range(struct actor *actor);
struct mirror *here(struct actor *actor);
struct mirror_page *page_at(struct actor *actor, unsigned index);
void page_unmap(struct actor *actor, struct mirror_page *page);
/* After each call that changed what other CPUs may do. */
void second_settle(struct actor *actor, struct mirror_page *page);
uint64_t fresh_value(struct actor *actor);
/* A failure that is due because memory or I/O was made to fail. */
bool excused(const struct actor *actor, int result);
/* Is result what the mirror says, or a failure that is due? false: the latter, nothing has changed. Counts
 * calls that succeed. */
bool as_due(struct actor *actor, enum mirror_call call, const struct range *range, int result, int due);
/* An access of its own, not to a page of the slice: true if it went through. */
bool access_done(struct actor *actor, uintptr_t va, unsigned access, int result, int due);
/* The contents of page, first word. */
uint64_t *contents(struct actor *actor, struct mirror_page *page);
/* Fresh contents of a shared page. */
unsigned cell_take(struct actor *actor);
/* Page index was stored to: a large folio may have come to all of its block that was empty. */
void perhaps_filled(struct actor *actor, unsigned index);
/* The page has nothing to keep: reclaim may leave it absent, with what its entry said. */
bool may_vanish(struct actor *actor, struct mirror_page *page);
void run_space(struct actor *actor, unsigned number);

/* It shows a page past the end of its object. */
bool past_end(const struct actor *actor, const struct mirror_page *page);
/* What a store does to a page that shows an object without being part of it. */
void page_becomes_own(struct actor *actor, struct mirror_page *page);

/* ---- objects.c ---- */
void objects_start(struct actor *actor);
void call_object(struct actor *actor);
/* Nothing shows them any more. They have what was stored last. */
void objects_finish(struct actor *actor);

/* ---- stacks.c ---- */
void call_stack(struct actor *actor);
void stack_finish(struct actor *actor); /* the running space's: compared */

/* ---- leaves.c ---- */
void call_leaf(struct actor *actor);
void leaf_finish(struct actor *actor);

/* ---- huge.c ---- */
void call_huge(struct actor *actor);
void huge_finish(struct actor *actor); /* the running space's: compared */

/* ---- pins.c ---- */
void call_pin(struct actor *actor);

/* ---- supply.c ---- */
void call_supply(struct actor *actor);

/* ---- movers.c ---- */
void call_mover(struct actor *actor);

/* ---- mirror.c ---- */
void store_value(struct actor *actor, unsigned index, uint64_t value);
void call_fork(struct actor *actor);
void call_clear_refs(struct actor *actor, struct range range);

/* ---- calls.c ---- */
/* Every call that is not in mirror.c, one of them at random. */
void call_other(struct actor *actor);

#endif
