/* questions/D5: the flush after the lock is dropped, against DONTNEED. SPDX-License-Identifier: MIT
 *
 * Who finds the entry empty under its lock believes that nobody uses the page by this address. */
#include "../migrate.h"

static void raw_take_and_flush(void)
{
	raw_take(true);
}

static void after_unlock(void)
{
	RAW_PARTS(raw_take_then_flush, raw_dontneed, raw_writer);
}

static void in_lock(void)
{
	RAW_PARTS(raw_take_and_flush, raw_dontneed, raw_writer);
}

OC_SCENARIO(.setup = take_setup, .final = take_final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {
                {.name = "after-unlock", .run = after_unlock, .expected = OC_VIOLATES(OC_I4)},
                {.name = "in-lock", .run = in_lock, .expected = OC_HOLDS, .cover = {"raw-found-none"}},
                {.name = "now", .run = take_now, .expected = OC_HOLDS, .cover = {"migrate-move"}}})
