/* questions/E3: may the counter drop before the flush has completed?
 * SPDX-License-Identifier: MIT
 *
 * A protecter raises the counter, write-protects, invalidates and drops it. before-completion
 * drops it when the invalidation is issued (arm64: no DSB yet; x86-64: the interrupt not waited
 * for, which is the same as not sent yet; riscv64: the firmware not called yet). barrier-only puts a
 * full barrier between: on arm64 it does not order invalidations; on x86-64 and riscv64 issuing has
 * waited already. */
#include "../cow.h"
#include "../raw.h"

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	cow_setup(mm);
	raw_setup(mm);
}

static void issue(void)
{
	oc_dsb();
	oc_tlbi(raw.mm, RAW_VA, 1, OC_BROADCAST, OC_LEAF);
}

static void drop_before_completion(void)
{
	raw_raise_pending();
	raw_wrprotect();
#ifdef OCT_ARCH_ARM64
	issue();
	raw_drop_pending();
	oc_dsb();
#else
	raw_drop_pending();
	issue();
#endif
}

static void drop_after_barrier(void)
{
	raw_raise_pending();
	raw_wrprotect();
	issue();
	oc_dmb();
	raw_drop_pending();
	oc_dsb();
}

static void drop_after_completion(void)
{
	raw_raise_pending();
	raw_wrprotect();
	raw_flush();
	raw_drop_pending();
}

static void before_completion(void)
{
	RAW_PARTS(drop_before_completion, raw_cow_under_lock, raw_writer);
}

static void barrier_only(void)
{
	RAW_PARTS(drop_after_barrier, raw_cow_under_lock, raw_writer);
}

static void after_completion(void)
{
	RAW_PARTS(drop_after_completion, raw_cow_under_lock, raw_writer);
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
            .variants = {
                {.name = "before-completion", .run = before_completion, .expected = OC_VIOLATES(OC_I2)},
                {.name = "barrier-only",
                 .run = barrier_only,
                 .expected = OC_VIOLATES(OC_I2),
                 .on = {{OC_X86_64, OC_HOLDS}, {OC_RISCV64, OC_HOLDS}},
                 .cover = {"raw-copy-installed"}},
                {.name = "after-completion",
                 .run = after_completion,
                 .expected = OC_HOLDS,
                 .cover = {"raw-copy-installed"}},
                {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"cow-copy", "rely-behind"}}})
