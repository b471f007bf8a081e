/* core/cow-fork: copy-on-write against fork. SPDX-License-Identifier: MIT */
#include "cow-fork.h"

OC_SCENARIO(.setup = fork_setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)}, .variants = FORK_VARIANTS)
