/* core/grace-overlap: two grace periods asked for at once. SPDX-License-Identifier: MIT
 *
 * An interrupt that one request sent may find the other's number already, and answer it: then it has
 * seen what that one unlinked, too. The walker's CPU runs the space: x86-64's flush interrupts it,
 * and waits; elsewhere a flush is no grace period. */
#include "grace.h"

OC_SCENARIO(.setup = grace_setup, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(walk), OC_THREAD(interrupt)},
            .variants = GRACE_VARIANTS(.on = {{OC_X86_64, OC_HOLDS}}))
