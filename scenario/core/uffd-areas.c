/* core/uffd-areas: userfault's calls against munmap. SPDX-License-Identifier: MIT
 *
 * The lock of the space keeps areas and entries together: nothing is left where no area is, neither page nor
 * marker, and who waits for a page of the area is woken. area-let-go: who protects has seen the area, lets go
 * of the lock, and makes its marker when munmap is over. */
#include "../uffd.h"

static bool unmapped;

static void setup(void)
{
	uffd_setup(oc_mm(), OCT_UFFD_MISSING | OCT_UFFD_WP);
}

static void unmap(void)
{
	OC_ASSERT(OC_ASSERTION, oct_munmap(uffd_mm, UFFD_VA, OCT_PAGE_SIZE) == 0);
	oct_uffd_wake(uffd_mm);
	unmapped = true;
}

static void against_unmap(void (*call)(void))
{
	if (oct_port_cpu_self() == 0)
		unmap();
	else
		call();
}

static void mark_late(void)
{
	oct_pte_t *pte;
	bool there;

	oct_rwlock_read_lock(&uffd_mm->lock);
	there = oct_vma_find(&uffd_mm->areas, UFFD_VA) != NULL;
	oct_rwlock_read_unlock(&uffd_mm->lock);
	pte = there ? oct_pte_lock(uffd_mm, UFFD_VA) : NULL;
	if (!pte)
		return;
	oc_entry_set(pte, oct_pte_mksoft(OCT_SOFT_MARKER, OCT_MARKER_UFFD_WP));
	oct_pte_unlock(uffd_mm, pte);
}

static void protect(void)
{
	uffd_protect(true);
}

static void unprotect(void)
{
	uffd_protect(false);
}

static void end_modes(void)
{
	int error = oct_uffd_register(uffd_mm, UFFD_VA, UFFD_VA + OCT_PAGE_SIZE, 0);

	OC_ASSERT(OC_ASSERTION, error == 0 || error == -OCT_ENOMEM);
	oc_cover(error ? "gone" : "there");
}

static void wait(void)
{
	oct_uffd_wait(uffd_mm, UFFD_VA, OCT_READ);
}

static void answer(int result)
{
	OC_ASSERT(OC_ASSERTION, result == 1 || result == -OCT_ENOENT);
	oc_cover(result == 1 ? "there" : "gone");
}

static void move(void)
{
	answer(oct_uffd_move(uffd_mm, UFFD_VA, UFFD_NEXT, 1, 0));
}

static void lose(void)
{
	answer(oct_uffd_poison(uffd_mm, UFFD_VA, 1));
}

static void area_let_go(void)
{
	against_unmap(mark_late);
}

static void now_protect(void)
{
	against_unmap(protect);
}

static void now_unprotect(void)
{
	against_unmap(unprotect);
}

static void now_register(void)
{
	against_unmap(end_modes);
}

static void now_wait(void)
{
	against_unmap(wait);
}

static void now_move(void)
{
	against_unmap(move);
}

static void now_poison(void)
{
	against_unmap(lose);
}

static void final(void)
{
	const oct_pte_t *entry = oc_pte(uffd_mm, UFFD_VA);

	OC_ASSERT(OC_I4, !unmapped || !entry || oct_pte_none(*entry));
}

OC_SCENARIO(
        .setup = setup, .final = final, .arch = OC_ARCH_ALL,
        .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
        .variants = {
            {.name = "area-let-go", .run = area_let_go, .expected = OC_VIOLATES(OC_I4)},
            {.name = "now-protect", .run = now_protect, .expected = OC_HOLDS},
            {.name = "now-unprotect", .run = now_unprotect, .expected = OC_HOLDS},
            {.name = "now-register", .run = now_register, .expected = OC_HOLDS, .cover = {"there", "gone"}},
            {.name = "now-wait", .run = now_wait, .expected = OC_HOLDS},
            {.name = "now-move", .run = now_move, .expected = OC_HOLDS, .cover = {"there", "gone"}},
            {.name = "now-poison", .run = now_poison, .expected = OC_HOLDS, .cover = {"there", "gone"}}})
