/* kernel.c: tier T1 on two harts, against walkers and TLBs that are not ours. SPDX-License-Identifier: MIT
 *
 * A kernel of its own under the firmware: it maps itself with the core's tables, runs under them, and
 * looks what loads and stores of its two harts do. Users' pages are reached in supervisor mode with SUM.
 * One line per check; the last line is "boot: N passed, N failed". */
#include <octavo/octavo.h>

#define UPPER 0xffffffff00000000ull /* virtual minus physical */

enum { RW = OCT_READ | OCT_WRITE, VA = 0x10000, VA_END = 0x11000 };
enum { LOAD_FAULT = 13, STORE_FAULT = 15, SUM = 1 << 18 };
enum { SBI_PUTCHAR = 1, SBI_SHUTDOWN = 8, SBI_HSM = 0x48534d };
enum { RAM = 0x80000000u, RAM_PAGES = 32768 };

uint32_t try_load(uintptr_t va, unsigned long *cause);
void try_store(uintptr_t va, uint32_t value, unsigned long *cause);
void second_start(void);
void first(unsigned long hart);
void second(void);

/* ---- Firmware ------------------------------------------------------------------------------------ */
static unsigned long sbi(unsigned long extension, unsigned long x, unsigned long y)
{
	register unsigned long a0 __asm__("a0") = x;
	register unsigned long a1 __asm__("a1") = y;
	register unsigned long a2 __asm__("a2") = 0;
	register unsigned long a6 __asm__("a6") = 0;
	register unsigned long a7 __asm__("a7") = extension;

	__asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a6), "r"(a7) : "memory");
	return a0;
}

static void print(const char *text)
{
	for (; *text; text++)
		sbi(SBI_PUTCHAR, (unsigned char)*text, 0);
}

static void print_number(unsigned long number)
{
	if (number > 9)
		print_number(number / 10);
	sbi(SBI_PUTCHAR, '0' + number % 10, 0);
}

static _Noreturn void shut_down(void)
{
	for (;;)
		sbi(SBI_SHUTDOWN, 0, 0);
}

/* ---- The port ------------------------------------------------------------------------------------ */
static oct_phys_t next_page = RAM + 0x1000000;

/* Pages are never given out twice. */
oct_phys_t oct_port_page_alloc(unsigned order, enum oct_page_use use)
{
	oct_phys_t size = OCT_PAGE_SIZE << order, page = (next_page + size - 1) & ~(size - 1);

	(void)use;
	next_page = page + size;
	return page;
}

void oct_port_page_free(oct_phys_t page, unsigned order, enum oct_page_use use)
{
	(void)page;
	(void)order;
	(void)use;
}

void *oct_port_phys_to_virt(oct_phys_t page)
{
	return (void *)(page + UPPER);
}

void oct_port_page_clear(oct_phys_t page, unsigned order)
{
	volatile uint64_t *word = oct_port_phys_to_virt(page);

	for (size_t i = 0; i < (OCT_PAGE_SIZE << order) / sizeof(*word); i++)
		word[i] = 0;
}

void oct_port_log(const char *line)
{
	print(line);
}

_Noreturn void oct_port_panic(const char *why)
{
	print("panic: ");
	print(why);
	print("\n");
	shut_down();
}

unsigned oct_port_cpu_self(void)
{
	unsigned long cpu;

	__asm__ volatile("mv %0, tp" : "=r"(cpu));
	return (unsigned)cpu;
}

/* Interrupts are never on. */
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
	oct_port_panic("a flush on riscv64 interrupts nobody");
}

void oct_port_relax(void)
{
}

void oct_port_root_changed(struct oct_space *space)
{
	(void)space;
}

void *memset(void *to, int byte, size_t size)
{
	for (volatile unsigned char *at = to; size > 0; size--)
		*at++ = (unsigned char)byte;
	return to;
}

void *memcpy(void *to, const void *from, size_t size)
{
	const unsigned char *source = from;

	for (volatile unsigned char *at = to; size > 0; size--)
		*at++ = *source++;
	return to;
}

/* ---- Checks -------------------------------------------------------------------------------------- */
static struct oct_system machine;
static struct oct_space kernel, space, other;
static struct oct_ticket ticket;
static unsigned passed, failed;
static uint32_t *content; /* of the page that VA leads to */

static void check(const char *what, unsigned long got, unsigned long wanted)
{
	passed += got == wanted;
	failed += got != wanted;
	print(got == wanted ? "ok      " : "FAILED  ");
	print(what);
	print(": ");
	print_number(got);
	print("\n");
}

static unsigned long load_cause(void)
{
	unsigned long cause;

	try_load(VA, &cause);
	return cause;
}

static unsigned long store_cause(uint32_t value)
{
	unsigned long cause;

	try_store(VA, value, &cause);
	return cause;
}

static uint32_t loaded(void)
{
	unsigned long cause;

	return try_load(VA, &cause);
}

static void map(struct oct_space *to, oct_phys_t page)
{
	if (oct_table_map(to, VA, page, 1, RW, OCT_NORMAL) != 0)
		oct_port_panic("no memory");
	/* Here nothing handles a spurious fault. */
	oct_tlb_forget_local(to, VA, true);
}

static void protect(unsigned prot)
{
	if (oct_table_protect(&space, VA, VA_END, prot, &ticket) != 0)
		oct_port_panic("a good range was refused");
	oct_ticket_complete(&ticket);
}

/* Without a ticket: what is to be seen of no flush. */
static void store_raw(oct_pte_t (*change)(oct_pte_t pte))
{
	struct oct_pte_guard guard;

	oct_pte_lock_at(&space, VA, &guard);
	oct_store(guard.pte, change(oct_pte_get(&guard)), OCT_RLX); /* one CPU changes entries here */
	oct_pte_guard_unlock(NULL, &guard);
}

static oct_pte_t clean_and_old(oct_pte_t pte)
{
	return oct_pte_mkold(oct_pte_mkclean(pte));
}

static oct_pte_t none(oct_pte_t pte)
{
	(void)pte;
	return 0;
}

static void rights(void)
{
	map(&space, RAM + 0x1000000 - OCT_PAGE_SIZE);
	content = oct_port_phys_to_virt(RAM + 0x1000000 - OCT_PAGE_SIZE);
	check("a store to a writable page", store_cause(5), 0);
	check("the page holds it", *content, 5);
	protect(OCT_READ);
	check("a store to a protected page faults", store_cause(6), STORE_FAULT);
	check("a load does not", load_cause(), 0);
	check("the page is as it was", loaded(), 5);
	protect(OCT_NONE);
	__asm__ volatile("csrc sstatus, %0" ::"r"((unsigned long)SUM));
	check("a page without rights is not the users'", load_cause(), 0);
	protect(RW);
	oct_tlb_forget_local(&space, VA, false);
	check("a page with rights is", load_cause(), LOAD_FAULT);
	__asm__ volatile("csrs sstatus, %0" ::"r"((unsigned long)SUM));
}

/* Harts with Svadu set accessed and dirty, others fault. */
static void state_bits(void)
{
	unsigned long cause;

	store_raw(clean_and_old);
	oct_tlb_forget_local(&space, VA, false);
	cause = load_cause();
	check("accessed after a load, if it did not fault", oct_pte_young(oct_table_query(&space, VA)),
	      cause == 0);
	check("not dirty after a load", oct_pte_dirty(oct_table_query(&space, VA)), 0);
	cause = store_cause(8);
	check("dirty after a store, if it did not fault", oct_pte_dirty(oct_table_query(&space, VA)),
	      cause == 0);
	store_raw(oct_pte_mkyoung);
	store_raw(oct_pte_mkdirty);
	oct_tlb_forget_local(&space, VA, false);
}

static void numbers(void)
{
	oct_phys_t page = oct_port_page_alloc(0, OCT_USE_USER);

	*(uint32_t *)oct_port_phys_to_virt(page) = 77;
	oct_space_switch(&machine, &other);
	check("another space has nothing there", load_cause(), LOAD_FAULT);
	map(&other, page);
	check("another space has its own page", loaded(), 77);
	oct_space_switch(&machine, &space);
	check("back again", loaded(), *content);
}

/* ---- The other hart ------------------------------------------------------------------------------ */
static uint32_t phase; /* odd: the other hart is to look; even: it has looked */
static unsigned long other_load, other_store;

static void await_phase(uint32_t wanted)
{
	while (oct_load(&phase, OCT_ACQ) != wanted) /* pairs with the releases of phase */
		oct_port_relax();
}

void second(void)
{
	__asm__ volatile("csrs sstatus, %0" ::"r"((unsigned long)SUM));
	oct_space_switch(&machine, &space);
	for (uint32_t turn = 1;; turn += 2) {
		await_phase(turn);
		other_load = load_cause();
		other_store = store_cause(99);
		oct_store(&phase, turn + 1, OCT_REL); /* pairs with await_phase */
	}
}

static void let_other_look(void)
{
	uint32_t turn = oct_load(&phase, OCT_RLX) + 1; /* the other hart waits */

	oct_store(&phase, turn, OCT_REL); /* pairs with await_phase */
	await_phase(turn + 1);
}

static void two_harts(unsigned long hart)
{
	check("the other hart starts", sbi(SBI_HSM, !hart, (uintptr_t)second_start - UPPER), 0);
	let_other_look();
	check("its store reaches the page", *content, 99);
	*content = 1;
	protect(OCT_READ);
	let_other_look();
	check("its load after oct_table_protect()", other_load, 0);
	check("its store after oct_table_protect()", other_store, STORE_FAULT);
	check("the page is as it was", *content, 1);
	store_raw(none);
	let_other_look();
	print(other_load == 0 ? "        its TLB keeps what was not flushed\n"
	                      : "        its TLB kept nothing\n");
	map(&space, RAM + 0x1000000 - OCT_PAGE_SIZE);
	if (oct_table_unmap(&space, VA, VA_END, false, &ticket) != 0)
		oct_port_panic("a good range was refused");
	oct_ticket_complete(&ticket);
	let_other_look();
	check("its load after oct_table_unmap()", other_load, LOAD_FAULT);
}

void first(unsigned long hart)
{
	unsigned long satp;

	print("\n");
	if (oct_system_init(&machine, 2) != 0 ||
	    oct_kernel_space_init(&kernel, &machine, UPPER + RAM,
	                          UPPER + RAM + RAM_PAGES * OCT_PAGE_SIZE - 1) != 0 ||
	    oct_table_map(&kernel, UPPER + RAM, RAM, RAM_PAGES, RW | OCT_EXEC | OCT_KERNEL, OCT_NORMAL) !=
	        0 ||
	    oct_space_init(&space, &machine) != 0 || oct_space_init(&other, &machine) != 0)
		oct_port_panic("no memory");
	oct_ticket_init(&ticket, &space);
	oct_space_switch(&machine, &space);
	__asm__ volatile("csrs sstatus, %0" ::"r"((unsigned long)SUM));
	__asm__ volatile("csrr %0, satp" : "=r"(satp));
	check("runs under the core's tables, satp.MODE", satp >> 60, OCT_LEVELS + 5);
	check("nothing is mapped", load_cause(), LOAD_FAULT);
	rights();
	state_bits();
	numbers();
	two_harts(hart);
	print("boot: ");
	print_number(passed);
	print(" passed, ");
	print_number(failed);
	print(" failed\n");
	shut_down();
}
