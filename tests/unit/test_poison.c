/* test_poison.c: freed pages are filled with a pattern. SPDX-License-Identifier: MIT
 *
 * formats: x86_64
 * The files that free pages are compiled here once more, with OCT_DEBUG_POISON and upcalls of this file's own
 * that look at what comes back. */
#include <octavo/octavo.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#define OCT_DEBUG_POISON
#define oct_folio_alloc        tested_folio_alloc
#define oct_folio_alloc_pages  tested_folio_alloc_pages
#define oct_folio_get          tested_folio_get
#define oct_folio_put          tested_folio_put
#define oct_folio_put_many     tested_folio_put_many
#define oct_folio_exclusive    tested_folio_exclusive
#define oct_folio_exclusive_at tested_folio_exclusive_at
#define oct_folio_split        tested_folio_split
#define oct_port_page_alloc    given_alloc
#define oct_port_page_free     given_free
#define oct_port_folio_of      given_folio
#define oct_port_phys_to_virt  given_memory

static _Alignas(4096) unsigned char memory[2][1 << OCT_PAGE_SHIFT];
static struct oct_folio folios[2];
static unsigned freed;

oct_phys_t given_alloc(unsigned order, enum oct_page_use use);
void given_free(oct_phys_t page, unsigned order, enum oct_page_use use);
struct oct_folio *given_folio(oct_phys_t page);
void *given_memory(oct_phys_t page);

#include "../../src/table/table_internal.h"
#include "../../src/page/folio.c"

oct_phys_t given_alloc(unsigned order, enum oct_page_use use)
{
	(void)use;
	assert_int_equal(order, 0);
	return OCT_PAGE_SIZE;
}

void *given_memory(oct_phys_t page)
{
	return memory[(page >> OCT_PAGE_SHIFT) - 1];
}

struct oct_folio *given_folio(oct_phys_t page)
{
	return &folios[(page >> OCT_PAGE_SHIFT) - 1];
}

void given_free(oct_phys_t page, unsigned order, enum oct_page_use use)
{
	const uint64_t *words = given_memory(page);

	(void)use;
	for (size_t i = 0; i < (OCT_PAGE_SIZE << order) / sizeof(*words); i++)
		assert_true(words[i] == OCT_POISON);
	freed++;
}

static void contents(void **state)
{
	struct oct_folio *folio = oct_folio_alloc();

	(void)state;
	memset(memory, 0x5a, sizeof(memory));
	oct_folio_get(folio);
	oct_folio_put(folio);
	assert_int_equal(freed, 0);
	assert_int_equal(memory[0][100], 0x5a);
	oct_folio_put(folio);
	assert_int_equal(freed, 1);
	assert_int_equal(memory[1][0], 0x5a);
}

static void tables(void **state)
{
	(void)state;
	freed = 0;
	memset(memory, 0x5a, sizeof(memory));
	oct_table_free(OCT_PAGE_SIZE, 0);
	assert_int_equal(freed, 1);
	assert_int_equal(memory[1][0], 0x5a);
	oct_table_free(OCT_PAGE_SIZE, 1); /* entries and locks */
	assert_int_equal(freed, 2);
	assert_false(oct_pte_present(*(oct_pte_t *)given_memory(OCT_PAGE_SIZE)));
	assert_false(oct_pte_none(*(oct_pte_t *)given_memory(OCT_PAGE_SIZE)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(contents),
	    cmocka_unit_test(tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
