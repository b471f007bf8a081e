/* core/kernel-flush: the kernel's half is flushed everywhere. SPDX-License-Identifier: MIT
 *
 * A kernel page is mapped and unmapped, its table too, while another CPU runs a user space, runs none, or
 * goes from one to the other: the kernel's half is active everywhere, so each CPU is a target and answers,
 * and the flush ends (I9). user-only: targets are those that run the user space, and the one that does not
 * run it is waited for in vain. */
#include <octavo/check.h>

enum { READ_WRITE_KERNEL = OCT_READ | OCT_WRITE | OCT_KERNEL };

static struct oct_mm *mm;
static struct oct_system *machine;
static struct oct_space kernel;
static oct_phys_t page;
static uintptr_t start;

static void setup(void)
{
	mm = oc_mm();
	machine = mm->space.system;
	start = ~(uintptr_t)0 << OCT_FORMAT_USER_BITS;
	OC_ASSERT(OC_ASSERTION, oct_kernel_space_init(&kernel, machine, start, ~(uintptr_t)0) == 0);
	page = oct_port_page_alloc(0, OCT_USE_CORE);
	OC_ASSERT(OC_ASSERTION, oct_table_map(&kernel, start, page, 1, READ_WRITE_KERNEL, OCT_NORMAL) == 0);
	oc_map_anon(mm, 0x10000, 1, OCT_READ | OCT_WRITE);
}

static void unmap(void)
{
	struct oct_ticket ticket;

	oct_ticket_init(&ticket, &kernel);
	OC_ASSERT(OC_ASSERTION, oct_table_unmap(&kernel, start, start + OCT_PAGE_SIZE, false, &ticket) == 0);
	OC_ASSERT(OC_ASSERTION, oct_table_trim(&kernel, start, start + oct_level_bytes(1), &ticket) == 0);
	oct_ticket_complete(&ticket);
	OC_ASSERT(OC_ASSERTION,
	          oct_load(&kernel.completed, OCT_ACQ) == oct_load(&kernel.generation, OCT_RLX));
}

static void against(void (*other)(void))
{
	if (oct_port_cpu_self() == 0)
		unmap();
	else
		other();
}

static void run(void)
{
	OC_ASSERT(OC_I2, oc_store32(mm, 0x10000, 7) == 0);
}

static void go_idle(void)
{
	oct_mm_switch(machine, NULL);
}

static void come_back(void)
{
	oct_mm_switch(machine, NULL);
	oct_mm_switch(machine, mm);
}

static void runs(void)
{
	against(run);
}

static void idle(void)
{
	against(go_idle);
}

static void switches(void)
{
	against(come_back);
}

/* Waits for a CPU that nobody interrupts for this space. */
static void user_only(void)
{
	if (oct_port_cpu_self() == 1) {
		go_idle();
		return;
	}
	oct_fetch_add(&kernel.generation, 1, OCT_SC);
	oc_await(oct_load(&kernel.seen[1], OCT_ACQ) >= 1);
}

OC_SCENARIO(.setup = setup, .arch = OC_ARCH_ALL, .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "user-only", .run = user_only, .expected = OC_VIOLATES(OC_DEADLOCK)},
                         {.name = "runs", .run = runs, .expected = OC_HOLDS},
                         {.name = "idle", .run = idle, .expected = OC_HOLDS},
                         {.name = "switches", .run = switches, .expected = OC_HOLDS}})
