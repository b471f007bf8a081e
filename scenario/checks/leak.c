/* checks/leak: two references, one given back. SPDX-License-Identifier: MIT */
#include <octavo/check.h>

static void use(unsigned references)
{
	struct oct_folio *folio = oct_folio_alloc();

	if (!folio)
		return;
	oct_folio_get(folio);
	while (references--)
		oct_folio_put(folio);
	oc_cover("allocated");
}

static void broken(void)
{
	use(1);
}

static void repaired(void)
{
	use(2);
}

OC_SCENARIO(.arch = OC_ARCH_ALL, .actors = {OC_THREAD(OC_VARIANT)},
            .variants = {{.name = "broken", .run = broken, .expected = OC_VIOLATES(OC_LEAK)},
                         {.name = "repaired", .run = repaired, .expected = OC_HOLDS, .cover = {"allocated"}}})
