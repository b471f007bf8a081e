/* checks/i6-block: entries of a contiguous block that disagree (I6), or still serve what was cleared.
 * SPDX-License-Identifier: MIT
 *
 * The right to write is taken from one page of a block. Changing that entry alone leaves two valid
 * entries that disagree; unfolding in place leaves a walker with both forms (I11); so the block is
 * cleared, invalidated as a whole, and written again without the bit. And a page that was cleared is reached
 * through its neighbours' entries as long as they carry the bit. */
#include "../block.h"

static void setup(void)
{
	block_setup();
	block_map();
}

static void one_entry(void)
{
	oc_entry_update(block.entry, oct_pte_wrprotect);
	block_flush(0, BLOCK);
}

static void in_place(void)
{
	for (unsigned i = 0; i < BLOCK; i++)
		oc_entry_set(block.entry + i, i ? block.plain[i] : oct_pte_wrprotect(block.plain[i]));
	block_flush(0, BLOCK);
}

/* Its neighbours say that the page is ordinary memory. */
static void one_type(void)
{
	oct_pte_t uncached = oct_pte_make(block.pages, OCT_READ | OCT_WRITE, OCT_UNCACHED);

	block_clear();
	block_flush(0, BLOCK);
	for (unsigned i = 0; i < BLOCK; i++)
		oc_entry_set(block.entry + i,
		             i ? block_entry(i) : oct_pte_mk_cont(oct_pte_mkyoung(uncached)));
}

/* The first entry in another form than the others. */
static void one_form(oct_pte_t first)
{
	block_clear();
	block_flush(0, BLOCK);
	for (unsigned i = 0; i < BLOCK; i++)
		oc_entry_set(block.entry + i, i ? block_entry(i) : first);
}

static void one_for_users_not(void)
{
	oct_pte_t kernel = oct_pte_make(block.pages, OCT_READ | OCT_WRITE | OCT_KERNEL, OCT_NORMAL);

	one_form(oct_pte_mk_cont(oct_pte_mkdirty(oct_pte_mkyoung(kernel))));
}

static void one_without_bit(void)
{
	one_form(block.plain[0]);
}

/* Where sizes may mix; no right changes meanwhile. */
static void unfold_in_place(void)
{
	for (unsigned i = 0; i < BLOCK; i++)
		oc_entry_set(block.entry + i, block.plain[i]);
	block_flush(0, BLOCK);
	oc_entry_update(block.entry, oct_pte_wrprotect);
	block_flush(0, 1);
}

static void unfold(unsigned flushed)
{
	block_clear();
	block_flush(0, flushed);
	for (unsigned i = 0; i < BLOCK; i++)
		oc_entry_set(block.entry + i, i ? block.plain[i] : oct_pte_wrprotect(block.plain[i]));
}

static void unfold_part(void)
{
	unfold(1);
}

static void unfold_all(void)
{
	unfold(BLOCK);
}

/* The entry is gone, its own address invalidated: is the page out of reach? */
static void clear(bool neighbours)
{
	if (neighbours)
		block_clear();
	else
		oc_entry_set(block.entry, 0);
	block_flush(0, BLOCK);
	oct_port_page_free(block.pages, 0, OCT_USE_USER);
}

static void clear_one(void)
{
	clear(false);
}

static void clear_all(void)
{
	clear(true);
}

static void writer(void)
{
	if (block_store(0, 7) == 0)
		oc_cover("stored");
}

static void final(void)
{
	block_clear();
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARM64 | OC_RISCV64,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(writer)},
            .variants = {
                {.name = "broken", .run = one_entry, .expected = OC_VIOLATES(OC_I6)},
                {.name = "broken-type", .run = one_type, .expected = OC_VIOLATES(OC_I6)},
                {.name = "broken-user", .run = one_for_users_not, .expected = OC_VIOLATES(OC_I6)},
                {.name = "broken-bit", .run = one_without_bit, .expected = OC_VIOLATES(OC_I6)},
                {.name = "broken-in-place", .run = in_place, .expected = OC_VIOLATES(OC_I11)},
                {.name = "bbm2",
                 .run = unfold_in_place,
                 .expected = OC_HOLDS,
                 .on = {{OC_RISCV64, OC_VIOLATES(OC_I11)}},
                 .knobs = {.bbm = 2},
                 .cover = {"stored"}},
                {.name = "broken-bbm2",
                 .run = in_place,
                 .expected = OC_VIOLATES(OC_I6),
                 .on = {{OC_RISCV64, OC_VIOLATES(OC_I11)}},
                 .knobs = {.bbm = 2}},
                {.name = "broken-part", .run = unfold_part, .expected = OC_VIOLATES(OC_I11)},
                {.name = "repaired", .run = unfold_all, .expected = OC_HOLDS, .cover = {"stored"}},
                {.name = "broken-clear", .run = clear_one, .expected = OC_VIOLATES(OC_I1)},
                {.name = "repaired-clear", .run = clear_all, .expected = OC_HOLDS, .cover = {"stored"}}})
