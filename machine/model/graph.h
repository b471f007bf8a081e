/* graph.h: execution graphs of the model machine. SPDX-License-Identifier: MIT
 *
 * An execution is a graph of events. Its id is an event's position in insertion order: adding an
 * event appends, backtracking truncates, a revisit builds a new graph of the events it keeps.
 *
 * Happens-before (H) is kept as a clock per event. Program order between events that are not
 * translation reads is in H, translation reads (T) are not: so a clock has two counts per thread,
 * how many of its leading non-T events, and how many of its leading T events, are H-before.
 * The only H edges into a T that such a prefix cannot say are those from the upper T of the same
 * walk; hb_before() adds them. Clocks never change once an event is in the graph. */
#ifndef MODEL_GRAPH_H
#define MODEL_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Who adds events looks that there is room (extend() in threads.c): graph_add() does not. */
enum {
	MAX_THREADS = 16,
	MAX_EVENTS = 1600,
	MAX_PER_THREAD = MAX_EVENTS / 4,
	MAX_LOCATIONS = 640,
	MAX_INVALIDATIONS = 96,
	MAX_FREES = 48,
};
enum { NO_EVENT = 0xffff, INIT_EVENT = 0xfffe };

enum event_kind {
	EV_READ,
	EV_WRITE,
	EV_RMW_READ, /* followed by EV_RMW_WRITE where the operation stores */
	EV_RMW_WRITE,
	EV_FENCE,     /* order; sc fences take part in psc */
	EV_DSB,       /* sc fence that completes the invalidations of its thread */
	EV_ISB,       /* context synchronisation: ISB, exception return */
	EV_TRANSLATE, /* T */
	EV_LOAD,      /* A, load through the T before it */
	EV_STORE,     /* A, store */
	EV_FAULT,     /* X */
	EV_TLBI,      /* V */
	EV_FREE,      /* D: a page was freed */
	EV_CHOOSE,
};

enum {
	F_BLOCKED = 1,    /* A or U without a consistent choice: no source, no place, its thread stops */
	F_HARDWARE = 2,   /* update of an entry by a walker */
	F_AWAIT = 4,      /* read of a waiting loop */
	F_CAS = 8,        /* RMW that stores only if it finds `operand2` */
	F_LAST_T = 16,    /* lowest T of its walk: the access made with it comes next */
	F_CACHEABLE = 32, /* T: the value read may be kept by a TLB */
	F_BROADCAST = 64,
	F_LEAF_ONLY = 128,
	F_DEVICE = 256,   /* V: of what devices hold, complete at once */
	F_LARGE = 512,    /* T: the value read is a leaf above level 0 */
	F_SIBLING = 1024, /* T: of another entry of the block, which must share (machine_rules.shares) */
	F_GLOBAL = 2048,  /* T: the value read is a leaf of every number */
};

enum rmw_op {
	RMW_XCHG,
	RMW_ADD,
	RMW_SUB,
	RMW_AND,
	RMW_OR,
	RMW_XOR,
	RMW_NAND,
	RMW_CAS,
	RMW_APPLY, /* operand: uint64_t (*)(uint64_t), pure */
	RMW_WALKER,
	/* operand: the value walked; operand2: enum walker_how */
};

/* How a walker updates an entry: for a store; the level at which it read it. */
enum walker_how { WALKER_STORE = 1, WALKER_STRAY = 2, WALKER_LEVEL_SHIFT = 4 };

struct clock {
	int16_t n[MAX_THREADS]; /* non-T events */
	int16_t t[MAX_THREADS]; /* T events */
};

struct event {
	uint8_t kind, order, thread, size;
	uint16_t flags;
	uint8_t level;  /* T: 0 leaf, levels: root register */
	uint8_t asid;   /* T, V */
	uint8_t op;     /* RMW */
	uint16_t index; /* in program order */
	uint16_t location;
	uint16_t rf;                       /* reads: event read from */
	uint16_t co_next, co_prev, co_pos; /* writes; co_pos counts from 1, 0 is the initial value */
	uint16_t next_read;                /* chain of reads of the location, newest first */
	uint16_t upper;                    /* T: upper T of the same walk; A, X: the last T of its walk */
	uint16_t last_rel, last_acq; /* last release / acquire fence before or at this event (index+1) */
	uint16_t last_dsb, t_sync;   /* index+1: last DSB; last event ordered before later T */
	uint16_t pages;              /* V: 0 whole space */
	uint32_t serial;             /* A, X, U: number of its frame, 0 for none */
	uint64_t value;              /* written; read (filled in); CHOOSE: the choice */
	uint64_t operand, operand2;
	uint64_t va; /* T, A, X, V */
	const void *pc;
	struct clock hb;             /* what is H-before, this event included */
	struct clock msg;            /* writes: what an acquiring reader learns */
	int16_t prefix[MAX_THREADS]; /* po U rf prefix, T included, this event included */
};

struct location {
	uint16_t first, last; /* coherence order */
	uint16_t count;       /* writes */
	uint16_t reads;       /* newest read */
};

struct graph {
	unsigned count;
	unsigned dev;      /* deviations from the maximal choice so far */
	uint16_t sc_count; /* sc fences and accesses */
	uint16_t nv, v[MAX_INVALIDATIONS];
	uint16_t nfree, freed[MAX_FREES]; /* EV_FREE */
	uint16_t length[MAX_THREADS];
	uint16_t thread[MAX_THREADS][MAX_PER_THREAD];
	struct location loc[MAX_LOCATIONS];
	uint16_t nloc; /* locations this graph touches are below it */
	struct event ev[MAX_EVENTS];
};

/* What does not change while one program is explored. */
struct machine_rules {
	unsigned nthreads;
	uint8_t cpu[MAX_THREADS]; /* the CPU whose TLB the thread uses */
	bool device[MAX_THREADS]; /* the thread walks by a TLB of its own, which no CPU's V reaches */
	bool ahead[MAX_THREADS];  /* the thread is a walk without an access: X ends it */
	bool device_snoops;       /* but broadcast ones do */
	/* the architecture, see rules_for() */
	bool ets2;              /* a T of an uncacheable value comes after earlier accesses */
	bool instant_tlbi;      /* V is complete at once and orders its own CPU's walks */
	bool traps_order;       /* X and exception return synchronise context */
	bool fault_drops_entry; /* X is a V of its address on its CPU */
	bool tlbi_drops_walks;  /* V by address drops every upper entry of the CPU and ASID */
	bool young_path;        /* a value is cacheable only if those above it in the walk are */
	bool drops_global;      /* V by address, of whatever number, drops a global leaf */
	bool sc_memory;         /* sequential consistency instead of RC11 */
	bool textbook;
	unsigned levels; /* of tables */
	unsigned table_shift, page_shift;
	/* the initial value of a location */
	uint64_t init[MAX_LOCATIONS];
	/* may a TLB of this CPU keep this entry value, read at this level? */
	bool (*cacheable)(uint64_t value, unsigned level, unsigned cpu);
	/* does the value map a page by itself at a level above 0? may it serve the other addresses of its
	 * contiguous block? may be NULL: never */
	bool (*large)(uint64_t value, unsigned level);
	bool (*shares)(uint64_t value);
	/* is the value a leaf that a TLB keeps for every number? may be NULL: never */
	bool (*global)(uint64_t value, unsigned level);
	/* the access with this serial leaves an event without a choice; may be NULL */
	void (*blame)(uint32_t serial);
	/* a list of fixed size is full, what was asked has no answer: the search must end; may be NULL */
	void (*limit)(const char *why);
	/* what a walker that used entry walked makes of the entry it finds: found, where it may not update */
	uint64_t (*walker_update)(uint64_t found, uint64_t walked, unsigned how);
};

static inline bool ev_is_read(const struct event *e)
{
	return e->kind == EV_READ || e->kind == EV_RMW_READ || e->kind == EV_TRANSLATE || e->kind == EV_LOAD;
}
static inline bool ev_is_write(const struct event *e)
{
	return e->kind == EV_WRITE || e->kind == EV_RMW_WRITE || e->kind == EV_STORE;
}

/* Of what completions of invalidations wait for: an access, an exception, an update of an entry. */
static inline bool is_waited_for(const struct event *e)
{
	return e->kind == EV_LOAD || e->kind == EV_STORE || e->kind == EV_FAULT || (e->flags & F_HARDWARE);
}

enum rules_arch { RULES_ARM64, RULES_X86_64, RULES_RISCV64 };
void rules_for(struct machine_rules *m, enum rules_arch arch, bool ets2);
bool is_acquire(unsigned order);
bool is_release(unsigned order);

/* graph.c */
/* Is V complete at once, with no barrier before it and behind it? */
static inline bool completes_itself(const struct machine_rules *m, const struct event *v)
{
	return m->instant_tlbi || (v->flags & F_DEVICE);
}
/* Does V reach the TLB that thread t walks by, which belongs to cpu? */
static inline bool reaches(const struct machine_rules *m, const struct event *v, bool device, unsigned cpu)
{
	if (device)
		return (v->flags & F_DEVICE) || ((v->flags & F_BROADCAST) && m->device_snoops);
	return !(v->flags & F_DEVICE) && ((v->flags & F_BROADCAST) || m->cpu[v->thread] == cpu);
}
/* Does the event do what an ISB does on arm64: order later T after earlier events? */
bool synchronises_context(const struct machine_rules *m, const struct event *e);
bool ev_is_sc(const struct event *e);
/* Did this RMW read find a value that makes it store? */
bool rmw_stores(const struct machine_rules *m, const struct event *e);
void graph_init(struct graph *g);
/* Append tmpl. Reads: rf = source (a write, INIT_EVENT, or NO_EVENT for blocked); writes: after =
 * the write that it follows in coherence (INIT_EVENT: first). Computes every derived field. */
uint16_t graph_add(const struct machine_rules *m, struct graph *g, const struct event *tmpl, uint16_t choice);
/* Remove events from position count on. */
void graph_truncate(struct graph *g, unsigned count);
/* dst = the events of src for which keep[id]; ids are renumbered, map (may be NULL) tells how.
 * A read whose source is not kept dangles (rf = NO_EVENT). */
void graph_restrict(struct graph *dst, const struct graph *src, const uint8_t *keep, uint16_t *map);
/* Give read r another source: recomputes its derived fields. r is last in its thread. */
void graph_set_rf(const struct machine_rules *m, struct graph *g, uint16_t r, uint16_t source);
/* Does another read-modify-write already take the write that RMW read id takes? */
bool rmw_conflict(const struct machine_rules *m, const struct graph *g, uint16_t id);
/* Has the write of RMW read id, which stands last, no place in g, so that all it can do is to revisit reads?
 */
bool lacks_write(const struct machine_rules *m, struct graph *g, uint16_t id);
/* The write part of an RMW whose read part found its value. */
struct event rmw_write_of(const struct machine_rules *m, const struct event *ur);
uint64_t graph_value_of(const struct machine_rules *m, const struct graph *g, uint16_t write,
                        uint16_t location);
bool hb_before(const struct graph *g, uint16_t a, uint16_t e);
/* The coherence-latest write of a location, and the one before a write; INIT_EVENT is the initial value. */
static inline uint16_t co_newest(const struct graph *g, uint16_t location)
{
	return g->loc[location].last == NO_EVENT ? INIT_EVENT : g->loc[location].last;
}
static inline uint16_t co_before(const struct graph *g, uint16_t write)
{
	return g->ev[write].co_prev == NO_EVENT ? INIT_EVENT : g->ev[write].co_prev;
}
static inline unsigned co_pos(const struct graph *g, uint16_t write)
{
	return write >= INIT_EVENT ? 0 : g->ev[write].co_pos;
}

/* rules.c. The whole graph after r was given a new source (revisit): the same questions for r. */
bool revisit_consistent(const struct machine_rules *m, struct graph *g, uint16_t r);
/* The choices of tmpl, maximal first; returns how many. */
unsigned choices(const struct machine_rules *m, struct graph *g, const struct event *tmpl, uint16_t *list);
/* best(g, tmpl): first consistent choice from the coherence-latest down, NO_EVENT: blocked. */
uint16_t choice_best(const struct machine_rules *m, struct graph *g, const struct event *tmpl);
/* Does a reach e in O (completion order)? Used by the checks of freed pages. */
bool completes_before(const struct machine_rules *m, const struct graph *g, uint16_t a, uint16_t e);
/* May a TLB hold for ever what read id took? */
bool t_may_stay(const struct machine_rules *m, const struct graph *g, uint16_t id);
/* Of an invalidation v: does it reach what translation read t took? up to which coherence position does
 * its issuer know the location? the event with which it is complete, NO_EVENT: not yet */
bool v_covers(const struct machine_rules *m, const struct graph *g, uint16_t v, const struct event *t);
unsigned v_seen(const struct machine_rules *m, const struct graph *g, uint16_t v, uint16_t location);
uint16_t v_complete(const struct machine_rules *m, const struct graph *g, uint16_t v);

#endif
