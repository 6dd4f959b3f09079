/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Peer to peer: each copier's window is mapped in the other's space, and they copy into each other, at the same
 * time, what the driver put on their boards. One of them is stopped and moved meanwhile: what its peer
 * wrote into its window goes along, and what it had still to do is done by the other one.
 */
#include "tests/copier/setup.h"

#define PEER  0x800000000ull
#define BOARD (1u << 20)
#define HALF  (BOARD / 2)

/* The lower half of the board has noise; it goes to the upper half of the peer's. */
static void begin(struct setup *setup, const uint8_t *noise)
{
	memcpy(setup->data, noise, HALF);
	CHECK_EQ(setup_do(setup, (struct cp_descriptor){.operation = CP_COPY,
							.flags = CP_TO_BOARD,
							.source = setup->data_iova,
							.length = HALF})
			 .status,
		 CP_OK);
	setup_put(setup, (struct cp_descriptor){.operation = CP_COPY,
						.flags = CP_FROM_BOARD,
						.destination = PEER + HALF,
						.length = HALF});
	/* And back from there, onto the noise, as if it were a host's memory: ADD doubles it. */
	setup_put(setup, (struct cp_descriptor){.operation = CP_ADD,
						.flags = CP_TO_BOARD,
						.source = PEER + HALF,
						.length = HALF});
	GOOD(setup, cp_ring(&setup->driver, &setup->err));
}

static void finish(struct setup *setup, uint64_t sequence)
{
	struct cp_completion c;

	while (setup->driver.queue->completed < sequence) {
		if (cp_take(&setup->driver, &c))
			CHECK_EQ(c.status, CP_OK);
		else
			GOOD(setup, cp_wait(&setup->driver, 100, &setup->err));
	}
}

static void check(struct setup *setup, const uint8_t *own, const uint8_t *peers)
{
	static uint8_t window[BOARD];
	uint64_t a, b;

	GOOD(setup,
	     vfmig_device_region_read(setup->device, CP_BAR_WINDOW, 0, window, BOARD, &setup->err));
	for (size_t i = 0; i < HALF; i += 8) {
		memcpy(&a, own + i, 8);
		memcpy(&b, window + i, 8);
		CHECK(a * 2 == b);
	}
	CHECK(!memcmp(window + HALF, peers, HALF));
}

int main(void)
{
	static uint8_t noise[2][HALF];
	struct setup a, b, a2;
	void *state;
	size_t len;

	setup_noise(noise[0], HALF, 1);
	setup_noise(noise[1], HALF, 2);
	setup_open(&a, "size=1M", 2u << 20, 8);
	setup_open(&b, "size=1M", 2u << 20, 8);
	setup_meet(&a, &b, PEER, BOARD);
	setup_meet(&b, &a, PEER, BOARD);
	begin(&a, noise[0]);
	begin(&b, noise[1]);

	/* Some of the one's work and all of the other's, then the one moves. */
	setup_work(&a);
	setup_work(&b);
	finish(&b, 3);
	state = setup_save(&a, &len);
	setup_open_bare(&a2, &vfmig_model_copier, "size=1M", 2u << 20);
	setup_meet(&a2, &b, PEER, BOARD);
	setup_bring(&a2, &a);
	GOOD(&a2, setup_load(&a2, state, len));
	setup_adopt(&a2, &a);
	finish(&a2, 3);

	check(&a2, noise[0], noise[1]);
	check(&b, noise[1], noise[0]);
	free(state);
	setup_close(&a);
	setup_close(&a2);
	setup_close(&b);
	return 0;
}
