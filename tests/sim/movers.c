/* movers.c: the mirror's calls that nobody may see a trace of. SPDX-License-Identifier: MIT
 *
 * Pages move to other memory, equal ones become one, empty tables go: what each space contains and may do is
 * what it was, which every later access of the mirror looks at. */
#include "mirror_internal.h"
#include <octavo/collapse.h>
#include <octavo/merge.h>
#include <octavo/migrate.h>

static void call_migrate(struct actor *actor)
{
	struct range range = pick_range(actor);
	struct oct_folio *fresh[4];
	unsigned count = 0;
	int moved;

	while (count < 1 + range.first % 4 && (fresh[count] = oct_folio_alloc()))
		count++;
	moved = oct_migrate_pages(here(actor)->mm, range.start, range.end, fresh, count);
	if (moved < 0 || (unsigned)moved > count || (unsigned)moved > range.pages)
		differ(actor, "%d of %u pages moved", moved, count);
	actor->called[CALL_MIGRATE] += moved > 0;
	while (count > (unsigned)moved)
		oct_folio_put(fresh[--count]);
}

/* Two pages of the running space, or of it and of another. Mostly they are made equal first. */
static void call_merge(struct actor *actor)
{
	struct range one = pick_range(actor), two = pick_range(actor);
	unsigned here_now = actor->running, number = pick(actor, 3) ? here_now : pick(actor, MOST_SPACES);
	struct oct_mm *mm = here(actor)->mm, *other = actor->spaces[number].mm;
	uint64_t value = fresh_value(actor);
	struct mirror_page *first, *second;
	int result;

	if (!other || (mm == other && one.first == two.first))
		return;
	if (pick(actor, 4)) {
		store_value(actor, one.first, value);
		run_space(actor, number);
		store_value(actor, two.first, value);
		run_space(actor, here_now);
	}
	result = oct_merge_pages(mm, one.start, other, two.start);
	if (result < 0 && result != -OCT_ENOENT && result != -OCT_EBUSY && result != -OCT_EAGAIN)
		differ(actor, "a merge returned %d", result);
	first = &actor->spaces[here_now].page[one.first];
	second = &actor->spaces[number].page[two.first];
	first->warm = second->warm = 0;
	if (result != 1)
		return;
	actor->called[CALL_MERGE]++;
	if (!first->mapped || !second->mapped || first->shared || second->shared ||
	    (first->file && !first->copied) || (second->file && !second->copied))
		differ(actor, "pages are merged that are not private");
	if (!first->lazy && !second->lazy && first->value != second->value)
		differ(actor, "pages are merged that say %#llx and %#llx", (unsigned long long)first->value,
		       (unsigned long long)second->value);
}

static void call_retract(struct actor *actor)
{
	struct mirror_object *object = &actor->object[pick(actor, 4) == 0];

	/* No area of the mirror spans a whole table: that one would be a difference. tests/unit and scenarios
	 * retract. */
	if (oct_retract_page_tables(&object->mapping, 0, object->most) != 0)
		differ(actor, "a table was retracted that areas share");
	actor->called[CALL_RETRACT]++;
}

void call_mover(struct actor *actor)
{
	unsigned kind = pick(actor, 8);

	if (kind < 4)
		call_migrate(actor);
	else if (kind < 7)
		call_merge(actor);
	else
		call_retract(actor);
}
