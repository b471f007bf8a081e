/* questions/E4: is the gather of any use in clear_refs? SPDX-License-Identifier: MIT
 *
 * gather-elided: opening a gather raises the counter of pending flushes, closing it drops the
 * counter, and flushes only if something was gathered; write-protecting gathers nothing. Who
 * copies after the close sees no flush pending though none has been made. range-flush: the same
 * with a flush of the range, whatever was gathered. */
#include "../cow.h"
#include "../raw.h"

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	cow_setup(mm);
	raw_setup(mm);
}

static void clear_refs_by_gather(void)
{
	unsigned gathered = 0;

	raw_raise_pending();
	raw_wrprotect();
	if (gathered != 0)
		raw_flush();
	raw_drop_pending();
}

static void clear_refs_by_range(void)
{
	raw_raise_pending();
	raw_wrprotect();
	raw_flush();
	raw_drop_pending();
}

static void gather_elided(void)
{
	RAW_PARTS(clear_refs_by_gather, raw_cow_under_lock, raw_writer);
}

static void range_flush(void)
{
	RAW_PARTS(clear_refs_by_range, raw_cow_under_lock, raw_writer);
}

static void now(void)
{
	RAW_PARTS(cow_clear_refs, cow_copier, cow_writer);
}

static void final(void)
{
	raw_final();
	cow_final();
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .cover = {"store-through-stale-entry"},
            .variants = {{.name = "gather-elided", .run = gather_elided, .expected = OC_VIOLATES(OC_I2)},
                         {.name = "range-flush",
                          .run = range_flush,
                          .expected = OC_HOLDS,
                          .cover = {"raw-copy-installed"}},
                         {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"cow-copy"}}})
