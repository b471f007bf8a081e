/* mmu.c: the sim's TLBs, walk caches, walker, and user accesses. SPDX-License-Identifier: MIT
 *
 * busy of a CPU is held by an access from its translation to its last byte, and by who drops
 * translations of that CPU. So when an invalidation has dropped an entry, the accesses made through it
 * are done, as its completion promises (M3 in docs/MODEL.md). Where only the CPU itself invalidates its TLB
 * the lock is left out: its thread does one thing at a time. Nothing in here calls the core but
 * sim's access loop, and that without busy. */
#include "machine.h"
#include <sched.h>

#define LAST_LEVEL (OCT_LEVELS - 1)

/* ---- busy ------------------------------------------------------------------------------------------ */
static void busy_take(struct sim_cpu *cpu)
{
#if OCT_FORMAT_BROADCAST
	while (oct_xchg(&cpu->busy, 1u, OCT_ACQ)) /* pairs with busy_give */
		while (oct_load(&cpu->busy, OCT_RLX))
			sched_yield();
#else
	(void)cpu;
#endif
}

static void busy_give(struct sim_cpu *cpu)
{
#if OCT_FORMAT_BROADCAST
	oct_store(&cpu->busy, 0u, OCT_REL);
#else
	(void)cpu;
#endif
}

/* ---- Invalidations ----------------------------------------------------------------------------------- */
static void drop(struct sim_cpu *cpu, const struct invalidation *todo)
{
	busy_take(cpu);
	for (size_t i = 0; todo->what == INVALIDATE_RANGE && i < todo->pages; i++)
		sim_tlb_drop_page(cpu, todo->asid, todo->va + (i << OCT_PAGE_SHIFT), todo->depth);
	if (todo->what != INVALIDATE_RANGE)
		sim_tlb_drop_asid(cpu, todo->what == INVALIDATE_ALL, todo->asid);
	busy_give(cpu);
}

static void carry_out(const struct invalidation *todo)
{
	if (todo->scope == OCT_LOCAL) {
		drop(sim_self, todo);
		return;
	}
	for (unsigned i = 0; i < sim_machine.cpus; i++)
		drop(&sim_machine.cpu[i], todo);
}

static void complete_queue(struct sim_cpu *cpu)
{
	for (unsigned i = 0; i < cpu->queued; i++)
		carry_out(&cpu->queue[i]);
	cpu->queued = 0;
}

static void invalidate(struct invalidation todo)
{
	struct sim_cpu *cpu = sim_self;
	uint64_t instructions = todo.what == INVALIDATE_RANGE ? todo.pages : 1;

	if (todo.scope == OCT_BROADCAST && !OCT_FORMAT_BROADCAST)
		oct_port_panic("sim: this architecture has no broadcast");
	if (cpu->irqs_off == 0)
		oct_port_panic("sim: an invalidation and its completion might be on different CPUs");
	sim_delay();
	cpu->counters.invalidations += instructions;
	cpu->counters.by_page += todo.what == INVALIDATE_RANGE ? instructions : 0;
	cpu->counters.by_asid += todo.what == INVALIDATE_ASID;
	cpu->counters.broadcasts += todo.scope == OCT_BROADCAST ? instructions : 0;
	if (!OCT_FORMAT_BROADCAST || cpu->queued == MOST_QUEUED)
		carry_out(&todo); /* at once on x86-64; a full queue: early is allowed */
	else
		cpu->queue[cpu->queued++] = todo;
}

void oct_mmu_publish(void)
{
}

void oct_mmu_invalidate_begin(void)
{
}

void oct_mmu_invalidate_range(uint16_t asid, uintptr_t va, size_t pages, enum oct_scope scope,
                              enum oct_depth depth)
{
	if (pages == 0 || (va & ~OCT_PAGE_MASK) != 0)
		oct_port_panic("sim: a range is invalidated that is empty or not aligned");
	invalidate((struct invalidation){INVALIDATE_RANGE, scope, depth, asid, va, pages});
}

void oct_mmu_invalidate_asid(uint16_t asid, enum oct_scope scope)
{
	invalidate((struct invalidation){.what = INVALIDATE_ASID, .scope = scope, .asid = asid});
}

void oct_mmu_invalidate_all(enum oct_scope scope)
{
	invalidate((struct invalidation){.what = INVALIDATE_ALL, .scope = scope});
}

void oct_mmu_invalidate_end(enum oct_scope scope)
{
	struct sim_cpu *cpu = sim_self;

	for (unsigned i = 0; i < cpu->queued; i++)
		if (scope == OCT_LOCAL && cpu->queue[i].scope == OCT_BROADCAST)
			oct_port_panic("sim: a local barrier does not complete a broadcast");
	sim_delay();
	complete_queue(cpu);
}

#if defined(__SANITIZE_THREAD__)
/* ThreadSanitizer knows no fences: it is told that the root's barrier makes releases of the relaxed changes
 * of running that follow it (F2 in src/tlb/tlb.c). */
void __tsan_release(void *at);

static void tell_sanitizer(struct oct_space *former)
{
	for (unsigned word = 0; former != NULL && word < OCT_CPU_WORDS; word++)
		__tsan_release(&former->running[word]);
}
#else
static void tell_sanitizer(struct oct_space *former)
{
	(void)former;
}
#endif

void oct_mmu_load_root(oct_phys_t root, uint16_t asid, bool keep)
{
	struct sim_cpu *cpu = sim_self;

	if (!sim_page_is(root, OCT_USE_TABLE))
		oct_port_panic("sim: a root is loaded that is not out (I1)");
	complete_queue(cpu);
	cpu->counters.roots++;
	busy_take(cpu);
	oct_xchg(&cpu->root, root, OCT_SC); /* in place of the fence that the contract asks for */
	tell_sanitizer(cpu->space);
	cpu->asid = asid;
	if (!keep)
		sim_tlb_drop_asid(cpu, false, asid);
	busy_give(cpu);
}

/* ---- The walker; under busy ---------------------------------------------------------------------------- */
/* As the hardware records a store. */
static bool hardware_dirty(oct_pte_t pte)
{
#ifdef OCT_ARCH_ARM64
	return oct_pte_hw_dirty(pte);
#else
	return oct_pte_dirty(pte);
#endif
}

static oct_pte_t hardware_mkdirty(oct_pte_t pte)
{
#ifdef OCT_ARCH_ARM64
	return pte & ~OCT_ARM64_RDONLY;
#else
	return oct_pte_mkdirty(pte);
#endif
}

/* Where a walk for va ends. */
struct place {
	oct_pte_t *entry; /* NULL: at a level that links no table */
	unsigned level;
};

/* Begins below the lowest link it has cached. */
static struct place walk(struct sim_cpu *cpu, uintptr_t va)
{
	oct_phys_t table = cpu->root;
	unsigned level = LAST_LEVEL;

	for (unsigned at = 1; at <= LAST_LEVEL; at++) {
		oct_phys_t linked = sim_link_find(cpu, va, at);

		if (linked == 0)
			continue;
		cpu->counters.walk_hits++;
		table = linked;
		level = at - 1;
		break;
	}
	for (;; level--) {
		struct sim_decoded link;
		oct_pte_t *entry;

		if (!sim_page_is(table, OCT_USE_TABLE))
			oct_port_panic("sim: a CPU walks a table that is not out (I1)");
		entry = (oct_pte_t *)oct_port_phys_to_virt(table) + oct_table_index(va, level);
		if (level == 0)
			return (struct place){entry, 0};
		/* Acquire stands for the order of a walker's dependent reads. */
		link = sim_decode(oct_load(entry, OCT_ACQ), level);
		if (link.kind == SIM_LEAF)
			return (struct place){entry, level};
		if (link.kind == SIM_RESERVED)
			oct_port_panic("sim: a walk meets an entry with reserved bits");
		if (link.kind == SIM_INVALID)
			return (struct place){NULL, level};
		table = link.base;
		sim_link_insert(cpu, va, level, table);
	}
}

/* Whether an access through pte needs young or dirty set first. */
static bool needs_update(oct_pte_t pte, unsigned access)
{
	return !oct_pte_young(pte) || (access == OCT_WRITE && !hardware_dirty(pte));
}

/* Entries of one contiguous block, as far as they are valid, differ in state alone. */
static bool agree(oct_pte_t one, oct_pte_t other, unsigned level)
{
	struct sim_decoded a = sim_decode(one, level), b = sim_decode(other, level);

	return b.kind == SIM_INVALID || (b.kind == SIM_LEAF && a.shift == b.shift && a.base == b.base &&
	                                 oct_pte_prot(one) == oct_pte_prot(other));
}

/* The entries of the block that the one at place carries the bit of agree, as far as they are valid (I6).
 * Nobody can break, flush and make another one meanwhile: its flush wants busy. */
static void check_block(const struct place *place, oct_pte_t pte)
{
	unsigned entries = 1u << (sim_decode(pte, place->level).shift - oct_level_shift(place->level));
	uintptr_t first = (uintptr_t)place->entry & ~((uintptr_t)entries * sizeof pte - 1);

	for (unsigned i = 0; entries > 1 && i < entries; i++) {
		oct_pte_t other = oct_load((oct_pte_t *)first + i, OCT_RLX); /* judged by value */

		if (!agree(pte, other, place->level))
			oct_port_panic("sim: valid entries of a contiguous block disagree (I6)");
	}
}

static const struct translation *cache(struct sim_cpu *cpu, const struct place *place, uintptr_t va,
                                       oct_pte_t pte)
{
	struct sim_decoded leaf = sim_decode(pte, place->level);

	check_block(place, pte);
	return sim_tlb_insert(cpu, va, pte, leaf.shift, leaf.base);
}

/* Where a TLB may keep that there was nothing: a value that is not used, not present, grants nothing. */
#if defined(OCT_FORMAT_CACHES_INVALID) && OCT_FORMAT_CACHES_INVALID
#define NOTHING_THERE ((oct_pte_t)1 << 60)
#endif

static const struct translation *nothing_there(struct sim_cpu *cpu, uintptr_t va)
{
#ifdef NOTHING_THERE
	sim_tlb_insert(cpu, va, NOTHING_THERE, OCT_PAGE_SHIFT, 0);
#else
	(void)cpu;
	(void)va;
#endif
	return NULL;
}

/* Translate by the tables, setting what the access sets, and cache it. NULL: a fault. */
static const struct translation *walk_for(struct sim_cpu *cpu, uintptr_t va, unsigned access)
{
	bool sets_bits = sim_machine.hardware_bits && !cpu->no_bits;
	struct place place = walk(cpu, va);
	oct_pte_t pte, updated;

	if (!place.entry)
		return nothing_there(cpu, va);
	pte = oct_load(place.entry, OCT_ACQ); /* a page's contents were stored before its entry */
	do {
		switch (sim_decode(pte, place.level).kind) {
		case SIM_INVALID:
			return nothing_there(cpu, va);
		case SIM_LINK:
			return walk_for(cpu, va, access); /* a leaf was split meanwhile */
		case SIM_RESERVED:
			oct_port_panic("sim: a walk meets an entry with reserved bits");
		case SIM_LEAF:
			break;
		}
		if (!oct_pte_young(pte) && !sets_bits)
			return NULL;
		if (!(oct_pte_prot(pte) & access) || (needs_update(pte, access) && !sets_bits)) {
			if (OCT_FORMAT_FAULT_KEEPS && oct_pte_young(pte))
				cache(cpu, &place, va, pte);
			return NULL;
		}
		updated = oct_pte_mkyoung(pte);
		if (access == OCT_WRITE)
			updated = hardware_mkdirty(updated);
		if (updated == pte)
			break;
		cpu->counters.updates++;
		/* Never in an entry that software has replaced meanwhile. */
	} while (!oct_cas(place.entry, &pte, updated, OCT_ACQ_REL));
	return cache(cpu, &place, va, updated);
}

/* What this CPU translates va with, NULL for a fault. */
static const struct translation *translate(struct sim_cpu *cpu, uintptr_t va, unsigned access)
{
	struct translation *cached = sim_tlb_find(cpu, va);

	if (cached) {
		if (!(oct_pte_prot(cached->pte) & access))
			return NULL;
		if (!needs_update(cached->pte, access)) {
			cpu->counters.hits++;
			cpu->counters.large_hits += cached->shift > OCT_PAGE_SHIFT;
			return cached;
		}
		if (!sim_machine.hardware_bits || cpu->no_bits)
			return NULL;
		/* Dirty is set in memory, by a walk that may find anything there by now. */
		cached->pte = 0;
	}
	cpu->counters.walks++;
	return walk_for(cpu, va, access);
}

/* ---- User accesses ------------------------------------------------------------------------------ */
enum { MOST_TURNS = 1000000 };

/* Relaxed: users order their accesses themselves. */
static void touch(void *at, unsigned access, unsigned bytes, uint64_t *value)
{
	bool store = access == OCT_WRITE;

	switch (bytes) {
	case 1:
		if (store)
			oct_store((uint8_t *)at, (uint8_t)*value, OCT_RLX);
		else
			*value = oct_load((uint8_t *)at, OCT_RLX);
		return;
	case 2:
		if (store)
			oct_store((uint16_t *)at, (uint16_t)*value, OCT_RLX);
		else
			*value = oct_load((uint16_t *)at, OCT_RLX);
		return;
	case 4:
		if (store)
			oct_store((uint32_t *)at, (uint32_t)*value, OCT_RLX);
		else
			*value = oct_load((uint32_t *)at, OCT_RLX);
		return;
	default:
		if (store)
			oct_store((uint64_t *)at, *value, OCT_RLX);
		else
			*value = oct_load((uint64_t *)at, OCT_RLX);
		return;
	}
}

/* One try: false for a fault. */
static bool access_once(struct sim_cpu *cpu, uintptr_t va, unsigned access, unsigned bytes, uint64_t *value)
{
	const struct translation *with;
	oct_phys_t physical;

	busy_take(cpu);
	with = translate(cpu, va, access);
	if (!with) {
		if (!OCT_FORMAT_FAULT_KEEPS)
			sim_tlb_drop_page(cpu, cpu->asid, va & OCT_PAGE_MASK, OCT_LEAF);
		busy_give(cpu);
		return false;
	}
	sim_delay();
	physical = with->base + (va & (((uintptr_t)1 << with->shift) - 1));
	if (!sim_page_is(physical, OCT_USE_USER))
		oct_port_panic("sim: an access reaches a page that is not out (I1)");
	touch((char *)oct_port_phys_to_virt(physical & ~(oct_phys_t)(OCT_PAGE_SIZE - 1)) +
	          (va & ~OCT_PAGE_MASK),
	      access, bytes, value);
	busy_give(cpu);
	return true;
}

static int user_access(uintptr_t va, unsigned access, unsigned bytes, uint64_t *value)
{
	struct sim_cpu *cpu = sim_self;

	cpu->counters.accesses++;
	if (va % bytes != 0 || va >> OCT_FORMAT_USER_BITS != 0)
		return -OCT_EFAULT;
	for (unsigned turn = 0; turn < MOST_TURNS; turn++) {
		int result;

		sim_poll_cpu(cpu);
		if (!cpu->space)
			return -OCT_EFAULT;
		if (access_once(cpu, va, access, bytes, value))
			return 0;
		cpu->counters.faults++;
		result = oct_fault(oct_port_current(), va, access);
		switch (result) {
		case OCT_FAULT_DONE:
			break;
		case OCT_FAULT_RETRY:
			oct_port_relax();
			break;
		case OCT_FAULT_SIGNAL:
			return -OCT_EFAULT;
		case OCT_FAULT_EVENT:
			return -OCT_EBUSY;
		default:
			return result;
		}
	}
	oct_port_panic("sim: an access faults for ever (I9)");
}

int sim_load(uintptr_t va, unsigned bytes, uint64_t *value)
{
	return user_access(va, OCT_READ, bytes, value);
}

int sim_store(uintptr_t va, unsigned bytes, uint64_t value)
{
	return user_access(va, OCT_WRITE, bytes, &value);
}

int sim_fetch(uintptr_t va)
{
	uint64_t value;

	return user_access(va, OCT_EXEC, 4, &value);
}
