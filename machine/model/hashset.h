/* hashset.h: a set of 64-bit hashes, for tests that no graph is visited twice.
 * SPDX-License-Identifier: MIT */
#ifndef MODEL_HASHSET_H
#define MODEL_HASHSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct hashset {
	uint64_t *slots; /* 0: empty */
	size_t size, used;
};

static inline void hashset_clear(struct hashset *s)
{
	if (s->slots)
		memset(s->slots, 0, s->size * sizeof(*s->slots));
	s->used = 0;
}

/* False if the hash was there. */
static inline bool hashset_add(struct hashset *s, uint64_t hash)
{
	size_t i;

	hash += !hash;
	if (2 * s->used >= s->size) {
		struct hashset bigger = {.size = s->size ? 2 * s->size : 1024};

		bigger.slots = calloc(bigger.size, sizeof(*bigger.slots));
		if (!bigger.slots)
			abort();
		for (size_t k = 0; k < s->size; k++)
			if (s->slots[k])
				hashset_add(&bigger, s->slots[k]);
		free(s->slots);
		*s = bigger;
	}
	for (i = hash & (s->size - 1); s->slots[i]; i = (i + 1) & (s->size - 1))
		if (s->slots[i] == hash)
			return false;
	s->slots[i] = hash;
	s->used++;
	return true;
}

#endif
