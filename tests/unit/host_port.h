/* host_port.h: a host for unit tests, tiers T0 to T2. SPDX-License-Identifier: MIT
 *
 * One thread plays every CPU (host_cpu says which). Pages come from an arena; a freed page is
 * filled with a pattern that is checked when it is given out again. Interrupts run at once, on the CPU
 * they are for. The MMU calls act on a TLB per CPU that holds whatever the test put there
 * (host_tlb_touch; a large leaf or contiguous block is one entry), so that a test can ask what a CPU could still use.
 * Build with OCT_MMU_MACHINE. Misuse of the port fails the running cmocka test. */
#ifndef HOST_PORT_H
#define HOST_PORT_H

#include <octavo/octavo.h>

/* Everything as at the start: no page out, no failure armed, empty TLBs, CPU 0. */
void host_reset(void);

/* ---- Pages ------------------------------------------------------------------------------------- */
enum { HOST_PAGES = 8192 };
unsigned host_pages(void);            /* pages out now */
unsigned long host_allocations(void); /* calls of page_alloc so far, failed ones included */
/* The n-th allocation from now fails, once; 0: none does. */
void host_fail_allocation(unsigned n);
bool host_page_is_out(oct_phys_t page);

/* ---- Objects: oct_port_page_read, oct_port_page_write ------------------------------------------- */
enum { HOST_OBJECT_PAGES = 2048 }; /* of all objects; zeros until they are written */
extern unsigned long host_reads, host_writes;
/* The n-th reading or writing from now fails with -OCT_EIO, once; 0: none does. */
void host_fail_io(unsigned n);
/* What page index of object holds on its device. */
unsigned char *host_object_page(const void *object, uint64_t index);
/* What oct_port_event answers; it counts the calls and keeps the last event. */
extern int host_event_answer;
extern unsigned long host_events;
extern struct oct_event host_event;

/* ---- CPUs -------------------------------------------------------------------------------------- */
extern unsigned host_cpu;                         /* the CPU that runs now */
extern struct oct_system *host_system;            /* whose handler an interrupt calls; NULL: none */
extern struct oct_mm *host_current[OCT_MAX_CPUS]; /* oct_port_current() */
extern unsigned long host_interrupts;             /* sent */
/* Runs what oct_port_defer was given. Returns how many. */
unsigned host_run_deferred(void);

/* ---- TLBs -------------------------------------------------------------------------------------- */
struct host_mmu_counts {
	unsigned long publish, begin, ranges, pages, asids, alls, ends, roots;
	unsigned long broadcasts; /* invalidations of any kind with OCT_BROADCAST */
};
extern struct host_mmu_counts host_mmu;

/* CPU cpu uses va: what it has cached, else what its root leads to, which is then cached if present. The
 * kernel half is reached through kernel_root where the format has two roots (0: not used). */
oct_pte_t host_tlb_touch(unsigned cpu, uintptr_t va);
extern oct_phys_t host_kernel_root;
/* A TLB also keeps that there was nothing, at whatever level (formats with OCT_FORMAT_CACHES_INVALID). */
extern bool host_tlb_keeps_invalid;
/* What cpu has cached for va under the number it has loaded (or globally), 0 for nothing. */
oct_pte_t host_tlb_cached(unsigned cpu, uintptr_t va);
/* Number of entries that cpu has cached, for all numbers. */
unsigned host_tlb_size(unsigned cpu);

#endif
