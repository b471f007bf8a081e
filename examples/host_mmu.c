/* host_mmu.c: the MMU operations of a process that has no MMU of its own. SPDX-License-Identifier: MIT
 *
 * The examples run in an ordinary process and only build tables: there is no root to load and nothing
 * caches them. A kernel leaves this file out, and OCT_MMU_MACHINE, and gets its architecture's. */
#include <octavo/mmu.h>

void oct_mmu_publish(void)
{
}

void oct_mmu_invalidate_begin(void)
{
}

void oct_mmu_invalidate_range(uint16_t asid, uintptr_t va, size_t pages, enum oct_scope scope,
                              enum oct_depth depth)
{
	(void)asid, (void)va, (void)pages, (void)scope, (void)depth;
}

void oct_mmu_invalidate_asid(uint16_t asid, enum oct_scope scope)
{
	(void)asid, (void)scope;
}

void oct_mmu_invalidate_all(enum oct_scope scope)
{
	(void)scope;
}

void oct_mmu_invalidate_end(enum oct_scope scope)
{
	(void)scope;
}

void oct_mmu_load_root(oct_phys_t root, uint16_t asid, bool keep)
{
	(void)root, (void)asid, (void)keep;
}
