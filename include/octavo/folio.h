/* folio.h: references to pages that hold contents. SPDX-License-Identifier: MIT
 *
 * A folio describes a page allocated with OCT_USE_USER (struct oct_folio, types.h). Its count is the
 * number of references: one per entry that maps it, and one per anybody else who needs the page to
 * stay. Whoever takes the count to zero gives the page back. An entry's reference is given up
 * only through a ticket, when no TLB can reach the page through that entry any more (R5).
 *
 * Exclusive means refcount == 1 seen under the page-table lock of an entry that maps the
 * page: the one reference is that entry's, and a new one could only be taken through it, under the
 * same lock. Then a write fault reuses the page. Anybody's further reference forces a copy: it
 * promises its holder that the contents do not change under him (races 22). */
#ifndef OCTAVO_FOLIO_H
#define OCTAVO_FOLIO_H

#include <octavo/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A fresh user page with one reference, the caller's; contents undefined, nothing published.
 * NULL when there are none. Does not sleep; any lock may be held. */
struct oct_folio *oct_folio_alloc(void);

/* One more reference. The caller holds one already, or the page-table lock of an entry that maps
 * the folio. Any context. */
void oct_folio_get(struct oct_folio *folio);

/* One reference less; the last gives the page back to the port. Any context. */
void oct_folio_put(struct oct_folio *folio);

/* Whether the caller's is the only reference: true, and what earlier holders did to the page is
 * visible. Any context. Stable under the page-table lock of an entry that maps the folio. */
bool oct_folio_exclusive(const struct oct_folio *folio);

#ifdef __cplusplus
}
#endif
#endif
