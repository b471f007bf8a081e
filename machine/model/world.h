/* world.h: the machine that a scenario runs on. SPDX-License-Identifier: MIT
 *
 * Memory (an arena for structures and page frames), places that events happen at, CPUs with their
 * root registers, interrupts, and what was seen to be violated. One world exists at a time. */
#ifndef MODEL_WORLD_H
#define MODEL_WORLD_H

#include "explore.h"
#include "glue.h"
#include "model.h"

enum {
	FRAME_BASE = 64,    /* frame numbers begin here */
	SETUP_FRAMES = 96,  /* taken in setup, in order */
	THREAD_FRAMES = 24, /* taken by each thread in the race: addresses depend on nothing else */
	FRAMES = SETUP_FRAMES + MAX_THREADS * THREAD_FRAMES,
	OBJECT_BYTES = 256 * 1024,
	MAX_WORDS = 8,
	MAX_COVER_SEEN = 2 * OC_MAX_COVER, /* those that scenario and variant want reached */
	MAX_REGS = 24,
	MAX_MMS = 4,
	MAX_REQUESTS = 64,
	MAX_OBJECT_PAGES = 8, /* of files and swap areas, that a scenario reads or writes */
};

enum { KERNEL_ROOT = 0xfe }; /* in the place of a number: the kernel's own root register */
enum { TLBI_UNTOLD = 1 };    /* event.op: not in schedules */

/* Of a word that threads sleep on: made-up places, the kind in the uppermost bits of their keys. */
enum { LINE_LOCK = 4, LINE_SLEEPERS, LINE_WOKEN };

enum place { PLACE_WORD, PLACE_FRAME, PLACE_ROOT };

struct place_of {
	uint64_t key; /* address; root registers and interrupt locks have made-up ones */
	uint8_t size;
	uint8_t kind;     /* enum place */
	uint16_t frame;   /* number of the frame it lies in, 0 for none */
	uint64_t touched; /* execution that touched it last */
};

/* An entry of the tables as they were when the race began, or of one that an execution linked. */
struct entry_of {
	uint64_t key; /* address, 0: an empty slot */
	uint64_t va;
	uint64_t parent; /* linked in the race: the entry that leads to its table, else 0 */
	uint8_t level, mm;
};

/* What a translation entry says, by the architecture's manual, not by the core's format.h. */
struct entry {
	bool present, table, writable, user, global, young, dirty;
	bool cont;      /* of a contiguous block; riscv64: phys is that of the block */
	uint8_t memory; /* of a leaf: the type's number (arm64: AttrIndx, riscv64: PBMT); 0 on x86-64 */
	oct_phys_t phys;
};

struct cpu {
	oct_phys_t root;
	unsigned asid;
	unsigned irq_depth;
	uint64_t loaded[4]; /* the ASIDs that it has ever run under */
	struct oct_space *space;
};

/* When a CPU stopped using user addresses, keeping its root, and when it began again, in turn: counts of
 * events of its thread (OCT_LAZY). */
enum { MAX_LAZY = 16 };
struct lazy {
	unsigned n;
	uint16_t at[MAX_LAZY];
};

struct request {          /* an interrupt asked for */
	void (*fn)(void); /* NULL: the core's handler, or, with pages or whole, an invalidation */
	bool tlbi, leaf_only;
	uint16_t asid;
	uint64_t va;
	unsigned pages;
};

struct page_word { /* what user accesses use of each page: copied by page_copy */
	uint16_t offset;
	uint8_t size;
};

struct object_page { /* of an object that has contents (oct_port_page_read) */
	const void *object;
	uint64_t index;
	char *memory;
};

/* An operation that is tried after each access made at a place. */
struct cure {
	bool active, applying;
	enum oc_cure_kind kind;
	unsigned thread;
	const void *pc;
};

struct oc_reg_value {
	const char *name;
	uint64_t value;
};

struct world {
	const struct oc_scenario *scenario;
	const struct oc_variant *variant;
	const struct oc_glue *glue;
	struct oc_knobs knobs;
	bool litmus, x86, riscv, ignores_i7;
	bool devices;         /* some actor is one */
	enum oc_what expects; /* of the variant, OC_NOTHING: no violation */
	struct machine_rules rules;
	unsigned first_walker;      /* threads from here on are walkers that run ahead (spec_young) */
	unsigned nactors, nthreads; /* threads: actors, then one interrupt proxy for each CPU */
	/* memory */
	char *arena;
	size_t objects_used;
	unsigned setup_frames, frames_taken[MAX_THREADS];
	uint8_t frame_use[FRAME_BASE + FRAMES]; /* 0 free, 1 + enum oct_page_use */
	uint8_t frame_freed[FRAME_BASE + FRAMES];
	uint16_t frame_head[FRAME_BASE + FRAMES]; /* the first of those allocated together */
	/* places */
	struct place_of places[MAX_LOCATIONS];
	unsigned nplaces;
	uint64_t execution;
	struct page_word words[MAX_WORDS];
	unsigned nwords;
	struct object_page objects[MAX_OBJECT_PAGES];
	unsigned nobjects;
	uint64_t table_slots; /* a bit for each that the race reads or writes of a table that it made */
	bool lock_written;    /* somebody takes an address space's lock for writing */
	bool stacks_shared;   /* some thread uses the stack of another */
	bool restart;         /* something of these was learnt: explore from the start */
	/* CPUs */
	void *system;
	oct_phys_t kernel_root; /* at the start */
	struct oct_mm *mm[MAX_MMS];
	unsigned nmm;
	struct cpu cpu[OCT_MAX_CPUS + MAX_THREADS], cpu_at_start[OCT_MAX_CPUS + MAX_THREADS];
	struct request requests[MAX_THREADS][MAX_REQUESTS];
	bool strayed[MAX_THREADS];      /* its walker made a stray update */
	bool faults_again[MAX_THREADS]; /* waits because a fault was handled and nothing has changed */
	bool sleeps[MAX_THREADS];       /* in oct_port_wait() */
	struct lazy lazy[MAX_THREADS];  /* of CPUs */
	unsigned native_cpu;            /* outside of the race */
	/* results */
	struct oc_reg_value regs[MAX_REGS];
	unsigned nregs;
	const char *cover[MAX_COVER_SEEN];
	unsigned ncover;
	enum oc_what violated;
	char violation[256];
	const void *violation_pc;
	unsigned violation_thread;
	struct cure cure;
};
extern struct world world;

/* memory.c */
void memory_init(void);         /* once */
void memory_reset(void);        /* before setup */
void memory_data_keep(void);    /* before setup: what the scenario's data was */
void memory_data_restore(void); /* when the variant is done */
void memory_snapshot(void);     /* after setup */
void memory_restore(void);      /* before each execution */
void memory_settle(void);       /* write the final values of the graph to memory */
void memory_add_region(void *base, size_t size);
void memory_touched(const void *address, size_t size);
void *memory_object(size_t size); /* zeroed, for setup */
/* Call found for all that structures of core and scenario may be in, pages left out. */
void memory_roots(void (*found)(const char *base, size_t size));
bool in_arena(const void *address);
unsigned frame_of(const void *address); /* 0: none */
char *frame_address(unsigned frame);
uint16_t place(const void *address, unsigned size); /* location id of memory */
bool place_known(const void *address, unsigned size);
uint16_t place_made_up(uint64_t key, enum place kind, uint64_t initial);
uint64_t root_key(unsigned cpu, unsigned asid);

/* race.c: data races on plain memory */
void race_init(void);
void race_plain(const void *address, unsigned size, bool write, const void *pc);
void race_freed(unsigned frame, const void *pc);
/* index: of the access's event in its thread. Called when the event is there: what it acquired comes
 * before it, and whether a compare-and-swap stores is known. */
void race_atomic(const void *address, unsigned size, bool write, unsigned index, const void *pc);
bool on_own_stack(const void *address); /* of the running thread */

/* events.c: one call per kind of event; outside of the race they act on memory directly */
bool in_race(void);
struct event event_make(enum event_kind kind, uint16_t location, int order, const void *pc);
uint64_t do_read(uint16_t location, int order, unsigned size, const void *pc);
uint64_t do_read_above(uint16_t location, uint64_t seen, const void *pc);
void do_write(uint16_t location, int order, unsigned size, uint64_t value, const void *pc);
uint64_t do_rmw(uint16_t location, int order, unsigned size, enum rmw_op op, uint64_t operand,
                uint64_t expected, bool *stored, const void *pc);
void do_fence(int order, const void *pc);
void do_dsb(const void *pc);
void do_isb(const void *pc);
void do_tlbi(unsigned asid, uint64_t va, unsigned pages, bool broadcast, bool leaf_only, const void *pc);
void do_device_invalidate(uint64_t va, unsigned pages, bool leaf_only, const void *pc); /* all devices */
void do_holds_nothing(
    unsigned asid);      /* the CPU's TLB knows nothing of asid: an invalidation that nobody made */
void events_begin(void); /* before each execution */
void events_flush(void); /* at the end of a thread */
char *events_stack_in_use(unsigned thread); /* the code that runs there has no frame below it */

/* decode.c */
struct entry decode(uint64_t value, unsigned level);
/* The entries of every space, gathered when setup is done; NULL for other places. */
/* Something was learnt that every execution must know: the search begins anew. Does not return to a thread.
 */
void search_again(void);
/* An atomic access outside of the race: too many, and setup or final has no end. */
void alone_access(void);
void entries_gather(void);
/* Entry p now holds value: if that links a table, its entries are known from now on. */
void entries_linked(const struct entry_of *p, uint64_t value);
/* Was what p held overwritten by event next before any walk could reach it, in a table not yet linked? */
bool entry_was_hidden(const struct entry_of *p, uint16_t next);
/* Of the tables of this execution, NULL: no entry. */
const struct entry_of *entry_at(uint64_t key);
const struct entry_of *entry_next(const struct entry_of *e); /* NULL: first; all in turn, then NULL */
bool walker_sets_ad(unsigned cpu);                           /* else it faults where a bit is missing */
bool decode_goes_on(const struct entry *found, const struct entry *walked, bool store);
uint64_t decode_walker_update(uint64_t found, uint64_t walked, unsigned how);
/* The page of va by entry e, which stands at the place of address of: va's own, or another of its block. */
oct_phys_t decode_page(const struct entry *e, unsigned level, uintptr_t of, uintptr_t va);
bool decode_large(uint64_t value, unsigned level);
bool decode_shares(uint64_t value);
bool decode_global(uint64_t value, unsigned level);
bool decode_cacheable(uint64_t value, unsigned level, unsigned cpu);
const char *decode_words(uint64_t value, unsigned level, char *text, size_t size);

/* cpu.c: interrupts, root registers */
unsigned this_cpu(void);
bool is_device(unsigned actor);
unsigned asid_of(const struct oct_mm *mm); /* the number that mm runs under, as the running thread knows */
void device_leave(const void *pc);         /* every device stops walking its space */
void lock_take(uint16_t location, unsigned size, const void *pc); /* wait for 0, store 1, acquire */
void irq_lock(unsigned cpu, const void *pc);
void irq_unlock(unsigned cpu, const void *pc);
void request_interrupt(unsigned cpu, const struct request *r, bool wait, const void *pc);
void proxy_run(unsigned cpu);
void irq_quiesce(unsigned cpu, const void *pc);
void load_root(oct_phys_t root, unsigned asid, bool keep, const void *pc);

/* user.c */
void walk_ahead(unsigned thread); /* spec_young: one walk of an entry that is old at the start */
void walkers_ahead_init(void);    /* their threads: after entries_gather() */
uint64_t entry_peek(struct oct_mm *mm, uintptr_t va, unsigned level, bool race_view, uint64_t **at);

/* invariants.c */
void violate(enum oc_what what, const void *pc, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void invariant_added(uint16_t id);
int may_hold(const struct entry_of *p, uint64_t va, bool whole, unsigned pos, uint16_t when);

/* blocks.c: contiguous blocks and leaves of several sizes */
enum { BLOCK_ENTRIES = 1 << OCT_CONT_SHIFT, MAX_BLOCKS = 16 };
#define BLOCK_BYTES ((uintptr_t)1 << (OCT_PAGE_SHIFT + OCT_CONT_SHIFT))
void blocks_reset(void);              /* before a variant; after entries_gather() */
uintptr_t block_choose(uintptr_t va); /* the address whose entry this walk of va reads at level 0: a choice */
void check_entry_stored(uint16_t id); /* I6, I11 */
void cover_stale_stores(void);
void cover_reached(const char *name);

/* lockorder.c: locks taken in both orders */
struct lock_cycle {
	bool closed;
	unsigned thread;
	const void *pc;
	uint64_t outer, inner;
};
void locks_reset(void); /* before a search */
void locks_begin(void); /* before each execution */
void lock_taken(uint64_t key, const void *pc);
void lock_stored(uint64_t key, const void *pc); /* a store to any word: a lock is given back */
bool locks_held(void);                          /* by the running thread */
bool locks_have_cycle(void);                    /* in this search so far */
const struct lock_cycle *locks_closed(void);    /* in this execution for the first time; NULL: none */
size_t locks_size(void);                        /* of what was learnt, to join that of several processes */
void locks_save(void *to);
void locks_join(const void *from);

/* leaks.c */
void check_leaks(void);

/* cures.c */
void cure_after(const void *pc); /* an access at pc was made */
/* Try what could be added; explore_one explores with world.cure and says whether nothing was found. */
void find_cures(struct oc_result *result, bool (*explore_one)(uint64_t *executions, bool *exhausted));

/* words.c */
const char *actor_name(unsigned thread); /* of the actor, also for its CPU's interrupts */
char *word_name(uint64_t address);       /* malloc'd, NULL for none */

/* report.c */
void report_steps(struct oc_result *result);
void report_free(struct oc_result *result);

#endif
