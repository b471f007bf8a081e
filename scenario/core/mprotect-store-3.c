/* core/mprotect-store-3: a right taken away while two other CPUs use it. SPDX-License-Identifier: MIT */
#include "mprotect-store.h"

OC_SCENARIO(.setup = protect_setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = PROTECT_VARIANTS)
