/* start.S: both harts into the upper half, traps, accesses that may fault. SPDX-License-Identifier: MIT
 *
 * Entered by firmware in supervisor mode without translation: a0 is the hart. A root of two large leaves
 * maps the first GiB of memory where it is and at 0xffffffff80000000; the core's tables replace it. */
	.option norvc
	.section .text.start
	.globl _start
_start:
	li s1, 0                /* CPU number of the core */
	j enter
	.globl second_start
second_start:
	li s1, 1
enter:
	mv s0, a0
	lla t0, boot_root
	srli t0, t0, 12
	li t1, 8 << 60          /* Sv39 */
	or t0, t0, t1
	sfence.vma
	csrw satp, t0
	sfence.vma
	li t2, 0xffffffff00000000
	lla t1, high
	add t1, t1, t2
	jr t1
high:
	li t0, 16384
	addi t1, s1, 1
	mul t1, t1, t0
	lla sp, stacks
	add sp, sp, t1
	mv tp, s1
	lla t0, trap
	csrw stvec, t0
	mv a0, s0
	beqz s1, 1f
	call second
1:	call first

	/* Only the two accesses below fault: they are skipped, and their caller learns why. */
	.balign 4
trap:
	csrr a7, scause
	csrr t2, sepc
	addi t2, t2, 4
	csrw sepc, t2
	sret

	.globl try_load, try_store
try_load:                       /* a0: address, then value; *a1: cause */
	li a7, 0
	lw a0, 0(a0)
	sd a7, 0(a1)
	ret
try_store:                      /* a0: address, a1: value, *a2: cause */
	li a7, 0
	sw a1, 0(a0)
	sd a7, 0(a2)
	ret

	.data
	.balign 4096
boot_root:                      /* slots 2 and 510: V R W X A D, the GiB at 0x80000000 */
	.zero 8 * 2
	.quad 0x200000cf
	.zero 8 * 507
	.quad 0x200000cf
	.zero 8

	.bss
	.balign 16
stacks:	.zero 2 * 16384
