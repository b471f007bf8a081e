/* cpu.c: the sim's CPUs: threads, interrupts, sleeping. SPDX-License-Identifier: MIT
 *
 * An interrupt is a flag of its target, looked at before each user access, at each turn of a waiting
 * loop, when interrupts come on again, and while sleeping: so a CPU that waits for another one answers
 * those who wait for it (F7 in src/tlb/tlb.c). A CPU that no thread runs cannot answer: the
 * sender takes the interrupt in its name. */
#include "machine.h"
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

SIM_STATE struct sim_machine sim_machine;
_Thread_local struct sim_cpu *sim_self;

/* ---- The machine ------------------------------------------------------------------------------- */
void sim_init(unsigned cpus)
{
	if (cpus < 1 || cpus > OCT_MAX_CPUS)
		oct_port_panic("sim: so many CPUs are not possible");
	sim_pool_init();
	memset(&sim_machine, 0, sizeof sim_machine);
	sim_machine.cpus = cpus;
	sim_machine.hardware_bits = true;
	for (unsigned i = 0; i < cpus; i++) {
		struct sim_cpu *cpu = &sim_machine.cpu[i];

		cpu->number = i;
		cpu->parked = i != 0;
		pthread_mutex_init(&cpu->mutex, NULL);
		pthread_mutex_init(&cpu->standing_in, NULL);
		pthread_cond_init(&cpu->wake, NULL);
	}
	sim_self = &sim_machine.cpu[0];
}

void sim_exit(void)
{
	for (unsigned i = 0; i < sim_machine.cpus; i++) {
		pthread_mutex_destroy(&sim_machine.cpu[i].mutex);
		pthread_mutex_destroy(&sim_machine.cpu[i].standing_in);
		pthread_cond_destroy(&sim_machine.cpu[i].wake);
	}
	sim_pool_exit();
	sim_self = NULL;
}

void sim_attach(struct oct_system *system)
{
	sim_machine.system = system;
}

void sim_hardware_bits(bool on)
{
	sim_machine.hardware_bits = on;
}

void sim_panic_to(void (*handler)(const char *why))
{
	sim_machine.panic = handler;
}

void sim_become(unsigned cpu)
{
	sim_self->parked = true;
	sim_self = &sim_machine.cpu[cpu];
	sim_self->parked = false;
}

struct sim_counters sim_counters(unsigned cpu)
{
	return sim_machine.cpu[cpu].counters;
}

struct sim_counters sim_counters_total(void)
{
	struct sim_counters total = {0};
	uint64_t *sum = (uint64_t *)&total;

	for (unsigned i = 0; i < sim_machine.cpus; i++) {
		const uint64_t *one = (const uint64_t *)&sim_machine.cpu[i].counters;

		for (size_t field = 0; field < sizeof total / sizeof *sum; field++)
			sum[field] += one[field];
	}
	return total;
}

/* ---- Runs ----------------------------------------------------------------------------------------- */
struct run {
	struct sim_cpu *cpu;
	void (*fn)(unsigned cpu, void *arg);
	void *arg;
	pthread_t thread;
};

static void *run_cpu(void *arg)
{
	const struct run *run = arg;
	uint32_t live;

	sim_self = run->cpu;
	run->fn(run->cpu->number, run->arg);
	oct_fetch_sub(&sim_machine.live, 1, OCT_ACQ_REL); /* pairs with the acquires below */
	oct_port_wake(&sim_machine.live, ~0u);
	while ((live = oct_load(&sim_machine.live, OCT_ACQ)) != 0)
		oct_port_wait(&sim_machine.live, live);
	return NULL;
}

void sim_run(unsigned cpus, void (*fn)(unsigned cpu, void *arg), void *arg)
{
	struct run runs[OCT_MAX_CPUS];

	if (cpus < 1 || cpus > sim_machine.cpus || sim_self->number != 0)
		oct_port_panic("sim: a run needs CPU 0 and no more CPUs than there are");
	sim_machine.live = cpus;
	for (unsigned i = 0; i < cpus; i++) {
		runs[i] = (struct run){.cpu = &sim_machine.cpu[i], .fn = fn, .arg = arg};
		runs[i].cpu->parked = false;
	}
	for (unsigned i = 1; i < cpus; i++)
		if (pthread_create(&runs[i].thread, NULL, run_cpu, &runs[i]))
			oct_port_panic("sim: no thread for a CPU");
	run_cpu(&runs[0]);
	for (unsigned i = 1; i < cpus; i++) {
		pthread_join(runs[i].thread, NULL);
		runs[i].cpu->parked = true;
		sim_self = runs[i].cpu;
		sim_poll_cpu(sim_self); /* sent too late for the thread */
	}
	sim_self = &sim_machine.cpu[0];
}

/* ---- Interrupts ------------------------------------------------------------------------------------- */
static void answer_call(struct sim_cpu *cpu)
{
	void (*call)(void *arg) = oct_load(&cpu->call, OCT_ACQ); /* pairs with sim_interrupt */

	if (!call)
		return;
	call(cpu->call_arg);
	oct_store(&cpu->call, (void (*)(void *))NULL, OCT_REL);
}

void sim_take_interrupts(struct sim_cpu *cpu)
{
	cpu->irqs_off++;
	/* Acquire: what the sender stored before is visible to the handler; pairs with oct_port_ipi. */
	while (oct_xchg(&cpu->pending, 0u, OCT_ACQ_REL)) {
		cpu->counters.interrupts++;
		if (sim_machine.system)
			oct_tlb_interrupt(sim_machine.system);
		answer_call(cpu);
		oct_fetch_add(&cpu->taken, 1u, OCT_REL); /* pairs with oct_port_defer */
	}
	cpu->irqs_off--;
}

void sim_poll(void)
{
	sim_poll_cpu(sim_self);
}

unsigned oct_port_cpu_self(void)
{
	return sim_self->number;
}

unsigned long oct_port_irq_save(void)
{
	return sim_self->irqs_off++;
}

void oct_port_irq_restore(unsigned long state)
{
	if (sim_self->irqs_off != state + 1)
		oct_port_panic("sim: interrupts are restored out of order");
	sim_self->irqs_off = (unsigned)state;
	sim_delay();
	sim_poll_cpu(sim_self);
}

/* This thread is cpu for as long as its handler runs. */
static void stand_in(struct sim_cpu *cpu)
{
	struct sim_cpu *sender = sim_self;

	pthread_mutex_lock(&cpu->standing_in);
	sim_self = cpu;
	sim_take_interrupts(cpu);
	sim_self = sender;
	pthread_mutex_unlock(&cpu->standing_in);
}

void oct_port_ipi(unsigned cpu)
{
	struct sim_cpu *target = &sim_machine.cpu[cpu];

	if (sim_self->irqs_off != 0)
		oct_port_panic("sim: an interrupt is sent, to be waited for, with interrupts off (R8)");
	sim_self->counters.ipis++;
	sim_delay();
	/* SC: the store before the look at sleeps_on, as the sleeper sets that before it looks here. */
	oct_store(&target->pending, 1u, OCT_SC);
	if (target->parked) {
		stand_in(target);
	} else if (oct_load(&target->sleeps_on, OCT_SC)) {
		pthread_mutex_lock(&target->mutex);
		pthread_cond_signal(&target->wake);
		pthread_mutex_unlock(&target->mutex);
	}
}

void sim_interrupt(unsigned cpu, void (*fn)(void *arg), void *arg)
{
	struct sim_cpu *target = &sim_machine.cpu[cpu];

	while (oct_xchg(&target->call_busy, 1u, OCT_ACQ)) /* pairs with the store below */
		oct_port_relax();
	target->call_arg = arg;
	oct_store(&target->call, fn, OCT_REL);
	if (target == sim_self) {
		sim_self->irqs_off++;
		answer_call(target);
		sim_self->irqs_off--;
	} else {
		oct_port_ipi(cpu);
		while (oct_load(&target->call, OCT_ACQ)) /* pairs with answer_call */
			oct_port_relax();
	}
	oct_store(&target->call_busy, 0u, OCT_REL);
}

void oct_port_relax(void)
{
	sim_poll_cpu(sim_self);
	sched_yield(); /* there may be fewer processors than CPUs */
}

void oct_port_root_changed(struct oct_space *space)
{
	sim_self->space = space;
}

struct oct_mm *oct_port_current(void)
{
	return (struct oct_mm *)(void *)sim_self->space; /* its first member */
}

/* ---- Sleeping ---------------------------------------------------------------------------------------- */
void oct_port_wait(uint32_t *word, uint32_t value)
{
	struct sim_cpu *cpu = sim_self;

	if (cpu->irqs_off != 0)
		oct_port_panic("sim: sleeping with interrupts off");
	pthread_mutex_lock(&cpu->mutex);
	/* SC: with the loads below, against who changes the word, or sends, and then looks here. */
	oct_store(&cpu->sleeps_on, word, OCT_SC);
	if (oct_load(word, OCT_SC) == value)
		cpu->counters.sleeps++;
	while (oct_load(word, OCT_SC) == value && oct_load(&cpu->sleeps_on, OCT_RLX) == word &&
	       !oct_load(&cpu->pending, OCT_SC))
		pthread_cond_wait(&cpu->wake, &cpu->mutex);
	oct_store(&cpu->sleeps_on, (uint32_t *)NULL, OCT_RLX); /* under mutex */
	pthread_mutex_unlock(&cpu->mutex);
	sim_poll_cpu(cpu);
}

void oct_port_wake(uint32_t *word, unsigned count)
{
	/* SC, in place of a fence: the caller's change of the word before the look at the sleepers. */
	oct_fetch_add(word, 0u, OCT_SC);
	for (unsigned i = 0; i < sim_machine.cpus && count > 0; i++) {
		struct sim_cpu *cpu = &sim_machine.cpu[i];

		if (oct_load(&cpu->sleeps_on, OCT_SC) != word)
			continue;
		pthread_mutex_lock(&cpu->mutex);
		if (oct_load(&cpu->sleeps_on, OCT_RLX) == word) { /* under mutex */
			oct_store(&cpu->sleeps_on, (uint32_t *)NULL, OCT_RLX);
			pthread_cond_signal(&cpu->wake);
			count--;
		}
		pthread_mutex_unlock(&cpu->mutex);
	}
}

/* ---- Grace periods ----------------------------------------------------------------------------------- */
/* A CPU that took an interrupt had interrupts on: what ran on it with interrupts off before is through. */
void oct_port_defer(void (*fn)(void *arg), void *arg)
{
	uint32_t before[OCT_MAX_CPUS];

	for (unsigned i = 0; i < sim_machine.cpus; i++) {
		before[i] = oct_load(&sim_machine.cpu[i].taken, OCT_ACQ);
		if (i != sim_self->number)
			oct_port_ipi(i);
	}
	for (unsigned i = 0; i < sim_machine.cpus; i++)
		/* Acquire: pairs with the release in sim_take_interrupts. */
		while (i != sim_self->number && oct_load(&sim_machine.cpu[i].taken, OCT_ACQ) == before[i])
			oct_port_relax();
	fn(arg);
}

/* ---- For people ---------------------------------------------------------------------------------------- */
void oct_port_log(const char *line)
{
	puts(line);
}

void oct_port_panic(const char *why)
{
	if (sim_machine.panic)
		sim_machine.panic(why);
	fflush(stdout);
	fprintf(stderr, "panic on CPU %u: %s\n", sim_self ? sim_self->number : 0, why);
	abort();
}
