/* core/uffd-wait: an access is an event, its thread sleeps, the handler supplies the page.
 * SPDX-License-Identifier: MIT
 *
 * wakes-first: the handler wakes, and supplies the page after that: the thread finds it missing between the
 * two, and nobody wakes it any more. now: the other way round. now-protected: the page comes write-protected
 * for userfault, which is nothing to wait for if the access is a load. asks-for-a-store: the wait does not
 * know that. */
#include "../uffd.h"

static uint32_t loaded;

static void setup(void)
{
	uffd_setup(oc_mm(), OCT_UFFD_MISSING | OCT_UFFD_WP);
}

static void handler(unsigned flags)
{
	OC_ASSERT(OC_ASSERTION, uffd_copy(flags) == 1);
	oct_uffd_wake(uffd_mm);
}

static void load(unsigned access)
{
	while (oc_load32(uffd_mm, UFFD_VA, &loaded) != 0) {
		oc_cover("event");
		oct_uffd_wait(uffd_mm, UFFD_VA, access);
	}
}

static void wakes_first(void)
{
	if (oct_port_cpu_self() == 0) {
		load(OCT_READ);
		return;
	}
	oct_uffd_wake(uffd_mm);
	OC_ASSERT(OC_ASSERTION, uffd_copy(0) == 1);
}

static void asks_for_a_store(void)
{
	if (oct_port_cpu_self() == 0)
		load(OCT_WRITE);
	else
		handler(OCT_UFFD_PROTECTED);
}

static void now_protected(void)
{
	if (oct_port_cpu_self() == 0)
		load(OCT_READ);
	else
		handler(OCT_UFFD_PROTECTED);
}

static void now(void)
{
	if (oct_port_cpu_self() == 0)
		load(OCT_READ);
	else
		handler(0);
}

static void final(void)
{
	OC_ASSERT(OC_I2, loaded == SUPPLIED);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)}, .cover = {"event"},
            .variants = {
                {.name = "wakes-first", .run = wakes_first, .expected = OC_VIOLATES(OC_DEADLOCK)},
                {.name = "asks-for-a-store", .run = asks_for_a_store, .expected = OC_VIOLATES(OC_DEADLOCK)},
                {.name = "now-protected", .run = now_protected, .expected = OC_HOLDS},
                {.name = "now", .run = now, .expected = OC_HOLDS}})
