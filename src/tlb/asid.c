/* asid.c: numbers for address spaces (ASID, PCID). SPDX-License-Identifier: MIT
 *
 * A space keeps its number for an epoch. When the numbers run out a new epoch begins: numbers that a
 * CPU has loaded stay with their spaces, all others are free again. A CPU invalidates everything
 * when it first switches in a new epoch, so it holds nothing under a number's former owner.
 *
 * Invariant (I1): in one epoch a number belongs to one space, and a CPU that loads it holds, under
 * it, translations of that space only. Number 0 is the exception: it stands for "no number", is
 * loaded when no number is free (more CPUs than numbers) and for the idle root, and every load under
 * it drops what the CPU held under it.
 *
 * A new epoch completes nothing: spaces' generations and what CPUs have seen of them stay as they
 * are. All under asid_lock, interrupts off; the interrupt handler never takes it. */
#include "authority.h"

#if OCT_TIER > 0

static bool number_used(const struct oct_system *system, unsigned number)
{
	return (system->asid_used[number / 64] >> (number % 64)) & 1;
}

static void number_use(struct oct_system *system, unsigned number)
{
	system->asid_used[number / 64] |= (uint64_t)1 << (number % 64);
}

/* A free number, 0 when there is none. */
static unsigned number_find(const struct oct_system *system)
{
	for (unsigned number = 1; number < OCT_MAX_ASIDS; number++)
		if (!number_used(system, number))
			return number;
	return 0;
}

static void epoch_begin(struct oct_system *system)
{
	system->epoch++;
	for (unsigned word = 0; word < (OCT_MAX_ASIDS + 63) / 64; word++)
		system->asid_used[word] = 0;
	/* Relaxed: a CPU that goes idle gives its number up after loading a root, a full barrier, and the CPU
	 * that gets the number loads one next. */
	for (unsigned cpu = 0; cpu < system->cpus; cpu++)
		if (oct_load(&system->cpu[cpu].owner, OCT_RLX) != NULL)
			number_use(system, system->cpu[cpu].asid);
}

/* A space that some CPU runs keeps the number loaded there, from whatever epoch: a flush names one
 * number for all CPUs. */
static bool number_loaded(const struct oct_system *system, const struct oct_space *space, unsigned *number)
{
	for (unsigned cpu = 0; cpu < system->cpus; cpu++) {
		if (oct_load(&system->cpu[cpu].owner, OCT_RLX) != space) /* as in epoch_begin */
			continue;
		*number = system->cpu[cpu].asid;
		return true;
	}
	return false;
}

static unsigned number_for(struct oct_system *system, struct oct_space *space, struct oct_cpu *cpu)
{
	uint64_t word = oct_load(&space->asid, OCT_RLX); /* written under the lock we hold */
	unsigned number;

	if (word >> 16 == system->epoch)
		return (unsigned)(word & 0xffff);
	if (number_loaded(system, space, &number))
		return number;
	number = number_find(system);
	if (number == 0) {
		OCT_COUNT(cpu, rollovers);
		epoch_begin(system);
		number = number_find(system);
	}
	if (number != 0)
		number_use(system, number);
	return number;
}

uint16_t oct_asid_take(struct oct_system *system, struct oct_space *space, unsigned self, bool *fresh)
{
	struct oct_cpu *cpu = &system->cpu[self];
	unsigned number;

	oct_spin_lock(&system->asid_lock);
	number = number_for(system, space, cpu);
	/* Relaxed: the switch's exchange on space->running publishes it to the flusher. */
	oct_store(&space->asid, system->epoch << 16 | number, OCT_RLX);
	*fresh = cpu->epoch != system->epoch;
	cpu->epoch = system->epoch;
	cpu->asid = number;
	oct_store(&cpu->owner, space, OCT_RLX); /* its readers hold the lock */
	oct_spin_unlock(&system->asid_lock);
	return (uint16_t)number;
}

#endif
