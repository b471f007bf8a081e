/* random.c: seeded random programs. SPDX-License-Identifier: MIT
 *
 * Most programs have a thread that changes an entry and flushes it, with a part of the sequence left out now
 * and then, and others that go through that entry; so that in many a translation is stale in some execution.
 */
#include <string.h>
#include "random.h"

struct maker {
	struct program *p;
	uint64_t state;
	unsigned left;  /* weight that may still be spent */
	uint64_t fresh; /* next value to store: each is stored once, mostly */
	bool devices;   /* somebody walks as a device */
	unsigned page;  /* the address that this program is about */
};

/* splitmix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014. */
static uint64_t mix(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static unsigned below(struct maker *m, unsigned n)
{
	return (unsigned)(mix(&m->state) % n);
}

static bool percent(struct maker *m, unsigned chance)
{
	return below(m, 100) < chance;
}

/* ---- Parts of a program ----------------------------------------------------------------------------------
 */
/* An instruction, if thread and program have room for it; otherwise one that is thrown away. */
static struct instruction *add(struct maker *m, unsigned thread, enum program_op op)
{
	static _Thread_local struct instruction discarded;
	bool user = op == OP_USER_LOAD || op == OP_USER_STORE;
	unsigned weight = user ? 1 + m->p->levels : op == OP_LOAD_ROOT ? 2 : 1;
	struct instruction *in = &discarded;

	if (weight <= m->left && m->p->length[thread] < PROGRAM_LENGTH) {
		m->left -= weight;
		in = &m->p->code[thread][m->p->length[thread]++];
	}
	memset(in, 0, sizeof *in);
	in->op = op;
	in->order = __ATOMIC_RELAXED;
	return in;
}

static unsigned some_page(struct maker *m)
{
	return percent(m, 82) ? m->page : 1 - m->page;
}

static unsigned some_entry(struct maker *m)
{
	const struct program *p = m->p;

	if (p->levels == 2 && !p->roots && percent(m, 45))
		return AT_UPPER + some_page(m) % p->uppers;
	return AT_LEAF_OF(p->levels == 2 && percent(m, 25), some_page(m));
}

static uint64_t some_leaf(struct maker *m)
{
	unsigned bits = percent(m, 75) ? ENTRY_RW : percent(m, 75) || !m->p->hw_dirty ? 0 : ENTRY_WRITABLE;

	if (m->p->hw_dirty && percent(m, 50))
		bits = ENTRY_WRITABLE;
	return percent(m, 40) ? ENTRY_INVALID : ENTRY_LEAF(below(m, 2), bits);
}

static uint64_t some_entry_value(struct maker *m, unsigned entry)
{
	if (entry >= AT_UPPER)
		return percent(m, 40) ? ENTRY_INVALID : ENTRY_TABLE(percent(m, 70));
	return some_leaf(m);
}

static void change_entry(struct maker *m, unsigned thread, unsigned entry)
{
	struct instruction *in = add(m, thread, percent(m, 85) ? OP_STORE : OP_XCHG);

	in->where = entry;
	in->value = some_entry_value(m, entry);
	if (in->value == m->p->initial[entry] && percent(m, 80))
		in->value = entry < AT_UPPER && !in->value ? ENTRY_LEAF(1, ENTRY_RW) : ENTRY_INVALID;
	if (percent(m, 20))
		in->order = __ATOMIC_RELEASE;
}

static void read_memory(struct maker *m, unsigned thread)
{
	static const int orders[] = {__ATOMIC_RELAXED, __ATOMIC_RELAXED, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE,
	                             __ATOMIC_SEQ_CST};
	struct instruction *in = add(m, thread, OP_LOAD);

	in->order = orders[below(m, 5)];
	in->where = percent(m, 50) ? AT_WORD + below(m, 2) : AT_FRAME + below(m, 2);
	if (percent(m, 15)) {
		in->where = some_entry(m);
		in->order = percent(m, 50) ? __ATOMIC_RELAXED : __ATOMIC_ACQUIRE;
	}
}

static void write_memory(struct maker *m, unsigned thread)
{
	static const int orders[] = {__ATOMIC_RELAXED, __ATOMIC_RELAXED, __ATOMIC_RELEASE, __ATOMIC_RELEASE,
	                             __ATOMIC_SEQ_CST};
	static const enum program_op ops[] = {OP_FETCH_ADD, OP_XCHG, OP_CAS};
	struct instruction *in = add(m, thread, percent(m, 80) ? OP_STORE : ops[below(m, 3)]);

	in->order = orders[below(m, 5)];
	if (in->op != OP_STORE && percent(m, 40))
		in->order = percent(m, 50) ? __ATOMIC_ACQUIRE : __ATOMIC_ACQ_REL;
	in->where = percent(m, 50) ? AT_WORD + below(m, 2) : AT_FRAME + below(m, 2);
	in->value = percent(m, 85) ? ++m->fresh : 1;
	in->expected = percent(m, 50) ? 0 : 1;
}

static void access_user(struct maker *m, unsigned thread)
{
	struct instruction *in = add(m, thread, percent(m, 60) ? OP_USER_LOAD : OP_USER_STORE);

	in->where = some_page(m);
	if (in->op == OP_USER_STORE)
		in->value = ++m->fresh;
}

static void invalidate(struct maker *m, unsigned thread)
{
	bool broadcasts = m->p->arch != PROGRAM_X86_64;
	struct instruction *in = add(m, thread, OP_TLBI);

	in->where = percent(m, 25) ? TLBI_ALL : some_page(m);
	in->broadcast = broadcasts && percent(m, 80);
	in->leaf_only = broadcasts && in->where != TLBI_ALL && percent(m, 20);
	if (m->devices && percent(m, 60)) {
		in->device = true;
		in->broadcast = false;
	}
	if (m->p->roots)
		in->asid = percent(m, 70) ? 1 : below(m, 3);
}

static void order_memory(struct maker *m, unsigned thread)
{
	static const int orders[] = {__ATOMIC_ACQUIRE, __ATOMIC_RELEASE, __ATOMIC_ACQ_REL, __ATOMIC_SEQ_CST};

	switch (below(m, 5)) {
	case 0:
		add(m, thread, OP_FENCE)->order = orders[below(m, 4)];
		break;
	case 1:
		add(m, thread, OP_DMB);
		break;
	case 2:
		add(m, thread, OP_ISB);
		break;
	default:
		add(m, thread, OP_DSB);
		if (percent(m, 60))
			add(m, thread, OP_ISB);
		break;
	}
}

/* An entry that a walk of the program's address starts with. */
static unsigned walked_entry(struct maker *m)
{
	const struct program *p = m->p;
	unsigned upper = AT_UPPER + m->page % p->uppers;

	if (p->levels == 1 || p->roots)
		return AT_LEAF_OF(0, m->page);
	return percent(m, 40) ? upper : AT_LEAF_OF(ENTRY_NUMBER(p->initial[upper]), m->page);
}

/* One of these is what the interrupts of a program need of its words. */
enum { IRQ_REQUEST = AT_WORD + 3, IRQ_ACK, IRQ_LOCK };

/* The flag by which a flusher tells that it is done, and a user hears of it. */
static void flag(struct maker *m, unsigned thread, enum program_op op)
{
	struct instruction *in = add(m, thread, op);

	in->where = AT_WORD;
	in->value = op == OP_STORE ? ++m->fresh : 0;
	if (percent(m, m->p->arch == PROGRAM_ARM64 ? 60 : 85))
		in->order = op == OP_STORE ? __ATOMIC_RELEASE : __ATOMIC_ACQUIRE;
}

/* Runs under its first number, then under another, then perhaps under the first again. */
static void switcher(struct maker *m, unsigned thread)
{
	unsigned asid = 1;

	for (unsigned loads = 1 + percent(m, 60); loads; loads--) {
		struct instruction *in;

		if (percent(m, 50))
			access_user(m, thread);
		asid = percent(m, 70) ? 3 - asid : asid;
		in = add(m, thread, OP_LOAD_ROOT);
		in->where = asid;
		in->value = ENTRY_TABLE(percent(m, 60));
		in->keep = percent(m, 60);
	}
	access_user(m, thread);
}

static void await(struct maker *m, unsigned thread, unsigned where)
{
	struct instruction *in = add(m, thread, OP_AWAIT);

	in->where = where;
	in->value = 1;
	if (percent(m, 30)) { /* or a word that somebody may set */
		in->op = OP_AWAIT_EITHER;
		in->other = AT_WORD + below(m, 2);
		if (percent(m, 50)) {
			in->where = in->other;
			in->other = where;
		}
	}
	if (percent(m, 90))
		in->order = __ATOMIC_ACQUIRE;
}

static void set(struct maker *m, unsigned thread, unsigned where, uint64_t value)
{
	struct instruction *in = add(m, thread, OP_STORE);

	in->where = where;
	in->value = value;
	if (percent(m, 95))
		in->order = __ATOMIC_RELEASE;
}

/* Thread flusher changes an entry and asks cpu to drop it; thread handler is the interrupts of cpu. */
static void interrupts(struct maker *m, unsigned flusher, unsigned cpu, unsigned handler)
{
	bool locked = percent(m, 80);

	m->p->cpu[handler] = m->p->cpu[cpu];
	change_entry(m, flusher, walked_entry(m));
	set(m, flusher, IRQ_REQUEST, 1);
	if (percent(m, 90))
		await(m, flusher, IRQ_ACK);
	if (percent(m, 40))
		write_memory(m, flusher);
	else if (percent(m, 40))
		change_entry(m, flusher, walked_entry(m));

	await(m, handler, IRQ_REQUEST);
	if (locked)
		add(m, handler, OP_LOCK)->where = IRQ_LOCK;
	if (percent(m, 85))
		add(m, handler, OP_ISB);
	invalidate(m, handler);
	if (m->p->arch == PROGRAM_ARM64)
		add(m, handler, OP_DSB);
	if (locked)
		set(m, handler, IRQ_LOCK, 0);
	set(m, handler, IRQ_ACK, 1);

	if (percent(m, 20))
		read_memory(m, cpu);
	if (locked && percent(m, 40)) { /* interrupts off */
		add(m, cpu, OP_LOCK)->where = IRQ_LOCK;
		access_user(m, cpu);
		set(m, cpu, IRQ_LOCK, 0);
	} else {
		access_user(m, cpu);
	}
	if (percent(m, 40))
		access_user(m, cpu);
}

/* What hardware set in the leaf that the program's address had at the start. */
static void gather(struct maker *m, unsigned thread)
{
	unsigned upper = AT_UPPER + m->page % m->p->uppers;
	unsigned table = m->p->levels == 2 && !m->p->roots ? ENTRY_NUMBER(m->p->initial[upper]) : 0;

	add(m, thread, percent(m, 70) ? OP_LOAD : OP_XCHG)->where = AT_LEAF_OF(table, m->page);
}

/* Change an entry, flush it, tell somebody or use the page. */
static void flusher(struct maker *m, unsigned thread)
{
	bool arm64 = m->p->arch == PROGRAM_ARM64;

	if (percent(m, 10))
		read_memory(m, thread);
	change_entry(m, thread, percent(m, 85) ? walked_entry(m) : some_entry(m));
	if (arm64 ? percent(m, 93) : percent(m, 15))
		add(m, thread, OP_DSB);
	if (arm64 || percent(m, 70))
		invalidate(m, thread);
	if (arm64 ? percent(m, 93) : percent(m, 15))
		add(m, thread, OP_DSB);
	if (percent(m, 10))
		add(m, thread, OP_ISB);
	if (m->p->hw_dirty && percent(m, 35))
		gather(m, thread);
	if (percent(m, arm64 ? 30 : 80))
		flag(m, thread, OP_STORE);
	else if (percent(m, 60))
		write_memory(m, thread);
	else if (percent(m, 50))
		change_entry(m, thread, walked_entry(m));
	else
		access_user(m, thread);
}

static void anything(struct maker *m, unsigned thread)
{
	unsigned kind = below(m, 100);

	if (kind < 40)
		access_user(m, thread);
	else if (kind < 55)
		read_memory(m, thread);
	else if (kind < 72)
		write_memory(m, thread);
	else if (kind < 80)
		change_entry(m, thread, some_entry(m));
	else if (kind < 95)
		order_memory(m, thread);
	else
		invalidate(m, thread);
}

/* Goes through the entry that a flusher changes, having heard of the change or not. */
static void user(struct maker *m, unsigned thread)
{
	if (percent(m, m->p->arch == PROGRAM_ARM64 ? 25 : 80)) {
		flag(m, thread, OP_LOAD);
		if (percent(m, 40))
			order_memory(m, thread);
	} else if (percent(m, 20)) {
		read_memory(m, thread);
	}
	access_user(m, thread);
	if (percent(m, 25))
		order_memory(m, thread);
	if (percent(m, 30))
		anything(m, thread);
}

static void initial_values(struct maker *m)
{
	struct program *p = m->p;
	uint64_t bits = p->hw_dirty && percent(m, 60) ? ENTRY_WRITABLE : ENTRY_RW;

	for (unsigned page = 0; page < PROGRAM_PAGES; page++) {
		uint64_t leaf = ENTRY_LEAF(percent(m, 50) ? 0 : page, percent(m, 85) ? bits : 0);

		p->initial[AT_LEAF_OF(0, page)] = percent(m, 88) ? leaf : ENTRY_INVALID;
		if (p->levels == 2)
			p->initial[AT_LEAF_OF(1, page)] = percent(m, 60) ? some_leaf(m) : ENTRY_INVALID;
	}
	for (unsigned cpu = 0; p->roots && cpu < PROGRAM_CPUS; cpu++)
		p->initial[AT_ROOT_OF(cpu, 1)] = ENTRY_TABLE(0);
	for (unsigned u = 0; p->levels == 2 && !p->roots && u < p->uppers; u++)
		p->initial[AT_UPPER + u] = percent(m, 90) ? ENTRY_TABLE(percent(m, 15)) : ENTRY_INVALID;
}

/* A device loads and stores, and orders nothing. */
static void device(struct maker *m, unsigned thread)
{
	m->p->device[thread] = true;
	m->p->no_ad[thread] = percent(m, 30);
	for (unsigned accesses = 1 + below(m, 2); accesses; accesses--)
		access_user(m, thread);
}

static unsigned some_cpu(struct maker *m)
{
	unsigned thread = below(m, m->p->threads);

	return m->p->device[thread] ? (thread + 1) % m->p->threads : thread;
}

static void flush_and_use(struct maker *m)
{
	struct program *p = m->p;
	unsigned flushers = percent(m, 75) ? 1 : percent(m, 40) ? 2 : 0;
	unsigned switches = p->roots ? p->threads - 1 : p->threads;

	if (p->roots)
		m->left += 2;
	for (unsigned t = 0; t < p->threads; t++)
		if (t == switches)
			switcher(m, t);
		else if (m->devices && t == 1)
			device(m, t);
		else if (t < flushers)
			flusher(m, t);
		else if (flushers)
			user(m, t);
	for (unsigned tries = 0; m->left && tries < 3; tries++)
		anything(m, some_cpu(m));
	for (unsigned t = 0; t < p->threads; t++)
		if (!p->length[t])
			m->left += 2, access_user(m, t);
}

static void reverse_threads(struct program *p)
{
	struct program q = *p;

	for (unsigned t = 0; t < p->threads; t++) {
		unsigned from = p->threads - 1 - t, cpu = p->threads - 1 - q.cpu[from];

		p->length[t] = q.length[from];
		p->cpu[t] = cpu;
		p->device[t] = q.device[from];
		p->no_ad[t] = q.no_ad[from];
		memcpy(p->code[t], q.code[from], sizeof p->code[t]);
	}
}

void random_program(struct program *p, const struct random_options *options, uint64_t seed, uint64_t index)
{
	struct maker maker = {.p = p, .state = seed}, *m = &maker;

	/* Far apart in the sequence, so that programs of neighbouring numbers have nothing in common. */
	m->state = mix(&m->state) ^ (index * UINT64_C(0xd1342543de82ef95));
	mix(&m->state);
	memset(p, 0, sizeof *p);
	p->arch = options->arch;
	p->ets2 = options->ets2;
	p->hw_dirty = options->hw_dirty || (options->mix && percent(m, 40));
	p->levels = options->levels ? options->levels : 1 + below(m, 2);
	p->uppers = p->levels == 2 && percent(m, 40) ? 2 : 1;
	p->threads = options->threads ? options->threads : percent(m, 80) ? 3 : percent(m, 60) ? 2 : 4;
	for (unsigned t = 0; t < PROGRAM_THREADS; t++)
		p->cpu[t] = t;
	if (options->roots || (options->mix && percent(m, 25))) {
		p->roots = true;
		p->levels = 2;
		p->uppers = 1;
		p->threads = p->threads > PROGRAM_CPUS ? PROGRAM_CPUS : p->threads;
	}
	m->page = below(m, PROGRAM_PAGES);
	m->left = (options->weight ? options->weight : 18) + p->levels - 1;
	m->fresh = 1;
	initial_values(m);
	if (p->threads > 2 && (options->interrupts || (options->mix && percent(m, 35)))) {
		m->left += 8;
		interrupts(m, 0, 1, 2);
		if (p->threads > 3)
			user(m, 3);
	} else {
		m->devices = options->devices || (options->mix && percent(m, 25));
		p->snoops = m->devices && percent(m, 30);
		flush_and_use(m);
	}
	/* Who comes first must not matter: half of the programs have the flusher last. */
	if (percent(m, 50))
		reverse_threads(p);
}
