/* notifier.h: calls that change entries, and who hears of it before. SPDX-License-Identifier: MIT */
#ifndef OCT_NOTIFY_NOTIFIER_H
#define OCT_NOTIFY_NOTIFIER_H

#include <octavo/mapping.h>
#include <octavo/mm.h>
#include <octavo/notify.h>

/* Those that heard of a start and have to hear of its end. */
struct oct_announced {
	struct oct_notifier *first; /* NULL: nobody */
	struct oct_mm *mm;
	uintptr_t start, end;
};

void oct_notifiers_start(struct oct_announced *announced);
void oct_notifiers_end(const struct oct_announced *announced);
/* The space ends. */
void oct_notifiers_leave(struct oct_mm *mm);

/* What mm shows in [start, end) may lose pages or rights from now on. The lock of the space is held, no
 * spinning one. May sleep. */
static inline void oct_announce(struct oct_announced *announced, struct oct_mm *mm, uintptr_t start,
                                uintptr_t end)
{
	announced->first = NULL;
	if (__builtin_expect(mm->told, 0)) {
		announced->mm = mm;
		announced->start = start;
		announced->end = end;
		oct_notifiers_start(announced);
	}
}

/* The same of vma, for who came by the object: its lock is held. */
static inline void oct_announce_shown(struct oct_announced *announced, const struct oct_vma *vma,
                                      uintptr_t start, uintptr_t end)
{
	announced->first = NULL;
	if (__builtin_expect(vma->shown.told, 0)) {
		announced->mm = (struct oct_mm *)(void *)vma->space; /* its first member */
		announced->start = start;
		announced->end = end;
		oct_notifiers_start(announced);
	}
}

/* It is over. The locks of the start are still held. */
static inline void oct_announce_end(const struct oct_announced *announced)
{
	if (__builtin_expect(announced->first != NULL, 0))
		oct_notifiers_end(announced);
}

#endif
