/* core/kernel-unmap: a kernel page is unmapped and freed while another CPU reads it.
 * SPDX-License-Identifier: MIT
 *
 * The kernel's half has entries of every number, and tables that are reached by way of every root. now unmaps
 * through a ticket, and frees the page when that is complete on every CPU (I1); table frees the leaf table
 * too. not-flushed frees at once. one-number flushes as if the page were of the space that runs: all of
 * its number, which leaves a global entry. leaf-only frees the table after a flush that leaves the walk
 * caches. */
#include <octavo/check.h>

enum { READ_WRITE_KERNEL = OCT_READ | OCT_WRITE | OCT_KERNEL };

static struct oct_mm *mm;
static struct oct_space kernel;
static oct_phys_t page;
static uintptr_t start;

static void setup(void)
{
	start = ~(uintptr_t)0 << OCT_FORMAT_USER_BITS;
	OC_ASSERT(OC_ASSERTION, oct_kernel_space_init(&kernel, oc_system(), start, ~(uintptr_t)0) == 0);
	mm = oc_mm();
	page = oct_port_page_alloc(0, OCT_USE_CORE);
	OC_ASSERT(OC_ASSERTION, oct_table_map(&kernel, start, page, 1, READ_WRITE_KERNEL, OCT_NORMAL) == 0);
	OC_ASSERT(OC_ASSERTION, oc_kernel_store32(start, 7) == 0);
}

static void reader(void)
{
	uint32_t value = 0;

	if (oc_kernel_load32(start, &value) == 0) {
		OC_ASSERT(OC_I2, value == 7);
		oc_cover("read");
	} else {
		oc_cover("not-there");
	}
}

static void unmap(bool table)
{
	struct oct_ticket ticket;

	oct_ticket_init(&ticket, &kernel);
	OC_ASSERT(OC_ASSERTION, oct_table_unmap(&kernel, start, start + OCT_PAGE_SIZE, false, &ticket) == 0);
	if (table)
		OC_ASSERT(OC_ASSERTION,
		          oct_table_trim(&kernel, start, start + oct_level_bytes(1), &ticket) == 0);
	oct_ticket_complete(&ticket);
	oct_port_page_free(page, 0, OCT_USE_CORE);
}

static void now(void)
{
	unmap(false);
}

static void table(void)
{
	unmap(true);
}

/* The entry of start at this level, by itself. */
static oct_pte_t *entry(unsigned level)
{
	return oct_table_find(&kernel, start, level);
}

static void not_flushed(void)
{
	oc_entry_xchg(entry(0), 0);
	oct_port_page_free(page, 0, OCT_USE_CORE);
}

static void one_number(void)
{
	oc_entry_xchg(entry(0), 0);
	oc_dsb();
	oc_tlbi(mm, 0, 0, OC_BROADCAST, OC_ALL_LEVELS);
	oc_dsb();
	oct_port_page_free(page, 0, OCT_USE_CORE);
}

static void leaf_only(void)
{
	oct_phys_t leaves = oct_pte_phys(oc_entry_get(entry(1)));

	oc_entry_xchg(entry(1), 0);
	oc_dsb();
	oc_tlbi(mm, start, 1, OC_BROADCAST, OC_LEAF);
	oc_dsb();
	oct_port_page_free(leaves, 0, OCT_USE_TABLE);
}

OC_SCENARIO(.setup = setup, .arch = OC_ARCH_ALL, .actors = {OC_CPU(OC_VARIANT), OC_CPU(reader)},
            .cover = {"read", "not-there"},
            .variants = {{.name = "not-flushed", .run = not_flushed, .expected = OC_VIOLATES(OC_I1)},
                         {.name = "one-number", .run = one_number, .expected = OC_VIOLATES(OC_I1)},
                         {.name = "leaf-only", .run = leaf_only, .expected = OC_VIOLATES(OC_I1)},
                         {.name = "now", .run = now, .expected = OC_HOLDS},
                         {.name = "table", .run = table, .expected = OC_HOLDS}})
