/* host_port.c: see host_port.h. SPDX-License-Identifier: MIT */
#include "host_port.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <cmocka.h>

#define FIRST_PAGE ((oct_phys_t)0x40000000)
enum { FREED = 0xdb, TLB_ENTRIES = 512, MOST_DEFERRED = 256 };

unsigned host_cpu;
struct oct_system *host_system;
struct oct_mm *host_current[OCT_MAX_CPUS];
unsigned long host_interrupts;
struct host_mmu_counts host_mmu;
oct_phys_t host_kernel_root;
bool host_tlb_keeps_invalid;

/* ---- Pages ------------------------------------------------------------------------------------- */
static unsigned char *arena;
/* Order + 1 of the allocation that starts here, 0xff inside. Pages of users may come back one by one. */
static unsigned char page_out[HOST_PAGES];
enum { USER_PAGE = 0xfe };
static struct oct_folio folios[HOST_PAGES];
static unsigned pages_out, fail_in, next_page;
static unsigned long allocations;

static unsigned page_index(oct_phys_t page)
{
	oct_phys_t index = (page - FIRST_PAGE) >> OCT_PAGE_SHIFT;

	if (page < FIRST_PAGE || index >= HOST_PAGES)
		fail_msg("no such page: %#llx", (unsigned long long)page);
	return (unsigned)index;
}

static unsigned char *page_bytes(unsigned index)
{
	return arena + ((size_t)index << OCT_PAGE_SHIFT);
}

static bool block_free(unsigned index, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (page_out[index + i] != 0)
			return false;
	return true;
}

static void check_untouched(unsigned index)
{
	const unsigned char *bytes = page_bytes(index);

	for (size_t i = 0; i < OCT_PAGE_SIZE; i++)
		if (bytes[i] != FREED)
			fail_msg("page %u was stored to after it was freed, at %zu", index, i);
}

oct_phys_t oct_port_page_alloc(unsigned order, enum oct_page_use use)
{
	unsigned count = 1u << order;

	if (arena == NULL)
		host_reset();
	allocations++;
	if (fail_in != 0 && --fail_in == 0)
		return OCT_NO_PAGE;
	for (unsigned tried = 0; tried < HOST_PAGES; tried += count) {
		unsigned index = (next_page + tried) % HOST_PAGES & ~(count - 1);

		if (!block_free(index, count))
			continue;
		for (unsigned i = 0; i < count; i++) {
			check_untouched(index + i);
			page_out[index + i] = use == OCT_USE_USER ? USER_PAGE : 0xff;
		}
		if (use != OCT_USE_USER)
			page_out[index] = (unsigned char)(order + 1);
		folios[index].order = order;
		next_page = index + count;
		pages_out += count;
		return FIRST_PAGE + ((oct_phys_t)index << OCT_PAGE_SHIFT);
	}
	return OCT_NO_PAGE;
}

void oct_port_page_free(oct_phys_t page, unsigned order, enum oct_page_use use)
{
	unsigned index = page_index(page), count = 1u << order;

	for (unsigned i = 0; i < count; i++)
		if (page_out[index + i] != (use == OCT_USE_USER ? USER_PAGE : i > 0 ? 0xff : order + 1))
			fail_msg("page %u is freed with order %u, but it is not out like that", index, order);
	memset(page_out + index, 0, count);
	memset(page_bytes(index), FREED, (size_t)count << OCT_PAGE_SHIFT);
	pages_out -= count;
}

void oct_port_page_clear(oct_phys_t page, unsigned order)
{
	memset(page_bytes(page_index(page)), 0, (size_t)OCT_PAGE_SIZE << order);
}

void *oct_port_phys_to_virt(oct_phys_t page)
{
	return page_bytes(page_index(page));
}

unsigned host_pages(void)
{
	return pages_out;
}

unsigned long host_allocations(void)
{
	return allocations;
}

void host_fail_allocation(unsigned n)
{
	fail_in = n;
}

bool host_page_is_out(oct_phys_t page)
{
	return page_out[page_index(page)] != 0;
}

/* ---- Objects ------------------------------------------------------------------------------------ */
static struct {
	const void *object; /* NULL: not used */
	uint64_t index;
	unsigned char bytes[1 << OCT_PAGE_SHIFT];
} object_pages[HOST_OBJECT_PAGES];
static unsigned io_fails_in;
unsigned long host_reads, host_writes;

static unsigned char *object_page(const void *object, uint64_t index)
{
	for (unsigned i = 0; i < HOST_OBJECT_PAGES; i++) {
		if (object_pages[i].object == NULL) {
			object_pages[i].object = object;
			object_pages[i].index = index;
		}
		if (object_pages[i].object == object && object_pages[i].index == index)
			return object_pages[i].bytes;
	}
	fail_msg("objects have too many pages");
	return NULL;
}

static bool io_fails(void)
{
	return io_fails_in != 0 && --io_fails_in == 0;
}

void host_fail_io(unsigned n)
{
	io_fails_in = n;
}

int oct_port_page_read(void *object, uint64_t index, oct_phys_t page)
{
	host_reads++;
	if (io_fails())
		return -OCT_EIO;
	memcpy(page_bytes(page_index(page)), object_page(object, index), OCT_PAGE_SIZE);
	return 0;
}

int oct_port_page_write(void *object, uint64_t index, oct_phys_t page)
{
	host_writes++;
	if (!host_page_is_out(page))
		fail_msg("a page is written that was freed");
	if (io_fails())
		return -OCT_EIO;
	memcpy(object_page(object, index), page_bytes(page_index(page)), OCT_PAGE_SIZE);
	return 0;
}

unsigned char *host_object_page(const void *object, uint64_t index)
{
	return object_page(object, index);
}

int host_event_answer;
unsigned long host_events;
struct oct_event host_event;

int oct_port_event(const struct oct_event *event)
{
	host_events++;
	host_event = *event;
	return host_event_answer;
}

bool oct_port_page_same(oct_phys_t a, oct_phys_t b)
{
	return memcmp(page_bytes(page_index(a)), page_bytes(page_index(b)), OCT_PAGE_SIZE) == 0;
}

void oct_port_log(const char *line)
{
	puts(line);
}

void oct_port_panic(const char *why)
{
	mock_assert(0, why, "core", 0); /* returns to expect_assert_failure, else fails the test */
	abort();
}

/* ---- CPUs -------------------------------------------------------------------------------------- */
static unsigned irqs_off;

unsigned oct_port_cpu_self(void)
{
	return host_cpu;
}

unsigned long oct_port_irq_save(void)
{
	return irqs_off++;
}

void oct_port_irq_restore(unsigned long state)
{
	if (irqs_off != state + 1)
		fail_msg("interrupts are restored out of order");
	irqs_off = (unsigned)state;
}

void oct_port_ipi(unsigned cpu)
{
	unsigned sender = host_cpu;

	if (irqs_off != 0)
		fail_msg("an interrupt is sent, to be waited for, with interrupts off (R8)");
	host_interrupts++;
	if (host_system == NULL)
		return;
	host_cpu = cpu;
	oct_tlb_interrupt(host_system);
	host_cpu = sender;
}

void oct_port_relax(void)
{
	fail_msg("the only thread waits: a deadlock");
}

void oct_port_root_changed(struct oct_space *space)
{
	(void)space;
}

void oct_port_wait(uint32_t *word, uint32_t value)
{
	if (oct_load(word, OCT_ACQ) == value)
		fail_msg("the only thread sleeps: a deadlock");
}

void oct_port_wake(uint32_t *word, unsigned count)
{
	(void)word;
	(void)count;
}

struct oct_folio *oct_port_folio_of(oct_phys_t page)
{
	return &folios[page_index(page)];
}

static struct {
	void (*fn)(void *arg);
	void *arg;
} deferred[MOST_DEFERRED];
static unsigned deferred_count;

void oct_port_defer(void (*fn)(void *arg), void *arg)
{
	if (deferred_count == MOST_DEFERRED)
		fail_msg("too much is deferred");
	deferred[deferred_count].fn = fn;
	deferred[deferred_count++].arg = arg;
}

unsigned host_run_deferred(void)
{
	unsigned count = deferred_count;

	for (unsigned i = 0; i < count; i++)
		deferred[i].fn(deferred[i].arg);
	deferred_count = 0;
	return count;
}

struct oct_mm *oct_port_current(void)
{
	return host_current[host_cpu];
}

void oct_port_page_copy(oct_phys_t dst, oct_phys_t src, unsigned order)
{
	memcpy(page_bytes(page_index(dst)), page_bytes(page_index(src)), (size_t)OCT_PAGE_SIZE << order);
}

void oct_port_icache_sync(oct_phys_t page, unsigned order)
{
	(void)page;
	(void)order;
}

/* ---- TLBs -------------------------------------------------------------------------------------- */
struct cached {
	uintptr_t va; /* the first address */
	uintptr_t bytes;
	uint16_t asid;
	bool global;
	bool invalid;   /* there was nothing: pte is 0, level says where the walk ended */
	unsigned level; /* 0 unless invalid */
	oct_pte_t pte;  /* of the first page, as if alone; 0 and not invalid: slot not used */
};

static struct {
	oct_phys_t root;
	uint16_t asid;
	unsigned used; /* entries from here on are not */
	struct cached entry[TLB_ENTRIES];
} cpus[OCT_MAX_CPUS];

static bool upper_half(uintptr_t va)
{
	return (intptr_t)va < 0;
}

static struct cached *cached_find(unsigned cpu, uintptr_t va)
{
	for (unsigned i = 0; i < cpus[cpu].used; i++) {
		struct cached *entry = &cpus[cpu].entry[i];

		if ((entry->pte != 0 || entry->invalid) && va - entry->va < entry->bytes &&
		    (entry->global || entry->asid == cpus[cpu].asid))
			return entry;
	}
	return NULL;
}

static oct_pte_t cached_pte(const struct cached *entry, uintptr_t va)
{
	return entry->pte != 0 ? oct_pte_advance(entry->pte, (va - entry->va) & OCT_PAGE_MASK) : 0;
}

oct_pte_t host_tlb_cached(unsigned cpu, uintptr_t va)
{
	struct cached *entry = cached_find(cpu, va);

	return entry != NULL ? cached_pte(entry, va) : 0;
}

unsigned host_tlb_size(unsigned cpu)
{
	unsigned size = 0;

	for (unsigned i = 0; i < cpus[cpu].used; i++)
		size += cpus[cpu].entry[i].pte != 0;
	return size;
}

/* *at: the level where it ended. */
static oct_pte_t walk(oct_phys_t table, uintptr_t va, unsigned *at)
{
	for (unsigned level = OCT_LEVELS - 1;; level--) {
		const oct_pte_t *entries = oct_port_phys_to_virt(table);
		oct_pte_t pte = entries[oct_table_index(va, level)];

		*at = level;
		if (!host_page_is_out(table))
			fail_msg("a CPU walks a table that was freed (I1)");
		if (!oct_pte_is_table(pte, level))
			return oct_pte_present(pte) ? pte : 0;
		table = oct_pte_phys(pte);
	}
}

oct_pte_t host_tlb_touch(unsigned cpu, uintptr_t va)
{
	struct cached *known = cached_find(cpu, va);
	oct_phys_t root = cpus[cpu].root;
	unsigned level = OCT_LEVELS - 1;
	uintptr_t bytes;
	oct_pte_t pte;

	if (known != NULL)
		return cached_pte(known, va);
	if (upper_half(va) && !OCT_FORMAT_SHARED_ROOT)
		root = host_kernel_root;
	pte = root != 0 ? walk(root, va, &level) : 0;
	if (pte == 0 && !host_tlb_keeps_invalid)
		return 0;
	bytes = pte == 0 || level == 0 ? OCT_PAGE_SIZE : oct_level_bytes(level);
	if (pte != 0 && level == 0 && oct_pte_cont(pte))
		bytes = OCT_CONT_BYTES;
	if (pte != 0)
		pte = oct_pte_single(pte, level, va & ~(bytes - 1));
	for (unsigned i = 0; i < TLB_ENTRIES; i++) {
		struct cached *entry = &cpus[cpu].entry[i];

		if (i < cpus[cpu].used && (entry->pte != 0 || entry->invalid))
			continue;
		if (i >= cpus[cpu].used)
			cpus[cpu].used = i + 1;
		*entry = (struct cached){.va = va & ~(bytes - 1),
		                         .bytes = bytes,
		                         .asid = cpus[cpu].asid,
		                         .global = pte != 0 && oct_pte_global(pte),
		                         .invalid = pte == 0,
		                         .level = pte == 0 ? level : 0,
		                         .pte = pte};
		return cached_pte(entry, va);
	}
	cpus[cpu].used = 0; /* full: a TLB may forget */
	return host_tlb_touch(cpu, va);
}

/* Drops what matches: pages == 0 for every address; all: every number, global ones too; leaf: what a table
 * above the leaves lacked stays. */
static void drop(unsigned cpu, bool all, uint16_t asid, uintptr_t va, size_t pages, bool leaf)
{
	unsigned used = 0;

	for (unsigned i = 0; i < cpus[cpu].used; i++) {
		struct cached *entry = &cpus[cpu].entry[i];
		bool in_range =
		    pages == 0 || (entry->va - va) >> OCT_PAGE_SHIFT < pages || va - entry->va < entry->bytes;
		bool of_asid = entry->global ? pages != 0 : entry->asid == asid;

		if (all || (in_range && of_asid && !(leaf && entry->level > 0)))
			*entry = (struct cached){.pte = 0};
		else if (entry->pte != 0 || entry->invalid)
			used = i + 1;
	}
	cpus[cpu].used = used;
}

static void drop_in(enum oct_scope scope, bool all, uint16_t asid, uintptr_t va, size_t pages, bool leaf)
{
	if (scope == OCT_BROADCAST && !OCT_FORMAT_BROADCAST)
		fail_msg("this architecture has no broadcast");
	host_mmu.broadcasts += scope == OCT_BROADCAST;
	for (unsigned cpu = 0; cpu < OCT_MAX_CPUS; cpu++)
		if (scope == OCT_BROADCAST || cpu == host_cpu)
			drop(cpu, all, asid, va, pages, leaf);
}

void oct_mmu_publish(void)
{
	host_mmu.publish++;
	if (OCT_FORMAT_CACHES_INVALID)
		drop(host_cpu, true, 0, 0, 0, false);
}

void oct_mmu_invalidate_begin(void)
{
	host_mmu.begin++;
}

void oct_mmu_invalidate_range(uint16_t asid, uintptr_t va, size_t pages, enum oct_scope scope,
                              enum oct_depth depth)
{
	if (pages == 0 || (va & ~OCT_PAGE_MASK) != 0)
		fail_msg("a range is invalidated that is empty or not aligned");
	host_mmu.ranges++;
	host_mmu.pages += pages;
	drop_in(scope, false, asid, va, pages, depth == OCT_LEAF);
}

void oct_mmu_invalidate_asid(uint16_t asid, enum oct_scope scope)
{
	host_mmu.asids++;
	drop_in(scope, false, asid, 0, 0, false);
}

void oct_mmu_invalidate_all(enum oct_scope scope)
{
	host_mmu.alls++;
	drop_in(scope, true, 0, 0, 0, false);
}

void oct_mmu_invalidate_end(enum oct_scope scope)
{
	(void)scope;
	host_mmu.ends++;
}

void oct_mmu_load_root(oct_phys_t root, uint16_t asid, bool keep)
{
	if (!host_page_is_out(root))
		fail_msg("a root is loaded that was freed");
	host_mmu.roots++;
	cpus[host_cpu].root = root;
	cpus[host_cpu].asid = asid;
	if (!keep)
		drop(host_cpu, false, asid, 0, 0, false);
}

/* ---- Start --------------------------------------------------------------------------------------- */
void host_reset(void)
{
	size_t size = (size_t)HOST_PAGES << OCT_PAGE_SHIFT;

	if (arena == NULL) {
		arena = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (arena == MAP_FAILED)
			abort();
		memset(arena, FREED, size);
	}
	for (unsigned i = 0; i < HOST_PAGES; i++) {
		if (page_out[i] != 0)
			memset(page_bytes(i), FREED, OCT_PAGE_SIZE);
		page_out[i] = 0;
		folios[i].page = FIRST_PAGE + ((oct_phys_t)i << OCT_PAGE_SHIFT);
	}
	pages_out = fail_in = next_page = 0;
	allocations = host_interrupts = 0;
	host_event_answer = 0;
	host_events = 0;
	host_cpu = irqs_off = deferred_count = 0;
	host_system = NULL;
	host_kernel_root = 0;
	host_reads = host_writes = io_fails_in = 0;
	memset(object_pages, 0, sizeof object_pages);
	host_tlb_keeps_invalid = false;
	memset(host_current, 0, sizeof host_current);
	memset(cpus, 0, sizeof cpus);
	memset(&host_mmu, 0, sizeof host_mmu);
}
