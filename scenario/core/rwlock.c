/* core/rwlock: the sleeping lock of an address space. SPDX-License-Identifier: MIT
 *
 * Elsewhere the checker puts a cheaper lock in its place (a word per CPU); here it explores the core's own
 * source, with the upcalls that it sleeps on. */
#include <octavo/check.h>

#undef OCT_HOST_RWLOCK
#define oct_rwlock              core_rwlock
#define oct_rwlock_init         core_rwlock_init
#define oct_rwlock_read_lock    core_rwlock_read_lock
#define oct_rwlock_read_trylock core_rwlock_read_trylock
#define oct_rwlock_read_unlock  core_rwlock_read_unlock
#define oct_rwlock_write_lock   core_rwlock_write_lock
#define oct_rwlock_write_unlock core_rwlock_write_unlock
struct oct_rwlock {
	uint32_t state;
};
static void oct_rwlock_init(struct oct_rwlock *lock);
static void oct_rwlock_read_lock(struct oct_rwlock *lock);
static bool oct_rwlock_read_trylock(struct oct_rwlock *lock);
static void oct_rwlock_read_unlock(struct oct_rwlock *lock);
static void oct_rwlock_write_lock(struct oct_rwlock *lock);
static void oct_rwlock_write_unlock(struct oct_rwlock *lock);
#include "../../src/lock/rwlock.c"

static struct oct_rwlock rw;
static int data, copy; /* plain: who is not excluded races */

static void setup(void)
{
	oct_rwlock_init(&rw);
}

static void writer(void)
{
	oct_rwlock_write_lock(&rw);
	data++;
	copy++;
	oct_rwlock_write_unlock(&rw);
}

static void reader(void)
{
	oct_rwlock_read_lock(&rw);
	OC_ASSERT(OC_ASSERTION, data == copy);
	oct_rwlock_read_unlock(&rw);
}

static void trier(void)
{
	if (!oct_rwlock_read_trylock(&rw))
		return;
	OC_ASSERT(OC_ASSERTION, data == copy);
	oct_rwlock_read_unlock(&rw);
	oc_cover("tried");
}

/* Gives the lock back and wakes nobody. */
static void silent_writer(void)
{
	oct_rwlock_write_lock(&rw);
	oct_store(&rw.state, 0u, OCT_REL); /* pairs with the acquires of both lock functions */
}

/* Two hold it at once. */
static void bold_writer(void)
{
	data++;
	writer();
}

OC_SCENARIO(.setup = setup, .arch = OC_ARCH_ALL, .actors = {OC_THREAD(OC_VARIANT), OC_THREAD(writer)},
            .variants = {{.name = "no-wake", .run = silent_writer, .expected = OC_VIOLATES(OC_DEADLOCK)},
                         {.name = "no-lock", .run = bold_writer, .expected = OC_VIOLATES(OC_RACE)},
                         {.name = "writers", .run = writer, .expected = OC_HOLDS},
                         {.name = "reader", .run = reader, .expected = OC_HOLDS},
                         {.name = "trier", .run = trier, .expected = OC_HOLDS, .cover = {"tried"}}})
