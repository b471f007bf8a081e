/* checks/deadlock: two locks in opposite order. SPDX-License-Identifier: MIT */
#include "parts.h"

static uint32_t left, right;

static void left_then_right(void)
{
	lock(&left);
	lock(&right);
	unlock(&right);
	unlock(&left);
}

static void right_then_left(void)
{
	lock(&right);
	lock(&left);
	unlock(&left);
	unlock(&right);
}

static void broken(void)
{
	PARTS(left_then_right, right_then_left);
}

static void repaired(void)
{
	left_then_right();
}

OC_SCENARIO(.arch = OC_ARCH_ALL, .actors = {OC_THREAD(OC_VARIANT), OC_THREAD(OC_VARIANT)},
            .variants = {{.name = "broken", .run = broken, .expected = OC_VIOLATES(OC_DEADLOCK)},
                         {.name = "repaired", .run = repaired, .expected = OC_HOLDS}})
