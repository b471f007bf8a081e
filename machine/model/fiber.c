/* fiber.c: coroutine switch, a few instructions per host. SPDX-License-Identifier: MIT
 *
 * swapcontext saves the signal mask with a system call and is some 25 times slower. */
#include "fiber.h"
#include <stddef.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

void fiber_swap(void **save, void *load);
void fiber_entry(void);
__attribute__((used)) void fiber_main(struct fiber *f);

#if defined(__x86_64__)
__asm__(".text\n"
        ".globl fiber_swap\n.type fiber_swap,@function\n"
        "fiber_swap:\n"
        "	push %rbp\n	push %rbx\n	push %r12\n	push %r13\n	push %r14\n	push %r15\n"
        "	mov %rsp, (%rdi)\n"
        "	mov %rsi, %rsp\n"
        "	pop %r15\n	pop %r14\n	pop %r13\n	pop %r12\n	pop %rbx\n	pop %rbp\n"
        "	ret\n"
        ".size fiber_swap, .-fiber_swap\n"
        ".globl fiber_entry\n.type fiber_entry,@function\n"
        "fiber_entry:\n"
        "	mov %r12, %rdi\n"
        "	xor %ebp, %ebp\n"
        "	call fiber_main\n"
        "	ud2\n"
        ".size fiber_entry, .-fiber_entry\n");
enum { SAVED_WORDS = 6, ARGUMENT_WORD = 3, RETURN_WORD = 6 };
#elif defined(__aarch64__)
__asm__(".text\n"
        ".globl fiber_swap\n.type fiber_swap,%function\n"
        "fiber_swap:\n"
        "	sub sp, sp, #160\n"
        "	stp x19, x20, [sp]\n	stp x21, x22, [sp, #16]\n	stp x23, x24, [sp, #32]\n"
        "	stp x25, x26, [sp, #48]\n	stp x27, x28, [sp, #64]\n	stp x29, x30, [sp, #80]\n"
        "	stp d8, d9, [sp, #96]\n	stp d10, d11, [sp, #112]\n"
        "	stp d12, d13, [sp, #128]\n	stp d14, d15, [sp, #144]\n"
        "	mov x9, sp\n	str x9, [x0]\n	mov sp, x1\n"
        "	ldp x19, x20, [sp]\n	ldp x21, x22, [sp, #16]\n	ldp x23, x24, [sp, #32]\n"
        "	ldp x25, x26, [sp, #48]\n	ldp x27, x28, [sp, #64]\n	ldp x29, x30, [sp, #80]\n"
        "	ldp d8, d9, [sp, #96]\n	ldp d10, d11, [sp, #112]\n"
        "	ldp d12, d13, [sp, #128]\n	ldp d14, d15, [sp, #144]\n"
        "	add sp, sp, #160\n"
        "	ret\n"
        ".globl fiber_entry\n.type fiber_entry,%function\n"
        "fiber_entry:\n"
        "	mov x0, x19\n"
        "	bl fiber_main\n"
        "	brk #0\n");
enum { SAVED_WORDS = 19, ARGUMENT_WORD = 0, RETURN_WORD = 11 };
#else
#error "the model machine runs on x86-64 and arm64 hosts"
#endif

/* ---- AddressSanitizer is told of each switch ---------------------------------------------------- */
#ifdef __SANITIZE_ADDRESS__
/* The stack that fibers are switched to from: fibers switch back to no other. */
static const void *host_bottom;
static size_t host_size;

static void leaving(const struct fiber *to)
{
	__sanitizer_start_switch_fiber(NULL, to->stack ? to->stack : host_bottom,
	                               to->stack ? (size_t)FIBER_STACK : host_size);
}

static void arrived(const struct fiber *on)
{
	__sanitizer_finish_switch_fiber(NULL, on->stack ? &host_bottom : NULL, on->stack ? &host_size : NULL);
}

/* A restarted fiber left frames behind without returning from them. */
static void forget_frames(struct fiber *f)
{
	__asan_unpoison_memory_region(f->stack, FIBER_STACK);
}
#else
static void leaving(const struct fiber *to)
{
	(void)to;
}

static void arrived(const struct fiber *on)
{
	(void)on;
}

static void forget_frames(struct fiber *f)
{
	(void)f;
}
#endif

/* ---- Fibers ------------------------------------------------------------------------------------- */
void fiber_main(struct fiber *f)
{
	arrived(f);
	f->run(f->arg);
}

void fiber_switch(struct fiber *from, struct fiber *to)
{
	leaving(to);
	fiber_swap(&from->sp, to->sp);
	arrived(from);
}

void fiber_start(struct fiber *f, void (*run)(void *arg), void *arg)
{
	uintptr_t top = ((uintptr_t)f->stack + FIBER_STACK) & ~(uintptr_t)63;
	uintptr_t *frame = (uintptr_t *)(top - 64 - sizeof(uintptr_t) * (SAVED_WORDS + 1));

	forget_frames(f);
	for (unsigned i = 0; i <= SAVED_WORDS; i++)
		frame[i] = 0;
	frame[ARGUMENT_WORD] = (uintptr_t)f;
	frame[RETURN_WORD] = (uintptr_t)fiber_entry;
	f->run = run;
	f->arg = arg;
	f->sp = frame;
}
