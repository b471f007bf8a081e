/* core/first-space: the first spaces of a system, made by two CPUs at once. SPDX-License-Identifier: MIT
 *
 * Both need the page of zeros, and one makes it. Who gets it from the other finds it made: cleared, and its
 * folio as its maker left it. unordered: the page is made known by a relaxed store. */
#include <octavo/check.h>

static struct oct_system fresh;
static struct oct_mm made[2];
static struct oct_folio *folio_of_unordered; /* atomic */
static uint32_t looked;                      /* atomic */

static void setup(void)
{
	oc_mm();
	OC_ASSERT(OC_ASSERTION, oct_system_init(&fresh, 2) == 0);
}

static void look_at(const struct oct_folio *folio)
{
	OC_ASSERT(OC_ASSERTION, folio->order == 0);
}

static void unordered(void)
{
	struct oct_folio *folio;

	if (oct_port_cpu_self() == 0) {
		folio = oct_folio_alloc();
		oct_store(&folio_of_unordered, folio, OCT_RLX);
		return;
	}
	folio = oct_load(&folio_of_unordered, OCT_ACQ);
	if (folio)
		look_at(folio);
}

static void now(void)
{
	struct oct_mm *mm = &made[oct_port_cpu_self()];

	OC_ASSERT(OC_ASSERTION, oct_mm_init(mm, &fresh) == 0);
	look_at(oct_port_folio_of(mm->zero_page));
	if (oct_fetch_add(&looked, 1u, OCT_ACQ_REL) == 1) /* nobody has it mapped, and the system ends here */
		oct_folio_put(oct_port_folio_of(mm->zero_page));
}

static void final(void)
{
	OC_ASSERT(OC_ASSERTION, made[0].zero_page == made[1].zero_page);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "unordered", .run = unordered, .expected = OC_VIOLATES(OC_RACE)},
                         {.name = "now", .run = now, .expected = OC_HOLDS}})
