/* port.h: the only list of upcalls. SPDX-License-Identifier: MIT
 *
 * A host supplies the tier it embeds and all below it:
 *
 *   tier        upcalls  for
 *   T0 tables      6     page tables; the local CPU is the only target of a flush
 *   T1 flush      12     SMP flushing, ASIDs, free after completion; hosts that keep their own areas
 *   T2 spaces     19     areas, faults, copy-on-write, fork
 *   T3 contents   23     files, swap, events for the owners of objects
 *
 * A hot upcall may be a static inline or a macro of the same name in OCT_PORT_HEADER.
 * Unless a line says otherwise an upcall does not sleep, may be called with interrupts off and
 * with page-table locks held, and takes no lock that its caller could hold. */
#ifndef OCTAVO_PORT_H
#define OCTAVO_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <octavo/config.h>
#include <octavo/atomic.h>

#ifdef __cplusplus
#define OCT_NORETURN [[noreturn]]
#else
#define OCT_NORETURN _Noreturn
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef uint64_t oct_phys_t; /* physical address, bytes */
#define OCT_NO_PAGE ((oct_phys_t)~0ull)

/* What a page is for: lets a host choose its pool and account for it. */
enum oct_page_use {
	OCT_USE_TABLE, /* a page table, and the words the core keeps beside it */
	OCT_USE_USER,  /* contents of an address space; has a folio (T2) */
	OCT_USE_CORE,  /* the core's own structures */
};

struct oct_folio;
struct oct_mm;
struct oct_space;

/* ---- T0: tables ---------------------------------------------------------------------------- */

/* 2^order pages for use, aligned to their size, contents undefined. OCT_NO_PAGE when there are none; the
 * core asks before it changes anything. Never sleeps. */
oct_phys_t oct_port_page_alloc(unsigned order, enum oct_page_use use);
/* Takes back what page_alloc gave for this order and use. The core calls it only when no translation can
 * reach the page. Pages for OCT_USE_USER that were given together (OCT_FOLIO_ORDER, OCT_HUGE_ORDER) may come
 * back one by one, with order 0. */
void oct_port_page_free(oct_phys_t page, unsigned order, enum oct_page_use use);
/* Fill 2^order pages with zeros. */
void oct_port_page_clear(oct_phys_t page, unsigned order);
/* Where the core may read and write the page: valid for the page's lifetime. */
void *oct_port_phys_to_virt(oct_phys_t page);
/* One finished line without a newline, for people. */
void oct_port_log(const char *line);
/* The core's own invariant is broken: why, for people. Does not return. */
OCT_NORETURN void oct_port_panic(const char *why);

/* ---- T1: flush ----------------------------------------------------------------------------- */

/* This CPU, 0 .. OCT_MAX_CPUS-1. Stable while interrupts or preemption are off. */
unsigned oct_port_cpu_self(void);
/* Interrupts off on this CPU; returns the state that irq_restore needs. Nests. */
unsigned long oct_port_irq_save(void);
void oct_port_irq_restore(unsigned long state);
/* Make cpu call oct_tlb_interrupt() soon, in interrupt context. Everything the caller stored
 * before is visible to the handler (release to acquire). Coalescing is allowed. */
void oct_port_ipi(unsigned cpu);
/* One turn of a waiting loop. */
void oct_port_relax(void);
/* Active-root hook: this CPU is about to run space, (NULL: none; kernel half only); called by
 * oct_space_switch with interrupts off after the root register was loaded. May be empty. */
void oct_port_root_changed(struct oct_space *space);

/* ---- T2: spaces ---------------------------------------------------------------------------- */

/* Sleep while *word == value; may return early. Never called with interrupts off or a spinning
 * lock held. */
void oct_port_wait(uint32_t *word, uint32_t value);
/* Wake up to count sleepers on word. */
void oct_port_wake(uint32_t *word, unsigned count);
/* The descriptor of a page given for OCT_USE_USER. Type-stable: the memory stays a folio
 * descriptor after the page was freed. oct_gup_fast alone also asks for memory without folios: NULL. */
struct oct_folio *oct_port_folio_of(oct_phys_t page);
/* Call fn(arg) after every walker that ran with interrupts off when defer was called has turned
 * them on again (a grace period). May be called with locks held; fn may not sleep. */
void oct_port_defer(void (*fn)(void *arg), void *arg);
/* The space whose user addresses this CPU runs, NULL for none. */
struct oct_mm *oct_port_current(void);
/* Copy the contents of 2^order pages to dst; user stores to src may race and are then copied or not, word by
 * word. */
void oct_port_page_copy(oct_phys_t dst, oct_phys_t src, unsigned order);
/* Make what was stored in 2^order pages visible to instruction fetch on all CPUs (empty on x86-64). */
void oct_port_icache_sync(oct_phys_t page, unsigned order);

/* ---- T3: contents -------------------------------------------------------------------------- */
/* An object is whatever holds contents: a file, a swap device. The core knows it by the pointer that
 * its owner gave (oct_mapping_init, ...) and by the index of a page in it. These calls may sleep, except
 * page_same; they run with interrupts on and no page-table lock held. A fault that waits for one
 * of them holds the lock of its space for reading, so they take no lock of a space and touch no user memory.
 */

/* Fill the page with page index of object. 0, or -OCT_EIO: the contents are then undefined. Nobody
 * else looks at the page meanwhile. */
int oct_port_page_read(void *object, uint64_t index, oct_phys_t page);
/* Store the page as page index of object. 0, or -OCT_EIO: the core keeps the page. The page does not
 * change meanwhile, except that new stores to a file's page may come and count as not written. */
int oct_port_page_write(void *object, uint64_t index, oct_phys_t page);
/* Whether pages a and b have the same contents. Does not sleep; page-table locks may be held. For
 * oct_merge_pages (merge.h): neither page changes meanwhile. */
bool oct_port_page_same(oct_phys_t a, oct_phys_t b);

enum oct_event_kind {
	OCT_EVENT_PAGE_MKWRITE, /* a page of a file is about to be stored to, for the first time since it
	                           was cleaned */
	OCT_EVENT_PFN_MKWRITE,  /* the same for memory without folios (a driver's) */
};

struct oct_event {
	enum oct_event_kind kind;
	struct oct_mm *mm; /* whose access, read-locked */
	uintptr_t va;      /* page */
	void *object;
	uint64_t index; /* of the page in object */
	oct_phys_t page;
};

/* Something that the owner of an object wants to know of, and may forbid or hold up by sleeping. 0: go on;
 * -OCT_EAGAIN: not now, let the access come again; another negative value: forbidden. */
int oct_port_event(const struct oct_event *event);

#ifdef __cplusplus
}
#endif
#endif
