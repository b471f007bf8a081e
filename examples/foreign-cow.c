/* foreign-cow.c: another kernel's copy-on-write break, checked in raw entries. SPDX-License-Identifier: MIT
 *
 * A page is mapped read-only for all. One CPU breaks the sharing: it copies the page and maps the copy,
 *writable. "old" stores the new entry over the old one and shoots the old one down afterwards. In between one
 *CPU stores through the new entry and tells another, which still has the old entry and reads what was before
 *the store. On arm64 and riscv64 two frames that are live at one address are a violation by themselves (I11);
 *"old-seen" asks for the read alone. "fixed" breaks, shoots down, then makes.
 *
 *	octavo check examples/foreign-cow.c */
#include <octavo/check.h>

enum { VA = 0x10000, COPY_VA = 0x20000 };

static struct oct_mm *mm;
static oct_pte_t before, after; /* what VA is mapped by */
static uint32_t told, value;
static bool loaded;

/* The area of VA has no rights: who finds no entry there is refused, and no handler but this one copies. */
static void setup(void)
{
	mm = oc_mm();
	oc_map_anon(mm, VA, 1, OCT_READ | OCT_WRITE);
	oc_map_anon(mm, COPY_VA, 1, OCT_READ | OCT_WRITE);
	before = oct_pte_wrprotect(oc_entry_get(oc_pte(mm, VA)));
	after = oc_entry_get(oc_pte(mm, COPY_VA));
	OC_ASSERT(OC_ASSERTION, oct_mprotect(mm, VA, OCT_PAGE_SIZE, OCT_NONE) == 0);
	oc_entry_set(oc_pte(mm, VA), before);
}

static void shoot_down(void)
{
	oc_dsb();
	oc_tlbi(mm, VA, 1, OC_BROADCAST, OC_LEAF);
	oc_dsb();
}

static void make_then_shoot(void)
{
	oct_port_page_copy(oct_pte_phys(after), oct_pte_phys(before), 0);
	oct_fence(OCT_REL); /* the copy, then the entry: pairs with the walks that find it */
	oc_entry_set(oc_pte(mm, VA), after);
	shoot_down();
}

static void shoot_then_make(void)
{
	oct_port_page_copy(oct_pte_phys(after), oct_pte_phys(before), 0);
	oc_entry_set(oc_pte(mm, VA), 0);
	shoot_down();
	oct_fence(OCT_REL); /* the copy, then the entry: pairs with the walks that find it */
	oc_entry_set(oc_pte(mm, VA), after);
}

static void writer(void)
{
	if (oc_store32(mm, VA, 7))
		return;
	oct_store(&told, 1u, OCT_REL); /* pairs with the acquire of reader() */
}

static void reader(void)
{
	if (!oct_load(&told, OCT_ACQ)) /* pairs with the release of writer() */
		return;
	oc_isb(); /* what was fetched for the load before does not count */
	loaded = oc_load32(mm, VA, &value) == 0;
	if (loaded)
		oc_cover("read-after-told");
}

static void final(void)
{
	OC_ASSERT(OC_I2, !loaded || value == 7);
}

static bool old_value_seen(void)
{
	return loaded && value == 0;
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(writer), OC_CPU(reader)},
            .variants = {
                {.name = "old",
                 .run = make_then_shoot,
                 .expected = OC_VIOLATES(OC_I11),
                 .on = {{OC_X86_64, OC_VIOLATES(OC_I2)}}},
                {.name = "old-seen",
                 .run = make_then_shoot,
                 .expected = OC_VIOLATES(OC_I2),
                 .outcome = old_value_seen}, /* judged by what was read, not by I11 */
                {.name = "fixed", .run = shoot_then_make, .expected = OC_HOLDS, .cover = {"read-after-told"}},
                {.name = "fixed-seen",
                 .run = shoot_then_make,
                 .expected = OC_FORBIDDEN,
                 .outcome = old_value_seen}})
