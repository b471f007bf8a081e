/* selftest.c: a little of T0 and T1, for a new port. SPDX-License-Identifier: MIT */
#include <octavo/selftest.h>
#include "table_internal.h"

#if OCT_TIER == 0
#define TIER "T0 tables"
#else
#define TIER "T1 tables and flush"
#endif

/* Returns from the step that fails, with its line as its number. */
#define STEP(truth)                                                                                          \
	do {                                                                                                 \
		if (!(truth))                                                                                \
			return __LINE__;                                                                     \
	} while (0)

static const uintptr_t where = 16 * OCT_PAGE_SIZE;

static OCT_SELDOM int use_page(struct oct_space *space, oct_phys_t page, struct oct_ticket *ticket)
{
	uintptr_t end = where + OCT_PAGE_SIZE;

	STEP(oct_table_query(space, where) == 0);
	STEP(oct_table_map(space, where, page, 1, OCT_READ | OCT_WRITE, OCT_NORMAL) == 0);
	STEP(oct_pte_phys(oct_table_query(space, where)) == page);
	STEP(oct_pte_write(oct_table_query(space, where)));
	STEP(oct_table_map(space, where, page, 1, OCT_READ, OCT_NORMAL) == -OCT_EEXIST);
	STEP(oct_table_map(space, where + 1, page, 1, OCT_READ, OCT_NORMAL) == -OCT_EINVAL);
	STEP(oct_table_protect(space, where, end, OCT_READ, ticket) == 0);
	oct_ticket_complete(ticket);
	STEP(!oct_pte_write(oct_table_query(space, where)));
	STEP(oct_table_unmap(space, where, end, false, ticket) == 0);
	STEP(oct_table_trim(space, where, end, ticket) == 0);
	oct_ticket_complete(ticket);
	STEP(oct_table_query(space, where) == 0);
	return 0;
}

static OCT_SELDOM int use_space(struct oct_system *system)
{
	struct oct_ticket ticket;
	struct oct_space space;
	oct_phys_t page = oct_port_page_alloc(0, OCT_USE_USER);
	int failed;

	STEP(page != OCT_NO_PAGE);
	if (oct_space_init(&space, system)) {
		oct_port_page_free(page, 0, OCT_USE_USER);
		return __LINE__;
	}
	oct_ticket_init(&ticket, &space);
	failed = use_page(&space, page, &ticket);
	oct_ticket_complete(&ticket);
	oct_space_exit(&space);
	oct_port_page_free(page, 0, OCT_USE_USER);
	return failed;
}

OCT_SELDOM int oct_selftest_tables(struct oct_system *system)
{
	int failed = use_space(system);

	oct_port_log(failed ? "octavo " OCT_FORMAT_NAME ": " TIER " FAIL"
	                    : "octavo " OCT_FORMAT_NAME ": " TIER " work");
	return failed;
}
