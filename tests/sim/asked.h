/* asked.h: tells a program whenever the core asks what a table waits for. SPDX-License-Identifier: MIT
 *
 * For a build of its own (-include). */
#ifndef TESTS_SIM_ASKED_H
#define TESTS_SIM_ASKED_H

struct oct_pte_guard;
void asked(const struct oct_pte_guard *guard);
#define OCT_ASKED(guard) asked(guard)

#define OCT_OPEN_RANGES 64 /* so that none is forgotten while it is open */
#define SIM_DELAYS         /* flushes take their time */

#endif
