/* lock.h: the reader/writer lock of an address space. SPDX-License-Identifier: MIT
 *
 * A sleeping lock over two upcalls (oct_port_wait, oct_port_wake). A host may bring its own: when
 * OCT_PORT_HEADER defines OCT_HOST_RWLOCK it also defines struct oct_rwlock and the six functions
 * below. What the core asks of such a lock is what is written here and no more: readers need not
 * be ordered against one another. Not for interrupt handlers. docs/LOCKING.md states the order among locks.
 */
#ifndef OCTAVO_LOCK_H
#define OCTAVO_LOCK_H

#include <stdbool.h>
#include <octavo/port.h>

#ifndef OCT_HOST_RWLOCK

#ifdef __cplusplus
extern "C" {
#endif

/* One word: bit 31 a writer holds it, bit 30 somebody sleeps on it, below the number of readers.
 * Bit 30 is set only while the lock is held, so the holder who leaves last always wakes. */
struct oct_rwlock {
	uint32_t state;
};

/* Free, no sleepers. The caller publishes the structure that contains it. */
void oct_rwlock_init(struct oct_rwlock *lock);

/* Hold it together with other readers. May sleep: interrupts on, no page-table lock held, and the
 * caller does not hold this lock already (a waiting writer stops new readers, so a second read_lock
 * of one thread could wait for itself). Everything a writer did before its write_unlock is visible. */
void oct_rwlock_read_lock(struct oct_rwlock *lock);
/* read_lock without sleeping: false if a writer holds it or sleeps on it. Any lock may be held. */
bool oct_rwlock_read_trylock(struct oct_rwlock *lock);
/* Never sleeps. What the caller did is visible to the next writer. */
void oct_rwlock_read_unlock(struct oct_rwlock *lock);

/* Hold it alone. May sleep, with the conditions of read_lock. Everything that earlier holders did
 * is visible. Sleepers compete anew when they are woken: no order of arrival is promised, but
 * readers that come later wait once a writer sleeps. */
void oct_rwlock_write_lock(struct oct_rwlock *lock);
/* Never sleeps. */
void oct_rwlock_write_unlock(struct oct_rwlock *lock);

#ifdef __cplusplus
}
#endif
#endif
#endif
