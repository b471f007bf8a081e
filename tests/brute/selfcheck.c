/* selfcheck.c: brute force against what is known: counts of RC11 programs, published translation tests.
 * SPDX-License-Identifier: MIT
 *
 * The counts are those of an independent checker; the verdicts are the published ones (Simner et al.,
 * "Relaxed virtual memory in Armv8-A", ESOP 2022). Exits with 1 if any differs. */
#include <inttypes.h>
#include <stdio.h>
#include "build.h"
#include "enumerate.h"
#include "random.h"

static unsigned failures, checks;

/* ---- RC11 counts -----------------------------------------------------------------------------------------
 */
static void expect_count(const char *name, const struct program *p, uint64_t expected)
{
	for (unsigned pruned = 0; pruned < 2; pruned++) {
		struct brute_result result;

		brute_run(p, pruned, &result, NULL, NULL);
		checks++;
		if (result.executions == expected && !result.too_large)
			continue;
		failures++;
		printf("%s%s: %" PRIu64 " executions, expected %" PRIu64 "%s\n", name,
		       pruned ? ", pruned" : "", result.executions, expected,
		       result.too_large ? " (too large)" : "");
		program_print(p);
	}
}

/* Two threads, each two instructions over two words: a letter is R (acquire load) or W (release store of the
 * digit behind it), then the word. */
static struct program two_threads(const char *first, const char *second)
{
	struct program p = program_new(PROGRAM_ARM64, false, 1);
	const char *const code[2] = {first, second};

	for (unsigned t = 0; t < 2; t++)
		for (const char *c = code[t]; *c; c += 3)
			if (c[0] == 'R')
				load(&p, t, M(c[1] == 'y'), ACQ);
			else
				store(&p, t, M(c[1] == 'y'), (uint64_t)(c[2] - '0'), REL);
	return p;
}

static void check_rc11_counts(void)
{
	struct program p = two_threads("Wx1Ry0", "Wy1Rx0");
	static const uint64_t factorial[] = {1, 1, 2, 6, 24, 120, 720, 5040};

	expect_count("SB", &p, 4);
	p = two_threads("Wx1Wy1", "Ry0Rx0");
	expect_count("MP", &p, 3);
	p = two_threads("Wx1Wy2", "Wy1Wx2");
	expect_count("2+2W", &p, 4);
	p = two_threads("Rx0Wy1", "Ry0Wx1");
	expect_count("LB", &p, 3);
	p = two_threads("Wx1Wx2", "Rx0Rx0");
	expect_count("CoRR", &p, 6);
	for (unsigned n = 2; n <= 7; n++) {
		p = program_new(PROGRAM_ARM64, false, 1);
		for (unsigned t = 0; t < n; t++)
			modify(&p, t, OP_FETCH_ADD, M(0), 1, RLX);
		expect_count("fetch_add", &p, factorial[n]);
	}
	p = program_new(PROGRAM_ARM64, false, 1);
	for (unsigned t = 0; t < 4; t++) {
		modify(&p, t, OP_FETCH_ADD, M(0), 1, RLX);
		modify(&p, t, OP_FETCH_ADD, M(1), 1, RLX);
	}
	expect_count("fetch_add x and y", &p, 576);
	p = program_new(PROGRAM_ARM64, false, 1);
	store(&p, 0, M(0), 1, RLX);
	for (unsigned t = 1; t <= 8; t++)
		load(&p, t, M(0), RLX);
	expect_count("one writer, 8 readers", &p, 256);
}

/* Store buffering, message passing and IRIW with every way to order them, by argument: sc or full fences take
 * away the one execution that is not interleaved. */
static void check_sc_counts(void)
{
	static const int order[] = {RLX, SC};

	for (unsigned k = 0; k < 4; k++) {
		struct program p = program_new(PROGRAM_ARM64, false, 1);

		for (unsigned t = 0; t < 2; t++) {
			store(&p, t, M(t), 1, order[k & 1]);
			if (k & 2)
				fence(&p, t, SC);
			load(&p, t, M(1 - t), order[k & 1]);
		}
		expect_count("SB with sc", &p, k ? 3 : 4);
	}
	for (unsigned k = 0; k < 3; k++) {
		struct program p = program_new(PROGRAM_ARM64, false, 1);
		int read = k == 0 ? RLX : k == 1 ? ACQ : SC;

		store(&p, 0, M(0), 1, k == 2 ? SC : RLX);
		store(&p, 1, M(1), 1, k == 2 ? SC : RLX);
		for (unsigned t = 2; t < 4; t++) {
			load(&p, t, M(t & 1), read);
			load(&p, t, M(1 - (t & 1)), read);
		}
		expect_count("IRIW", &p, k == 2 ? 15 : 16);
	}
	for (unsigned k = 0; k < 4; k++) {
		struct program p = program_new(PROGRAM_ARM64, false, 1);

		store(&p, 0, M(0), 1, RLX);
		if (k & 1)
			fence(&p, 0, REL);
		store(&p, 0, M(1), 1, RLX);
		load(&p, 1, M(1), RLX);
		if (k & 2)
			fence(&p, 1, ACQ);
		load(&p, 1, M(0), RLX);
		expect_count("MP with fences", &p, k == 3 ? 3 : 4);
	}
}

static void check_atomicity(void)
{
	struct program p = program_new(PROGRAM_ARM64, false, 1);

	/* Release sequence through an RMW of another thread: the acquire sees m1. */
	store(&p, 0, M(1), 1, RLX);
	store(&p, 0, M(0), 1, REL);
	modify(&p, 1, OP_FETCH_ADD, M(0), 1, RLX);
	load(&p, 2, M(0), ACQ);
	load(&p, 2, M(1), RLX);
	/* RMW before the store (reads 0): m0 is 1 twice; orders 0 < rmw < store or, RMW last, 0 < store <
	 * rmw. First: the load reads init (2 ways for m1), the RMW (2), the store (1): 5. Second: init (2),
	 * the store (1), the RMW (1): 4. */
	expect_count("release sequence", &p, 9);

	p = program_new(PROGRAM_ARM64, false, 1);
	cas(&p, 0, M(0), 0, 1, RLX);
	cas(&p, 1, M(0), 0, 2, RLX);
	expect_count("two cas", &p, 2);
	p = program_new(PROGRAM_ARM64, false, 1);
	cas(&p, 0, M(0), 0, 1, RLX);
	store(&p, 1, M(0), 2, RLX);
	expect_count("cas and store", &p, 2);
	p = program_new(PROGRAM_ARM64, false, 1);
	modify(&p, 0, OP_XCHG, M(0), 1, RLX);
	modify(&p, 1, OP_XCHG, M(0), 2, RLX);
	store(&p, 2, M(0), 3, RLX);
	expect_count("two xchg and a store", &p, 6);
}

/* ---- Published translation tests -------------------------------------------------------------------------
 */
#define ANY (BRUTE_FAULT - 1)
#define OK  (BRUTE_FAULT - 2) /* anything but a fault */

struct condition {
	uint64_t result[6]; /* of the instructions that return a value, in order; ANY where not asked */
	unsigned location;  /* final value, unless PROGRAM_LOCATIONS */
	uint64_t final;
	bool walked; /* some faulting walk found its upper entry present */
	bool seen;
};

static void see(void *arg, const struct graph *g)
{
	struct condition *c = arg;
	uint64_t values[PROGRAM_VALUES];
	unsigned n = graph_outcome(g, values) - PROGRAM_LOCATIONS;
	bool walked = false;

	for (unsigned i = 0; i < n && i < 6; i++) {
		bool same = c->result[i] == ANY || (c->result[i] == OK && values[i] != BRUTE_FAULT) ||
		            c->result[i] == values[i];

		if (!same)
			return;
	}
	if (c->location < PROGRAM_LOCATIONS && values[n + c->location] != c->final)
		return;
	for (unsigned e = FIRST_EVENT; e < g->count; e++)
		walked |= g->event[e].kind == EVENT_T && g->event[e].level == 0 && !g->event[e].cacheable;
	c->seen |= walked || !c->walked;
}

static void expect_condition(const char *name, const struct program *p, bool allowed, struct condition c)
{
	struct brute_result result;

	c.seen = false;
	brute_run(p, true, &result, see, &c);
	checks++;
	if (c.seen == allowed && !result.too_large)
		return;
	failures++;
	printf("%s%s: %s, expected %s\n", name, p->ets2 ? " (ETS2)" : "", c.seen ? "allowed" : "forbidden",
	       allowed ? "allowed" : "forbidden");
	program_print(p);
}

#define EXPECT(name, p, allowed, ...)                                                                        \
	expect_condition(                                                                                    \
	    name, &(p), allowed,                                                                             \
	    (struct condition){.result = {__VA_ARGS__, ANY, ANY}, .location = PROGRAM_LOCATIONS})
#define P0_RW ENTRY_LEAF(0, ENTRY_RW)
#define P1_RW ENTRY_LEAF(1, ENTRY_RW)
#define P0_RO ENTRY_LEAF(0, ENTRY_DIRTY)
#define P1_RO ENTRY_LEAF(1, ENTRY_DIRTY)
/* Frames are p0 (the first of a test) and p1. */

static struct program mapped(bool ets2, uint64_t entry_x, uint64_t entry_y)
{
	struct program p = program_new(PROGRAM_ARM64, ets2, 1);

	p.initial[E(X)] = entry_x;
	p.initial[E(Y)] = entry_y;
	return p;
}

/* Thread 0 of most tests: E(x) = value; dsb; tlbi x; dsb. */
static void change_and_flush(struct program *p, unsigned thread, uint64_t value, bool broadcast)
{
	store(p, thread, E(X), value, RLX);
	dsb(p, thread);
	tlbi(p, thread, X, broadcast);
	dsb(p, thread);
}

static void check_flush_tests(bool ets2)
{
	struct program p = mapped(ets2, P0_RW, 0);

	p.initial[P(1)] = 2;
	change_and_flush(&p, 0, ENTRY_INVALID, true);
	store(&p, 0, E(X), P1_RW, RLX);
	user_load(&p, 1, X);
	EXPECT("BBM+dsb-tlbiis-dsb", p, true, 0);
	EXPECT("BBM+dsb-tlbiis-dsb, new frame", p, true, 2);

	p = mapped(ets2, P0_RW, P0_RW);
	change_and_flush(&p, 0, ENTRY_INVALID, true);
	user_store(&p, 0, Y, 2);
	user_load(&p, 1, X);
	EXPECT("RBS+dsb-tlbiis-dsb", p, false, ANY, 2);
	EXPECT("RBS+dsb-tlbiis-dsb, old value", p, true, ANY, 0);

	p = mapped(ets2, P0_RW, P0_RW);
	change_and_flush(&p, 0, ENTRY_INVALID, true);
	user_store(&p, 0, Y, 2);
	user_store(&p, 1, X, 1);
	expect_condition("WBM+dsb-tlbiis-dsb", &p, false,
	                 (struct condition){.result = {ANY, ANY}, .location = P(0), .final = 1});

	p = mapped(ets2, P0_RW, 0);
	store(&p, 0, E(X), ENTRY_INVALID, RLX);
	dsb(&p, 0);
	isb(&p, 0);
	user_load(&p, 0, X);
	EXPECT("CoWinvT+dsb-isb", p, true, 0);

	p = mapped(ets2, P0_RW, 0);
	change_and_flush(&p, 0, ENTRY_INVALID, true);
	isb(&p, 0);
	user_load(&p, 0, X);
	EXPECT("CoWinvT.EL1+dsb-tlbiis-dsb-isb", p, false, OK);
	EXPECT("CoWinvT.EL1+dsb-tlbiis-dsb-isb, fault", p, true, BRUTE_FAULT);
	p.code[0][2].where = Y;
	EXPECT("CoWinvT.EL1+dsb-badtlbi-dsb-isb", p, true, OK);
}

static void check_single_entry_tests(bool ets2)
{
	struct program p = mapped(ets2, P0_RW, 0);

	store(&p, 0, E(X), ENTRY_INVALID, RLX);
	load(&p, 1, E(X), RLX);
	dsb(&p, 1);
	tlbi(&p, 1, X, false);
	dsb(&p, 1);
	isb(&p, 1);
	user_load(&p, 1, X);
	EXPECT("CoRpteT.EL1+dsb-tlbi-dsb-isb", p, false, ENTRY_INVALID, 0);

	p = mapped(ets2, ENTRY_INVALID, P0_RW);
	p.initial[P(0)] = 1;
	store(&p, 0, E(X), P0_RW, RLX);
	user_load(&p, 1, X);
	dsb(&p, 1);
	isb(&p, 1);
	load(&p, 1, E(X), RLX);
	EXPECT("CoTRpte.inv+dsb-isb", p, false, 1, ENTRY_INVALID);
	EXPECT("CoTRpte.inv+dsb-isb, both", p, true, 1, P0_RW);

	p = mapped(ets2, P0_RW, 0);
	store(&p, 0, E(X), ENTRY_INVALID, RLX);
	user_load(&p, 1, X);
	load(&p, 1, E(X), RLX);
	EXPECT("CoTfRpte+po", p, false, BRUTE_FAULT, P0_RW);

	p = mapped(ets2, P0_RO, 0);
	p.initial[P(1)] = 1;
	store(&p, 0, E(X), P1_RO, RLX);
	user_load(&p, 1, X);
	dsb(&p, 1);
	isb(&p, 1);
	user_load(&p, 1, X);
	EXPECT("CoTT.ro+dsb-isb", p, true, 1, 0);
}

static void check_message_tests(bool ets2)
{
	for (unsigned broadcast = 0; broadcast < 2; broadcast++) {
		struct program p = mapped(ets2, P0_RW, 0);

		change_and_flush(&p, 0, ENTRY_INVALID, broadcast);
		store(&p, 0, M(0), 1, RLX);
		load(&p, 1, M(0), RLX);
		dsb(&p, 1);
		isb(&p, 1);
		user_load(&p, 1, X);
		EXPECT(broadcast ? "MP.RT.EL1+dsb-tlbiis-dsb+dsb-isb" : "MP.RT.EL1+dsb-tlbi-dsb+dsb-isb", p,
		       !broadcast, 1, 0);
	}
	for (unsigned po = 0; po < 2; po++) {
		struct program p = mapped(ets2, ENTRY_INVALID, 0);

		store(&p, 0, E(X), P0_RW, RLX);
		add(&p, 0, OP_DMB);
		store(&p, 0, M(0), 1, RLX);
		load(&p, 1, M(0), RLX);
		if (!po) {
			dsb(&p, 1);
			isb(&p, 1);
		}
		user_load(&p, 1, X);
		/* Without ETS2, or without an acquire before it, the walk may come early. */
		EXPECT(po ? "MP.RTf.inv+dmb+po" : "MP.RTf.inv+dmb+dsb-isb", p, po, 1, BRUTE_FAULT);
	}
	struct program p = mapped(ets2, ENTRY_INVALID, ENTRY_INVALID);

	store(&p, 0, E(X), P0_RW, RLX);
	dsb(&p, 0);
	store(&p, 0, E(Y), P1_RW, RLX);
	user_load(&p, 1, Y);
	dsb(&p, 1);
	isb(&p, 1);
	user_load(&p, 1, X);
	EXPECT("MP.TTf.inv+dsb+dsb-isb", p, false, OK, BRUTE_FAULT);

	p = mapped(ets2, ENTRY_INVALID, ENTRY_INVALID);
	for (unsigned t = 0; t < 2; t++) {
		store(&p, t, E(t), ENTRY_LEAF(t, ENTRY_RW), RLX);
		dsb(&p, t);
		isb(&p, t);
		user_load(&p, t, 1 - t);
	}
	EXPECT("SB.TfTf.inv+dsb-isbs", p, false, BRUTE_FAULT, BRUTE_FAULT);
	EXPECT("SB.TfTf.inv+dsb-isbs, one", p, true, OK, BRUTE_FAULT);

	p = mapped(ets2, P0_RO, 0);
	change_and_flush(&p, 0, P0_RW, true);
	store(&p, 0, M(0), 1, RLX);
	load(&p, 1, M(0), RLX);
	dsb(&p, 1);
	isb(&p, 1);
	user_store(&p, 1, X, 1);
	EXPECT("S.RT.ro+dsb-tlbiis-dsb+dsb-isb", p, false, 1, BRUTE_FAULT);
}

/* A shootdown by hand. The handler's part is in line: an exception's entry is context synchronisation. */
static void check_shootdown(bool ets2)
{
	struct program p = mapped(ets2, P0_RW, 0);

	store(&p, 0, E(X), ENTRY_INVALID, RLX);
	dsb(&p, 0);
	store(&p, 0, M(0), 1, RLX);
	load(&p, 0, M(0), RLX);
	dsb(&p, 0);
	store(&p, 0, M(1), 1, RLX);
	load(&p, 1, M(0), RLX);
	isb(&p, 1);
	dsb(&p, 1);
	tlbi(&p, 1, X, false);
	dsb(&p, 1);
	isb(&p, 1);
	store(&p, 1, M(0), 2, RLX);
	load(&p, 1, M(1), RLX);
	dsb(&p, 1);
	isb(&p, 1);
	user_load(&p, 1, X);
	EXPECT("MP.RT.EL1+dsb-shootdown-dsb+dsb-isb", p, false, 2, 1, 1, 0);
	EXPECT("MP.RT.EL1+dsb-shootdown-dsb+dsb-isb, fault", p, true, 2, 1, 1, BRUTE_FAULT);
}

static void check_table_tests(bool ets2)
{
	for (unsigned flush = 0; flush < 2; flush++) {
		struct program p = program_new(PROGRAM_ARM64, ets2, 2);

		p.initial[E(X)] = P0_RW;
		p.initial[P(0)] = 1;
		p.initial[P(1)] = 2;
		store(&p, 0, E2, ENTRY_INVALID, RLX);
		if (flush) {
			dsb(&p, 0);
			tlbi(&p, 0, TLBI_ALL, true);
			dsb(&p, 0);
		} else {
			add(&p, 0, OP_DMB);
		}
		store(&p, 0, E(X), P1_RW, RLX);
		user_load(&p, 1, X);
		EXPECT(flush ? "ROT+dsb-tlbivmallis-dsb" : "ROT+dmb", p, !flush, 2);
		EXPECT("ROT, old frame", p, true, 1);
	}
	for (unsigned po = 0; po < 2; po++) {
		struct program p = program_new(PROGRAM_ARM64, ets2, 2);

		p.initial[AT_UPPER] = ENTRY_INVALID;
		store(&p, 0, E(X), P0_RW, RLX);
		if (!po)
			dsb(&p, 0);
		store(&p, 0, E2, ENTRY_TABLE(0), RLX);
		user_load(&p, 1, X);
		expect_condition(po ? "ROT.inv+po" : "ROT.inv+dsb", &p, po,
		                 (struct condition){.result = {BRUTE_FAULT, ANY, ANY},
		                                    .location = PROGRAM_LOCATIONS,
		                                    .walked = true});
	}
}

/* A page is filled, then its entry published: with release the access through that finds the page filled, and
 * a store through it comes last; a later plain load may still overtake the walk. */
static void check_published(bool ets2)
{
	for (unsigned kind = 0; kind < 4; kind++) {
		bool released = kind & 1, by_load = kind & 2;
		struct program p = mapped(ets2, ENTRY_INVALID, 0);

		store(&p, 0, M(1), 1, RLX);
		if (by_load) { /* another CPU filled the page, the publisher saw it */
			store(&p, 2, P(0), 1, RLX);
			load(&p, 0, P(0), RLX);
		} else {
			store(&p, 0, P(0), 1, RLX);
			load(&p, 0, P(0), RLX);
		}
		store(&p, 0, E(X), P0_RW, released ? REL : RLX);
		user_load(&p, 1, X);
		load(&p, 1, M(1), RLX);
		EXPECT("publish, load", p, !released, 1, 0);
		EXPECT("publish, later load overtakes the walk", p, true, 1, 1, 0);
		EXPECT("publish, fault", p, true, 1, BRUTE_FAULT);
		p.code[1][0].op = OP_USER_STORE;
		p.code[1][0].value = 2;
		expect_condition(
		    "publish, store", &p, !released,
		    (struct condition){.result = {1, 0, ANY, ANY}, .location = P(0), .final = 1});
	}
}

/* ---- Counts of translation programs ----------------------------------------------------------------------
 */
static void see_stale_two(void *arg, const struct graph *g)
{
	uint64_t values[PROGRAM_VALUES];

	graph_outcome(g, values);
	if (g->stale && values[0] == 2)
		++*(unsigned *)arg;
}

/* Two threads do not show whether an explorer loses executions; this one with three does. */
static void check_three_threads(bool ets2)
{
	struct program p = mapped(ets2, P0_RW, 0);
	struct brute_result result;
	unsigned stale_two = 0;

	change_and_flush(&p, 0, ENTRY_INVALID, true);
	store(&p, 0, P(0), 1, RLX);
	user_load(&p, 1, X);
	store(&p, 2, P(0), 2, RLX);
	expect_count("three threads", &p, 5);
	brute_run(&p, true, &result, see_stale_two, &stale_two);
	checks++;
	if (stale_two != 1) {
		failures++;
		printf("three threads: %u graphs with a stale translation and r=2, expected 1\n", stale_two);
	}
}

/* x86-64: INVLPG reaches its own CPU only, at once, and a fault forgets the address. */
static void check_x86(void)
{
	for (unsigned own = 0; own < 2; own++) {
		struct program p = program_new(PROGRAM_X86_64, false, 1);

		p.initial[E(X)] = P0_RW;
		store(&p, 0, E(X), ENTRY_INVALID, RLX);
		tlbi(&p, 0, X, true);
		store(&p, 0, M(0), 1, REL);
		load(&p, 1 - own, M(0), ACQ);
		user_load(&p, 1 - own, X);
		EXPECT(own ? "x86-64: own invlpg" : "x86-64: another CPU's invlpg", p, !own, 1, 0);
	}
	struct program p = program_new(PROGRAM_X86_64, false, 1);

	p.initial[E(X)] = P0_RO;
	store(&p, 0, E(X), P0_RW, RLX);
	store(&p, 0, M(0), 1, REL);
	load(&p, 1, M(0), ACQ);
	user_store(&p, 1, X, 1);
	user_store(&p, 1, X, 2);
	EXPECT("x86-64: spurious fault", p, true, 1, BRUTE_FAULT, 0);
	EXPECT("x86-64: spurious fault twice", p, false, 1, BRUTE_FAULT, BRUTE_FAULT);
}

/* ---- Hardware updates ------------------------------------------------------------------------------------
 */
static void check_updates(enum program_arch arch)
{
	const uint64_t clean = ENTRY_LEAF(0, ENTRY_WRITABLE);
	struct program p = program_new(arch, false, 1);
	bool arm64 = arch == PROGRAM_ARM64;

	p.initial[E(X)] = clean;
	user_store(&p, 0, X, 1);
	EXPECT("clean entry, hardware sets nothing: faults", p, false, 0);
	p.hw_dirty = true;
	expect_count("update alone", &p, 1);
	expect_condition("update alone sets dirty", &p, true,
	                 (struct condition){.result = {0}, .location = E(X), .final = P0_RW});
	/* Two stores: the second T reads clean (its U finds dirty) or dirty. */
	user_store(&p, 0, X, 2);
	expect_count("two stores of one CPU", &p, 2);

	/* Against a plain clear: the update never resurrects what software overwrote, and is never lost: T
	 * and U before the clear; T before and U after, which faults (on arm64 a walk of its own, that finds
	 * nothing: the same fault with one T more); T after. */
	p = program_new(arch, false, 1);
	p.hw_dirty = true;
	p.initial[E(X)] = clean;
	modify(&p, 0, OP_XCHG, E(X), ENTRY_INVALID, RLX);
	user_store(&p, 1, X, 1);
	expect_count("update against xchg", &p, 3);
	expect_condition("update does not resurrect", &p, false,
	                 (struct condition){.result = {ANY, ANY}, .location = E(X), .final = P0_RW});
	EXPECT("update before xchg is returned by it", p, true, P0_RW, 0);
	EXPECT("store without dirty", p, false, clean, 0);
	EXPECT("update after xchg faults", p, true, clean, BRUTE_FAULT);

	/* Another frame meanwhile: arm64 walks again and stores there, x86-64 faults. */
	p.code[0][0].value = ENTRY_LEAF(1, ENTRY_RW);
	expect_condition("new frame", &p, true,
	                 (struct condition){.result = {clean, 0}, .location = P(1), .final = 1});
	EXPECT("new frame, fault", p, !arm64, clean, BRUTE_FAULT);
	expect_condition("new frame, old one written without dirty", &p, false,
	                 (struct condition){.result = {clean, 0}, .location = P(0), .final = 1});
}

/* The completion of an invalidation waits for the update of an entry as for the access: whoever unlinks a
 * table, flushes and then looks at what hardware set in it has seen the last of it. */
static void check_update_waits(enum program_arch arch)
{
	const uint64_t clean = ENTRY_LEAF(0, ENTRY_WRITABLE);

	for (unsigned flushes = 0; flushes < 2; flushes++) {
		struct program p = program_new(arch, false, 2);

		p.hw_dirty = true;
		p.initial[E(X)] = clean;
		store(&p, 0, E2, ENTRY_INVALID, RLX);
		dsb(&p, 0);
		if (flushes)
			tlbi(&p, 0, X, true);
		dsb(&p, 0);
		load(&p, 0, E(X), RLX);
		user_store(&p, 1, X, 1);
		EXPECT("update before the look", p, true, P0_RW, 0);
		EXPECT("update lost behind the completion", p, !flushes, clean, 0);
		/* Nor does it meet what is stored afterwards: one that finds another page is no more under
		 * way. */
		p.length[0]--;
		store(&p, 0, E(X), ENTRY_LEAF(1, ENTRY_WRITABLE), RLX);
		expect_condition("update finds the table's next life", &p, !flushes && arch != PROGRAM_X86_64,
		                 (struct condition){.result = {0}, .location = P(1), .final = 1});
	}
}

/* ---- Interrupts and roots --------------------------------------------------------------------------------
 */
/* Thread 0 revokes x, asks CPU 1 for a flush, waits, writes to the frame; thread 1 loads x; thread 2 is the
 * handler of CPU 1. */
static struct program flush_by_interrupt(enum program_arch arch, bool flush, bool wait)
{
	struct program p = program_new(arch, false, 1);

	p.initial[E(X)] = P0_RW;
	store(&p, 0, E(X), ENTRY_INVALID, RLX);
	store(&p, 0, M(3), 1, REL);
	if (wait)
		modify(&p, 0, OP_AWAIT, M(4), 1, ACQ);
	store(&p, 0, P(0), 5, RLX);
	user_load(&p, 1, X);
	modify(&p, 2, OP_AWAIT, M(3), 1, ACQ);
	modify(&p, 2, OP_LOCK, M(5), 1, ACQ);
	if (arch == PROGRAM_ARM64)
		dsb(&p, 2);
	if (flush)
		tlbi(&p, 2, X, false);
	if (arch == PROGRAM_ARM64)
		dsb(&p, 2);
	store(&p, 2, M(5), 0, REL);
	store(&p, 2, M(4), 1, REL);
	p.cpu[2] = 1;
	return p;
}

static void check_interrupts(enum program_arch arch)
{
	struct program p = flush_by_interrupt(arch, true, true);

	EXPECT("flush by interrupt: before it", p, true, 0);
	EXPECT("flush by interrupt: after the change", p, true, BRUTE_FAULT);
	EXPECT("flush by interrupt: stale after the answer", p, false, 5);
	p = flush_by_interrupt(arch, false, true);
	EXPECT("interrupt without flush", p, true, 5);
	p = flush_by_interrupt(arch, true, false);
	EXPECT("flush by interrupt, not waited for", p, true, 5);
	p = flush_by_interrupt(arch, true, true);
	p.cpu[2] = 2;
	EXPECT("flush by interrupt of another CPU", p, true, 5);
	/* With interrupts off over two loads the handler is before or behind both. */
	p = flush_by_interrupt(arch, true, true);
	p.length[1] = 0;
	modify(&p, 1, OP_LOCK, M(5), 1, ACQ);
	user_load(&p, 1, X);
	user_load(&p, 1, X);
	store(&p, 1, M(5), 0, REL);
	EXPECT("interrupts off: stale after the answer", p, false, 0, 5);
	EXPECT("interrupts off: stale before it", p, true, 0, 0);
}

/* One CPU loads number 1 with table 0 (page x is frame 0) and with table 1 (frame 1), number 2 between. */
static void check_roots(enum program_arch arch)
{
	for (unsigned keep = 0; keep < 2; keep++) {
		struct program p = program_new(arch, false, 2);

		p.initial[AT_UPPER] = 0;
		p.roots = true;
		p.initial[AT_ROOT_OF(0, 1)] = ENTRY_TABLE(0);
		p.initial[AT_LEAF_OF(0, X)] = P0_RW;
		p.initial[AT_LEAF_OF(1, X)] = ENTRY_LEAF(1, ENTRY_RW);
		p.initial[P(1)] = 7;
		for (unsigned asid = 2; asid; asid--) {
			modify(&p, 0, OP_LOAD_ROOT, asid, ENTRY_TABLE(1), RLX);
			p.code[0][p.length[0] - 1].keep = keep;
			user_load(&p, 0, X);
		}
		EXPECT("number 2 for the first time", p, false, 0, 7);
		EXPECT("both spaces new", p, true, 7, 7);
		EXPECT("number 1 again: the former space", p, keep, 7, 0);
	}
}

/* Who comes first must not matter. */
static void check_thread_order(void)
{
	static const struct random_options kinds[] = {
	    {.arch = PROGRAM_ARM64},
	    {.arch = PROGRAM_ARM64, .ets2 = true, .levels = 2, .weight = 20},
	    {.arch = PROGRAM_ARM64, .hw_dirty = true, .weight = 13},
	    {.arch = PROGRAM_X86_64, .hw_dirty = true, .weight = 13},
	    {.arch = PROGRAM_RISCV64, .mix = true, .weight = 13},
	};

	for (unsigned k = 0; k < sizeof kinds / sizeof *kinds; k++)
		for (unsigned i = 0; i < 200; i++) {
			struct program p, q;
			struct brute_result a, b;

			random_program(&p, &kinds[k], 1000 + k, i);
			q = p;
			for (unsigned t = 0; t < p.threads; t++) {
				q.length[t] = p.length[p.threads - 1 - t];
				q.cpu[t] = p.cpu[p.threads - 1 - t];
				q.device[t] = p.device[p.threads - 1 - t];
				q.no_ad[t] = p.no_ad[p.threads - 1 - t];
				memcpy(q.code[t], p.code[p.threads - 1 - t], sizeof q.code[t]);
			}
			brute_run(&p, true, &a, NULL, NULL);
			brute_run(&q, false, &b, NULL, NULL);
			checks++;
			if (a.executions == b.executions && a.stale == b.stale && !a.too_large)
				continue;
			failures++;
			printf("%" PRIu64 " executions, with the threads reversed %" PRIu64 "%s\n",
			       a.executions, b.executions, a.too_large ? " (too large)" : "");
			program_print(&p);
		}
}

int main(void)
{
	check_rc11_counts();
	check_sc_counts();
	check_atomicity();
	for (unsigned ets2 = 0; ets2 < 2; ets2++) {
		check_flush_tests(ets2);
		check_single_entry_tests(ets2);
		check_message_tests(ets2);
		check_shootdown(ets2);
		check_table_tests(ets2);
		check_published(ets2);
		check_three_threads(ets2);
	}
	check_x86();
	check_updates(PROGRAM_ARM64);
	check_updates(PROGRAM_X86_64);
	check_update_waits(PROGRAM_ARM64);
	check_update_waits(PROGRAM_RISCV64);
	for (enum program_arch arch = PROGRAM_ARM64; arch <= PROGRAM_RISCV64; arch++) {
		check_interrupts(arch);
		check_roots(arch);
	}
	check_thread_order();
	printf("brute force: %u checks, %u failures\n", checks, failures);
	return failures != 0;
}
