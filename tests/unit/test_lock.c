/* test_lock.c: the space lock under real threads. SPDX-License-Identifier: MIT
 *
 * formats: x86_64
 * The lock is compiled here with upcalls of this file's own, that sleep on a condition variable, so
 * that lost wake-ups show as a time-out. */
#define oct_port_wait           thread_wait
#define oct_port_wake           thread_wake
#define oct_rwlock_init         tested_init
#define oct_rwlock_read_lock    tested_read_lock
#define oct_rwlock_read_trylock tested_read_trylock
#define oct_rwlock_read_unlock  tested_read_unlock
#define oct_rwlock_write_lock   tested_write_lock
#define oct_rwlock_write_unlock tested_write_unlock
#include "../../src/lock/rwlock.c"
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <setjmp.h>
#include <unistd.h>
#include <cmocka.h>

static pthread_mutex_t sleepers = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t woken = PTHREAD_COND_INITIALIZER;
static unsigned slept;

void thread_wait(uint32_t *word, uint32_t value)
{
	pthread_mutex_lock(&sleepers);
	if (oct_load(word, OCT_RLX) == value) {
		slept++;
		pthread_cond_wait(&woken, &sleepers);
	}
	pthread_mutex_unlock(&sleepers);
}

void thread_wake(uint32_t *word, unsigned count)
{
	(void)word;
	assert_int_equal(count, ~0u);
	pthread_mutex_lock(&sleepers);
	pthread_cond_broadcast(&woken);
	pthread_mutex_unlock(&sleepers);
}

enum { THREADS = 4, ROUNDS = 3000 };

static struct oct_rwlock lock;
static unsigned long first, second; /* guarded by lock: always equal when nobody writes */
static unsigned readers_inside, most_readers;

static void *contend(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;

	for (unsigned round = 0; round < ROUNDS; round++) {
		if (rand_r(&seed) % 4 == 0) {
			oct_rwlock_write_lock(&lock);
			first++;
			if (round % 16 == 0)
				sched_yield();
			second++;
			oct_rwlock_write_unlock(&lock);
		} else {
			unsigned inside;

			oct_rwlock_read_lock(&lock);
			inside = oct_fetch_add(&readers_inside, 1u, OCT_RLX) + 1;
			if (inside > oct_load(&most_readers, OCT_RLX))
				oct_store(&most_readers, inside, OCT_RLX);
			if (first != second)
				abort();
			if (round % 16 == 0)
				sched_yield();
			oct_fetch_sub(&readers_inside, 1u, OCT_RLX);
			oct_rwlock_read_unlock(&lock);
		}
	}
	return NULL;
}

static void many_threads(void **state)
{
	pthread_t threads[THREADS];

	(void)state;
	alarm(60);
	first = second = 0;
	oct_rwlock_init(&lock);
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, contend, (void *)(uintptr_t)(i + 1)), 0);
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(first, second);
	assert_true(first > 0);
	assert_true(slept > 0);
	assert_int_equal(lock.state, 0);
	alarm(0);
}

static void *take_for_writing(void *arg)
{
	(void)arg;
	oct_rwlock_write_lock(&lock);
	first = 1;
	oct_rwlock_write_unlock(&lock);
	return NULL;
}

/* Two readers hold it together; a writer gets in only when both have left. */
static void writer_waits_for_all_readers(void **state)
{
	pthread_t writer;

	(void)state;
	alarm(60);
	first = 0;
	oct_rwlock_init(&lock);
	oct_rwlock_read_lock(&lock);
	oct_rwlock_read_lock(&lock);
	assert_int_equal(pthread_create(&writer, NULL, take_for_writing, NULL), 0);
	while (oct_load(&lock.state, OCT_RLX) == 2)
		sched_yield();
	oct_rwlock_read_unlock(&lock);
	assert_int_equal(first, 0);
	oct_rwlock_read_unlock(&lock);
	assert_int_equal(pthread_join(writer, NULL), 0);
	assert_int_equal(first, 1);
	assert_int_equal(lock.state, 0);
	alarm(0);
}

/* Trying never waits: not for a writer that holds the lock, and not for one that sleeps on it. */
static void trying(void **state)
{
	pthread_t writer;

	(void)state;
	alarm(60);
	oct_rwlock_init(&lock);
	assert_true(oct_rwlock_read_trylock(&lock));
	assert_true(oct_rwlock_read_trylock(&lock));
	assert_int_equal(pthread_create(&writer, NULL, take_for_writing, NULL), 0);
	while (oct_load(&lock.state, OCT_RLX) == 2)
		sched_yield();
	assert_false(oct_rwlock_read_trylock(&lock));
	oct_rwlock_read_unlock(&lock);
	oct_rwlock_read_unlock(&lock);
	assert_int_equal(pthread_join(writer, NULL), 0);
	oct_rwlock_write_lock(&lock);
	assert_false(oct_rwlock_read_trylock(&lock));
	oct_rwlock_write_unlock(&lock);
	assert_true(oct_rwlock_read_trylock(&lock));
	oct_rwlock_read_unlock(&lock);
	assert_int_equal(lock.state, 0);
	alarm(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(writer_waits_for_all_readers),
	    cmocka_unit_test(trying),
	    cmocka_unit_test(many_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
