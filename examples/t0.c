/* t0.c: page tables in one page: the six upcalls of T0 and how to use them. SPDX-License-Identifier: MIT */
#include <octavo/octavo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

oct_phys_t oct_port_page_alloc(unsigned order, enum oct_page_use use)
{
	void *pages = aligned_alloc(OCT_PAGE_SIZE << order, OCT_PAGE_SIZE << order);

	(void)use;
	return pages ? (oct_phys_t)(uintptr_t)pages : OCT_NO_PAGE;
}
void oct_port_page_free(oct_phys_t page, unsigned order, enum oct_page_use use)
{
	(void)order, (void)use;
	free(oct_port_phys_to_virt(page));
}
void oct_port_page_clear(oct_phys_t page, unsigned order)
{
	memset(oct_port_phys_to_virt(page), 0, OCT_PAGE_SIZE << order);
}
void *oct_port_phys_to_virt(oct_phys_t page)
{
	return (void *)(uintptr_t)page; /* a kernel adds the offset of its direct map */
}
void oct_port_log(const char *line)
{
	puts(line);
}
void oct_port_panic(const char *why)
{
	puts(why);
	abort();
}

int main(void)
{
	static struct oct_system oct;
	struct oct_space space;
	struct oct_ticket ticket;
	const uintptr_t va = 0x10000000, end = va + 16 * OCT_PAGE_SIZE;

	if (oct_system_init(&oct, 1) || oct_space_init(&space, &oct))
		return 1;
	oct_space_switch(&oct, &space); /* loads the root register */
	if (oct_table_map(&space, va, 0x80000000, 16, OCT_READ | OCT_WRITE, OCT_NORMAL))
		return 1;
	printf("%#lx is mapped to %#llx\n", (unsigned long)va + OCT_PAGE_SIZE,
	       (unsigned long long)oct_pte_phys(oct_table_query(&space, va + OCT_PAGE_SIZE)));
	oct_ticket_init(&ticket, &space); /* what is taken away is gone when its ticket is complete */
	if (oct_table_unmap(&space, va, end, false, &ticket) || oct_table_trim(&space, va, end, &ticket))
		return 1;
	oct_ticket_complete(&ticket);
	puts(oct_table_query(&space, va) ? "still mapped" : "unmapped");
	oct_space_switch(&oct, NULL);
	oct_space_exit(&space);
	oct_system_exit(&oct);
	return 0;
}
