/* core/notifier-list: notifiers come and go while calls announce what they change. SPDX-License-Identifier:
 * MIT
 *
 * A call that comes by the object, and one that holds the lock of the space, find a notifier whole or not at
 * all; each start that was heard has its end. After an unbind the struct is the host's again. no-order: the
 * list is stored without order. */
#include "../file.h"
#include <octavo/notify.h>

enum { VA = 0x20000 };

static struct oct_mm *mm;
static struct oct_notifier one, two;
static struct oct_notifier *list; /* atomic; of no-order */
static unsigned started, ended;   /* by the CPU that changes */

static void start(struct oct_notifier *notifier, struct oct_mm *of, uintptr_t from, uintptr_t to)
{
	OC_ASSERT(OC_ASSERTION, of == mm && from < to);
	oc_cover(notifier == &one ? "told-one" : "told-two");
	started++;
}

static void end(struct oct_notifier *notifier, struct oct_mm *of, uintptr_t from, uintptr_t to)
{
	OC_ASSERT(OC_ASSERTION, (notifier == &one || notifier == &two) && of == mm && from < to);
	ended++;
}

static void make(struct oct_notifier *notifier)
{
	notifier->start = start;
	notifier->end = end;
}

static void setup(void)
{
	mm = oc_mm();
	file_setup(mm, OCT_READ);
	oc_map_anon(mm, VA, 1, READ_WRITE);
	make(&one);
	oct_notifier_bind(mm, &one);
}

static void no_order(void)
{
	struct oct_notifier *found;

	if (oct_port_cpu_self() == 1) {
		make(&two);
		oct_store(&list, &two, OCT_RLX);
		return;
	}
	found = oct_load(&list, OCT_RLX);
	if (found)
		found->start(found, mm, VA, VA + OCT_PAGE_SIZE);
}

static void truncate(void)
{
	oct_mapping_truncate(&file.mapping, 0);
	OC_ASSERT(OC_I8, started && started == ended);
}

static void unmap(void)
{
	OC_ASSERT(OC_ASSERTION, oct_munmap(mm, VA, OCT_PAGE_SIZE) == 0);
	OC_ASSERT(OC_I8, started == ended);
}

static void bind_two(void)
{
	make(&two);
	oct_notifier_bind(mm, &two);
}

static void unbind_one(void)
{
	oct_notifier_unbind(mm, &one);
	one.start = NULL;
}

static void bind_truncate(void)
{
	RAW_PARTS(truncate, bind_two);
}

static void bind_unmap(void)
{
	RAW_PARTS(unmap, bind_two);
}

static void unbind_unmap(void)
{
	RAW_PARTS(unmap, unbind_one);
}

OC_SCENARIO(.setup = setup, .arch = OC_ARCH_ALL, .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {
                {.name = "no-order", .run = no_order, .expected = OC_VIOLATES(OC_RACE)},
                {.name = "bind-truncate",
                 .run = bind_truncate,
                 .expected = OC_HOLDS,
                 .cover = {"told-one", "told-two"}},
                {.name = "bind-munmap",
                 .run = bind_unmap,
                 .expected = OC_HOLDS,
                 .cover = {"told-one", "told-two"}},
                {.name = "unbind-munmap", .run = unbind_unmap, .expected = OC_HOLDS, .cover = {"told-one"}}})
