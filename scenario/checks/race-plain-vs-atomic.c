/* checks/race-plain-vs-atomic: one side alone is atomic. SPDX-License-Identifier: MIT */
#include "parts.h"

static uint32_t word;

static void plain_store(void)
{
	word = 1;
}

static void plain_load(void)
{
	oc_reg("word", word);
}

static void atomic_store(void)
{
	oct_store(&word, 1, OCT_RLX);
}

static void atomic_load(void)
{
	oc_reg("word", oct_load(&word, OCT_RLX));
}

static void broken_store(void)
{
	PARTS(plain_store, atomic_load);
}

static void broken_load(void)
{
	PARTS(atomic_store, plain_load);
}

static void repaired(void)
{
	PARTS(atomic_store, atomic_load);
}

OC_SCENARIO(.arch = OC_ARCH_ALL, .actors = {OC_THREAD(OC_VARIANT), OC_THREAD(OC_VARIANT)},
            .variants = {{.name = "broken-store", .run = broken_store, .expected = OC_VIOLATES(OC_RACE)},
                         {.name = "broken-load", .run = broken_load, .expected = OC_VIOLATES(OC_RACE)},
                         {.name = "repaired", .run = repaired, .expected = OC_HOLDS}})
