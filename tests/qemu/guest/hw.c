/* SPDX-License-Identifier: BSD-3-Clause */
#include "hw.h"

#define COM1	0x3f8
#define APIC	0xfee00000u
#define APIC_ON 0x1ffu

volatile uint32_t messages;
extern void message(void), nobody(void);

uint32_t config_read(unsigned slot, unsigned offset)
{
	out32(0xcf8, 0x80000000u | slot << 11 | offset);
	return in32(0xcfc);
}

void config_write(unsigned slot, unsigned offset, uint32_t value)
{
	out32(0xcf8, 0x80000000u | slot << 11 | offset);
	out32(0xcfc, value);
}

void say(const char *text)
{
	for (; *text; text++) {
		while (!(in8(COM1 + 5) & 0x20))
			;
		out8(COM1, (uint8_t)*text);
	}
}

/* Without a division of 64 bits, which would need the compiler's library. */
void say_number(const char *text, uint64_t n)
{
	char digits[20];
	int count = 0;

	say(text);
	do {
		uint32_t rest = 0;
		uint64_t quotient = 0;

		for (int bit = 63; bit >= 0; bit--) {
			rest = rest << 1 | (uint32_t)(n >> bit & 1);
			if (rest >= 10) {
				rest -= 10;
				quotient |= 1ull << bit;
			}
		}
		digits[count++] = (char)('0' + rest);
		n = quotient;
	} while (n);
	while (count) {
		char one[2] = {digits[--count], 0};

		say(one);
	}
}

static struct {
	uint16_t low, selector, kind, high;
} gates[256];

static void gate(unsigned n, void (*to)(void), uint16_t selector)
{
	gates[n].low = (uint16_t)(uint32_t)to;
	gates[n].selector = selector;
	gates[n].kind = 0x8e00;
	gates[n].high = (uint16_t)((uint32_t)to >> 16);
}

void interrupts_begin(void)
{
	/* The loader's own segments may be anywhere: flat ones of ours. */
	static const uint64_t segments[] = {0, 0x00cf9a000000ffffull, 0x00cf92000000ffffull};
	struct {
		uint16_t limit;
		uint32_t base;
	} __attribute__((packed)) gdt = {sizeof(segments) - 1, (uint32_t)segments},
				  idt = {sizeof(gates) - 1, (uint32_t)gates};

	__asm__ volatile("lgdt %0\n\tljmp $8, $1f\n1:\tmov %1, %%ds\n\tmov %1, %%es\n\tmov %1, %%ss"
			 :
			 : "m"(gdt), "r"(16)
			 : "memory");
	for (unsigned n = 0; n < 256; n++)
		gate(n, n == MESSAGE_VECTOR ? message : nobody, 8);
	__asm__ volatile("lidt %0" : : "m"(idt));
	out8(0x21, 0xff);
	out8(0xa1, 0xff);
	*(volatile uint32_t *)(APIC + 0xf0) = APIC_ON;
	*(volatile uint32_t *)(APIC + 0x80) = 0;
}
