/* model.c: explore one variant of a scenario. SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "library.h"
#include "share.h"
#include "world.h"

struct world world;

static const struct oc_options *options;
static struct oc_result *result;
static struct explore_stats stats;
static uint64_t outcome_run;              /* the first that satisfied .outcome, 0: none did */
static int completed_bound, trying_bound; /* -1: everything */

/* ---- one race ----------------------------------------------------------------------------------- */

static void run_thread(void *arg, unsigned thread)
{
	const struct oc_actor *a;

	(void)arg;
	if (thread >= world.first_walker) {
		walk_ahead(thread);
		return;
	}
	if (thread >= world.nactors) {
		proxy_run(world.rules.cpu[thread]);
		return;
	}
	a = &world.scenario->actors[thread];
	if (a->flags & OC_IRQS_OFF)
		irq_lock(thread, NULL);
	(a->run ? a->run : world.variant->run)();
	if (a->flags & OC_IRQS_OFF)
		irq_unlock(thread, NULL);
	events_flush();
}

static void restore(void *arg)
{
	(void)arg;
	memory_restore();
	memcpy(world.cpu, world.cpu_at_start, sizeof(world.cpu));
	world.nregs = 0;
	world.cure.applying = false;
	memset(world.faults_again, 0, sizeof(world.faults_again));
	memset(world.strayed, 0, sizeof(world.strayed));
	memset(world.sleeps, 0, sizeof(world.sleeps));
	memset(world.lazy, 0, sizeof(world.lazy));
	locks_begin();
	events_begin();
}

static void added(void *arg, uint16_t id)
{
	(void)arg;
	invariant_added(id);
}

static void endless(void *arg, const void *pc)
{
	(void)arg;
	violate(OC_I9, pc, "%s does not come to an end: more than %u events", actor_name(explore_self()),
	        explore_graph()->length[explore_self()]);
}

/* setup and final run natively, without events. Accesses are counted, so that what loops for ever there, a
 * fault that is never resolved for one, gets a verdict too. */
enum { ALONE_ACCESSES = 1 << 24 };
static jmp_buf alone_end;
static uint64_t alone_accesses; /* 0: nobody runs so */

void alone_access(void)
{
	if (alone_accesses && ++alone_accesses > ALONE_ACCESSES)
		longjmp(alone_end, 1);
}

static bool comes_to_an_end(void (*run)(void))
{
	bool ended = !setjmp(alone_end);

	if (ended) {
		alone_accesses = 1;
		run();
	}
	alone_accesses = 0;
	return ended;
}

static int by_reg_name(const void *a, const void *b)
{
	const struct oc_reg_value *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static void count_outcome(void)
{
	char state[sizeof(result->outcomes[0].state)] = "";
	size_t n = 0;

	qsort(world.regs, world.nregs, sizeof(world.regs[0]), by_reg_name);
	for (unsigned i = 0; i < world.nregs && n < sizeof(state); i++)
		n += (size_t)snprintf(state + n, sizeof(state) - n, "%s%s=%llu", i ? " " : "",
		                      world.regs[i].name, (unsigned long long)world.regs[i].value);
	for (unsigned i = 0; i < result->noutcomes; i++)
		if (!strcmp(result->outcomes[i].state, state)) {
			result->outcomes[i].executions++;
			return;
		}
	result->outcomes = realloc(result->outcomes, (result->noutcomes + 1) * sizeof(result->outcomes[0]));
	if (!result->outcomes)
		abort();
	memcpy(result->outcomes[result->noutcomes].state, state, sizeof(state));
	result->outcomes[result->noutcomes++].executions = 1;
}

static void complete(void)
{
	cover_stale_stores();
	memory_settle();
	world.native_cpu = 0;
	if (!world.litmus)
		check_leaks();
	if (world.scenario->final && world.violated == OC_NOTHING && !comes_to_an_end(world.scenario->final))
		violate(OC_I9, NULL, "final does not come to an end");
	if (options->outcomes)
		count_outcome();
	if (world.litmus && world.variant->outcome && world.variant->outcome() && !outcome_run) {
		outcome_run = stats.runs;
		report_steps(result);
	}
}

/* Nobody goes on. */
static void stuck(void)
{
	bool irqs_off = false, faults = false;
	unsigned sleeper = MAX_THREADS;

	for (unsigned i = 0; i < world.nactors; i++) {
		irqs_off |= explore_waits(i) && world.cpu[i].irq_depth;
		faults |= explore_waits(i) && world.faults_again[i];
		if (explore_waits(i) && world.sleeps[i] && sleeper == MAX_THREADS)
			sleeper = i;
	}
	if (faults)
		violate(OC_I9, NULL,
		        "an access faults again and again, and its handler changes nothing (one round is "
		        "shown)");
	else if (irqs_off)
		violate(OC_I9, NULL, "every thread that is left waits for ever, one with its interrupts off");
	else if (sleeper < MAX_THREADS)
		violate(OC_DEADLOCK, NULL, "%s sleeps and nobody is left to wake it: a lost wake-up",
		        actor_name(sleeper));
	else
		violate(OC_DEADLOCK, NULL, "every thread that is left waits for ever");
}

/* Only where nothing else is wrong: a second search, for the execution that shows it. */
static bool judge_lock_order;

static void check_lock_order(void)
{
	const struct lock_cycle *c = locks_closed();
	char *outer, *inner;

	if (!c || world.litmus)
		return;
	outer = word_name(c->outer);
	inner = word_name(c->inner);
	violate(
	    OC_DEADLOCK, c->pc,
	    "the lock order has a cycle: %s is taken inside of %s here, and elsewhere the other way round",
	    inner ? inner : "a lock", outer ? outer : "another");
	world.violation_thread = c->thread;
	free(outer);
	free(inner);
}

static bool ended(void *arg, enum explore_end end)
{
	(void)arg;
	if (end == END_STUCK && !world.litmus && world.violated == OC_NOTHING)
		stuck();
	if (end == END_COMPLETE && world.violated == OC_NOTHING)
		complete();
	if (world.violated == OC_NOTHING && (judge_lock_order || stats.runs == options->replay))
		check_lock_order();
	if (world.violated != OC_NOTHING) {
		result->verdict = OC_V_VIOLATION;
		result->what = world.violated;
		snprintf(result->text, sizeof(result->text), "%s", world.violation);
		report_steps(result);
		return false;
	}
	if (options->replay && stats.runs == options->replay)
		report_steps(result);
	if (options->progress && !(stats.runs & 1023))
		options->progress(options->progress_arg, stats.executions, stats.blocked,
		                  trying_bound < 0 && !options->sample ? explore_fraction() : -1);
	return true;
}

/* ---- setting up ------------------------------------------------------------------------------------ */

static void or_knobs(struct oc_knobs *to, const struct oc_knobs *from)
{
	to->sw_ad |= from->sw_ad;
	to->ets2 |= from->ets2;
	to->bbm = from->bbm > to->bbm ? from->bbm : to->bbm;
	to->iommu_snoops |= from->iommu_snoops;
	to->spec_young |= from->spec_young;
	to->stray_ad |= from->stray_ad;
	to->tce |= from->tce;
	to->reuse |= from->reuse;
	to->svvptc |= from->svvptc;
}

/* A litmus test is judged by its outcome: it says so by what it expects, or by having one. */
static bool is_litmus(const struct oc_variant *v)
{
	bool litmus = v->outcome != NULL;

	for (unsigned i = 0; i <= OC_MAX_ON; i++) {
		unsigned kind = OC_EXPECT_KIND(i < OC_MAX_ON ? v->on[i].expected : v->expected);

		litmus |= kind == OC_ALLOWED || kind == OC_FORBIDDEN;
	}
	return litmus;
}

static struct explore_client client = {.rules = &world.rules,
                                       .restore = restore,
                                       .run = run_thread,
                                       .added = added,
                                       .endless = endless,
                                       .ended = ended};

static void threads_init(void)
{
	struct machine_rules *m = &world.rules;

	world.nactors = 0;
	while (world.nactors < OC_MAX_ACTORS && world.scenario->actors[world.nactors].kind != OC_ACTOR_NONE)
		world.nactors++;
	world.devices = false;
	memset(client.daemon, 0, sizeof(client.daemon));
	m->device_snoops = world.knobs.iommu_snoops;
	for (unsigned i = 0; i < world.nactors; i++) {
		m->cpu[i] = (uint8_t)i;
		m->device[i] = is_device(i);
		world.devices |= m->device[i];
	}
}

static void proxies_init(void)
{
	struct machine_rules *m = &world.rules;

	world.nthreads = world.nactors;
	if (world.system)
		for (unsigned i = 0; i < world.nactors && i < OCT_MAX_CPUS; i++) {
			m->cpu[world.nthreads] = (uint8_t)i;
			client.daemon[world.nthreads++] = true;
		}
	m->nthreads = world.first_walker = world.nthreads;
}

static void describe(int bound);

static bool prepare(struct oc_library *library)
{
	struct machine_rules *m = &world.rules;

	world.glue = library_glue(library);
	world.x86 = world.glue->arch == OC_X86_64;
	world.riscv = world.glue->arch == OC_RISCV64;
	world.knobs = world.scenario->knobs;
	or_knobs(&world.knobs, &world.variant->knobs);
	or_knobs(&world.knobs, &options->knobs);
	world.litmus = is_litmus(world.variant);
	memset(m, 0, sizeof(*m));
	rules_for(m, world.x86 ? RULES_X86_64 : world.riscv ? RULES_RISCV64 : RULES_ARM64, world.knobs.ets2);
	m->tlbi_drops_walks &= !world.knobs.tce;
	m->sc_memory = options->memory == OC_SEQUENTIAL;
	m->textbook = options->textbook;
	m->levels = OCT_LEVELS;
	m->table_shift = OCT_TABLE_SHIFT;
	m->page_shift = OCT_PAGE_SHIFT;
	m->cacheable = decode_cacheable;
	m->large = decode_large;
	m->shares = decode_shares;
	m->global = decode_global;
	m->walker_update = decode_walker_update;
	threads_init();
	if (!world.nactors) {
		snprintf(result->text, sizeof(result->text), "the scenario has no actors");
		return false;
	}
	memory_init();
	race_init();
	memory_reset();
	library_data(library, memory_add_region);
	memory_data_keep();
	world.objects_used = (FRAMES * sizeof(struct oct_folio) + 63) & ~(size_t)63;
	world.system = NULL;
	world.nmm = 0;
	world.nwords = 0;
	world.table_slots = 0;
	world.lock_written = world.stacks_shared = false;
	memset(world.cpu, 0, sizeof(world.cpu));
	world.native_cpu = 0;
	world.execution++;
	if (world.scenario->setup && !comes_to_an_end(world.scenario->setup)) {
		describe(-1);
		result->verdict = OC_V_VIOLATION;
		result->what = OC_I9;
		snprintf(result->text, sizeof(result->text), "setup does not come to an end");
		memory_data_restore();
		return false;
	}
	if (world.system && world.nactors > OCT_MAX_CPUS) {
		snprintf(result->text, sizeof(result->text),
		         "a scenario with an address space has at most %d actors", OCT_MAX_CPUS);
		memory_data_restore();
		return false;
	}
	memcpy(world.cpu_at_start, world.cpu, sizeof(world.cpu));
	world.kernel_root = world.system ? world.glue->kernel_root(world.system) : 0;
	proxies_init();
	entries_gather();
	blocks_reset();
	walkers_ahead_init();
	memory_snapshot();
	return true;
}

/* ---- the verdict ------------------------------------------------------------------------------------- */

static const char *missing_cover(void)
{
	for (unsigned pass = 0; pass < 2; pass++) {
		const char *const *list = pass ? world.variant->cover : world.scenario->cover;

		for (unsigned i = 0; i < OC_MAX_COVER && list[i]; i++) {
			bool seen = false;

			for (unsigned k = 0; k < world.ncover; k++)
				seen |= !strcmp(world.cover[k], list[i]);
			if (!seen)
				return list[i];
		}
	}
	return NULL;
}

static void describe(int bound)
{
	unsigned cpus = 0, devices = 0, threads;
	char knobs[96], actors[72] = "";

	for (unsigned i = 0; i < world.nactors; i++) {
		cpus += world.scenario->actors[i].kind == OC_ACTOR_CPU;
		devices += is_device(i);
	}
	threads = world.nactors - cpus - devices;
	if (cpus)
		snprintf(actors, sizeof(actors), "%u CPU%s", cpus, cpus == 1 ? "" : "s");
	if (threads)
		snprintf(actors + strlen(actors), sizeof(actors) - strlen(actors), "%s%u kernel thread%s",
		         cpus ? " and " : "", threads, threads == 1 ? "" : "s");
	if (devices)
		snprintf(actors + strlen(actors), sizeof(actors) - strlen(actors), "%s%u device%s%s",
		         cpus || threads ? " and " : "", devices, devices == 1 ? "" : "s",
		         world.knobs.iommu_snoops ? " that snoops" : "");
	if (world.glue->arch != OC_ARM64)
		snprintf(knobs, sizeof(knobs), "hardware A/D %s", world.knobs.sw_ad ? "off" : "on");
	else
		snprintf(knobs, sizeof(knobs), "hardware A/D %s, ETS2 %s, BBM %u",
		         world.knobs.sw_ad ? "off" : "on", world.knobs.ets2 ? "on" : "off", world.knobs.bbm);
	snprintf(knobs + strlen(knobs), sizeof(knobs) - strlen(knobs), "%s%s%s%s%s",
	         world.knobs.spec_young ? ", walks ahead" : "", world.knobs.reuse ? ", pages reused" : "",
	         world.x86 && world.knobs.stray_ad ? ", stray A/D" : "",
	         world.x86 && world.knobs.tce ? ", TCE" : "",
	         world.riscv && world.knobs.svvptc ? ", Svvptc" : "");
	snprintf(result->assumptions, sizeof(result->assumptions), "%s, %s, %s, %s, tables of %u entries, %s",
	         oc_arch_name(world.glue->arch), actors, options->memory == OC_SEQUENTIAL ? "SC" : "RC11",
	         knobs, OCT_TABLE_ENTRIES, bound < 0 ? "every execution" : "bounded");
	if (bound >= 0)
		snprintf(strrchr(result->assumptions, ',') + 1, 40, " at most %d deviation%s", bound,
		         bound == 1 ? "" : "s");
}

static void make_id(int bound, uint64_t run)
{
	char name[64], level[16];
	unsigned variant = (unsigned)(world.variant - world.scenario->variants);

	oc_scenario_name(world.scenario, variant, name, sizeof(name));
	if (bound < 0)
		snprintf(level, sizeof(level), "ball");
	else
		snprintf(level, sizeof(level), "b%d", bound);
	snprintf(result->id, sizeof(result->id), "%s@%s.%s.%s.k%llu", name, oc_arch_name(world.glue->arch),
	         options->memory == OC_SEQUENTIAL ? "sc" : "rc11", level, (unsigned long long)run);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* What is large is shared between processes; what they find, one finds again. */
static void explore_all(const struct explore_options *e)
{
	bool alone = options->workers < 2 || (e->bound >= 0 && e->bound < 2) || e->sample || e->hash_graphs ||
	             options->replay || options->outcomes || world.litmus;

	locks_reset();
	if (alone || !explore_shared(&client, e, options->workers, &stats)) {
		world.violated = OC_NOTHING;
		locks_reset();
		explore(&client, e, &stats);
	}
}

void search_again(void)
{
	world.restart = true;
	explore_again();
}

/* Explore up to a bound; again from the start whenever something was learnt that all must know. */
static void explore_bound(int bound, double deadline)
{
	struct explore_options e = {.bound = bound,
	                            .hash_graphs = options->hash_graphs,
	                            .max_runs = options->max_executions,
	                            .sample = options->sample,
	                            .seed = 1};

	if (options->replay)
		e.max_runs = options->replay;
	if (options->gdb)
		e.trap_run = options->replay;
	trying_bound = bound;
	do {
		world.restart = false;
		world.violated = OC_NOTHING;
		world.ncover = 0;
		outcome_run = 0;
		result->noutcomes = 0;
		if (deadline > 0)
			e.seconds = deadline > now() ? deadline - now() : 1e-6;
		explore_all(&e);
		result->runs += stats.busiest ? stats.busiest : stats.runs;
		if (stats.events_max > result->events_max)
			result->events_max = stats.events_max;
	} while (world.restart && !stats.error);
	result->executions = stats.executions;
	result->blocked = stats.blocked + stats.pruned;
	result->bound = bound;
}

/* What an exhausted, or cut, search that found no violation says. */
static void conclude(bool exhausted)
{
	if (stats.twice) {
		result->verdict = OC_V_ERROR;
		snprintf(result->text, sizeof(result->text), "%llu graphs were visited twice",
		         (unsigned long long)stats.twice);
	} else if (world.litmus && world.variant->outcome) {
		result->verdict = outcome_run ? OC_V_ALLOWED : exhausted ? OC_V_FORBIDDEN : OC_V_BOUNDED;
	} else if (!exhausted) {
		result->verdict = OC_V_BOUNDED;
	} else if ((result->missing_cover = missing_cover())) {
		result->verdict = OC_V_VACUOUS;
		snprintf(result->text, sizeof(result->text), "cover point \"%s\" was never reached",
		         result->missing_cover);
	} else {
		result->verdict = OC_V_HOLDS;
	}
}

/* ---- cures -------------------------------------------------------------------------------------------- */

static int found_bound;

/* Explore with world.cure in place: first as far as the violation was found, then for a while. */
static bool explore_cured(uint64_t *executions, bool *exhausted)
{
	struct oc_result *kept = result, trial = {.verdict = OC_V_HOLDS};
	struct explore_options e = {.bound = found_bound, .max_runs = 4000, .seconds = 1};

	result = &trial;
	for (unsigned pass = 0; pass < 2 && trial.verdict == OC_V_HOLDS; pass++) {
		do {
			world.restart = false;
			world.violated = OC_NOTHING;
			explore(&client, &e, &stats);
		} while (world.restart && !stats.error);
		if (stats.error)
			trial.verdict = OC_V_ERROR;
		if (!stats.executions && pass)
			trial.verdict = OC_V_ERROR; /* nothing is left: that is no cure */
		*executions = stats.executions;
		*exhausted = !stats.cut;
		e.bound = -1;
	}
	report_free(&trial);
	free(trial.outcomes);
	result = kept;
	return trial.verdict == OC_V_HOLDS;
}

/* A violation was found: what would have prevented it? */
static void look_for_cures(void)
{
	struct explore_stats kept = stats;

	found_bound = result->bound;
	find_cures(result, explore_cured);
	stats = kept;
}

/* Small bounds first, so that an answer comes soon and its schedule is short; only: that bound alone. */
static void deepen(const struct oc_options *given, int only, double start)
{
	static const int deepening[] = {0, 1, 2, -1};
	struct oc_result *r = result;

	completed_bound = -1;
	for (unsigned i = given->replay && only < 0 ? 3 : 0; i < 4; i++) {
		int bound = only >= 0 ? only : world.litmus || given->sample ? -1 : deepening[i];

		memset(&stats, 0, sizeof(stats));
		r->verdict = OC_V_HOLDS;
		explore_bound(bound, given->seconds > 0 ? start + given->seconds : 0);
		describe(bound);
		make_id(bound, outcome_run ? outcome_run : stats.runs);
		if (stats.error) {
			r->verdict = OC_V_ERROR;
			snprintf(r->text, sizeof(r->text), "%s", stats.error);
			return;
		}
		if (r->verdict == OC_V_VIOLATION)
			return;
		if (!stats.out_of_budget)
			completed_bound = bound;
		if (stats.cut && !stats.out_of_budget && bound >= 0 && only < 0)
			continue;
		if (given->replay && stats.runs < given->replay) {
			r->verdict = OC_V_ERROR;
			snprintf(r->text, sizeof(r->text), "there is no such execution");
			r->id[0] = 0;
			return;
		}
		conclude(!stats.cut);
		r->bound = stats.cut ? completed_bound : -1;
		describe(r->bound);
		return;
	}
}

void oc_explore(struct oc_library *library, const struct oc_scenario *scenario, unsigned variant,
                const struct oc_options *given, struct oc_result *r)
{
	double start = now();
	unsigned expected;
	int only;

	memset(r, 0, sizeof(*r));
	options = given;
	result = r;
	world.scenario = scenario;
	world.variant = &scenario->variants[variant];
	only = given->bound >= 0 ? given->bound : world.variant->bound - 1;
	expected = oc_expected(world.variant, library_glue(library)->arch);
	world.ignores_i7 = OC_EXPECT_KIND(expected) == OC_VIOLATES(0) && OC_EXPECT_ARG(expected) != OC_I7;
	world.expects =
	    OC_EXPECT_KIND(expected) == OC_VIOLATES(0) ? (enum oc_what)OC_EXPECT_ARG(expected) : OC_NOTHING;
	if (only < 0 && OC_EXPECT_KIND(expected) == OC_BOUNDED(0))
		only = (int)OC_EXPECT_ARG(expected);
	r->verdict = OC_V_ERROR;
	if (!prepare(library))
		return;
	judge_lock_order = false;
	deepen(given, only, start);
	if (r->verdict == OC_V_HOLDS && locks_have_cycle() && !world.litmus) {
		judge_lock_order = true;
		deepen(given, only, start);
	}
	r->seconds = now() - start;
	if (r->verdict == OC_V_VIOLATION && given->cures && !given->replay && !judge_lock_order)
		look_for_cures();
	memory_data_restore();
}

void oc_result_free(struct oc_result *r)
{
	report_free(r);
	free(r->outcomes);
	memset(r, 0, sizeof(*r));
}
