/* Sizes that are configuration, not architecture. SPDX-License-Identifier: MIT
 *
 * A host may override each with -D. The model machine (OCT_MODEL) uses small ones: what a proof
 * needs is that a table ends, a gather overflows and ASIDs run out, not that they are large. */
#ifndef OCTAVO_CONFIG_H
#define OCTAVO_CONFIG_H

#ifdef OCT_MODEL
#define OCT_TABLE_SHIFT  3 /* entries of a table, log2 */
#define OCT_LEVELS       3 /* levels of a table tree; level 0 is the leaf table */
#define OCT_CONT_SHIFT   2 /* entries of a contiguous block, log2 */
#define OCT_GATHER_PAGES 2 /* pages a ticket queues before it completes itself */
#define OCT_MAX_ASIDS    3 /* hardware address-space numbers, number 0 is the kernel's */
#define OCT_MAX_CPUS     4
#define OCT_STACK_GUARD_PAGES 1
#define OCT_STACK_BYTES       (4 << OCT_PAGE_SHIFT)
#define OCT_OPEN_RANGES  4 /* open generations whose ranges a space remembers */
#define OCT_RECLAIM_PAGES  2 /* pages that reclaim takes before it flushes */
#define OCT_RECLAIM_SPACES 2 /* spaces that they may come from */
#define OCT_SPLIT_LEAVES      2
#define OCT_TRACK_WORDS 1 /* of 64 pages: what a walk over an object records before it flushes */
#endif

#ifndef OCT_PAGE_SHIFT
#define OCT_PAGE_SHIFT 12
#endif
#define OCT_PAGE_SIZE ((uintptr_t)1 << OCT_PAGE_SHIFT)
#define OCT_PAGE_MASK (~(OCT_PAGE_SIZE - 1))

#ifndef OCT_TABLE_SHIFT
#define OCT_TABLE_SHIFT 9
#endif
#define OCT_TABLE_ENTRIES (1u << OCT_TABLE_SHIFT)

/* Levels of the tree: x86-64 and arm64 4; riscv64 3 (Sv39), 4 (Sv48) or 5 (Sv57). */
#ifndef OCT_LEVELS
#ifdef OCT_ARCH_RISCV64
#define OCT_LEVELS 3
#else
#define OCT_LEVELS 4
#endif
#endif
#ifndef OCT_CONT_SHIFT
#define OCT_CONT_SHIFT 4
#endif
/* Pages of a large folio, log2: what one contiguous entry of a TLB covers. 0: there are none. */
#ifndef OCT_FOLIO_ORDER
#define OCT_FOLIO_ORDER OCT_CONT_SHIFT
#endif
#define OCT_FOLIO_PAGES (1u << OCT_FOLIO_ORDER)
#define OCT_FOLIO_BYTES (OCT_PAGE_SIZE << OCT_FOLIO_ORDER)
/* Pages of a huge folio, log2: what one leaf of level 1 maps. 0: there are none. */
#ifndef OCT_HUGE_ORDER
#define OCT_HUGE_ORDER OCT_TABLE_SHIFT
#endif
#define OCT_HUGE_PAGES (1u << OCT_HUGE_ORDER)
#define OCT_HUGE_BYTES (OCT_PAGE_SIZE << OCT_HUGE_ORDER)
#define OCT_FOLIO_MOST (OCT_HUGE_ORDER > OCT_FOLIO_ORDER ? OCT_HUGE_ORDER : OCT_FOLIO_ORDER)
/* Leaves that became tables: how many of them a space remembers, for reclaim to look at first. */
#ifndef OCT_SPLIT_LEAVES
#define OCT_SPLIT_LEAVES 16
#endif
#ifndef OCT_GATHER_PAGES
#define OCT_GATHER_PAGES 32
#endif
#ifndef OCT_MAX_ASIDS
#define OCT_MAX_ASIDS 256
#endif
#ifndef OCT_MAX_CPUS
#define OCT_MAX_CPUS 64
#endif
#ifndef OCT_OPEN_RANGES
#define OCT_OPEN_RANGES 16
#endif
/* Pages kept free below an area that grows down, and how large it may get by itself. */
#ifndef OCT_STACK_GUARD_PAGES
#define OCT_STACK_GUARD_PAGES 256
#endif
#ifndef OCT_STACK_BYTES
#define OCT_STACK_BYTES ((size_t)8 << 20)
#endif
#ifndef OCT_RECLAIM_PAGES
#define OCT_RECLAIM_PAGES 16
#endif
#ifndef OCT_RECLAIM_SPACES
#define OCT_RECLAIM_SPACES 8
#endif
#ifndef OCT_TRACK_WORDS
#define OCT_TRACK_WORDS 32
#endif
/* With OCT_DEBUG_POISON freed pages of contents and tables are filled with this: as an entry it is soft. */
#ifndef OCT_POISON
#define OCT_POISON 0xdeaddeaddeaddeacull
#endif
/* Past this many pages (or large leaves) a range is flushed as the whole space. */
#ifndef OCT_FLUSH_MAX_PAGES
#define OCT_FLUSH_MAX_PAGES 33
#endif

#endif
