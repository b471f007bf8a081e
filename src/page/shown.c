/* shown.c: the reverse map of an object. SPDX-License-Identifier: MIT
 *
 * A height-balanced binary tree (Adelson-Velsky and Landis) by first index and, among equals, by address of
 * the area's structure. Each area knows the largest index that it or one below it shows, so a search passes
 * over subtrees that end too early (interval tree: Cormen, Leiserson, Rivest, Stein, section 14.3). Plain
 * memory under the lock of the mapping. */
#include "shown.h"
#include "../notify/notifier.h"

static int height(const struct oct_vma *vma)
{
	return vma ? vma->shown.height : 0;
}

static void measure(struct oct_vma *vma)
{
	const struct oct_vma *left = vma->shown.left, *right = vma->shown.right;
	int l = height(left), r = height(right);

	vma->shown.height = (l > r ? l : r) + 1;
	vma->shown.last = oct_shown_last(vma);
	if (left && left->shown.last > vma->shown.last)
		vma->shown.last = left->shown.last;
	if (right && right->shown.last > vma->shown.last)
		vma->shown.last = right->shown.last;
}

static bool before(const struct oct_vma *a, const struct oct_vma *b)
{
	return a->pgoff != b->pgoff ? a->pgoff < b->pgoff : (uintptr_t)a < (uintptr_t)b;
}

static struct oct_vma *rotate_right(struct oct_vma *top)
{
	struct oct_vma *left = top->shown.left;

	top->shown.left = left->shown.right;
	left->shown.right = top;
	measure(top);
	measure(left);
	return left;
}

static struct oct_vma *rotate_left(struct oct_vma *top)
{
	struct oct_vma *right = top->shown.right;

	top->shown.right = right->shown.left;
	right->shown.left = top;
	measure(top);
	measure(right);
	return right;
}

static struct oct_vma *balance(struct oct_vma *top)
{
	int lean = height(top->shown.left) - height(top->shown.right);

	measure(top);
	if (lean > 1) {
		if (height(top->shown.left->shown.left) < height(top->shown.left->shown.right))
			top->shown.left = rotate_left(top->shown.left);
		return rotate_right(top);
	}
	if (lean < -1) {
		if (height(top->shown.right->shown.right) < height(top->shown.right->shown.left))
			top->shown.right = rotate_right(top->shown.right);
		return rotate_left(top);
	}
	return top;
}

static struct oct_vma *add(struct oct_vma *top, struct oct_vma *vma)
{
	if (!top)
		return vma;
	if (before(vma, top))
		top->shown.left = add(top->shown.left, vma);
	else
		top->shown.right = add(top->shown.right, vma);
	return balance(top);
}

static struct oct_vma *take_lowest(struct oct_vma *top, struct oct_vma **lowest)
{
	if (!top->shown.left) {
		*lowest = top;
		return top->shown.right;
	}
	top->shown.left = take_lowest(top->shown.left, lowest);
	return balance(top);
}

static struct oct_vma *drop(struct oct_vma *top, const struct oct_vma *vma)
{
	struct oct_vma *heir;

	if (!top)
		oct_port_panic("an area is not in the reverse map of its object");
	if (top != vma) {
		if (before(vma, top))
			top->shown.left = drop(top->shown.left, vma);
		else
			top->shown.right = drop(top->shown.right, vma);
		return balance(top);
	}
	if (!top->shown.left)
		return top->shown.right;
	if (!top->shown.right)
		return top->shown.left;
	top->shown.right = take_lowest(top->shown.right, &heir);
	heir->shown.left = top->shown.left;
	heir->shown.right = top->shown.right;
	return balance(heir);
}

void oct_shown_insert(struct oct_vma *vma, struct oct_space *space)
{
	vma->space = space;
	vma->shown.left = NULL;
	vma->shown.right = NULL;
	vma->shown.shared = (vma->flags & OCT_MAP_SHARED) != 0;
	vma->shown.told = ((struct oct_mm *)(void *)space)->told; /* its first member; the lock is held */
	measure(vma);
	vma->mapping->areas = add(vma->mapping->areas, vma);
}

void oct_shown_remove(struct oct_vma *vma)
{
	vma->mapping->areas = drop(vma->mapping->areas, vma);
}

void oct_shown_begin(struct oct_vma *vma)
{
	if (!vma->space)
		return;
	oct_rwlock_write_lock(&vma->mapping->lock);
	oct_shown_remove(vma);
}

void oct_shown_end(struct oct_vma *vma)
{
	if (!vma->space)
		return;
	oct_shown_insert(vma, vma->space);
	oct_rwlock_write_unlock(&vma->mapping->lock);
}

static struct oct_vma *next_below(struct oct_vma *top, uint64_t first, uint64_t last,
                                  const struct oct_vma *after)
{
	struct oct_vma *found;

	if (!top || top->shown.last < first)
		return NULL;
	if (!after || before(after, top)) {
		found = next_below(top->shown.left, first, last, after);
		if (found)
			return found;
		if (top->pgoff <= last && oct_shown_last(top) >= first)
			return top;
	}
	return top->pgoff <= last ? next_below(top->shown.right, first, last, after) : NULL;
}

struct oct_vma *oct_shown_next(const struct oct_mapping *mapping, uint64_t first, uint64_t last,
                               const struct oct_vma *after)
{
	return next_below(mapping->areas, first, last, after);
}

void oct_shown_keep(struct oct_vma_tree *areas, uintptr_t start, uintptr_t end, bool keep)
{
	struct oct_vma *vma = oct_vma_first(areas, start);

	for (; vma && vma->start < end; vma = oct_vma_first(areas, vma->end)) {
		if (!vma->space)
			continue;
		oct_rwlock_write_lock(&vma->mapping->lock);
		vma->shown.keep = keep;
		oct_rwlock_write_unlock(&vma->mapping->lock);
	}
}
