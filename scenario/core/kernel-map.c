/* core/kernel-map: a kernel page is mapped and used at once. SPDX-License-Identifier: MIT
 *
 * Nobody answers a fault of the kernel's, so what is mapped there has to be published to the walker of the
 * CPU that goes on. Each call that makes an entry of the kernel's present is followed by an access.
 * unpublished stores the entry and goes on: on arm64 the walk may be older than the store, on riscv64 a TLB
 * may keep that there was nothing; x86-64 walks in order. */
#include <octavo/check.h>

enum { READ_WRITE_KERNEL = OCT_READ | OCT_WRITE | OCT_KERNEL };

static struct oct_space kernel;
static oct_phys_t page;
static uintptr_t start, beside;

/* One page, nothing beside it. */
static void setup(void)
{
	start = ~(uintptr_t)0 << OCT_FORMAT_USER_BITS;
	beside = start + OCT_PAGE_SIZE;
	OC_ASSERT(OC_ASSERTION, oct_kernel_space_init(&kernel, oc_system(), start, ~(uintptr_t)0) == 0);
	page = oct_port_page_alloc(0, OCT_USE_CORE);
	OC_ASSERT(OC_ASSERTION, oct_table_map(&kernel, start, page, 1, READ_WRITE_KERNEL, OCT_NORMAL) == 0);
	oc_mm();
}

static void use(uintptr_t va)
{
	OC_ASSERT(OC_ASSERTION, oc_kernel_store32(va, 7) == 0);
	oc_cover("used");
}

static void map(void)
{
	OC_ASSERT(OC_ASSERTION, oct_table_map(&kernel, beside, page, 1, READ_WRITE_KERNEL, OCT_NORMAL) == 0);
	use(beside);
}

static oct_pte_t writable(void)
{
	return oct_pte_mkdirty(oct_pte_mkyoung(oct_pte_make(page, READ_WRITE_KERNEL, OCT_NORMAL)));
}

static void set_ptes(void)
{
	struct oct_pte_guard guard;

	oct_pte_lock_at(&kernel, beside, &guard);
	oct_set_ptes(NULL, &guard, writable(), 1);
	oct_pte_guard_unlock(NULL, &guard);
	use(beside);
}

/* The same rights as before: what TLBs kept may serve. What stood there in between must not. */
static void modify_prot(void)
{
	struct oct_pte_guard guard;
	struct oct_ticket ticket;
	oct_pte_t old;

	oct_ticket_init(&ticket, &kernel);
	oct_pte_lock_at(&kernel, start, &guard);
	old = oct_ptep_modify_prot_start(&ticket, &guard);
	oct_ptep_modify_prot_commit(&ticket, &guard, old, writable());
	oct_pte_guard_unlock(&ticket, &guard);
	oct_ticket_complete(&ticket);
	use(start);
}

static void unpublished(void)
{
	oc_entry_set(oct_table_find(&kernel, beside, 0), writable());
	use(beside);
}

OC_SCENARIO(.setup = setup, .arch = OC_ARCH_ALL, .actors = {OC_CPU(OC_VARIANT)}, .cover = {"used"},
            .variants = {{.name = "unpublished",
                          .run = unpublished,
                          .expected = OC_VIOLATES(OC_ASSERTION),
                          .on = {{OC_X86_64, OC_HOLDS}}},
                         {.name = "map", .run = map, .expected = OC_HOLDS},
                         {.name = "set-ptes", .run = set_ptes, .expected = OC_HOLDS},
                         {.name = "modify-prot", .run = modify_prot, .expected = OC_HOLDS}})
