/* dump.c: the tables of a space as lines of text. SPDX-License-Identifier: MIT
 *
 * A cursor finds the entries; those that follow one another without a gap, at one level and with the same
 * bits make a run, whatever their pages are. A line is built on the stack and given to the host's log. */
#include "table_internal.h"

/* A line: two addresses, level, size, pages, bits, type. */
enum { ADDRESS_DIGITS = 16, LINE_BYTES = 112 };

static const char bit_letters[] = "rwxugydspc";
enum { BITS = sizeof(bit_letters) - 1 };

struct run {
	uintptr_t start, end;
	unsigned level;
	unsigned bits; /* a bit per letter */
	const char *type;
};

struct line {
	char text[LINE_BYTES];
	unsigned at;
};

/* ---- Text ------------------------------------------------------------------------------------------ */
static void put(struct line *line, const char *text)
{
	while (*text != '\0' && line->at < LINE_BYTES - 1)
		line->text[line->at++] = *text++;
	line->text[line->at] = '\0';
}

/* At least width characters, filled with fill on the left; unit is the last of them, 0 for none. */
static void put_number(struct line *line, uint64_t value, unsigned base, unsigned width, char fill, char unit)
{
	char digits[24];
	unsigned first = sizeof(digits) - 1;

	digits[first] = '\0';
	if (unit != 0)
		digits[--first] = unit;
	do {
		digits[--first] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value != 0);
	while (sizeof(digits) - 1 - first < width)
		digits[--first] = fill;
	put(line, digits + first);
}

/* In the largest unit that leaves no rest. */
static void put_size(struct line *line, uint64_t bytes)
{
	unsigned unit = 0;

	for (bytes >>= 10; unit < 3 && (bytes & 1023) == 0; unit++)
		bytes >>= 10;
	put_number(line, bytes, 10, 8, ' ', "KMGT"[unit]);
}

/* ---- Runs ------------------------------------------------------------------------------------------ */
static const char *type_of(oct_pte_t pte)
{
	static const char *const types[] = {"normal", "uncached", "write-combining", "device"};
	static const char *const soft[] = {"soft",   "soft: broken", "soft: marker", "soft: swap",
	                                   "soft 4", "soft 5",       "soft 6",       "soft 7"};

	return oct_pte_present(pte) ? types[oct_pte_type(pte)] : soft[oct_pte_soft_kind(pte)];
}

static unsigned bits_of(oct_pte_t pte)
{
	bool bit[BITS] = {(oct_pte_prot(pte) & OCT_READ) != 0,
	                  oct_pte_write(pte),
	                  oct_pte_exec(pte),
	                  oct_pte_user(pte),
	                  oct_pte_global(pte),
	                  oct_pte_young(pte),
	                  oct_pte_dirty(pte),
	                  oct_pte_soft_dirty(pte),
	                  oct_pte_uffd_wp(pte),
	                  oct_pte_cont(pte)};
	unsigned bits = 0;

	for (unsigned i = 0; i < BITS; i++)
		bits |= (unsigned)bit[i] << i;
	return bits;
}

/* The entry that the cursor is at. */
static struct run run_of(const struct oct_cursor *cursor)
{
	struct run run = {cursor->va, cursor->va + oct_level_bytes(cursor->level), cursor->level, 0,
	                  type_of(cursor->pte)};

	if (oct_pte_present(cursor->pte))
		run.bits = bits_of(cursor->pte);
	return run;
}

static void log_run(const struct run *run)
{
	struct line line = {.at = 0};

	put_number(&line, run->start, 16, ADDRESS_DIGITS, '0', 0);
	put(&line, "-");
	put_number(&line, run->end, 16, ADDRESS_DIGITS, '0', 0);
	put(&line, "     ");
	put_number(&line, run->level, 10, 1, ' ', 0);
	put_size(&line, run->end - run->start);
	put_number(&line, (run->end - run->start) >> OCT_PAGE_SHIFT, 10, 12, ' ', 0);
	put(&line, "  ");
	for (unsigned i = 0; i < BITS; i++) {
		char letter[] = {bit_letters[i], '\0'};

		if (!(run->bits >> i & 1))
			letter[0] = '-';
		put(&line, letter);
	}
	put(&line, "  ");
	put(&line, run->type);
	oct_port_log(line.text);
}

OCT_SELDOM void oct_table_dump(struct oct_space *space)
{
	struct run run = {0, 0, 0, 0, NULL}, next;
	struct oct_cursor cursor;

	oct_port_log("octavo " OCT_FORMAT_NAME ": tables of a space");
	oct_port_log("range                             level    size       pages  bits        type");
	if (oct_cursor_init(&cursor, space, space->start, space->last + 1) != 0)
		return;
	while (oct_cursor_next(&cursor)) {
		next = run_of(&cursor);
		if (run.type == next.type && run.end == next.start && run.level == next.level &&
		    run.bits == next.bits) {
			run.end = next.end;
			continue;
		}
		if (run.type != NULL)
			log_run(&run);
		run = next;
	}
	if (run.type != NULL)
		log_run(&run);
}
