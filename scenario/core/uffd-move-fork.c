/* core/uffd-move-fork: a page moves to another address while its space forks. SPDX-License-Identifier: MIT
 *
 * The child has the page at the one address or at the other, and sees no store that its parent makes after
 * fork has returned. read-first: the move takes the entry that it read before it had the lock; fork comes in
 * between, shares the page and takes the write right, and the move brings it back. */
#include "../uffd.h"

enum { FROM = UFFD_NEXT, RAW_TO = RAW_VA + 0x1000 };

static struct oct_mm *child;
static oct_pte_t raw_to; /* what RAW_TO maps before and after */
static uint32_t seen, raw_seen;
static bool forked, raw_forked, stored;

static void setup(void)
{
	uffd_setup(oc_mm(), OCT_UFFD_MISSING);
	raw_setup(uffd_mm);
	oc_map_anon(uffd_mm, RAW_TO, 1, OCT_READ);
	raw_to = oc_entry_get(oc_pte(uffd_mm, RAW_TO));
	oc_entry_set(oc_pte(uffd_mm, RAW_TO), 0);
	child = oc_mm();
}

static void move_raw(void)
{
	oct_pte_t value = oc_entry_get(raw.entry), *pte = oct_pte_lock(raw.mm, RAW_VA);

	oc_entry_set(pte, 0);
	raw_flush();
	oc_entry_set(oc_pte(raw.mm, RAW_TO), value); /* one lock has both */
	oct_pte_unlock(raw.mm, pte);
	oc_store32(raw.mm, RAW_TO, 7);
}

/* The child's entry is that of RAW_ALIAS. */
static void fork_raw(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);

	if (oct_pte_present(oc_entry_get(pte))) {
		oc_entry_update(pte, oct_pte_wrprotect);
		raw_flush();
		raw_seen = oc_peek32(raw.mm, RAW_ALIAS);
		raw_forked = true;
	}
	oct_pte_unlock(raw.mm, pte);
}

static void read_first(void)
{
	RAW_PARTS(move_raw, fork_raw);
}

static void move(void)
{
	int result = oct_uffd_move(uffd_mm, UFFD_VA, FROM, 1, 0);

	OC_ASSERT(OC_ASSERTION, result == 1 || result == -OCT_EBUSY);
	oc_cover(result == 1 ? "moved" : "shared");
	OC_ASSERT(OC_I2, oc_store32(uffd_mm, result == 1 ? UFFD_VA : FROM, 7) == 0);
	stored = true;
}

static uint32_t child_word(void)
{
	return oc_peek32(child, oc_folio(child, UFFD_VA) ? UFFD_VA : FROM);
}

static void fork_now(void)
{
	OC_ASSERT(OC_ASSERTION, oct_fork(child, uffd_mm) == 0);
	OC_ASSERT(OC_I2, !oc_folio(child, UFFD_VA) != !oc_folio(child, FROM));
	seen = child_word();
	forked = true;
}

static void now(void)
{
	RAW_PARTS(move, fork_now);
}

static void final(void)
{
	OC_ASSERT(OC_I4, !raw_forked || oc_peek32(raw.mm, RAW_ALIAS) == raw_seen);
	OC_ASSERT(OC_I4, !forked || child_word() == seen);
	OC_ASSERT(OC_I2, !stored || oc_peek32(uffd_mm, oc_folio(uffd_mm, UFFD_VA) ? UFFD_VA : FROM) == 7);
	oc_entry_set(oc_pte(uffd_mm, RAW_TO), oct_pte_wrprotect(raw_to));
	raw_restore();
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "read-first", .run = read_first, .expected = OC_VIOLATES(OC_I4)},
                         {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"moved", "shared"}}})
