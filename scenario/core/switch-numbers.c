/* core/switch-numbers: address-space numbers run out under two CPUs. SPDX-License-Identifier: MIT
 *
 * Four spaces, two numbers. Each CPU reads in each space what is its own, whoever had the number
 * before, and what was revoked stays revoked. kept: a number is given to another space, and the
 * CPU keeps what it cached under it. old-number: a CPU reads the number of its space, and loads it
 * when a rollover has given the space another one: the flush under the new number misses it. */
#include <octavo/check.h>

enum { VA = 0x30000, READ_WRITE = OCT_READ | OCT_WRITE };

static struct oct_mm *mm[4];
static uint32_t after, naively_after;
static bool revoked_once, naively_revoked;
static uint32_t *word; /* of the page at VA in mm[3] */
static oct_pte_t by_hand;

static void setup(void)
{
	for (uint32_t i = 0; i < 4; i++) {
		mm[i] = oc_mm();
		oc_map_anon(mm[i], VA, 1, READ_WRITE);
		oc_store32(mm[i], VA, i);
	}
	word = oct_port_phys_to_virt(oc_folio(mm[3], VA)->page);
	by_hand = oc_entry_get(oc_pte(mm[3], VA)); /* where the entry goes, an access fails for good */
	OC_ASSERT(OC_ASSERTION, oct_mprotect(mm[3], VA, OCT_PAGE_SIZE, OCT_NONE) == 0);
	oc_entry_set(oc_pte(mm[3], VA), by_hand);
}

static void run(uint32_t i)
{
	uint32_t value = ~0u;

	oct_mm_switch(mm[0]->space.system, mm[i]);
	OC_ASSERT(OC_I4, oc_load32(mm[i], VA, &value) == 0 && value == i);
}

static void idle(void)
{
	oct_mm_switch(mm[0]->space.system, NULL);
}

/* Each leaves the first space for one of its own. */
static void apart(void)
{
	run(oct_port_cpu_self() == 0 ? 1 : 2);
}

/* One CPU gives its number up while the other looks for one; it comes back and finds its space under
 * another number, of which a flush must know. */
static void taken_over(void)
{
	if (oct_port_cpu_self() == 0) {
		run(1);
		run(2);
	} else {
		idle();
		run(0);
	}
}

static void revoke(void)
{
	OC_ASSERT(OC_ASSERTION, oct_mprotect(mm[0], VA, OCT_PAGE_SIZE, OCT_READ) == 0);
	after = oc_peek32(mm[0], VA);
	revoked_once = true;
}

/* A space whose number changes while its page is protected. */
static void revoked(void)
{
	if (oct_port_cpu_self() == 0) {
		idle();
		run(1);
		run(2);
		revoke();
	} else {
		idle();
		oct_mm_switch(mm[0]->space.system, mm[0]);
		oc_store32(mm[0], VA, 7);
	}
}

/* The same with a CPU that ran the space under the former number, and is done with it. */
static void left(void)
{
	if (oct_port_cpu_self() == 0) {
		idle();
		run(1);
		run(2);
		oct_mm_switch(mm[0]->space.system, mm[0]);
		revoke();
	} else {
		oc_store32(mm[0], VA, 7);
		idle();
	}
}

/* By hand; NUMBER and NEXT are whose translations a CPU holds. */
enum { NUMBER = 2, NEXT = 1 };

static uint32_t number = NUMBER; /* of mm[3] */

static void load_by_hand(uint32_t i, uint32_t under)
{
	oct_mmu_load_root(mm[i]->space.root, (uint16_t)under, true);
}

static void kept(void)
{
	uint32_t value = ~0u;

	if (oct_port_cpu_self() == 0)
		return;
	load_by_hand(1, NUMBER);
	oc_load32(mm[1], VA, &value);
	load_by_hand(2, NUMBER);
	OC_ASSERT(OC_I4, oc_load32(mm[2], VA, &value) == 0 && value == 2);
}

static void old_number(void)
{
	oct_pte_t *pte = oc_pte(mm[3], VA);

	if (oct_port_cpu_self() == 1) {
		load_by_hand(3, oct_load(&number, OCT_ACQ));
		oc_store32(mm[3], VA, 7);
		return;
	}
	oct_store(&number, NEXT, OCT_RLX);
	oct_store(&mm[3]->space.asid, NEXT, OCT_RLX); /* oc_tlbi's */
	oc_entry_set(pte, 0);
	oc_dsb();
	oc_tlbi(mm[3], VA, 1, OC_BROADCAST, OC_LEAF);
	oc_dsb();
	naively_after = oct_load(word, OCT_RLX);
	naively_revoked = true;
}

static void final(void)
{
	uint32_t value = oc_peek32(mm[0], VA);

	OC_ASSERT(OC_I4, !revoked_once || value == after);
	OC_ASSERT(OC_I4, !naively_revoked || oct_load(word, OCT_RLX) == naively_after);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "kept", .run = kept, .expected = OC_VIOLATES(OC_I4)},
                         {.name = "old-number", .run = old_number, .expected = OC_VIOLATES(OC_I4)},
                         {.name = "apart", .run = apart, .expected = OC_HOLDS},
                         {.name = "taken-over", .run = taken_over, .expected = OC_HOLDS},
                         {.name = "revoked", .run = revoked, .expected = OC_HOLDS},
                         {.name = "left", .run = left, .expected = OC_HOLDS}})
