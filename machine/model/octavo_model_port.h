/* octavo_model_port.h: what the model machine overrides in the core. SPDX-License-Identifier: MIT
 *
 * The core's source is the same everywhere; this is its OCT_PORT_HEADER when it is compiled for the
 * checker. Waiting loops become one blocking event, cover points are reported, and the lock of an
 * address space has a word per CPU, so that readers do not order one another. */
#ifndef OCTAVO_MODEL_PORT_H
#define OCTAVO_MODEL_PORT_H

#include <stdbool.h>
#include <stdint.h>
#include <octavo/config.h>

#ifdef __cplusplus
extern "C" {
#endif

void oc_await_begin(void);
void oc_await_end(void);
__attribute__((noreturn)) void oc_await_failed(void);
#define oct_await(cond)                                                                                      \
	do {                                                                                                 \
		oc_await_begin();                                                                            \
		if (!(cond))                                                                                 \
			oc_await_failed();                                                                   \
		oc_await_end();                                                                              \
	} while (0)

void oc_cover(const char *name);
#define OCT_COVER(name) oc_cover(name)

void oc_relied(const uint64_t *entry, uintptr_t va);
#define OCT_RELIED(entry, va) oc_relied((entry), (va))

void oc_lazy(bool lazy);
#define OCT_LAZY(lazy) oc_lazy(lazy)

#define OCT_HOST_RWLOCK
struct oct_rwlock {
	uint32_t word[OCT_MAX_CPUS]; /* a reader takes its CPU's, a writer all, ascending */
};
void oct_rwlock_init(struct oct_rwlock *lock);
void oct_rwlock_read_lock(struct oct_rwlock *lock);
bool oct_rwlock_read_trylock(struct oct_rwlock *lock);
void oct_rwlock_read_unlock(struct oct_rwlock *lock);
void oct_rwlock_write_lock(struct oct_rwlock *lock);
void oct_rwlock_write_unlock(struct oct_rwlock *lock);

#ifdef __cplusplus
}
#endif
#endif
