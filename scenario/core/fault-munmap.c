/* core/fault-munmap: a store against the end of its area. SPDX-License-Identifier: MIT */
#include "fault-munmap.h"

OC_SCENARIO(.setup = unmap_setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)}, .variants = UNMAP_VARIANTS)
