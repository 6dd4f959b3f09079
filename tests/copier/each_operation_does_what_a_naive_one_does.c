/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random descriptors, of all operations, between all sides, at any alignment: after each, both memories and
 * the completion are what an oracle says that works byte by byte from the data sheet's words.
 */
#include "tests/copier/setup.h"

#define BOARD (1u << 20)
#define GUEST (2u << 20)

static uint8_t board[BOARD], *guest;

static uint8_t *at(struct setup *setup, bool on_board, uint64_t address)
{
	return on_board ? board + address : guest + (address - setup->data_iova);
}

/* Sums as the definition has them: one word at a time, in the widest integers there are. */
static uint64_t oracle_sum(uint64_t start, const uint8_t *bytes, uint64_t len)
{
	unsigned __int128 a = (uint32_t)start, b = start >> 32, m = 0xffffffffu;

	for (uint64_t i = 0; i < len; i += 4) {
		a += bytes[i] | (uint32_t)bytes[i + 1] << 8 | (uint32_t)bytes[i + 2] << 16 |
		     (uint32_t)bytes[i + 3] << 24;
		b += a;
		a %= m;
		b %= m;
	}
	return (uint64_t)b << 32 | (uint64_t)a;
}

static uint64_t oracle(struct setup *setup, const struct cp_descriptor *d)
{
	uint8_t *from = at(setup, d->flags & CP_FROM_BOARD, d->source);
	uint8_t *to = at(setup, d->flags & CP_TO_BOARD, d->destination);

	switch (d->operation) {
	case CP_COPY:
		for (uint64_t i = 0; i < d->length; i++)
			to[i] = from[i];
		break;
	case CP_FILL:
		for (uint64_t i = 0; i < d->length; i++)
			to[i] = (uint8_t)(d->value >> i % 8 * 8);
		break;
	case CP_CHECKSUM:
		return oracle_sum(d->value, from, d->length);
	case CP_ADD:
		for (uint64_t i = 0; i < d->length; i += 8) {
			unsigned carry = 0;

			for (unsigned k = 0; k < 8; k++) {
				carry += (unsigned)to[i + k] + from[i + k];
				to[i + k] = (uint8_t)carry;
				carry >>= 8;
			}
		}
		break;
	}
	return d->length;
}

static bool overlap(const struct cp_descriptor *d)
{
	return !(d->flags & CP_FROM_BOARD) == !(d->flags & CP_TO_BOARD) &&
	       d->source < d->destination + d->length && d->destination < d->source + d->length;
}

static struct cp_descriptor any(struct setup *setup, uint64_t *seed, uint64_t n)
{
	static const uint64_t unit[] = {0, 1, 1, 4, 8};
	struct cp_descriptor d = {
		.operation = (uint8_t)(1 + setup_random(seed) % 4),
		.cookie = n,
	};
	bool source = d.operation != CP_FILL, destination = d.operation != CP_CHECKSUM;
	/* Mostly some pages, now and then several pieces, now and then next to nothing. */
	uint64_t most = n % 16 == 0 ? 200000 : n % 3 == 0 ? 64 : 20000;
	uint64_t u = unit[d.operation];

	do {
		d.length = (1 + setup_random(seed) % most + u - 1) / u * u;
		d.flags = 0;
		if (source && setup_random(seed) % 2)
			d.flags |= CP_FROM_BOARD;
		if (destination && setup_random(seed) % 2)
			d.flags |= CP_TO_BOARD;
		d.source = setup_random(seed) % (BOARD - d.length);
		d.destination = setup_random(seed) % (BOARD - d.length);
		if (!(d.flags & CP_FROM_BOARD))
			d.source += setup->data_iova;
		if (!(d.flags & CP_TO_BOARD))
			d.destination += setup->data_iova;
	} while (source && destination && overlap(&d));
	if (!source)
		d.source = 0;
	if (!destination)
		d.destination = 0;
	if (d.operation == CP_FILL || (d.operation == CP_CHECKSUM && setup_random(seed) % 2))
		d.value = setup_random(seed);
	return d;
}

int main(void)
{
	uint64_t seed = 0x5eed;
	struct setup setup;

	setup_open(&setup, "size=1M", GUEST, 16);
	CHECK(setup.data_size >= BOARD);
	guest = malloc(setup.data_size);
	CHECK(guest);
	setup_noise(setup.data, setup.data_size, 1);
	memcpy(guest, setup.data, setup.data_size);
	for (uint64_t n = 1; n <= 1000; n++) {
		struct cp_descriptor d = any(&setup, &seed, n);
		uint64_t expected = oracle(&setup, &d);
		struct cp_completion c = setup_do(&setup, d);

		CHECK_EQ(c.sequence, n);
		CHECK_EQ(c.cookie, n);
		CHECK_EQ(c.index, n - 1);
		CHECK_EQ(c.status, CP_OK);
		CHECKF(c.result == expected, "operation %u gave 0x%llx, not 0x%llx", d.operation,
		       (unsigned long long)c.result, (unsigned long long)expected);
		if (n % 50)
			continue;
		CHECK(!memcmp(guest, setup.data, setup.data_size));
		for (uint64_t i = 0; i < BOARD; i += 65536) {
			static uint8_t window[65536];

			GOOD(&setup, vfmig_device_region_read(setup.device, CP_BAR_WINDOW, i,
							      window, 65536, &setup.err));
			CHECK(!memcmp(board + i, window, 65536));
		}
	}
	free(guest);
	setup_close(&setup);
	return 0;
}
