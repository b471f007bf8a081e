/* objects.c: files and swap devices of the sim, in memory. SPDX-License-Identifier: MIT
 *
 * An object is a row of pages. What the core reads is what it last wrote, or zeros; a failed write
 * leaves what was there. I/O takes a moment: others run meanwhile. */
#include "machine.h"
#include <stdlib.h>
#include <string.h>

#define WORDS (OCT_PAGE_SIZE / sizeof(uint64_t))

static SIM_STATE struct {
	uint64_t fail_in; /* atomic */
	uint64_t done;    /* atomic */
	int (*event)(const struct oct_event *event);
	uint64_t events; /* atomic */
} io;

void sim_object_init(struct sim_object *object, uint64_t pages)
{
	object->pages = pages;
	object->words = calloc(pages * WORDS, sizeof(uint64_t));
	if (!object->words)
		oct_port_panic("sim: no memory for an object");
}

void sim_object_exit(struct sim_object *object)
{
	free(object->words);
	object->words = NULL;
}

uint64_t *sim_object_page(const struct sim_object *object, uint64_t index)
{
	if (index >= object->pages)
		oct_port_panic("sim: there is no such page of an object");
	return object->words + index * WORDS;
}

void sim_fail_io(uint64_t n)
{
	oct_store(&io.fail_in, n, OCT_RLX);
}

uint64_t sim_io(void)
{
	return oct_load(&io.done, OCT_RLX);
}

void sim_on_event(int (*event)(const struct oct_event *event))
{
	io.event = event;
}

uint64_t sim_events(void)
{
	return oct_load(&io.events, OCT_RLX);
}

/* false: it fails. */
static bool io_begins(void)
{
	if (sim_self->irqs_off != 0)
		oct_port_panic("sim: I/O with interrupts off");
	oct_fetch_add(&io.done, 1, OCT_RLX);
	oct_port_relax();
	return oct_load(&io.fail_in, OCT_RLX) == 0 || oct_fetch_sub(&io.fail_in, 1, OCT_RLX) != 1;
}

int oct_port_page_read(void *object, uint64_t index, oct_phys_t page)
{
	const uint64_t *from = sim_object_page(object, index);
	uint64_t *to = oct_port_phys_to_virt(page);

	if (!sim_page_is(page, OCT_USE_USER))
		oct_port_panic("sim: I/O into a page that is not out (I1)");
	if (!io_begins())
		return -OCT_EIO;
	for (size_t i = 0; i < WORDS; i++)
		to[i] = oct_load(&from[i], OCT_RLX); /* another write-back of the page may be late */
	oct_port_relax();
	return 0;
}

int oct_port_page_write(void *object, uint64_t index, oct_phys_t page)
{
	uint64_t *to = sim_object_page(object, index);
	const uint64_t *from = oct_port_phys_to_virt(page);

	if (!sim_page_is(page, OCT_USE_USER))
		oct_port_panic("sim: I/O from a page that is not out (I1)");
	if (!io_begins())
		return -OCT_EIO;
	for (size_t i = 0; i < WORDS; i++)
		oct_store(&to[i], oct_load(&from[i], OCT_RLX), OCT_RLX); /* users may store meanwhile */
	oct_port_relax();
	return 0;
}

bool oct_port_page_same(oct_phys_t a, oct_phys_t b)
{
	const uint64_t *x = oct_port_phys_to_virt(a), *y = oct_port_phys_to_virt(b);

	for (size_t i = 0; i < WORDS; i++)
		if (oct_load(&x[i], OCT_RLX) != oct_load(&y[i], OCT_RLX))
			return false;
	return true;
}

int oct_port_event(const struct oct_event *event)
{
	oct_fetch_add(&io.events, 1, OCT_RLX);
	return io.event ? io.event(event) : 0;
}
