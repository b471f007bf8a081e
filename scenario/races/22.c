/* races/22: copy-on-write either way (CVE-2020-29374). SPDX-License-Identifier: MIT
 *
 * After fork, parent and child map one page. The child takes a reference to read through and unmaps
 * the page. old: the parent, now the only one that maps it, reuses it for writing, and the child
 * reads the parent's data. A reference must force a copy, whoever maps the page (now); and a pin is of a page
 * that the child has for itself (pin: it is copied before it is pinned). */
#include <octavo/check.h>

enum { VA = 0x10000, SPARE = 0x20000 };

static struct oct_mm *parent, *child;
static struct oct_folio *pinned, *taken; /* taken: by the core's pin */
static uint32_t mappings = 2;            /* of the page; what the old rule looks at */

static void setup(void)
{
	parent = oc_mm();
	oc_map_anon(parent, VA, 1, OCT_READ | OCT_WRITE);
	oc_map_anon(parent, SPARE, 1, OCT_READ | OCT_WRITE);
	child = oc_mm();
	OC_ASSERT(OC_ASSERTION, oct_fork(child, parent) == 0);
	pinned = oc_folio(parent, VA);
}

static void pin(void)
{
	oct_pte_t *pte = oct_pte_lock(child, VA);

	oct_folio_get(pinned);
	oct_pte_unlock(child, pte);
}

static void pin_and_unmap(void)
{
	pin();
	OC_ASSERT(OC_ASSERTION, oct_munmap(child, VA, OCT_PAGE_SIZE) == 0);
	oct_fetch_sub(&mappings, 1, OCT_REL); /* pairs with the acquire in reuse_if_only_mapper() */
}

static void reuse_if_only_mapper(void)
{
	oct_pte_t *pte = oct_pte_lock(parent, VA);

	if (oct_load(&mappings, OCT_ACQ) == 1)
		oc_entry_update(pte, oct_pte_mkwrite);
	oct_pte_unlock(parent, pte);
}

static void write(void)
{
	OC_ASSERT(OC_I2, oc_store32(parent, VA, 7) == 0);
}

static void old(void)
{
	if (oct_port_cpu_self() == 0) {
		pin_and_unmap();
	} else {
		reuse_if_only_mapper();
		write();
	}
}

static void now(void)
{
	if (oct_port_cpu_self() == 0)
		pin_and_unmap();
	else
		write();
}

static void pin_through_core(void)
{
	if (oct_port_cpu_self() != 0) {
		write();
		return;
	}
	OC_ASSERT(OC_ASSERTION, oct_gup(child, VA, 1, OCT_READ, &taken) == 1);
	OC_ASSERT(OC_ASSERTION, oct_munmap(child, VA, OCT_PAGE_SIZE) == 0);
}

/* What the reference shows, read by way of another page. */
static void final(void)
{
	const struct oct_folio *shown = taken ? taken : pinned;

	oct_port_page_copy(oct_pte_phys(oc_entry_get(oc_pte(parent, SPARE))), shown->page, 0);
	OC_ASSERT(OC_I5, oc_peek32(parent, SPARE) == 0);
	OC_ASSERT(OC_I2, oc_peek32(parent, VA) == 7);
	if (taken)
		oct_unpin(taken, false);
	else
		oct_folio_put(pinned);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)}, .cover = {"cow-copy"},
            .variants = {
                {.name = "old", .run = old, .expected = OC_VIOLATES(OC_I5)},
                {.name = "now", .run = now, .expected = OC_HOLDS},
                {.name = "pin", .run = pin_through_core, .expected = OC_HOLDS, .cover = {"unshare"}}})
