/* races/19: fork against a pin without a lock. SPDX-License-Identifier: MIT
 *
 * old: fork looks whether the page is pinned, then write-protects the parent's entry and shares the page. A
 * pin that comes between finds its entry unchanged, and is one of a shared page: the parent's next store
 * copies it, and the pin has the child's. Linux put a sequence count around the write-protection. now: the
 * count of references and pins is one word: fork's reference tells it of the pin, or the pin finds two
 * references and is not given. */
#include "../pin.h"

static struct oct_mm *parent, *child, *twin;

static void setup(void)
{
	parent = oc_mm();
	swap_setup(parent);
	pin_raw_setup(parent);
	child = oc_mm();
	twin = oc_mm();
	OC_ASSERT(OC_ASSERTION,
	          oct_fork(twin, parent) == 0); /* a child's table exists: fork itself is in the race */
	oct_mm_reset(twin);
	oc_entry_set(raw.entry, raw.writable);
	OC_ASSERT(OC_ASSERTION, oct_fault(parent, PIN_VA, OCT_WRITE) == OCT_FAULT_DONE);
}

static void look_then_protect(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);

	if (oct_load(&raw_page()->refcount, OCT_RLX) < RAW_PIN) {
		oc_entry_update(pte, oct_pte_wrprotect);
		raw_shared = true;
	}
	oct_pte_unlock(raw.mm, pte);
}

static void old(void)
{
	if (oct_port_cpu_self() == 0)
		look_then_protect();
	else
		raw_gup_fast(LOOK_AGAIN | ALL_BARRIERS);
}

static void fork_parent(void)
{
	OC_ASSERT(OC_ASSERTION, oct_fork(child, parent) == 0);
	OC_ASSERT(OC_I2, oc_store32(parent, PIN_VA, 7) == 0);
}

static void now(void)
{
	RAW_PARTS(fork_parent, pin_to_write);
}

static void now_to_read(void)
{
	RAW_PARTS(fork_parent, pin_to_read);
}

static void final(void)
{
	pin_raw_final();
	if (child->areas.root) {
		OC_ASSERT(OC_I5, !pin_folio || oc_folio(child, PIN_VA) != pin_folio);
		OC_ASSERT(OC_I2, oc_peek32(child, PIN_VA) == SWAPPED && oc_peek32(parent, PIN_VA) == 7);
	}
	pin_final(parent, PIN_VA);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "old", .run = old, .expected = OC_VIOLATES(OC_I5)},
                         {.name = "now",
                          .run = now,
                          .expected = OC_HOLDS,
                          .cover = {"pinned", "not-pinned", "fork-pinned"}},
                         {.name = "now-to-read",
                          .run = now_to_read,
                          .expected = OC_HOLDS,
                          .cover = {"pinned", "not-pinned", "fork-pinned"}}})
