/* selftest.h: does this host keep the contracts of port.h? SPDX-License-Identifier: MIT
 *
 * For a new port, at boot: the calls do a little of everything with spaces of their own, look at the
 * tables and at the pages' contents, and log a line per tier. They load no root and use no user address.
 * Call with interrupts on and no lock held; from T1 on every CPU of system takes interrupts already. Each
 * leaves everything as it was, and returns the number of the failed step (see the source), 0 for none; what
 * cannot go on at all panics, as elsewhere. */
#ifndef OCTAVO_SELFTEST_H
#define OCTAVO_SELFTEST_H

#include <octavo/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* T0: map, protect, unmap a page, and give back what it took. T1: the same asks other CPUs. Does not sleep.
 * 0, or the number of the step that failed. */
int oct_selftest_tables(struct oct_system *system);
/* T2: also faults, fork and copy-on-write. Sleeps. Returns as above. */
int oct_selftest(struct oct_system *system);

#ifdef __cplusplus
}
#endif
#endif
