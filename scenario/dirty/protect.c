/* dirty/protect: an object is write-protected in a space while it is stored to. SPDX-License-Identifier: MIT
 *
 * When the call has returned, a store comes through a fault, which asks the owner of the object or makes the
 * folio dirty again. no-flush: the entries are protected, and stores go on through stale ones (I4). */
#include "../dirty.h"

static uint32_t seen;

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	file_setup(mm, OCT_WRITE);
	raw_setup(mm);
}

static void raw_protect(void)
{
	raw_wrprotect();
	seen = oc_peek32(raw.mm, RAW_ALIAS);
}

static void protect(void)
{
	struct oct_track_result result;

	OC_ASSERT(OC_ASSERTION, oct_wp_shared_mapping_range(&file.mapping, 0, 1, &result) == 0);
	seen = oc_peek32(file.mm, FILE_VA);
}

static void no_flush(void)
{
	RAW_PARTS(raw_protect, raw_writer);
}

static void now(void)
{
	RAW_PARTS(protect, file_writer);
}

static void final(void)
{
	/* Without the right, and with it given back by nobody, the page is as it was at the return. */
	OC_ASSERT(OC_I4, !raw.stored || seen == STORED);
	OC_ASSERT(OC_I4,
	          !file.stored || seen == STORED || oct_pte_write(oc_entry_get(oc_pte(file.mm, FILE_VA))));
	raw_restore();
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)}, .cover = {"store-through-stale-entry"},
            .variants = {{.name = "no-flush", .run = no_flush, .expected = OC_VIOLATES(OC_I4)},
                         {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"file-mkwrite"}}})
