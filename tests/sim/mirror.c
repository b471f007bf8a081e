/* mirror.c: see mirror.h. SPDX-License-Identifier: MIT */
#include "mirror_internal.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEAR_BASE ((uintptr_t)0x10000000)
#define FAR_BASE  ((uintptr_t)0x1000000000) /* in every format's user half */
static const uintptr_t far_stride = (uintptr_t)1 << 30;

void differ(const struct actor *actor, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "differs: CPU %u of %u, seed %#llx, operation %llu, space %u: ", actor->cpu,
	        actor->cpus, (unsigned long long)actor->seed, (unsigned long long)actor->operations,
	        actor->running);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	abort();
}

/* xorshift64*: Marsaglia, Vigna. */
unsigned pick(struct actor *actor, unsigned below)
{
	if (actor->script) {
		unsigned low = actor->script_left > 0 ? *actor->script++ : 0;
		unsigned high = actor->script_left > 1 && below > 256 ? *actor->script++ : 0;

		actor->script_left -= actor->script_left > 1 && below > 256 ? 2 : actor->script_left > 0;
		return (low | high << 8) % below;
	}
	actor->random ^= actor->random >> 12;
	actor->random ^= actor->random << 25;
	actor->random ^= actor->random >> 27;
	return (unsigned)((actor->random * 0x2545f4914f6cdd1dull) >> 33) % below;
}

uint64_t fresh_value(struct actor *actor)
{
	return actor->operations << 8 | actor->cpu << 4 | 1;
}

const char *mirror_call_name(enum mirror_call call)
{
#define CALL_NAME(call, name, when) name,
	static const char *const names[] = {MIRROR_CALLS(CALL_NAME)};

	return names[call];
}

enum mirror_call mirror_not_called(const struct actor *actors, unsigned count)
{
#define CALL_WHEN(call, name, when) when,
	enum { ALWAYS, ALONE, WITH_RECLAIM, WITH_FAILING_IO };
	static const uint8_t condition[] = {MIRROR_CALLS(CALL_WHEN)};
	enum mirror_call call = 0;

	for (; call < CALLS; call++) {
		uint64_t called = (condition[call] == WITH_RECLAIM && !actors[0].reclaim) ||
		                  (condition[call] == WITH_FAILING_IO && !actors[0].io_fails) ||
		                  (condition[call] == ALONE && actors[0].cpus > 1);

		for (unsigned i = 0; i < count; i++)
			called += actors[i].called[call];
		if (!called)
			break;
	}
	return call;
}

/* ---- Addresses ------------------------------------------------------------------------------------- */
static uintptr_t slice_va(unsigned cpu, unsigned index)
{
	if (index < NEAR_PAGES)
		return NEAR_BASE + (uintptr_t)(cpu * NEAR_PAGES + index) * PAGE;
	return FAR_BASE + cpu * far_stride + oct_level_bytes(1) - FAR_PAGES / 2 * PAGE +
	       (uintptr_t)(index - NEAR_PAGES) * PAGE;
}

struct range pick_range(struct actor *actor)
{
	bool far = pick(actor, 3) == 0;
	unsigned low = far ? NEAR_PAGES : 0, high = far ? SLICE_PAGES : NEAR_PAGES;
	struct range range;

	range.first = low + pick(actor, high - low);
	range.pages = 1 + pick(actor, pick(actor, 4) == 0 ? high - range.first : 4);
	if (range.first + range.pages > high)
		range.pages = high - range.first;
	range.start = slice_va(actor->cpu, range.first);
	range.end = range.start + range.pages * PAGE;
	return range;
}

struct mirror *here(struct actor *actor)
{
	return &actor->spaces[actor->running];
}

struct mirror_page *page_at(struct actor *actor, unsigned index)
{
	return &here(actor)->page[index];
}

/* ---- Pages of the mirror ------------------------------------------------------------------------------ */
uint64_t *contents(struct actor *actor, struct mirror_page *page)
{
	if (page->file && (page->through || !page->copied))
		return &actor->object[page->file - 1].value[page->index];
	return page->shared ? &actor->cell[page->cell].value : &page->value;
}

void page_unmap(struct actor *actor, struct mirror_page *page)
{
	if (page->shared)
		actor->cell[page->cell].users--;
	memset(page, 0, sizeof *page);
}

bool past_end(const struct actor *actor, const struct mirror_page *page)
{
	return page->file && page->index >= actor->object[page->file - 1].pages;
}

void page_becomes_own(struct actor *actor, struct mirror_page *page)
{
	if (!page->file || page->through || page->copied)
		return;
	page->value = *contents(actor, page);
	page->copied = true;
}

unsigned cell_take(struct actor *actor)
{
	while (actor->cell[actor->next_cell].users)
		actor->next_cell = (actor->next_cell + 1) % MOST_CELLS;
	actor->cell[actor->next_cell].users = 1;
	actor->cell[actor->next_cell].value = 0;
	return actor->next_cell;
}

static unsigned normal_prot(unsigned prot)
{
	return prot & (OCT_WRITE | OCT_EXEC) ? prot | OCT_READ : prot;
}

/* Can another CPU store to the page now? */
static bool open_to_stores(const struct actor *actor, const struct mirror_page *page)
{
	return actor->cpus > 1 && actor->running == 0 && page->mapped && (page->prot & OCT_WRITE) &&
	       !page->protected_by_userfault;
}

void second_settle(struct actor *actor, struct mirror_page *page)
{
	if (open_to_stores(actor, page))
		page->second_known = false;
	page->warm = 0;
}

bool excused(const struct actor *actor, int result)
{
	return (result == -OCT_ENOMEM && actor->may_fail) || (result == -OCT_EIO && actor->io_fails);
}

bool as_due(struct actor *actor, enum mirror_call call, const struct range *range, int result, int due)
{
	actor->called[CALL_IO_FAILS] += result == -OCT_EIO;
	if (excused(actor, result))
		return false;
	if (result != due)
		differ(actor, "%s [%#lx, %#lx) returned %d, not %d", mirror_call_name(call),
		       (unsigned long)range->start, (unsigned long)range->end, result, due);
	actor->called[call] += result == 0;
	return result == 0;
}

bool access_done(struct actor *actor, uintptr_t va, unsigned access, int result, int due)
{
	actor->called[CALL_IO_FAILS] += result == -OCT_EIO;
	if (excused(actor, result))
		return false;
	if (result != due)
		differ(actor, "access %u to %#lx returned %d, not %d", access, (unsigned long)va, result,
		       due);
	actor->faults += result == -OCT_EFAULT;
	actor->loads += result == 0 && access == OCT_READ;
	actor->stores += result == 0 && access == OCT_WRITE;
	return result == 0;
}

/* ---- Accesses --------------------------------------------------------------------------------------------
 */
/* An access that succeeded before, with nothing in between, must not fault. What was made old may
 * have succeeded through the TLB alone, and still fault once. */
static void check_warm(struct actor *actor, struct mirror_page *page, uintptr_t va, unsigned access,
                       uint64_t faults_before)
{
	bool faulted = actor->cpus == 1 && !actor->reclaim && sim_counters(0).faults != faults_before;

	if (page->file)
		return; /* written back, evicted */
	if ((page->warm & access) && faulted)
		differ(actor, "access %u to %#lx faults without a reason", access, (unsigned long)va);
	if (faulted)
		page->aged = false;
	if (!page->aged && !actor->reclaim)
		page->warm |= access | OCT_READ;
}

static uint64_t faults_now(const struct actor *actor)
{
	return actor->cpus == 1 ? sim_counters(0).faults : 0;
}

bool may_vanish(struct actor *actor, struct mirror_page *page)
{
	return actor->reclaim && !page->file && (page->lazy || *contents(actor, page) == 0);
}

void perhaps_filled(struct actor *actor, unsigned index)
{
	uintptr_t block = slice_va(actor->cpu, index) / OCT_FOLIO_BYTES;

	for (unsigned i = 0; i < SLICE_PAGES; i++) {
		struct mirror_page *page = page_at(actor, i);

		if (slice_va(actor->cpu, i) / OCT_FOLIO_BYTES == block && page->mapped && !page->shared &&
		    !page->file && !page->present)
			page->perhaps_present = page->perhaps_soft_dirty = true;
	}
}

static int due_access(const struct actor *actor, const struct mirror_page *page, unsigned access)
{
	if (!page->mapped || !(page->prot & access) || past_end(actor, page))
		return -OCT_EFAULT;
	return access == OCT_WRITE && page->present && page->protected_by_userfault ? -OCT_EBUSY : 0;
}

static void check_access(struct actor *actor, struct mirror_page *page, uintptr_t va, unsigned access,
                         int result)
{
	int due = due_access(actor, page, access);

	if (access == OCT_WRITE && page->file && page->perhaps_protected && due == 0 && result == -OCT_EBUSY)
		due = result; /* what its entry said goes with the entry, at any time */
	if (access == OCT_WRITE && page->perhaps_protected && due == 0 && !page->file) {
		page->protected_by_userfault = result == -OCT_EBUSY;
		page->perhaps_protected = false;
		if (result == -OCT_EBUSY)
			page->present = true;
		due = due_access(actor, page, access);
	}
	/* What reclaim gave back may be absent again, and absent pages are not protected. */
	if (access == OCT_WRITE && may_vanish(actor, page) && due == -OCT_EBUSY && result == 0) {
		page->protected_by_userfault = false;
		due = 0;
	}
	if (result != due)
		differ(actor, "access %u to %#lx returned %d, not %d", access, (unsigned long)va, result,
		       due);
	actor->called[CALL_PAST_END] += page->mapped && past_end(actor, page);
	actor->faults += result == -OCT_EFAULT;
	actor->events += result == -OCT_EBUSY;
}

static void load(struct actor *actor, unsigned index)
{
	struct mirror_page *page = page_at(actor, index);
	uintptr_t va = slice_va(actor->cpu, index);
	uint64_t value = 0, faults = faults_now(actor);
	int result = sim_load64(va, &value);

	actor->called[CALL_IO_FAILS] += result == -OCT_EIO;
	if (excused(actor, result))
		return;
	check_access(actor, page, va, OCT_READ, result);
	if (result)
		return;
	if (page->lazy && value == 0)
		*contents(actor, page) = 0; /* given back meanwhile */
	if (value != *contents(actor, page))
		differ(actor, "a load of %#lx sees %#llx, not %#llx", (unsigned long)va,
		       (unsigned long long)value, (unsigned long long)*contents(actor, page));
	check_warm(actor, page, va, OCT_READ, faults);
	page->present = true;
	actor->loads++;
}

void store_value(struct actor *actor, unsigned index, uint64_t value)
{
	struct mirror_page *page = page_at(actor, index);
	uintptr_t va = slice_va(actor->cpu, index);
	uint64_t faults = faults_now(actor);
	int result = sim_store64(va, value);

	actor->called[CALL_IO_FAILS] += result == -OCT_EIO;
	if (excused(actor, result))
		return;
	check_access(actor, page, va, OCT_WRITE, result);
	if (result)
		return;
	check_warm(actor, page, va, OCT_WRITE, faults);
	page_becomes_own(actor, page);
	*contents(actor, page) = value;
	page->lazy = false;
	page->present = page->soft_dirty = page->dirty = true;
	perhaps_filled(actor, index);
	actor->stores++;
}

static void fetch(struct actor *actor, unsigned index)
{
	struct mirror_page *page = page_at(actor, index);
	uintptr_t va = slice_va(actor->cpu, index);
	int result = sim_fetch(va);

	actor->called[CALL_IO_FAILS] += result == -OCT_EIO;
	if (excused(actor, result))
		return;
	check_access(actor, page, va, OCT_EXEC, result);
	if (!result)
		page->present = true;
}

/* The second word stands still while nobody may store to it. */
static void load_second(struct actor *actor, unsigned index)
{
	struct mirror_page *page = page_at(actor, index);
	uintptr_t va = slice_va(actor->cpu, index) + 8;
	uint64_t value = 0;
	int result = sim_load64(va, &value);

	actor->called[CALL_IO_FAILS] += result == -OCT_EIO;
	if (excused(actor, result))
		return;
	check_access(actor, page, va, OCT_READ, result);
	if (result)
		return;
	page->present = true;
	if (page->second_known && page->second != value)
		differ(actor, "%#lx changed from %#llx to %#llx while nobody could store", (unsigned long)va,
		       (unsigned long long)page->second, (unsigned long long)value);
	/* A shared page is open to stores through other spaces. */
	page->second_known = !page->shared && !page->file && !page->lazy && !open_to_stores(actor, page) &&
	                     !page->perhaps_protected;
	page->second = value;
}

/* Into the slice of somebody else; any answer is fine. */
static void touch_foreign(struct actor *actor)
{
	unsigned other = pick(actor, actor->cpus);
	uintptr_t va = slice_va(other, pick(actor, NEAR_PAGES)) + 8;
	uint64_t value;

	if (actor->running != 0 || other == actor->cpu)
		return;
	if (pick(actor, 3))
		(void)!sim_store64(va, fresh_value(actor));
	else
		(void)!sim_load64(va, &value);
}

/* ---- Calls
 * -------------------------------------------------------------------------------------------------- */
/* W^X. */
static bool forbidden(struct actor *actor, unsigned prot)
{
	return here(actor)->no_write_exec && (prot & OCT_WRITE) && (prot & OCT_EXEC);
}

static void call_mmap(struct actor *actor, struct range range)
{
	unsigned flags = (pick(actor, 4) ? OCT_MAP_FIXED : 0) | (pick(actor, 4) ? 0 : OCT_MAP_SHARED);
	unsigned prot = pick(actor, 3) ? OCT_READ | OCT_WRITE : pick(actor, 8);
	bool there = false, populate = !actor->may_fail && !actor->io_fails && pick(actor, 4) == 0;
	uintptr_t result_va = 0;
	int result, due = 0;

	if (!(flags & OCT_MAP_FIXED) && pick(actor, 2))
		flags |= OCT_MAP_FIXED_NOREPLACE;
	if (populate)
		flags |= OCT_MAP_POPULATE;

	for (unsigned i = range.first; i < range.first + range.pages; i++)
		there |= page_at(actor, i)->mapped;
	result = oct_mmap(here(actor)->mm, range.start, range.pages * PAGE, prot, flags, &result_va);
	if (forbidden(actor, prot))
		due = -OCT_EACCES;
	else if (there && (!(flags & OCT_MAP_FIXED) || (flags & OCT_MAP_SHARED)))
		due = -OCT_EEXIST;
	if (!as_due(actor, flags & OCT_MAP_SHARED ? CALL_MMAP_SHARED : CALL_MMAP, &range, result, due))
		return;
	if (result_va != range.start)
		differ(actor, "mmap put it elsewhere");
	for (unsigned i = range.first; i < range.first + range.pages; i++) {
		struct mirror_page *page = page_at(actor, i);

		page_unmap(actor, page);
		page->mapped = true;
		page->prot = normal_prot(prot);
		page->shared = flags & OCT_MAP_SHARED;
		if (page->shared) {
			page->cell = cell_take(actor);
			page->present = true;
			page->soft_dirty = prot & OCT_WRITE;
		}
		if (populate && prot)
			page->present = true;
		if (populate && (prot & OCT_WRITE))
			page->soft_dirty = page->dirty = true;
	}
	for (unsigned i = range.first; populate && i < range.first + range.pages; i++)
		perhaps_filled(actor, i);
}

static void call_munmap(struct actor *actor, struct range range)
{
	int result = oct_munmap(here(actor)->mm, range.start, range.pages * PAGE);

	if (!as_due(actor, CALL_MUNMAP, &range, result, 0))
		return;
	for (unsigned i = range.first; i < range.first + range.pages; i++)
		page_unmap(actor, page_at(actor, i));
}

static void call_mprotect(struct actor *actor, struct range range)
{
	unsigned prot = pick(actor, 3) ? OCT_READ | OCT_WRITE : pick(actor, 8);
	bool hole = false;
	int result;

	for (unsigned i = range.first; i < range.first + range.pages; i++)
		hole |= !page_at(actor, i)->mapped;
	result = oct_mprotect(here(actor)->mm, range.start, range.pages * PAGE, prot);
	if (!as_due(actor, CALL_MPROTECT, &range, result,
	            hole                     ? -OCT_ENOMEM
	            : forbidden(actor, prot) ? -OCT_EACCES
	                                     : 0))
		return;
	for (unsigned i = range.first; i < range.first + range.pages; i++) {
		page_at(actor, i)->prot = normal_prot(prot);
		second_settle(actor, page_at(actor, i));
	}
}

static void call_dontneed(struct actor *actor, struct range range)
{
	bool shared = false;
	int result;

	for (unsigned i = range.first; i < range.first + range.pages; i++)
		shared |= page_at(actor, i)->shared;
	result = oct_madvise_dontneed(here(actor)->mm, range.start, range.end);
	if (!as_due(actor, CALL_DONTNEED, &range, result, shared ? -OCT_EINVAL : 0))
		return;
	for (unsigned i = range.first; i < range.first + range.pages; i++) {
		struct mirror_page *page = page_at(actor, i);

		page->value = 0;
		page->copied = false;
		page->present = page->protected_by_userfault = page->perhaps_protected = false;
		page->perhaps_present = false;
		page->soft_dirty = page->dirty = page->second_known = false;
		page->warm = 0;
	}
}

void call_clear_refs(struct actor *actor, struct range range)
{
	if (!as_due(actor, CALL_CLEAR_REFS, &range, oct_clear_refs(here(actor)->mm, range.start, range.end),
	            0))
		return;
	for (unsigned i = range.first; i < range.first + range.pages; i++) {
		page_at(actor, i)->soft_dirty = false;
		page_at(actor, i)->warm = 0;
	}
}

static void call_userfault(struct actor *actor, struct range range)
{
	bool enable = pick(actor, 2);
	int result = oct_uffd_writeprotect(here(actor)->mm, range.start, range.end, enable);

	if (!as_due(actor, CALL_USERFAULT, &range, result, 0))
		return;
	for (unsigned i = range.first; i < range.first + range.pages; i++) {
		struct mirror_page *page = page_at(actor, i);

		page->protected_by_userfault = enable && page->present && !page->file;
		page->perhaps_protected =
		    enable && page->mapped &&
		    (page->file || (!page->present && (actor->cpus > 1 || page->perhaps_present)));
		second_settle(actor, page);
	}
}

/* Where reclaim is at work clean means that the contents are kept elsewhere. */
static oct_pte_t make_old_and_clean(oct_pte_t pte, unsigned long keep_dirty)
{
	if (!oct_pte_present(pte))
		return pte;
	return oct_pte_mkold(keep_dirty ? pte : oct_pte_mkclean(pte));
}

/* What reclaim and write-back will ask: is it used, is it stored to, from now on? */
static void age(struct actor *actor, unsigned index)
{
	struct mirror_page *page = page_at(actor, index);
	struct oct_pte_guard guard;
	struct oct_ticket ticket;
	oct_pte_t old;

	if (!page->mapped || !page->present || page->file)
		return;
	oct_ticket_init(&ticket, &here(actor)->mm->space);
	oct_pte_lock_at(ticket.space, slice_va(actor->cpu, index), &guard);
	(void)!oct_entry_update(&ticket, &guard, guard.pte, guard.va, make_old_and_clean,
	                        actor->reclaim != NULL, &old);
	oct_pte_guard_unlock(&ticket, &guard);
	oct_ticket_complete(&ticket);
	page->dirty = page->dirty && actor->reclaim;
	page->aged = true;
	page->warm = 0;
}

/* ---- Spaces
 * -------------------------------------------------------------------------------------------------- */
void run_space(struct actor *actor, unsigned number)
{
	actor->running = number;
	actor->called[CALL_SWITCH]++;
	oct_mm_switch(actor->system, here(actor)->mm);
}

static void fork_mirror(struct actor *actor, struct mirror *child, struct mirror *parent)
{
	child->no_write_exec = parent->no_write_exec;
	child->stack = parent->stack;
	child->huge = parent->huge;
	for (unsigned i = 0; i < SLICE_PAGES; i++) {
		struct mirror_page *to = &child->page[i], *from = &parent->page[i];

		from->warm = 0;
		*to = *from;
		to->second_known = from->second_known && !from->shared;
		to->protected_by_userfault = to->perhaps_protected = false;
		if (to->shared)
			actor->cell[to->cell].users++;
	}
}

void call_fork(struct actor *actor)
{
	const struct range everything = {.start = 0, .end = ~(uintptr_t)0};
	unsigned slot = 1;

	while (slot < MOST_SPACES && actor->spaces[slot].mm)
		slot++;
	if (slot == MOST_SPACES ||
	    !as_due(actor, CALL_MM_INIT, &everything, oct_mm_init(&actor->child[slot], actor->system), 0))
		return;
	if (!as_due(actor, CALL_FORK, &everything, oct_fork(&actor->child[slot], here(actor)->mm), 0)) {
		oct_mm_exit(&actor->child[slot]);
		for (unsigned i = 0; i < SLICE_PAGES; i++)
			page_at(actor, i)->warm = 0;
		return;
	}
	actor->spaces[slot].mm = &actor->child[slot];
	fork_mirror(actor, &actor->spaces[slot], here(actor));
	actor->forks++;
	if (pick(actor, 2))
		run_space(actor, slot);
}

static void call_exit(struct actor *actor, unsigned number)
{
	if (number == 0 || !actor->spaces[number].mm)
		return;
	if (actor->running == number && pick(actor, 2))
		run_space(actor, 0); /* else it is ended under this CPU's feet */
	oct_mm_exit(actor->spaces[number].mm);
	for (unsigned i = 0; i < SLICE_PAGES; i++)
		page_unmap(actor, &actor->spaces[number].page[i]);
	actor->spaces[number].mm = NULL;
	actor->spaces[number].stack.there = actor->spaces[number].stack.blocked = false;
	actor->spaces[number].huge.there = false;
	actor->called[CALL_EXIT]++;
	if (actor->running == number)
		run_space(actor, 0);
}

/* A page that reclaim took: nothing, or a swap entry that keeps soft-dirty. */
static void inspect_absent(struct actor *actor, unsigned index, oct_pte_t pte)
{
	struct mirror_page *page = page_at(actor, index);

	if (actor->reclaim && oct_pte_soft_kind(pte) == OCT_SOFT_SWAP) {
		if (page->soft_dirty && !page->lazy && !(oct_pte_soft_value(pte) & OCT_SWAP_SOFT_DIRTY))
			differ(actor, "page %u: a store left no soft-dirty in swap", index);
		return;
	}
	if (oct_pte_soft_kind(pte) || !may_vanish(actor, page))
		differ(actor, "page %u has lost its entry", index);
}

/* What the entry says of a page that this actor has touched. */
static void inspect(struct actor *actor, unsigned index)
{
	struct mirror_page *page = page_at(actor, index);
	oct_pte_t *entry, pte;

	if (!page->mapped || !page->present || page->file)
		return;
	entry = oct_pte_lock(here(actor)->mm, slice_va(actor->cpu, index));
	if (!entry)
		differ(actor, "page %u has lost its table", index);
	pte = oct_load(entry, OCT_RLX);
	oct_pte_unlock(here(actor)->mm, entry);
	if (!oct_pte_present(pte)) {
		inspect_absent(actor, index, pte);
		return;
	}
	if (page->soft_dirty && !(page->lazy && actor->reclaim) && !oct_pte_soft_dirty(pte))
		differ(actor, "page %u: a store left no soft-dirty", index);
	if (page->dirty && !actor->reclaim && !oct_pte_dirty(pte))
		differ(actor, "page %u: a store left no dirty", index);
	if (actor->cpus == 1 && !page->soft_dirty && !page->perhaps_soft_dirty && oct_pte_soft_dirty(pte))
		differ(actor, "page %u: soft-dirty without a store", index);
	if (oct_pte_prot(pte) & ~page->prot)
		differ(actor, "page %u: the entry grants more than the area", index);
}

/* ---- The region for everybody
 * --------------------------------------------------------------------------------- */
static void common_access(struct actor *actor, uintptr_t va)
{
	uint64_t value = 0;
	int result;

	if (pick(actor, 2)) {
		result = sim_store64(va, (uint64_t)va << 16 | actor->cpu);
		if (result && result != -OCT_EFAULT && result != -OCT_EBUSY && !excused(actor, result))
			differ(actor, "a store to %#lx returned %d", (unsigned long)va, result);
		return;
	}
	result = sim_load64(va, &value);
	if (result && result != -OCT_EFAULT && !excused(actor, result))
		differ(actor, "a load of %#lx returned %d", (unsigned long)va, result);
	if (value != 0 && value >> 16 != va)
		differ(actor, "a load of %#lx sees what belongs to %#llx", (unsigned long)va,
		       (unsigned long long)(value >> 16));
}

static void common_step(struct actor *actor)
{
	unsigned first = pick(actor, COMMON_PAGES), pages = 1 + pick(actor, 8);
	uintptr_t start = slice_va(actor->cpus, first), result_va;
	struct range range = {first, pages, start, start + pages * PAGE};
	struct oct_mm *mm = here(actor)->mm;
	size_t bytes = pages * PAGE;

	switch (pick(actor, 16)) {
	case 0:
	case 1:
		as_due(actor, CALL_MMAP, &range,
		       oct_mmap(mm, start, bytes, OCT_READ | OCT_WRITE, OCT_MAP_FIXED, &result_va), 0);
		break;
	case 2:
		as_due(actor, CALL_MUNMAP, &range, oct_munmap(mm, start, bytes), 0);
		break;
	case 3:
		(void)!oct_mprotect(mm, start, bytes, pick(actor, 4));
		break;
	case 4:
		as_due(actor, CALL_DONTNEED, &range, oct_madvise_dontneed(mm, start, range.end), 0);
		break;
	case 5:
		as_due(actor, CALL_CLEAR_REFS, &range, oct_clear_refs(mm, start, range.end), 0);
		break;
	case 6:
		as_due(actor, CALL_USERFAULT, &range,
		       oct_uffd_writeprotect(mm, start, range.end, pick(actor, 2)), 0);
		break;
	default:
		common_access(actor, start + pick(actor, 512) * 8);
		break;
	}
}

/* ---- The actor
 * ---------------------------------------------------------------------------------------------------- */
void actor_start(struct actor *actor, unsigned cpu, unsigned cpus, struct oct_system *system,
                 struct oct_mm *mm, struct oct_reclaimer *reclaim, uint64_t seed)
{
	memset(actor, 0, sizeof *actor);
	actor->cpu = cpu;
	actor->cpus = cpus;
	actor->system = system;
	actor->reclaim = reclaim;
	actor->seed = seed;
	actor->random = (seed + 1) * 0x9e3779b97f4a7c15ull ^ (uint64_t)cpu << 32;
	if (actor->random == 0)
		actor->random = 1;
	actor->spaces[0].mm = mm;
	mm->stack_bytes = STACK_MOST * PAGE;
	actor->leaf.first = OCT_NO_PAGE;
	objects_start(actor);
}

/* The running space, but for what everybody does to it. */
static void check_all(struct actor *actor)
{
	for (unsigned i = 0; i < SLICE_PAGES; i++) {
		load(actor, i);
		load_second(actor, i);
	}
	stack_finish(actor);
	huge_finish(actor);
}

void actor_step(struct actor *actor)
{
	unsigned kind = pick(actor, 256), index;

	if (actor->operations == 0)
		run_space(actor, 0);
	actor->operations++;
	if (actor->cpus > 1 && pick(actor, 64) == 0)
		oct_port_relax(); /* more ways to meet than time slices alone make */
	if (kind < 14)
		call_mmap(actor, pick_range(actor));
	else if (kind < 16)
		call_munmap(actor, pick_range(actor));
	else if (kind < 19)
		call_mprotect(actor, pick_range(actor));
	else if (kind < 21)
		call_dontneed(actor, pick_range(actor));
	else if (kind < 24)
		call_clear_refs(actor, pick_range(actor));
	else if (kind < 30)
		call_userfault(actor, pick_range(actor));
	else if (kind < 32)
		call_fork(actor);
	else if (kind < 36)
		call_exit(actor, pick(actor, MOST_SPACES));
	else if (kind < 40 && actor->spaces[index = pick(actor, MOST_SPACES)].mm)
		run_space(actor, index);
	else if (kind < 72)
		common_step(actor);
	else if (kind < 76)
		call_object(actor);
	else if (kind < 80)
		call_stack(actor);
	else if (kind < 82)
		call_leaf(actor);
	else if (kind < 83)
		call_huge(actor);
	else if (kind < 87)
		call_pin(actor);
	else if (kind < 96)
		touch_foreign(actor);
	else if (kind < 106)
		call_other(actor);
	else if (kind < 109)
		age(actor, pick(actor, SLICE_PAGES));
	else if (kind < 118)
		inspect(actor, pick(actor, SLICE_PAGES));
	else if (kind < 140)
		load_second(actor, pick(actor, SLICE_PAGES));
	else if (kind < 146)
		fetch(actor, pick(actor, SLICE_PAGES));
	else if (kind < 200)
		load(actor, pick(actor, SLICE_PAGES));
	else
		store_value(actor, pick(actor, SLICE_PAGES), fresh_value(actor));
}

void actor_finish(struct actor *actor)
{
	if (actor->io_fails)
		sim_fail_io(0);
	for (unsigned number = MOST_SPACES; number-- > 0;) {
		if (!actor->spaces[number].mm)
			continue;
		run_space(actor, number);
		check_all(actor);
		call_exit(actor, number);
	}
	leaf_finish(actor);
	oct_mm_switch(actor->system, NULL);
}

void actor_end(struct actor *actor)
{
	objects_finish(actor);
}
