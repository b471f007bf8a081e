/* core/uffd-copy: two supply one page. SPDX-License-Identifier: MIT
 *
 * One wins, the other is told that something is there; what each stores afterwards is in the page. faults:
 * one of them supplies the page, the other's store fills it, where a missing page is no event. unchecked: who
 * finds the entry empty, takes the lock, and does not look again. */
#include "concurrent-faults.h"

static unsigned wins;

static void setup(void)
{
	faults_setup(2);
	OC_ASSERT(OC_ASSERTION,
	          oct_uffd_register(mm, VA, VA + OCT_PAGE_SIZE, OCT_UFFD_MISSING | OCT_UFFD_WP) == 0);
}

static void copy(void)
{
	int result = oct_uffd_copy(mm, VA, 1, oct_pte_phys(fresh[oct_port_cpu_self()]), 0);

	OC_ASSERT(OC_ASSERTION, result == 1 || result == -OCT_EEXIST);
	if (result == 1)
		oct_fetch_add(&wins, 1, OCT_RLX);
}

static void now(void)
{
	copy();
	OC_ASSERT(OC_I2, store_word(VA) == 0);
}

/* The second CPU does not ask first: its access is an event, until the page is there. */
static void now_faults(void)
{
	if (oct_port_cpu_self() == 0) {
		now();
		return;
	}
	while (store_word(VA) != 0) {
		oc_cover("event");
		oc_await(oct_pte_present(oc_entry_get(oc_pte(mm, VA))));
	}
}

static void final(void)
{
	OC_ASSERT(OC_ASSERTION, wins == (oc_folio(mm, VA) ? 1 : 0));
	faults_final(2);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {
                {.name = "unchecked",
                 .run = fault_unchecked,
                 .expected = OC_VIOLATES(OC_I11),
                 .on = {{OC_X86_64, OC_VIOLATES(OC_I2)}}},
                {.name = "now-faults",
                 .run = now_faults,
                 .expected = OC_HOLDS,
                 .cover = {"supply-page", "event"}},
                {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"supply-page", "supply-exists"}}})
