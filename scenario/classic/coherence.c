/* classic/coherence: one place has one order, whatever the orders are. SPDX-License-Identifier: MIT
 *
 * corr   x=1; x=2 || a=x; b=x                6: pairs of positions 0..2 that do not go back
 * corw   a=x; x=1 || x=2                     3: 2 before 1: a is 0 or 2; 1 before 2: a is 0
 * cowr   x=1; a=x || x=2                     3: 1 before 2: a is 1 or 2; 2 before 1: a is 1
 * corr2  x=1 || x=2 || a=x; b=x || c=x; d=x  72: two orders of the stores, six pairs for each reader
 * rmw    two increments, two loads           12: two orders of the increments, six pairs */
#include "shapes.h"

static uint32_t x;

static void store_one(void)
{
	STORE(x, 1, OCT_RLX);
}

static void store_two(void)
{
	STORE(x, 2, OCT_RLX);
}

static void store_both(void)
{
	store_one();
	store_two();
}

static void load_twice(void)
{
	LOAD("a", x, OCT_RLX);
	LOAD("b", x, OCT_RLX);
}

static void load_twice_too(void)
{
	LOAD("c", x, OCT_RLX);
	LOAD("d", x, OCT_RLX);
}

static void load_and_store(void)
{
	LOAD("a", x, OCT_RLX);
	store_one();
}

static void store_and_load(void)
{
	store_one();
	LOAD("a", x, OCT_RLX);
}

static void increment(void)
{
	oct_fetch_add(&x, 1, OCT_RLX);
}

static void nothing(void)
{
}

static void corr(void)
{
	PARTS(store_both, load_twice, nothing, nothing);
}

static void corw(void)
{
	PARTS(load_and_store, store_two, nothing, nothing);
}

static void cowr(void)
{
	PARTS(store_and_load, store_two, nothing, nothing);
}

static void corr2(void)
{
	PARTS(store_one, store_two, load_twice, load_twice_too);
}

static void rmw(void)
{
	PARTS(increment, increment, load_twice, nothing);
}

static void final(void)
{
	oc_reg("x", oct_load(&x, OCT_RLX));
}

static bool goes_back(void)
{
	return oc_reg_get("a") > oc_reg_get("b");
}

static bool future_read(void)
{
	return oc_reg_get("a") == 2 && oc_reg_get("x") == 2;
}

static bool own_store_missed(void)
{
	return oc_reg_get("a") == 0 || (oc_reg_get("a") == 2 && oc_reg_get("x") == 1);
}

static bool opposite_orders(void)
{
	return oc_reg_get("a") == 1 && oc_reg_get("b") == 2 && oc_reg_get("c") == 2 && oc_reg_get("d") == 1;
}

static bool increment_lost(void)
{
	return oc_reg_get("x") != 2 || goes_back();
}

OC_SCENARIO(.final = final,
            .actors = {OC_THREAD(OC_VARIANT), OC_THREAD(OC_VARIANT), OC_THREAD(OC_VARIANT),
                       OC_THREAD(OC_VARIANT)},
            .variants = {
                {.name = "corr", .run = corr, .expected = OC_FORBIDDEN, .outcome = goes_back},
                {.name = "corw", .run = corw, .expected = OC_FORBIDDEN, .outcome = future_read},
                {.name = "cowr", .run = cowr, .expected = OC_FORBIDDEN, .outcome = own_store_missed},
                {.name = "corr2", .run = corr2, .expected = OC_FORBIDDEN, .outcome = opposite_orders},
                {.name = "rmw", .run = rmw, .expected = OC_FORBIDDEN, .outcome = increment_lost}})
