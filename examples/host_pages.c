/* host_pages.c: the T0 upcalls of t1.c and t2.c, and the folio of a page. SPDX-License-Identifier: MIT
 *
 * Memory is one array; a "physical" address is an offset into it. */
#include <octavo/octavo.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGES = 1024 };
static _Alignas(1 << OCT_PAGE_SHIFT) unsigned char memory[PAGES << OCT_PAGE_SHIFT];
static bool taken[PAGES] = {true}; /* page 0 stays out */
static struct oct_folio folios[PAGES];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

oct_phys_t oct_port_page_alloc(unsigned order, enum oct_page_use use)
{
	size_t count = (size_t)1 << order, at = 0, found = 0;

	(void)use;
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < PAGES && found < count; i++) {
		if (i % count == 0)
			at = i, found = 0;
		found += !taken[i];
	}
	if (found == count)
		memset(&taken[at], true, count);
	pthread_mutex_unlock(&lock);
	if (found < count)
		return OCT_NO_PAGE;
	folios[at].page = at << OCT_PAGE_SHIFT;
	return at << OCT_PAGE_SHIFT;
}

void oct_port_page_free(oct_phys_t page, unsigned order, enum oct_page_use use)
{
	(void)use;
	pthread_mutex_lock(&lock);
	memset(&taken[page >> OCT_PAGE_SHIFT], false, (size_t)1 << order);
	pthread_mutex_unlock(&lock);
}

void oct_port_page_clear(oct_phys_t page, unsigned order)
{
	memset(memory + page, 0, OCT_PAGE_SIZE << order);
}

void *oct_port_phys_to_virt(oct_phys_t page)
{
	return memory + page;
}

struct oct_folio *oct_port_folio_of(oct_phys_t page)
{
	return &folios[page >> OCT_PAGE_SHIFT];
}

void oct_port_log(const char *line)
{
	puts(line);
}

void oct_port_panic(const char *why)
{
	puts(why);
	abort();
}
