/* events.c: accesses become events. SPDX-License-Identifier: MIT
 *
 * The __tsan_* entry points stand here: the core and the scenario are compiled with
 * -fsanitize=thread, and this is the run-time library. Outside of the race (setup, final) every
 * operation acts on memory directly. */
#include <string.h>

#include "world.h"

bool in_race(void)
{
	return explore_self() < MAX_THREADS;
}

/* A hook of a plain or volatile store comes before the store and does not know the value. Where the
 * store is an event, it becomes one when the thread does the next thing that matters. */
static struct {
	void *address;
	unsigned size;
	const void *pc;
} pending[MAX_THREADS];

void events_flush(void)
{
	unsigned self = explore_self();
	void *address;
	uint64_t value = 0;

	if (self == MAX_THREADS || !pending[self].address)
		return;
	address = pending[self].address;
	pending[self].address = NULL;
	memcpy(&value, address, pending[self].size);
	do_write(place(address, pending[self].size), __ATOMIC_RELAXED, pending[self].size, value,
	         pending[self].pc);
}

/* Where the frame of the code that called a hook begins: the checker's own frames below it say nothing
 * about what has returned. NULL: not in a hook that tells. */
static char *frame_of_caller[MAX_THREADS];

static void enter(void *frame)
{
	if (in_race())
		frame_of_caller[explore_self()] = frame;
	else
		alone_access();
}

char *events_stack_in_use(unsigned thread)
{
	char *known = frame_of_caller[thread], *in_use = explore_stack_in_use(thread);

	return known && known > in_use ? known : in_use;
}

void events_begin(void)
{
	memset(pending, 0, sizeof(pending));
	memset(frame_of_caller, 0, sizeof(frame_of_caller));
}

struct event event_make(enum event_kind kind, uint16_t location, int order, const void *pc)
{
	struct event e;

	events_flush();
	memset(&e, 0, offsetof(struct event, hb));
	e.kind = (uint8_t)kind;
	e.location = location;
	e.order = (uint8_t)order;
	e.size = 8;
	e.upper = NO_EVENT;
	e.rf = NO_EVENT;
	e.pc = pc;
	return e;
}

uint64_t do_read(uint16_t location, int order, unsigned size, const void *pc)
{
	struct event e = event_make(EV_READ, location, order, pc);

	uint64_t value;

	e.size = (uint8_t)size;
	value = explore_graph()->ev[explore_event(&e)].value;
	cure_after(pc);
	return value;
}

/* An acquiring read that waits for more than seen: the explorer is told, to order threads well. */
uint64_t do_read_above(uint16_t location, uint64_t seen, const void *pc)
{
	struct event e = event_make(EV_READ, location, __ATOMIC_ACQUIRE, pc);

	e.operand = seen;
	return explore_graph()->ev[explore_event(&e)].value;
}

void do_write(uint16_t location, int order, unsigned size, uint64_t value, const void *pc)
{
	struct event e = event_make(EV_WRITE, location, order, pc);

	e.size = (uint8_t)size;
	e.value = value;
	explore_event(&e);
	if (world.places[location].kind == PLACE_WORD)
		lock_stored(world.places[location].key, pc);
	cure_after(pc);
}

uint64_t do_rmw(uint16_t location, int order, unsigned size, enum rmw_op op, uint64_t operand,
                uint64_t expected, bool *stored, const void *pc)
{
	struct event e = event_make(EV_RMW_READ, location, order, pc), w;
	uint16_t id;

	e.size = (uint8_t)size;
	e.op = (uint8_t)op;
	e.operand = operand;
	e.operand2 = expected;
	if (op == RMW_CAS)
		e.flags |= F_CAS;
	if (op == RMW_WALKER)
		e.flags |= F_HARDWARE;
	id = explore_event(&e);
	e = explore_graph()->ev[id];
	*stored = rmw_stores(&world.rules, &e);
	if (*stored) {
		w = rmw_write_of(&world.rules, &e);
		explore_event(&w);
	}
	if (*stored && world.places[location].kind == PLACE_WORD) {
		if (op == RMW_CAS && (e.flags & F_AWAIT))
			lock_taken(world.places[location].key, pc);
		else
			lock_stored(world.places[location].key, pc);
	}
	if (*stored || !(e.flags & F_AWAIT)) /* a lock that is not had is waited for: nothing follows */
		cure_after(pc);
	return e.value;
}

void do_fence(int order, const void *pc)
{
	struct event e = event_make(EV_FENCE, 0, order, pc);

	explore_event(&e);
}

void do_dsb(const void *pc)
{
	struct event e = event_make(EV_DSB, 0, __ATOMIC_SEQ_CST, pc);

	explore_event(&e);
}

void do_isb(const void *pc)
{
	struct event e = event_make(EV_ISB, 0, __ATOMIC_RELAXED, pc);

	explore_event(&e);
}

void do_tlbi(unsigned asid, uint64_t va, unsigned pages, bool broadcast, bool leaf_only, const void *pc)
{
	struct event e = event_make(EV_TLBI, 0, __ATOMIC_RELAXED, pc);

	if (pages > UINT16_MAX)
		explore_fail("an invalidation of too many pages: 0 is the whole space");
	e.asid = (uint8_t)asid;
	e.va = va;
	e.pages = (uint16_t)pages;
	e.flags = (uint16_t)((broadcast ? F_BROADCAST : 0) | (leaf_only ? F_LEAF_ONLY : 0));
	explore_event(&e);
}

void do_device_invalidate(uint64_t va, unsigned pages, bool leaf_only, const void *pc)
{
	struct event e = event_make(EV_TLBI, 0, __ATOMIC_RELAXED, pc);

	if (pages > UINT16_MAX)
		explore_fail("an invalidation of too many pages: 0 is the whole space");
	e.asid = 0xff; /* whatever their numbers are: all are bound to one space */
	e.va = va;
	e.pages = (uint16_t)pages;
	e.flags = (uint16_t)(F_DEVICE | (leaf_only ? F_LEAF_ONLY : 0));
	explore_event(&e);
}

void do_holds_nothing(unsigned asid)
{
	struct event e = event_make(EV_TLBI, 0, __ATOMIC_RELAXED, NULL);

	e.asid = (uint8_t)asid;
	e.op = TLBI_UNTOLD;
	explore_event(&e);
}

void oc_await_begin(void)
{
	if (in_race())
		explore_await_begin();
}

void oc_await_end(void)
{
	if (in_race())
		explore_await_end();
}

void oc_await_failed(void)
{
	if (!in_race())
		oct_port_panic("waits for another CPU outside of the race");
	enter(__builtin_frame_address(0));
	for (;;)
		explore_await_failed();
}

/* ---- plain accesses --------------------------------------------------------------------------------- */

/* A relaxed event made of a load or store whose value the hook does not carry. */
static void by_memory(void *address, unsigned size, bool write, const void *pc)
{
	uint16_t id;
	uint64_t value;

	events_flush();
	id = place(address, size);
	memory_touched(address, size);
	if (write) {
		pending[explore_self()].address = address;
		pending[explore_self()].size = size;
		pending[explore_self()].pc = pc;
		return;
	}
	value = do_read(id, __ATOMIC_RELAXED, size, pc);
	memcpy(address, &value, size);
}

/* A plain access of a place that the graph knows is a relaxed event there. */
static void plain(void *address, unsigned size, bool write, const void *pc)
{
	if (!in_race()) {
		if (write)
			memory_touched(address, size);
		return;
	}
	if (on_own_stack(address) && !world.stacks_shared && (size > 8 || !place_known(address, size)))
		return;
	race_plain(address, size, write, pc);
	if (size <= 8 && place_known(address, size))
		by_memory(address, size, write, pc);
	else if (write)
		memory_touched(address, size);
}

static void is_volatile(void *address, unsigned size, bool write, const void *pc)
{
	unsigned index;

	if (!in_race()) {
		if (write)
			memory_touched(address, size);
		return;
	}
	events_flush();
	index = explore_done(explore_self());
	if (!write)
		by_memory(address, size, false, pc);
	race_atomic(address, size, write, index, pc);
	if (write)
		by_memory(address, size, true, pc);
}

#define CALLER __builtin_return_address(0)
#define PLAIN(n)                                                                                             \
	void __tsan_read##n(void *a);                                                                        \
	void __tsan_write##n(void *a);                                                                       \
	void __tsan_unaligned_read##n(void *a);                                                              \
	void __tsan_unaligned_write##n(void *a);                                                             \
	void __tsan_read##n(void *a)                                                                         \
	{                                                                                                    \
		plain(a, n, false, CALLER);                                                                  \
	}                                                                                                    \
	void __tsan_write##n(void *a)                                                                        \
	{                                                                                                    \
		plain(a, n, true, CALLER);                                                                   \
	}                                                                                                    \
	void __tsan_unaligned_read##n(void *a)                                                               \
	{                                                                                                    \
		plain(a, n, false, CALLER);                                                                  \
	}                                                                                                    \
	void __tsan_unaligned_write##n(void *a)                                                              \
	{                                                                                                    \
		plain(a, n, true, CALLER);                                                                   \
	}
PLAIN(1)
PLAIN(2)
PLAIN(4)
PLAIN(8)
PLAIN(16)

#define VOLATILE(n)                                                                                          \
	void __tsan_volatile_read##n(void *a);                                                               \
	void __tsan_volatile_write##n(void *a);                                                              \
	void __tsan_unaligned_volatile_read##n(void *a);                                                     \
	void __tsan_unaligned_volatile_write##n(void *a);                                                    \
	void __tsan_volatile_read##n(void *a)                                                                \
	{                                                                                                    \
		is_volatile(a, n, false, CALLER);                                                            \
	}                                                                                                    \
	void __tsan_volatile_write##n(void *a)                                                               \
	{                                                                                                    \
		is_volatile(a, n, true, CALLER);                                                             \
	}                                                                                                    \
	void __tsan_unaligned_volatile_read##n(void *a)                                                      \
	{                                                                                                    \
		is_volatile(a, n, false, CALLER);                                                            \
	}                                                                                                    \
	void __tsan_unaligned_volatile_write##n(void *a)                                                     \
	{                                                                                                    \
		is_volatile(a, n, true, CALLER);                                                             \
	}
VOLATILE(1)
VOLATILE(2)
VOLATILE(4)
VOLATILE(8)

void __tsan_init(void);
void __tsan_init(void)
{
}
void __tsan_func_entry(void *pc);
void __tsan_func_entry(void *pc)
{
	(void)pc;
}
void __tsan_func_exit(void);
void __tsan_func_exit(void)
{
}
void __tsan_read_range(void *a, unsigned long n);
void __tsan_read_range(void *a, unsigned long n)
{
	plain(a, (unsigned)n, false, CALLER);
}
void __tsan_write_range(void *a, unsigned long n);
void __tsan_write_range(void *a, unsigned long n)
{
	plain(a, (unsigned)n, true, CALLER);
}

void *__wrap_memcpy(void *to, const void *from, size_t n);
void *__wrap_memcpy(void *to, const void *from, size_t n)
{
	if (n) {
		plain((void *)(uintptr_t)from, (unsigned)n, false, CALLER);
		plain(to, (unsigned)n, true, CALLER);
	}
	return memcpy(to, from, n);
}
void *__wrap_memmove(void *to, const void *from, size_t n);
void *__wrap_memmove(void *to, const void *from, size_t n)
{
	if (n) {
		plain((void *)(uintptr_t)from, (unsigned)n, false, CALLER);
		plain(to, (unsigned)n, true, CALLER);
	}
	return memmove(to, from, n);
}
void *__wrap_memset(void *to, int value, size_t n);
void *__wrap_memset(void *to, int value, size_t n)
{
	if (n)
		plain(to, (unsigned)n, true, CALLER);
	return memset(to, value, n);
}
int __wrap_memcmp(const void *a, const void *b, size_t n);
int __wrap_memcmp(const void *a, const void *b, size_t n)
{
	if (n) {
		plain((void *)(uintptr_t)a, (unsigned)n, false, CALLER);
		plain((void *)(uintptr_t)b, (unsigned)n, false, CALLER);
	}
	return memcmp(a, b, n);
}

/* ---- atomics ------------------------------------------------------------------------------------------ */

static uint16_t atomic_place(const void *address, unsigned size, const void *pc)
{
	uint16_t id;

	events_flush();
	id = place(address, size);
	if (world.places[id].size != size)
		violate(OC_ASSERTION, pc, "one place is accessed with sizes of %u and %u bytes",
		        world.places[id].size, size);
	return id;
}

static uint64_t atomic_read(const void *address, unsigned size, int order, const void *pc)
{
	uint16_t id = atomic_place(address, size, pc);
	unsigned index = explore_done(explore_self());
	uint64_t value = do_read(id, order, size, pc);

	race_atomic(address, size, false, index, pc);
	enter(NULL);
	return value;
}

static void atomic_write(void *address, unsigned size, int order, uint64_t value, const void *pc)
{
	uint16_t id = atomic_place(address, size, pc);
	unsigned index = explore_done(explore_self());

	do_write(id, order, size, value, pc);
	race_atomic(address, size, true, index, pc);
	enter(NULL);
}

static uint64_t atomic_rmw(void *address, unsigned size, int order, enum rmw_op op, uint64_t operand,
                           uint64_t expected, bool *stored, const void *pc)
{
	uint16_t id = atomic_place(address, size, pc);
	unsigned index = explore_done(explore_self());
	uint64_t value = do_rmw(id, order, size, op, operand, expected, stored, pc);

	race_atomic(address, size, *stored, index, pc);
	enter(NULL);
	return value;
}

/* consume is acquire, as compilers have it */
static int c_order(int order)
{
	return order == __ATOMIC_CONSUME ? __ATOMIC_ACQUIRE : order;
}

/* The innermost frame that is the scenario's: this, of the hook, begins where it ends. */
#define ENTER() enter(__builtin_frame_address(0))

#define FETCH(bits, name, op, expression)                                                                    \
	uint##bits##_t __tsan_atomic##bits##_fetch_##name(volatile void *, uint##bits##_t, int);             \
	uint##bits##_t __tsan_atomic##bits##_fetch_##name(volatile void *p, uint##bits##_t v, int o)         \
	{                                                                                                    \
		uint##bits##_t *a = (uint##bits##_t *)(uintptr_t)p, old;                                     \
		bool stored;                                                                                 \
                                                                                                             \
		ENTER();                                                                                     \
		if (in_race())                                                                               \
			return (uint##bits##_t)atomic_rmw(a, bits / 8, c_order(o), op, v, 0, &stored,        \
			                                  CALLER);                                           \
		old = *a;                                                                                    \
		*a = (uint##bits##_t)(expression);                                                           \
		memory_touched(a, bits / 8);                                                                 \
		return old;                                                                                  \
	}

#define COMPARE(bits, strength)                                                                              \
	int __tsan_atomic##bits##_compare_exchange_##strength(volatile void *, void *, uint##bits##_t, int,  \
	                                                      int);                                          \
	int __tsan_atomic##bits##_compare_exchange_##strength(volatile void *p, void *expected,              \
	                                                      uint##bits##_t v, int o, int failure)          \
	{                                                                                                    \
		uint##bits##_t *a = (uint##bits##_t *)(uintptr_t)p, *e = expected, found;                    \
		bool stored = false;                                                                         \
                                                                                                             \
		(void)failure;                                                                               \
		ENTER();                                                                                     \
		if (in_race()) {                                                                             \
			found = (uint##bits##_t)atomic_rmw(a, bits / 8, c_order(o), RMW_CAS, v, *e, &stored, \
			                                   CALLER);                                          \
		} else {                                                                                     \
			found = *a;                                                                          \
			stored = found == *e;                                                                \
			if (stored)                                                                          \
				*a = v;                                                                      \
			memory_touched(a, bits / 8);                                                         \
		}                                                                                            \
		if (!stored)                                                                                 \
			*e = found;                                                                          \
		return stored;                                                                               \
	}

/* clang's form: the value found comes back, the caller compares. */
#define COMPARE_VALUE(bits)                                                                                  \
	uint##bits##_t __tsan_atomic##bits##_compare_exchange_val(volatile void *, uint##bits##_t,           \
	                                                          uint##bits##_t, int, int);                 \
	uint##bits##_t __tsan_atomic##bits##_compare_exchange_val(volatile void *p, uint##bits##_t expected, \
	                                                          uint##bits##_t v, int o, int failure)      \
	{                                                                                                    \
		uint##bits##_t *a = (uint##bits##_t *)(uintptr_t)p, found;                                   \
		bool stored;                                                                                 \
                                                                                                             \
		(void)failure;                                                                               \
		ENTER();                                                                                     \
		if (in_race())                                                                               \
			return (uint##bits##_t)atomic_rmw(a, bits / 8, c_order(o), RMW_CAS, v, expected,     \
			                                  &stored, CALLER);                                  \
		found = *a;                                                                                  \
		if (found == expected)                                                                       \
			*a = v;                                                                              \
		memory_touched(a, bits / 8);                                                                 \
		return found;                                                                                \
	}

#define ATOMICS(bits)                                                                                        \
	uint##bits##_t __tsan_atomic##bits##_load(const volatile void *, int);                               \
	uint##bits##_t __tsan_atomic##bits##_load(const volatile void *p, int o)                             \
	{                                                                                                    \
		uint##bits##_t *a = (uint##bits##_t *)(uintptr_t)p;                                          \
                                                                                                             \
		ENTER();                                                                                     \
		if (in_race())                                                                               \
			return (uint##bits##_t)atomic_read(a, bits / 8, c_order(o), CALLER);                 \
		return *a;                                                                                   \
	}                                                                                                    \
	void __tsan_atomic##bits##_store(volatile void *, uint##bits##_t, int);                              \
	void __tsan_atomic##bits##_store(volatile void *p, uint##bits##_t v, int o)                          \
	{                                                                                                    \
		uint##bits##_t *a = (uint##bits##_t *)(uintptr_t)p;                                          \
                                                                                                             \
		ENTER();                                                                                     \
		if (in_race()) {                                                                             \
			atomic_write(a, bits / 8, o, v, CALLER);                                             \
			return;                                                                              \
		}                                                                                            \
		*a = v;                                                                                      \
		memory_touched(a, bits / 8);                                                                 \
	}                                                                                                    \
	FETCH(bits, add, RMW_ADD, old + v)                                                                   \
	FETCH(bits, sub, RMW_SUB, old - v)                                                                   \
	FETCH(bits, and, RMW_AND, old &v)                                                                    \
	FETCH(bits, or, RMW_OR, old | v)                                                                     \
	FETCH(bits, xor, RMW_XOR, old ^ v)                                                                   \
	FETCH(bits, nand, RMW_NAND, ~(old & v))                                                              \
	COMPARE(bits, strong)                                                                                \
	COMPARE(bits, weak)                                                                                  \
	COMPARE_VALUE(bits)                                                                                  \
	uint##bits##_t __tsan_atomic##bits##_exchange(volatile void *, uint##bits##_t, int);                 \
	uint##bits##_t __tsan_atomic##bits##_exchange(volatile void *p, uint##bits##_t v, int o)             \
	{                                                                                                    \
		uint##bits##_t *a = (uint##bits##_t *)(uintptr_t)p, old;                                     \
		bool stored;                                                                                 \
                                                                                                             \
		ENTER();                                                                                     \
		if (in_race())                                                                               \
			return (uint##bits##_t)atomic_rmw(a, bits / 8, c_order(o), RMW_XCHG, v, 0, &stored,  \
			                                  CALLER);                                           \
		old = *a;                                                                                    \
		*a = v;                                                                                      \
		memory_touched(a, bits / 8);                                                                 \
		return old;                                                                                  \
	}
ATOMICS(8)
ATOMICS(16)
ATOMICS(32)
ATOMICS(64)

void __tsan_atomic_thread_fence(int order);
void __tsan_atomic_thread_fence(int order)
{
	if (in_race() && order != __ATOMIC_RELAXED)
		do_fence(c_order(order), CALLER);
}
void __tsan_atomic_signal_fence(int order);
void __tsan_atomic_signal_fence(int order)
{
	(void)order;
}
