/* checks/race-bitfield-neighbours: neighbours under different locks. SPDX-License-Identifier: MIT
 *
 * Adjacent bytes are different memory: no race. Bit-fields of one byte are one memory, and who
 * stores one reads and stores the other: a race. When one thread stores eight bytes in a row and the
 * other the first of them, the history of that word has to know the oldest too. */
#include "parts.h"

static struct {
	uint8_t left, right;
	unsigned low : 4, high : 4;
} pair;
static uint8_t row[8];
static uint32_t left_lock, right_lock;

static void left_byte(void)
{
	lock(&left_lock);
	pair.left++;
	unlock(&left_lock);
}

static void right_byte(void)
{
	lock(&right_lock);
	pair.right++;
	unlock(&right_lock);
}

static void low_bits(void)
{
	lock(&left_lock);
	pair.low = 1;
	unlock(&left_lock);
}

static void high_bits(void)
{
	lock(&right_lock);
	pair.high = 1;
	unlock(&right_lock);
}

static void bytes(void)
{
	PARTS(left_byte, right_byte);
}

static void bits(void)
{
	PARTS(low_bits, high_bits);
}

/* Not merged into one store of eight bytes. */
__attribute__((noinline)) static void set_byte(unsigned i)
{
	row[i] = 1;
}

static void fill_row(void)
{
	for (unsigned i = 0; i < 8; i++)
		set_byte(i);
}

static void first_of_row(void)
{
	lock(&left_lock);
	set_byte(0);
	unlock(&left_lock);
}

static void row_of_bytes(void)
{
	PARTS(fill_row, first_of_row);
}

static void bits_together(void)
{
	lock(&left_lock);
	if (oct_port_cpu_self() == 0)
		pair.low = 1;
	else
		pair.high = 1;
	unlock(&left_lock);
}

static void final(void)
{
	OC_ASSERT(OC_ASSERTION, row[0] == row[1] || row[1] == 0);
}

OC_SCENARIO(.final = final, .arch = OC_ARCH_ALL, .actors = {OC_THREAD(OC_VARIANT), OC_THREAD(OC_VARIANT)},
            .variants = {{.name = "bytes", .run = bytes, .expected = OC_HOLDS},
                         {.name = "broken", .run = bits, .expected = OC_VIOLATES(OC_RACE)},
                         {.name = "repaired", .run = bits_together, .expected = OC_HOLDS},
                         {.name = "broken-row", .run = row_of_bytes, .expected = OC_VIOLATES(OC_RACE)}})
