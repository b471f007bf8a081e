/* stress.h: what a library of scenarios for the sim offers the command. SPDX-License-Identifier: MIT */
#ifndef OCT_SIM_STRESS_H
#define OCT_SIM_STRESS_H

#include "../../model/model.h"

/* The symbol oc_sim of the library. run answers once a process: with OC_V_VIOLATION, OC_V_BOUNDED or
 * OC_V_ERROR in result, whose executions are turns of the loop; threads of it may be left behind. */
struct oc_sim_library {
	unsigned arch;
	oc_run_fn *run;
};

extern const struct oc_sim_library oc_sim;

#endif
