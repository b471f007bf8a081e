/* objects.c: the mirror's objects: a file and a device's memory. SPDX-License-Identifier: MIT
 *
 * Areas of the slice show them like any other memory; here they are mapped, written back, evicted, truncated,
 * and read and written by calls. What an object contains is known whether a page of it is in memory or not.
 */
#include "mirror_internal.h"
#include <octavo/collapse.h>

enum { FILE_OBJECT, DEVICE_OBJECT };

/* As large as a huge folio needs it. No area shows what lies behind OBJECT_PAGES. */
#define FILE_PAGES ((uint64_t)OCT_HUGE_PAGES)

void objects_start(struct actor *actor)
{
	struct mirror_object *file = &actor->object[FILE_OBJECT], *device = &actor->object[DEVICE_OBJECT];

	file->pages = file->most = OBJECT_PAGES;
	sim_object_init(&file->store, FILE_PAGES);
	device->pages = device->most = DEVICE_PAGES;
	device->first = oct_port_page_alloc(3, OCT_USE_USER);
	if (device->first == OCT_NO_PAGE ||
	    oct_mapping_init(&file->mapping, &file->store, file->pages, OCT_MAPPING_EVENTS) ||
	    oct_mapping_init_pfn(&device->mapping, device, device->first, device->pages, OCT_NORMAL,
	                         OCT_MAPPING_EVENTS))
		differ(actor, "an object cannot be had");
	oct_port_page_clear(device->first, 3);
}

static void call_mmap_file(struct actor *actor)
{
	struct range range = pick_range(actor);
	unsigned number = pick(actor, 4) == 0,
	         flags = pick(actor, 4) ? OCT_MAP_FIXED : OCT_MAP_FIXED_NOREPLACE;
	/* Where others store, they would make private pages the space's own. */
	bool through = number || (actor->cpus > 1 && range.first < NEAR_PAGES) || pick(actor, 2);
	unsigned prot = pick(actor, 3) ? OCT_READ | OCT_WRITE : pick(actor, 4);
	uint64_t index = pick(actor, OBJECT_PAGES);
	uintptr_t at = 0;
	bool there = false;
	int result;

	if (index + range.pages > OBJECT_PAGES)
		index = OBJECT_PAGES - range.pages;
	flags |= through ? OCT_MAP_SHARED : 0;
	for (unsigned i = range.first; i < range.first + range.pages; i++)
		there |= page_at(actor, i)->mapped;
	result = oct_mmap_file(here(actor)->mm, range.start, range.pages * PAGE, prot, flags,
	                       &actor->object[number].mapping, index, &at);
	if (!as_due(actor,
	            number    ? CALL_MMAP_DEVICE
	            : through ? CALL_MMAP_FILE
	                      : CALL_MMAP_FILE_PRIVATE,
	            &range, result, there && !(flags & OCT_MAP_FIXED) ? -OCT_EEXIST : 0))
		return;
	if (at != range.start)
		differ(actor, "mmap_file put it elsewhere");
	for (unsigned i = range.first; i < range.first + range.pages; i++) {
		struct mirror_page *page = page_at(actor, i);

		page_unmap(actor, page);
		page->mapped = true;
		page->prot = prot & OCT_WRITE ? prot | OCT_READ : prot;
		page->file = (uint8_t)(number + 1);
		page->through = through;
		page->index = index + i - range.first;
	}
}

/* What lay past the end is gone, in every space, private copies too. */
static void forget_past(struct actor *actor, unsigned number)
{
	for (unsigned space = 0; space < MOST_SPACES; space++) {
		for (unsigned i = 0; i < SLICE_PAGES; i++) {
			struct mirror_page *page = &actor->spaces[space].page[i];

			if (page->file == number + 1 && past_end(actor, page))
				page->copied = false;
		}
	}
}

static void call_truncate(struct actor *actor)
{
	unsigned number = pick(actor, 4) == 0;
	struct mirror_object *object = &actor->object[number];
	uint64_t pages =
	    pick(actor, 3) ? object->most - pick(actor, (unsigned)object->most / 2) : object->most;

	oct_mapping_truncate(&object->mapping, pages);
	actor->called[CALL_TRUNCATE]++;
	object->pages = pages;
	forget_past(actor, number);
	/* The owner of a file gives zeros there when it grows again; a device has its memory. */
	for (uint64_t i = pages; number == FILE_OBJECT && i < object->most; i++) {
		uint64_t *words = sim_object_page(&object->store, i);

		for (unsigned word = 0; word < PAGE / 8; word++)
			words[word] = 0;
		object->value[i] = 0;
	}
}

static struct range pick_pages(struct actor *actor)
{
	struct range range = {.first = pick(actor, OBJECT_PAGES)};

	range.pages = 1 + pick(actor, OBJECT_PAGES - range.first);
	return range;
}

static void check_written(struct actor *actor, uint64_t first, uint64_t end)
{
	const struct mirror_object *file = &actor->object[FILE_OBJECT];

	for (uint64_t i = first; i < end && i < file->pages; i++)
		if (sim_object_page(&file->store, i)[0] != file->value[i])
			differ(actor, "page %llu of the file was written as %#llx, not %#llx",
			       (unsigned long long)i, (unsigned long long)sim_object_page(&file->store, i)[0],
			       (unsigned long long)file->value[i]);
}

static void call_writeback(struct actor *actor)
{
	struct range range = pick_pages(actor);
	unsigned number = pick(actor, 8) == 0;

	if (as_due(actor, CALL_WRITEBACK, &range,
	           oct_mapping_writeback(&actor->object[number].mapping, range.first, range.pages), 0) &&
	    number == FILE_OBJECT)
		check_written(actor, range.first, range.first + range.pages);
}

static void call_msync(struct actor *actor)
{
	struct range range = pick_range(actor);

	as_due(actor, CALL_MSYNC, &range, oct_msync(here(actor)->mm, range.start, range.end), 0);
}

static void call_evict(struct actor *actor)
{
	struct range range = pick_pages(actor);
	int result = oct_mapping_evict(&actor->object[FILE_OBJECT].mapping, range.first);

	if (result != -OCT_EBUSY)
		as_due(actor, CALL_EVICT, &range, result, 0);
}

/* All contents stay. The object is as large as a huge folio for that time only, so the folio is cut. It may
 * be left alone: somebody holds a page, or wants to be asked for those that are missing. */
static void call_collapse_object(struct actor *actor)
{
	struct mirror_object *file = &actor->object[FILE_OBJECT];
	struct range range = {.first = pick(actor, OBJECT_PAGES), .pages = 1};
	int result;

	if (actor->cpus > 1)
		return; /* others would find it larger */
	oct_mapping_truncate(&file->mapping, FILE_PAGES);
	result = oct_collapse_mapping(&file->mapping, range.first, OCT_HUGE_PAGES);
	oct_mapping_truncate(&file->mapping, file->pages);
	if (result != -OCT_EBUSY && result != -OCT_EAGAIN && result != -OCT_ENOENT)
		as_due(actor, CALL_COLLAPSE_OBJECT, &range, result, 0);
}

/* Reads or writes a page of the file by a call. */
static void call_get(struct actor *actor)
{
	struct mirror_object *file = &actor->object[FILE_OBJECT];
	struct range range = pick_pages(actor);
	uint64_t index = range.first, *word;
	struct oct_folio *folio;

	if (!as_due(actor, CALL_GET, &range, oct_mapping_get(&file->mapping, index, &folio),
	            index >= file->pages ? -OCT_EINVAL : 0))
		return;
	word = oct_port_phys_to_virt(oct_folio_page(folio, index));
	if (oct_load(word, OCT_RLX) != file->value[index])
		differ(actor, "page %llu of the file has %#llx, not %#llx", (unsigned long long)index,
		       (unsigned long long)oct_load(word, OCT_RLX), (unsigned long long)file->value[index]);
	if (pick(actor, 2)) {
		file->value[index] = fresh_value(actor);
		oct_store(word, file->value[index], OCT_RLX); /* others copy the page meanwhile */
		oct_folio_mark_dirty(folio);
	}
	oct_folio_put(folio);
}

void call_object(struct actor *actor)
{
	unsigned kind = pick(actor, 32);

	if (actor->io_fails && !actor->io_fails_alone && pick(actor, 16) == 0)
		sim_fail_io(1 + pick(actor, 8));
	if (kind < 10)
		call_mmap_file(actor);
	else if (kind < 13)
		call_truncate(actor);
	else if (kind < 17)
		call_writeback(actor);
	else if (kind < 20)
		call_msync(actor);
	else if (kind < 26)
		call_evict(actor);
	else if (kind < 31)
		call_get(actor);
	else
		call_collapse_object(actor);
}

void objects_finish(struct actor *actor)
{
	struct mirror_object *file = &actor->object[FILE_OBJECT], *device = &actor->object[DEVICE_OBJECT];
	unsigned tries = 0;

	while (oct_mapping_writeback(&file->mapping, 0, file->most)) {
		if (!actor->io_fails || ++tries == 100)
			differ(actor, "the last write-back fails");
		sim_fail_io(0);
	}
	check_written(actor, 0, file->most);
	for (uint64_t i = 0; i < device->most; i++)
		if (*(uint64_t *)oct_port_phys_to_virt(device->first + i * PAGE) != device->value[i])
			differ(actor, "page %llu of the device has lost a store", (unsigned long long)i);
	if (oct_mapping_exit(&file->mapping) || oct_mapping_exit(&device->mapping))
		differ(actor, "an object is still mapped");
	oct_port_page_free(device->first, 3, OCT_USE_USER);
	sim_object_exit(&file->store);
}
