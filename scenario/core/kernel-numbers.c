/* core/kernel-numbers: a kernel table is freed while a CPU goes from one space to another and back.
 * SPDX-License-Identifier: MIT
 *
 * What a CPU keeps of the way to a kernel table it keeps under the number that was loaded then. now unmaps
 * and trims: each CPU drops what it has under every number. loaded-number invalidates the address on the
 * other CPU, wherever it is: on x86-64 that leaves the walk caches of the number that is not loaded now (I1).
 */
#include <octavo/check.h>

enum { READ_WRITE_KERNEL = OCT_READ | OCT_WRITE | OCT_KERNEL };

static struct oct_mm *mm, *other;
static struct oct_space kernel;
static oct_phys_t page;
static uintptr_t start;

static void setup(void)
{
	start = ~(uintptr_t)0 << OCT_FORMAT_USER_BITS;
	OC_ASSERT(OC_ASSERTION, oct_kernel_space_init(&kernel, oc_system(), start, ~(uintptr_t)0) == 0);
	page = oct_port_page_alloc(0, OCT_USE_CORE);
	OC_ASSERT(OC_ASSERTION, oct_table_map(&kernel, start, page, 1, READ_WRITE_KERNEL, OCT_NORMAL) == 0);
	mm = oc_mm();
	other = oc_mm();
}

static void read(void)
{
	uint32_t value;

	if (oc_kernel_load32(start, &value) == 0)
		oc_cover("read");
}

static void reader(void)
{
	oct_mm_switch(oc_system(), other);
	oct_mm_switch(oc_system(), mm);
	read();
}

static void forget(void)
{
	oct_mmu_invalidate_begin();
	oct_mmu_invalidate_range(0, start, 1, OCT_LOCAL, OCT_ALL_LEVELS);
	oct_mmu_invalidate_end(OCT_LOCAL);
}

static void loaded_number(void)
{
	oct_pte_t *entry = oct_table_find(&kernel, start, 1);
	oct_phys_t leaves = oct_pte_phys(oc_entry_xchg(entry, 0));

	forget();
	oc_ipi(1, forget);
	oct_port_page_free(leaves, 0, OCT_USE_TABLE);
}

static void now(void)
{
	struct oct_ticket ticket;

	oct_ticket_init(&ticket, &kernel);
	OC_ASSERT(OC_ASSERTION, oct_table_unmap(&kernel, start, start + OCT_PAGE_SIZE, false, &ticket) == 0);
	OC_ASSERT(OC_ASSERTION, oct_table_trim(&kernel, start, start + oct_level_bytes(1), &ticket) == 0);
	oct_ticket_complete(&ticket);
	oct_port_page_free(page, 0, OCT_USE_CORE);
}

OC_SCENARIO(.setup = setup, .arch = OC_ARCH_ALL, .actors = {OC_CPU(OC_VARIANT), OC_CPU(reader)},
            .cover = {"read"},
            .variants = {{.name = "loaded-number",
                          .run = loaded_number,
                          .expected = OC_HOLDS,
                          .on = {{OC_X86_64, OC_VIOLATES(OC_I1)}}},
                         {.name = "now", .run = now, .expected = OC_HOLDS}})
