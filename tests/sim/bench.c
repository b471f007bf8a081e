/* bench.c: what callgrind counts, one dump per operation. SPDX-License-Identifier: MIT
 *
 * usage: valgrind --tool=callgrind --collect-atstart=no bench counts|growth
 * Each dump is named "OPERATION NUMBER": what was done and how often (or among how many areas).
 * tools/bench-core.sh reads the dumps. Without valgrind it only runs. */
#include "../../machine/sim/sim.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else /* it compiles everywhere; tools/bench-core.sh wants the header */
#define CALLGRIND_TOGGLE_COLLECT
#define CALLGRIND_DUMP_STATS_AT(name) ((void)(name))
#endif

#define BASE  ((uintptr_t)0x40000000)
#define PAGE  ((size_t)OCT_PAGE_SIZE)
#define AREAS ((uintptr_t)0x800000000)
#define AWAY  ((uintptr_t)0x1800000000) /* where mremap goes */

static struct oct_system oct;
static struct oct_mm mm, child;

static void must(int result, const char *what)
{
	if (result == 0)
		return;
	fprintf(stderr, "bench: %s returned %d\n", what, result);
	exit(1);
}

static void begin(void)
{
	CALLGRIND_TOGGLE_COLLECT;
}

static void end(const char *operation, size_t number)
{
	char name[64];

	CALLGRIND_TOGGLE_COLLECT;
	snprintf(name, sizeof name, "%s %zu", operation, number);
	CALLGRIND_DUMP_STATS_AT(name);
}

static void faults(size_t pages, unsigned access)
{
	for (size_t i = 0; i < pages; i++)
		must(oct_fault(&mm, BASE + i * PAGE, access), "fault");
}

static void fork_child(void)
{
	must(oct_mm_init(&child, &oct), "mm_init");
	must(oct_fork(&child, &mm), "fork");
}

/* ---- Pages ------------------------------------------------------------------------------------------ */
static void measure_pages(size_t pages)
{
	uintptr_t last = BASE + pages * PAGE, result;

	must(oct_mmap(&mm, BASE, pages * PAGE, OCT_READ | OCT_WRITE, 0, &result), "mmap");
	begin();
	faults(pages, OCT_WRITE);
	end("fault-anon", pages);
	begin();
	faults(pages, OCT_READ);
	end("fault-spurious", pages);
	begin();
	must(oct_mprotect(&mm, BASE, pages * PAGE, OCT_READ), "mprotect");
	end("mprotect", pages);
	must(oct_mprotect(&mm, BASE, pages * PAGE, OCT_READ | OCT_WRITE), "mprotect");
	begin();
	faults(pages, OCT_WRITE);
	end("fault-reuse", pages);
	begin();
	must(oct_clear_refs(&mm, BASE, last), "clear_refs");
	end("clear-refs", pages);
	begin(); /* the tables do not fit: entry by entry */
	must(oct_mremap(&mm, BASE, pages * PAGE, pages * PAGE, OCT_MREMAP_MAYMOVE | OCT_MREMAP_FIXED,
	                AWAY + PAGE, &result),
	     "mremap");
	end("mremap", pages);
	begin(); /* tables as a whole */
	must(oct_mremap(&mm, AWAY + PAGE, pages * PAGE, pages * PAGE, OCT_MREMAP_MAYMOVE | OCT_MREMAP_FIXED,
	                2 * AWAY + PAGE, &result),
	     "mremap");
	end("mremap-tables", pages);
	must(oct_mremap(&mm, 2 * AWAY + PAGE, pages * PAGE, pages * PAGE,
	                OCT_MREMAP_MAYMOVE | OCT_MREMAP_FIXED, BASE, &result),
	     "mremap");
	must(oct_mm_init(&child, &oct), "mm_init");
	begin();
	must(oct_fork(&child, &mm), "fork");
	end("fork", pages);
	begin();
	faults(pages, OCT_WRITE);
	end("fault-copy", pages);
	begin();
	oct_mm_exit(&child);
	end("exit", pages);
	begin();
	must(oct_madvise_dontneed(&mm, BASE, last), "dontneed");
	end("dontneed", pages);
	faults(pages, OCT_WRITE);
	begin();
	must(oct_munmap(&mm, BASE, pages * PAGE), "munmap");
	end("munmap", pages);
}

/* ---- Large folios -------------------------------------------------------------------------------------- */
static void measure_large(size_t pages)
{
	uintptr_t start = BASE, result;

	must(oct_mmap(&mm, start, pages * PAGE, OCT_READ | OCT_WRITE, OCT_MAP_FIXED, &result), "mmap");
	must(oct_madvise(&mm, start, start + pages * PAGE, OCT_MADV_HUGEPAGE), "madvise");
	begin();
	for (size_t i = 0; i < pages; i += OCT_FOLIO_PAGES)
		must(oct_fault(&mm, start + i * PAGE, OCT_WRITE), "fault");
	end("large-anon", pages);
	must(oct_mm_init(&child, &oct), "mm_init");
	begin();
	must(oct_fork(&child, &mm), "fork");
	end("large-fork", pages);
	begin();
	for (size_t i = 0; i < pages / 2; i++)
		must(oct_fault(&mm, start + i * PAGE, OCT_WRITE), "fault");
	end("large-copy", pages / 2);
	begin();
	oct_mm_exit(&child);
	end("large-exit", pages);
	begin();
	for (size_t i = pages / 2; i < pages; i++)
		must(oct_fault(&mm, start + i * PAGE, OCT_WRITE), "fault");
	end("large-reuse", pages / 2);
	must(oct_madvise_dontneed(&mm, start, start + pages * PAGE), "dontneed");
	for (size_t i = 0; i < pages; i += OCT_FOLIO_PAGES)
		must(oct_fault(&mm, start + i * PAGE, OCT_WRITE), "fault");
	begin();
	must(oct_munmap(&mm, start, pages * PAGE), "munmap");
	end("large-munmap", pages);
}

/* ---- Areas: single pages with a gap of one between them ----------------------------------------------- */
static void measure_areas(size_t areas)
{
	uintptr_t middle = AREAS + areas / 2 * 2 * PAGE, result;

	for (size_t i = 0; i < areas; i++)
		must(oct_mmap(&mm, AREAS + i * 2 * PAGE, PAGE, OCT_READ | OCT_WRITE, 0, &result), "mmap");
	/* Below the areas nothing is free, so that a search has to pass them. */
	must(oct_mmap(&mm, PAGE, AREAS - 2 * PAGE, OCT_NONE, 0, &result), "mmap");
	begin();
	must(oct_mmap(&mm, 0, 2 * PAGE, OCT_READ, 0, &result), "mmap");
	end("area-mmap-gap", areas);
	must(oct_munmap(&mm, result, 2 * PAGE), "munmap");
	begin();
	must(oct_mmap(&mm, AREAS + areas * 2 * PAGE, PAGE, OCT_READ, 0, &result), "mmap");
	end("area-mmap-at", areas);
	must(oct_munmap(&mm, result, PAGE), "munmap");
	begin();
	must(oct_fault(&mm, middle, OCT_WRITE), "fault");
	end("area-fault", areas);
	begin();
	must(oct_mprotect(&mm, middle, PAGE, OCT_READ), "mprotect");
	end("area-mprotect", areas);
	begin();
	must(oct_munmap(&mm, middle, PAGE), "munmap");
	end("area-munmap", areas);
	must(oct_mm_init(&child, &oct), "mm_init");
	begin();
	must(oct_fork(&child, &mm), "fork");
	end("area-fork", areas);
	begin();
	oct_mm_exit(&child);
	end("area-exit", areas);
	must(oct_munmap(&mm, PAGE, AREAS + areas * 2 * PAGE), "munmap");
}

int main(int argc, char **argv)
{
	bool growth = argc > 1 && !strcmp(argv[1], "growth");

	sim_init(2);
	must(oct_system_init(&oct, 2), "system_init");
	sim_attach(&oct);
	must(oct_mm_init(&mm, &oct), "mm_init");
	oct_mm_switch(&oct, &mm);
	fork_child(); /* whatever happens only once */
	oct_mm_exit(&child);
	if (growth) {
		for (size_t pages = 1; pages <= 1000000; pages *= 10)
			measure_pages(pages);
		for (size_t areas = 1; areas <= 100000; areas *= 10)
			measure_areas(areas);
	} else {
		measure_pages(4096);
		measure_large(4096);
		measure_areas(1000);
	}
	oct_mm_switch(&oct, NULL);
	oct_mm_exit(&mm);
	oct_system_exit(&oct);
	if (sim_pages_out() != 0)
		must((int)sim_pages_out(), "pages at the end");
	sim_exit();
	return 0;
}
