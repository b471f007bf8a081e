/* core/uffd-retract: each resolution of a userfault against the retraction of its table.
 * SPDX-License-Identifier: MIT */
#include "../uffd-retract.h"

static void setup(void)
{
	supply_setup(oc_mm());
}

static void old(void)
{
	RAW_PARTS(supply_raw_k, raw_insert);
}

static void proceed(void)
{
	supplied = oct_uffd_continue(retract.mm, TABLE_VA, 1, OCT_UFFD_PROTECTED);
	OC_ASSERT(OC_I2, supplied == 1);
	retract.protected = true;
}

static void zeros(void)
{
	supplied = oct_uffd_zeropage(retract.mm, TABLE_VA, 1, OCT_UFFD_PROTECTED);
	OC_ASSERT(OC_I2, supplied == 1);
	retract.protected = true;
}

static void lost(void)
{
	supplied = oct_uffd_poison(retract.mm, TABLE_VA, 1);
	OC_ASSERT(OC_I2, supplied == 1);
}

static void now_copy(void)
{
	RAW_PARTS(retract_now, supply_copy);
}

static void now_continue(void)
{
	RAW_PARTS(retract_now, proceed);
}

static void now_zeropage(void)
{
	RAW_PARTS(retract_now, zeros);
}

static void now_poison(void)
{
	RAW_PARTS(retract_now, lost);
}

static void final(void)
{
	retract_final();
	if (supplied && !retract.stored && !retract.protected) /* lost */
		OC_ASSERT(OC_I4, oct_fault(retract.mm, TABLE_VA, OCT_READ) == OCT_FAULT_SIGNAL);
}

#define HELD(n, fn)                                                                                          \
	{                                                                                                    \
		.name = (n), .run = (fn), .expected = OC_HOLDS, .cover = { "retracted", "retract-skipped" }  \
	}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_THREAD(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "old", .run = old, .expected = OC_VIOLATES(OC_I2)},
                         HELD("now-copy", now_copy),
                         HELD("now-continue", now_continue),
                         HELD("now-zeropage", now_zeropage),
                         HELD("now-poison", now_poison)})
