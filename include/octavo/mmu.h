/* mmu.h: what table walkers need beyond C11. SPDX-License-Identifier: MIT
 *
 * The architecture supplies these (src/arch/ARCH/mmu.h, a few instructions each); a machine that
 * has walkers of its own (OCT_MMU_MACHINE) supplies them as functions instead. Only the flush
 * authority (src/tlb) calls the invalidations, with interrupts off; none of these
 * sleeps or takes a lock. scope: this CPU's TLB or every CPU's; depth: leaf entries or also
 * what walk caches keep of the tables above. pages: a number of pages, va: the first, page-aligned. asid is
 * the hardware number (ASID, PCID). */
#ifndef OCTAVO_MMU_H
#define OCTAVO_MMU_H

#include <stdbool.h>
#include <octavo/port.h>

enum oct_scope { OCT_LOCAL, OCT_BROADCAST };     /* OCT_BROADCAST: arm64, riscv64 */
enum oct_depth { OCT_LEAF, OCT_ALL_LEVELS };     /* leaf entries only, or walk caches too */

#ifdef OCT_MMU_MACHINE
#ifdef __cplusplus
extern "C" {
#endif
/* Publish: entry stores before are seen by walks of this CPU after, and by other walkers before
 * they see stores that follow. arm64: dsb ishst; isb. x86-64: nothing. riscv64: fence
 * w,w; sfence.vma, because this CPU may have cached that there was nothing. */
void oct_mmu_publish(void);
/* Entry stores before are seen by walkers before the invalidations after. arm64: dsb ishst.
 * riscv64: fence. */
void oct_mmu_invalidate_begin(void);
/* Forget translations of pages pages from va. Complete only after oct_mmu_invalidate_end(). asid 0 stands for
 * every number and the global entries; on x86-64 for the number that is loaded and the global entries, as any
 * other. On riscv64 OCT_ALL_LEVELS stands for every address. */
void oct_mmu_invalidate_range(uint16_t asid, uintptr_t va, size_t pages, enum oct_scope scope,
			      enum oct_depth depth);
/* Forget all translations of asid, walk caches included. */
void oct_mmu_invalidate_asid(uint16_t asid, enum oct_scope scope);
/* Forget everything, global entries included. */
void oct_mmu_invalidate_all(enum oct_scope scope);
/* Wait until the invalidations this CPU issued are complete (arm64: dsb ish, or nsh when local
 * only), and synchronise this CPU's own context (isb). x86-64, riscv64: each
 * is complete at once. */
void oct_mmu_invalidate_end(enum oct_scope scope);
/* Translate user addresses through root under asid from now on; keep: translations that this CPU
 * holds for asid stay. Synchronises this CPU's context. Contains the barrier that completes
 * invalidations issued here before (arm64: dsb ish; x86-64: serialising), which is a full barrier of C11
 * as well (OCT_SC): accesses before it, by whatever root, come before those after it. */
void oct_mmu_load_root(oct_phys_t root, uint16_t asid, bool keep);
#ifdef __cplusplus
}
#endif
#elif defined(OCT_ARCH_ARM64)
#include <octavo/arch/arm64/mmu.h>
#elif defined(OCT_ARCH_X86_64)
#include <octavo/arch/x86_64/mmu.h>
#elif defined(OCT_ARCH_RISCV64)
#include <octavo/arch/riscv64/mmu.h>
#else
#error "this architecture needs OCT_MMU_MACHINE"
#endif

#endif
