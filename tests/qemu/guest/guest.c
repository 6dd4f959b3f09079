/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A guest that gives each copier in its machine work without end, and believes nothing.
 *
 * It drives the device by its data sheet (docs/models/copier.md): descriptors in a ring, completions, messages or polling. In
 * each round a few pages are filled, copied onto the board and back, added up and summed, and then *all* that the device ever
 * wrote is compared with what it must be, also what was written long ago: a page that was lost in a migration stays lost,
 * and is found in the first round after it. What must be is kept in this program's memory, which is the CPU's to
 * write. It reports over the serial port:
 *
 *	ready N		N copiers found
 *	round R		all is well after round R (every 8th)
 *	BAD ...		what is not as it must be; nothing comes after it
 *	plugged, gone	a copier came, or was let go of
 *	reset		a copier was reset behind this program's back; all begins anew
 *
 * The command line says how: irq (wait for messages), poll (for completions), p2p (two copiers also write to each other's
 * windows), full (first fill the boards, so that there is much to move).
 */
#include "hw.h"

#define COPIERS	  4u
#define PAGES	  32u
#define PER_ROUND 4u
#define PAGE	  4096u
#define QWORDS	  (PAGE / 8)
#define RING	  64u
#define PEER_AT	  0x80000u /* where on a board its peer writes */

enum { FILL = 2, COPY = 1, CHECKSUM = 3, ADD = 4 };
enum { INTERRUPT = 1, SOURCE_ON_BOARD = 2, DESTINATION_ON_BOARD = 4 };
enum {
	BOARD_SIZE = 0x10,
	CONTROL = 0x18,
	STATUS = 0x1c,
	INTR_STATUS = 0x30,
	INTR_ENABLE = 0x34,
	RING_BASE = 0x40,
	DONE_BASE = 0x48,
	RING_SIZE = 0x50,
	HEAD = 0x58,
	TAIL = 0x5c,
	SEQUENCE = 0x60
};

struct descriptor {
	uint8_t operation, flags, zero[6];
	uint64_t source, destination, length, value, cookie, zero2[2];
};

struct completion {
	volatile uint64_t sequence;
	uint64_t cookie, result;
	uint32_t status, index;
};

struct pages {
	uint64_t filled[PAGES][QWORDS], copied[PAGES][QWORDS], added[PAGES][QWORDS],
		peer[PAGES][QWORDS];
	struct descriptor ring[RING];
	struct completion done[RING];
} __attribute__((aligned(4096)));

/*
 * @value: with what each page was last filled; 0: never
 * @sum: what each page of sums must hold
 */
static struct copier {
	bool there;
	unsigned slot;
	volatile uint8_t *regs;
	uint64_t window;
	uint32_t tail;
	uint64_t expected_sum[RING]; /* by slot of the ring, for CHECKSUM */
	uint64_t value[PAGES], sum[PAGES], from_peer[PAGES];
	uint64_t round;
} copiers[COPIERS];
static struct pages memory[COPIERS];
static bool by_message, peers, full;

/* ---- what must be ---- */

static uint64_t value_of(unsigned n, uint64_t round, unsigned page)
{
	return (round * PAGES + page + 1) * 0x9e3779b97f4a7c15ull + n;
}

/* Modulo 2^32 - 1, of the sum of two that are no more than that; a compiler's own division would need its library. */
static uint32_t reduce(uint64_t n)
{
	uint32_t folded = (uint32_t)n + (uint32_t)(n >> 32);

	return folded == 0xffffffffu ? 0 : folded;
}

/* Fletcher-64 of a page full of one value. */
static uint64_t sum_of(uint64_t value)
{
	uint64_t a = 0, b = 0;

	for (unsigned i = 0; i < QWORDS; i++) {
		a = reduce(a + (uint32_t)value);
		b = reduce(b + a);
		a = reduce(a + (uint32_t)(value >> 32));
		b = reduce(b + a);
	}
	return b << 32 | a;
}

static void __attribute__((noreturn)) bad(const char *what, unsigned n, uint64_t a, uint64_t b)
{
	say("BAD ");
	say(what);
	say_number(" of copier ", n);
	say_number(" in round ", copiers[n].round);
	say_number(": ", a);
	say_number(", and not ", b);
	say("\n");
	for (;;)
		__asm__ volatile("cli; hlt");
}

static void compare(unsigned n, const char *what, const uint64_t *page, uint64_t value)
{
	for (unsigned i = 0; i < QWORDS; i++) {
		if (page[i] == value)
			continue;
		say_number("at ", (uint32_t)&page[i]);
		say(" is what must not be\n");
		bad(what, n, page[i], value);
	}
}

static void compare_all(unsigned n)
{
	for (unsigned i = 0; i < PAGES; i++) {
		compare(n, "filled page", memory[n].filled[i], copiers[n].value[i]);
		compare(n, "copied page", memory[n].copied[i], copiers[n].value[i]);
		compare(n, "added page", memory[n].added[i], copiers[n].sum[i]);
		compare(n, "page from its peer", memory[n].peer[i], copiers[n].from_peer[i]);
	}
}

/* ---- the device ---- */

static uint32_t get(unsigned n, unsigned reg)
{
	return *(volatile uint32_t *)(copiers[n].regs + reg);
}

static void set(unsigned n, unsigned reg, uint32_t value)
{
	*(volatile uint32_t *)(copiers[n].regs + reg) = value;
}

static void put(unsigned n, uint8_t operation, uint8_t flags, uint64_t source, uint64_t destination,
		uint64_t value)
{
	struct copier *c = &copiers[n];
	struct descriptor d = {.operation = operation,
			       .flags = flags,
			       .source = source,
			       .destination = destination,
			       .length = PAGE,
			       .value = value,
			       .cookie = c->tail * 3ull};

	memory[n].ring[c->tail % RING] = d;
	c->tail++;
}

static uint64_t at(const void *where)
{
	return (uint32_t)where;
}

static void check_completion(unsigned n, uint32_t index)
{
	struct completion *done = &memory[n].done[index % RING];
	struct descriptor *d = &memory[n].ring[index % RING];
	uint64_t result =
		d->operation == CHECKSUM ? copiers[n].expected_sum[index % RING] : d->length;

	if (done->sequence != index + 1ull)
		bad("sequence", n, done->sequence, index + 1ull);
	if (done->status)
		bad("status", n, done->status, 0);
	if (done->cookie != d->cookie)
		bad("cookie", n, done->cookie, d->cookie);
	if (done->index != index)
		bad("index", n, done->index, index);
	if (done->result != result)
		bad("result", n, done->result, result);
}

/* What the CPU wrote comes first, to tell a loss of the VMM's own from one of the device's. */
static void check_descriptors(unsigned n, uint32_t from)
{
	for (; from != copiers[n].tail; from++)
		if (memory[n].ring[from % RING].cookie != from * 3ull)
			bad("descriptor, which the CPU wrote,", n,
			    memory[n].ring[from % RING].cookie, from * 3ull);
}

/* A VMM that gives up a migration may have reset the device: it is empty, and has lost nothing that we had. */
static bool was_reset(unsigned n)
{
	return !get(n, RING_SIZE);
}

/*
 * Ring the bell, and wait until all is done and, if that was agreed, the message has come. One that was lost is waited
 * for for ever. False: the device was reset, and nothing will come.
 */
static bool work(unsigned n, uint32_t from, uint32_t before)
{
	struct copier *c = &copiers[n];
	struct completion *last = &memory[n].done[(c->tail - 1) % RING];
	uint32_t head;

	memory[n].ring[(c->tail - 1) % RING].flags |= INTERRUPT;
	__asm__ volatile("" : : : "memory");
	set(n, TAIL, c->tail);
	while (last->sequence != c->tail || (by_message && messages == before)) {
		/* Only here, so that nothing comes between a look and the sleep. */
		if (by_message && messages == before)
			__asm__ volatile("sti; hlt; cli" : : : "memory");
		if (was_reset(n))
			return false;
		/* An idle device has completed everything: what is not there then was lost. */
		head = get(n, HEAD);
		if (head == c->tail && last->sequence != c->tail)
			bad("last sequence", n, last->sequence, c->tail);
	}
	check_descriptors(n, from);
	if (get(n, STATUS) & 4)
		bad("device error", n, get(n, 0x20), 0);
	for (; from != c->tail; from++)
		check_completion(n, from);
	if (get(n, SEQUENCE) != c->tail) {
		if (was_reset(n))
			return false;
		bad("register SEQUENCE", n, get(n, SEQUENCE), c->tail);
	}
	return true;
}

static bool one_round(unsigned n)
{
	struct copier *c = &copiers[n];
	struct pages *m = &memory[n];
	uint32_t from = c->tail, before = messages;

	for (unsigned k = 0; k < PER_ROUND; k++) {
		unsigned i = (unsigned)(c->round * PER_ROUND + k) % PAGES;
		uint64_t value = value_of(n, c->round, i);

		put(n, FILL, 0, 0, at(m->filled[i]), value);
		put(n, COPY, DESTINATION_ON_BOARD, at(m->filled[i]), i * PAGE, 0);
		put(n, COPY, SOURCE_ON_BOARD, i * PAGE, at(m->copied[i]), 0);
		put(n, ADD, 0, at(m->filled[i]), at(m->added[i]), 0);
		c->expected_sum[c->tail % RING] = sum_of(value);
		put(n, CHECKSUM, 0, at(m->copied[i]), 0, 0);
		c->value[i] = value;
		c->sum[i] += value;
	}
	return work(n, from, before);
}

/* What one writes to the other's board, that one finds there. */
static bool peer_round(unsigned n, unsigned other)
{
	uint32_t from = copiers[n].tail, before = messages;
	unsigned i = (unsigned)copiers[n].round % PAGES;
	uint64_t place = PEER_AT + i * PAGE;

	put(n, COPY, 0, at(memory[n].filled[i]), copiers[other].window + place, 0);
	if (!work(n, from, before))
		return false;
	from = copiers[other].tail;
	before = messages;
	put(other, COPY, SOURCE_ON_BOARD, place, at(memory[other].peer[i]), 0);
	copiers[other].from_peer[i] = copiers[n].value[i];
	return work(other, from, before);
}

/* ---- finding them ---- */

static void clear(void *what, unsigned size)
{
	for (volatile uint8_t *byte = what; size; size--)
		*byte++ = 0;
}

/* A device that came late has no addresses yet. */
static void place(unsigned slot, unsigned n)
{
	config_write(slot, 0x04, 0);
	config_write(slot, 0x10, 0xcf000000u + n * 0x10000u);
	config_write(slot, 0x18, 0xd0000000u + n * 0x4000000u);
	config_write(slot, 0x1c, 0);
	config_write(slot, 0x20, 0xcf008000u + n * 0x10000u);
}

static void begin(unsigned n, unsigned slot)
{
	struct copier *c = &copiers[n];
	volatile uint32_t *table;

	clear(c, sizeof(*c));
	clear(&memory[n], sizeof(memory[n]));
	c->slot = slot;
	if (!(config_read(slot, 0x10) & ~0xfu))
		place(slot, n);
	config_write(slot, 0x04, 0x6 | 0x400);
	c->regs = (volatile uint8_t *)(config_read(slot, 0x10) & ~0xfu);
	c->window = (config_read(slot, 0x18) & ~0xfu) | (uint64_t)config_read(slot, 0x1c) << 32;
	table = (volatile uint32_t *)(config_read(slot, 0x20) & ~0xfu);
	if (get(n, 0) != 0x59504f43)
		bad("register ID", n, get(n, 0), 0x59504f43);
	set(n, CONTROL, 2);
	/* Vector 0 to this CPU, and MSI-X on. */
	table[0] = 0xfee00000;
	table[1] = 0;
	table[2] = MESSAGE_VECTOR;
	table[3] = 0;
	config_write(slot, 0x40, config_read(slot, 0x40) | 0x80000000u);
	set(n, RING_BASE, (uint32_t)memory[n].ring);
	set(n, DONE_BASE, (uint32_t)memory[n].done);
	set(n, RING_SIZE, RING);
	set(n, INTR_ENABLE, by_message ? 1 : 0);
	set(n, CONTROL, 1);
	c->there = true;
	if (full) {
		put(n, FILL, DESTINATION_ON_BOARD, 0, 0, value_of(n, 0, 0));
		memory[n].ring[0].length = get(n, BOARD_SIZE);
		work(n, 0, messages);
	}
}

static unsigned scan(void)
{
	unsigned found = 0;

	for (unsigned slot = 0; slot < 32; slot++) {
		unsigned n, free_one = COPIERS;

		if (config_read(slot, 0) != 0x00015646)
			continue;
		for (n = 0; n < COPIERS; n++) {
			if (copiers[n].there && copiers[n].slot == slot)
				break;
			if (!copiers[n].there && free_one == COPIERS)
				free_one = n;
		}
		if (n == COPIERS && free_one < COPIERS) {
			begin(free_one, slot);
			found++;
		}
	}
	return found;
}

/* What one is to find on the other's board is as uncertain as on its own: all of them begin anew. */
static void begin_all_again(void)
{
	for (unsigned n = 0; n < COPIERS; n++)
		if (copiers[n].there)
			begin(n, copiers[n].slot);
}

/* ACPI's ports for plugging, of the machine "pc": who came, who is to go, and letting go. */
enum { PLUG_UP = 0xae00, PLUG_DOWN = 0xae04, PLUG_EJECT = 0xae08, PLUG_SELECT = 0xae10 };

static void look_for_plugs(void)
{
	uint32_t down;

	out32(PLUG_SELECT, 0);
	if (in32(PLUG_UP) && scan())
		say("plugged\n");
	down = in32(PLUG_DOWN);
	for (unsigned n = 0; down && n < COPIERS; n++) {
		if (!copiers[n].there || !(down >> copiers[n].slot & 1))
			continue;
		set(n, CONTROL, 2);
		copiers[n].there = false;
		say("gone\n");
	}
	if (down)
		out32(PLUG_EJECT, down);
}

/* ---- all of it ---- */

static bool has_word(const char *line, const char *word)
{
	for (; *line; line++) {
		unsigned i = 0;

		while (word[i] && line[i] == word[i])
			i++;
		if (!word[i])
			return true;
	}
	return false;
}

void guest_main(const uint32_t *loader);

void guest_main(const uint32_t *loader)
{
	const char *line = loader[0] & 4 ? (const char *)loader[4] : "";

	by_message = has_word(line, "irq");
	peers = has_word(line, "p2p");
	full = has_word(line, "full");
	interrupts_begin();
	say_number("ready ", scan());
	say("\n");
	for (uint64_t round = 1;; round++) {
		for (unsigned n = 0; n < COPIERS; n++) {
			if (!copiers[n].there)
				continue;
			if (!one_round(n) ||
			    (peers && copiers[n ^ 1].there && !peer_round(n, n ^ 1))) {
				say("reset\n");
				begin_all_again();
				break;
			}
			compare_all(n);
			copiers[n].round++;
		}
		look_for_plugs();
		if (round % 8 == 0) {
			say_number("round ", round);
			say("\n");
		}
	}
}
