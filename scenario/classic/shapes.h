/* shapes.h: what the litmus shapes share. SPDX-License-Identifier: MIT
 *
 * A fence of order OCT_RLX is none: so each shape is one macro of its orders and fences. The number of
 * executions is the number of ways to choose what each load reads and in which order two stores to
 * one place stand; a variant that forbids the outcome has one less. */
#ifndef SCENARIO_CLASSIC_SHAPES_H
#define SCENARIO_CLASSIC_SHAPES_H

#include "../checks/parts.h"

#define STORE(place, value, order) oct_store(&(place), (value), order)
#define LOAD(name, place, order)   oc_reg((name), oct_load(&(place), order))

#endif
