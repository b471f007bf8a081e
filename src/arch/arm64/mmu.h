/* arm64: barriers and invalidations, stage 1 of EL1&0. SPDX-License-Identifier: MIT
 *
 * User addresses translate through TTBR0_EL1, whose top 16 bits carry the ASID (TCR_EL1.A1 = 0,
 * 16-bit ASIDs). The host programs TCR, MAIR (OCT_ARM64_MAIR) and TTBR1. Inner shareable domain. */
#ifndef OCTAVO_ARCH_ARM64_MMU_H
#define OCTAVO_ARCH_ARM64_MMU_H

/* Operand of an invalidation by address: ASID in the top 16 bits, bits 55..12 of the address. */
static inline uint64_t oct_arm64_tlbi_operand(uint16_t asid, uintptr_t va)
{
	return (uint64_t)asid << 48 | ((va >> 12) & (((uint64_t)1 << 44) - 1));
}

static inline void oct_mmu_publish(void)
{
	__asm__ volatile("dsb ishst\n\tisb" ::: "memory");
}

static inline void oct_mmu_invalidate_begin(void)
{
	__asm__ volatile("dsb ishst" ::: "memory");
}

/* Under every ASID: the way to a table of the kernel's is kept under the one that was loaded then, and what
 * names one leaves it (Arm ARM DDI 0487, TLBI VAE1: entries from above the final level match the ASID). */
static inline void oct_arm64_invalidate_page(uintptr_t va, enum oct_scope scope, enum oct_depth depth)
{
	uint64_t operand = oct_arm64_tlbi_operand(0, va);

	if (scope == OCT_LOCAL && depth == OCT_LEAF)
		__asm__ volatile("tlbi vaale1, %0" ::"r"(operand) : "memory");
	else if (scope == OCT_LOCAL)
		__asm__ volatile("tlbi vaae1, %0" ::"r"(operand) : "memory");
	else if (depth == OCT_LEAF)
		__asm__ volatile("tlbi vaale1is, %0" ::"r"(operand) : "memory");
	else
		__asm__ volatile("tlbi vaae1is, %0" ::"r"(operand) : "memory");
}

static inline void oct_mmu_invalidate_range(uint16_t asid, uintptr_t va, size_t pages, enum oct_scope scope,
                                            enum oct_depth depth)
{
	for (; pages > 0; pages--, va += OCT_PAGE_SIZE) {
		uint64_t operand = oct_arm64_tlbi_operand(asid, va);

		if (asid == 0)
			oct_arm64_invalidate_page(va, scope, depth);
		else if (scope == OCT_LOCAL && depth == OCT_LEAF)
			__asm__ volatile("tlbi vale1, %0" ::"r"(operand) : "memory");
		else if (scope == OCT_LOCAL)
			__asm__ volatile("tlbi vae1, %0" ::"r"(operand) : "memory");
		else if (depth == OCT_LEAF)
			__asm__ volatile("tlbi vale1is, %0" ::"r"(operand) : "memory");
		else
			__asm__ volatile("tlbi vae1is, %0" ::"r"(operand) : "memory");
	}
}

static inline void oct_mmu_invalidate_asid(uint16_t asid, enum oct_scope scope)
{
	if (scope == OCT_LOCAL)
		__asm__ volatile("tlbi aside1, %0" ::"r"((uint64_t)asid << 48) : "memory");
	else
		__asm__ volatile("tlbi aside1is, %0" ::"r"((uint64_t)asid << 48) : "memory");
}

static inline void oct_mmu_invalidate_all(enum oct_scope scope)
{
	if (scope == OCT_LOCAL)
		__asm__ volatile("tlbi vmalle1" ::: "memory");
	else
		__asm__ volatile("tlbi vmalle1is" ::: "memory");
}

static inline void oct_mmu_invalidate_end(enum oct_scope scope)
{
	if (scope == OCT_LOCAL)
		__asm__ volatile("dsb nsh\n\tisb" ::: "memory");
	else
		__asm__ volatile("dsb ish\n\tisb" ::: "memory");
}

/* The first barrier completes accesses made through the former root and invalidations issued here. */
static inline void oct_mmu_load_root(oct_phys_t root, uint16_t asid, bool keep)
{
	__asm__ volatile("dsb ish\n\tmsr ttbr0_el1, %0\n\tisb" ::"r"(root | (uint64_t)asid << 48) : "memory");
	if (!keep) {
		oct_mmu_invalidate_asid(asid, OCT_LOCAL);
		oct_mmu_invalidate_end(OCT_LOCAL);
	}
}

#endif
