/* space.c: the system, and the life of a space's tables. SPDX-License-Identifier: MIT */
#include "table_internal.h"

/* Slots of the root that belong to the user half. */
static unsigned root_user_slots(void)
{
	return OCT_FORMAT_SHARED_ROOT ? OCT_TABLE_ENTRIES / 2 : OCT_TABLE_ENTRIES;
}

/* ---- System ------------------------------------------------------------------------------------- */
static void cpu_init(struct oct_cpu *cpu)
{
	static const struct oct_counters none;

	cpu->space = NULL;
	cpu->lazy = false;
	cpu->epoch = 0;
	cpu->grace_done = 0;
	cpu->owner = NULL;
	cpu->asid = 0;
	for (unsigned i = 0; i < sizeof(cpu->raw) / sizeof(cpu->raw[0]); i++) {
		cpu->raw[i].page = 0;
		cpu->raw[i].ptl = NULL;
	}
	cpu->counters = none;
}

OCT_SELDOM int oct_system_init(struct oct_system *system, unsigned cpus)
{
	oct_phys_t root;

	if (cpus < 1 || cpus > (OCT_TIER == 0 ? 1 : OCT_MAX_CPUS))
		return -OCT_EINVAL;
	root = oct_table_alloc(OCT_LEVELS - 1);
	if (root == OCT_NO_PAGE)
		return -OCT_ENOMEM;
	system->cpus = cpus;
	system->asid_lock = 0;
	system->epoch = 1;
	system->grace_request = 0;
	system->idle_root = root;
	system->zero_page = OCT_NO_PAGE;
	system->kernel = NULL;
	system->defer = NULL;
	for (unsigned word = 0; word < (OCT_MAX_ASIDS + 63) / 64; word++)
		system->asid_used[word] = 0;
	for (unsigned cpu = 0; cpu < OCT_MAX_CPUS; cpu++)
		cpu_init(&system->cpu[cpu]);
	return 0;
}

OCT_SELDOM void oct_system_exit(struct oct_system *system)
{
	if (system->kernel != NULL)
		oct_port_panic("oct_system_exit: the kernel's space is still there");
	oct_table_free(system->idle_root, OCT_LEVELS - 1);
	system->idle_root = OCT_NO_PAGE;
	if (system->zero_page != OCT_NO_PAGE)
		oct_port_page_free(system->zero_page, 0, OCT_USE_USER);
	system->zero_page = OCT_NO_PAGE;
}

/* ---- Space --------------------------------------------------------------------------------------- */
static OCT_SELDOM void space_reset(struct oct_space *space, struct oct_system *system, oct_phys_t root)
{
	space->system = system;
	space->root = root;
	space->generation = 0;
	space->completed = 0;
	space->asid = 0;
	space->leaving = 0;
	for (unsigned word = 0; word < OCT_CPU_WORDS; word++)
		space->running[word] = 0;
	/* Generation 0 is nobody's, so the cleared words describe none that is ever asked for; those of
	 * the first round have tag 0 as well, so give them another. */
	for (unsigned i = 0; i < OCT_OPEN_RANGES; i++)
		space->ranges[i] = ~(uint64_t)0;
	for (unsigned cpu = 0; cpu < OCT_MAX_CPUS; cpu++)
		space->seen[cpu] = 0;
	space->deposit_lock = 0;
	space->deposit[0] = space->deposit[1] = OCT_NO_PAGE;
#if OCT_TIER > 0
	space->splits = 0;
	space->split_next = 0;
#endif
	space->page_release = NULL;
	space->soft = NULL;
	space->secondary = NULL;
}

/* The kernel half's slots of one root, as they stand in another; nobody walks the target yet. */
static void copy_kernel_half(oct_phys_t to, oct_phys_t from)
{
	for (unsigned i = root_user_slots(); i < OCT_TABLE_ENTRIES; i++)
		oct_store(oct_table_entries(to) + i, oct_load(oct_table_entries(from) + i, OCT_RLX), OCT_RLX);
}

OCT_SELDOM int oct_space_init(struct oct_space *space, struct oct_system *system)
{
	oct_phys_t root = oct_table_alloc(OCT_LEVELS - 1);

	if (root == OCT_NO_PAGE)
		return -OCT_ENOMEM;
	space_reset(space, system, root);
	space->kernel = false;
	space->start = 0;
	space->last = ((uintptr_t)1 << OCT_FORMAT_USER_BITS) - 1;
	if (OCT_FORMAT_SHARED_ROOT && system->kernel != NULL)
		copy_kernel_half(root, system->kernel->root);
	return 0;
}

/* Links a table into each root slot that [start, last] touches. false: no memory. */
static OCT_SELDOM bool link_kernel_tables(oct_phys_t root, uintptr_t start, uintptr_t last)
{
	unsigned top = OCT_LEVELS - 1;

	for (unsigned i = oct_table_index(start, top); i <= oct_table_index(last, top); i++) {
		oct_phys_t table = oct_table_alloc(top - 1);

		if (table == OCT_NO_PAGE)
			return false;
		/* Relaxed: the space is not known to anybody yet. */
		oct_store(oct_table_entries(root) + i, oct_pte_make_table(table, top, true), OCT_RLX);
	}
	return true;
}

OCT_SELDOM int oct_kernel_space_init(struct oct_space *space, struct oct_system *system, uintptr_t start,
                                     uintptr_t last)
{
	oct_phys_t root;

	if (((start | (last + 1)) & ~OCT_PAGE_MASK) != 0 || start > last ||
	    start < ~(uintptr_t)0 << OCT_FORMAT_USER_BITS)
		return -OCT_EINVAL;
	if (system->kernel != NULL)
		return -OCT_EBUSY;
	root = oct_table_alloc(OCT_LEVELS - 1);
	if (root == OCT_NO_PAGE)
		return -OCT_ENOMEM;
	if (!link_kernel_tables(root, start, last)) {
		oct_table_free_tree(root, OCT_LEVELS - 1, 0, OCT_TABLE_ENTRIES);
		return -OCT_ENOMEM;
	}
	space_reset(space, system, root);
	space->kernel = true;
	space->start = start;
	space->last = last;
	for (unsigned cpu = 0; cpu < system->cpus; cpu++)
		space->running[cpu / OCT_CPUS_A_WORD] |= (uint64_t)1 << (cpu % OCT_CPUS_A_WORD);
	if (OCT_FORMAT_SHARED_ROOT) {
		oct_mmu_publish(); /* who walks from the idle root finds the tables cleared */
		copy_kernel_half(system->idle_root, root);
	}
	system->kernel = space;
	return 0;
}

OCT_SELDOM void oct_table_free_tree(oct_phys_t table, unsigned level, unsigned first, unsigned count)
{
	for (unsigned i = first; level > 0 && i < first + count; i++) {
		oct_pte_t link = oct_load(oct_table_entries(table) + i, OCT_RLX); /* nobody else is left */

		if (oct_pte_is_table(link, level))
			oct_table_free_tree(oct_pte_phys(link), level - 1, 0, OCT_TABLE_ENTRIES);
	}
	oct_table_free(table, level);
}

/* Everything that any CPU may still hold of the space is dropped. */
static OCT_SELDOM void forget_all(struct oct_space *space)
{
	struct oct_ptl nobody = {0}; /* the space is the caller's alone: no table needs a stamp any more */
	struct oct_pte_guard guard = {.space = space, .ptl = &nobody};
	struct oct_ticket ticket;

	oct_ticket_init(&ticket, space);
	ticket.pending = true;
	ticket.all_levels = true;
	ticket.start = space->start;
	ticket.end = space->last + 1;
	oct_ticket_close(&ticket, &guard);
	oct_ticket_complete(&ticket);
}

OCT_SELDOM void oct_space_exit(struct oct_space *space)
{
	struct oct_system *system = space->system;

	if (space->kernel) {
		/* On formats with one root every root links these tables: user spaces are gone before. */
		for (unsigned i = root_user_slots(); OCT_FORMAT_SHARED_ROOT && i < OCT_TABLE_ENTRIES; i++)
			oct_store(oct_table_entries(system->idle_root) + i, 0,
			          OCT_RLX); /* ordered by the flush */
	} else {
		oct_space_leave(space);
	}
	forget_all(space); /* while the CPUs still know the kernel's space */
	if (space->kernel)
		system->kernel = NULL;
	oct_table_free_tree(space->root, OCT_LEVELS - 1, 0,
	                    space->kernel ? OCT_TABLE_ENTRIES : root_user_slots());
	oct_deposit_exit(space);
	space->root = OCT_NO_PAGE;
}
