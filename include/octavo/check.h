/* check.h: the interface of scenarios. SPDX-License-Identifier: MIT
 *
 * A scenario is one C file: a setup, actors that race, variants with the verdict expected of each,
 * and cover points. `octavo check` compiles it for each architecture and explores every execution.
 * The names here are frozen: scenarios written elsewhere compile against them. docs/SCENARIOS.md
 * explains them by example. */
#ifndef OCTAVO_CHECK_H
#define OCTAVO_CHECK_H

#include <octavo/octavo.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- What can be violated ------------------------------------------------------------------- */
enum oc_what {
	OC_NOTHING,
	OC_I1,  /* no-stale-access: reused while a TLB, walk cache, IOMMU or walk could reach it */
	OC_I2,  /* no-lost-write */
	OC_I3,  /* no-lost-dirty */
	OC_I4,  /* revoked: the old right is used after the call that took it away returned */
	OC_I5,  /* exclusive: a pinned anonymous page stays the mapped one */
	OC_I6,  /* contpte-well-formed */
	OC_I7,  /* flush-accounting */
	OC_I8,  /* secondary-mmu */
	OC_I9,  /* progress */
	OC_I10, /* accessed/dirty monotone */
	OC_I11, /* break-before-make */
	OC_RACE,      /* data race on plain memory */
	OC_UAF,       /* use after free */
	OC_DEADLOCK,
	OC_LEAK,
	OC_ASSERTION, /* a panic of the core, or OC_ASSERT(OC_ASSERTION, ...) */
};

/* ---- Expected verdicts ---------------------------------------------------------------------- */
#define OC_HOLDS          0x100          /* exhausted, nothing found, every cover point reached */
#define OC_OPEN           0x200          /* no expectation: the answer is the result */
#define OC_ALLOWED        0x300          /* litmus: some execution satisfies .outcome */
#define OC_FORBIDDEN      0x400          /* litmus: exhausted, none satisfies .outcome */
#define OC_VIOLATES(what) (0x500 | (what)) /* some execution violates what */
#define OC_BOUNDED(n)     (0x600 | (n))  /* holds up to bound n */
#define OC_EXPECT_KIND(e) ((e) & ~0xffu)
#define OC_EXPECT_ARG(e)  ((e) & 0xffu)

/* ---- Architectures and knobs ---------------------------------------------------------------- */
enum { OC_ARM64 = 1, OC_X86_64 = 2, OC_RISCV64 = 4, OC_ARCH_ALL = 7 };

struct oc_knobs {
	bool sw_ad;         /* hardware sets no accessed/dirty bits: it faults instead */
	bool ets2;          /* arm64: a walk that would fault is ordered after earlier accesses */
	unsigned char bbm;  /* arm64: break-before-make level 0, 1, 2 */
	bool iommu_snoops;  /* an IOMMU hears broadcast invalidations */
	bool spec_young;    /* a walk may set young early, for an access that does not happen */
	bool stray_ad;      /* x86-64: A/D may be set in an entry just made non-present, once */
	bool tce;           /* x86-64: INVLPG drops only the walk-cache entries on the path */
	bool reuse;         /* an allocation may take a page that was freed happens-before it */
	bool svvptc;        /* riscv64: a TLB does not keep that an entry was invalid */
};

/* ---- Actors --------------------------------------------------------------------------------- */
enum oc_actor_kind { OC_ACTOR_NONE, OC_ACTOR_CPU, OC_ACTOR_IOMMU, OC_ACTOR_THREAD };
enum { OC_IRQS_OFF = 1, /* the actor starts with interrupts off */
       OC_NO_AD = 2 };  /* its walker sets no accessed/dirty bits */

struct oc_actor {
	void (*run)(void); /* NULL: the variant's function */
	enum oc_actor_kind kind;
	unsigned flags;
	const char *name;
};

#define OC_VARIANT NULL
#define OC_ACTOR_(kind, fn, flags, ...) { (fn), (kind), (flags), #fn }
/* A CPU that runs the first space made in setup. Optional second argument: flags. */
#define OC_CPU(...)    OC_ACTOR_(OC_ACTOR_CPU, __VA_ARGS__, 0, 0)
/* A device that walks the same tables: no interrupts, its own translation and walk caches. */
#define OC_IOMMU(...)  OC_ACTOR_(OC_ACTOR_IOMMU, __VA_ARGS__, 0, 0)
/* A kernel thread: a CPU that runs no space. */
#define OC_THREAD(...) OC_ACTOR_(OC_ACTOR_THREAD, __VA_ARGS__, 0, 0)

/* ---- Scenario ------------------------------------------------------------------------------- */
enum { OC_MAX_ACTORS = 9, OC_MAX_VARIANTS = 24, OC_MAX_COVER = 12, OC_MAX_ON = 4 };

struct oc_on {
	unsigned archs;
	unsigned expected;
};

struct oc_variant {
	const char *name;          /* NULL or "": the scenario's name alone */
	void (*run)(void);
	unsigned expected;
	struct oc_on on[OC_MAX_ON]; /* where architectures differ */
	struct oc_knobs knobs;     /* or-ed to the scenario's */
	const char *cover[OC_MAX_COVER];
	int bound;                 /* 0: none; n: explore up to n-1 deviations only */
	bool (*outcome)(void);     /* litmus: evaluated at the end of each execution */
};

struct oc_scenario {
	const char *file;          /* set by OC_SCENARIO; GROUP/NAME comes from it */
	void (*setup)(void);       /* before the race: one CPU, no events */
	void (*final)(void);       /* after each execution, one CPU, sees the final values */
	unsigned arch;             /* 0: all */
	struct oc_knobs knobs;
	struct oc_actor actors[OC_MAX_ACTORS];
	const char *cover[OC_MAX_COVER];
	struct oc_variant variants[OC_MAX_VARIANTS];
};

void oc_scenario_register(const struct oc_scenario *scenario);

#define OC_SCENARIO(...)                                                                           \
	static const struct oc_scenario oc_this_scenario = {.file = __FILE__, __VA_ARGS__};        \
	__attribute__((constructor)) static void oc_this_scenario_register(void)                   \
	{                                                                                          \
		oc_scenario_register(&oc_this_scenario);                                           \
	}

/* ---- Spaces and pages ----------------------------------------------------------------------- */
/* The system of all spaces, where something has to be made before the first of them: the kernel's space. */
struct oct_system *oc_system(void);
/* The first call makes a space and loads it on every OC_CPU and OC_IOMMU actor; each further call
 * makes another, loaded nowhere. */
struct oct_mm *oc_mm(void);
/* Fresh anonymous pages, mapped present, young and (if writable) dirty: any CPU may hold them. */
void oc_map_anon(struct oct_mm *mm, uintptr_t va, size_t pages, unsigned prot);
/* Map an existing page at va as well. */
void oc_map_folio(struct oct_mm *mm, uintptr_t va, struct oct_folio *folio, unsigned prot);
/* Pages of a shared mapping: fresh, never copied on write. */
void oc_map_shared(struct oct_mm *mm, uintptr_t va, size_t pages, unsigned prot);
/* The page mapped at va now, NULL for none. */
struct oct_folio *oc_folio(struct oct_mm *mm, uintptr_t va);

/* User accesses of the calling actor through translation. 0, or -OCT_EFAULT when the access faults
 * for good. In a litmus test (an expected OC_ALLOWED or OC_FORBIDDEN) no fault handler runs: the
 * first fault is the answer. An address is always accessed with one size. */
int oc_store8(struct oct_mm *mm, uintptr_t va, uint8_t value);
int oc_store16(struct oct_mm *mm, uintptr_t va, uint16_t value);
int oc_store32(struct oct_mm *mm, uintptr_t va, uint32_t value);
int oc_store64(struct oct_mm *mm, uintptr_t va, uint64_t value);
int oc_load8(struct oct_mm *mm, uintptr_t va, uint8_t *value);
int oc_load16(struct oct_mm *mm, uintptr_t va, uint16_t *value);
int oc_load32(struct oct_mm *mm, uintptr_t va, uint32_t *value);
int oc_load64(struct oct_mm *mm, uintptr_t va, uint64_t *value);
/* The kernel's own accesses, at addresses of its half: through translation by the CPU of the calling actor, an OC_CPU or
 * OC_THREAD. 0, or -OCT_EFAULT: the first fault is the answer. The system's kernel space is made in setup. */
int oc_kernel_store32(uintptr_t va, uint32_t value);
int oc_kernel_load32(uintptr_t va, uint32_t *value);
/* What the page mapped at va now holds, read by the kernel: no TLB. 0 if nothing is mapped. */
uint8_t oc_peek8(struct oct_mm *mm, uintptr_t va);
uint16_t oc_peek16(struct oct_mm *mm, uintptr_t va);
uint32_t oc_peek32(struct oct_mm *mm, uintptr_t va);
uint64_t oc_peek64(struct oct_mm *mm, uintptr_t va);

/* ---- Raw entries: no ticket, no lock --------------------------------------------------------- */
/* The entry that maps va at level (default 0), NULL if the table is missing. */
oct_pte_t *oc_pte_at(struct oct_mm *mm, uintptr_t va, unsigned level);
#define OC_PTE_(mm, va, level, ...) oc_pte_at((mm), (va), (level))
#define oc_pte(...) OC_PTE_(__VA_ARGS__, 0, 0)
oct_pte_t oc_entry_get(oct_pte_t *entry);
void oc_entry_set(oct_pte_t *entry, oct_pte_t value);
oct_pte_t oc_entry_xchg(oct_pte_t *entry, oct_pte_t value);
bool oc_entry_cas(oct_pte_t *entry, oct_pte_t expected, oct_pte_t value);
/* Atomically replace the entry by change(entry); returns the old value. */
oct_pte_t oc_entry_update(oct_pte_t *entry, oct_pte_t (*change)(oct_pte_t));

/* ---- Hardware operations of the calling actor ------------------------------------------------ */
enum { OC_LOCAL = OCT_LOCAL, OC_BROADCAST = OCT_BROADCAST };
enum { OC_LEAF = OCT_LEAF, OC_ALL_LEVELS = OCT_ALL_LEVELS };
/* Invalidate pages pages from va (0: the whole space). x86-64: OC_BROADCAST interrupts the other
 * CPUs and waits; on arm64 it is complete at the next oc_dsb() of this CPU. */
void oc_tlbi(struct oct_mm *mm, uintptr_t va, size_t pages, unsigned scope, unsigned level);
void oc_dsb(void); /* full barrier that completes this CPU's invalidations */
void oc_dmb(void); /* full barrier */
void oc_isb(void); /* context synchronisation */
void oc_irqs_off(void);
void oc_irqs_on(void);
/* Run fn in an interrupt on the CPU of actor number cpu and wait for its end. */
void oc_ipi(unsigned cpu, void (*fn)(void));

/* ---- Questions of the explorer -------------------------------------------------------------- */
#define oc_await(cond) oct_await(cond)
unsigned oc_choose(unsigned n);             /* every value 0 .. n-1 is explored */
void oc_cover(const char *name);            /* this point was reached */
void oc_reg(const char *name, uint64_t value); /* part of the outcome */
uint64_t oc_reg_get(const char *name);      /* for .outcome and .final; 0 if never set */
void oc_fail(enum oc_what what, const char *file, int line, const char *text);
#define OC_ASSERT(what, condition)                                                                 \
	((condition) ? (void)0 : oc_fail((what), __FILE__, __LINE__, #condition))

#ifdef __cplusplus
}
#endif
#endif
