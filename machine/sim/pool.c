/* pool.c: the pages of the sim. SPDX-License-Identifier: MIT
 *
 * A buddy allocator over one mapping. Blocks freed last are given out first, so that a stale
 * translation meets somebody else's contents soon. A freed page is filled with a pattern outside the
 * lock, before anybody can get it; who gets it checks the pattern. With SIM_NO_CONTENTS, where work is
 * only counted, there is no pattern and user pages have no contents. */
#include "machine.h"
#include <string.h>
#include <sys/mman.h>

enum { MOST_ORDER = 9, NOWHERE = -1 };
#define FIRST_PAGE ((oct_phys_t)0x40000000)
#define POISON     ((uint64_t)0xdbdbdbdbdbdbdbdb)
#define WORDS      (OCT_PAGE_SIZE / sizeof(uint64_t))
#define FREE       0x80u /* head of a free block, order in the low bits */
#define OUT(use)   (0x40u | (unsigned)(use))

struct page_state {
	int32_t next, prev; /* of a free block's head */
	uint8_t block;      /* FREE | order at a free head, else 0; under lock */
	uint8_t order;      /* of the allocation that starts here; its owner's */
	uint8_t out;        /* atomic: OUT(use) of each page that is out, 0 */
	bool used;          /* was out at least once */
};

static SIM_STATE struct {
	pthread_mutex_t lock;
	unsigned char *bytes;
	struct oct_folio *folios;
	struct page_state *state;
	int32_t list[MOST_ORDER + 1];
	size_t out;           /* atomic */
	uint64_t allocations; /* atomic */
	uint64_t fail_in;     /* atomic */
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void *reserve(size_t bytes)
{
	void *memory =
	    mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		oct_port_panic("sim: no memory for the pool");
	return memory;
}

static unsigned char *page_bytes(size_t index)
{
	return pool.bytes + (index << OCT_PAGE_SHIFT);
}

static size_t page_index(oct_phys_t page)
{
	oct_phys_t index = (page - FIRST_PAGE) >> OCT_PAGE_SHIFT;

	if (page < FIRST_PAGE || index >= SIM_PAGES)
		oct_port_panic("sim: no such page");
	return (size_t)index;
}

/* ---- Free blocks; under the lock ---------------------------------------------------------------- */
static void block_add(size_t index, unsigned order)
{
	struct page_state *block = &pool.state[index];

	block->block = (uint8_t)(FREE | order);
	block->prev = NOWHERE;
	block->next = pool.list[order];
	if (block->next != NOWHERE)
		pool.state[block->next].prev = (int32_t)index;
	pool.list[order] = (int32_t)index;
}

static void block_take(size_t index, unsigned order)
{
	struct page_state *block = &pool.state[index];

	if (block->prev != NOWHERE)
		pool.state[block->prev].next = block->next;
	else
		pool.list[order] = block->next;
	if (block->next != NOWHERE)
		pool.state[block->next].prev = block->prev;
	block->block = 0;
}

/* A block of order, SIM_PAGES for none. */
static size_t block_find(unsigned order)
{
	unsigned from = order;
	size_t index;

	while (from <= MOST_ORDER && pool.list[from] == NOWHERE)
		from++;
	if (from > MOST_ORDER)
		return SIM_PAGES;
	index = (size_t)pool.list[from];
	block_take(index, from);
	while (from > order) {
		from--;
		block_add(index + ((size_t)1 << from), from);
	}
	return index;
}

static void block_give(size_t index, unsigned order)
{
	while (order < MOST_ORDER) {
		size_t buddy = index ^ ((size_t)1 << order);

		if (pool.state[buddy].block != (FREE | order))
			break;
		block_take(buddy, order);
		index &= ~((size_t)1 << order);
		order++;
	}
	block_add(index, order);
}

void sim_pool_init(void)
{
	pool.bytes = reserve((size_t)SIM_PAGES << OCT_PAGE_SHIFT);
	pool.folios = reserve(SIM_PAGES * sizeof *pool.folios);
	pool.state = reserve(SIM_PAGES * sizeof *pool.state);
	for (unsigned order = 0; order <= MOST_ORDER; order++)
		pool.list[order] = NOWHERE;
	for (size_t index = SIM_PAGES; index > 0;) {
		index -= (size_t)1 << MOST_ORDER;
		block_add(index, MOST_ORDER);
	}
	pool.out = 0;
	pool.allocations = pool.fail_in = 0;
}

void sim_pool_exit(void)
{
	munmap(pool.bytes, (size_t)SIM_PAGES << OCT_PAGE_SHIFT);
	munmap(pool.folios, SIM_PAGES * sizeof *pool.folios);
	munmap(pool.state, SIM_PAGES * sizeof *pool.state);
}

/* ---- Contents ------------------------------------------------------------------------------------- */
#ifdef SIM_NO_CONTENTS
enum { CONTENTS = 0 };
#else
enum { CONTENTS = 1 };
#endif

static void poison(size_t index)
{
	uint64_t *words = (uint64_t *)(void *)page_bytes(index);

	for (size_t i = 0; CONTENTS && i < WORDS; i++)
		words[i] = POISON;
}

static void check_poison(size_t index)
{
	const uint64_t *words = (const uint64_t *)(const void *)page_bytes(index);
	uint64_t wrong = 0;

	for (size_t i = 0; CONTENTS && i < WORDS; i++)
		wrong |= words[i] ^ POISON;
	if (wrong)
		oct_port_panic("sim: a page was stored to after it was freed (I1)");
}

void sim_check_pool(void)
{
	for (size_t index = 0; index < SIM_PAGES; index++)
		if (!pool.state[index].out && pool.state[index].used)
			check_poison(index);
}

/* ---- Upcalls ---------------------------------------------------------------------------------------- */
static bool is_to_fail(void)
{
	return oct_load(&pool.fail_in, OCT_RLX) != 0 && oct_fetch_sub(&pool.fail_in, 1, OCT_RLX) == 1;
}

oct_phys_t oct_port_page_alloc(unsigned order, enum oct_page_use use)
{
	size_t index;

	oct_fetch_add(&pool.allocations, 1, OCT_RLX);
	if (order > MOST_ORDER || is_to_fail())
		return OCT_NO_PAGE;
	pthread_mutex_lock(&pool.lock);
	index = block_find(order);
	pthread_mutex_unlock(&pool.lock);
	if (index == SIM_PAGES)
		return OCT_NO_PAGE;
	pool.state[index].order = (uint8_t)order;
	for (size_t i = index; i < index + ((size_t)1 << order); i++) {
		if (pool.state[i].used)
			check_poison(i);
		else
			poison(i); /* contents undefined, and not by chance zero */
		pool.state[i].used = true;
		pool.folios[i].page = FIRST_PAGE + ((oct_phys_t)i << OCT_PAGE_SHIFT);
		oct_store(&pool.state[i].out, (uint8_t)OUT(use),
		          OCT_RLX); /* read by who was told of the page */
	}
	oct_fetch_add(&pool.out, (size_t)1 << order, OCT_RLX);
	return FIRST_PAGE + ((oct_phys_t)index << OCT_PAGE_SHIFT);
}

void oct_port_page_free(oct_phys_t page, unsigned order, enum oct_page_use use)
{
	size_t index = page_index(page);

	/* Pages of users may come back one by one. */
	if (use != OCT_USE_USER && pool.state[index].order != order)
		oct_port_panic("sim: pages are freed that were not given like that");
	for (size_t i = index; i < index + ((size_t)1 << order); i++) {
		if (oct_load(&pool.state[i].out, OCT_RLX) != OUT(use))
			oct_port_panic("sim: a page is freed that is not out");
		oct_store(&pool.state[i].out, (uint8_t)0, OCT_RLX); /* as above */
		poison(i);
	}
	oct_fetch_sub(&pool.out, (size_t)1 << order, OCT_RLX);
	sim_delay();
	pthread_mutex_lock(&pool.lock);
	block_give(index, order);
	pthread_mutex_unlock(&pool.lock);
}

bool sim_page_is(oct_phys_t page, enum oct_page_use use)
{
	return oct_load(&pool.state[page_index(page)].out, OCT_RLX) == OUT(use);
}

void oct_port_page_clear(oct_phys_t page, unsigned order)
{
	if (CONTENTS || !sim_page_is(page, OCT_USE_USER))
		memset(page_bytes(page_index(page)), 0, (size_t)OCT_PAGE_SIZE << order);
}

void *oct_port_phys_to_virt(oct_phys_t page)
{
	return page_bytes(page_index(page));
}

struct oct_folio *oct_port_folio_of(oct_phys_t page)
{
	return &pool.folios[page_index(page)];
}

void oct_port_page_copy(oct_phys_t dst, oct_phys_t src, unsigned order)
{
	uint64_t *to = oct_port_phys_to_virt(dst);
	const uint64_t *from = oct_port_phys_to_virt(src);

	sim_delay();
	for (size_t i = 0; CONTENTS && i < WORDS << order; i++)
		to[i] = oct_load(&from[i], OCT_RLX); /* users may store meanwhile */
	sim_delay();
}

void oct_port_icache_sync(oct_phys_t page, unsigned order)
{
	(void)page;
	(void)order; /* the sim fetches what memory holds */
}

/* ---- Questions of tests ------------------------------------------------------------------------------- */
size_t sim_pages_out(void)
{
	return oct_load(&pool.out, OCT_RLX);
}

uint64_t sim_allocations(void)
{
	return oct_load(&pool.allocations, OCT_RLX);
}

void sim_fail_allocation(uint64_t n)
{
	oct_store(&pool.fail_in, n, OCT_RLX);
}
