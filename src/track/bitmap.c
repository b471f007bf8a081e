/* bitmap.c: sets of pages that several add to and take from. SPDX-License-Identifier: MIT
 *
 * Each word is changed by one atomic operation, so no page is lost or taken twice. A page is added with
 * release and taken with acquire: who takes it sees what was done before it was added, the completion of the
 * flush among it (I3; questions/B1). */
#include <octavo/track.h>

void oct_dirty_init(struct oct_dirty_bitmap *bitmap, uint64_t *words, uint64_t first, uint64_t pages)
{
	bitmap->words = words;
	bitmap->first = first;
	bitmap->pages = pages;
	for (uint64_t i = 0; i < OCT_DIRTY_WORDS(pages); i++)
		oct_store(&words[i], 0, OCT_RLX); /* nobody else uses it yet */
}

/* The first run of ones in word, as a mask, and where it begins and ends. word is not 0. */
static uint64_t first_run(uint64_t word, unsigned *from, unsigned *to)
{
	uint64_t run = 0;

	for (*from = 0; !(word >> *from & 1); ++*from)
		;
	for (*to = *from; *to < 64 && (word >> *to & 1); ++*to)
		run |= (uint64_t)1 << *to;
	return run;
}

/* Takes the first run of what *word has of mask. false: nothing. */
static bool take_run(uint64_t *word, uint64_t mask, unsigned *from, unsigned *to)
{
	uint64_t found, run, got;

	do {
		found = oct_load(word, OCT_RLX) & mask; /* a glance: the exchange decides */
		if (found == 0)
			return false;
		run = first_run(found, from, to);
		/* Acquire: pairs with the releases of who adds. */
		got = oct_fetch_and(word, ~run, OCT_ACQ) & run;
	} while (got == 0); /* another was faster */
	/* What another took out of the middle ends the run: what lies behind goes back. */
	run = first_run(got, from, to);
	if (got != run)
		/* Relaxed: every change of the word is a read-modify-write, so who takes these reads from the
		 * release sequence of who added them. */
		oct_fetch_or(word, got & ~run, OCT_RLX);
	return true;
}

bool oct_dirty_take(const struct oct_dirty_bitmap *bitmap, uint64_t *from, uint64_t end, uint64_t *to)
{
	uint64_t at = *from > bitmap->first ? *from - bitmap->first : 0;
	uint64_t last = end > bitmap->first ? end - bitmap->first : 0;

	if (last > bitmap->pages)
		last = bitmap->pages;
	for (; at < last; at = (at | 63) + 1) {
		uint64_t base = at & ~(uint64_t)63, mask = ~(uint64_t)0 << (at - base);
		unsigned low, high;

		if (last - base < 64)
			mask &= ((uint64_t)1 << (last - base)) - 1;
		if (take_run(&bitmap->words[at / 64], mask, &low, &high)) {
			*from = bitmap->first + base + low;
			*to = bitmap->first + base + high;
			return true;
		}
	}
	return false;
}

void oct_dirty_merge(const struct oct_dirty_bitmap *into, const struct oct_dirty_bitmap *from)
{
	uint64_t at = from->first > into->first ? from->first : into->first, to;
	uint64_t end = into->first + into->pages;

	for (; oct_dirty_take(from, &at, end, &to); at = to)
		for (uint64_t index = at; index < to; index++)
			oct_dirty_add(into, index);
}
