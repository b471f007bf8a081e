/* riscv64: fences of this hart, and of others through the firmware. SPDX-License-Identifier: MIT
 *
 * SFENCE.VMA orders this hart's stores, and what it has seen of others', before its later walks, and
 * drops what it cached. With an address it reaches leaf entries only; tables that were unlinked, or
 * linked where a walk had found nothing, need the form without one. With an ASID it spares global
 * entries; number 0, the kernel's and "no number", therefore stands for every ASID here.
 *
 * Other harts are reached by the SBI's RFENCE extension: when the call returns, they have executed their
 * SFENCE.VMA, and what they loaded and stored before is done. Firmware does that in machine mode, so it
 * waits for no region with interrupts off. The host may narrow down whom it means: OCT_RISCV64_HART_MASK and
 * OCT_RISCV64_HART_BASE, expressions for a mask of hart ids and the id of its bit 0, which include this hart.
 * Default: all harts.
 *
 * The host sets up the supervisor's CSRs besides satp, menvcfg.ADUE as it likes, and no fewer ASIDs in
 * satp than OCT_MAX_ASIDS. */
#ifndef OCTAVO_ARCH_RISCV64_MMU_H
#define OCTAVO_ARCH_RISCV64_MMU_H

#if OCT_LEVELS < 3 || OCT_LEVELS > 5 || OCT_TABLE_SHIFT != 9 || OCT_PAGE_SHIFT != 12
#error "riscv64 has 3, 4 or 5 levels of tables with 512 entries"
#endif

#define OCT_RISCV64_SATP_MODE ((uint64_t)(OCT_LEVELS + 5) << 60) /* 8 Sv39, 9 Sv48, 10 Sv57 */

#ifndef OCT_RISCV64_HART_BASE
#define OCT_RISCV64_HART_MASK 0ul
#define OCT_RISCV64_HART_BASE (~0ul) /* every hart, the mask is ignored */
#endif

enum {
	OCT_RISCV64_SBI_RFENCE = 0x52464e43,
	OCT_RISCV64_SBI_SFENCE_VMA = 1,      /* every ASID */
	OCT_RISCV64_SBI_SFENCE_VMA_ASID = 2, /* one */
};

/* bytes from va, 0 and 0 for every address, on every hart. Complete on return. */
static inline void oct_riscv64_remote_fence(uint16_t asid, uintptr_t va, size_t bytes)
{
	const unsigned long mask = OCT_RISCV64_HART_MASK, base = OCT_RISCV64_HART_BASE; /* may be calls */
	register unsigned long a0 __asm__("a0") = mask;
	register unsigned long a1 __asm__("a1") = base;
	register unsigned long a2 __asm__("a2") = va;
	register unsigned long a3 __asm__("a3") = bytes;
	register unsigned long a4 __asm__("a4") = asid;
	register unsigned long a6 __asm__("a6") =
	    asid != 0 ? OCT_RISCV64_SBI_SFENCE_VMA_ASID : OCT_RISCV64_SBI_SFENCE_VMA;
	register unsigned long a7 __asm__("a7") = OCT_RISCV64_SBI_RFENCE;

	__asm__ volatile("ecall"
	                 : "+r"(a0), "+r"(a1)
	                 : "r"(a2), "r"(a3), "r"(a4), "r"(a6), "r"(a7)
	                 : "memory");
	if (a0 != 0)
		oct_port_panic("riscv64: the firmware refused a remote fence");
}

/* Every address and level. asid 0: everything, global entries included. */
static inline void oct_riscv64_fence_all(uint16_t asid)
{
	if (asid != 0)
		__asm__ volatile("sfence.vma zero, %0" ::"r"((uint64_t)asid) : "memory");
	else
		__asm__ volatile("sfence.vma" ::: "memory");
}

static inline void oct_riscv64_fence_page(uint16_t asid, uintptr_t va)
{
	if (asid != 0)
		__asm__ volatile("sfence.vma %0, %1" ::"r"(va), "r"((uint64_t)asid) : "memory");
	else
		__asm__ volatile("sfence.vma %0, zero" ::"r"(va) : "memory");
}

/* This hart may have cached that there was nothing, at any level. */
static inline void oct_mmu_publish(void)
{
	__asm__ volatile("fence w, w\n\tsfence.vma" ::: "memory");
}

/* The fences of other harts come after the stores before, also where the firmware's own signal does not
 * order them. */
static inline void oct_mmu_invalidate_begin(void)
{
	__asm__ volatile("fence rw, rw" ::: "memory");
}

static inline void oct_mmu_invalidate_asid(uint16_t asid, enum oct_scope scope)
{
	if (scope == OCT_LOCAL)
		oct_riscv64_fence_all(asid);
	else
		oct_riscv64_remote_fence(asid, 0, 0);
}

static inline void oct_mmu_invalidate_range(uint16_t asid, uintptr_t va, size_t pages, enum oct_scope scope,
                                            enum oct_depth depth)
{
	if (depth == OCT_ALL_LEVELS) {
		oct_mmu_invalidate_asid(asid, scope);
		return;
	}
	if (scope == OCT_BROADCAST) {
		oct_riscv64_remote_fence(asid, va, pages << OCT_PAGE_SHIFT);
		return;
	}
	for (; pages > 0; pages--, va += OCT_PAGE_SIZE)
		oct_riscv64_fence_page(asid, va);
}

static inline void oct_mmu_invalidate_all(enum oct_scope scope)
{
	oct_mmu_invalidate_asid(0, scope);
}

/* Each is complete when the instruction, or the call, is. What stores follow come after. */
static inline void oct_mmu_invalidate_end(enum oct_scope scope)
{
	(void)scope;
	__asm__ volatile("fence rw, rw" ::: "memory");
}

/* The fence completes accesses made through the former root. A change of ASID acts at once; walks under
 * it begin after it. */
static inline void oct_mmu_load_root(oct_phys_t root, uint16_t asid, bool keep)
{
	__asm__ volatile("fence rw, rw\n\tcsrw satp, %0" ::"r"(OCT_RISCV64_SATP_MODE | (uint64_t)asid << 44 |
	                                                       root >> OCT_PAGE_SHIFT)
	                 : "memory");
	if (!keep)
		oct_riscv64_fence_all(asid);
}

#endif
