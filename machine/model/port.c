/* port.c: the upcalls of the core, and what its walkers need, as the model machine does them.
 * SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

#define CALLER __builtin_return_address(0)

/* ---- pages ---------------------------------------------------------------------------------------- */

/* No call fails for want of memory here: that the core survives it is the unit tests' to show. */
static unsigned take_frames(unsigned n)
{
	unsigned self = explore_self(), base, *taken, limit;

	if (self < MAX_THREADS) {
		base = FRAME_BASE + SETUP_FRAMES + self * THREAD_FRAMES;
		taken = &world.frames_taken[self];
		limit = THREAD_FRAMES;
	} else {
		base = FRAME_BASE;
		taken = &world.setup_frames;
		limit = SETUP_FRAMES;
	}
	*taken = (*taken + n - 1) & ~(n - 1);
	if (*taken + n > limit)
		explore_fail("too many pages are allocated");
	*taken += n;
	return base + *taken - n;
}

static bool clears_slot(unsigned slot)
{
	return slot < OCT_TABLE_ENTRIES && (world.table_slots >> slot & 1);
}

/* What is in a page that nobody has cleared: entries that lead to a table where no page is. */
static void leave_rubbish(unsigned frame)
{
	uint64_t nowhere = FRAME_BASE + FRAMES + 1;
	uint64_t rubbish = world.riscv ? nowhere << 10 | 1 : nowhere << OCT_PAGE_SHIFT | 7;

	for (unsigned slot = 0; slot < 64; slot++)
		if (clears_slot(slot)) {
			memcpy(frame_address(frame) + 8 * slot, &rubbish, 8);
			memory_touched(frame_address(frame) + 8 * slot, 8);
		}
}

/* A choice among what this thread knows to be freed: one page, once an execution, taken by one. 0: a fresh
 * one. Who knows of a free, and what was taken, follows from the graph before the allocation. */
static unsigned take_freed(const void *pc)
{
	const struct graph *g = explore_graph();
	unsigned self = explore_self(), known[MAX_FREES], n = 0;
	uint16_t now = NO_EVENT;
	struct event e;
	uint64_t choice;
	bool taken;

	for (unsigned i = explore_done(self); i && now == NO_EVENT; i--)
		if (g->ev[g->thread[self][i - 1]].kind != EV_TRANSLATE)
			now = g->thread[self][i - 1];
	for (unsigned frame = FRAME_BASE; now != NO_EVENT && frame < FRAME_BASE + FRAMES; frame++)
		for (unsigned i = 0; i < g->nfree; i++)
			if (g->ev[g->freed[i]].va == frame && world.frame_head[frame] == frame &&
			    (frame + 1 == FRAME_BASE + FRAMES || world.frame_head[frame + 1] != frame) &&
			    hb_before(g, g->freed[i], now)) {
				known[n++] = frame;
				break;
			}
	if (!n)
		return 0;
	e = event_make(EV_CHOOSE, 0, __ATOMIC_RELAXED, pc);
	e.operand = n + 1;
	choice = explore_graph()->ev[explore_event(&e)].value;
	if (!choice)
		return 0;
	do_rmw(place_made_up(0xc000 + known[choice - 1], PLACE_ROOT, 0), __ATOMIC_RELAXED, 8, RMW_CAS, 1, 0,
	       &taken, pc);
	return taken ? known[choice - 1] : 0;
}

oct_phys_t oct_port_page_alloc(unsigned order, enum oct_page_use use)
{
	unsigned n = 1u << order, first = 0;
	bool again; /* what the entries of a table hold is its former life's */

	if (world.knobs.reuse && in_race() && !order)
		first = take_freed(CALLER);
	again = first != 0;
	if (again)
		world.frame_freed[first] = 0;
	else
		first = take_frames(n);

	for (unsigned i = 0; i < n; i++) {
		world.frame_use[first + i] = (uint8_t)(1 + use);
		world.frame_head[first + i] = (uint16_t)first;
	}
	if (in_race() && use == OCT_USE_TABLE && !again)
		leave_rubbish(first);
	if (use == OCT_USE_USER) {
		struct oct_folio *folio = oct_port_folio_of((oct_phys_t)first << OCT_PAGE_SHIFT);

		folio->page = (oct_phys_t)first << OCT_PAGE_SHIFT;
		memory_touched(folio, sizeof(*folio));
	}
	return (oct_phys_t)first << OCT_PAGE_SHIFT;
}

void oct_port_page_free(oct_phys_t page, unsigned order, enum oct_page_use use)
{
	unsigned first = (unsigned)(page >> OCT_PAGE_SHIFT);

	(void)use;
	for (unsigned i = 0; i < 1u << order; i++) {
		unsigned frame = first + i;

		if (frame < FRAME_BASE || frame >= FRAME_BASE + FRAMES || !world.frame_use[frame] ||
		    world.frame_freed[frame])
			violate(OC_UAF, CALLER, "page %u is freed twice, or was never allocated", frame);
		if (in_race()) {
			struct event e = event_make(EV_FREE, 0, __ATOMIC_RELAXED, CALLER);

			e.va = frame;
			e.pages = 1;
			explore_event(&e);
		}
		world.frame_freed[frame] = 1;
	}
}

void oct_port_page_clear(oct_phys_t page, unsigned order)
{
	char *p = frame_address((unsigned)(page >> OCT_PAGE_SHIFT));

	/* In the race a fresh page is zero already, but for the slots of a table. */
	if (!in_race()) {
		memset(p, 0, (size_t)OCT_PAGE_SIZE << order);
		memory_touched(p, (size_t)OCT_PAGE_SIZE << order);
		return;
	}
	for (unsigned slot = 0; slot < 64 && world.frame_use[page >> OCT_PAGE_SHIFT] == 1 + OCT_USE_TABLE;
	     slot++)
		if (clears_slot(slot))
			do_write(place(p + 8 * slot, 8), __ATOMIC_RELAXED, 8, 0, CALLER);
	if (world.knobs.reuse && world.frame_use[page >> OCT_PAGE_SHIFT] != 1 + OCT_USE_TABLE)
		for (unsigned i = 0; i < world.nwords; i++)
			do_write(place(p + world.words[i].offset, world.words[i].size), __ATOMIC_RELAXED,
			         world.words[i].size, 0, CALLER);
}

/* Contents: in the race the words that user accesses use. */
static void move_page(char *to, const char *from, const void *pc)
{
	if (!in_race()) {
		memcpy(to, from, OCT_PAGE_SIZE);
		memory_touched(to, OCT_PAGE_SIZE);
		return;
	}
	for (unsigned i = 0; i < world.nwords; i++) {
		const struct page_word *w = &world.words[i];

		do_write(place(to + w->offset, w->size), __ATOMIC_RELAXED, w->size,
		         do_read(place(from + w->offset, w->size), __ATOMIC_RELAXED, w->size, pc), pc);
	}
}

void oct_port_page_copy(oct_phys_t dst, oct_phys_t src, unsigned order)
{
	(void)order;
	move_page(frame_address((unsigned)(dst >> OCT_PAGE_SHIFT)),
	          frame_address((unsigned)(src >> OCT_PAGE_SHIFT)), CALLER);
}

/* ---- objects: what is read and written, page by page; of NULL nothing can be ------------------------ */

/* A page of an object is memory like a frame, zero at first, with the words that user accesses use. New ones
 * are learnt, then exploration starts again. */
static char *object_page(const void *object, uint64_t index)
{
	struct object_page *p = world.objects;

	while (p < world.objects + world.nobjects && (p->object != object || p->index != index))
		p++;
	if (p == world.objects + world.nobjects) {
		if (world.nobjects == MAX_OBJECT_PAGES)
			explore_fail("too many pages of objects are read and written");
		*p = (struct object_page){object, index, memory_object(OCT_PAGE_SIZE)};
		world.nobjects++;
		if (in_race()) {
			search_again();
		}
	}
	return p->memory;
}

int oct_port_page_read(void *object, uint64_t index, oct_phys_t page)
{
	if (!object)
		return -OCT_EIO;
	move_page(frame_address((unsigned)(page >> OCT_PAGE_SHIFT)), object_page(object, index), CALLER);
	return 0;
}

int oct_port_page_write(void *object, uint64_t index, oct_phys_t page)
{
	if (!object)
		return -OCT_EIO;
	move_page(object_page(object, index), frame_address((unsigned)(page >> OCT_PAGE_SHIFT)), CALLER);
	return 0;
}

bool oct_port_page_same(oct_phys_t a, oct_phys_t b)
{
	bool same = true;

	for (unsigned i = 0; i < world.nwords; i++) {
		const struct page_word *w = &world.words[i];
		char *x = frame_address((unsigned)(a >> OCT_PAGE_SHIFT)) + w->offset;
		char *y = frame_address((unsigned)(b >> OCT_PAGE_SHIFT)) + w->offset;

		same &= in_race() ? do_read(place(x, w->size), __ATOMIC_RELAXED, w->size, CALLER) ==
		                        do_read(place(y, w->size), __ATOMIC_RELAXED, w->size, CALLER)
		                  : !memcmp(x, y, w->size);
	}
	return same;
}

/* Owners of objects allow everything. */
int oct_port_event(const struct oct_event *event)
{
	cover_reached(event->kind == OCT_EVENT_PAGE_MKWRITE ? "page-mkwrite" : "pfn-mkwrite");
	return 0;
}

/* The frame of a page that the core, or a walker, takes for one. */
static unsigned frame_in_use(oct_phys_t page, const void *pc)
{
	unsigned frame = (unsigned)(page >> OCT_PAGE_SHIFT);

	if (in_race() &&
	    (page >> OCT_PAGE_SHIFT >= FRAME_BASE + FRAMES || frame < FRAME_BASE || !world.frame_use[frame]))
		violate(OC_UAF, pc, "page %#llx is used, which was never allocated",
		        (unsigned long long)(page >> OCT_PAGE_SHIFT));
	return frame;
}

void *oct_port_phys_to_virt(oct_phys_t page)
{
	return frame_address(frame_in_use(page, CALLER)) + (page & (OCT_PAGE_SIZE - 1));
}

struct oct_folio *oct_port_folio_of(oct_phys_t page)
{
	/* the first thing in the arena */
	return (struct oct_folio *)(void *)world.arena + (frame_in_use(page, CALLER) - FRAME_BASE);
}

void oct_port_icache_sync(oct_phys_t page, unsigned order)
{
	(void)page;
	(void)order;
}

void oct_port_log(const char *line)
{
	(void)line;
}

_Noreturn void oct_port_panic(const char *why)
{
	violate(OC_ASSERTION, CALLER, "the core gives up: %s", why);
	fprintf(stderr, "octavo: outside of the race: %s\n", why);
	exit(2);
}

/* ---- CPUs ------------------------------------------------------------------------------------------ */

unsigned oct_port_cpu_self(void)
{
	return this_cpu();
}

unsigned long oct_port_irq_save(void)
{
	irq_lock(this_cpu(), CALLER);
	return 0;
}

void oct_port_irq_restore(unsigned long state)
{
	(void)state;
	irq_unlock(this_cpu(), CALLER);
}

void oct_port_ipi(unsigned cpu)
{
	struct request r = {.fn = NULL};

	request_interrupt(cpu, &r, false, CALLER);
}

/* Core and scenarios wait with oct_await; code from elsewhere spins and says so here. */
void oct_port_relax(void)
{
	if (!in_race())
		oct_port_panic("waits for another CPU outside of the race");
	events_flush();
	for (;;)
		explore_relax();
}

void oct_port_root_changed(struct oct_space *space)
{
	world.cpu[this_cpu()].space = space;
}

struct oct_mm *oct_port_current(void)
{
	return (struct oct_mm *)(void *)world.cpu[this_cpu()].space; /* its first member */
}

/* A grace period: every other CPU had its interrupts on once. The caller's own interrupts are on. */
void oct_port_defer(void (*fn)(void *arg), void *arg)
{
	if (in_race() && world.cpu[this_cpu()].irq_depth)
		explore_fail("oct_port_defer() with interrupts off is not modelled");
	if (in_race())
		for (unsigned cpu = 0; cpu < world.nactors; cpu++)
			if (cpu != this_cpu() && cpu < OCT_MAX_CPUS)
				irq_quiesce(cpu, CALLER);
	fn(arg);
}

/* Sleepers of a word stand in line, under a lock of the word: each has a number, and a wake raises up to
 * which number they may go on. So who looks at the word, sees the old value and sleeps cannot miss a wake
 * that comes after the store; and a wake that nobody sends is missed. Nobody wakes early here. What a sleeper
 * may rely on is the word alone: the line orders nothing else. */
static uint16_t line(unsigned what, const uint32_t *word)
{
	return place_made_up((uint64_t)what << 60 | (uintptr_t)word, PLACE_ROOT, 0);
}

void oct_port_wait(uint32_t *word, uint32_t value)
{
	unsigned self = explore_self();
	uint64_t number;

	if (!in_race())
		oct_port_panic("sleeps outside of the race");
	if (world.cpu[this_cpu()].irq_depth)
		violate(OC_I9, CALLER, "%s sleeps with interrupts off", actor_name(self));
	lock_take(line(LINE_LOCK, word), 8, CALLER);
	if (do_read(place(word, 4), __ATOMIC_RELAXED, 4, CALLER) != value) {
		do_write(line(LINE_LOCK, word), __ATOMIC_RELEASE, 8, 0, CALLER);
		return;
	}
	number = do_read(line(LINE_SLEEPERS, word), __ATOMIC_RELAXED, 8, CALLER);
	do_write(line(LINE_SLEEPERS, word), __ATOMIC_RELAXED, 8, number + 1, CALLER);
	do_write(line(LINE_LOCK, word), __ATOMIC_RELEASE, 8, 0, CALLER);
	world.sleeps[self] = true;
	oc_await_begin();
	if (do_read(line(LINE_WOKEN, word), __ATOMIC_RELAXED, 8, CALLER) <= number)
		oc_await_failed();
	oc_await_end();
	world.sleeps[self] = false;
}

void oct_port_wake(uint32_t *word, unsigned count)
{
	uint64_t sleepers, woken;

	if (!in_race())
		return;
	lock_take(line(LINE_LOCK, word), 8, CALLER);
	sleepers = do_read(line(LINE_SLEEPERS, word), __ATOMIC_RELAXED, 8, CALLER);
	woken = do_read(line(LINE_WOKEN, word), __ATOMIC_RELAXED, 8, CALLER);
	if (woken < sleepers)
		do_write(line(LINE_WOKEN, word), __ATOMIC_RELAXED, 8,
		         sleepers - woken > count ? woken + count : sleepers, CALLER);
	do_write(line(LINE_LOCK, word), __ATOMIC_RELEASE, 8, 0, CALLER);
}

/* ---- the lock of an address space: a word per CPU ------------------------------------------------------ */

void oct_rwlock_init(struct oct_rwlock *lock)
{
	memset(lock, 0, sizeof(*lock));
	memory_touched(lock, sizeof(*lock));
}

/* Readers cost no events in a scenario where nobody writes. */
void oct_rwlock_read_lock(struct oct_rwlock *lock)
{
	if (in_race() && world.lock_written)
		lock_take(place(&lock->word[this_cpu()], 4), 4, CALLER);
}

bool oct_rwlock_read_trylock(struct oct_rwlock *lock)
{
	bool stored = true;

	if (in_race() && world.lock_written)
		do_rmw(place(&lock->word[this_cpu()], 4), __ATOMIC_ACQUIRE, 4, RMW_CAS, 1, 0, &stored,
		       CALLER);
	return stored;
}

void oct_rwlock_read_unlock(struct oct_rwlock *lock)
{
	if (in_race() && world.lock_written)
		do_write(place(&lock->word[this_cpu()], 4), __ATOMIC_RELEASE, 4, 0, CALLER);
}

void oct_rwlock_write_lock(struct oct_rwlock *lock)
{
	if (!in_race())
		return;
	if (!world.lock_written) {
		world.lock_written = true;
		search_again();
	}
	for (unsigned cpu = 0; cpu < world.nactors && cpu < OCT_MAX_CPUS; cpu++)
		lock_take(place(&lock->word[cpu], 4), 4, CALLER);
}

void oct_rwlock_write_unlock(struct oct_rwlock *lock)
{
	if (!in_race())
		return;
	for (unsigned cpu = 0; cpu < world.nactors && cpu < OCT_MAX_CPUS; cpu++)
		do_write(place(&lock->word[cpu], 4), __ATOMIC_RELEASE, 4, 0, CALLER);
}

/* ---- what walkers need (octavo/mmu.h) ----------------------------------------------------------- */

/* On riscv64 an invalidation by address reaches leaf entries only; with all levels it is one of every
 * address. Number 0 stands for every number; INVLPG knows none but the one that is loaded. */
static void invalidate(unsigned asid, uint64_t va, size_t pages, enum oct_scope scope, bool leaf_only,
                       const void *pc)
{
	if (!in_race())
		return;
	if (world.riscv && !leaf_only)
		pages = 0;
	if (!asid)
		asid = world.x86 ? world.cpu[this_cpu()].asid : 0xff;
	do_tlbi(asid, pages ? va : 0, (unsigned)pages, scope == OCT_BROADCAST, leaf_only, pc);
}

void oct_mmu_publish(void)
{
	if (!in_race() || world.x86)
		return;
	if (world.riscv) { /* fence w,w; sfence.vma */
		do_fence(__ATOMIC_RELEASE, CALLER);
		invalidate(0, 0, 0, OCT_LOCAL, false, CALLER);
		return;
	}
	do_dsb(CALLER);
	do_isb(CALLER);
}

void oct_mmu_invalidate_begin(void)
{
	if (!in_race() || world.x86)
		return;
	if (world.riscv)
		do_fence(__ATOMIC_SEQ_CST, CALLER);
	else
		do_dsb(CALLER);
}

void oct_mmu_invalidate_range(uint16_t asid, uintptr_t va, size_t pages, enum oct_scope scope,
                              enum oct_depth depth)
{
	invalidate(asid, va, pages, scope, depth == OCT_LEAF, CALLER);
}

void oct_mmu_invalidate_asid(uint16_t asid, enum oct_scope scope)
{
	invalidate(asid, 0, 0, scope, false, CALLER);
}

void oct_mmu_invalidate_all(enum oct_scope scope)
{
	invalidate(0xff, 0, 0, scope, false, CALLER);
}

/* Those of x86-64 and riscv64 are complete by themselves. */
void oct_mmu_invalidate_end(enum oct_scope scope)
{
	(void)scope;
	if (!in_race() || world.x86)
		return;
	if (world.riscv) {
		do_fence(__ATOMIC_SEQ_CST, CALLER);
		return;
	}
	do_dsb(CALLER);
	do_isb(CALLER);
}

/* What devices hold: the port of their IOMMU, which waits until it is done. */
void oc_device_invalidate(uintptr_t start, size_t pages, bool leaf_only)
{
	if (in_race())
		do_device_invalidate(pages ? start : 0, (unsigned)pages, leaf_only && pages, CALLER);
}

void oc_device_leave(void)
{
	device_leave(CALLER);
}

void oct_mmu_load_root(oct_phys_t root, uint16_t asid, bool keep)
{
	load_root(root, asid, keep, CALLER);
}
