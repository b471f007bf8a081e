/* anon.h: from a private page back to the entries that map it. SPDX-License-Identifier: MIT
 *
 * A private page is born in one space, at one page number of an area, and reaches other spaces by fork
 * only. So it is found again by three things: its lineage (spaces that come from one another by
 * fork), its index (the page number that its area had for it, which mremap keeps), and the address at
 * which it is known in one of them: fork keeps addresses. There is no object per area, and nothing is
 * allocated: a folio carries two numbers, a space four links.
 *
 * A registry (struct oct_anon, the caller's) holds the spaces whose private pages can be found. Its
 * lock spins and comes after the lock of a space and before page-table locks. Who goes the other way, from
 * page to space, only tries the lock of each space: where a writer has it, the page counts as
 * one that has a holder whom nobody can find, and is left alone.
 *
 * Map count: every entry holds a reference of its folio, so the entries found are compared with
 * the references that there are. Fewer: somebody else holds the page (a pin, an entry that is not flushed
 * yet, a space whose lock is taken), and it stays as it is.
 *
 * Unless a function says otherwise it does not sleep, and is called with interrupts on and no page-table
 * lock held. */
#ifndef OCTAVO_ANON_H
#define OCTAVO_ANON_H

#include <octavo/tlb.h>
#include <octavo/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct oct_mm;
struct oct_vma;

/* Spaces whose private pages can be found. Fields under lock. */
struct oct_anon {
	uint32_t lock;        /* atomic: 2 in docs/LOCKING.md */
	struct oct_mm *first; /* all spaces */
	struct oct_mm *hand;  /* the space that reclaim visits next; NULL: the first */
	unsigned spaces;
	uint64_t lineages;           /* number given out last */
	const struct oct_soft *soft; /* meaning of soft entries in these spaces, NULL for none */
};

/* What a space (struct oct_mm) knows of its registry. Under its lock but where said. */
struct oct_kin {
	struct oct_anon *anon;      /* NULL: in no registry. Written when nobody else knows the space */
	uint64_t lineage;           /* likewise; 1 and up */
	struct oct_mm *next, *prev; /* all spaces of the registry */
	struct oct_mm *next_kin, *prev_kin; /* a ring: those of this lineage */
	uintptr_t hand;                     /* address at which reclaim goes on */
	unsigned users; /* who is at work on the space without a lock of it; its end waits */
	bool leaving;   /* its end does wait */
	bool moved;     /* areas were moved: under the lock of the space */
	uint32_t gate;  /* atomic: 1 while its end waits */
};

/* An empty registry. soft: who gives meaning to the soft entries of its spaces, NULL for nobody. Does not
 * sleep. */
void oct_anon_init(struct oct_anon *anon, const struct oct_soft *soft);

/* Adds mm, which oct_mm_init just made: no area, in no registry, nobody else knows it. From now on its
 * private pages, and those of the spaces that fork from it, can be found. It leaves with oct_mm_exit.
 * Does not sleep. 0; -OCT_EINVAL: it has areas, or is in a registry. */
int oct_anon_add(struct oct_anon *anon, struct oct_mm *mm);

/* ---- Walking the entries of a folio -------------------------------------------------------------- */
/* Under the lock of the registry (oct_anon_lock):
 *
 *	oct_rmap_start(&walk, folio, mm, va, NULL);
 *	while (oct_rmap_next(&walk)) {
 *		... walk.mm, walk.guard: an entry that maps folio, its page-table lock held ...
 *		oct_pte_guard_unlock(&ticket, &walk.guard);
 *	}
 *
 * Between two steps no page-table lock is held. Entries that come to map the folio meanwhile may be
 * missed. */
struct oct_rmap {
	struct oct_folio *folio;
	uintptr_t hint;       /* where the folio is mapped in first */
	struct oct_mm *first; /* where the walk began, NULL: the walk has ended */
	struct oct_mm *mm;    /* of the entry found */
	struct oct_mm *held;  /* its lock is held by the caller; NULL for none */
	bool locked;          /* mm's lock is held by the walk */
	bool missed;          /* the lock of some space could not be had */
	struct oct_pte_guard guard;
};

/* The lock of the registry. Spins; interrupts on; no page-table lock held. */
void oct_anon_lock(struct oct_anon *anon);
void oct_anon_unlock(struct oct_anon *anon);

/* Begins walk. folio: the caller holds a reference; of a large one the entries of its first page are found.
 * mm: a space of its lineage; va: where it maps the folio, as far as the caller knows. held: a space of the
 * lineage whose lock the caller holds, NULL for none. */
void oct_rmap_start(struct oct_rmap *walk, struct oct_folio *folio, struct oct_mm *mm, uintptr_t va,
                    struct oct_mm *held);
/* The next entry: true, its page-table lock held and the lock of its space held for reading. false: the
 * walk has ended and holds nothing. */
bool oct_rmap_next(struct oct_rmap *walk);
/* Ends a walk before its last step; the guard was unlocked. */
void oct_rmap_end(struct oct_rmap *walk);
/* A space of the folio's lineage, NULL for none (the page is not private, or was made before its space was
 * added). The folio's index, taken as a page number, is where it was born. */
struct oct_mm *oct_rmap_find(struct oct_anon *anon, const struct oct_folio *folio);

/* ---- For src/space ----------------------------------------------------------------------------------- */

/* folio, fresh and known to nobody else, is about to be mapped at va of area vma of mm. */
void oct_anon_born(const struct oct_mm *mm, const struct oct_vma *vma, uintptr_t va, struct oct_folio *folio);
/* A fork, in three steps; the locks of both are held for writing, child's if it is in a registry. begin:
 * child's soft entries will mean what parent's do. Then either undo, when child is empty again and as before
 * begin; or fork, when it is complete: it joins the lineage of parent, and walks find it. Until then they
 * miss its entries, which is no harm: each holds a reference. */
void oct_anon_fork_begin(struct oct_mm *child, const struct oct_mm *parent);
void oct_anon_fork_undo(struct oct_mm *child);
void oct_anon_fork(struct oct_mm *child, struct oct_mm *parent);
/* A space in no registry. */
void oct_kin_init(struct oct_kin *kin);
/* Under the lock of the registry: the caller works on mm, which is in it, and will release it. mm
 * does not end before that. */
void oct_anon_hold(struct oct_mm *mm);
void oct_anon_release(struct oct_mm *mm);
/* mm is about to end: it leaves its registry. Sleeps until nobody is at work on it. */
void oct_anon_remove(struct oct_mm *mm);

#ifdef __cplusplus
}
#endif
#endif
