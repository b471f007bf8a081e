/* words.c: names of the core's shared words, for schedules. SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

const char *actor_name(unsigned thread)
{
	const struct oc_actor *a = &world.scenario->actors[world.rules.cpu[thread]];

	if (a->run)
		return a->name;
	return world.variant->name && *world.variant->name ? world.variant->name : "variant";
}

__attribute__((format(printf, 1, 2))) static char *named(const char *format, ...)
{
	char text[96];
	va_list args;
	char *copy;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	copy = strdup(text);
	if (!copy)
		abort();
	return copy;
}

static char *field_name(const struct oc_field *fields, size_t offset, const char *owner, unsigned number)
{
	for (; *fields->name; fields++) {
		if (offset - fields->offset >= fields->size)
			continue;
		if (fields->word < fields->size)
			return named("%s %zu of %s%u", fields->name, (offset - fields->offset) / fields->word,
			             owner, number);
		return named("%s of %s%u", fields->name, owner, number);
	}
	return NULL;
}

/* A lock word in the page beside a table: of which address? */
static char *lock_name(uint64_t address)
{
	unsigned frame = frame_of((void *)(uintptr_t)address);
	const struct entry_of *slot;

	if (frame <= FRAME_BASE || world.frame_use[frame] != 1 + OCT_USE_TABLE)
		return NULL;
	slot = entry_at((uintptr_t)frame_address(frame - 1) + (address & (OCT_PAGE_SIZE - 1) & ~7ull));
	if (!slot)
		return NULL;
	return named("page-table lock of %#llx, level %u", (unsigned long long)slot->va, slot->level - 1u);
}

char *word_name(uint64_t address)
{
	const char *p = (const char *)(uintptr_t)address;
	size_t offset;

	if (!in_arena(p))
		return NULL;
	offset = (size_t)(p - world.arena);
	if (offset < FRAMES * sizeof(struct oct_folio))
		return field_name(world.glue->folio_fields, offset % sizeof(struct oct_folio), "p",
		                  FRAME_BASE + (unsigned)(offset / sizeof(struct oct_folio)));
	for (unsigned i = 0; i < world.nmm; i++) {
		offset = (size_t)(p - (const char *)world.mm[i]);
		if (offset < world.glue->mm_size)
			return field_name(world.glue->mm_fields, offset, "mm", i);
	}
	offset = (size_t)(p - (const char *)world.system);
	if (world.system && offset < world.glue->system_size) {
		if (offset - world.glue->cpu_offset < world.glue->cpu_size * OCT_MAX_CPUS) {
			offset -= world.glue->cpu_offset;
			return field_name(world.glue->cpu_fields, offset % world.glue->cpu_size, "cpu",
			                  (unsigned)(offset / world.glue->cpu_size));
		}
		return field_name(world.glue->system_fields, offset, "system", 0);
	}
	return lock_name(address);
}
