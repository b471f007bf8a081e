/* checks/mixed-sizes: an atomic word is read by half, or cleared as part of its structure.
 * SPDX-License-Identifier: MIT
 *
 * The model has no such accesses (docs/MODEL.md, section 9): it says so. */
#include <string.h>
#include "parts.h"

static union {
	uint64_t word;
	uint32_t half[2];
} value;

static struct {
	uint32_t flag, other;
} pair;

static void write_word(void)
{
	oct_store(&value.word, (uint64_t)1 << 32 | 1, OCT_RLX);
}

static void read_half(void)
{
	(void)oct_load(&value.half[1], OCT_RLX);
}

static void read_word(void)
{
	(void)oct_load(&value.word, OCT_RLX);
}

/* The clearing comes after an atomic access of a part. */
static void clear(void)
{
	oct_store(&pair.flag, 1u, OCT_RLX);
	memset(&pair, 0, sizeof(pair));
}

static void initialise(void)
{
	memset(&pair, 0, sizeof(pair));
	oct_store(&pair.flag, 1u, OCT_RLX);
	pair.other = 1;
}

static void broken(void)
{
	PARTS(write_word, read_half);
}

static void broken_clear(void)
{
	PARTS(clear, read_word);
}

static void repaired(void)
{
	PARTS(write_word, read_word);
}

static void repaired_clear(void)
{
	PARTS(initialise, read_word);
}

OC_SCENARIO(.arch = OC_ARCH_ALL, .actors = {OC_THREAD(OC_VARIANT), OC_THREAD(OC_VARIANT)},
            .variants = {{.name = "broken", .run = broken, .expected = OC_VIOLATES(OC_ASSERTION)},
                         {.name = "broken-clear", .run = broken_clear, .expected = OC_VIOLATES(OC_ASSERTION)},
                         {.name = "repaired", .run = repaired, .expected = OC_HOLDS},
                         {.name = "repaired-clear", .run = repaired_clear, .expected = OC_HOLDS}})
