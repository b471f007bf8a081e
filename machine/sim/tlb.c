/* tlb.c: what a CPU of the sim caches of the tables. SPDX-License-Identifier: MIT
 *
 * One array of sets for translations of every size: a translation of 2^shift bytes lies in the set of its
 * number, va >> shift, and a lookup asks for each size that the CPU has ever seen. So a large leaf, or
 * the entry of a contiguous block, stays usable for all it covers until something drops it, whatever
 * became of the other entries. All of this under busy (mmu.c). */
#include "machine.h"

static uint64_t key_of(uintptr_t va, unsigned shift, uint16_t asid)
{
	return (uint64_t)(va >> shift) << 16 | asid;
}

static bool matches(const struct translation *entry, uintptr_t va, unsigned shift, uint16_t asid)
{
	uint64_t key = key_of(va, shift, asid);

	return entry->pte != 0 && entry->shift == shift &&
	       (entry->key == key || (oct_pte_global(entry->pte) && (entry->key ^ key) >> 16 == 0));
}

static struct translation *set_of(struct sim_cpu *cpu, uintptr_t va, unsigned shift)
{
	return cpu->tlb[(va >> shift) % TLB_SETS];
}

/* The sizes that cpu has seen, from the smallest: for (shift = first; shift; shift = next). */
static unsigned next_shift(const struct sim_cpu *cpu, unsigned after)
{
	uint64_t left = cpu->shifts & ~(((uint64_t)2 << after) - 1);

	return left ? (unsigned)__builtin_ctzll(left) : 0;
}

static struct translation *find_size(struct sim_cpu *cpu, uintptr_t va, unsigned shift, uint16_t asid)
{
	struct translation *set = set_of(cpu, va, shift);

	for (unsigned way = 0; way < TLB_WAYS; way++)
		if (matches(&set[way], va, shift, asid))
			return &set[way];
	return NULL;
}

struct translation *sim_tlb_find(struct sim_cpu *cpu, uintptr_t va)
{
	struct translation *found = NULL;

	for (unsigned shift = next_shift(cpu, 0); shift; shift = next_shift(cpu, shift)) {
		struct translation *entry = find_size(cpu, va, shift, cpu->asid);

		if (!entry)
			continue;
		if (found && SIM_CONFLICTS)
			oct_port_panic("sim: a TLB holds two sizes for one address (I11)");
		if (!found || cpu->turn++ % 2)
			found = entry; /* either may be used */
	}
	return found;
}

const struct translation *sim_tlb_insert(struct sim_cpu *cpu, uintptr_t va, oct_pte_t pte, unsigned shift,
                                         oct_phys_t base)
{
	struct translation *set = set_of(cpu, va, shift), *slot = find_size(cpu, va, shift, cpu->asid);

	for (unsigned way = 0; !slot && way < TLB_WAYS; way++)
		if (set[way].pte == 0)
			slot = &set[way];
	if (!slot)
		slot = &set[cpu->turn++ % TLB_WAYS];
	cpu->shifts |= (uint64_t)1 << shift;
	*slot = (struct translation){key_of(va, shift, cpu->asid), pte, base, (uint8_t)shift};
	return slot;
}

static struct table_link *link_slot(struct sim_cpu *cpu, uintptr_t va, unsigned level)
{
	return &cpu->link[level][(va >> oct_level_shift(level)) % LINK_SLOTS];
}

oct_phys_t sim_link_find(struct sim_cpu *cpu, uintptr_t va, unsigned level)
{
	const struct table_link *link = link_slot(cpu, va, level);

	return link->key == key_of(va, oct_level_shift(level), cpu->asid) ? link->table : 0;
}

void sim_link_insert(struct sim_cpu *cpu, uintptr_t va, unsigned level, oct_phys_t table)
{
	*link_slot(cpu, va, level) =
	    (struct table_link){key_of(va, oct_level_shift(level), cpu->asid), table};
}

static void drop_links(struct sim_cpu *cpu, bool all, uint16_t asid)
{
	for (unsigned level = 1; level < OCT_LEVELS; level++)
		for (unsigned i = 0; i < LINK_SLOTS; i++)
			if (all || (cpu->link[level][i].key & 0xffff) == asid)
				cpu->link[level][i].table = 0;
}

/* Walk caches: x86-64 drops them all for this ASID, others what is on the way, if asked. */
void sim_tlb_drop_page(struct sim_cpu *cpu, uint16_t asid, uintptr_t va, enum oct_depth depth)
{
	for (unsigned shift = next_shift(cpu, 0); shift; shift = next_shift(cpu, shift)) {
		struct translation *set = set_of(cpu, va, shift);

		for (unsigned way = 0; way < TLB_WAYS; way++)
			if (matches(&set[way], va, shift, asid))
				set[way].pte = 0;
	}
#ifdef OCT_ARCH_X86_64
	drop_links(cpu, false, asid);
#endif
	for (unsigned level = 1; depth == OCT_ALL_LEVELS && level < OCT_LEVELS; level++) {
		struct table_link *link = link_slot(cpu, va, level);

		if (link->key == key_of(va, oct_level_shift(level), asid))
			link->table = 0;
	}
}

void sim_tlb_drop_asid(struct sim_cpu *cpu, bool all, uint16_t asid)
{
	for (unsigned set = 0; set < TLB_SETS; set++) {
		for (unsigned way = 0; way < TLB_WAYS; way++) {
			struct translation *entry = &cpu->tlb[set][way];

			if (all ||
			    (entry->pte != 0 && (entry->key & 0xffff) == asid && !oct_pte_global(entry->pte)))
				entry->pte = 0;
		}
	}
	if (all)
		cpu->shifts = 0;
	drop_links(cpu, all, asid);
}
