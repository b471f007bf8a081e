/* x86-64: invalidations of this CPU. SPDX-License-Identifier: MIT
 *
 * The host sets CR4.PGE and CR4.PCIDE and programs the PAT (OCT_X86_64_PAT); without PCIDs it defines
 * OCT_X86_64_NO_PCID, and every load of a root drops what is not global. The flush authority asks for
 * invalidations of the number loaded now (or of the kernel's global entries) only, so INVLPG and a
 * reload of CR3 suffice. Each is complete when the instruction is. */
#ifndef OCTAVO_ARCH_X86_64_MMU_H
#define OCTAVO_ARCH_X86_64_MMU_H

#define OCT_X86_64_CR3_KEEP ((uint64_t)1 << 63)
#define OCT_X86_64_CR4_PGE  ((uint64_t)1 << 7)

/* Entry stores are seen by walks in order. */
static inline void oct_mmu_publish(void)
{
	__asm__ volatile("" ::: "memory");
}

static inline void oct_mmu_invalidate_begin(void)
{
	__asm__ volatile("" ::: "memory");
}

/* INVLPG drops walk caches as well. */
static inline void oct_mmu_invalidate_range(uint16_t asid, uintptr_t va, size_t pages, enum oct_scope scope,
                                            enum oct_depth depth)
{
	(void)asid;
	(void)scope;
	(void)depth;
	for (; pages > 0; pages--, va += OCT_PAGE_SIZE)
		__asm__ volatile("invlpg (%0)" ::"r"(va) : "memory");
}

static inline void oct_mmu_invalidate_asid(uint16_t asid, enum oct_scope scope)
{
	uint64_t cr3;

	(void)asid;
	(void)scope;
	__asm__ volatile("mov %%cr3, %0\n\tmov %0, %%cr3" : "=r"(cr3)::"memory");
}

/* A change of CR4.PGE drops everything, global entries and all numbers included. */
static inline void oct_mmu_invalidate_all(enum oct_scope scope)
{
	uint64_t cr4;

	(void)scope;
	__asm__ volatile("mov %%cr4, %0" : "=r"(cr4)::"memory");
	__asm__ volatile("mov %0, %%cr4" ::"r"(cr4 ^ OCT_X86_64_CR4_PGE) : "memory");
	__asm__ volatile("mov %0, %%cr4" ::"r"(cr4) : "memory");
}

static inline void oct_mmu_invalidate_end(enum oct_scope scope)
{
	(void)scope;
	__asm__ volatile("" ::: "memory");
}

/* Serialising: accesses made through the former root are complete. */
static inline void oct_mmu_load_root(oct_phys_t root, uint16_t asid, bool keep)
{
#ifdef OCT_X86_64_NO_PCID
	(void)asid;
	(void)keep;
	__asm__ volatile("mov %0, %%cr3" ::"r"(root) : "memory");
#else
	__asm__ volatile("mov %0, %%cr3" ::"r"(root | asid | (keep ? OCT_X86_64_CR3_KEEP : 0)) : "memory");
#endif
}

#endif
