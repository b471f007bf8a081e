/* order.h: the orders that are not happens-before. SPDX-License-Identifier: MIT */
#ifndef MODEL_ORDER_H
#define MODEL_ORDER_H

#include "graph.h"

/* RC11's psc stays acyclic although event id took a choice with outgoing edges (from-read, co). */
bool psc_acyclic(const struct machine_rules *m, const struct graph *g, uint16_t id);

/* The completion order O: acyclic, and no access contradicts what it completes before. */
bool completion_consistent(const struct machine_rules *m, const struct graph *g);

/* The access made with the walk that t belongs to, NO_EVENT if there is none, or a blocked one. */
uint16_t access_of(const struct graph *g, const struct event *t);

/* The edges access, or update by hardware -> completion of an invalidation that covers its translation. */
struct completion {
	uint16_t access, complete;
};
enum { MAX_COMPLETIONS = 256 };
unsigned completions(const struct machine_rules *m, const struct graph *g,
                     struct completion list[MAX_COMPLETIONS]);

#endif
