/* core/secondary-list: who reads the list of secondary MMUs while it changes. SPDX-License-Identifier: MIT
 *
 * Whoever finds a member by the list finds its functions, also when the one before it has just gone. Who
 * finds nobody, because the space ends, finds done what they did until they left; and when the call that ends
 * the space has returned, nobody calls them any more. at-once: the list is emptied and the struct used again,
 * though somebody may have read it before. */
#include <octavo/check.h>
#include <octavo/notify.h>

enum { VA = 0x10000 };

static struct oct_space *space;
static struct oct_secondary one, two, three;
static struct oct_secondary *list; /* atomic; of at-once */
static bool told, parted;

static void invalidate(struct oct_secondary *secondary, struct oct_space *of, uintptr_t start, size_t pages,
                       enum oct_depth depth)
{
	OC_ASSERT(OC_ASSERTION, of == space && start == VA && pages == 1 && depth == OCT_LEAF);
	(void)secondary;
	told = true;
}

static void leave(struct oct_secondary *secondary, struct oct_space *of)
{
	OC_ASSERT(OC_ASSERTION, secondary == &one && of == space);
	parted = true;
}

static void make(struct oct_secondary *secondary)
{
	secondary->invalidate = invalidate;
	secondary->leave = leave;
	secondary->young = NULL;
}

static void setup(void)
{
	struct oct_mm *mm;

	oc_mm();
	mm = oc_mm();
	space = &mm->space;
	oc_map_anon(mm, VA, 1, OCT_READ | OCT_WRITE);
	make(&one);
	oct_secondary_bind(space, &one);
	list = &one;
}

static void at_once(void)
{
	if (oct_port_cpu_self() == 1) {
		oct_store(&list, NULL, OCT_REL);
		one.invalidate = NULL;
	} else if (oct_load(&list, OCT_ACQ) != NULL) { /* pairs with the store above */
		one.invalidate(&one, space, VA, 1, OCT_LEAF);
	}
}

static void tell(void)
{
	oct_secondary_invalidate(space, VA, 1, OCT_LEAF);
	oc_cover(told ? "told" : "not-told");
}

static void unbind(void)
{
	if (oct_port_cpu_self() == 0) {
		tell();
		return;
	}
	make(&two);
	make(&three);
	oct_secondary_bind(space, &two);
	oct_secondary_bind(space, &three);
	oct_secondary_unbind(space, &three);
	three.invalidate = NULL;
}

/* A host looks for idle pages. */
static void young(void)
{
	if (oct_port_cpu_self() == 0) {
		OC_ASSERT(OC_ASSERTION, !oct_secondary_young(space, VA, 1, false));
		return;
	}
	make(&two);
	oct_secondary_bind(space, &two);
}

static void end(void)
{
	if (oct_port_cpu_self() == 0) {
		tell();
		OC_ASSERT(OC_I8, told || parted);
		return;
	}
	oct_space_leave(space);
	one.invalidate = NULL;
}

OC_SCENARIO(.setup = setup, .arch = OC_ARCH_ALL, .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "at-once", .run = at_once, .expected = OC_VIOLATES(OC_RACE)},
                         {.name = "unbind", .run = unbind, .expected = OC_HOLDS, .cover = {"told"}},
                         {.name = "young", .run = young, .expected = OC_HOLDS},
                         {.name = "end", .run = end, .expected = OC_HOLDS, .cover = {"told", "not-told"}}})
