/* tlb.c: the flush authority: who must forget what, and when it is done. SPDX-License-Identifier: MIT
 *
 * WHO OWNS WHICH WORD
 *   entry              changed under the page-table lock of its table, only through ticket.c; hardware
 *                      sets young and dirty at any time
 *   ptl.lock           0 free, 1 held
 *   ptl.stamp          under ptl.lock: newest generation that an entry below this slot waits for
 *   space.generation   newest generation drawn; grows by one fetch-and-add per lock section that took
 *                      something away, after its last entry store and before its unlock
 *   space.ranges[]     what a generation changed; written once, by who drew it, after the draw
 *   space.completed    all generations up to it are complete; grows, by whoever made it true
 *   space.running      bit per CPU, set and cleared by that CPU only
 *   space.seen[cpu]    written by that CPU with interrupts off: it holds nothing older. Used where
 *                      invalidations are not broadcast
 *   cpu.space, lazy    that CPU only, interrupts off
 *   cpu.grace_done     that CPU only, interrupts off
 *   ticket             its owner only
 *
 * STATES OF A GENERATION g OF A SPACE
 *   open      not drawn: changes may still join the lock section that will draw it
 *   drawn     generation >= g: closed, takes no joiner. Its entry stores happen-before its draw, and
 *             draws are read-modify-writes of one word, so seeing a generation >= g means that the
 *             entry stores of g are seen too
 *   complete  completed >= g: no CPU uses an entry that g replaced, none can any more, and each access
 *             made through such an entry is done
 *
 * WHO COMPLETES
 * Whoever needs g complete completes it himself, with all that is open below it: he invalidates
 * everything that the generations (completed, g] changed (their ranges; the whole space if one
 * cannot be read) and then raises completed to g. Nobody waits for another ticket's owner, and
 * completed never rises over a generation whose range was left out: two tickets that end out of order
 * cost the first one a larger flush, and the second one none.
 *
 * WHY NO FLUSH IS MISSING
 * F1 (I7) An entry change that takes something away is followed, in its lock section, by a draw, and
 *    the draw's generation becomes the stamp of the table's slot before the unlock. So who holds the
 *    lock and finds the stamp not greater than completed knows that every change he can see is
 *    complete. The stamp belongs to the slot, not to the table: it survives a table that goes, and
 *    a table that comes starts with it.
 * F2 (I4) Targets. A CPU that switches to the space sets its bit in running (SC), then reads generation
 *    (SC), then loads the root. A flusher draws g (SC), then reads running (SC). These four
 *    cannot miss each other: if the flusher does not see the bit, the CPU reads a generation >= g,
 *    hence sees the entry stores of g before its first translation, and where invalidations are not
 *    broadcast drops what it still held from an earlier time, because seen < g. Switching
 *    counts as running. The same read of running orders the read of the space's number
 *    (asid) after a switch that changed it.
 * F3 (I4) Interrupts (no broadcast). The interrupt names nothing: its receiver brings itself up to
 *    generation for the space it runs, and says so in seen. Its read of generation is ordered after
 *    the sender's draw by the interrupt. The sender waits until each target has seen >= g
 *    or has left the space: a CPU that left has loaded another root since, and comes back by F2.
 * F4 (I4) Broadcast. One invalidation reaches every CPU that has the number loaded; a number belongs
 *    to one space in an epoch and a running space keeps its number (asid.c). The barrier that completes it
 *    runs on the CPU that issued it: interrupts are off between (riscv64: the call that asks the
 *    firmware for the fences returns when all are done). If the only bit in running is
 *    this CPU's, the invalidation stays local: another CPU that comes meanwhile is covered by F2.
 * F5 (I1) Pages are released after their generation is complete; table pages in addition after a grace
 *    period that begins after that: walkers in software (lockless ones, interrupts off) are
 *    through. Tables that were unlinked make their range "all levels".
 * F6 (I11) A valid entry that must change its page is first made invalid and not empty, completed, and
 *    only then replaced; an empty entry is filled only after what its table waits for is complete.
 * F7 (I9) A flusher waits with interrupts on, for handlers that take no lock and wait for nobody; so a
 *    flush ends even if its targets spin on the page-table lock that the flusher holds.
 * F8 (I9) Where a TLB keeps invalid entries (OCT_FORMAT_CACHES_INVALID) a new valid entry needs no
 *    generation: an old invalid one grants nothing. Who finds his fault spurious drops what his CPU kept, of
 *    every level (a table that was missing when it walked), so the access gets through when it comes again.
 * F9 (I1, I4, I8) A secondary MMU that is bound to the space (notify.h) is told of every generation before it
 *    counts as complete, after the CPUs' invalidations and with interrupts off. Why none is missed and none
 *    called that is gone stands in src/notify/secondary.c. Its invalidation covers walks in flight, and
 *    says itself that accesses are done: so tables are released (F5) when it has no walk in them.
 * F10 (I4, I1) Lazy CPUs (no broadcast). A CPU that goes on without user addresses sets its lazy bit and
 *    keeps the root. A flusher that unlinked no table leaves it alone: it uses no translation, and its
 *    accesses before the bit are done. Coming back it clears the bit (SC), then reads generation (SC), then
 *    catches up. As in F2, a flusher that still sees the bit has drawn before, so the CPU sees its draw.
 *    Where a table was unlinked the CPU is interrupted like any other, because its walker may go through
 *    tables at any time. Both bits are in one word, so a flusher sees them together.
 *
 * OCT_TIER 0 has one CPU: no locks, number 0 for every space, and the whole answer is local. */
#include <octavo/notify.h>
#include "authority.h"
#include "range.h"

/* ---- What to invalidate --------------------------------------------------------------------------- */
struct invalidation {
	bool whole;
	bool all_levels;
	unsigned count;
	struct oct_range range[OCT_OPEN_RANGES];
};

/* What the generations (after, upto] of space changed. */
static void collect(const struct oct_space *space, uint64_t after, uint64_t upto, struct invalidation *todo)
{
	size_t leaves = 0;

	todo->count = 0;
	todo->all_levels = false;
	todo->whole = upto - after > OCT_OPEN_RANGES;
	for (uint64_t g = after + 1; !todo->whole && g <= upto; g++) {
		struct oct_range *range = &todo->range[todo->count];
		/* Relaxed: the word is judged by its own tag. */
		uint64_t word = oct_load(&space->ranges[oct_range_slot(g)], OCT_RLX);

		if (!oct_range_unpack(word, g, space->kernel, range) || range->leaves == 0) {
			todo->whole = true;
			break;
		}
		todo->all_levels |= range->all_levels;
		leaves += range->leaves;
		todo->whole = leaves > OCT_FLUSH_MAX_PAGES;
		todo->count++;
	}
}

/* One range. Of a large leaf one address says it all. */
static void invalidate_range(const struct oct_range *range, uint16_t asid, enum oct_scope scope)
{
	enum oct_depth depth = range->all_levels ? OCT_ALL_LEVELS : OCT_LEAF;
	uintptr_t va = range->start;

	if (range->level == 0) {
		oct_mmu_invalidate_range(asid, va, range->leaves, scope, depth);
		return;
	}
	for (size_t i = 0; i < range->leaves; i++, va += oct_level_bytes(range->level))
		oct_mmu_invalidate_range(asid, va, 1, scope, depth);
}

/* Carries it out under number asid; complete on return. Interrupts off. */
static void invalidate(const struct oct_space *space, const struct invalidation *todo, uint16_t asid,
                       enum oct_scope scope, struct oct_cpu *cpu)
{
	oct_mmu_invalidate_begin();
	OCT_COUNT(cpu, flushes);
	/* Without broadcast, address by address reaches the walk caches of the number loaded now only;
	 * the kernel's tables hang below all. */
	if (space->kernel && (todo->whole || (todo->all_levels && !OCT_FORMAT_BROADCAST))) {
		OCT_COUNT(cpu, full);
		oct_mmu_invalidate_all(scope);
	} else if (todo->whole) {
		OCT_COUNT(cpu, full);
		oct_mmu_invalidate_asid(asid, scope);
	} else {
		OCT_COUNT(cpu, ranged);
		for (unsigned i = 0; i < todo->count; i++)
			invalidate_range(&todo->range[i], asid, scope);
	}
	oct_mmu_invalidate_end(scope);
}

#if OCT_TIER > 0
/* In space->running. */
static unsigned cpu_word(unsigned cpu)
{
	return cpu / OCT_CPUS_A_WORD;
}

static uint64_t cpu_bit(unsigned cpu)
{
	return (uint64_t)1 << (cpu % OCT_CPUS_A_WORD);
}

#if !OCT_FORMAT_BROADCAST
static uint64_t lazy_bit(unsigned cpu)
{
	return cpu_bit(cpu) << OCT_CPUS_A_WORD;
}
#endif

static bool cpu_in(const uint64_t *words, unsigned cpu)
{
	return (words[cpu_word(cpu)] & cpu_bit(cpu)) != 0;
}

static void await_grace(struct oct_system *system, uint64_t request, unsigned cpu)
{
	/* Acquire: pairs with the release in oct_tlb_interrupt; what that CPU did before is done. */
	oct_await(oct_load(&system->cpu[cpu].grace_done, OCT_ACQ) >= request);
}
#endif

#if OCT_TIER > 0
/* F9: the secondary MMUs drop what the generations (completed, generation] changed. Interrupts off. */
static void tell_secondaries(struct oct_space *space, uint64_t generation, uint64_t completed)
{
	struct oct_secondary *s = oct_load(&space->secondary, OCT_SC); /* after the draw */
	struct invalidation todo;

	if (s == NULL)
		return;
	collect(space, completed, generation, &todo);
	/* Relaxed: who is behind a member was bound before it. */
	for (; s != NULL; s = oct_load(&s->next, OCT_RLX)) {
		if (todo.whole)
			s->invalidate(s, space, space->start, 0, OCT_ALL_LEVELS);
		for (unsigned i = 0; !todo.whole && i < todo.count; i++)
			s->invalidate(s, space, todo.range[i].start,
			              todo.range[i].leaves << (todo.range[i].level * OCT_TABLE_SHIFT),
			              todo.range[i].all_levels ? OCT_ALL_LEVELS : OCT_LEAF);
	}
}
#endif

/* ---- Completing, without broadcast ------------------------------------------------------------------ */
#if OCT_TIER > 0 && !OCT_FORMAT_BROADCAST

/* Brings this CPU, which runs space (or space is the kernel's), up to the newest generation. Interrupts
 * off. */
static void catch_up(struct oct_space *space, unsigned self)
{
	struct oct_cpu *cpu = &space->system->cpu[self];
	uint64_t seen = oct_load(&space->seen[self], OCT_RLX); /* this CPU's own word */
	/* Acquire: pairs with the draw; the entry stores of all generations up to it are visible. */
	uint64_t generation = oct_load(&space->generation, OCT_ACQ);
	struct invalidation todo;

	if (seen >= generation)
		return;
	collect(space, seen, generation, &todo);
	invalidate(space, &todo, space->kernel ? 0 : (uint16_t)cpu->asid, OCT_LOCAL, cpu);
	/* Release: pairs with the acquire of who waits in complete_by_interrupt. */
	oct_store(&space->seen[self], generation, OCT_REL);
}

static bool cpu_done(struct oct_space *space, unsigned cpu, uint64_t generation)
{
	/* Acquire: pairs with the load of the root before leave_former. A CPU that left and comes back is
	 * covered by the SC read that made it a target (F2): its bit comes later than that, so it sees the
	 * draw. */
	if (!(oct_load(&space->running[cpu_word(cpu)], OCT_ACQ) & cpu_bit(cpu)))
		return true;
	/* Acquire: pairs with the release in catch_up, or in oct_space_switch for a CPU that came. What ends
	 * the wait is read last: an iteration that reads it old is given up by the checker at once. */
	return oct_load(&space->seen[cpu], OCT_ACQ) >= generation;
}

/* Did the generations (after, upto] unlink a table? true too where that is not known any more. */
static bool tables_unlinked(const struct oct_space *space, uint64_t after, uint64_t upto)
{
	struct oct_range range;

	if (upto - after > OCT_OPEN_RANGES)
		return true;
	for (uint64_t g = after + 1; g <= upto; g++) {
		uint64_t word = oct_load(&space->ranges[oct_range_slot(g)], OCT_RLX); /* judged by its tag */

		if (!oct_range_unpack(word, g, space->kernel, &range) || range.all_levels)
			return true;
	}
	return false;
}

/* F10: lazy CPUs are no targets. */
static void spare_lazy(uint64_t *targets, struct oct_cpu *cpu)
{
	for (unsigned word = 0; word < OCT_CPU_WORDS; word++) {
		for (uint64_t lazy = targets[word] >> OCT_CPUS_A_WORD; lazy != 0; lazy &= lazy - 1)
			OCT_COUNT(cpu, lazy_skipped);
		targets[word] &= ~(targets[word] >> OCT_CPUS_A_WORD);
	}
}

static void complete_by_interrupt(struct oct_space *space, uint64_t generation, uint64_t completed)
{
	struct oct_system *system = space->system;
	unsigned long state = oct_cpu_enter();
	unsigned self = oct_cpu_number();
	struct oct_cpu *cpu = &system->cpu[self];
	bool self_done = space->kernel || cpu->space == space;
	uint64_t targets[OCT_CPU_WORDS];
	bool any = false, any_lazy = false;

	if (self_done)
		catch_up(space, self);
	for (unsigned word = 0; word < OCT_CPU_WORDS; word++) {
		targets[word] = oct_load(&space->running[word], OCT_SC); /* F2: after the draw */
		if (self_done && cpu_word(self) == word)
			targets[word] &= ~(cpu_bit(self) | lazy_bit(self));
		any_lazy |= targets[word] >> OCT_CPUS_A_WORD != 0;
	}
	if (any_lazy && !tables_unlinked(space, completed, generation))
		spare_lazy(targets, cpu);
	for (unsigned target = 0; target < system->cpus; target++) {
		if (!cpu_in(targets, target))
			continue;
		any = true;
		OCT_COUNT(cpu, interrupts);
	}
	if (!any)
		OCT_COUNT(cpu, local);
	tell_secondaries(space, generation, completed);
	oct_cpu_leave(state);
	/* Interrupts are on: a target may be waiting for this CPU in the same way. */
	for (unsigned target = 0; any && target < system->cpus; target++)
		if (cpu_in(targets, target))
			oct_port_ipi(target);
	for (unsigned target = 0; any && target < system->cpus; target++)
		if (cpu_in(targets, target))
			oct_await(cpu_done(space, target, generation));
}

#endif

/* ---- Completing, with broadcast --------------------------------------------------------------------- */
#if OCT_TIER > 0 && OCT_FORMAT_BROADCAST

static void complete_by_broadcast(struct oct_space *space, uint64_t generation, uint64_t completed)
{
	struct invalidation todo;
	unsigned long state = oct_cpu_enter(); /* F4: one CPU issues and waits; F2: no migration */
	unsigned self = oct_cpu_number();
	struct oct_cpu *cpu = &space->system->cpu[self];
	bool here = false, elsewhere = space->kernel;

	for (unsigned word = 0; word < OCT_CPU_WORDS; word++) {
		uint64_t running = oct_load(&space->running[word], OCT_SC); /* F2: after the draw */
		uint64_t own = cpu_word(self) == word ? cpu_bit(self) : 0;

		here |= (running & own) != 0;
		elsewhere |= (running & ~own) != 0;
	}
	if (here || elsewhere) {
		/* Relaxed: ordered after the switch that wrote it by the read of running. */
		uint16_t asid = (uint16_t)oct_load(&space->asid, OCT_RLX);

		collect(space, completed, generation, &todo);
		invalidate(space, &todo, asid, elsewhere ? OCT_BROADCAST : OCT_LOCAL, cpu);
	}
	if (!elsewhere)
		OCT_COUNT(cpu, local);
	tell_secondaries(space, generation, completed);
	oct_cpu_leave(state);
}

#endif

void oct_tlb_complete(struct oct_space *space, uint64_t generation, uint64_t completed)
{
#if OCT_TIER == 0
	struct invalidation todo;

	collect(space, completed, generation, &todo);
	invalidate(space, &todo, 0, OCT_LOCAL, &space->system->cpu[0]);
#elif OCT_FORMAT_BROADCAST
	complete_by_broadcast(space, generation, completed);
#else
	complete_by_interrupt(space, generation, completed);
#endif
	/* Release: pairs with the acquire of who finds completed >= generation and does nothing. A
	 * failure read a larger value: others completed meanwhile; the loop ends since it only grows. */
	while (completed < generation && !oct_cas(&space->completed, &completed, generation, OCT_REL))
		;
}

/* ---- Reliance ---------------------------------------------------------------------------------------- */
uint64_t oct_tlb_behind(struct oct_pte_guard *guard, uint64_t *completed)
{
	if (guard->ptl->stamp == 0)
		return 0;
	/* Acquire: pairs with the release in oct_tlb_complete; the completion happened before. */
	*completed = oct_load(&guard->space->completed, OCT_ACQ);
	return oct_stamp_generation(guard->ptl->stamp, *completed);
}

bool oct_tlb_rely(struct oct_pte_guard *guard)
{
	uint64_t completed, generation = oct_tlb_behind(guard, &completed);

	OCT_ASKED(guard);
	if (generation != 0) {
		OCT_COVER("rely-behind");
		OCT_COUNT_HERE(guard->space, false_syncs);
		oct_tlb_complete(guard->space, generation, completed);
	}
	OCT_RELIED(guard->pte, guard->va);
	return generation != 0;
}

int oct_tlb_rely_or_unlock(struct oct_pte_guard *guard)
{
	uint64_t completed, generation = oct_tlb_behind(guard, &completed);

	OCT_ASKED(guard);
	if (generation == 0) {
		OCT_RELIED(guard->pte, guard->va);
		return 0;
	}
	OCT_COVER("rely-behind");
	OCT_COUNT_HERE(guard->space, false_syncs);
	oct_spin_unlock(&guard->ptl->lock);
	oct_tlb_complete(guard->space, generation, completed);
	return -OCT_EAGAIN;
}

void oct_tlb_complete_all(struct oct_space *space)
{
	uint64_t completed = oct_load(&space->completed, OCT_ACQ);  /* as in oct_tlb_behind */
	uint64_t generation = oct_load(&space->generation, OCT_SC); /* F2: before running is read */

	if (completed < generation)
		oct_tlb_complete(space, generation, completed);
}

void oct_tlb_forget_local(struct oct_space *space, uintptr_t va, bool all_levels)
{
	unsigned long state = oct_cpu_enter();
	struct oct_cpu *cpu = &space->system->cpu[oct_cpu_number()];

	if (space->kernel || cpu->space == space) {
		oct_mmu_invalidate_begin();
		oct_mmu_invalidate_range(space->kernel ? 0 : (uint16_t)cpu->asid, va & OCT_PAGE_MASK, 1,
		                         OCT_LOCAL, all_levels ? OCT_ALL_LEVELS : OCT_LEAF);
		oct_mmu_invalidate_end(OCT_LOCAL);
	}
	oct_cpu_leave(state);
}

/* ---- Switching -------------------------------------------------------------------------------------- */
#if OCT_TIER > 0

/* F2. Interrupts off. */
static void enter_space(struct oct_system *system, struct oct_space *space, unsigned self)
{
	bool fresh, keep;
	uint16_t asid = oct_asid_take(system, space, self, &fresh);
	uint64_t generation;

	if (fresh)
		oct_mmu_invalidate_all(OCT_LOCAL); /* complete when the root is loaded */
	oct_fetch_or(&space->running[cpu_word(self)], cpu_bit(self), OCT_SC);
	generation = oct_load(&space->generation, OCT_SC);
	/* With broadcast the CPU's bit is never cleared, so it was a target of every flush since. */
	keep = asid != 0 &&
	       (OCT_FORMAT_BROADCAST || oct_load(&space->seen[self], OCT_RLX) == generation); /* own word */
	oct_mmu_load_root(space->root, asid, keep);
	/* Relaxed: the load of the root is the release that cpu_done's acquire pairs with. */
	if (!OCT_FORMAT_BROADCAST)
		oct_store(&space->seen[self], generation, OCT_RLX);
}

static void enter_idle(struct oct_system *system, unsigned self)
{
	oct_mmu_load_root(system->idle_root, 0, false);
	/* Relaxed: the number is used no more. Who takes it loads a root, a full barrier as the one above. */
	oct_store(&system->cpu[self].owner, (struct oct_space *)NULL, OCT_RLX);
}

/* After another root was loaded. With broadcast the bit stays: the CPU may still hold translations. */
static void leave_former(struct oct_space *former, unsigned self)
{
#if OCT_FORMAT_BROADCAST
	(void)former;
	(void)self;
#else
	if (former != NULL)
		/* Relaxed: the load of the root is the release that the flusher's acquire of running pairs
		 * with: accesses made here are done. */
		oct_fetch_and(&former->running[cpu_word(self)], ~(cpu_bit(self) | lazy_bit(self)), OCT_RLX);
#endif
}

#endif

/* F10: this CPU, which has the root of space loaded, uses it again. Interrupts off. */
static void come_back(struct oct_space *space, unsigned self)
{
#if OCT_TIER > 0 && !OCT_FORMAT_BROADCAST
	struct oct_cpu *cpu = space != NULL ? &space->system->cpu[self] : NULL;

	if (cpu == NULL || !cpu->lazy)
		return;
	cpu->lazy = false;
	oct_fetch_and(&space->running[cpu_word(self)], ~lazy_bit(self), OCT_SC);
	OCT_LAZY(false);
	if (oct_load(&space->generation, OCT_SC) > oct_load(&space->seen[self], OCT_RLX)) { /* own word */
		OCT_COUNT(cpu, lazy_flushes);
		catch_up(space, self);
	}
#else
	(void)space;
	(void)self;
#endif
}

/* Interrupts off. */
static void switch_here(struct oct_system *system, struct oct_space *space, unsigned self)
{
	struct oct_cpu *cpu = &system->cpu[self];

	if (cpu->space == space) {
		come_back(space, self);
		return;
	}
	cpu->lazy = false;
	OCT_COUNT(cpu, switches);
#if OCT_TIER == 0
	oct_mmu_load_root(space != NULL ? space->root : system->idle_root, 0, false);
	cpu->space = space;
#else
	struct oct_space *former = cpu->space;

	if (space != NULL)
		enter_space(system, space, self);
	else
		enter_idle(system, self);
	OCT_LAZY(false);
	cpu->space = space;
	leave_former(former, self);
	oct_port_root_changed(space);
#endif
}

void oct_space_switch(struct oct_system *system, struct oct_space *space)
{
	unsigned long state = oct_cpu_enter();

	switch_here(system, space, oct_cpu_number());
	oct_cpu_leave(state);
}

void oct_space_switch_lazy(struct oct_system *system)
{
	unsigned long state = oct_cpu_enter();
	unsigned self = oct_cpu_number();
	struct oct_cpu *cpu = &system->cpu[self];

	if (cpu->space != NULL && !cpu->lazy) {
		OCT_COUNT(cpu, lazy_switches);
#if OCT_TIER > 0 && !OCT_FORMAT_BROADCAST
		cpu->lazy = true;
		/* Release: pairs with the flusher's read of running: accesses made here are done. */
		oct_fetch_or(&cpu->space->running[cpu_word(self)], lazy_bit(self), OCT_REL);
		OCT_LAZY(true);
#endif
	}
	oct_cpu_leave(state);
}

OCT_SELDOM struct oct_counters oct_counters_read(const struct oct_system *system, unsigned cpu)
{
	const struct oct_counters *from = &system->cpu[cpu].counters;
	struct oct_counters to;

	/* Relaxed: each is a number for people. */
	to.flushes = oct_load(&from->flushes, OCT_RLX);
	to.full = oct_load(&from->full, OCT_RLX);
	to.ranged = oct_load(&from->ranged, OCT_RLX);
	to.local = oct_load(&from->local, OCT_RLX);
	to.interrupts = oct_load(&from->interrupts, OCT_RLX);
	to.joined = oct_load(&from->joined, OCT_RLX);
	to.false_syncs = oct_load(&from->false_syncs, OCT_RLX);
	to.graces = oct_load(&from->graces, OCT_RLX);
	to.rollovers = oct_load(&from->rollovers, OCT_RLX);
	to.switches = oct_load(&from->switches, OCT_RLX);
	to.lazy_switches = oct_load(&from->lazy_switches, OCT_RLX);
	to.lazy_skipped = oct_load(&from->lazy_skipped, OCT_RLX);
	to.lazy_flushes = oct_load(&from->lazy_flushes, OCT_RLX);
	to.folds = oct_load(&from->folds, OCT_RLX);
	to.unfolds = oct_load(&from->unfolds, OCT_RLX);
	return to;
}

/* ---- Interrupts and grace periods --------------------------------------------------------------------- */
#if OCT_TIER > 0

void oct_tlb_interrupt(struct oct_system *system)
{
	unsigned long state = oct_cpu_enter();
	unsigned self = oct_cpu_number();
	struct oct_cpu *cpu = &system->cpu[self];
	/* Acquire: pairs with the release in request_grace; walkers here see what was unlinked. */
	uint64_t request = oct_load(&system->grace_request, OCT_ACQ);

	if (request > oct_load(&cpu->grace_done, OCT_RLX)) {                       /* own word */
		if (cpu->space != NULL && oct_load(&cpu->space->leaving, OCT_RLX)) /* ordered by request */
			switch_here(system, NULL, self);
		oct_store(&cpu->grace_done, request, OCT_REL); /* pairs with await_grace */
	}
#if !OCT_FORMAT_BROADCAST
	if (cpu->space != NULL)
		catch_up(cpu->space, self);
	if (system->kernel != NULL)
		catch_up(system->kernel, self);
#endif
	oct_cpu_leave(state);
}

static uint64_t request_grace(struct oct_system *system)
{
	/* Release: pairs with the acquire in oct_tlb_interrupt. */
	return oct_fetch_add(&system->grace_request, 1, OCT_ACQ_REL) + 1;
}

void oct_grace_wait(struct oct_system *system)
{
	uint64_t request = request_grace(system);
	unsigned long state = oct_cpu_enter();
	unsigned self = oct_cpu_number();

	OCT_COUNT(&system->cpu[self], graces);
	oct_cpu_leave(state); /* nobody else had interrupts off on this CPU in between */
	for (unsigned cpu = 0; cpu < system->cpus; cpu++)
		if (cpu != self)
			oct_port_ipi(cpu);
	for (unsigned cpu = 0; cpu < system->cpus; cpu++)
		if (cpu != self)
			await_grace(system, request, cpu);
}

void oct_space_leave(struct oct_space *space)
{
	struct oct_system *system = space->system;
	unsigned long state;
	unsigned self;
	uint64_t request, running[OCT_CPU_WORDS];
	bool any = false;

	oct_secondary_leave(space); /* R5: every other walker first */
	state = oct_cpu_enter();
	self = oct_cpu_number();
	oct_store(&space->leaving, 1u, OCT_RLX); /* ordered by the request */
	if (system->cpu[self].space == space)
		switch_here(system, NULL, self);
	for (unsigned word = 0; word < OCT_CPU_WORDS; word++) {
		/* Relaxed: nothing switches to the space any more (no F2), and what is freed waits for a
		 * flush that reads the word again. */
		running[word] = oct_load(&space->running[word], OCT_RLX);
		if (word == cpu_word(self))
			running[word] &= ~cpu_bit(self);
		any |= running[word] != 0;
	}
	oct_cpu_leave(state);
	if (!any)
		return;
	request = request_grace(system);
	for (unsigned cpu = 0; cpu < system->cpus; cpu++)
		if (cpu_in(running, cpu))
			oct_port_ipi(cpu);
	for (unsigned cpu = 0; cpu < system->cpus; cpu++)
		if (cpu_in(running, cpu))
			await_grace(system, request, cpu);
}

#else

void oct_tlb_interrupt(struct oct_system *system)
{
	(void)system; /* one CPU asks nobody */
}

void oct_grace_wait(struct oct_system *system)
{
	(void)system; /* the caller is no walker, and there is nobody else */
}

void oct_space_leave(struct oct_space *space)
{
	if (space->system->cpu[0].space == space)
		switch_here(space->system, NULL, 0);
}

#endif
