/* core/table-walk: tables come and go under those who walk them. SPDX-License-Identifier: MIT
 *
 * Two CPUs need the same missing table at once; a walker without locks meets a table that is
 * being linked, and one that is being freed. The latter is safe with interrupts off: the page goes
 * after a grace period, by the host's deferral or by waiting. freed-at-once: the host's deferral does not
 * wait; on x86-64 the flush did. */
#include <octavo/check.h>

enum { VA = 0x10000, NEW = 0x40000, NEIGHBOUR = NEW + 0x1000, READ_WRITE = OCT_READ | OCT_WRITE };

static struct oct_mm *mm;

static void setup(void)
{
	uintptr_t where;

	mm = oc_mm();
	oc_map_anon(mm, VA, 1, READ_WRITE);
	OC_ASSERT(OC_ASSERTION,
	          oct_mmap(mm, NEW, (size_t)2 * OCT_PAGE_SIZE, READ_WRITE, OCT_MAP_FIXED, &where) == 0);
}

static void fault_in(void)
{
	OC_ASSERT(OC_I2, oc_store32(mm, NEW, 7) == 0);
	OC_ASSERT(OC_I2, oc_peek32(mm, NEW) == 7);
}

static void fault_in_neighbour(void)
{
	OC_ASSERT(OC_I2, oc_store32(mm, NEIGHBOUR, 1) == 0);
	OC_ASSERT(OC_I2, oc_peek32(mm, NEIGHBOUR) == 1);
}

static void two_faults(void)
{
	if (oct_port_cpu_self() == 0)
		fault_in();
	else
		fault_in_neighbour();
}

/* What the entry names is there: a cleared page or what was stored. */
static void look(uintptr_t va)
{
	oct_pte_t pte = oct_table_query(&mm->space, va);

	if (!oct_pte_present(pte))
		return;
	oc_cover("walker-saw-the-page");
	OC_ASSERT(OC_ASSERTION, *(const uint32_t *)oct_port_phys_to_virt(oct_pte_phys(pte)) == 0);
}

static void linked(void)
{
	if (oct_port_cpu_self() == 0) {
		uint32_t value = 1;

		OC_ASSERT(OC_I2, oc_load32(mm, NEW, &value) == 0 && value == 0);
	} else {
		look(NEW);
	}
}

static void unmap(void)
{
	OC_ASSERT(OC_ASSERTION, oct_munmap(mm, VA, OCT_PAGE_SIZE) == 0);
}

static void walk(void)
{
	const oct_pte_t *pte;

	oc_irqs_off();
	pte = oct_table_find(&mm->space, VA, 0);
	if (pte) {
		/* The neighbour never changes: a use that only ran earlier would be told. */
		OC_ASSERT(OC_ASSERTION, oct_pte_none(pte[1]));
		oc_cover("walker-saw-the-page");
	}
	oc_irqs_on();
}

static void freed_deferred(void)
{
	if (oct_port_cpu_self() == 0)
		unmap();
	else
		walk();
}

static void freed_waiting(void)
{
	if (oct_port_cpu_self() == 0) {
		mm->space.system->defer = NULL;
		unmap();
	} else {
		walk();
	}
}

static void run_at_once(void (*fn)(void *arg), void *arg)
{
	fn(arg);
}

static void freed_at_once(void)
{
	if (oct_port_cpu_self() == 0) {
		mm->space.system->defer = run_at_once;
		unmap();
	} else {
		walk();
	}
}

/* The way to the leaf table is being made, too; then it stays. */
static void retract(void)
{
	struct oct_ticket ticket;

	oct_ticket_init(&ticket, &mm->space);
	oc_cover(oct_table_retract(&mm->space, NEW, &ticket) ? "retracted" : "in-use");
	oct_ticket_complete(&ticket);
}

static void retracted(void)
{
	if (oct_port_cpu_self() == 0)
		fault_in();
	else
		retract();
}

/* Each page is one that was made for it. */
static void final(void)
{
	struct oct_folio *one = oc_folio(mm, NEW), *two = oc_folio(mm, NEIGHBOUR);

	OC_ASSERT(OC_I11, !one || !two || one != two);
	OC_ASSERT(OC_I11, !two || oct_load(&two->refcount, OCT_RLX) == 1);
	OC_ASSERT(OC_I11, !one || oct_load(&one->refcount, OCT_RLX) == 1);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {
                {.name = "two-faults", .run = two_faults, .expected = OC_HOLDS, .cover = {"zero-fill"}},
                {.name = "retracted",
                 .run = retracted,
                 .expected = OC_HOLDS,
                 .cover = {"retracted", "in-use", "zero-fill"}},
                {.name = "linked", .run = linked, .expected = OC_HOLDS, .cover = {"walker-saw-the-page"}},
                {.name = "freed-at-once",
                 .run = freed_at_once,
                 .expected = OC_VIOLATES(OC_UAF),
                 .on = {{OC_X86_64, OC_HOLDS}}},
                {.name = "freed-deferred",
                 .run = freed_deferred,
                 .expected = OC_HOLDS,
                 .cover = {"walker-saw-the-page"}},
                {.name = "freed-waiting",
                 .run = freed_waiting,
                 .expected = OC_HOLDS,
                 .cover = {"walker-saw-the-page"}}})
