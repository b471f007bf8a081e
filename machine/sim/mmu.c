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

/* ---- What is cached; under busy --------------------------------------------------------------------- */
static uint64_t key_of(uintptr_t va, unsigned level, uint16_t asid)
{
	return (uint64_t)(va >> oct_level_shift(level)) << 16 | asid;
}

static bool key_matches(const struct translation *entry, uint64_t key)
{
	return entry->pte != 0 &&
	       (entry->key == key || (oct_pte_global(entry->pte) && (entry->key ^ key) >> 16 == 0));
}

static struct translation *set_of(struct sim_cpu *cpu, uintptr_t va)
{
	return cpu->tlb[(va >> OCT_PAGE_SHIFT) % TLB_SETS];
}

static struct translation *tlb_find(struct sim_cpu *cpu, uintptr_t va)
{
	struct translation *set = set_of(cpu, va);
	uint64_t key = key_of(va, 0, cpu->asid);

	for (unsigned way = 0; way < TLB_WAYS; way++)
		if (key_matches(&set[way], key))
			return &set[way];
	return NULL;
}

static void tlb_insert(struct sim_cpu *cpu, uintptr_t va, oct_pte_t pte)
{
	struct translation *set = set_of(cpu, va), *slot = tlb_find(cpu, va);

	for (unsigned way = 0; !slot && way < TLB_WAYS; way++)
		if (set[way].pte == 0)
			slot = &set[way];
	if (!slot)
		slot = &set[cpu->turn++ % TLB_WAYS];
	slot->key = key_of(va, 0, cpu->asid);
	slot->pte = pte;
}

static struct table_link *link_slot(struct sim_cpu *cpu, uintptr_t va, unsigned level)
{
	return &cpu->link[level][(va >> oct_level_shift(level)) % LINK_SLOTS];
}

static void drop_links(struct sim_cpu *cpu, bool all, uint16_t asid)
{
	for (unsigned level = 1; level < OCT_LEVELS; level++)
		for (unsigned i = 0; i < LINK_SLOTS; i++)
			if (all || (cpu->link[level][i].key & 0xffff) == asid)
				cpu->link[level][i].table = 0;
}

/* One address. Walk caches: x86-64 drops them all for this ASID, others what is on the way, if asked. */
static void drop_page(struct sim_cpu *cpu, uint16_t asid, uintptr_t va, enum oct_depth depth)
{
	struct translation *set = set_of(cpu, va);
	uint64_t key = key_of(va, 0, asid);

	for (unsigned way = 0; way < TLB_WAYS; way++)
		if (key_matches(&set[way], key))
			set[way].pte = 0;
#ifdef OCT_ARCH_X86_64
	drop_links(cpu, false, asid);
#endif
	for (unsigned level = 1; depth == OCT_ALL_LEVELS && level < OCT_LEVELS; level++) {
		struct table_link *link = link_slot(cpu, va, level);

		if (link->key == key_of(va, level, asid))
			link->table = 0;
	}
}

static void drop_asid(struct sim_cpu *cpu, bool all, uint16_t asid)
{
	for (unsigned set = 0; set < TLB_SETS; set++) {
		for (unsigned way = 0; way < TLB_WAYS; way++) {
			struct translation *entry = &cpu->tlb[set][way];

			if (all ||
			    (entry->pte != 0 && (entry->key & 0xffff) == asid && !oct_pte_global(entry->pte)))
				entry->pte = 0;
		}
	}
	drop_links(cpu, all, asid);
}

static void drop(struct sim_cpu *cpu, const struct invalidation *todo)
{
	busy_take(cpu);
	for (size_t i = 0; todo->what == INVALIDATE_RANGE && i < todo->pages; i++)
		drop_page(cpu, todo->asid, todo->va + (i << OCT_PAGE_SHIFT), todo->depth);
	if (todo->what != INVALIDATE_RANGE)
		drop_asid(cpu, todo->what == INVALIDATE_ALL, todo->asid);
	busy_give(cpu);
}

/* ---- Invalidations ------------------------------------------------------------------------------------- */
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
	cpu->counters.invalidations += instructions;
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
	complete_queue(cpu);
}

void oct_mmu_load_root(oct_phys_t root, uint16_t asid, bool keep)
{
	struct sim_cpu *cpu = sim_self;

	if (!sim_page_is(root, OCT_USE_TABLE))
		oct_port_panic("sim: a root is loaded that is not out (I1)");
	complete_queue(cpu);
	cpu->counters.roots++;
	busy_take(cpu);
	cpu->root = root;
	cpu->asid = asid;
	if (!keep)
		drop_asid(cpu, false, asid);
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

/* The leaf entry of va, NULL where a level links no table. Begins below the lowest link it has cached. */
static oct_pte_t *walk(struct sim_cpu *cpu, uintptr_t va)
{
	oct_phys_t table = cpu->root;
	unsigned level = LAST_LEVEL;

	for (unsigned at = 1; at <= LAST_LEVEL; at++) {
		struct table_link *link = link_slot(cpu, va, at);

		if (link->table == 0 || link->key != key_of(va, at, cpu->asid))
			continue;
		cpu->counters.walk_hits++;
		table = link->table;
		level = at - 1;
		break;
	}
	for (;; level--) {
		oct_pte_t *entry, pte;

		if (!sim_page_is(table, OCT_USE_TABLE))
			oct_port_panic("sim: a CPU walks a table that is not out (I1)");
		entry = (oct_pte_t *)oct_port_phys_to_virt(table) + oct_table_index(va, level);
		if (level == 0)
			return entry;
		/* Acquire stands for the order of a walker's dependent reads. */
		pte = oct_load(entry, OCT_ACQ);
		if (!oct_pte_is_table(pte, level))
			return NULL;
		table = oct_pte_phys(pte);
		*link_slot(cpu, va, level) = (struct table_link){key_of(va, level, cpu->asid), table};
	}
}

/* Whether an access through pte needs young or dirty set first. */
static bool needs_update(oct_pte_t pte, unsigned access)
{
	return !oct_pte_young(pte) || (access == OCT_WRITE && !hardware_dirty(pte));
}

/* Where a TLB may keep that there was nothing: a value that is not used, not present, grants nothing. */
#if defined(OCT_FORMAT_CACHES_INVALID) && OCT_FORMAT_CACHES_INVALID
#define NOTHING_THERE ((oct_pte_t)1 << 60)
#endif

static oct_pte_t nothing_there(struct sim_cpu *cpu, uintptr_t va)
{
#ifdef NOTHING_THERE
	tlb_insert(cpu, va, NOTHING_THERE);
#else
	(void)cpu;
	(void)va;
#endif
	return 0;
}

/* Translate by the tables, setting what the access sets. The entry as it is then, 0 for a fault. */
static oct_pte_t walk_for(struct sim_cpu *cpu, uintptr_t va, unsigned access)
{
	oct_pte_t *entry = walk(cpu, va);
	oct_pte_t pte, updated;

	if (!entry)
		return nothing_there(cpu, va);
	pte = oct_load(entry, OCT_ACQ); /* a page's contents were stored before its entry */
	do {
		if (!oct_pte_present(pte))
			return nothing_there(cpu, va);
		if (!oct_pte_young(pte) && !sim_machine.hardware_bits)
			return 0;
		if (!(oct_pte_prot(pte) & access)) {
			if (OCT_FORMAT_FAULT_KEEPS && oct_pte_young(pte))
				tlb_insert(cpu, va, pte);
			return 0;
		}
		if (!needs_update(pte, access))
			return pte;
		if (!sim_machine.hardware_bits) {
			if (OCT_FORMAT_FAULT_KEEPS)
				tlb_insert(cpu, va, pte);
			return 0;
		}
		updated = oct_pte_mkyoung(pte);
		if (access == OCT_WRITE)
			updated = hardware_mkdirty(updated);
		/* Never in an entry that software has replaced meanwhile. */
	} while (!oct_cas(entry, &pte, updated, OCT_ACQ_REL));
	cpu->counters.updates++;
	return updated;
}

/* What this CPU translates va with, 0 for a fault. */
static oct_pte_t translate(struct sim_cpu *cpu, uintptr_t va, unsigned access)
{
	struct translation *cached = tlb_find(cpu, va);
	oct_pte_t pte;

	if (cached) {
		if (!(oct_pte_prot(cached->pte) & access))
			return 0;
		if (!needs_update(cached->pte, access)) {
			cpu->counters.hits++;
			return cached->pte;
		}
		if (!sim_machine.hardware_bits)
			return 0;
		/* Dirty is set in memory, by a walk that may find anything there by now. */
		cached->pte = 0;
	}
	cpu->counters.walks++;
	pte = walk_for(cpu, va, access);
	if (pte)
		tlb_insert(cpu, va, pte);
	return pte;
}

/* ---- User accesses ----------------------------------------------------------------------------------------
 */
enum { MOST_TURNS = 1000000 };

/* One try: false for a fault. */
static bool access_once(struct sim_cpu *cpu, uintptr_t va, unsigned access, uint64_t *value)
{
	oct_pte_t pte;
	uint64_t *word;

	busy_take(cpu);
	pte = translate(cpu, va, access);
	if (!pte) {
		if (!OCT_FORMAT_FAULT_KEEPS)
			drop_page(cpu, cpu->asid, va & OCT_PAGE_MASK, OCT_LEAF);
		busy_give(cpu);
		return false;
	}
	if (!sim_page_is(oct_pte_phys(pte), OCT_USE_USER))
		oct_port_panic("sim: an access reaches a page that is not out (I1)");
	word = (uint64_t *)(void *)((char *)oct_port_phys_to_virt(oct_pte_phys(pte)) + (va & ~OCT_PAGE_MASK));
	/* Relaxed: users order their accesses themselves. */
	if (access == OCT_WRITE)
		oct_store(word, *value, OCT_RLX);
	else
		*value = oct_load(word, OCT_RLX);
	busy_give(cpu);
	return true;
}

static int user_access(uintptr_t va, unsigned access, uint64_t *value)
{
	struct sim_cpu *cpu = sim_self;

	cpu->counters.accesses++;
	if (va % sizeof *value != 0 || va >> OCT_FORMAT_USER_BITS != 0)
		return -OCT_EFAULT;
	for (unsigned turn = 0; turn < MOST_TURNS; turn++) {
		int result;

		sim_poll_cpu(cpu);
		if (!cpu->space)
			return -OCT_EFAULT;
		if (access_once(cpu, va, access, value))
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

int sim_load64(uintptr_t va, uint64_t *value)
{
	return user_access(va, OCT_READ, value);
}

int sim_store64(uintptr_t va, uint64_t value)
{
	return user_access(va, OCT_WRITE, &value);
}

int sim_fetch(uintptr_t va)
{
	uint64_t value;

	return user_access(va, OCT_EXEC, &value);
}
