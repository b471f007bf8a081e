/* core/grace-elsewhere: a walker on a CPU that runs another space. SPDX-License-Identifier: MIT
 *
 * No flush of the space is a reason to interrupt it. An interrupt that somebody else sent may answer a
 * grace period early: then what comes after it has seen what was unlinked. */
#include "grace.h"

OC_SCENARIO(.setup = grace_setup, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_THREAD(walk), OC_THREAD(interrupt)},
            .variants = GRACE_VARIANTS())
