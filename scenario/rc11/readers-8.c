/* rc11/readers-8: one writer, eight readers. SPDX-License-Identifier: MIT
 *
 * Each reader sees the store or not, whatever the others see: 2^8 executions. */
#include <octavo/check.h>

static uint32_t x;

static void writer(void)
{
	oct_store(&x, 1, OCT_RLX);
}

static void reader(void)
{
	OC_ASSERT(OC_ASSERTION, oct_load(&x, OCT_RLX) <= 1);
}

OC_SCENARIO(.actors = {OC_THREAD(writer), OC_THREAD(reader), OC_THREAD(reader), OC_THREAD(reader),
                       OC_THREAD(reader), OC_THREAD(reader), OC_THREAD(reader), OC_THREAD(reader),
                       OC_THREAD(reader)},
            .variants = {{.expected = OC_HOLDS}})
