/* core/uffd-move-store: a page moves to another address while a CPU stores to it. SPDX-License-Identifier:
 * MIT
 *
 * When the move has returned, nothing is stored by the old address any more (I4), and a store that was made
 * is on record where the page is now (I3). The page is clean before, so that the walker has to record.
 * no-flush: the entry alone moves. read-first: the new entry is made of the value that was read before the
 * old one was taken away. */
#include "../uffd.h"

enum { FROM = UFFD_NEXT };

static uint32_t after, raw_after;
static bool moved, stored, raw_moved;
static oct_pte_t raw_at_new; /* what the raw forms store at the new address */

static void make_clean(oct_pte_t *entry)
{
	oc_entry_set(entry, oct_pte_mkclean(oct_pte_mkyoung(oc_entry_get(entry))));
}

static void setup(void)
{
	uffd_setup(oc_mm(), OCT_UFFD_MISSING);
	uffd_want(FROM, OCT_UFFD_MISSING);
	make_clean(oc_pte(uffd_mm, FROM));
	raw_setup(uffd_mm);
	make_clean(raw.entry);
}

static void move_raw(bool flush, bool returned)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);
	oct_pte_t before = oc_entry_get(pte), old = oc_entry_xchg(pte, 0);

	if (flush)
		raw_flush();
	raw_at_new = returned ? old : before;
	raw_moved = true;
	oct_pte_unlock(raw.mm, pte);
	raw_after = oc_peek32(raw.mm, RAW_ALIAS);
}

static void no_flush_move(void)
{
	move_raw(false, true);
}

static void no_flush(void)
{
	RAW_PARTS(no_flush_move, raw_writer);
}

static void read_first_move(void)
{
	move_raw(true, false);
}

static void read_first(void)
{
	RAW_PARTS(read_first_move, raw_writer);
}

static void move(void)
{
	OC_ASSERT(OC_ASSERTION, oct_uffd_move(uffd_mm, UFFD_VA, FROM, 1, 0) == 1);
	after = oc_peek32(uffd_mm, UFFD_VA);
	moved = true;
}

static void writer(void)
{
	stored = oc_store32(uffd_mm, FROM, 7) == 0;
	oc_cover(stored ? "stored" : "event");
}

static void now(void)
{
	RAW_PARTS(move, writer);
}

static void final(void)
{
	if (moved) {
		OC_ASSERT(OC_I4, oc_peek32(uffd_mm, UFFD_VA) == after);
		OC_ASSERT(OC_I2, !stored || after == 7);
		OC_ASSERT(OC_I3, !stored || oct_pte_dirty(oc_entry_get(oc_pte(uffd_mm, UFFD_VA))));
	}
	if (raw_moved) {
		OC_ASSERT(OC_I4, oc_peek32(raw.mm, RAW_ALIAS) == raw_after);
		OC_ASSERT(OC_I3, !raw.stored || oct_pte_dirty(raw_at_new));
	}
	raw_restore();
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {
                {.name = "no-flush", .run = no_flush, .expected = OC_VIOLATES(OC_I4)},
                {.name = "read-first", .run = read_first, .expected = OC_VIOLATES(OC_I3)},
                {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"stored", "event", "move-page"}}})
