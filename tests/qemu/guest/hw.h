/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the guest needs of a PC: ports, PCI configuration, a serial port to speak through, the local APIC.
 */
#ifndef GUEST_HW_H
#define GUEST_HW_H

#include <stdbool.h>
#include <stdint.h>

static inline void out8(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t in8(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static inline void out32(uint16_t port, uint32_t value)
{
	__asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint32_t in32(uint16_t port)
{
	uint32_t value;

	__asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

/* Configuration space of a function of bus 0. */
uint32_t config_read(unsigned slot, unsigned offset);
void config_write(unsigned slot, unsigned offset, uint32_t value);

/* Text, and numbers in decimal: "round %u" without printf. */
void say(const char *text);
void say_number(const char *text, uint64_t n);

/* Messages come as this vector from now on. */
#define MESSAGE_VECTOR 0x50u
void interrupts_begin(void);
extern volatile uint32_t messages;

#endif
