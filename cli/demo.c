/* demo.c: octavo demo, the table of questions. SPDX-License-Identifier: MIT
 *
 * Each question is a scenario questions/NAME whose variants are the algorithms that a thread on a
 * mailing list discussed; the last ones are what the core does today. */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "cli.h"

enum { WORKERS = 2 };

struct question {
	const char *name;
	const char *text[4]; /* lines */
};

static const struct question questions[] = {
    {"A1",
     {"A contiguous block is torn down entry by entry. Is copying accessed and dirty of the entry that goes "
      "to",
      "all that remain race-free?"}},
    {"A2", {"Why not copy them to just one adjacent entry?"}},
    {"A3",
     {"Clear one entry and leave its neighbours folded: is the block misprogrammed, is anything lost, and "
      "what",
      "does it look like to who reads accessed and dirty of the block as one?"}},
    {"A4", {"What if hardware, a CPU and a device, uses the region while some entries are invalid?"}},
    {"A5",
     {"The contiguous bit cannot be set on all entries of a block at once. May a CPU store meanwhile?"}},
    {"A6", {"May a lockless reader meet the half-cleared block? It wants all of it, or nothing."}},
    {"A7",
     {"Markers are stored into the slots that were cleared. Do they fold, unfold, or count as accessed and "
      "dirty?"}},
    {"A8",
     {"One call per run of entries, a block that it covers in part unfolded first: does it hold when the "
      "gather",
      "is full in the middle?"}},
    {"B1",
     {"Dirty is cleaned in memory and recorded in a bitmap; the TLB still has it, the flush comes later.",
      "Is anything lost?"}},
    {"B2",
     {"What was stored before is recorded, what is stored later is recorded or still dirty: does that hold",
      "with hardware and software bits, a second recorder, write-back, a zap, reclaim?"}},
    {"B3", {"Must dirty be taken by clear-and-flush for each entry, as in page cleaning?"}},
    {"B4",
     {"Write-protect, then clean: is the recorded set exact?",
      "Are new writers to be held up, is the flush in between needed?"}},
    {"B5", {"And pages without a folio, whose owner has only the bitmap and pfn_mkwrite?"}},
    {"C1",
     {"An empty page table is taken out with no lock of the space. Does the lock of the object's page keep "
      "new "
      "entries",
      "out of it?"}},
    {"C2",
     {"Is it enough to test under the page-table lock, once more, that there are no private pages?",
      "Or that all entries are none?"}},
    {"C3",
     {"The table is empty: is a notifier still needed? Invalidating leaves, invalidating what leads to them,",
      "waiting for a walk in flight."}},
    {"C4", {"GUP-fast and others walk the table without a lock. When may it be freed?"}},
    {"C5", {"And mremap, which moves the table to another address?"}},
    {"D1", {"Device migration clears entries and tells the folio. Where is the dirty bit lost?"}},
    {"D2",
     {"A lockless pin against who takes the page: does it need the TLB flush on exclusive pages?",
      "And which of the barriers?"}},
    {"D3", {"May the flush stay batched for exclusive pages?"}},
    {"D4", {"A pin before the entry is cleared, and one during or after: what becomes of the entry?"}},
    {"D5", {"The flush comes after the lock is dropped. What does DONTNEED believe?"}},
    {"E1",
     {"clear_refs and userfault write-protection take the right to write away and flush later. Another CPU",
      "still writes through the entry it cached, while a fault copies the page. Can a store be lost?"}},
    {"E2",
     {"Before it copies, a fault asks whether a flush of the entry is pending. Is it enough to ask under the",
      "page-table lock, is a read barrier needed, and may the flush wait until after the unlock or the next "
      "lock?"}},
    {"E3",
     {"A counter says that a flush is pending. May it drop before the invalidation is complete?",
      "Is a barrier before the decrement enough?"}},
    {"E4",
     {"clear_refs leaves its flush to a gather, which flushes what was gathered for freeing: nothing.",
      "Is the gather of any use there?"}},
    {"E5",
     {"A process runs on one CPU: is invalidating on that CPU alone enough?",
      "What must a CPU do that switches to it meanwhile, and what when ASIDs are given out anew?"}},
    {"E6",
     {"One counter for the space says yes to whoever asks: would ranges in a Bloom filter do?",
      "When may such a filter forget? (How often each says yes for nothing: make bench.)"}},
};
enum { QUESTIONS = sizeof(questions) / sizeof(questions[0]) };

/* What each variant does, in a few words. A variant that is not listed has its name alone. */
static const struct {
	const char *name, *does;
} algorithms[] = {
    {"A1-copy-in-two-loops", "gather in one loop, store in a second"},
    {"A1-unfold", "break the block, flush, single entries"},
    {"A1-now", "Octavo clears a run in one call"},
    {"A2-load-and-store", "load the neighbour, store it dirty"},
    {"A2-atomic-or", "one atomic operation on the neighbour"},
    {"A2-now", "Octavo clears a run in one call"},
    {"A3-each", "each entry by itself, one flush"},
    {"A3-each-looked-at", "the same, gathered dirty read between"},
    {"A3-freed-too-early", "freed, one address flushed"},
    {"A3-now", "Octavo clears a run, read before and after"},
    {"A3-now-freed", "Octavo clears a run and frees the pages"},
    {"A4-device-not-told", "freed after the CPUs' flush"},
    {"A4-now", "Octavo clears a run and frees the pages"},
    {"A5-over-valid-entries", "entry by entry, over valid ones"},
    {"A5-now-fold", "Octavo folds: break, flush, make"},
    {"A5-now-set", "Octavo clears a run and sets it again"},
    {"A6-insists-gather-full", "all or nothing; the zapper waits for it"},
    {"A6-insists", "all or nothing; nobody waits for it"},
    {"A6-now", "Octavo looks once"},
    {"A7-each", "each entry becomes a marker, one flush"},
    {"A7-each-looked-at", "the same, gathered dirty read between"},
    {"A7-now", "Octavo clears the run, then sets markers"},
    {"A8-gather-full-inside", "entry by entry, flushed when full"},
    {"A8-now-front", "Octavo, the first three of a block"},
    {"A8-now-back", "Octavo, the last three"},
    {"A8-now-whole", "Octavo, all four"},
    {"B1-before-flush", "clean, record, consume, flush"},
    {"B1-after-flush", "clean, record, flush, consume"},
    {"B1-now", "Octavo: recorded after the flush"},
    {"B1-now-beside", "the same, consumed meanwhile elsewhere"},
    {"B2-zap-forgets", "a zap that drops the dirty bit"},
    {"B2-hardware", "Octavo's clean-and-record"},
    {"B2-software", "the same, faults set dirty"},
    {"B2-second", "two recorders, one bitmap"},
    {"B2-written", "with write-back"},
    {"B2-zapped", "with DONTNEED and a fault"},
    {"B2-reclaimed", "with eviction"},
    {"B3-read-modify-write", "load, store back clean, flush"},
    {"B3-get-and-clear", "exchange, store clean, flush at the end"},
    {"B3-page-mkclean", "exchange, flush, store clean"},
    {"B3-now", "Octavo: one compare-and-swap"},
    {"B4-not-held", "writers come between the two"},
    {"B4-held", "writers held up, flush in between"},
    {"B4-one-flush", "writers held up, one flush at the end"},
    {"B4-now", "Octavo: both in one exchange, held up"},
    {"B5-before-flush", "consumed before the flush"},
    {"B5-alone", "Octavo's clean-and-record"},
    {"B5-events", "Octavo's write-protect, then the same"},
    {"C1-as-posted", "looks for private pages before the lock"},
    {"C1-now", "Octavo: a store to a private area"},
    {"C2-anon-vma-again", "looks again; a page is inserted"},
    {"C2-anon-vma-again-marker", "the same; a marker is"},
    {"C2-both-again", "for private pages and markers; a page"},
    {"C2-both-again-marker", "the same; a marker"},
    {"C2-all-none", "looks at all entries; a page"},
    {"C2-all-none-marker", "the same; a marker"},
    {"C2-now", "Octavo: a store to a private area"},
    {"C2-now-marker", "Octavo: userfault write-protection"},
    {"C3-no-leaf", "one address, and what leads to it"},
    {"C3-no-walk-cache", "leaves alone"},
    {"C3-no-wait", "freed before walks in flight are over"},
    {"C3-all", "all three"},
    {"C3-now", "Octavo, a CPU and a device"},
    {"C4-at-once", "freed at once"},
    {"C4-flush-interrupt", "when the flush is answered"},
    {"C4-own-interrupt", "after an interrupt to every CPU"},
    {"C4-grace", "after a grace period"},
    {"C4-now", "Octavo: retraction against gup_fast"},
    {"C5-before-locks", "the table seen before the locks moves"},
    {"C5-before-locks-now", "what is there by then, taken for one"},
    {"C5-again", "looked at again after the locks"},
    {"C5-now", "Octavo: retraction against mremap"},
    {"D1-stale-copy", "dirty from a copy read before"},
    {"D1-returned-value", "dirty from what the exchange returned"},
    {"D1-now", "Octavo's migration"},
    {"D2-flush-no-look", "flush, the entry looked at once"},
    {"D2-look-no-flush", "looked at twice, all barriers, no flush"},
    {"D2-no-pin-barrier", "none between pin and second look"},
    {"D2-no-clear-barrier", "none between clearing and the test"},
    {"D2-no-write-barrier", "none between flag and the new entry"},
    {"D2-no-read-barrier", "none between second look and flag"},
    {"D2-now", "Octavo: pins and references in one word"},
    {"D3-copied-before", "copied, the batch flushed later"},
    {"D3-batched", "the batch flushed, then copied"},
    {"D3-now", "Octavo's migration, two pages and a pin"},
    {"D4-restored-from-copy", "put back as a copy read before says"},
    {"D4-restored-as-returned", "put back as the exchange returned it"},
    {"D4-now-before", "Octavo: pinned before"},
    {"D4-now", "Octavo: pinned during or after"},
    {"D5-after-unlock", "flushed after the unlock"},
    {"D5-in-lock", "flushed in the lock"},
    {"D5-now", "Octavo's migration against DONTNEED"},
    {"E1-uffd-deferred", "uffd-wp, un-wp, flush after both"},
    {"E1-clear-refs-gather", "write-protect, flush left to a gather"},
    {"E1-uffd-now", "Octavo's uffd-wp, un-wp"},
    {"E1-now", "Octavo's clear_refs"},
    {"E2-after-next-lock", "unlock, copy, lock, ask"},
    {"E2-after-unlock", "unlock, ask, copy, lock, install"},
    {"E2-under-lock-relaxed", "lock, ask without a barrier, copy"},
    {"E2-under-lock", "lock, ask with acquire, copy"},
    {"E2-now", "Octavo: stamp compared under the lock"},
    {"E3-before-completion", "invalidate, drop, wait until complete"},
    {"E3-barrier-only", "invalidate, barrier, drop, wait"},
    {"E3-after-completion", "invalidate, wait until complete, drop"},
    {"E3-now", "Octavo's clear_refs"},
    {"E4-gather-elided", "nothing gathered, nothing flushed"},
    {"E4-range-flush", "the range flushed whatever was gathered"},
    {"E4-now", "Octavo's clear_refs"},
    {"E5-no-barrier-in-switch", "say it runs here, read the generation"},
    {"E5-no-barrier-in-flush", "draw a generation, read who runs it"},
    {"E5-window-overlooked", "CPUs in the switch do not count"},
    {"E5-both-barriers", "a full barrier in the switch and flush"},
    {"E5-rollover-completes", "a rollover taken for a complete flush"},
    {"E5-rollover-and-flush", "a rollover, and the flush as ever"},
    {"E5-iommu-local", "a device bound, the flush stays local"},
    {"E5-iommu-broadcast", "a device bound, CPUs' broadcast"},
    {"E5-iommu-broadcast-snooped", "a device that hears broadcasts"},
    {"E5-iommu-told", "local, and the device is told"},
    {"E5-iommu-now", "Octavo's mprotect, a device bound"},
    {"E5-now-first", "Octavo: a CPU runs it for the first time"},
    {"E5-now-rollover", "Octavo: ASIDs given out anew meanwhile"},
    {"E5-now", "Octavo: a CPU leaves it and comes back"},
    {"E6-counter", "a counter for the space"},
    {"E6-filter-forgets", "each takes its own bits out"},
    {"E6-filter-cleared-late", "the last one clears it, a bit later"},
    {"E6-filter", "count and bits in one word"},
    {"E6-now", "Octavo: a stamp for each leaf table"},
};

/* The schedule that is shown: short, and through the core's own page fault. */
static const char shown_row[] = "questions/E1-clear-refs-gather";

struct demo {
	const struct jobs *jobs;
	struct printer printer;
	json_t *results; /* as they come: by question, variant, architecture */
	size_t shown;    /* the question after the one whose head was printed last */
	size_t asked;    /* heads printed */
	int status;
	const json_t *row[ARCHS]; /* results of the variant being collected */
	unsigned rows;
	json_t *example; /* the failing row whose schedule is shown */
	unsigned long long executions;
};

static const char *variant_of(const char *name)
{
	const char *slash = strchr(name, '/');
	const char *dash = strchr(slash ? slash : name, '-');

	return dash ? dash + 1 : name;
}

static const char *words_of(const char *name)
{
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++)
		if (!strcmp(name + strlen("questions/"), algorithms[i].name))
			return algorithms[i].does;
	return "";
}

static void print_question(struct demo *demo, const char *name)
{
	const struct printer *printer = &demo->printer;
	size_t i = demo->shown;

	while (i < QUESTIONS && strncmp(name + strlen("questions/"), questions[i].name, 2))
		i++;
	if (i >= QUESTIONS)
		return;
	demo->shown = i + 1;
	demo->asked++;
	for (size_t line = 0; line < 4 && questions[i].text[line]; line++)
		printf("%s%s%-4s%s%s\n", line ? "" : "\n", paint(printer, "\033[1m"),
		       line ? "" : questions[i].name, questions[i].text[line], paint(printer, "\033[0m"));
	printf("    %s%-21s %-41s %-13s %-13s %-13s %15s %8s%s\n", paint(printer, "\033[2m"), "algorithm", "",
	       "arm64", "x86-64", "riscv64", "executions", "seconds", paint(printer, "\033[0m"));
}

static const char *verdict_colour(const json_t *result)
{
	if (result_status(result) != STATUS_EXPECTED)
		return "\033[1;31m";
	return strcmp(jstring(result, "verdict"), "violation") ? "\033[32m" : "\033[33m";
}

/* "unexpected: holds, violation I2 expected": what differs; nothing when all is as expected. */
static void print_difference(const struct demo *demo)
{
	for (unsigned i = 0; i < ARCHS; i++) {
		const json_t *r = demo->row[i];
		char expected[48];

		if (!r || result_status(r) == STATUS_EXPECTED)
			continue;
		verdict_text(r, "expected", "expected_invariant", expected, sizeof(expected));
		printf("    %s^ UNEXPECTED on %s: %s was expected%s%s%s\n",
		       paint(&demo->printer, "\033[1;31m"), jstring(r, "arch"), expected,
		       *jstring(r, "text") ? "; " : "", jstring(r, "text"), paint(&demo->printer, "\033[0m"));
	}
}

/* The row of one algorithm: a cell for each architecture that it was explored on. */
static void print_algorithm(struct demo *demo, const char *name)
{
	const struct printer *printer = &demo->printer;
	double seconds = 0;
	char counts[64] = "";
	size_t used = 0;

	printf("    %-21s %-41s", variant_of(name), words_of(name));
	for (unsigned i = 0; i < ARCHS; i++) {
		const json_t *r = demo->row[i];
		char cell[48] = "-";

		if (r) {
			verdict_text(r, "verdict", "invariant", cell, sizeof(cell));
			used += (size_t)snprintf(counts + used, sizeof(counts) - used, "%s%lld",
			                         used ? "/" : "", (long long)jint(r, "executions"));
			seconds += json_real_value(json_object_get(r, "seconds"));
		}
		printf(" %s%-13s%s", paint(printer, r ? verdict_colour(r) : ""), cell,
		       paint(printer, "\033[0m"));
	}
	printf(" %15s %8.2f\n", counts, seconds);
	print_difference(demo);
	fflush(stdout);
}

static bool same_variant(const struct job *a, const struct job *b)
{
	return a->variant == b->variant && !strcmp(a->name, b->name);
}

static bool row_begun(const struct demo *demo)
{
	for (unsigned i = 0; i < ARCHS; i++)
		if (demo->row[i])
			return true;
	return false;
}

static void done(void *arg, const struct job *job, json_t *result)
{
	struct demo *demo = arg;
	const struct job *end = demo->jobs->list + demo->jobs->count;
	int status = result_status(result);

	if (!row_begun(demo) &&
	    (!demo->shown || strncmp(job->name + strlen("questions/"), questions[demo->shown - 1].name, 2)))
		print_question(demo, job->name);
	json_array_append(demo->results, result);
	demo->row[job->arch == OC_ARM64 ? 0 : job->arch == OC_X86_64 ? 1 : 2] = result;
	demo->executions += (unsigned long long)jint(result, "executions");
	demo->rows++;
	demo->status = status_join(demo->status, status);
	if (!strcmp(jstring(result, "verdict"), "violation") &&
	    (!demo->example || (!strcmp(job->name, shown_row) && job->arch == OC_ARM64))) {
		json_decref(demo->example);
		demo->example = json_incref(result);
	}
	if (job + 1 < end && same_variant(job, job + 1))
		return;
	print_algorithm(demo, job->name);
	memset(demo->row, 0, sizeof(demo->row));
}

static bool select_questions(struct jobs *jobs)
{
	const char *names[] = {"questions/"};
	struct arguments arguments = {.names = names, .nnames = 1};

	return jobs_select(&arguments, jobs);
}

static double elapsed(const struct timespec *since)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)(t.tv_sec - since->tv_sec) + 1e-9 * (double)(t.tv_nsec - since->tv_nsec);
}

int demo_main(int argc, char **argv)
{
	static const struct argp argp = {NULL,
	                                 NULL,
	                                 "",
	                                 "Answer the questions of thread E on the core's own "
	                                 "code: every interleaving, every stale TLB entry.",
	                                 NULL,
	                                 NULL,
	                                 NULL};
	static char name[] = "octavo demo";
	struct oc_options options = {.bound = -1};
	struct jobs jobs = {.count = 0};
	struct demo demo = {.jobs = &jobs, .results = json_array()};
	struct timespec start;

	argv[0] = name;
	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	clock_gettime(CLOCK_MONOTONIC, &start);
	if (!select_questions(&jobs)) {
		jobs_free(&jobs);
		return STATUS_USAGE;
	}
	printer_init(&demo.printer, &jobs);
	fputs("Contiguous blocks, dirty tracking, device migration and pins, copy-on-write, userfault "
	      "write-protection and\n"
	      "clear_refs against TLBs. Each algorithm runs natively, with all that the memory model and the "
	      "MMU allow;\n"
	      "\"holds\" says that there is no execution left.\n"
	      "I1: what is freed is out of reach. I2: no store is lost. I3: its dirty bit is not. I10: nor "
	      "one that was seen.\n"
	      "I4: nobody uses what was taken away once the call has returned. I5: a pinned page stays the "
	      "mapped one.\n"
	      "I9: everybody gets on. I11: an address is translated in one way at a time.\n",
	      stdout);
	jobs_run(&jobs, &options, WORKERS, done, &demo);
	if (demo.asked < QUESTIONS) {
		printf("\n%zu of %d questions have no scenario\n", QUESTIONS - demo.asked, QUESTIONS);
		demo.status = status_join(demo.status, STATUS_USAGE);
	}
	if (demo.example) {
		printf("\nOne failing row, step by step (locks, entries, TLBs and pages; all steps: octavo "
		       "check %s):\n",
		       jstring(demo.example, "name"));
		demo.printer.brief = true;
		print_schedule(&demo.printer, demo.example);
	}
	printf("\n%u answers, %llu executions, %.1f seconds: %s\n", demo.rows, demo.executions,
	       elapsed(&start),
	       demo.status == STATUS_EXPECTED ? "every answer is the expected one"
	                                      : "NOT every answer is the expected one");
	json_decref(demo.example);
	json_decref(demo.results);
	jobs_free(&jobs);
	return demo.status;
}
