/* core/areas: calls that look at areas against calls that change them. SPDX-License-Identifier: MIT
 *
 * The lock of the space keeps areas and entries together: a call finds the area whole or gone, and
 * never leaves a page where no area is. area-let-go: a fault that has seen the area lets go of the lock
 * before it makes the entry; the tables of the area go with it. */
#include <octavo/check.h>

enum {
	VA = 0x10000,
	NEXT = VA + 0x1000,
	SPARE = 0x50000,
	STACK = 0x72000,
	READ_WRITE = OCT_READ | OCT_WRITE
};

static struct oct_mm *mm, *child;
static struct oct_folio *kept;  /* of VA; somebody else's too */
static struct oct_folio *spare; /* of SPARE */
static bool spare_goes;
static uint32_t after_reset; /* its first word when a reset had returned, and 1 */

static void setup(void)
{
	uintptr_t where;

	mm = oc_mm();
	child = oc_mm();
	oc_map_anon(mm, VA, 1, READ_WRITE);
	oc_map_anon(mm, SPARE, 1, READ_WRITE);
	OC_ASSERT(OC_ASSERTION, oct_mmap(mm, STACK, OCT_PAGE_SIZE, READ_WRITE,
	                                 OCT_MAP_FIXED | OCT_MAP_GROWSDOWN, &where) == 0);
	spare = oc_folio(mm, SPARE);
	kept = oc_folio(mm, VA);
	oct_folio_get(kept);
}

static void unmap(void)
{
	OC_ASSERT(OC_ASSERTION, oct_munmap(mm, VA, OCT_PAGE_SIZE) == 0);
}

static void dontneed(void)
{
	OC_ASSERT(OC_ASSERTION, oct_madvise_dontneed(mm, VA, VA + OCT_PAGE_SIZE) == 0);
}

static void clear_refs(void)
{
	OC_ASSERT(OC_ASSERTION, oct_clear_refs(mm, VA, VA + OCT_PAGE_SIZE) == 0);
}

static void map_folio(void)
{
	OC_ASSERT(OC_ASSERTION, oct_madvise_dontneed(mm, VA, VA + OCT_PAGE_SIZE) == 0);
	if (oct_mm_map_folio(mm, VA, oc_folio(mm, SPARE), READ_WRITE) == 0)
		oc_cover("mapped");
}

static void area_let_go(void)
{
	oct_pte_t page, *pte;
	bool found;

	if (oct_port_cpu_self() == 0) {
		unmap();
		return;
	}
	page = oc_entry_get(oc_pte(mm, SPARE));
	oct_rwlock_read_lock(&mm->lock);
	found = oct_vma_find(&mm->areas, VA) != NULL;
	oct_rwlock_read_unlock(&mm->lock);
	pte = found ? oct_pte_lock(mm, VA) : NULL;
	if (!pte)
		return;
	if (oct_pte_none(oc_entry_get(pte)))
		oc_entry_set(pte, page);
	oct_pte_unlock(mm, pte);
}

static void map_next(void)
{
	uintptr_t where;

	OC_ASSERT(OC_ASSERTION, oct_mmap(mm, NEXT, OCT_PAGE_SIZE, READ_WRITE, OCT_MAP_FIXED, &where) == 0);
}

static void protect(void)
{
	int error = oct_mprotect(mm, VA, OCT_PAGE_SIZE, OCT_READ);

	OC_ASSERT(OC_ASSERTION, error == 0 || error == -OCT_ENOMEM);
}

static void fork(void)
{
	OC_ASSERT(OC_ASSERTION, oct_fork(child, mm) == 0);
}

static void advise(enum oct_advice advice)
{
	int error = oct_madvise(mm, VA, VA + OCT_PAGE_SIZE, advice);

	OC_ASSERT(OC_ASSERTION, error == 0 || error == -OCT_ENOMEM);
}

static void free_contents(void)
{
	advise(OCT_MADV_FREE);
}

static void want_huge(void)
{
	advise(OCT_MADV_HUGEPAGE);
}

static void populate(void)
{
	advise(OCT_MADV_POPULATE_WRITE);
}

static void grow(void)
{
	OC_ASSERT(OC_I2, oc_store32(mm, STACK - OCT_PAGE_SIZE, 7) == 0);
}

/* One unmaps, the other does fn. */
static void against_unmap(void (*fn)(void))
{
	if (oct_port_cpu_self() == 0)
		unmap();
	else
		fn();
}

static void unmap_dontneed(void)
{
	against_unmap(dontneed);
}

static void unmap_clear_refs(void)
{
	against_unmap(clear_refs);
}

static void unmap_map_folio(void)
{
	against_unmap(map_folio);
}

static void unmap_map(void)
{
	against_unmap(map_next);
}

static void unmap_protect(void)
{
	against_unmap(protect);
}

static void unmap_fork(void)
{
	against_unmap(fork);
}

static void unmap_free(void)
{
	against_unmap(free_contents);
}

static void unmap_advise(void)
{
	against_unmap(want_huge);
}

static void unmap_populate(void)
{
	against_unmap(populate);
}

static void unmap_grow(void)
{
	against_unmap(grow);
}

static void policy(void)
{
	if (oct_port_cpu_self() == 0) {
		map_next();
		unmap();
	} else {
		OC_ASSERT(OC_ASSERTION, oct_mm_set_policy(mm, OCT_MM_TOP_DOWN) == 0);
	}
}

/* VA moves to the place of another area, or there is nothing to move. */
static void unmap_move(void)
{
	uintptr_t where;
	int error = 0;

	if (oct_port_cpu_self() == 0)
		unmap();
	else
		error = oct_mremap(mm, VA, OCT_PAGE_SIZE, OCT_PAGE_SIZE,
		                   OCT_MREMAP_MAYMOVE | OCT_MREMAP_FIXED, SPARE, &where);
	OC_ASSERT(OC_ASSERTION, error == 0 || error == -OCT_EFAULT);
}

static void reset(void)
{
	if (oct_port_cpu_self() == 0)
		oct_mm_reset(mm);
	else
		dontneed();
}

/* What every CPU had is over when the call returns: the addresses may be mapped again. */
static void reset_store(void)
{
	if (oct_port_cpu_self() == 0) {
		uint32_t *word = oct_port_phys_to_virt(kept->page), after;

		oct_mm_reset(mm);
		after = oct_load(word, OCT_RLX);
		OC_ASSERT(OC_I4, after == 0 || after == 7);
		after_reset = after + 1;
		/* Nobody waits for what the reset took away. */
		OC_ASSERT(OC_ASSERTION, oct_load(&mm->space.completed, OCT_ACQ) ==
		                            oct_load(&mm->space.generation, OCT_RLX));
	} else {
		oc_cover(oc_store32(mm, VA, 7) == 0 ? "stored" : "refused");
	}
}

/* The page whose place another takes is given up, and not before the store is over. */
static void replace_store(void)
{
	uintptr_t where;

	if (oct_port_cpu_self() == 0) {
		spare_goes = true;
		OC_ASSERT(OC_ASSERTION,
		          oct_mremap(mm, VA, OCT_PAGE_SIZE, OCT_PAGE_SIZE,
		                     OCT_MREMAP_MAYMOVE | OCT_MREMAP_FIXED, SPARE, &where) == 0);
	} else {
		OC_ASSERT(OC_I2, oc_store32(mm, SPARE, 7) == 0);
	}
}

static void unmap_unmap(void)
{
	unmap();
}

static void final(void)
{
	const struct oct_vma *vma = oct_vma_find(&mm->areas, VA);

	OC_ASSERT(OC_I4,
	          after_reset == 0 || *(uint32_t *)oct_port_phys_to_virt(kept->page) + 1 == after_reset);
	OC_ASSERT(OC_LEAK, !spare_goes || oct_load(&spare->refcount, OCT_RLX) == 0);
	OC_ASSERT(OC_ASSERTION, !vma && oct_pte_none(oct_table_query(&mm->space, VA)));
}

OC_SCENARIO(
        .setup = setup, .final = final, .arch = OC_ARCH_ALL,
        .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
        .variants = {
            {.name = "area-let-go", .run = area_let_go, .expected = OC_VIOLATES(OC_UAF)},
            {.name = "dontneed", .run = unmap_dontneed, .expected = OC_HOLDS},
            {.name = "clear-refs", .run = unmap_clear_refs, .expected = OC_HOLDS},
            {.name = "map-folio", .run = unmap_map_folio, .expected = OC_HOLDS, .cover = {"mapped"}},
            {.name = "map", .run = unmap_map, .expected = OC_HOLDS},
            {.name = "protect", .run = unmap_protect, .expected = OC_HOLDS},
            {.name = "fork", .run = unmap_fork, .expected = OC_HOLDS},
            {.name = "free", .run = unmap_free, .expected = OC_HOLDS},
            {.name = "advise", .run = unmap_advise, .expected = OC_HOLDS},
            {.name = "populate", .run = unmap_populate, .expected = OC_HOLDS},
            {.name = "grow", .run = unmap_grow, .expected = OC_HOLDS, .cover = {"grow-down"}},
            {.name = "policy", .run = policy, .expected = OC_HOLDS},
            {.name = "reset", .run = reset, .expected = OC_HOLDS},
            {.name = "reset-store", .run = reset_store, .expected = OC_HOLDS, .cover = {"stored", "refused"}},
            {.name = "move", .run = unmap_move, .expected = OC_HOLDS},
            {.name = "replace-store", .run = replace_store, .expected = OC_HOLDS},
            {.name = "unmap", .run = unmap_unmap, .expected = OC_HOLDS}})
