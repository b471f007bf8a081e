/* share.h: several processes explore one tree. SPDX-License-Identifier: MIT */
#ifndef MODEL_SHARE_H
#define MODEL_SHARE_H

#include "explore.h"

/* As explore(), with workers processes, each a copy of this one. stats is the sum. Cover points reached
 * by any are reached here. Returns false if some worker found what ends the search (or died): then the
 * caller explores alone, to have the schedule and an id that does not depend on who was faster. */
bool explore_shared(const struct explore_client *client, const struct explore_options *options,
                    unsigned workers, struct explore_stats *stats);

#endif
