/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where the guest begins: a multiboot header for -kernel, a stack, and the one interrupt that it takes.
 */
	.section .multiboot, "a"
	.align 4
	.long 0x1badb002
	.long 0x2
	.long -(0x1badb002 + 0x2)

	.text
	.code32
	.globl _start
_start:
	cli
	movl $stack_end, %esp
	pushl %ebx		/* what the loader tells, the command line among it */
	call guest_main
1:	cli
	hlt
	jmp 1b

	/* A message has come: count it, and tell the local APIC. */
	.globl message
message:
	pushl %eax
	incl messages
	movl $0, 0xfee000b0
	popl %eax
	iret

	/* The legacy controllers are masked, and yet may say something: nobody asked. */
	.globl nobody
nobody:
	iret

	.bss
	.align 16
	.skip 65536
stack_end:

	.section .note.GNU-stack, "", @progbits
