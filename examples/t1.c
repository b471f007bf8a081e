/* t1.c: a flush on two CPUs: the six upcalls of T1. SPDX-License-Identifier: MIT
 *
 * CPU 1 runs a space; CPU 0 unmaps a page of it, and gets the page back when CPU 1 has answered. CPUs are
 * threads here, and an interrupt is a flag that they look at: a kernel has an interrupt for that. */
#include <octavo/octavo.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>

static struct oct_system oct;
static struct oct_space space;
static _Thread_local unsigned self, irqs_off;
static uint32_t pending[2], answered, runs, over; /* atomic */

static void interrupts(void)
{
	if (irqs_off == 0 && oct_xchg(&pending[self], 0u, OCT_ACQ_REL)) {
		irqs_off++;
		oct_tlb_interrupt(&oct);
		irqs_off--;
		oct_fetch_add(&answered, 1u, OCT_REL);
	}
}

unsigned oct_port_cpu_self(void)
{
	return self;
}

unsigned long oct_port_irq_save(void)
{
	return irqs_off++;
}

void oct_port_irq_restore(unsigned long state)
{
	irqs_off = (unsigned)state;
	interrupts();
}

void oct_port_ipi(unsigned cpu)
{
	oct_store(&pending[cpu], 1u, OCT_REL); /* pairs with interrupts() */
}

void oct_port_relax(void)
{
	interrupts();
	sched_yield();
}

void oct_port_root_changed(struct oct_space *now)
{
	(void)now;
}

static void *cpu1(void *arg)
{
	self = 1;
	oct_space_switch(&oct, &space);
	oct_store(&runs, 1u, OCT_REL);
	oct_await(oct_load(&over, OCT_ACQ)); /* its user program */
	return arg;
}

int main(void)
{
	const uintptr_t va = 0x10000000;
	struct oct_ticket ticket;
	oct_phys_t page;
	pthread_t thread;

	if (oct_system_init(&oct, 2) || oct_space_init(&space, &oct))
		return 1;
	page = oct_port_page_alloc(0, OCT_USE_USER);
	if (page == OCT_NO_PAGE || oct_table_map(&space, va, page, 1, OCT_READ | OCT_WRITE, OCT_NORMAL))
		return 1;
	if (pthread_create(&thread, NULL, cpu1, NULL))
		return 1;
	oct_await(oct_load(&runs, OCT_ACQ));

	/* The page is queued on the ticket: it goes back when no CPU can reach it any more. */
	oct_ticket_init(&ticket, &space);
	if (oct_table_unmap(&space, va, va + OCT_PAGE_SIZE, true, &ticket))
		return 1;
	oct_ticket_complete(&ticket);
	printf("unmapped and given back: %s\n", OCT_FORMAT_BROADCAST ? "one invalidation reached both CPUs"
	                                        : oct_load(&answered, OCT_ACQ) ? "CPU 1 answered an interrupt"
	                                                                       : "nobody was asked");
	if (!OCT_FORMAT_BROADCAST && !oct_load(&answered, OCT_ACQ))
		return 1;
	oct_space_exit(&space); /* CPU 1 leaves it, by an interrupt */
	oct_store(&over, 1u, OCT_REL);
	pthread_join(thread, NULL);
	oct_system_exit(&oct);
	return 0;
}
