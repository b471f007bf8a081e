/* core/announced: a device that cannot fault, and stops only when it has been waited for, uses a page that is
 * taken away. SPDX-License-Identifier: MIT
 *
 * Its driver looks at the space, hands the address of the page to the device, and DMA is under way for some
 * time: the driver's thread reads the page. Before a change it sleeps until that is done; nothing of the old
 * page is used when it is given back (I1, a use of what is freed), nor when it was replaced: what it reads
 * after a call has returned is what the space shows (I8). no-start: it does not wait. no-end: what is
 * announced is never over, and the driver waits for ever. no-change: the end does not say that something has
 * happened, so that a driver that looked before the start and comes back after the end hands out the old
 * page. */
#include "../file.h"
#include <octavo/migrate.h>
#include <octavo/notify.h>

enum { VA = 0x20000, HELD_VA = 0x21000 };

static struct oct_mm *mm;
static struct oct_notifier notifier;
static struct oct_folio *fresh;
static uint32_t mine;           /* atomic: lock of what follows */
static uint32_t announced, dma; /* atomic, since they are slept on: starts without an end; DMA under way */
static uint32_t changes;        /* ends */
static oct_phys_t used;         /* where DMA goes, OCT_NO_PAGE: nowhere */
static bool no_start, no_end, no_change;
static int device;

static void lock(void)
{
	uint32_t open;

	oc_await((open = 0, oct_cas(&mine, &open, 1u, OCT_ACQ)));
}

static void unlock(void)
{
	oct_store(&mine, 0u, OCT_REL);
}

static void sleep_while(uint32_t *word)
{
	uint32_t value;

	while ((value = oct_load(word, OCT_ACQ)) != 0) /* pairs with the releases below */
		oct_port_wait(word, value);
}

static void start(struct oct_notifier *of, struct oct_mm *space, uintptr_t from, uintptr_t to)
{
	OC_ASSERT(OC_ASSERTION, of == &notifier && space == mm && from < to);
	lock();
	oct_store(&announced, 1u, OCT_REL); /* one call at a time here */
	unlock();
	oc_cover("started");
	if (!no_start)
		sleep_while(&dma);
}

static void end(struct oct_notifier *of, struct oct_mm *space, uintptr_t from, uintptr_t to)
{
	OC_ASSERT(OC_ASSERTION, of == &notifier && space == mm && from < to);
	if (no_end)
		return;
	lock();
	changes += !no_change;
	oct_store(&announced, 0u, OCT_REL);
	unlock();
	oct_port_wake(&announced, ~0u);
}

static void setup(void)
{
	mm = oc_mm();
	file_setup(mm, OCT_WRITE);
	oc_map_anon(mm, VA, 2, READ_WRITE);
	oct_folio_get(oc_folio(mm, HELD_VA)); /* somebody's: a store copies the page */
	OC_ASSERT(OC_ASSERTION, oct_clear_refs(mm, HELD_VA, HELD_VA + OCT_PAGE_SIZE) == 0);
	fresh = oct_folio_alloc();
	oct_port_page_write(&device, 0, fresh->page); /* it has a place */
	used = OCT_NO_PAGE;
	notifier.start = start;
	notifier.end = end;
	oct_notifier_bind(mm, &notifier);
}

/* DMA to the page that was handed out, and its end. */
static void transfer(void)
{
	oct_port_page_write(&device, 0, used);
	oc_cover("used");
	lock();
	used = OCT_NO_PAGE;
	oct_store(&dma, 0u, OCT_REL);
	unlock();
	oct_port_wake(&dma, ~0u);
}

/* Hands out what is seen, if nothing has been announced since. */
static void give(oct_phys_t page, uint32_t seen)
{
	bool again;

	lock();
	again = oct_load(&announced, OCT_RLX) != 0 || seen != changes;
	if (!again) {
		used = page;
		oct_store(&dma, 1u, OCT_RLX);
	}
	unlock();
	if (again)
		oc_cover("again");
	else
		transfer();
}

static void drive(uintptr_t where)
{
	uint32_t seen;
	oct_pte_t pte;

	sleep_while(&announced);
	lock();
	seen = changes;
	unlock();
	pte = oct_table_query(&mm->space, where);
	if (oct_pte_present(pte))
		give(oct_pte_phys(pte), seen);
}

/* A call has returned. */
static void returned(uintptr_t where, int error)
{
	oct_pte_t pte = oct_table_query(&mm->space, where);

	OC_ASSERT(OC_ASSERTION, error >= 0);
	lock();
	OC_ASSERT(OC_I8, used == OCT_NO_PAGE || (oct_pte_present(pte) && oct_pte_phys(pte) == used));
	unlock();
}

static void driver(void)
{
	drive(VA);
}

static void driver_held(void)
{
	drive(HELD_VA);
}

static void driver_shown(void)
{
	drive(FILE_VA);
}

static void migrate(void)
{
	returned(VA, oct_migrate_pages(mm, VA, VA + OCT_PAGE_SIZE, &fresh, 1));
}

static void unmap(void)
{
	returned(VA, oct_munmap(mm, VA, OCT_PAGE_SIZE));
}

static void copy(void)
{
	returned(HELD_VA, oc_store32(mm, HELD_VA, 1));
}

static void truncate(void)
{
	oct_mapping_truncate(&file.mapping, 0);
	returned(FILE_VA, 0);
}

/* What the variants leave out, start and end do on the thread of the call. */
static void unmap_without_start(void)
{
	no_start = true;
	unmap();
}

static void migrate_without_end(void)
{
	no_end = true;
	migrate();
}

static void migrate_without_change(void)
{
	no_change = true;
	migrate();
}

static void without_start(void)
{
	RAW_PARTS(unmap_without_start, driver);
}

static void without_end(void)
{
	RAW_PARTS(migrate_without_end, driver);
}

static void without_change(void)
{
	RAW_PARTS(migrate_without_change, driver);
}

static void now(void)
{
	RAW_PARTS(unmap, driver);
}

static void now_migrate(void)
{
	RAW_PARTS(migrate, driver);
}

static void now_copy(void)
{
	RAW_PARTS(copy, driver_held);
}

static void now_truncate(void)
{
	RAW_PARTS(truncate, driver_shown);
}

static void final(void)
{
	OC_ASSERT(OC_ASSERTION, used == OCT_NO_PAGE && (no_end || !oct_load(&announced, OCT_RLX)));
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_THREAD(OC_VARIANT)},
            .variants = {
                {.name = "no-start", .run = without_start, .expected = OC_VIOLATES(OC_I8)},
                {.name = "no-end", .run = without_end, .expected = OC_VIOLATES(OC_DEADLOCK)},
                {.name = "no-change", .run = without_change, .expected = OC_VIOLATES(OC_I8)},
                {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"started", "used", "again"}},
                {.name = "now-migrate",
                 .run = now_migrate,
                 .expected = OC_HOLDS,
                 .cover = {"started", "used", "again", "migrate-move"}},
                {.name = "now-copy",
                 .run = now_copy,
                 .expected = OC_HOLDS,
                 .cover = {"started", "used", "again", "cow-copy"}},
                {.name = "now-truncate",
                 .run = now_truncate,
                 .expected = OC_HOLDS,
                 .cover = {"started", "used", "again"}}})
