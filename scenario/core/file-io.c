/* core/file-io: a page of an object is written back while others store to it, drop it, or want it written.
 * SPDX-License-Identifier: MIT
 *
 * Those who store hold the page and use it by its physical address, as calls that write files and devices do.
 * A store is in what is written or leaves the page dirty (I3); I/O on a page is over before the page goes
 * (I1), and before another write-back of it begins; and who finds it written by somebody else may rely on
 * that. unmarked: the page is marked without order. unread: a page that cannot be read leaves the object
 * while another asks for it. */
#include "../file.h"
#include <octavo/pin.h>

enum { ELSEWHERE = 0x40000, OLD = 5 };

static struct oct_folio *folio;   /* of page 0; pinned, dirty: the device does not have OLD */
static struct oct_mapping unread; /* nothing of it can be read */

static uint32_t *word_of(const struct oct_folio *of)
{
	return oct_port_phys_to_virt(of->page);
}

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	file_setup(mm, OCT_WRITE);
	OC_ASSERT(OC_ASSERTION, oct_gup(mm, FILE_VA, 1, OCT_WRITE, &folio) == 1);
	OC_ASSERT(OC_ASSERTION, oct_munmap(mm, FILE_VA, OCT_PAGE_SIZE) == 0);
	oc_map_anon(mm, ELSEWHERE, 1, OCT_READ);
	*word_of(folio) = OLD;
	oct_mapping_init(&unread, NULL, 1, 0);
}

/* The first word of pages matters. */
static void use_word(void)
{
	uint32_t value;

	oc_load32(file.mm, ELSEWHERE, &value);
}

static void store(void)
{
	oct_store(word_of(folio), (uint32_t)STORED, OCT_RLX);
	file.stored = true;
}

static void write_back(void)
{
	use_word();
	file_writeback();
}

static void store_unmarked(void)
{
	store();
	oct_fetch_or(&folio->flags, (uint32_t)OCT_FOLIO_DIRTY, OCT_RLX);
}

static void store_and_mark(void)
{
	store();
	oct_folio_mark_dirty(folio);
}

static void store_and_unpin(void)
{
	struct oct_folio *mine = folio;

	store();
	oct_pin(mine); /* the other one is kept to look at */
	oct_unpin(mine, true);
}

static void store_and_write(void)
{
	store_and_mark();
	file_writeback();
}

static void unmarked(void)
{
	RAW_PARTS(store_unmarked, write_back);
}

static void mark(void)
{
	RAW_PARTS(store_and_mark, write_back);
}

static void unpin(void)
{
	RAW_PARTS(store_and_unpin, write_back);
}

static void twice(void)
{
	RAW_PARTS(store_and_write, write_back);
}

/* Somebody else's page now, if it has gone. */
static void use_again(void)
{
	struct oct_folio *fresh = oct_folio_alloc();

	if (fresh == folio)
		oc_cover("used-again");
	oct_folio_put(fresh);
}

static void evict_page(void)
{
	oct_unpin(folio, false);
	if (oct_mapping_evict(&file.mapping, 0) == 0)
		use_again();
}

static void evict(void)
{
	RAW_PARTS(evict_page, write_back);
}

static void store_mark_and_let_go(void)
{
	store_and_mark();
	oct_unpin(folio, false);
}

static void write_and_evict(void)
{
	write_back();
	if (oct_mapping_evict(&file.mapping, 0) == 0)
		oc_cover("evicted");
}

static void evict_marked(void)
{
	RAW_PARTS(store_mark_and_let_go, write_and_evict);
}

static void shrink(void)
{
	oct_unpin(folio, false);
	oct_mapping_truncate(&file.mapping, 0);
	use_again();
}

static void truncate(void)
{
	RAW_PARTS(shrink, write_back);
}

/* What was dirty before is in the device when the call returns, whoever wrote it. */
static void write_and_look(void)
{
	write_back();
	oct_port_page_read(&file.object, 0, file.buffer->page);
	OC_ASSERT(OC_I3, oct_load(word_of(file.buffer), OCT_RLX) == OLD);
}

static void both(void)
{
	RAW_PARTS(write_and_look, write_back);
}

static void get_unread(void)
{
	struct oct_folio *none;

	OC_ASSERT(OC_ASSERTION, oct_mapping_get(&unread, 0, &none) == -OCT_EIO);
}

static void final(void)
{
	if (file.stored)
		OC_ASSERT(OC_I3, file.mapping.cached ? file_kept(folio, &file.object)
		                                     : file_device(&file.object) == STORED);
	OC_ASSERT(OC_LEAK, unread.cached == 0);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "unmarked", .run = unmarked, .expected = OC_VIOLATES(OC_I3)},
                         {.name = "mark", .run = mark, .expected = OC_HOLDS, .cover = {"page-written"}},
                         {.name = "unpin", .run = unpin, .expected = OC_HOLDS, .cover = {"page-written"}},
                         {.name = "twice", .run = twice, .expected = OC_HOLDS, .cover = {"page-written"}},
                         {.name = "evict",
                          .run = evict,
                          .expected = OC_HOLDS,
                          .knobs = {.reuse = true},
                          .cover = {"page-written", "used-again"}},
                         {.name = "evict-marked",
                          .run = evict_marked,
                          .expected = OC_HOLDS,
                          .cover = {"page-written", "evicted"}},
                         {.name = "truncate",
                          .run = truncate,
                          .expected = OC_HOLDS,
                          .knobs = {.reuse = true},
                          .cover = {"page-written", "used-again"}},
                         {.name = "both", .run = both, .expected = OC_HOLDS, .cover = {"page-written"}},
                         {.name = "unread", .run = get_unread, .expected = OC_HOLDS}})
