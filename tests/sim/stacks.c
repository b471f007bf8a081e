/* stacks.c: the mirror's stacks, which grow by accesses below them. SPDX-License-Identifier: MIT
 *
 * A stack may grow to STACK_MOST pages of the STACK_PAGES here, and, while something lies below, not into the
 * lowest STACK_BLOCKED of them: those are nearer to it than the guard allows. */
#include "mirror_internal.h"

#define STACK_BASE ((uintptr_t)0x2000000000) /* in every format's user half */
static const uintptr_t stride = (uintptr_t)1 << 30;

static uintptr_t stack_va(const struct actor *actor, unsigned index)
{
	return STACK_BASE + actor->cpu * stride + stride / 2 + index * PAGE;
}

static struct range stack_range(const struct actor *actor, unsigned first)
{
	struct range range = {.first = first, .pages = STACK_PAGES - first};

	range.start = stack_va(actor, first);
	range.end = stack_va(actor, STACK_PAGES);
	return range;
}

/* Where something ends that is just so near that page STACK_BLOCKED is the lowest to grow into. */
static uintptr_t obstacle(const struct actor *actor)
{
	return stack_va(actor, STACK_BLOCKED) - OCT_STACK_GUARD_PAGES * PAGE;
}

static void map_stack(struct actor *actor, struct mirror_stack *stack)
{
	struct range range = stack_range(actor, STACK_PAGES - 1 - pick(actor, 4));
	uintptr_t at;

	if (!as_due(actor, CALL_STACK_MAP, &range,
	            oct_mmap(here(actor)->mm, range.start, range.pages * PAGE, OCT_READ | OCT_WRITE,
	                     OCT_MAP_FIXED_NOREPLACE | OCT_MAP_GROWSDOWN, &at),
	            0))
		return;
	stack->there = true;
	stack->prot = OCT_READ | OCT_WRITE;
	stack->lowest = range.first;
	for (unsigned i = 0; i < STACK_PAGES; i++)
		stack->value[i] = 0;
}

/* All of it, so it cannot fail. */
static void unmap_stack(struct actor *actor, struct mirror_stack *stack)
{
	struct range range = stack_range(actor, 0);

	if (oct_munmap(here(actor)->mm, range.start, range.pages * PAGE))
		differ(actor, "unmapping a whole stack fails");
	stack->there = false;
}

static void protect_stack(struct actor *actor, struct mirror_stack *stack)
{
	struct range range = stack_range(actor, stack->lowest);
	unsigned prot = pick(actor, 2) ? OCT_READ | OCT_WRITE : OCT_READ;

	if (as_due(actor, CALL_MPROTECT, &range,
	           oct_mprotect(here(actor)->mm, range.start, range.pages * PAGE, prot), 0))
		stack->prot = prot;
}

static void block_stack(struct actor *actor, struct mirror_stack *stack)
{
	struct range range = {.start = obstacle(actor) - PAGE, .end = obstacle(actor), .pages = 1};
	uintptr_t at;
	int result = stack->blocked ? oct_munmap(here(actor)->mm, range.start, PAGE)
	                            : oct_mmap(here(actor)->mm, range.start, PAGE, OCT_READ,
	                                       OCT_MAP_FIXED_NOREPLACE, &at);

	if (as_due(actor, stack->blocked ? CALL_MUNMAP : CALL_MMAP, &range, result, 0))
		stack->blocked = !stack->blocked;
}

static int due(const struct mirror_stack *stack, unsigned index, unsigned access)
{
	bool room = STACK_PAGES - index <= STACK_MOST && !(stack->blocked && index < STACK_BLOCKED);

	return stack->there && (stack->prot & access) && (index >= stack->lowest || room) ? 0 : -OCT_EFAULT;
}

static void access_stack(struct actor *actor, struct mirror_stack *stack, unsigned index, bool store)
{
	uintptr_t va = stack_va(actor, index);
	unsigned access = store ? OCT_WRITE : OCT_READ;
	uint64_t value = fresh_value(actor);
	int result = store ? sim_store64(va, value) : sim_load64(va, &value);
	bool below = stack->there && index < stack->lowest;

	if (below && excused(actor, result)) {
		unmap_stack(actor, stack); /* it may have grown, and then had no page */
		return;
	}
	actor->called[CALL_STACK_GROWS] += below && result == 0;
	actor->called[CALL_STACK_REFUSED] += below && result == -OCT_EFAULT && (stack->prot & access);
	if (!access_done(actor, va, access, result, due(stack, index, access)))
		return;
	if (below)
		stack->lowest = index;
	if (store)
		stack->value[index] = value;
	else if (value != stack->value[index])
		differ(actor, "a load of %#lx in a stack sees %#llx, not %#llx", (unsigned long)va,
		       (unsigned long long)value, (unsigned long long)stack->value[index]);
}

void call_stack(struct actor *actor)
{
	struct mirror_stack *stack = &here(actor)->stack;
	unsigned kind = pick(actor, 64);

	if (!stack->there && kind < 32)
		map_stack(actor, stack);
	else if (kind < 2 && stack->there)
		unmap_stack(actor, stack);
	else if (kind < 6)
		block_stack(actor, stack);
	else if (kind < 9 && stack->there)
		protect_stack(actor, stack);
	else
		access_stack(actor, stack, pick(actor, STACK_PAGES), pick(actor, 2));
}

void stack_finish(struct actor *actor)
{
	struct mirror_stack *stack = &here(actor)->stack;

	for (unsigned i = stack->there ? stack->lowest : STACK_PAGES; i < STACK_PAGES; i++)
		access_stack(actor, stack, i, false);
}
