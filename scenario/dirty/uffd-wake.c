/* dirty/uffd-wake: a store is a userfault event, its thread sleeps, the handler takes the protection off.
 * SPDX-License-Identifier: MIT
 *
 * looks-first: the thread looks at the entry, and reads the word that it sleeps on after that; the handler
 * comes between the two, and nobody wakes it any more. now: the word is read first (oct_uffd_wait). */
#include <octavo/check.h>
#include <octavo/track.h>

enum { VA = 0x10000 };

static struct oct_mm *mm;
static bool stored;

static void setup(void)
{
	mm = oc_mm();
	oc_map_anon(mm, VA, 1, OCT_READ | OCT_WRITE);
	OC_ASSERT(OC_ASSERTION, oct_uffd_writeprotect(mm, VA, VA + OCT_PAGE_SIZE, true) == 0);
}

static void handler(void)
{
	OC_ASSERT(OC_ASSERTION, oct_uffd_writeprotect(mm, VA, VA + OCT_PAGE_SIZE, false) == 0);
	oct_uffd_wake(mm);
}

static void wait_looking_first(void)
{
	if (!oct_pte_uffd_wp(oc_entry_get(oc_pte(mm, VA))))
		return;
	oct_port_wait(&mm->uffd_wakes, oct_load(&mm->uffd_wakes, OCT_ACQ));
}

static void wait_now(void)
{
	oct_uffd_wait(mm, VA, OCT_WRITE);
}

static void store(void (*wait)(void))
{
	while (oc_store32(mm, VA, 7) != 0) {
		oc_cover("event");
		wait();
	}
	stored = true;
}

static void looks_first(void)
{
	store(wait_looking_first);
}

static void now(void)
{
	store(wait_now);
}

static void final(void)
{
	OC_ASSERT(OC_I2, stored && oc_peek32(mm, VA) == 7);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(handler)}, .cover = {"event"},
            .variants = {{.name = "looks-first", .run = looks_first, .expected = OC_VIOLATES(OC_DEADLOCK)},
                         {.name = "now", .run = now, .expected = OC_HOLDS}})
