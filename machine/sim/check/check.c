/* check.c: octavo/check.h on the sim: scenarios as stress loops. SPDX-License-Identifier: MIT
 *
 * The same scenario source, run again and again: setup, then every actor as a thread that is a CPU of the
 * sim, with random delays where the sim does something; then final. What the machine and the assertions
 * notice is reported; nothing found proves nothing. After each turn the pages and the machine start anew and
 * the library's variables get back the values that they had when it was loaded.
 *
 * A violation is seen by some thread in the middle of something. That thread reports it and
 * stops for ever; the thread that waits for the loop returns what was reported, and the process ends soon. */
#include "../machine.h"
#include "stress.h"
#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MAX_MMS = 8, MAX_REGS = 32, MAX_SEGMENTS = 8, STUCK_SECONDS = 30 };

static SIM_STATE struct {
	/* ---- for one run ---- */
	const struct oc_scenario *scenario;
	const struct oc_variant *variant;
	unsigned actors;
	bool sw_ad;
	/* ---- of one turn ---- */
	struct oct_system system;
	bool has_system, racing;
	struct oct_mm mm[MAX_MMS];
	unsigned mms;
	uint32_t waiting; /* atomic: actors that have not come to the start */
	/* ---- under lock ---- */
	pthread_mutex_t lock;
	struct {
		const char *name;
		uint64_t value;
	} reg[MAX_REGS];
	unsigned regs;
	uint64_t turns; /* that ended */
	bool done, failed;
	enum oc_what what;
	char text[200];
	/* ---- The library's variables as they were loaded ---- */
	struct segment {
		char *base;
		size_t size;
		char *copy;
	} segment[MAX_SEGMENTS];
	unsigned segments;
} world = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- What goes wrong ---------------------------------------------------------------------------- */
__attribute__((noreturn)) static void violated(enum oc_what what, const char *text)
{
	pthread_mutex_lock(&world.lock);
	if (!world.failed) {
		world.failed = true;
		world.what = what;
		snprintf(world.text, sizeof world.text, "%s", text);
	}
	pthread_mutex_unlock(&world.lock);
	for (;;)
		pause();
}

/* The sim and the core name the invariant that a panic is about. */
__attribute__((noreturn)) static void panicked(const char *why)
{
	const char *name = strrchr(why, '(');
	unsigned number = name && name[1] == 'I' ? (unsigned)strtoul(name + 2, NULL, 10) : 0;

	violated(number >= 1 && number <= 11 ? (enum oc_what)(OC_I1 + number - 1) : OC_ASSERTION, why);
}

void oc_fail(enum oc_what what, const char *file, int line, const char *text)
{
	const char *base = strrchr(file, '/');
	char whole[200];

	snprintf(whole, sizeof whole, "%s does not hold (%s:%d)", text, base ? base + 1 : file, line);
	violated(what, whole);
}

/* ---- Spaces
 * ------------------------------------------------------------------------------------------------ */
struct oct_system *oc_system(void)
{
	if (!world.has_system) {
		if (oct_system_init(&world.system, world.actors))
			oct_port_panic("no memory for the system");
		world.system.defer = oct_port_defer;
		world.has_system = true;
		sim_attach(&world.system);
	}
	return &world.system;
}

struct oct_mm *oc_mm(void)
{
	struct oct_mm *mm = &world.mm[world.mms];

	if (world.racing || world.mms == MAX_MMS)
		oct_port_panic("oc_mm belongs into setup, a few times");
	oc_system();
	if (oct_mm_init(mm, &world.system))
		oct_port_panic("no memory for a space");
	world.mms++;
	for (unsigned i = 0; world.mms == 1 && i < world.actors; i++) {
		if (world.scenario->actors[i].kind != OC_ACTOR_CPU)
			continue;
		sim_become(i);
		oct_mm_switch(&world.system, mm);
	}
	sim_become(0);
	return mm;
}

static void map(struct oct_mm *mm, uintptr_t va, size_t pages, unsigned prot, unsigned flags,
                struct oct_folio *folio)
{
	uintptr_t at;
	int error = oct_mmap(mm, va, pages << OCT_PAGE_SHIFT, prot, OCT_MAP_FIXED | flags, &at);

	for (size_t i = 0; i < pages && !error && !flags; i++) {
		struct oct_folio *page = folio ? folio : oct_folio_alloc();

		if (!page)
			oct_port_panic("no memory in setup");
		if (!folio)
			oct_port_page_clear(page->page, 0);
		error = oct_mm_map_folio(mm, va + (i << OCT_PAGE_SHIFT), page, prot);
		if (!folio)
			oct_folio_put(page);
	}
	if (error)
		oct_port_panic("setup cannot map its pages");
}

void oc_map_anon(struct oct_mm *mm, uintptr_t va, size_t pages, unsigned prot)
{
	map(mm, va, pages, prot, 0, NULL);
}

void oc_map_folio(struct oct_mm *mm, uintptr_t va, struct oct_folio *folio, unsigned prot)
{
	map(mm, va, 1, prot, 0, folio);
}

void oc_map_shared(struct oct_mm *mm, uintptr_t va, size_t pages, unsigned prot)
{
	map(mm, va, pages, prot, OCT_MAP_SHARED, NULL);
}

/* Where va lies in memory by the tables; NULL: nothing is mapped there. */
static char *mapped_in(struct oct_space *space, uintptr_t va, oct_phys_t *page)
{
	for (unsigned level = 0; level < OCT_LEVELS; level++) {
		oct_pte_t *entry = oct_table_find(space, va, level);
		struct sim_decoded leaf;

		if (!entry)
			continue;
		/* Acquire: what was stored before the entry was. */
		leaf = sim_decode(oct_load(entry, OCT_ACQ), level);
		if (leaf.kind != SIM_LEAF)
			return NULL;
		*page = (leaf.base + (va & (((uintptr_t)1 << leaf.shift) - 1))) & OCT_PAGE_MASK;
		return (char *)oct_port_phys_to_virt(*page) + (va & ~OCT_PAGE_MASK);
	}
	return NULL;
}

static char *mapped(struct oct_mm *mm, uintptr_t va, oct_phys_t *page)
{
	return mapped_in(&mm->space, va, page);
}

struct oct_folio *oc_folio(struct oct_mm *mm, uintptr_t va)
{
	oct_phys_t page;

	return mapped(mm, va, &page) ? oct_folio_of(page) : NULL;
}

/* ---- User accesses
 * ----------------------------------------------------------------------------------------- */
static void run_here(struct oct_mm *mm)
{
	if (sim_self->space != &mm->space)
		oct_mm_switch(&world.system, mm);
}

static bool peek(struct oct_mm *mm, uintptr_t va, unsigned bytes, void *value)
{
	oct_phys_t page;
	const char *at = mapped(mm, va, &page);

	memset(value, 0, bytes);
	if (at)
		memcpy(value, at, bytes);
	return at != NULL;
}

#define ACCESS(bits)                                                                                         \
	int oc_store##bits(struct oct_mm *mm, uintptr_t va, uint##bits##_t value)                            \
	{                                                                                                    \
		oct_phys_t page;                                                                             \
		char *at;                                                                                    \
                                                                                                             \
		if (world.racing) {                                                                          \
			run_here(mm);                                                                        \
			return sim_store(va, bits / 8, value) ? -OCT_EFAULT : 0;                             \
		}                                                                                            \
		at = mapped(mm, va, &page);                                                                  \
		if (!at)                                                                                     \
			return -OCT_EFAULT;                                                                  \
		memcpy(at, &value, sizeof value);                                                            \
		return 0;                                                                                    \
	}                                                                                                    \
	int oc_load##bits(struct oct_mm *mm, uintptr_t va, uint##bits##_t *value)                            \
	{                                                                                                    \
		uint64_t found;                                                                              \
                                                                                                             \
		if (!world.racing)                                                                           \
			return peek(mm, va, bits / 8, value) ? 0 : -OCT_EFAULT;                              \
		run_here(mm);                                                                                \
		if (sim_load(va, bits / 8, &found))                                                          \
			return -OCT_EFAULT;                                                                  \
		*value = (uint##bits##_t)found;                                                              \
		return 0;                                                                                    \
	}                                                                                                    \
	uint##bits##_t oc_peek##bits(struct oct_mm *mm, uintptr_t va)                                        \
	{                                                                                                    \
		uint##bits##_t value;                                                                        \
                                                                                                             \
		peek(mm, va, bits / 8, &value);                                                              \
		return value;                                                                                \
	}
ACCESS(8)
ACCESS(16)
ACCESS(32)
ACCESS(64)

/* This machine's TLBs hold user addresses only: these go by the tables. */
int oc_kernel_store32(uintptr_t va, uint32_t value)
{
	oct_phys_t page;
	char *at = mapped_in(world.system.kernel, va, &page);

	if (!at)
		return -OCT_EFAULT;
	__atomic_store_n((uint32_t *)(void *)at, value, __ATOMIC_RELAXED);
	return 0;
}

int oc_kernel_load32(uintptr_t va, uint32_t *value)
{
	oct_phys_t page;
	const char *at = mapped_in(world.system.kernel, va, &page);

	if (!at)
		return -OCT_EFAULT;
	*value = __atomic_load_n((const uint32_t *)(const void *)at, __ATOMIC_RELAXED);
	return 0;
}

/* ---- Raw entries
 * --------------------------------------------------------------------------------------------- */
oct_pte_t *oc_pte_at(struct oct_mm *mm, uintptr_t va, unsigned level)
{
	return oct_table_find(&mm->space, va, level);
}

/* Relaxed, all of them: scenarios order raw entries by fences and invalidations. */
oct_pte_t oc_entry_get(oct_pte_t *entry)
{
	sim_delay();
	return oct_load(entry, OCT_RLX);
}

void oc_entry_set(oct_pte_t *entry, oct_pte_t value)
{
	oct_store(entry, value, OCT_RLX);
	sim_delay();
}

oct_pte_t oc_entry_xchg(oct_pte_t *entry, oct_pte_t value)
{
	oct_pte_t old = oct_xchg(entry, value, OCT_RLX);

	sim_delay();
	return old;
}

bool oc_entry_cas(oct_pte_t *entry, oct_pte_t expected, oct_pte_t value)
{
	bool stored = oct_cas(entry, &expected, value, OCT_RLX);

	sim_delay();
	return stored;
}

oct_pte_t oc_entry_update(oct_pte_t *entry, oct_pte_t (*change)(oct_pte_t))
{
	oct_pte_t old = oct_load(entry, OCT_RLX);

	while (!oct_cas(entry, &old, change(old), OCT_RLX))
		;
	sim_delay();
	return old;
}

/* ---- Hardware operations
 * --------------------------------------------------------------------------------------- */
struct invalidate {
	uint16_t asid;
	uintptr_t va;
	size_t pages;
	enum oct_scope scope;
	enum oct_depth depth;
};

static void invalidate(void *arg)
{
	const struct invalidate *what = arg;
	unsigned long flags = oct_port_irq_save();

	if (what->pages)
		oct_mmu_invalidate_range(what->asid, what->va & OCT_PAGE_MASK, what->pages, what->scope,
		                         what->depth);
	else
		oct_mmu_invalidate_asid(what->asid, what->scope);
#ifndef OCT_ARCH_ARM64
	oct_mmu_invalidate_end(what->scope); /* complete when it returns */
#endif
	oct_port_irq_restore(flags);
}

void oc_tlbi(struct oct_mm *mm, uintptr_t va, size_t pages, unsigned scope, unsigned level)
{
	struct invalidate what = {(uint16_t)(mm->space.asid & 0xffff), va, pages,
	                          OCT_FORMAT_BROADCAST ? (enum oct_scope)scope : OCT_LOCAL,
	                          (enum oct_depth)level};

	if (!world.racing)
		return;
#ifdef OCT_ARCH_RISCV64
	if (level != OC_LEAF)
		what.pages = 0; /* with an address only leaf entries are dropped */
#endif
	for (unsigned i = 0; !OCT_FORMAT_BROADCAST && scope == OC_BROADCAST && i < world.actors; i++)
		if (i != sim_self->number && world.scenario->actors[i].kind == OC_ACTOR_CPU)
			sim_interrupt(i, invalidate, &what);
	invalidate(&what);
}

void oc_dsb(void)
{
	unsigned long flags;

	oct_fence(OCT_SC);
	if (!world.racing)
		return;
	flags = oct_port_irq_save();
	oct_mmu_invalidate_end(OCT_FORMAT_BROADCAST ? OCT_BROADCAST : OCT_LOCAL);
	oct_port_irq_restore(flags);
}

void oc_dmb(void)
{
	oct_fence(OCT_SC);
}

void oc_isb(void)
{
}

void oc_irqs_off(void)
{
	(void)oct_port_irq_save();
}

void oc_irqs_on(void)
{
	if (sim_self->irqs_off == 0)
		oct_port_panic("interrupts are on already");
	oct_port_irq_restore(sim_self->irqs_off - 1);
}

static void call(void *arg)
{
	(*(void (**)(void))arg)();
}

void oc_ipi(unsigned cpu, void (*fn)(void))
{
	sim_interrupt(cpu, call, &fn);
}

/* ---- Questions of the explorer
 * ----------------------------------------------------------------------------------- */
unsigned oc_choose(unsigned n)
{
	return world.racing && n > 1 ? (unsigned)(sim_random() % n) : 0;
}

void oc_cover(const char *name)
{
	(void)name;
	sim_delay(); /* the core names its interesting moments */
}

void oc_reg(const char *name, uint64_t value)
{
	unsigned i = 0;

	pthread_mutex_lock(&world.lock);
	while (i < world.regs && strcmp(world.reg[i].name, name))
		i++;
	if (i < MAX_REGS) {
		world.reg[i].name = name;
		world.reg[i].value = value;
		world.regs += i == world.regs;
	}
	pthread_mutex_unlock(&world.lock);
	if (i == MAX_REGS)
		oct_port_panic("too many registers");
}

uint64_t oc_reg_get(const char *name)
{
	for (unsigned i = 0; i < world.regs; i++)
		if (!strcmp(world.reg[i].name, name))
			return world.reg[i].value;
	return 0;
}

/* ---- The library's variables
 * ---------------------------------------------------------------------------------- */
/* The section of SIM_STATE; the linker names its ends. */
extern char __start_sim_state[] __attribute__((visibility("hidden")));
extern char __stop_sim_state[] __attribute__((visibility("hidden")));

/* The part of [start, end) that is not the machine's own. */
static void keep(char *start, char *end)
{
	struct segment *segment = &world.segment[world.segments];

	if (start >= end)
		return;
	if (world.segments == MAX_SEGMENTS || !(segment->copy = malloc((size_t)(end - start))))
		oct_port_panic("the library's variables cannot be kept");
	segment->base = start;
	segment->size = (size_t)(end - start);
	memcpy(segment->copy, start, segment->size);
	world.segments++;
}

static int keep_library(struct dl_phdr_info *info, size_t size, void *arg)
{
	char *relro = NULL;
	Dl_info self;

	(void)size;
	(void)arg;
	if (!dladdr(__start_sim_state, &self) || (uintptr_t)self.dli_fbase != info->dlpi_addr)
		return 0;
	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_GNU_RELRO)
			relro = (char *)((info->dlpi_addr + info->dlpi_phdr[i].p_vaddr +
			                  info->dlpi_phdr[i].p_memsz + 4095) &
			                 ~(uintptr_t)4095);
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		char *start = (char *)(info->dlpi_addr + p->p_vaddr), *end = start + p->p_memsz;

		if (p->p_type != PT_LOAD || !(p->p_flags & PF_W))
			continue;
		if (relro > start) /* read-only after loading */
			start = relro;
		if (__start_sim_state < start || __start_sim_state >= end) {
			keep(start, end);
			continue;
		}
		keep(start, __start_sim_state);
		keep(__stop_sim_state, end);
	}
	return 1;
}

static void restore_library(void)
{
	for (unsigned i = 0; i < world.segments; i++)
		memcpy(world.segment[i].base, world.segment[i].copy, world.segment[i].size);
}

/* ---- Turns
 * ------------------------------------------------------------------------------------------------------- */
static void act(unsigned cpu, void *arg)
{
	const struct oc_actor *actor = &world.scenario->actors[cpu];

	(void)arg;
	if (actor->flags & OC_IRQS_OFF)
		sim_self->irqs_off++;
	oct_fetch_sub(&world.waiting, 1, OCT_ACQ_REL); /* pairs with the acquires of the others */
	while (oct_load(&world.waiting, OCT_ACQ))
		oct_port_relax();
	sim_skew();
	(actor->run ? actor->run : world.variant->run)();
	sim_self->irqs_off = 0;
}

static void turn(void)
{
	sim_init(world.actors);
	sim_panic_to(panicked);
	restore_library();
	world.has_system = world.racing = false;
	world.mms = world.regs = 0;
	if (world.scenario->setup)
		world.scenario->setup();
	sim_hardware_bits(!world.sw_ad);
	for (unsigned i = 0; i < world.actors; i++)
		if (world.scenario->actors[i].flags & OC_NO_AD)
			sim_machine.cpu[i].no_bits = true;
	world.waiting = world.actors;
	world.racing = true;
	sim_run(world.actors, act, NULL);
	world.racing = false;
	if (world.scenario->final)
		world.scenario->final();
	sim_exit();
}

static void *loop(void *arg)
{
	const uint64_t *most = arg;
	bool more = true;

	dl_iterate_phdr(keep_library, NULL);
	while (more) {
		turn();
		pthread_mutex_lock(&world.lock);
		more = ++world.turns < *most;
		world.done = !more;
		pthread_mutex_unlock(&world.lock);
	}
	return NULL;
}

/* ---- The run
 * -------------------------------------------------------------------------------------------------------- */
/* What is expected here. */
static unsigned expected(const struct oc_variant *variant)
{
	for (unsigned i = 0; i < OC_MAX_ON && variant->on[i].archs; i++)
		if (variant->on[i].archs & oc_sim.arch)
			return variant->on[i].expected;
	return variant->expected;
}

/* What the sim has not got, NULL for nothing. ets2 and reuse are how it is anyway. */
static const char *refused(const struct oc_scenario *scenario, const struct oc_variant *variant,
                           const struct oc_knobs *asked)
{
	unsigned kind = OC_EXPECT_KIND(expected(variant));
	const struct oc_knobs *const knobs[] = {&scenario->knobs, &variant->knobs, asked};

	if (variant->outcome || kind == OC_EXPECT_KIND(OC_ALLOWED) || kind == OC_EXPECT_KIND(OC_FORBIDDEN))
		return "a litmus test asks for outcomes of reordered memory: the model's";
	if (kind == OC_EXPECT_KIND(OC_VIOLATES(0)) &&
	    (OC_EXPECT_ARG(expected(variant)) == OC_RACE || OC_EXPECT_ARG(expected(variant)) == OC_LEAK))
		return "only the model sees data races and leaks";
	for (unsigned i = 0; i < OC_MAX_ACTORS && scenario->actors[i].kind != OC_ACTOR_NONE; i++)
		if (scenario->actors[i].kind == OC_ACTOR_IOMMU)
			return "it has an IOMMU: the model's";
	for (unsigned i = 0; i < 3; i++)
		if (knobs[i]->bbm || knobs[i]->iommu_snoops || knobs[i]->spec_young || knobs[i]->stray_ad ||
		    knobs[i]->tce || knobs[i]->svvptc)
			return "it turns a knob that only the model has";
	return NULL;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Until the loop ends, fails, or stands still. */
static void watch(const struct oc_options *options, struct oc_result *result)
{
	double start = now(), moved = start;
	uint64_t before = 0;
	bool over = false;

	while (!over) {
		nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
		pthread_mutex_lock(&world.lock);
		over = world.done || world.failed;
		result->executions = world.turns + world.failed;
		pthread_mutex_unlock(&world.lock);
		if (options->progress)
			options->progress(options->progress_arg, result->executions, 0, -1);
		if (result->executions != before) {
			before = result->executions;
			moved = now();
		}
		if (!over && now() - moved > STUCK_SECONDS) {
			pthread_mutex_lock(&world.lock);
			world.failed = over = true;
			/* Waiting for ever and going round for ever look the same from here. */
			world.what = expected(world.variant) == OC_VIOLATES(OC_I9) ? OC_I9 : OC_DEADLOCK;
			snprintf(world.text, sizeof world.text, "a turn did not end in %d seconds",
			         STUCK_SECONDS);
			pthread_mutex_unlock(&world.lock);
		}
		over |= options->seconds > 0 && now() - start >= options->seconds;
	}
	result->seconds = now() - start;
}

static void run(const struct oc_scenario *scenario, unsigned variant, const struct oc_options *options,
                struct oc_result *result)
{
	const char *why = refused(scenario, &scenario->variants[variant], &options->knobs);
	uint64_t most = options->max_executions ? options->max_executions : 10000;
	pthread_t thread;

	result->bound = -1;
	result->stress = true;
	world.scenario = scenario;
	world.variant = &scenario->variants[variant];
	world.sw_ad = scenario->knobs.sw_ad || world.variant->knobs.sw_ad || options->knobs.sw_ad;
	while (world.actors < OC_MAX_ACTORS && scenario->actors[world.actors].kind != OC_ACTOR_NONE)
		world.actors++;
	snprintf(result->assumptions, sizeof result->assumptions,
	         "a stress loop on the sim, no proof: %s, %u threads as CPUs, tables of %u entries",
	         OCT_FORMAT_NAME, world.actors, OCT_TABLE_ENTRIES);
	if (why || pthread_create(&thread, NULL, loop, &most)) {
		result->verdict = OC_V_ERROR;
		snprintf(result->text, sizeof result->text, "does not run on the sim: %s",
		         why ? why : "no thread");
		return;
	}
	watch(options, result);
	result->verdict = world.failed ? OC_V_VIOLATION : OC_V_BOUNDED;
	result->what = world.what;
	if (world.failed)
		snprintf(result->text, sizeof result->text, "%s", world.text);
	else
		snprintf(result->text, sizeof result->text,
		         "a stress loop, no proof: nothing was found in %llu turns",
		         (unsigned long long)result->executions);
}

const struct oc_sim_library oc_sim = {
#if defined(OCT_ARCH_ARM64)
    .arch = OC_ARM64,
#elif defined(OCT_ARCH_RISCV64)
    .arch = OC_RISCV64,
#else
    .arch = OC_X86_64,
#endif
    .run = run,
};
