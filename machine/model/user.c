/* user.c: what scenarios call: user accesses, raw entries, hardware operations (octavo/check.h).
 * SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

#define CALLER __builtin_return_address(0)

enum { ENTRY_BYTES = 8 };

/* ---- user accesses through translation ------------------------------------------------------------ */

/* What a user access touches of each page. New ones are learnt, then exploration starts again. */
static void learn_word(unsigned offset, unsigned size, const void *pc)
{
	for (unsigned i = 0; i < world.nwords; i++) {
		const struct page_word *w = &world.words[i];

		if (w->offset == offset && w->size == size)
			return;
		if (offset < w->offset + (unsigned)w->size && w->offset < offset + size)
			violate(OC_ASSERTION, pc, "accesses of different sizes to one place of a page");
	}
	if (world.nwords == MAX_WORDS)
		explore_fail("user accesses touch too many words of a page");
	world.words[world.nwords++] = (struct page_word){(uint16_t)offset, (uint8_t)size};
	search_again();
}

/* The CPU, or device, by whose translations the thread walks: one that runs ahead, as it was at the start. */
static const struct cpu *walker(void)
{
	return explore_self() >= world.first_walker ? &world.cpu_at_start[this_cpu()]
	                                            : &world.cpu[this_cpu()];
}

static uint16_t translate(uint16_t location, uint64_t va, unsigned level, uint16_t upper, unsigned flags,
                          const void *pc)
{
	struct event e = event_make(EV_TRANSLATE, location, __ATOMIC_RELAXED, pc);

	e.va = va;
	e.level = (uint8_t)level;
	e.asid = (uint8_t)walker()->asid;
	e.upper = upper;
	e.flags |= (uint16_t)flags;
	if (!level)
		e.flags |= F_LAST_T;
	return explore_event(&e);
}

static unsigned table_index(uintptr_t va, unsigned level)
{
	return (unsigned)(va >> (OCT_PAGE_SHIFT + OCT_TABLE_SHIFT * level)) & (OCT_TABLE_ENTRIES - 1);
}

/* Of the kernel's half. */
static bool is_kernel(uintptr_t va)
{
	return va >> 63;
}

/* The root register that a walk of va begins with. The kernel's half has one of its own, which never changes,
 * or is found by way of every root; a CPU that has none loaded yet uses the kernel's. */
static uint16_t root_of(uintptr_t va)
{
	const struct cpu *cpu = walker(), *start = &world.cpu_at_start[this_cpu()];

	if (is_kernel(va) && (!world.glue->shared_root || !cpu->root))
		return place_made_up(root_key(this_cpu(), KERNEL_ROOT), PLACE_ROOT, world.kernel_root);
	return place_made_up(root_key(this_cpu(), cpu->asid), PLACE_ROOT,
	                     start->asid == cpu->asid ? start->root : 0);
}

struct walk {
	struct entry leaf;
	uint64_t value;    /* of the leaf entry */
	uint16_t location; /* of the leaf entry */
	uint16_t last;     /* the last T */
	unsigned level;    /* of the last T */
	uintptr_t of;      /* whose leaf entry it is: va's, or that of another address of the block */
	bool faults;
};

/* One walk of the hardware for an access. */
static struct walk walk_tables(uintptr_t va, bool store, const void *pc)
{
	struct walk w = {.last = NO_EVENT, .of = block_choose(va), .faults = true};
	bool writable = true, user = true;
	oct_phys_t table;

	w.location = root_of(va);
	w.last = translate(w.location, va, OCT_LEVELS, NO_EVENT, 0, pc);
	table = explore_graph()->ev[w.last].value;
	if (!table)
		return w;
	for (w.level = OCT_LEVELS; w.level--;) {
		uintptr_t of = w.level ? va : w.of;
		char *entry = (char *)oct_port_phys_to_virt(table) + table_index(of, w.level) * ENTRY_BYTES;

		w.location = place(entry, ENTRY_BYTES);
		w.last = translate(w.location, va, w.level, w.last, of == va ? 0 : F_SIBLING, pc);
		w.value = explore_graph()->ev[w.last].value;
		w.leaf = decode(w.value, w.level);
		if (!w.leaf.present || (world.x86 && !w.leaf.young && !walker_sets_ad(this_cpu())))
			return w;
		writable &= w.leaf.writable || (w.leaf.table && !world.x86);
		user &= w.leaf.user || (w.leaf.table && !world.x86);
		table = w.leaf.phys;
		if (!w.leaf.table)
			break;
	}
	w.faults = (!user && !is_kernel(va)) || (store && !writable) ||
	           (!walker_sets_ad(this_cpu()) && (!w.leaf.young || (store && !w.leaf.dirty)));
	return w;
}

/* stray_ad: may this update, of a leaf, be one that an erratum makes too late? A choice, once a thread. */
static bool strays(unsigned level)
{
	struct event e = event_make(EV_CHOOSE, 0, __ATOMIC_RELAXED, NULL);

	if (!world.knobs.stray_ad || !world.x86 || level || world.strayed[explore_self()])
		return false;
	e.operand = 2;
	if (!explore_graph()->ev[explore_event(&e)].value)
		return false;
	world.strayed[explore_self()] = true;
	return true;
}

/* The walker sets accessed and dirty. False: what it found forbids the access. */
static bool update_entry(uint16_t location, uint64_t walked, unsigned level, bool store, const void *pc)
{
	bool stored;
	unsigned how =
	    (store ? WALKER_STORE : 0u) | (strays(level) ? WALKER_STRAY : 0u) | level << WALKER_LEVEL_SHIFT;
	uint64_t found =
	    do_rmw(location, __ATOMIC_RELAXED, ENTRY_BYTES, RMW_WALKER, walked, how, &stored, pc);
	struct entry f = decode(found, level), w = decode(walked, level);

	return decode_goes_on(&f, &w, store);
}

/* What the walk used and lacks accessed, or dirty for a store, is updated, from the root down: table entries
 * on x86-64 only. */
static bool update_walked(const struct walk *w, bool store, const void *pc)
{
	uint16_t used[OCT_LEVELS];
	unsigned n = 0;

	for (uint16_t t = w->last; world.x86 && t != NO_EVENT; t = explore_graph()->ev[t].upper)
		if (t != w->last && explore_graph()->ev[t].level < OCT_LEVELS)
			used[n++] = t;
	while (n) {
		const struct event *t = &explore_graph()->ev[used[--n]];

		if (!decode(t->value, t->level).young &&
		    !update_entry(t->location, t->value, t->level, false, pc))
			return false;
	}
	return (w->leaf.young && (!store || w->leaf.dirty)) ||
	       update_entry(w->location, w->value, w->level, store, pc);
}

static void fault_event(uintptr_t va, const struct walk *w, const void *pc)
{
	struct event e = event_make(EV_FAULT, 0, __ATOMIC_RELAXED, pc);

	e.va = va;
	e.asid = (uint8_t)walker()->asid;
	e.upper = w->last;
	explore_event(&e);
}

/* ---- walks that run ahead (spec_young) --------------------------------------------------------------- */

static uint64_t ahead_va[MAX_THREADS];

void walkers_ahead_init(void)
{
	for (const struct entry_of *p = entry_next(NULL); world.knobs.spec_young && p; p = entry_next(p)) {
		struct entry e = decode(*(const uint64_t *)(uintptr_t)p->key, p->level);

		if (p->level || !e.present || e.young)
			continue;
		for (unsigned i = 0; i < world.nactors; i++) {
			if (world.scenario->actors[i].kind == OC_ACTOR_THREAD || !walker_sets_ad(i) ||
			    world.cpu[i].root != world.glue->root(world.mm[p->mm]))
				continue;
			if (world.nthreads == MAX_THREADS) {
				fprintf(stderr, "octavo: too many old entries for spec_young\n");
				exit(2);
			}
			ahead_va[world.nthreads] = p->va;
			world.rules.cpu[world.nthreads] = (uint8_t)i;
			world.rules.device[world.nthreads] = is_device(i);
			world.rules.ahead[world.nthreads++] = true;
		}
	}
	world.rules.nthreads = world.nthreads;
}

/* At most one, and perhaps none. X stands for its end: completions wait for that as for an access. */
void walk_ahead(unsigned thread)
{
	struct event e = event_make(EV_CHOOSE, 0, __ATOMIC_RELAXED, NULL);
	struct walk w;

	e.operand = 2;
	if (!explore_graph()->ev[explore_event(&e)].value)
		return;
	w = walk_tables(ahead_va[thread], false, NULL);
	if (!w.faults && !w.leaf.young)
		update_walked(&w, false, NULL);
	fault_event(ahead_va[thread], &w, NULL);
}

/* What the T of a walk read from, to compare it with the walk before. */
struct walked {
	uint16_t rf[OCT_LEVELS + 1];
	uintptr_t of;
	unsigned n, repeats;
};

static struct walked sources_of(const struct walk *w)
{
	struct walked s = {.n = 0, .of = w->of};

	for (uint16_t t = w->last; t != NO_EVENT; t = explore_graph()->ev[t].upper)
		s.rf[s.n++] = explore_graph()->ev[t].rf;
	return s;
}

/* The kernel's answer to a fault: true, access again. A walk that read just what the two before it did has
 * gained nothing by their faults: the thread waits until somebody changes an entry. Not at the first
 * time: a handler that changed the entry may be asked again, by a TLB that kept the old one, and drop it. */
static bool fault_handled(struct oct_mm *mm, uintptr_t va, bool store, const struct walk *w,
                          struct walked *before, const void *pc)
{
	struct walked now = sources_of(w);

	if (world.litmus || (is_device(explore_self()) && now.n == 1)) /* the space has gone */
		return false;
	if (now.n == before->n && now.of == before->of &&
	    !memcmp(now.rf, before->rf, now.n * sizeof(now.rf[0]))) {
		now.repeats = before->repeats + 1;
		if (now.repeats == 2) {
			world.faults_again[explore_self()] = true;
			explore_wait(now.n + 1); /* its T, and the fault */
		}
	}
	*before = now;
	if (world.glue->fault(mm, va, store))
		return false;
	if (is_device(
	        explore_self())) { /* its driver answers: what it kept of the page goes, it walks again */
		do_device_invalidate(va & OCT_PAGE_MASK, 1, false, pc);
		do_dsb(pc);
	}
	do_isb(pc); /* the return from the exception */
	return true;
}

/* One attempt at an access: walk, update what was walked, access. False: it faults; how is in w. */
static bool attempt(uintptr_t va, unsigned size, bool store, uint64_t *value, struct walk *w, const void *pc)
{
	struct event e;
	char *page;
	uint16_t id;

	for (;;) {
		*w = walk_tables(va, store, pc);
		if (w->faults || update_walked(w, store, pc))
			break;
		w->faults = world.x86; /* arm64 walks again */
		if (w->faults)
			break;
	}
	if (w->faults) {
		fault_event(va, w, pc);
		return false;
	}
	page = oct_port_phys_to_virt(decode_page(&w->leaf, w->level, w->of, va));
	e = event_make(store ? EV_STORE : EV_LOAD, place(page + (va & (OCT_PAGE_SIZE - 1)), size),
	               __ATOMIC_RELAXED, pc);
	e.size = (uint8_t)size;
	e.va = va;
	e.upper = w->last;
	e.value = store ? *value : 0;
	id = explore_event(&e);
	if (!store)
		*value = explore_graph()->ev[id].value;
	return true;
}

/* Outside of the race: by the tables. */
static int access_alone(oct_phys_t page, unsigned offset, unsigned size, bool store, uint64_t *value)
{
	char *at;

	if (!page)
		return -OCT_EFAULT;
	at = (char *)oct_port_phys_to_virt(page) + offset;
	memcpy(store ? at : (char *)value, store ? (char *)value : at, size);
	memory_touched(at, size);
	return 0;
}

static oct_phys_t page_peek(oct_phys_t root, uintptr_t va, bool race_view);

static int user_access(struct oct_mm *mm, uintptr_t va, unsigned size, bool store, uint64_t *value,
                       const void *pc)
{
	unsigned offset = (unsigned)(va & (OCT_PAGE_SIZE - 1));
	struct walked before = {.n = 0};
	struct walk w;

	if (va & (size - 1))
		violate(OC_ASSERTION, pc, "unaligned user access");
	if (!in_race())
		return access_alone(page_peek(world.glue->root(mm), va, false), offset, size, store, value);
	learn_word(offset, size, pc);
	if (is_device(explore_self())) {
		if (mm != world.mm[0])
			violate(OC_ASSERTION, pc, "a device uses a space that it is not bound to");
	} else if (world.cpu[this_cpu()].root != world.glue->root(mm)) {
		world.glue->mm_switch(world.system, mm);
	}
	while (!attempt(va, size, store, value, &w, pc))
		if (!fault_handled(mm, va, store, &w, &before, pc))
			return -OCT_EFAULT;
	return 0;
}

/* Nobody handles the kernel's faults. */
static int kernel_access(uintptr_t va, unsigned size, bool store, uint64_t *value, const void *pc)
{
	unsigned offset = (unsigned)(va & (OCT_PAGE_SIZE - 1));
	struct walk w;

	if ((va & (size - 1)) || !is_kernel(va) || is_device(explore_self()))
		violate(OC_ASSERTION, pc, "not an access of a CPU to an aligned address of the kernel's");
	if (!in_race())
		return access_alone(page_peek(world.glue->kernel_root(world.system), va, false), offset, size,
		                    store, value);
	learn_word(offset, size, pc);
	return attempt(va, size, store, value, &w, pc) ? 0 : -OCT_EFAULT;
}

int oc_kernel_store32(uintptr_t va, uint32_t value)
{
	uint64_t v = value;

	return kernel_access(va, 4, true, &v, CALLER);
}

int oc_kernel_load32(uintptr_t va, uint32_t *value)
{
	uint64_t v = 0;
	int error = kernel_access(va, 4, false, &v, CALLER);

	if (!error)
		*value = (uint32_t)v;
	return error;
}

/* ---- the kernel's view ------------------------------------------------------------------------------ */

/* The entry that maps va at level and its place. In the race, race_view: by relaxed reads; else by
 * what the tables were at the start. 0 and NULL where a table is missing. */
static uint64_t peek_from(oct_phys_t table, uintptr_t va, unsigned level, bool race_view, uint64_t **at)
{
	for (unsigned l = OCT_LEVELS; l-- > level;) {
		uint64_t *entry = (uint64_t *)oct_port_phys_to_virt(table) + table_index(va, l), value;
		struct entry e;

		if (race_view)
			value = do_read(place(entry, ENTRY_BYTES), __ATOMIC_RELAXED, ENTRY_BYTES, CALLER);
		else
			value = *entry;
		*at = entry;
		if (l == level)
			return value;
		e = decode(value, l);
		if (!e.present || !e.table)
			break;
		table = e.phys;
	}
	*at = NULL;
	return 0;
}

uint64_t entry_peek(struct oct_mm *mm, uintptr_t va, unsigned level, bool race_view, uint64_t **at)
{
	return peek_from(world.glue->root(mm), va, level, race_view, at);
}

/* The page mapped at va now, 0 for none. */
static oct_phys_t page_peek(oct_phys_t root, uintptr_t va, bool race_view)
{
	for (unsigned level = OCT_LEVELS; level--;) {
		uint64_t *entry, value = peek_from(root, va, level, race_view, &entry);
		struct entry e = decode(value, level);

		if (!entry || !e.present)
			return 0;
		if (!e.table)
			return decode_page(&e, level, va, va);
	}
	return 0;
}

static uint64_t peek(struct oct_mm *mm, uintptr_t va, unsigned size, const void *pc)
{
	oct_phys_t page = page_peek(world.glue->root(mm), va, in_race());
	uint64_t value = 0;
	char *at;

	if (!page)
		return 0;
	at = (char *)oct_port_phys_to_virt(page) + (va & (OCT_PAGE_SIZE - 1));
	if (in_race()) {
		learn_word((unsigned)(va & (OCT_PAGE_SIZE - 1)), size, pc);
		return do_read(place(at, size), __ATOMIC_RELAXED, size, pc);
	}
	memcpy(&value, at, size);
	return value;
}

#define ACCESS(bits)                                                                                         \
	int oc_store##bits(struct oct_mm *mm, uintptr_t va, uint##bits##_t value)                            \
	{                                                                                                    \
		uint64_t v = value;                                                                          \
                                                                                                             \
		return user_access(mm, va, bits / 8, true, &v, CALLER);                                      \
	}                                                                                                    \
	int oc_load##bits(struct oct_mm *mm, uintptr_t va, uint##bits##_t *value)                            \
	{                                                                                                    \
		uint64_t v = 0;                                                                              \
		int error = user_access(mm, va, bits / 8, false, &v, CALLER);                                \
                                                                                                             \
		if (!error)                                                                                  \
			*value = (uint##bits##_t)v;                                                          \
		return error;                                                                                \
	}                                                                                                    \
	uint##bits##_t oc_peek##bits(struct oct_mm *mm, uintptr_t va)                                        \
	{                                                                                                    \
		return (uint##bits##_t)peek(mm, va, bits / 8, CALLER);                                       \
	}
ACCESS(8)
ACCESS(16)
ACCESS(32)
ACCESS(64)

/* ---- setup -------------------------------------------------------------------------------------------- */

/* A device walks the tables of the first space, under the number that the CPUs have for it now. */
static void bind_devices(struct oct_mm *mm)
{
	bool any = false;

	for (unsigned i = 0; i < world.nactors; i++) {
		if (!is_device(i))
			continue;
		any = true;
		world.cpu[i].root = world.glue->root(mm);
		world.cpu[i].asid = asid_of(mm);
	}
	if (any)
		world.glue->bind(mm, memory_object(world.glue->secondary_size));
}

static unsigned ncpus(void)
{
	return world.nactors < OCT_MAX_CPUS ? world.nactors : OCT_MAX_CPUS;
}

struct oct_system *oc_system(void)
{
	if (!world.system) {
		if (in_race())
			oct_port_panic("oc_system and oc_mm belong into setup");
		world.system = memory_object(world.glue->system_size);
		if (world.glue->system_init(world.system, ncpus()))
			oct_port_panic("no memory for the system");
	}
	return world.system;
}

struct oct_mm *oc_mm(void)
{
	unsigned cpus = ncpus();
	struct oct_mm *mm;

	if (in_race())
		oct_port_panic("oc_mm belongs into setup");
	oc_system();
	if (world.nmm == MAX_MMS)
		oct_port_panic("too many spaces");
	mm = memory_object(world.glue->mm_size);
	if (world.glue->mm_init(mm, world.system))
		oct_port_panic("no memory for a space");
	world.mm[world.nmm++] = mm;
	if (world.nmm > 1)
		return mm;
	for (unsigned i = 0; i < cpus; i++) {
		if (world.scenario->actors[i].kind != OC_ACTOR_CPU)
			continue;
		world.native_cpu = i;
		world.glue->mm_switch(world.system, mm);
	}
	world.native_cpu = 0;
	bind_devices(mm);
	return mm;
}

static void setup_map(struct oct_mm *mm, uintptr_t va, size_t pages, unsigned prot, bool shared,
                      struct oct_folio *folio)
{
	int error = world.glue->map(mm, va, pages, prot, shared, folio);

	if (error) {
		fprintf(stderr, "octavo: cannot map %zu pages at %#lx in setup (error %d)\n", pages,
		        (unsigned long)va, error);
		exit(2);
	}
}

void oc_map_anon(struct oct_mm *mm, uintptr_t va, size_t pages, unsigned prot)
{
	setup_map(mm, va, pages, prot, false, NULL);
}

void oc_map_folio(struct oct_mm *mm, uintptr_t va, struct oct_folio *folio, unsigned prot)
{
	setup_map(mm, va, 1, prot, false, folio);
}

void oc_map_shared(struct oct_mm *mm, uintptr_t va, size_t pages, unsigned prot)
{
	setup_map(mm, va, pages, prot, true, NULL);
}

struct oct_folio *oc_folio(struct oct_mm *mm, uintptr_t va)
{
	oct_phys_t page = page_peek(world.glue->root(mm), va, in_race());

	return page ? oct_folio_of(page) : NULL;
}

/* ---- raw entries -------------------------------------------------------------------------------- */

oct_pte_t *oc_pte_at(struct oct_mm *mm, uintptr_t va, unsigned level)
{
	uint64_t *entry;

	entry_peek(mm, va, level, false, &entry);
	return entry;
}

oct_pte_t oc_entry_get(oct_pte_t *entry)
{
	return in_race() ? do_read(place(entry, ENTRY_BYTES), __ATOMIC_RELAXED, ENTRY_BYTES, CALLER) : *entry;
}

void oc_entry_set(oct_pte_t *entry, oct_pte_t value)
{
	if (in_race()) {
		do_write(place(entry, ENTRY_BYTES), __ATOMIC_RELAXED, ENTRY_BYTES, value, CALLER);
		return;
	}
	*entry = value;
	memory_touched(entry, ENTRY_BYTES);
}

static oct_pte_t entry_rmw(oct_pte_t *entry, enum rmw_op op, oct_pte_t value, oct_pte_t expected,
                           bool *stored, const void *pc)
{
	oct_pte_t old = *entry;

	if (in_race())
		return do_rmw(place(entry, ENTRY_BYTES), __ATOMIC_RELAXED, ENTRY_BYTES, op, value, expected,
		              stored, pc);
	*stored = op != RMW_CAS || old == expected;
	if (*stored)
		*entry = value;
	memory_touched(entry, ENTRY_BYTES);
	return old;
}

oct_pte_t oc_entry_xchg(oct_pte_t *entry, oct_pte_t value)
{
	bool stored;

	return entry_rmw(entry, RMW_XCHG, value, 0, &stored, CALLER);
}

bool oc_entry_cas(oct_pte_t *entry, oct_pte_t expected, oct_pte_t value)
{
	bool stored;

	entry_rmw(entry, RMW_CAS, value, expected, &stored, CALLER);
	return stored;
}

/* One RMW: a compare-and-swap loop whose failing turns are left out. */
oct_pte_t oc_entry_update(oct_pte_t *entry, oct_pte_t (*change)(oct_pte_t))
{
	oct_pte_t old = *entry;
	bool stored;

	if (in_race())
		return do_rmw(place(entry, ENTRY_BYTES), __ATOMIC_RELAXED, ENTRY_BYTES, RMW_APPLY,
		              (uintptr_t)change, 0, &stored, CALLER);
	*entry = change(old);
	memory_touched(entry, ENTRY_BYTES);
	return old;
}

/* ---- hardware operations ------------------------------------------------------------------------ */

void oc_tlbi(struct oct_mm *mm, uintptr_t va, size_t pages, unsigned scope, unsigned level)
{
	unsigned asid = asid_of(mm);
	struct request r = {.tlbi = true,
	                    .leaf_only = level == OC_LEAF && pages,
	                    .asid = (uint16_t)asid,
	                    .va = va,
	                    .pages = (unsigned)pages};

	if (!in_race())
		return;
	if (is_device(explore_self()))
		violate(OC_ASSERTION, CALLER, "a device does not invalidate: its secondary MMU is told");
	if (world.riscv && level != OC_LEAF)
		r.pages = 0; /* with an address only leaf entries are dropped */
	if (scope == OC_BROADCAST && world.x86)
		for (unsigned cpu = 0; cpu < world.nactors; cpu++)
			if (cpu != this_cpu() && world.scenario->actors[cpu].kind == OC_ACTOR_CPU)
				request_interrupt(cpu, &r, true, CALLER);
	do_tlbi(asid, va, r.pages, scope == OC_BROADCAST && !world.x86, r.leaf_only, CALLER);
}

void oc_dsb(void)
{
	if (in_race())
		do_dsb(CALLER);
}

void oc_dmb(void)
{
	if (in_race())
		do_fence(__ATOMIC_SEQ_CST, CALLER);
}

void oc_isb(void)
{
	if (in_race())
		do_isb(CALLER);
}

void oc_irqs_off(void)
{
	irq_lock(this_cpu(), CALLER);
}

void oc_irqs_on(void)
{
	irq_unlock(this_cpu(), CALLER);
}

void oc_ipi(unsigned cpu, void (*fn)(void))
{
	struct request r = {.fn = fn};

	request_interrupt(cpu, &r, true, CALLER);
}

/* ---- questions of the explorer
 * ------------------------------------------------------------------------------ */

unsigned oc_choose(unsigned n)
{
	struct event e = event_make(EV_CHOOSE, 0, __ATOMIC_RELAXED, CALLER);

	if (!in_race() || n < 2)
		return 0;
	e.operand = n;
	return (unsigned)explore_graph()->ev[explore_event(&e)].value;
}

static bool wanted(const char *name, const char *const list[OC_MAX_COVER])
{
	for (unsigned i = 0; i < OC_MAX_COVER && list[i]; i++)
		if (!strcmp(list[i], name))
			return true;
	return false;
}

/* Those that nobody asks for are not kept: so there is room for all that are. */
void cover_reached(const char *name)
{
	if (!wanted(name, world.scenario->cover) && !wanted(name, world.variant->cover))
		return;
	for (unsigned i = 0; i < world.ncover; i++)
		if (world.cover[i] == name || !strcmp(world.cover[i], name))
			return;
	world.cover[world.ncover++] = name;
}

void oc_cover(const char *name)
{
	if (in_race())
		cover_reached(name);
}

void oc_reg(const char *name, uint64_t value)
{
	for (unsigned i = 0; i < world.nregs; i++)
		if (!strcmp(world.regs[i].name, name)) {
			world.regs[i].value = value;
			return;
		}
	if (world.nregs == MAX_REGS) {
		explore_fail("an execution has too many registers");
		return;
	}
	world.regs[world.nregs++] = (struct oc_reg_value){name, value};
}

uint64_t oc_reg_get(const char *name)
{
	for (unsigned i = 0; i < world.nregs; i++)
		if (!strcmp(world.regs[i].name, name))
			return world.regs[i].value;
	return 0;
}

void oc_fail(enum oc_what what, const char *file, int line, const char *text)
{
	const char *base = strrchr(file, '/');

	violate(what, CALLER, "%s does not hold (%s:%d)", text, base ? base + 1 : file, line);
}
