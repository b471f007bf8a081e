/* t2.c: an address space: mmap, faults, fork, copy-on-write. SPDX-License-Identifier: MIT
 *
 * One CPU, one thread: locks never wait and interrupts have no receiver, so most upcalls are empty. A user
 * access is played by user_store and user_load: look at the entry, fault if it does not do. */
#include <octavo/octavo.h>
#include <stdio.h>
#include <string.h>

static struct oct_mm *current;

/* ---- T1, for one CPU ---------------------------------------------------------------------------- */
unsigned oct_port_cpu_self(void)
{
	return 0;
}

unsigned long oct_port_irq_save(void)
{
	return 0;
}

void oct_port_irq_restore(unsigned long state)
{
	(void)state;
}

void oct_port_ipi(unsigned cpu)
{
	(void)cpu;
}

void oct_port_relax(void)
{
}

void oct_port_root_changed(struct oct_space *space)
{
	current = (struct oct_mm *)(void *)space; /* its first member */
}

/* ---- T2 ------------------------------------------------------------------------------------------ */
void oct_port_wait(uint32_t *word, uint32_t value)
{
	(void)word, (void)value;
	oct_port_panic("the only thread waits for itself");
}

void oct_port_wake(uint32_t *word, unsigned count)
{
	(void)word, (void)count;
}

void oct_port_defer(void (*fn)(void *arg), void *arg)
{
	fn(arg); /* nobody else walks tables */
}

struct oct_mm *oct_port_current(void)
{
	return current;
}

void oct_port_page_copy(oct_phys_t dst, oct_phys_t src, unsigned order)
{
	memcpy(oct_port_phys_to_virt(dst), oct_port_phys_to_virt(src), OCT_PAGE_SIZE << order);
}

void oct_port_icache_sync(oct_phys_t page, unsigned order)
{
	(void)page, (void)order;
}

/* ---- A user program's accesses --------------------------------------------------------------------- */
static char *user_byte(uintptr_t va, unsigned access)
{
	for (;;) {
		oct_pte_t pte = oct_table_query(&current->space, va & OCT_PAGE_MASK);

		if (oct_pte_present(pte) && (oct_pte_prot(pte) & access))
			return (char *)oct_port_phys_to_virt(oct_pte_phys(pte)) + (va & ~OCT_PAGE_MASK);
		if (oct_fault(current, va, access) != OCT_FAULT_DONE)
			return NULL; /* a kernel: signal, userfault event, retry, out of memory */
	}
}

static bool expect(const char *what, const char *got, const char *wanted)
{
	bool same = got && !strcmp(got, wanted);

	printf("%-28s %s\n", what, got ? got : "(signal)");
	return same;
}

int main(void)
{
	static struct oct_system oct;
	static struct oct_mm parent, child;
	uintptr_t va;
	char *text;
	bool good;

	if (oct_system_init(&oct, 1) || oct_mm_init(&parent, &oct) || oct_mm_init(&child, &oct))
		return 1;
	if (oct_selftest(&oct)) /* a line per tier, before anything depends on the port */
		return 1;
	if (oct_mmap(&parent, 0, 4 * OCT_PAGE_SIZE, OCT_READ | OCT_WRITE, 0, &va))
		return 1;
	oct_mm_switch(&oct, &parent);
	text = user_byte(va, OCT_WRITE); /* zero-filled by its first fault */
	if (!text)
		return 1;
	strcpy(text, "written before the fork");
	if (oct_fork(&child, &parent)) /* shares the page, write-protected in both */
		return 1;
	text = user_byte(va, OCT_WRITE); /* copies it */
	if (!text)
		return 1;
	strcpy(text, "written after the fork");
	good = expect("the parent sees", user_byte(va, OCT_READ), "written after the fork");
	oct_mm_switch(&oct, &child);
	good &= expect("the child sees", user_byte(va, OCT_READ), "written before the fork");
	if (oct_mprotect(&child, va, OCT_PAGE_SIZE, OCT_READ))
		return 1;
	good &= user_byte(va, OCT_WRITE) == NULL;
	oct_mm_exit(&child); /* makes this CPU leave it first */
	oct_mm_exit(&parent);
	oct_system_exit(&oct);
	return good ? 0 : 1;
}
