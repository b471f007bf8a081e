/* questions/D2: does a pin without a lock need the TLB flush on exclusive pages? SPDX-License-Identifier: MIT
 *
 * G runs with interrupts off. If M's flush is an interrupt that waits for G (x86-64), a G that saw the entry
 * has added its pin before M looks. An invalidation that is broadcast, or that firmware does, waits for no G:
 * there a second look at the entry is needed, and then no flush is: barriers are, in pairs. */
#include "../pin.h"

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	swap_setup(mm);
	pin_raw_setup(mm);
}

static void race(unsigned how)
{
	if (oct_port_cpu_self() == 0)
		raw_try_share(how);
	else
		raw_gup_fast(how);
}

static void flush_no_look(void)
{
	race(FLUSH | ALL_BARRIERS);
}

static void look_no_flush(void)
{
	race(LOOK_AGAIN | ALL_BARRIERS);
}

static void without_pin_barrier(void)
{
	race(LOOK_AGAIN | (ALL_BARRIERS & ~PIN_THEN_READ));
}

static void without_clear_barrier(void)
{
	race(LOOK_AGAIN | (ALL_BARRIERS & ~CLEAR_THEN_TEST));
}

static void without_write_barrier(void)
{
	race(LOOK_AGAIN | (ALL_BARRIERS & ~EXCLUSIVE_THEN_STORE));
}

static void without_read_barrier(void)
{
	race(LOOK_AGAIN | (ALL_BARRIERS & ~READ_THEN_EXCLUSIVE));
}

static void now(void)
{
	RAW_PARTS(swap_pageout, pin_to_read);
}

static void final(void)
{
	pin_raw_final();
	pin_final(swap_mm, PIN_VA);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {
                {.name = "flush-no-look",
                 .run = flush_no_look,
                 .expected = OC_VIOLATES(OC_I5),
                 .on = {{OC_X86_64, OC_HOLDS}}},
                {.name = "look-no-flush",
                 .run = look_no_flush,
                 .expected = OC_HOLDS,
                 .cover = {"raw-pinned", "raw-shared"}},
                {.name = "no-pin-barrier", .run = without_pin_barrier, .expected = OC_VIOLATES(OC_I5)},
                {.name = "no-clear-barrier", .run = without_clear_barrier, .expected = OC_VIOLATES(OC_I5)},
                {.name = "no-write-barrier", .run = without_write_barrier, .expected = OC_VIOLATES(OC_I5)},
                {.name = "no-read-barrier", .run = without_read_barrier, .expected = OC_HOLDS},
                {.name = "now",
                 .run = now,
                 .expected = OC_HOLDS,
                 .cover = {"pinned", "not-pinned", "reclaim-put-back", "gup-fast-backs-out"}}})
