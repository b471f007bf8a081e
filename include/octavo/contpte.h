/* contpte.h: runs of entries of one folio, and the contiguous blocks that they make.
 * SPDX-License-Identifier: MIT
 *
 * A contiguous block (pte.h; arm64: the contiguous bit, riscv64: Svnapot) is one thing to a TLB: any of its
 * entries may serve any of its addresses, and hardware sets young and dirty in whichever it has read. The
 * calls here take runs of entries, so that whole blocks stay whole, and show a block's entry as the entry
 * that its page would have alone. Formats without blocks (x86-64) have the same calls; nothing is ever folded
 * there.
 *
 * WHO SETS THE BIT
 *   set      oct_set_ptes and oct_table_map, where all entries of a block are empty and come in one section;
 *            oct_contpte_try_fold, which breaks the block first
 *   cleared  the flush authority alone, whenever a part of a block is changed through whatever call (R9)
 * Nobody else writes it. Stored in some entries of a block that are valid and not in others it is I6, stored
 * over valid entries that a TLB may hold it is I11.
 *
 * WHEN A BLOCK IS WHOLE: all its entries are present, their pages consecutive and aligned as the block is,
 * and everything else but young and dirty alike. That the pages belong to one folio is the caller's promise:
 * he asks for folding. Young and dirty are gathered: one entry of a block says nothing about its page alone,
 * all together say it about all.
 *
 * FOLD AND UNFOLD, by break-before-make. All entries become invalid but not empty; the block's addresses are
 * flushed, at once, under the page-table lock; young and dirty are what the exchanges brought back, and are
 * final, because hardware sets no bit in an invalid entry; the entries come back with them. An access
 * meanwhile faults and waits for the lock. Where CPUs bear both sizes (OCT_BBM_LEVEL 2) the flush is not
 * spared: that what a TLB holds as a clean block sets dirty in none of the entries that took its place is
 * for hardware to see to (contpte/unfold-in-place).
 *
 * WHOLE BLOCKS are cleared entry by entry, without a flush in between: invalid beside valid is no
 * disagreement. Rights are taken from a whole block by breaking it, several blocks with one flush, since
 * entries of a block that disagree in rights are misprogrammed for as long as they do (contpte/wrprotect).
 * Young and dirty change in place.
 *
 * A LOCKLESS READER sees single entries, entries of a block, invalid ones, in any mixture while a change is
 * under way. oct_ptep_get_lockless waits for none of it: page and rights are those of one load.
 *
 * WHY NO FLUSH IS MISSING. Every exchange is judged by the value that came back and owed to the ticket, for
 * the range of the whole block (R1, R9); the section draws its generation when it ends, after the last entry
 * of the run (R2), and a full queue completes only between calls, never inside a run. Blocks at the ends of a
 * run that it covers in part, two at most, are unfolded before: their flush is complete when the call
 * returns.
 *
 * For all calls: guard is locked, at level 0, its entry the first of the run; it is not moved. A run of pages
 * (>= 1) entries lies in the guarded leaf table (a panic if not). ticket is of the guard's space, its changes
 * are owed like those of oct_entry_change. Context as in tlb.h: no sleeping, interrupts on; no memory is
 * asked for, nothing fails. */
#ifndef OCTAVO_CONTPTE_H
#define OCTAVO_CONTPTE_H

#include <octavo/pte.h>
#include <octavo/table.h>
#include <octavo/tlb.h>
#include <octavo/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What hardware records in an entry. */
enum oct_pte_state { OCT_PTE_YOUNG = 1, OCT_PTE_DIRTY = 2 };

/* Returns what oct_ptep_get does for the guarded entry, read as pte, which is part of a block. */
oct_pte_t oct_contpte_get(const struct oct_pte_guard *guard, oct_pte_t pte);

/* ---- Looking ------------------------------------------------------------------------------------ */
/* The guarded entry as it would be alone: of a block, in no block, young and dirty if any of its entries is.
 * Any level of guard. Changes nothing. Racing hardware may set bits in the meantime: who takes the entry away
 * uses what that call returns. */
static inline oct_pte_t oct_ptep_get(const struct oct_pte_guard *guard)
{
	oct_pte_t pte = oct_pte_get(guard);

	if (OCT_FORMAT_CONT && guard->level == 0 && oct_pte_present(pte) && oct_pte_cont(pte))
		return oct_contpte_get(guard, pte);
	return pte;
}

/* The same without the lock: *entry, which maps va in a leaf table that stays (a grace period, interrupts
 * off). Page, rights and software bits are those of one load of *entry: what a pin has to compare. Young and
 * dirty are a hint: gathered over the block if one look found all its entries in it, else those of this
 * entry. One look, no retry: never waits for whoever changes the block (I9). */
oct_pte_t oct_ptep_get_lockless(const oct_pte_t *entry, uintptr_t va);

/* How many entries from the guarded one on, most at most, are present, map consecutive pages and agree in all
 * but young, dirty and the contiguous bit; not past the leaf table. 0: the guarded one is not present. */
size_t oct_pte_batch(const struct oct_pte_guard *guard, size_t most);

/* ---- Making ------------------------------------------------------------------------------------- */
/* Stores pages entries: pte (present, in no block) for the guarded address, the same with the page after for
 * the next, and so on. All are none or soft before, and what they were is the caller's. The pages are those
 * of one folio: blocks that the run covers whole and aligned are stored as blocks. ticket: also folds a block
 * at either end that became whole by this; its other entries belong to the same folio then. NULL: does not.
 * What the table still waits for is completed first (I11), as in oct_entry_install. TLB after: as
 * oct_entry_install. */
void oct_set_ptes(struct oct_ticket *ticket, struct oct_pte_guard *guard, oct_pte_t pte, size_t pages);

/* Folds the block that the guarded entry lies in if it is whole (above) and is none yet. true: it did, the
 * block was flushed. false: nothing changed. Always false where the format has no blocks. */
bool oct_contpte_try_fold(struct oct_ticket *ticket, struct oct_pte_guard *guard);

/* The entries of the block that the guarded one lies in become entries of their own; flushed. Nothing if it
 * is in none. All calls that change a part of a block do it by themselves. */
void oct_contpte_try_unfold(struct oct_ticket *ticket, struct oct_pte_guard *guard);

/* ---- Taking away --------------------------------------------------------------------------------- */
/* Clears the run, all present. Returns the first entry as it was, alone, young and dirty if any of the run
 * (or of a block that it touched) was. The pages go to ticket after it, by the caller. Revoked when ticket
 * completes. */
oct_pte_t oct_get_and_clear_full_ptes(struct oct_ticket *ticket, struct oct_pte_guard *guard, size_t pages);

/* The same for who does not ask. */
void oct_clear_full_ptes(struct oct_ticket *ticket, struct oct_pte_guard *guard, size_t pages);

/* Takes the write right from the entries of the run that are present; what was dirty stays dirty. Blocks in
 * it stay blocks, flushed when it returns. An entry that has no write right joins what the table waits for
 * (R4). Revoked when ticket completes. */
void oct_wrprotect_ptes(struct oct_ticket *ticket, struct oct_pte_guard *guard, size_t pages);

/* Takes state (enum oct_pte_state) from the entries of the run that are present, and returns what of it any
 * had. Young goes from all of a block that the run touches, since it belongs to the folio. Dirty of a block
 * that the run covers in part goes from the run alone: the block is unfolded. When ticket completes, a store
 * that comes later sets dirty again; young is not flushed for. */
unsigned oct_clear_young_dirty_ptes(struct oct_ticket *ticket, struct oct_pte_guard *guard, size_t pages,
                                    unsigned state);

/* ---- A fault ------------------------------------------------------------------------------------- */
/* Sets state in the guarded entry, which is present, and in each entry of its block. Compares the entries as
 * they are, not what they say together: a walker that sets no bits (an SMMU) reads any one of them, and if it
 * is not young or dirty itself would fault for ever (races 44). true: some entry was changed. false: the
 * fault was spurious. Takes nothing away; who keeps a stale entry drops it (oct_tlb_forget_local). */
bool oct_ptep_set_access_flags(struct oct_pte_guard *guard, unsigned state);

/* ---- Changing what is in use --------------------------------------------------------------------- */
/* The guarded entry, present, becomes invalid but not empty, and stays so until the commit in the same lock
 * section. Returns what it was, alone: young and dirty are final, hardware sets no bit meanwhile. A block is
 * unfolded. */
oct_pte_t oct_ptep_modify_prot_start(struct oct_ticket *ticket, struct oct_pte_guard *guard);

/* Stores pte, present and in no block, where start returned old. The verdict on old and pte decides what is
 * owed: nothing where rights are gained, a flush when ticket completes where some are taken, a flush before
 * the store where the page or type differs. */
void oct_ptep_modify_prot_commit(struct oct_ticket *ticket, struct oct_pte_guard *guard, oct_pte_t old,
                                 oct_pte_t pte);

#ifdef __cplusplus
}
#endif

#endif
