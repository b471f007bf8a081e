/* decode.c: what the hardware reads in a translation entry. SPDX-License-Identifier: MIT
 *
 * Written from the architecture manuals (Arm ARM DDI 0487, D8.3; Intel SDM volume 3, 4.5; RISC-V
 * privileged architecture, Sv39 and its extensions), not from the core's format.h: a wrong bit there
 * must show. */
#include <stdio.h>

#include "world.h"

#define BIT(n) (1ull << (n))
/* The address in an entry: bits 47..12 on arm64, 51..12 on x86-64. */
#define ADDRESS_ARM64  (BIT(48) - BIT(12))
#define ADDRESS_X86_64 (BIT(52) - BIT(12))

static struct entry decode_arm64(uint64_t v, unsigned level)
{
	struct entry e = {.phys = v & ADDRESS_ARM64};
	bool dbm = v & BIT(51), read_only = v & BIT(7);

	e.present = level ? v & BIT(0) : (v & 3) == 3;
	e.table = level && (v & 3) == 3;
	if (level && !e.table) /* the bits below are not part of a block's address */
		e.phys &= ~(oct_phys_t)(oct_level_bytes(level) - 1);
	e.user = v & BIT(6);
	e.global = !(v & BIT(11));
	e.young = v & BIT(10);
	e.writable = !read_only || (dbm && !world.knobs.sw_ad);
	e.dirty = !read_only;
	e.cont = !level && (v & BIT(52));
	e.memory = e.table ? 0 : v >> 2 & 7;
	return e;
}

static struct entry decode_x86_64(uint64_t v, unsigned level)
{
	struct entry e = {.phys = v & ADDRESS_X86_64};

	e.present = v & BIT(0);
	e.table = level && !(v & BIT(7));
	if (level && !e.table) /* bit 12 of a large page is its PAT */
		e.phys &= ~(oct_phys_t)(oct_level_bytes(level) - 1);
	e.user = v & BIT(2);
	e.global = v & BIT(8);
	e.writable = v & BIT(1);
	e.young = v & BIT(5);
	e.dirty = v & BIT(6);
	return e;
}

/* A reserved encoding faults: it is as good as not present. With Svnapot and Svpbmt. */
static bool reserved_riscv64(uint64_t v, unsigned level)
{
	bool leaf = v & (BIT(1) | BIT(3));
	uint64_t number = (v >> 10) & (BIT(44) - 1);

	if ((v >> 54 & 0x7f) || (v >> 61 & 3) == 3)
		return true;
	if (!leaf) /* links a table: writable but not readable, A, D, U, PBMT and N are not for it */
		return !level || (v & (BIT(2) | BIT(4) | BIT(6) | BIT(7))) || v >> 61;
	if ((v & BIT(2)) && !(v & BIT(1)))
		return true;
	if (v >> 63) /* one size of blocks, of leaves at level 0 */
		return level || (number & (BIT(OCT_CONT_SHIFT) - 1)) != BIT(OCT_CONT_SHIFT - 1);
	return number & (BIT(OCT_TABLE_SHIFT * level) - 1); /* a large page that is not aligned */
}

static struct entry decode_riscv64(uint64_t v, unsigned level)
{
	struct entry e = {.phys = ((v >> 10) & (BIT(44) - 1)) << 12};

	e.present = (v & BIT(0)) && !reserved_riscv64(v, level);
	e.table = !(v & (BIT(1) | BIT(2) | BIT(3)));
	e.user = v & BIT(4);
	e.global = v & BIT(5);
	e.writable = v & BIT(2);
	e.young = v & BIT(6);
	e.dirty = v & BIT(7);
	e.cont = v >> 63;
	e.memory = v >> 61 & 3;
	if (e.cont) /* the low bits of the number say how large the block is */
		e.phys &= ~((BIT(OCT_CONT_SHIFT) - 1) << 12);
	return e;
}

struct entry decode(uint64_t value, unsigned level)
{
	if (world.riscv)
		return decode_riscv64(value, level);
	return world.x86 ? decode_x86_64(value, level) : decode_arm64(value, level);
}

bool is_device(unsigned actor)
{
	return actor < world.nactors && world.scenario->actors[actor].kind == OC_ACTOR_IOMMU;
}

bool walker_sets_ad(unsigned cpu)
{
	return !world.knobs.sw_ad && !(world.scenario->actors[cpu].flags & OC_NO_AD);
}

oct_phys_t decode_page(const struct entry *e, unsigned level, uintptr_t of, uintptr_t va)
{
	uintptr_t block = ((uintptr_t)1 << (OCT_PAGE_SHIFT + OCT_CONT_SHIFT)) - 1;

	of &= OCT_PAGE_MASK;
	va &= OCT_PAGE_MASK;
	if (level)
		return e->phys + (va & (oct_level_bytes(level) - 1));
	if (e->cont && world.riscv)
		return e->phys + (va & block);
	return e->phys + (oct_phys_t)(va - of);
}

bool decode_large(uint64_t value, unsigned level)
{
	struct entry e = decode(value, level);

	return level && e.present && !e.table;
}

bool decode_global(uint64_t value, unsigned level)
{
	struct entry e = decode(value, level);

	return e.present && !e.table && e.global;
}

bool decode_shares(uint64_t value)
{
	struct entry e = decode(value, 0);

	return e.present && e.cont;
}

bool decode_cacheable(uint64_t value, unsigned level, unsigned cpu)
{
	struct entry e;

	if (level == OCT_LEVELS)
		return value != 0;
	if (world.riscv && !is_device(cpu) && !world.knobs.svvptc) /* a TLB may keep that there was nothing */
		return true;
	e = decode(value, level);
	/* table entries have an accessed bit on x86-64 only */
	return e.present && ((e.table && !world.x86) || e.young || walker_sets_ad(cpu));
}

/* May a walker that used `walked` go on with what it finds now? An entry that has lost the contiguous bit no
 * longer serves the other addresses of its block. */
bool decode_goes_on(const struct entry *found, const struct entry *walked, bool store)
{
	return found->present && found->user && found->table == walked->table &&
	       found->phys == walked->phys && (found->cont || !walked->cont) &&
	       (!store || found->writable || found->table);
}

/* A walker that used `walked` sets accessed, and dirty for a store, in what it finds now; accessed alone
 * where it walked through a table entry. */
uint64_t decode_walker_update(uint64_t found, uint64_t walked, unsigned how)
{
	unsigned level = how >> WALKER_LEVEL_SHIFT;
	struct entry f = decode(found, level), w = decode(walked, level);
	bool store = (how & WALKER_STORE) && !w.table;

	/* an erratum: what was taken away is updated all the same */
	if (world.x86 && !f.present && (how & WALKER_STRAY))
		return found | BIT(5) | (store ? BIT(6) : 0);
	if (!decode_goes_on(&f, &w, how & WALKER_STORE))
		return found;
	if (world.x86)
		return found | BIT(5) | (store ? BIT(6) : 0);
	if (w.table) /* has no such bit */
		return found;
	if (world.riscv)
		return found | BIT(6) | (store ? BIT(7) : 0);
	return (found | BIT(10)) & ~(store ? BIT(7) : 0);
}

const char *decode_words(uint64_t value, unsigned level, char *text, size_t size)
{
	struct entry e = level == OCT_LEVELS ? (struct entry){0} : decode(value, level);

	if (level == OCT_LEVELS)
		snprintf(text, size, value ? "root t%u" : "no root", (unsigned)(value >> 12));
	else if (!value)
		snprintf(text, size, "none");
	else if (!e.present)
		snprintf(text, size, "not present (%#llx)", (unsigned long long)value);
	else if (e.table)
		snprintf(text, size, "table t%u", (unsigned)(e.phys >> 12));
	else
		snprintf(text, size, "p%u %s%s%s%s", (unsigned)(e.phys >> 12), e.writable ? "rw" : "ro",
		         e.dirty && e.writable ? " dirty"
		         : e.writable          ? " clean"
		                               : "",
		         e.young ? "" : " old",
		         e.cont  ? " contiguous"
		         : level ? " large"
		                 : "");
	return text;
}
