/* core/large-leaf: leaves that change their size while they are used. SPDX-License-Identifier: MIT
 *
 * One CPU splits a large leaf, merges a table into one, or takes a page out of it, as a host does that keeps
 * its own areas; another stores to it. A store that succeeded is in the page, which is dirty, and nobody
 * stores to what is unmapped. The pages are clean at first: hardware sets dirty in whichever entry it
 * finds. Where both sizes may not be usable at once a store may be refused meanwhile.
 * read-then-store: a split that looks at the leaf, fills the table, and stores the link (on x86-64, where
 * both sizes may be usable, a dirty bit is lost; elsewhere they are told first). gather-then-break:
 * a merge that gathers what hardware has set, and then takes the table away. */
#include "../raw.h"

enum { LEAF_PAGES = OCT_TABLE_ENTRIES, LEAF_BYTES = LEAF_PAGES * 0x1000 };
enum { LEAF = 0x80000, INSIDE = LEAF + 0x1000, SMALL = 0x88000, DIRTY = 0x90000 };

static struct oct_mm *mm;
static struct oct_space *space;
static oct_phys_t pages[3];
static uint32_t *word; /* of the page at INSIDE */
static uint32_t after;
static bool stored, unmapped;

static oct_pte_t *map(uintptr_t va, unsigned i, unsigned hints, bool dirty)
{
	unsigned level = hints ? 1 : 0;

	pages[i] = oct_port_page_alloc(OCT_TABLE_SHIFT, OCT_USE_USER);
	OC_ASSERT(OC_ASSERTION,
	          oct_table_map(space, va, pages[i], LEAF_PAGES, READ_WRITE | hints, OCT_NORMAL) == 0);
	for (unsigned at = 0; !dirty && at < (hints ? 1 : LEAF_PAGES); at++) {
		oct_pte_t *entry = oc_pte(mm, va + at * OCT_PAGE_SIZE, level);

		oc_entry_set(entry, oct_pte_mkclean(oc_entry_get(entry)));
	}
	return oc_pte(mm, va, level);
}

static oct_pte_t *leaf, *small;

static void setup(void)
{
	mm = oc_mm();
	space = &mm->space;
	leaf = map(LEAF, 0, OCT_LARGE, false);
	small = map(SMALL, 1, 0, false);
	map(DIRTY, 2, 0, true);
	word = oct_port_phys_to_virt(pages[0] + OCT_PAGE_SIZE);
}

static void done(int error, struct oct_ticket *ticket)
{
	OC_ASSERT(OC_ASSERTION, error == 0);
	oct_ticket_complete(ticket);
}

static void store(uintptr_t va)
{
	stored = oc_store32(mm, va, 7) == 0;
	oc_cover(stored ? "stored" : "refused");
}

static void read_then_store(void)
{
	oct_phys_t table;
	oct_pte_t pte;

	if (oct_port_cpu_self() == 1) {
		store(INSIDE);
		return;
	}
	table = oct_port_page_alloc(0, OCT_USE_TABLE);
	pte = oct_pte_resize(oc_entry_get(leaf), 1, 0);
	oct_port_page_clear(table, 0);
	for (unsigned i = 0; i < LEAF_PAGES; i++, pte = oct_pte_advance(pte, OCT_PAGE_SIZE))
		oc_entry_set((oct_pte_t *)oct_port_phys_to_virt(table) + i, pte);
	oc_dsb();
	oc_entry_set(leaf, oct_pte_make_table(table, 1, false));
	oc_dsb();
	oc_tlbi(mm, LEAF, LEAF_PAGES, OC_BROADCAST, OC_ALL_LEVELS);
	oc_dsb();
}

static void gather_then_break(void)
{
	oct_pte_t *link = oc_pte(mm, SMALL, 1), pte = oct_pte_resize(oc_entry_get(small), 0, 1);

	if (oct_port_cpu_self() == 1) {
		store(SMALL);
		return;
	}
	if (oct_pte_dirty(oc_entry_get(small + 1)))
		pte = oct_pte_mkdirty(pte);
	oc_entry_set(link, 0);
	oc_dsb();
	oc_tlbi(mm, SMALL, LEAF_PAGES, OC_BROADCAST, OC_ALL_LEVELS);
	oc_dsb();
	oc_entry_set(link, pte);
}

static void split(void)
{
	struct oct_ticket ticket;

	if (oct_port_cpu_self() == 1) {
		store(INSIDE);
		return;
	}
	oct_ticket_init(&ticket, space);
	done(oct_table_split(space, INSIDE, &ticket), &ticket);
}

static void merge(void)
{
	struct oct_ticket ticket;

	if (oct_port_cpu_self() == 1) {
		store(DIRTY);
		return;
	}
	oct_ticket_init(&ticket, space);
	done(oct_table_merge(space, DIRTY, 1, &ticket), &ticket);
}

static void unmap_page(void)
{
	struct oct_ticket ticket;

	if (oct_port_cpu_self() == 1) {
		store(INSIDE);
		return;
	}
	oct_ticket_init(&ticket, space);
	done(oct_table_unmap(space, INSIDE, INSIDE + OCT_PAGE_SIZE, false, &ticket), &ticket);
	after = oct_load(word, OCT_RLX);
	unmapped = true;
}

static void unmap_leaf(void)
{
	struct oct_ticket ticket;

	if (oct_port_cpu_self() == 1) {
		store(INSIDE);
		return;
	}
	oct_ticket_init(&ticket, space);
	done(oct_table_unmap(space, LEAF, LEAF + LEAF_BYTES, false, &ticket), &ticket);
	after = oct_load(word, OCT_RLX);
	unmapped = true;
}

static void protect_page(void)
{
	struct oct_ticket ticket;

	if (oct_port_cpu_self() == 1) {
		store(INSIDE);
		return;
	}
	oct_ticket_init(&ticket, space);
	done(oct_table_protect(space, INSIDE, INSIDE + OCT_PAGE_SIZE, OCT_READ, &ticket), &ticket);
	after = oct_load(word, OCT_RLX);
	unmapped = true;
}

/* Each has its own range; what leaves put by is the space's. */
static void two_leaves(void)
{
	struct oct_ticket ticket;

	oct_ticket_init(&ticket, space);
	if (oct_port_cpu_self() == 1)
		done(oct_table_merge(space, SMALL, 1, &ticket), &ticket);
	else
		done(oct_table_split(space, INSIDE, &ticket), &ticket);
}

/* Each protects its own page of one leaf: both split it, or find it split. */
static void two_parts(void)
{
	uintptr_t va = oct_port_cpu_self() == 1 ? LEAF + 4 * OCT_PAGE_SIZE : INSIDE;
	struct oct_ticket ticket;

	oct_ticket_init(&ticket, space);
	done(oct_table_protect(space, va, va + OCT_PAGE_SIZE, OCT_READ, &ticket), &ticket);
	OC_ASSERT(OC_ASSERTION, !oct_pte_write(oct_table_query(space, va)));
	for (unsigned i = 0; i < LEAF_PAGES; i++) {
		oct_pte_t pte = oct_table_query(space, LEAF + i * OCT_PAGE_SIZE);

		/* Broken first, the other page may be away for a moment. */
		OC_ASSERT(OC_ASSERTION,
		          !oct_pte_present(pte) || oct_pte_phys(pte) == pages[0] + i * OCT_PAGE_SIZE);
	}
}

/* Where both sizes may be usable the page is never away: a kernel's own memory could not bear it. */
static void looked_at(void)
{
	oct_pte_t pte;

	if (oct_port_cpu_self() == 0) {
		split();
		return;
	}
	pte = oct_table_query(space, INSIDE);
	OC_ASSERT(OC_ASSERTION, oct_pte_present(pte) || OCT_BBM_LEVEL < 2);
}

/* Under the lock of the slot nothing changes but what hardware sets. */
static void locked(void)
{
	struct oct_pte_guard guard;
	oct_pte_t first;

	if (oct_port_cpu_self() == 0) {
		split();
		return;
	}
	oct_pte_lock_at(space, INSIDE, &guard);
	first = oct_pte_get(&guard);
	OC_ASSERT(OC_ASSERTION, oct_pte_get(&guard) == first);
	oct_pte_guard_unlock(NULL, &guard);
}

static void final(void)
{
	uintptr_t where = INSIDE;

	if (oct_load((uint32_t *)oct_port_phys_to_virt(pages[1]), OCT_RLX) == 7)
		where = SMALL;
	if (oct_load((uint32_t *)oct_port_phys_to_virt(pages[2]), OCT_RLX) == 7)
		where = DIRTY;

	OC_ASSERT(OC_I4, !unmapped || oct_load(word, OCT_RLX) == after);
	if (stored && !unmapped) {
		OC_ASSERT(OC_I2, where != INSIDE || oct_load(word, OCT_RLX) == 7);
		OC_ASSERT(OC_I3, oct_pte_dirty(oct_table_query(space, where)));
	}
}

OC_SCENARIO(
        .setup = setup, .final = final, .arch = OC_ARCH_ALL,
        .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
        .variants = {
            {.name = "read-then-store",
             .run = read_then_store,
             .expected = OC_VIOLATES(OC_I11),
             .on = {{OC_X86_64, OC_VIOLATES(OC_I3)}}},
            {.name = "gather-then-break", .run = gather_then_break, .expected = OC_VIOLATES(OC_I3)},
            {.name = "split", .run = split, .expected = OC_HOLDS, .cover = {"stored"}},
            {.name = "merge", .run = merge, .expected = OC_HOLDS, .cover = {"stored", "refused"}},
            {.name = "unmap-page", .run = unmap_page, .expected = OC_HOLDS, .cover = {"stored", "refused"}},
            {.name = "unmap", .run = unmap_leaf, .expected = OC_HOLDS, .cover = {"stored", "refused"}},
            {.name = "protect-page",
             .run = protect_page,
             .expected = OC_HOLDS,
             .cover = {"stored", "refused"}},
            {.name = "two-parts", .run = two_parts, .expected = OC_HOLDS},
            {.name = "two-leaves", .run = two_leaves, .expected = OC_HOLDS},
            {.name = "looked-at", .run = looked_at, .expected = OC_HOLDS},
            {.name = "locked", .run = locked, .expected = OC_HOLDS}})
