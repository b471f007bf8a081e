/* range.h: what one generation changed, in one word. SPDX-License-Identifier: MIT
 *
 * A space remembers the ranges of its newest OCT_OPEN_RANGES generations. One word each, so that a
 * reader needs no lock and never sees half a record: a word whose tag is not the generation's was
 * not written yet, or belongs to a newer one, and the reader invalidates the whole space instead.
 *
 *   bits 63..28  page number of the first page, low 36 bits: 48 bits of address
 *   bits 27..21  leaves, 0 for the whole space; also where 48 bits do not name the first page
 *   bit  20      tables were unlinked: walk caches too
 *   bits 19..18  level of these leaves
 *   bits 17..0   tag: generation / OCT_OPEN_RANGES, low bits */
#ifndef OCT_TLB_RANGE_H
#define OCT_TLB_RANGE_H

#include <octavo/pte.h>
#include <octavo/types.h>

enum {
	OCT_RANGE_TAG_BITS = 18,
	OCT_RANGE_UNIT_SHIFT = 18,
	OCT_RANGE_LEVELS_SHIFT = 20,
	OCT_RANGE_COUNT_SHIFT = 21,
	OCT_RANGE_COUNT_BITS = 7,
	OCT_RANGE_START_SHIFT = 28,
};

/* Address bits that the page number leaves out. */
#define OCT_RANGE_HIGH (~(((uintptr_t)1 << (36 + OCT_PAGE_SHIFT)) - 1))

struct oct_range {
	uintptr_t start;
	size_t leaves;  /* 0: whole space */
	unsigned level; /* of each */
	bool all_levels;
};

static inline unsigned oct_range_slot(uint64_t generation)
{
	return (unsigned)(generation % OCT_OPEN_RANGES);
}

static inline uint64_t oct_range_tag(uint64_t generation)
{
	return (generation / OCT_OPEN_RANGES) & (((uint64_t)1 << OCT_RANGE_TAG_BITS) - 1);
}

/* level: of the leaves that were changed, at most 3. */
static inline uint64_t oct_range_pack(uint64_t generation, uintptr_t start, uintptr_t end, unsigned level,
                                      bool all_levels)
{
	uint64_t leaves = (end - start) >> oct_level_shift(level);
	uint64_t number = (start >> OCT_PAGE_SHIFT) & (((uint64_t)1 << 36) - 1);
	uintptr_t high = start & OCT_RANGE_HIGH;

	if (leaves >= (1u << OCT_RANGE_COUNT_BITS) || level > 3 || (high != 0 && high != OCT_RANGE_HIGH))
		leaves = 0;
	return number << OCT_RANGE_START_SHIFT | leaves << OCT_RANGE_COUNT_SHIFT |
	       (uint64_t)all_levels << OCT_RANGE_LEVELS_SHIFT |
	       (uint64_t)(level & 3) << OCT_RANGE_UNIT_SHIFT | oct_range_tag(generation);
}

/* false: word does not describe generation. */
static inline bool oct_range_unpack(uint64_t word, uint64_t generation, bool kernel, struct oct_range *range)
{
	if ((word & (((uint64_t)1 << OCT_RANGE_TAG_BITS) - 1)) != oct_range_tag(generation))
		return false;
	range->start = (uintptr_t)(word >> OCT_RANGE_START_SHIFT) << OCT_PAGE_SHIFT;
	if (kernel)
		range->start |= OCT_RANGE_HIGH;
	range->leaves = (size_t)(word >> OCT_RANGE_COUNT_SHIFT) & ((1u << OCT_RANGE_COUNT_BITS) - 1);
	range->level = (unsigned)(word >> OCT_RANGE_UNIT_SHIFT) & 3;
	range->all_levels = (word >> OCT_RANGE_LEVELS_SHIFT) & 1;
	return true;
}

#endif
