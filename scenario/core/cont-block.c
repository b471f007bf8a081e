/* core/cont-block: a contiguous block that is changed while it is used. SPDX-License-Identifier: MIT
 *
 * Four pages in entries with the contiguous bit: a TLB may hold them as one, with the state of any. A host
 * unmaps or protects one page, or all, and another CPU stores. What was taken away stays so (I4), what
 * was stored is dirty (I3). one-cleared: one entry is cleared and its address flushed; a sibling that still
 * carries the bit brings it back. */
#include "../raw.h"

enum { BLOCK = 0x80000, INSIDE = BLOCK + 0x1000, BLOCK_PAGES = 4 };

static struct oct_mm *mm;
static struct oct_space *space;
static uint32_t *word; /* of the page at INSIDE */
static uint32_t after;
static bool stored, revoked;

static void setup(void)
{
	oct_phys_t page = oct_port_page_alloc(2, OCT_USE_USER);

	mm = oc_mm();
	space = &mm->space;
	OC_ASSERT(OC_ASSERTION,
	          oct_table_map(space, BLOCK, page, BLOCK_PAGES, READ_WRITE | OCT_CONT, OCT_NORMAL) == 0);
	for (unsigned i = 0; i < BLOCK_PAGES; i++) {
		oct_pte_t *entry = oc_pte(mm, BLOCK + i * OCT_PAGE_SIZE);

		oc_entry_set(entry, oct_pte_mkclean(oc_entry_get(entry)));
	}
	word = oct_port_phys_to_virt(page + OCT_PAGE_SIZE);
}

static void revoke(int error, struct oct_ticket *ticket)
{
	OC_ASSERT(OC_ASSERTION, error == 0);
	oct_ticket_complete(ticket);
	after = oct_load(word, OCT_RLX);
	revoked = true;
}

/* true: this CPU was the one that stores. */
static bool other_stores(void)
{
	if (oct_port_cpu_self() == 0)
		return false;
	stored = oc_store32(mm, INSIDE, 7) == 0;
	oc_cover(stored ? "stored" : "refused");
	return true;
}

static void one_cleared(void)
{
	struct oct_ticket ticket;

	if (other_stores())
		return;
	oct_ticket_init(&ticket, space);
	oc_entry_set(oc_pte(mm, INSIDE), 0);
	oc_dsb();
	oc_tlbi(mm, INSIDE, 1, OC_BROADCAST, OC_LEAF);
	oc_dsb();
	revoke(0, &ticket);
}

static void unmap(size_t first, size_t pages)
{
	uintptr_t start = BLOCK + first * OCT_PAGE_SIZE;
	struct oct_ticket ticket;

	if (other_stores())
		return;
	oct_ticket_init(&ticket, space);
	revoke(oct_table_unmap(space, start, start + pages * OCT_PAGE_SIZE, false, &ticket), &ticket);
}

static void protect(size_t first, size_t pages)
{
	uintptr_t start = BLOCK + first * OCT_PAGE_SIZE;
	struct oct_ticket ticket;

	if (other_stores())
		return;
	oct_ticket_init(&ticket, space);
	revoke(oct_table_protect(space, start, start + pages * OCT_PAGE_SIZE, OCT_READ, &ticket), &ticket);
}

static void unmap_page(void)
{
	unmap(1, 1);
}

static void unmap_block(void)
{
	unmap(0, BLOCK_PAGES);
}

static void protect_page(void)
{
	protect(1, 1);
}

static void protect_block(void)
{
	protect(0, BLOCK_PAGES);
	if (oct_port_cpu_self() == 0) /* changed as a whole it stays a block */
		OC_ASSERT(OC_ASSERTION, oct_pte_cont(oc_entry_get(oc_pte(mm, BLOCK))));
}

/* The page beside goes: what hardware has set for the others stays, also what it has set in the entry that
 * goes. */
static void unmap_beside(void)
{
	struct oct_ticket ticket;

	if (other_stores())
		return;
	oct_ticket_init(&ticket, space);
	OC_ASSERT(OC_ASSERTION, oct_table_unmap(space, BLOCK, INSIDE, false, &ticket) == 0);
	oct_ticket_complete(&ticket);
}

static void final(void)
{
	OC_ASSERT(OC_I4, !revoked || oct_load(word, OCT_RLX) == after);
	OC_ASSERT(OC_I3, revoked || !stored || oct_pte_dirty(oct_table_query(space, INSIDE)));
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARM64 | OC_RISCV64,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)}, .cover = {"stored", "refused"},
            .variants = {{.name = "one-cleared", .run = one_cleared, .expected = OC_VIOLATES(OC_I4)},
                         {.name = "unmap-page", .run = unmap_page, .expected = OC_HOLDS},
                         {.name = "unmap-beside", .run = unmap_beside, .expected = OC_HOLDS},
                         {.name = "unmap-block", .run = unmap_block, .expected = OC_HOLDS},
                         {.name = "protect-page", .run = protect_page, .expected = OC_HOLDS},
                         {.name = "protect-block", .run = protect_block, .expected = OC_HOLDS}})
