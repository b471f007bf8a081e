/* device.h: private pages that go to memory which CPUs cannot access, and come back. T3.
 * SPDX-License-Identifier: MIT
 *
 * Memory of a device is an object (port.h) of as many pages as the caller gives slots for: a further area
 * beside swap. An entry that stands for a page there is not present and names its slot (OCT_SWAP_DEVICE,
 * swap.h); so whatever knows entries of swap knows these: fork shares them, unmapping and DONTNEED release
 * them, mprotect keeps them, soft-dirty and userfault write-protection go along, and an access or a pin
 * (pin.h) brings the page back: oct_port_page_read of the object. Pages that two spaces name are read once
 * and copied on write.
 *
 * The way there has three steps, since a device may take its time, and nobody holds a lock meanwhile:
 *
 *	while ((n = oct_migrate_vma_setup(&migrate, mm, start, end)) > 0) {
 *		oct_migrate_vma_pages(&migrate);      // or the caller lets the device copy, and sets copied
 *		oct_migrate_vma_finalize(&migrate);
 *		start = migrate.next;
 *	}
 *
 * Who meets a page between setup and finalize sleeps until it is decided where it is.
 *
 * The device uses a page of its memory as long as nobody reads it back: oct_port_page_read, which the host
 * answers when the device has stopped using it, ends that. The core tells nobody of calls that take rights
 * from such an entry, or share it by fork: a host whose devices store to pages that are forked, protected or
 * watched brings them back before (OCT_MADV_POPULATE_READ).
 *
 * Unless a function says otherwise it may sleep, and is called with interrupts on and without locks. */
#ifndef OCTAVO_DEVICE_H
#define OCTAVO_DEVICE_H

#include <octavo/reclaim.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Memory of pages pages (1 .. 2^31 - 1) of a device; slot and object as in oct_swap_init. Its slots that are
 * in use are counted by oct_swap_used. Any context, nobody else uses it. 0; -OCT_EINVAL. */
int oct_device_init(struct oct_swap *device, void *object, struct oct_swap_slot *slot, uint32_t pages);

/* The spaces that will be added to reclaim may have pages in device, which outlives them. Any context; no
 * space has been added. */
void oct_device_attach(struct oct_reclaimer *reclaim, struct oct_swap *device);

/* A page on its way. */
struct oct_migrate_page {
	uintptr_t va;
	struct oct_folio *folio; /* its contents; nobody stores to it, until finalize */
	uint32_t index;          /* its page of the object */
	bool dirty, young;       /* the state that the exchange of its entry returned */
	bool copied; /* the object has the contents: set by oct_migrate_vma_pages, or by the caller */
};

/* The caller's. */
struct oct_migrate_vma {
	struct oct_mm *mm;
	struct oct_swap *device;
	uintptr_t next; /* where the next setup goes on */
	unsigned count;
	struct oct_migrate_page page[OCT_RECLAIM_PAGES];
};

/* Takes up to OCT_RECLAIM_PAGES pages of [start, end) of mm out of their entries. What stays where it is: as
 * in oct_migrate_pages, and what the device has no room for. What was taken is revoked for all CPUs and
 * secondary MMUs on return. migrate->next: how far it came, end when it is through. Takes the lock of
 * the space for reading. Each setup that returns more than 0 is followed by one finalize, and mm does not end
 * before; in between its caller waits for no lock of a space and touches no user memory: who has the lock may
 * be waiting for a page on its way. Allocates nothing. TLB after: nobody uses the old entries. How many were
 * taken; -OCT_EINVAL: bad range, or mm has no device: nothing has changed. */
int oct_migrate_vma_setup(struct oct_migrate_vma *migrate, struct oct_mm *mm, uintptr_t start, uintptr_t end);

/* Writes the pages that are not copied yet to the object (oct_port_page_write). No TLB is concerned. Returns
 * how many are copied now; the others failed. */
int oct_migrate_vma_pages(struct oct_migrate_vma *migrate);

/* Ends the migration: what was copied is in the device now and its memory is given back, unless somebody
 * found it in between and has it mapped; the others stay where they were: their addresses show them again,
 * without the write right until the next store. Wakes who waits. Takes the lock of the space for reading. TLB
 * after: as before. Returns how many pages of memory were given back. */
int oct_migrate_vma_finalize(struct oct_migrate_vma *migrate);

#ifdef __cplusplus
}
#endif
#endif
