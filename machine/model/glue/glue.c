/* glue.c: the machine's side of one architecture's core. SPDX-License-Identifier: MIT
 *
 * Compiled once per architecture beside the core, not instrumented: nothing here is part of what is
 * checked, it only calls it. */
#include "../glue.h"

static int glue_system_init(void *system, unsigned cpus)
{
	struct oct_system *s = system;
	int error = oct_system_init(s, cpus);

	if (!error)
		s->defer = oct_port_defer;
	return error;
}

static int glue_mm_init(struct oct_mm *mm, void *system)
{
	return oct_mm_init(mm, system);
}

static void glue_mm_switch(void *system, struct oct_mm *mm)
{
	oct_mm_switch(system, mm);
}

static void glue_interrupt(void *system)
{
	oct_tlb_interrupt(system);
}

static int glue_fault(struct oct_mm *mm, uintptr_t va, bool store)
{
	int result = oct_fault(mm, va, store ? OCT_WRITE : OCT_READ);

	if (result == OCT_FAULT_DONE || result == OCT_FAULT_RETRY)
		return 0;
	if (result == OCT_FAULT_EVENT)
		return 1;
	return result == OCT_FAULT_SIGNAL ? -1 : -2;
}

static int glue_map(struct oct_mm *mm, uintptr_t va, size_t pages, unsigned prot, bool shared,
                    struct oct_folio *folio)
{
	uintptr_t at;
	int error = oct_mmap(mm, va, pages << OCT_PAGE_SHIFT, prot,
	                     OCT_MAP_FIXED | (shared ? OCT_MAP_SHARED : 0u), &at);

	if (error || shared)
		return error;
	for (size_t i = 0; i < pages && !error; i++) {
		struct oct_folio *f = folio ? folio : oct_folio_alloc();

		if (!f)
			return -OCT_ENOMEM;
		if (!folio)
			oct_port_page_clear(f->page, 0);
		error = oct_mm_map_folio(mm, va + (i << OCT_PAGE_SHIFT), f, prot);
		if (!folio)
			oct_folio_put(f);
	}
	return error;
}

static void device_invalidate(struct oct_secondary *secondary, struct oct_space *space, uintptr_t start,
                              size_t pages, enum oct_depth depth)
{
	(void)secondary;
	(void)space;
	oc_device_invalidate(start, pages, depth == OCT_LEAF);
}

static void device_leave(struct oct_secondary *secondary, struct oct_space *space)
{
	(void)secondary;
	(void)space;
	oc_device_leave();
}

static void glue_bind(struct oct_mm *mm, void *memory)
{
	struct oct_secondary *secondary = memory;

	secondary->invalidate = device_invalidate;
	secondary->leave = device_leave;
	oct_secondary_bind(&mm->space, secondary);
}

static oct_phys_t glue_root(const struct oct_mm *mm)
{
	return mm->space.root;
}

static oct_phys_t glue_kernel_root(const void *system)
{
	const struct oct_system *s = system;

	return s->kernel ? s->kernel->root : 0;
}

static unsigned glue_asid(uint64_t word)
{
	return (unsigned)(word & 0xffff);
}

static const uint64_t *glue_asid_word(const struct oct_mm *mm)
{
	return &mm->space.asid;
}

static const uint64_t *glue_generation_word(const struct oct_mm *mm)
{
	return &mm->space.generation;
}

static const uint64_t *glue_completed_word(const struct oct_mm *mm)
{
	return &mm->space.completed;
}

#define FIELD(type, name, field, words)                                                                      \
	{                                                                                                    \
		name, offsetof(type, field), sizeof(((type *)0)->field),                                     \
		    sizeof(((type *)0)->field) / (words)                                                     \
	}

static const struct oc_field mm_fields[] = {
    FIELD(struct oct_mm, "newest generation", space.generation, 1),
    FIELD(struct oct_mm, "completed generation", space.completed, 1),
    FIELD(struct oct_mm, "ASID", space.asid, 1),
    FIELD(struct oct_mm, "leaving flag", space.leaving, 1),
    FIELD(struct oct_mm, "set of CPUs running", space.running, OCT_CPU_WORDS),
    FIELD(struct oct_mm, "list of secondary MMUs", space.secondary, 1),
    FIELD(struct oct_mm, "range record", space.ranges, OCT_OPEN_RANGES),
    FIELD(struct oct_mm, "generation seen by CPU", space.seen, OCT_MAX_CPUS),
    FIELD(struct oct_mm, "mm lock, word of CPU", lock, OCT_MAX_CPUS),
    {""},
};
static const struct oc_field system_fields[] = {
    FIELD(struct oct_system, "ASID lock", asid_lock, 1),
    FIELD(struct oct_system, "grace period request", grace_request, 1),
    {""},
};
static const struct oc_field cpu_fields[] = {
    FIELD(struct oct_cpu, "grace period seen", grace_done, 1),
    FIELD(struct oct_cpu, "owner of the ASID", owner, 1),
    {""},
};
static const struct oc_field folio_fields[] = {
    FIELD(struct oct_folio, "reference count", refcount, 1),
    FIELD(struct oct_folio, "map count", mapcount, 1),
    FIELD(struct oct_folio, "flags", flags, 1),
    {""},
};

const struct oc_glue oc_glue = {
#ifdef OCT_ARCH_ARM64
    .arch = OC_ARM64,
#elif defined(OCT_ARCH_RISCV64)
    .arch = OC_RISCV64,
#else
    .arch = OC_X86_64,
#endif
    .system_size = sizeof(struct oct_system),
    .mm_size = sizeof(struct oct_mm),
    .system_init = glue_system_init,
    .mm_init = glue_mm_init,
    .mm_exit = oct_mm_exit,
    .mm_switch = glue_mm_switch,
    .interrupt = glue_interrupt,
    .fault = glue_fault,
    .map = glue_map,
    .secondary_size = sizeof(struct oct_secondary),
    .bind = glue_bind,
    .root = glue_root,
    .kernel_root = glue_kernel_root,
    .shared_root = OCT_FORMAT_SHARED_ROOT,
    .asid = glue_asid,
    .asid_word = glue_asid_word,
    .generation_word = glue_generation_word,
    .completed_word = glue_completed_word,
    .mm_fields = mm_fields,
    .system_fields = system_fields,
    .cpu_fields = cpu_fields,
    .folio_fields = folio_fields,
    .cpu_offset = offsetof(struct oct_system, cpu),
    .cpu_size = sizeof(struct oct_cpu),
};
