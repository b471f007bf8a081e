/* core/secondary: secondary MMUs come and go while a flush reads the list of them. SPDX-License-Identifier:
 * MIT
 *
 * A flush tells who is bound; who comes meanwhile and is not told finds what the flush took away (F9). Who
 * finds one in the list finds its functions. After an unbind the struct is the host's again: nobody calls
 * it any more. The devices here are software: they are told by a call, and walk by looking.
 * unordered: the device says that it is there by a relaxed store. */
#include <octavo/check.h>
#include <octavo/notify.h>

enum { VA = 0x10000, READ_WRITE = OCT_READ | OCT_WRITE };

static struct oct_mm *mm;
static struct oct_space *space;
static struct oct_secondary one;
static uint32_t here; /* atomic */
static bool told, looked, found;

static void invalidate(struct oct_secondary *secondary, struct oct_space *of, uintptr_t start, size_t pages,
                       enum oct_depth depth)
{
	OC_ASSERT(OC_ASSERTION, of == space && start == VA && pages == 1 && depth == OCT_LEAF);
	(void)secondary;
	told = true;
}

static void leave(struct oct_secondary *secondary, struct oct_space *of)
{
	(void)secondary;
	(void)of;
}

static void make(struct oct_secondary *secondary)
{
	secondary->invalidate = invalidate;
	secondary->leave = leave;
}

static void setup(void)
{
	mm = oc_mm();
	space = &mm->space;
	oc_map_anon(mm, VA, 1, READ_WRITE);
}

static void look(void)
{
	looked = true;
	found = !oct_pte_write(oct_table_query(space, VA));
}

static void protect(void)
{
	struct oct_ticket ticket;

	oct_ticket_init(&ticket, space);
	OC_ASSERT(OC_ASSERTION, oct_table_protect(space, VA, VA + OCT_PAGE_SIZE, OCT_READ, &ticket) == 0);
	oct_ticket_complete(&ticket);
	oc_cover(told ? "told" : "not-told");
}

static void unordered(void)
{
	if (oct_port_cpu_self() == 1) {
		oct_store(&here, 1u, OCT_RLX);
		look();
		return;
	}
	oc_entry_update(oc_pte(mm, VA), oct_pte_wrprotect);
	oct_fence(OCT_SC); /* pairs with nothing: that is what is wrong */
	told = oct_load(&here, OCT_RLX) != 0;
}

static void bind(void)
{
	if (oct_port_cpu_self() == 0) {
		protect();
		return;
	}
	make(&one);
	oct_secondary_bind(space, &one);
	look();
}

/* A host answers the fault of a device. */
static void tell(void)
{
	if (oct_port_cpu_self() == 0) {
		oct_secondary_invalidate(space, VA, 1, OCT_LEAF);
		oc_cover(told ? "told" : "not-told");
		return;
	}
	make(&one);
	oct_secondary_bind(space, &one);
}

static void unbind(void)
{
	if (oct_port_cpu_self() == 0) {
		protect();
		return;
	}
	make(&one);
	oct_secondary_bind(space, &one);
	oct_secondary_unbind(space, &one);
	one.invalidate = NULL;
}

static void final(void)
{
	OC_ASSERT(OC_I4, !looked || told || found);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {
                {.name = "unordered", .run = unordered, .expected = OC_VIOLATES(OC_I4)},
                {.name = "bind", .run = bind, .expected = OC_HOLDS, .cover = {"told", "not-told"}},
                {.name = "tell", .run = tell, .expected = OC_HOLDS, .cover = {"told", "not-told"}},
                {.name = "unbind", .run = unbind, .expected = OC_HOLDS, .cover = {"told", "not-told"}}})
