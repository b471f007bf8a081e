/* rwlock.c: the core's reader/writer sleeping lock. SPDX-License-Identifier: MIT
 *
 * States of the word: 0 free; 1..n readers; WRITER; each of the held ones with or without SLEEPERS.
 * SLEEPERS never stands alone: the last holder to leave clears the whole word in the same atomic
 * step and then wakes everybody, so no sleeper is forgotten (I9). A sleeper sets the bit by a
 * compare-and-swap on a held word and sleeps only while the word is still the value it made. */
#include <octavo/lock.h>

#ifndef OCT_HOST_RWLOCK

#define WRITER    0x80000000u
#define SLEEPERS  0x40000000u
#define EVERYBODY (~0u)

void oct_rwlock_init(struct oct_rwlock *lock)
{
	lock->state = 0;
}

/* Sleep until the word is no longer held as it was seen; returns a fresh value. */
static uint32_t sleep_while_held(struct oct_rwlock *lock, uint32_t seen)
{
	/* Relaxed: the bit carries no data, and the taker's acquire orders what matters. */
	if ((seen & SLEEPERS) || oct_cas(&lock->state, &seen, seen | SLEEPERS, OCT_RLX))
		oct_port_wait(&lock->state, seen | SLEEPERS);
	return oct_load(&lock->state, OCT_RLX);
}

void oct_rwlock_read_lock(struct oct_rwlock *lock)
{
	uint32_t seen = oct_load(&lock->state, OCT_RLX);

	for (;;) {
		if (seen & (WRITER | SLEEPERS))
			seen = sleep_while_held(lock, seen);
		/* Acquire: pairs with the release of write_unlock. */
		else if (oct_cas(&lock->state, &seen, seen + 1, OCT_ACQ))
			return;
	}
}

bool oct_rwlock_read_trylock(struct oct_rwlock *lock)
{
	uint32_t seen = oct_load(&lock->state, OCT_RLX);

	while (!(seen & (WRITER | SLEEPERS)))
		/* Acquire: as in read_lock. A failure read a newer value. */
		if (oct_cas(&lock->state, &seen, seen + 1, OCT_ACQ))
			return true;
	return false;
}

void oct_rwlock_read_unlock(struct oct_rwlock *lock)
{
	uint32_t seen = oct_load(&lock->state, OCT_RLX);
	uint32_t rest;

	do {
		rest = seen - 1;
		if (rest == SLEEPERS)
			rest = 0;
		/* Release: pairs with the acquire of write_lock; a later reader's compare-and-swap
		 * continues the release sequence. */
	} while (!oct_cas(&lock->state, &seen, rest, OCT_REL));
	if (seen - 1 == SLEEPERS)
		oct_port_wake(&lock->state, EVERYBODY);
}

void oct_rwlock_write_lock(struct oct_rwlock *lock)
{
	uint32_t seen = oct_load(&lock->state, OCT_RLX);

	for (;;) {
		if (seen)
			seen = sleep_while_held(lock, seen);
		/* Acquire: pairs with the releases of write_unlock and of every read_unlock. */
		else if (oct_cas(&lock->state, &seen, WRITER, OCT_ACQ))
			return;
	}
}

void oct_rwlock_write_unlock(struct oct_rwlock *lock)
{
	/* Release: pairs with the acquire of both lock functions. */
	if (oct_xchg(&lock->state, 0u, OCT_REL) & SLEEPERS)
		oct_port_wake(&lock->state, EVERYBODY);
}

#endif
