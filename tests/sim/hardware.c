/* hardware.c: does the sim behave as its header says? SPDX-License-Identifier: MIT
 *
 * Entries are stored by hand, as the manuals give their bits, behind the core's back: what a TLB holds
 * must be used until it is dropped, for all that it covers, and by nothing less. Prints the number of checks.
 */
#include "../../machine/sim/sim.h"
#include "../../machine/sim/decode.h"
#include <stdio.h>
#include <stdlib.h>

#define VA     ((uintptr_t)0x40000000) /* a multiple of 1 GiB in every format's user half */
#define BLOCK  (OCT_PAGE_SIZE * 16)
#define LARGE  (OCT_PAGE_SIZE * 512)
#define MAGIC  0x1122334455667788ull
#define RIGHTS (OCT_READ | OCT_WRITE)

static struct oct_system oct;
static struct oct_mm mm;
static unsigned checks;

#define CHECK(condition) check((condition), #condition, __LINE__)
static void check(bool truth, const char *what, int line)
{
	checks++;
	if (truth)
		return;
	fprintf(stderr, "%s: tests/sim/hardware.c:%d: not so: %s\n", OCT_FORMAT_NAME, line, what);
	exit(1);
}

/* ---- Entries by the manuals ------------------------------------------------------------------------ */
static oct_pte_t ready(oct_phys_t page)
{
	return oct_pte_mkdirty(oct_pte_mkyoung(oct_pte_make(page, RIGHTS, OCT_NORMAL)));
}

static oct_pte_t large(oct_phys_t page)
{
#if defined(OCT_ARCH_ARM64)
	return ready(page) & ~(oct_pte_t)2;
#elif defined(OCT_ARCH_X86_64)
	return ready(page) | 1 << 7;
#else
	return ready(page);
#endif
}

/* Entry i of a contiguous block; 0 where the format has none. */
static oct_pte_t contiguous(oct_phys_t page, unsigned i)
{
#if defined(OCT_ARCH_ARM64)
	return ready(page + i * OCT_PAGE_SIZE) | (oct_pte_t)1 << 52;
#elif defined(OCT_ARCH_RISCV64)
	(void)i;
	return ready(page) | (oct_pte_t)1 << 63 | (oct_pte_t)8 << 10;
#else
	(void)page;
	(void)i;
	return 0;
#endif
}

/* ---- What a CPU does ------------------------------------------------------------------------------------
 */
static uint64_t *word_of(oct_phys_t page, uintptr_t offset)
{
	return (uint64_t *)(void *)((char *)oct_port_phys_to_virt(page + (offset & OCT_PAGE_MASK)) +
	                            (offset & ~OCT_PAGE_MASK));
}

static uint64_t load(uintptr_t va)
{
	uint64_t value = 0;

	CHECK(sim_load64(va, &value) == 0);
	return value;
}

static void drop(uintptr_t va, enum oct_depth depth)
{
	unsigned long flags = oct_port_irq_save();
	enum oct_scope scope = OCT_FORMAT_BROADCAST ? OCT_BROADCAST : OCT_LOCAL;

	oct_mmu_invalidate_range((uint16_t)mm.space.asid, va, 1, scope, depth);
	oct_mmu_invalidate_end(scope);
	oct_port_irq_restore(flags);
}

static struct sim_counters since(struct sim_counters before)
{
	struct sim_counters now = sim_counters(0);

	now.large_hits -= before.large_hits;
	now.walks -= before.walks;
	now.walk_hits -= before.walk_hits;
	now.faults -= before.faults;
	now.by_page -= before.by_page;
	now.hits -= before.hits;
	return now;
}

/* ---- The checks -------------------------------------------------------------------------------------- */
/* count entries from entry on map block: they are cached as one, which stays until a drop of any
 * address in it. Then each is after, and nothing is mapped. */
static void check_covers(oct_pte_t *entry, unsigned count, uintptr_t va, uintptr_t bytes, oct_phys_t block,
                         oct_pte_t after)
{
	struct sim_counters before;
	uintptr_t far = bytes - 8;

	*word_of(block, 0) = MAGIC;
	*word_of(block, far) = MAGIC + 1;
	drop(va, OCT_ALL_LEVELS); /* links and that nothing was there, too */
	before = sim_counters(0);
	CHECK(load(va) == MAGIC);
	CHECK(load(va + far) == MAGIC + 1);
	CHECK(since(before).walks == 1 && since(before).large_hits == 1 && since(before).faults == 0);
	for (unsigned i = 0; i < count; i++)
		entry[i] = after;
	CHECK(load(va) == MAGIC && load(va + far) == MAGIC + 1); /* stale, and used */
	CHECK(sim_store64(va + far, 5) == 0 && *word_of(block, far) == 5);
	CHECK(since(before).walks == 1);
	drop(va + bytes, OCT_LEAF); /* next to it */
	CHECK(load(va) == MAGIC);
	drop(va + bytes / 2, OCT_LEAF);
	before = sim_counters(0);
	CHECK(load(va) == 0); /* the core's fault finds nothing, and fills it */
	CHECK(since(before).faults >= 1);
	CHECK(oct_madvise_dontneed(&mm, va, va + OCT_PAGE_SIZE) == 0);
}

static void check_large(void)
{
	oct_phys_t block = oct_port_page_alloc(9, OCT_USE_USER);
	oct_pte_t *slot = oct_table_find(&mm.space, VA, 1), link = *slot;

	CHECK(block != OCT_NO_PAGE && link != 0);
	CHECK(sim_decode(link, 1).kind == SIM_LINK && sim_decode(link, 1).base == oct_pte_phys(link));
	CHECK(sim_decode(large(block), 1).kind == SIM_LEAF && sim_decode(large(block), 1).shift == 21);
	CHECK(sim_decode(large(block), 1).base == block);
	*slot = large(block);
	check_covers(slot, 1, VA, LARGE, block, link);
	*slot = link;
	oct_port_page_free(block, 9, OCT_USE_USER);
}

static void check_contiguous(void)
{
	oct_phys_t block = oct_port_page_alloc(4, OCT_USE_USER);
	oct_pte_t *entry = oct_table_find(&mm.space, VA, 0);

	CHECK(block != OCT_NO_PAGE && entry);
	for (unsigned i = 0; i < 16; i++)
		entry[i] = contiguous(block, i);
	if (entry[0]) {
		CHECK(sim_decode(entry[3], 0).shift == 16 && sim_decode(entry[3], 0).base == block);
		check_covers(entry, 16, VA, BLOCK, block, 0);
	}
	oct_port_page_free(block, 4, OCT_USE_USER);
}

/* Access rights, state and sizes of a page. */
static void check_page(void)
{
	struct sim_counters before = sim_counters(0);
	oct_pte_t *entry;
	uint64_t value;

	CHECK(sim_store(VA, 4, 0xa1b2c3d4) == 0 && sim_load(VA + 1, 1, &value) == 0 && value == 0xc3);
	CHECK(sim_load(VA + 2, 2, &value) == 0 && value == 0xa1b2);
	CHECK(sim_load(VA + 2, 4, &value) == -OCT_EFAULT);
	CHECK(sim_fetch(VA) == -OCT_EFAULT && sim_load64(VA - 8, &value) == -OCT_EFAULT);
	entry = oct_table_find(&mm.space, VA, 0);
	CHECK(oct_pte_young(*entry) && oct_pte_dirty(*entry));
	CHECK(since(before).faults >= 2);
	CHECK(sim_store64(VA, 3) == 0); /* the fetch that faulted may have dropped it */
	/* Old and clean in memory; what is cached says otherwise and is used. */
	*entry = oct_pte_mkold(oct_pte_mkclean(*entry));
	CHECK(sim_store64(VA, 1) == 0 && !oct_pte_young(*entry) && !oct_pte_dirty(*entry));
	drop(VA, OCT_LEAF);
	CHECK(sim_load64(VA, &value) == 0 && value == 1 && oct_pte_young(*entry) && !oct_pte_dirty(*entry));
	CHECK(sim_store64(VA, 2) == 0 && oct_pte_dirty(*entry));
	CHECK(oct_madvise_dontneed(&mm, VA, VA + OCT_PAGE_SIZE) == 0);
}

/* The walk cache: a link stays until something drops it. */
static void check_links(void)
{
	struct sim_counters before;

	CHECK(load(VA) == 0 && load(VA + OCT_PAGE_SIZE) == 0);
	drop(VA + OCT_PAGE_SIZE, OCT_LEAF);
	drop(VA, OCT_ALL_LEVELS);
	before = sim_counters(0);
	load(VA);
	load(VA + OCT_PAGE_SIZE);
	CHECK(since(before).walk_hits >= 1);
	CHECK(oct_madvise_dontneed(&mm, VA, VA + 2 * OCT_PAGE_SIZE) == 0);
}

static uint32_t left;

/* A CPU that stored and went to another root is no target of the flush: loading the root has made its store
 * happen before the page is freed and poisoned. Only ThreadSanitizer sees where that is missing. */
static void store_and_leave(unsigned cpu, void *arg)
{
	(void)arg;
	if (cpu == 1) {
		oct_mm_switch(&oct, &mm);
		CHECK(sim_store64(VA, 1) == 0);
		oct_mm_switch(&oct, NULL);
		oct_store(&left, 1u, OCT_RLX); /* orders nothing */
		return;
	}
	while (oct_load(&left, OCT_RLX) == 0)
		oct_port_relax();
	CHECK(oct_madvise_dontneed(&mm, VA, VA + OCT_PAGE_SIZE) == 0);
}

static void start(unsigned cpus)
{
	uintptr_t result;

	sim_init(cpus);
	CHECK(oct_system_init(&oct, cpus) == 0 && oct_mm_init(&mm, &oct) == 0);
	sim_attach(&oct);
	CHECK(oct_mmap(&mm, VA, 2 * LARGE, RIGHTS, OCT_MAP_FIXED, &result) == 0);
}

static void stop(void)
{
	oct_mm_exit(&mm);
	oct_system_exit(&oct);
	CHECK(sim_pages_out() == 0);
	sim_check_pool();
	sim_exit();
}

int main(void)
{
	start(1);
	oct_mm_switch(&oct, &mm);
	check_page();
	check_links();
	check_contiguous();
	check_large();
	oct_mm_switch(&oct, NULL);
	stop();
	start(2);
	sim_run(2, store_and_leave, NULL);
	stop();
	printf("%s, %d levels: the machine passes %u checks\n", OCT_FORMAT_NAME, OCT_LEVELS, checks);
	return 0;
}
