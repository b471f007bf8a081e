/* glue.h: what the machine calls in a core that was compiled for one architecture.
 * SPDX-License-Identifier: MIT */
#ifndef MODEL_GLUE_H
#define MODEL_GLUE_H

#include <stddef.h>
#include <stdint.h>
#include <octavo/check.h>

/* A shared word of one of the core's structures, for people. */
struct oc_field {
	const char *name;    /* "" ends a list */
	size_t offset, size; /* of the whole field; an array has more than one word */
	size_t word;
};

struct oc_glue {
	unsigned arch;
	size_t system_size, mm_size;
	int (*system_init)(void *system, unsigned cpus);
	int (*mm_init)(struct oct_mm *mm, void *system);
	void (*mm_exit)(struct oct_mm *mm);
	void (*mm_switch)(void *system, struct oct_mm *mm);
	void (*interrupt)(void *system);
	/* 0: access again; 1: a userfault event; -1: the access has no right; -2: no memory */
	int (*fault)(struct oct_mm *mm, uintptr_t va, bool store);
	/* An area over [va, +pages) and, unless folio is NULL, that page at each of its addresses;
	 * NULL: fresh pages. 0 or a negative error. */
	int (*map)(struct oct_mm *mm, uintptr_t va, size_t pages, unsigned prot, bool shared,
	           struct oct_folio *folio);
	/* The machine's devices walk mm from now on: what the core tells its secondary MMUs goes to
	 * oc_device_invalidate() and oc_device_leave(). memory: secondary_size bytes, zeroed. */
	size_t secondary_size;
	void (*bind)(struct oct_mm *mm, void *memory);
	oct_phys_t (*root)(const struct oct_mm *mm);
	/* Of the kernel's space, 0: there is none. Are its addresses found by way of every root? */
	oct_phys_t (*kernel_root)(const void *system);
	bool shared_root;
	/* The number mm runs under, by the word at asid_word(mm); 0: none yet. */
	unsigned (*asid)(uint64_t word);
	const uint64_t *(*asid_word)(const struct oct_mm *mm);
	/* How many generations of the space's changes were drawn, and up to which they are complete. */
	const uint64_t *(*generation_word)(const struct oct_mm *mm),
	    *(*completed_word)(const struct oct_mm *mm);
	const struct oc_field *mm_fields, *system_fields, *cpu_fields, *folio_fields;
	size_t cpu_offset, cpu_size; /* of the CPUs in the system */
};
extern const struct oc_glue oc_glue;

void oc_device_invalidate(uintptr_t start, size_t pages, bool leaf_only);
void oc_device_leave(void);

#endif
