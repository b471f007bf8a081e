/* core/owed: what is still owed where a leaf table was. SPDX-License-Identifier: MIT
 *
 * Somebody has emptied a table and taken it out, and not flushed yet: a CPU stores by what it kept. Whoever
 * comes to the hole and promises something of stores, to have told, protected, recorded or written all of
 * them, completes that first (R4): the slot has kept the stamp. skipped: a hole is passed over, since there
 * is nothing in it. */
#include "../dirty.h"

enum { SPAN = OCT_TABLE_ENTRIES * 0x1000 };

static struct oct_space *space;
static uint32_t *word; /* of the page */
static uint32_t after; /* in it, when a promise was made */

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	space = &mm->space;
	file_setup(mm, OCT_WRITE);
	dirty_setup();
	word = oct_port_phys_to_virt(oc_folio(mm, FILE_VA)->page);
	raw_forbid_faults(mm, FILE_VA);
}

static void skip(void)
{
	if (oct_pte_present(oct_table_query(space, FILE_VA)))
		file_writeback();
}

static void scan(unsigned required)
{
	struct oct_scan s = {.start = FILE_VA,
	                     .end = FILE_VA + OCT_PAGE_SIZE,
	                     .flags = OCT_SCAN_PROTECT,
	                     .required = required};

	OC_ASSERT(OC_ASSERTION, oct_scan_pages(file.mm, &s) == 0 && s.pages == !required);
}

static void scan_all(void)
{
	scan(0);
}

static void scan_written(void)
{
	scan(OCT_PAGE_WRITTEN);
}

static void clear_refs(void)
{
	OC_ASSERT(OC_ASSERTION, oct_clear_refs(file.mm, FILE_VA, FILE_VA + OCT_PAGE_SIZE) == 0);
}

static void protect(void)
{
	struct oct_track_result result;

	OC_ASSERT(OC_ASSERTION, oct_wp_shared_mapping_range(&file.mapping, 0, 1, &result) == 0);
}

/* On the first CPU: the table goes, and before that is complete, promise. */
static void before_complete(void (*promise)(void))
{
	struct oct_ticket ticket;

	if (oct_port_cpu_self() != 0) {
		oc_cover(oc_store32(file.mm, FILE_VA, STORED) == 0 ? "stored" : "refused");
		return;
	}
	oct_ticket_init(&ticket, space);
	OC_ASSERT(OC_ASSERTION,
	          oct_table_unmap(space, FILE_VA, FILE_VA + OCT_PAGE_SIZE, false, &ticket) == 0);
	OC_ASSERT(OC_ASSERTION, oct_table_trim(space, FILE_VA, FILE_VA + SPAN, &ticket) == 0);
	promise();
	after = oct_load(word, OCT_RLX);
	oct_ticket_complete(&ticket);
}

static void skipped(void)
{
	before_complete(skip);
}

static void now_scan(void)
{
	before_complete(scan_all);
}

static void now_scan_written(void)
{
	before_complete(scan_written);
}

static void now_clear_refs(void)
{
	before_complete(clear_refs);
}

static void now_protect(void)
{
	before_complete(protect);
}

static void now_record(void)
{
	before_complete(dirty_record);
}

static void now_writeback(void)
{
	before_complete(file_writeback);
}

static void final(void)
{
	OC_ASSERT(OC_I3, *word == after);
}

#define HELD(n, fn)                                                                                          \
	{                                                                                                    \
		.name = (n), .run = (fn), .expected = OC_HOLDS, .cover = { "stored", "refused" }             \
	}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "skipped", .run = skipped, .expected = OC_VIOLATES(OC_I3)},
                         HELD("now-scan", now_scan),
                         HELD("now-scan-written", now_scan_written),
                         HELD("now-clear-refs", now_clear_refs),
                         HELD("now-protect", now_protect),
                         HELD("now-record", now_record),
                         HELD("now-writeback", now_writeback)})
