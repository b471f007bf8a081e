/* questions/B3: must dirty be taken by clear-and-flush for each entry, as in page cleaning?
 * SPDX-License-Identifier: MIT
 *
 * The entry may be written and is clean. read-modify-write: it is loaded, and stored back clean; hardware has
 * set dirty in between. get-and-clear: exchanged with nothing, and stored again; one flush at the end.
 * page-mkclean: the same with the flush before it is stored again. Either is enough: what decides is that the
 * value which is judged is the one that was replaced. now: the core exchanges the entry in one step. */
#include "../dirty.h"

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	file_setup(mm, OCT_WRITE);
	oc_entry_set(oc_pte(mm, FILE_VA), oct_pte_mkclean(oc_entry_get(oc_pte(mm, FILE_VA))));
	raw_setup(mm);
	oc_entry_set(raw.entry, oct_pte_mkclean(raw.writable));
	dirty_setup();
}

static void read_modify_write(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA), old = oc_entry_get(pte);

	oc_entry_set(pte, oct_pte_mkclean(old));
	raw_record(old);
	oct_pte_unlock(raw.mm, pte);
	raw_flush();
	raw_consume();
}

static void get_and_clear(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA), old = oc_entry_xchg(pte, 0);

	oc_entry_set(pte, oct_pte_mkclean(old));
	raw_record(old);
	oct_pte_unlock(raw.mm, pte);
	raw_flush();
	raw_consume();
}

static void page_mkclean(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA), old = oc_entry_xchg(pte, 0);

	raw_flush();
	oc_entry_set(pte, oct_pte_mkclean(old));
	raw_record(old);
	oct_pte_unlock(raw.mm, pte);
	raw_consume();
}

static void rmw(void)
{
	RAW_PARTS(read_modify_write, raw_writer);
}

static void clear(void)
{
	RAW_PARTS(get_and_clear, raw_writer);
}

static void mkclean(void)
{
	RAW_PARTS(page_mkclean, raw_writer);
}

static void now(void)
{
	RAW_PARTS(dirty_record_and_consume, file_writer);
}

static void final(void)
{
	dirty_final();
	raw_dirty_final();
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)}, .cover = {"consumed"},
            .variants = {{.name = "read-modify-write", .run = rmw, .expected = OC_VIOLATES(OC_I3)},
                         {.name = "get-and-clear", .run = clear, .expected = OC_HOLDS},
                         {.name = "page-mkclean", .run = mkclean, .expected = OC_HOLDS},
                         {.name = "now", .run = now, .expected = OC_HOLDS}})
