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
/* Is result what the mirror says, or a failure that is due? false: the latter, nothing has changed. */
bool as_due(struct actor *actor, const char *call, const struct range *range, int result, int due);
/* The contents of page, first word. */
uint64_t *contents(struct actor *actor, struct mirror_page *page);
/* Fresh contents of a shared page. */
unsigned cell_take(struct actor *actor);
/* Page index was stored to: a large folio may have come to all of its block that was empty. */
void perhaps_filled(struct actor *actor, unsigned index);
/* The page has nothing to keep: reclaim may leave it absent, with what its entry said. */
bool may_vanish(struct actor *actor, struct mirror_page *page);
void run_space(struct actor *actor, unsigned number);

/* ---- calls.c ---- */
/* Every call that is not in mirror.c, one of them at random. */
void call_other(struct actor *actor);

#endif
