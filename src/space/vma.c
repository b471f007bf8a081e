/* vma.c: the area tree and its store. SPDX-License-Identifier: MIT
 *
 * A height-balanced binary tree (Adelson-Velsky and Landis) with recursion bounded by its depth.
 * Areas never move in memory, so a pointer stays good until its area is removed. */
#include <octavo/types.h>
#include <octavo/vma.h>
#include "../page/shown.h"

/* ---- The store: pages of slots -------------------------------------------------------------- */

struct oct_vma_page {
	struct oct_vma_page *next, *prev;
	struct oct_vma *free; /* linked by right */
	unsigned used;
	oct_phys_t phys;
};

enum { SLOTS = (OCT_PAGE_SIZE - sizeof(struct oct_vma_page)) / sizeof(struct oct_vma) };

static void page_link(struct oct_vma_page **list, struct oct_vma_page *page)
{
	page->prev = NULL;
	page->next = *list;
	if (*list)
		(*list)->prev = page;
	*list = page;
}

static void page_unlink(struct oct_vma_page **list, struct oct_vma_page *page)
{
	if (page->prev)
		page->prev->next = page->next;
	else
		*list = page->next;
	if (page->next)
		page->next->prev = page->prev;
}

static int store_grow(struct oct_vma_store *store)
{
	oct_phys_t phys = oct_port_page_alloc(0, OCT_USE_CORE);
	struct oct_vma_page *page;
	struct oct_vma *slots;

	if (phys == OCT_NO_PAGE)
		return -OCT_ENOMEM;
	page = oct_port_phys_to_virt(phys);
	slots = (struct oct_vma *)(page + 1);
	page->free = NULL;
	page->used = 0;
	page->phys = phys;
	for (unsigned i = 0; i < SLOTS; i++) {
		slots[i].page = page;
		slots[i].right = page->free;
		page->free = &slots[i];
	}
	page_link(&store->empty, page);
	store->free_slots += SLOTS;
	return 0;
}

/* A reserved slot: cannot fail. */
static struct oct_vma *slot_take(struct oct_vma_store *store)
{
	struct oct_vma_page *page = store->partial;
	struct oct_vma *slot;

	if (!page) {
		page = store->empty;
		if (!page)
			oct_port_panic("area slot used without a reservation");
		page_unlink(&store->empty, page);
		page_link(&store->partial, page);
	}
	slot = page->free;
	page->free = slot->right;
	page->used++;
	if (!page->free)
		page_unlink(&store->partial, page);
	store->free_slots--;
	return slot;
}

static void slot_give(struct oct_vma_store *store, struct oct_vma *slot)
{
	struct oct_vma_page *page = slot->page;

	if (!page->free)
		page_link(&store->partial, page);
	slot->right = page->free;
	page->free = slot;
	page->used--;
	store->free_slots++;
	if (!page->used) {
		page_unlink(&store->partial, page);
		page_link(&store->empty, page);
	}
}

int oct_vma_reserve(struct oct_vma_tree *tree, unsigned slots)
{
	while (tree->store.free_slots < slots) {
		int error = store_grow(&tree->store);

		if (error) {
			oct_vma_trim(tree);
			return error;
		}
	}
	return 0;
}

void oct_vma_trim(struct oct_vma_tree *tree)
{
	struct oct_vma_store *store = &tree->store;

	while (store->empty) {
		struct oct_vma_page *page = store->empty;

		page_unlink(&store->empty, page);
		store->free_slots -= SLOTS;
		oct_port_page_free(page->phys, 0, OCT_USE_CORE);
	}
}

/* ---- The tree ------------------------------------------------------------------------------- */

static int height(const struct oct_vma *vma)
{
	return vma ? vma->height : 0;
}

static void larger_gap(struct oct_vma *vma, uintptr_t gap)
{
	if (gap > vma->gap)
		vma->gap = gap;
}

/* Where vma begins for who looks for a gap: what grows down keeps a guard. */
static uintptr_t begin(const struct oct_vma *vma)
{
	const uintptr_t guard = (uintptr_t)OCT_STACK_GUARD_PAGES << OCT_PAGE_SHIFT;

	if (!(vma->flags & OCT_MAP_GROWSDOWN))
		return vma->start;
	return vma->start > guard ? vma->start - guard : 0;
}

/* The gap from low up to high, none if they overlap: a guard may reach into the area below it. */
static uintptr_t between(uintptr_t low, uintptr_t high)
{
	return high > low ? high - low : 0;
}

/* What vma knows of its subtree, from its children. */
static void measure(struct oct_vma *vma)
{
	const struct oct_vma *left = vma->left, *right = vma->right;
	int l = height(left), r = height(right);

	vma->height = (l > r ? l : r) + 1;
	vma->first = left ? left->first : begin(vma);
	vma->last = right ? right->last : vma->end;
	vma->gap = 0;
	if (left) {
		larger_gap(vma, left->gap);
		larger_gap(vma, between(left->last, begin(vma)));
	}
	if (right) {
		larger_gap(vma, right->gap);
		larger_gap(vma, between(vma->end, right->first));
	}
}

static struct oct_vma *rotate_right(struct oct_vma *top)
{
	struct oct_vma *left = top->left;

	top->left = left->right;
	left->right = top;
	measure(top);
	measure(left);
	return left;
}

static struct oct_vma *rotate_left(struct oct_vma *top)
{
	struct oct_vma *right = top->right;

	top->right = right->left;
	right->left = top;
	measure(top);
	measure(right);
	return right;
}

/* Restore the balance at top, whose subtrees are balanced and differ by two at most. */
static struct oct_vma *balance(struct oct_vma *top)
{
	int lean = height(top->left) - height(top->right);

	measure(top);
	if (lean > 1) {
		if (height(top->left->left) < height(top->left->right))
			top->left = rotate_left(top->left);
		return rotate_right(top);
	}
	if (lean < -1) {
		if (height(top->right->right) < height(top->right->left))
			top->right = rotate_right(top->right);
		return rotate_left(top);
	}
	return top;
}

static struct oct_vma *add(struct oct_vma *top, struct oct_vma *vma)
{
	if (!top)
		return vma;
	if (vma->start < top->start)
		top->left = add(top->left, vma);
	else
		top->right = add(top->right, vma);
	return balance(top);
}

/* Take the lowest area out of top into *lowest. */
static struct oct_vma *take_lowest(struct oct_vma *top, struct oct_vma **lowest)
{
	if (!top->left) {
		*lowest = top;
		return top->right;
	}
	top->left = take_lowest(top->left, lowest);
	return balance(top);
}

static struct oct_vma *drop(struct oct_vma *top, const struct oct_vma *vma)
{
	struct oct_vma *heir;

	if (vma->start < top->start) {
		top->left = drop(top->left, vma);
		return balance(top);
	}
	if (vma->start > top->start) {
		top->right = drop(top->right, vma);
		return balance(top);
	}
	if (!top->left)
		return top->right;
	if (!top->right)
		return top->left;
	top->right = take_lowest(top->right, &heir);
	heir->left = top->left;
	heir->right = top->right;
	return balance(heir);
}

void oct_vma_tree_init(struct oct_vma_tree *tree)
{
	tree->root = NULL;
	tree->store.partial = NULL;
	tree->store.empty = NULL;
	tree->store.free_slots = 0;
	tree->count = 0;
}

struct oct_vma *oct_vma_first(const struct oct_vma_tree *tree, uintptr_t addr)
{
	struct oct_vma *vma = tree->root, *best = NULL;

	while (vma) {
		if (vma->end > addr) {
			best = vma;
			vma = vma->left;
		} else {
			vma = vma->right;
		}
	}
	return best;
}

struct oct_vma *oct_vma_find(const struct oct_vma_tree *tree, uintptr_t addr)
{
	struct oct_vma *vma = oct_vma_first(tree, addr);

	return vma && vma->start <= addr ? vma : NULL;
}

struct oct_vma *oct_vma_insert(struct oct_vma_tree *tree, uintptr_t start, uintptr_t end, unsigned prot,
                               unsigned flags)
{
	struct oct_vma *vma = slot_take(&tree->store);

	vma->start = start;
	vma->end = end;
	vma->prot = prot;
	vma->flags = flags;
	vma->mapping = NULL;
	vma->space = NULL;
	vma->shown.keep = false;
	vma->pgoff = start >> OCT_PAGE_SHIFT;
	vma->left = NULL;
	vma->right = NULL;
	measure(vma);
	tree->root = add(tree->root, vma);
	tree->count++;
	return vma;
}

static void take_out(struct oct_vma_tree *tree, struct oct_vma *vma)
{
	tree->root = drop(tree->root, vma);
	tree->count--;
	slot_give(&tree->store, vma);
}

/* The object is no longer shown here. */
static void forget_object(struct oct_vma *vma)
{
	if (!vma->space)
		return;
	oct_rwlock_write_lock(&vma->mapping->lock);
	oct_shown_remove(vma);
	oct_rwlock_write_unlock(&vma->mapping->lock);
}

void oct_vma_remove(struct oct_vma_tree *tree, struct oct_vma *vma)
{
	forget_object(vma);
	take_out(tree, vma);
}

static void clear_below(struct oct_vma_store *store, struct oct_vma *top)
{
	if (!top)
		return;
	clear_below(store, top->left);
	clear_below(store, top->right);
	forget_object(top);
	slot_give(store, top);
}

void oct_vma_clear(struct oct_vma_tree *tree)
{
	clear_below(&tree->store, tree->root);
	tree->root = NULL;
	tree->count = 0;
}

/* Measures again from vma, which is in top, up to top. */
static void measure_path(struct oct_vma *top, const struct oct_vma *vma)
{
	if (top != vma)
		measure_path(vma->start < top->start ? top->left : top->right, vma);
	measure(top);
}

static void set_bounds(struct oct_vma_tree *tree, struct oct_vma *vma, uintptr_t start, uintptr_t end)
{
	vma->pgoff += (uint64_t)(start >> OCT_PAGE_SHIFT) - (vma->start >> OCT_PAGE_SHIFT);
	vma->start = start;
	vma->end = end;
	measure_path(tree->root, vma);
}

void oct_vma_resize(struct oct_vma_tree *tree, struct oct_vma *vma, uintptr_t start, uintptr_t end)
{
	oct_shown_begin(vma);
	set_bounds(tree, vma, start, end);
	oct_shown_end(vma);
}

/* ---- Cutting and joining -------------------------------------------------------------------- */

static struct oct_vma *area_cut_by(const struct oct_vma_tree *tree, uintptr_t addr)
{
	struct oct_vma *vma = oct_vma_find(tree, addr);

	return vma && vma->start < addr ? vma : NULL;
}

unsigned oct_vma_cuts(const struct oct_vma_tree *tree, uintptr_t start, uintptr_t end)
{
	return (area_cut_by(tree, start) ? 1u : 0u) + (area_cut_by(tree, end) ? 1u : 0u);
}

void oct_vma_split(struct oct_vma_tree *tree, uintptr_t addr)
{
	struct oct_vma *vma = area_cut_by(tree, addr), *upper;
	uintptr_t end;

	if (!vma)
		return;
	end = vma->end;
	oct_shown_begin(vma);
	set_bounds(tree, vma, vma->start, addr);
	upper = oct_vma_insert(tree, addr, end, vma->prot, vma->flags);
	upper->mapping = vma->mapping;
	upper->pgoff = vma->pgoff + ((addr - vma->start) >> OCT_PAGE_SHIFT);
	if (vma->space)
		oct_shown_insert(upper, vma->space);
	oct_shown_end(vma);
}

/* Does upper begin where lower ends, and go on as lower would? */
static bool continues(const struct oct_vma *lower, const struct oct_vma *upper)
{
	return upper->start == lower->end && upper->prot == lower->prot && upper->flags == lower->flags &&
	       upper->mapping == lower->mapping &&
	       upper->pgoff == lower->pgoff + ((lower->end - lower->start) >> OCT_PAGE_SHIFT);
}

void oct_vma_merge(struct oct_vma_tree *tree, uintptr_t start, uintptr_t end)
{
	struct oct_vma *vma = oct_vma_first(tree, start ? start - 1 : 0);

	while (vma && vma->start <= end) {
		struct oct_vma *next = oct_vma_first(tree, vma->end);

		if (next && next->start <= end && continues(vma, next)) {
			uintptr_t joined = next->end;

			oct_shown_begin(vma); /* no walker of the object sees the one without the other */
			if (next->space)
				oct_shown_remove(next);
			take_out(tree, next);
			set_bounds(tree, vma, vma->start, joined);
			oct_shown_end(vma);
		} else {
			vma = next;
		}
	}
}

/* The lowest address at or above low in a gap of bytes between areas below top, 0 for none. *low, which
 * is the end of the areas before top or above it, moves to the end of those below top. */
static uintptr_t gap_below(const struct oct_vma *top, uintptr_t *low, size_t bytes)
{
	uintptr_t found;

	if (!top || top->last <= *low)
		return 0;
	/* Neither before the first area of top, nor between any two. */
	if (between(*low, top->first) < bytes && top->gap < bytes) {
		*low = top->last;
		return 0;
	}
	found = gap_below(top->left, low, bytes);
	if (found)
		return found;
	if (between(*low, begin(top)) >= bytes)
		return *low;
	if (top->end > *low)
		*low = top->end;
	return gap_below(top->right, low, bytes);
}

/* The mirror image: the end of the highest gap of bytes below limit, between areas of top or above the last
 * of them, 0 for none. *high is where the areas above begin, or limit; it moves to where those of top begin.
 * A guard ends at the area below it, so *high may move up again. */
static uintptr_t gap_above(const struct oct_vma *top, uintptr_t limit, uintptr_t *high, size_t bytes)
{
	uintptr_t found;

	if (!top)
		return 0;
	if (top->first >= limit || (between(top->last, *high) < bytes && top->gap < bytes)) {
		*high = top->first < limit ? top->first : limit;
		return 0;
	}
	found = gap_above(top->right, limit, high, bytes);
	if (found)
		return found;
	if (between(top->end, *high) >= bytes)
		return *high;
	*high = begin(top) < limit ? begin(top) : limit;
	return gap_above(top->left, limit, high, bytes);
}

uintptr_t oct_vma_gap_down(const struct oct_vma_tree *tree, uintptr_t low, uintptr_t high, size_t bytes)
{
	uintptr_t found = gap_above(tree->root, high, &high, bytes);

	if (!found)
		found = high; /* before the first area */
	return found >= bytes && found - bytes >= low ? found - bytes : 0;
}

uintptr_t oct_vma_gap(const struct oct_vma_tree *tree, uintptr_t low, uintptr_t high, size_t bytes)
{
	uintptr_t found = gap_below(tree->root, &low, bytes);

	if (!found)
		found = low; /* behind the last area */
	return found < high && high - found >= bytes ? found : 0;
}
