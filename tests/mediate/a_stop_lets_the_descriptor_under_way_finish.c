/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A mediated copier that is stopped in the middle of a descriptor finishes that one, and begins none behind it. What
 * is behind it is done once, by whichever copier goes on: the other one, or the same, if the move is called off.
 */
#include <stdlib.h>

#include "tests/copier/setup.h"

#define LEN (32u << 20)

static void put(struct setup *setup)
{
	setup_noise(setup->data, LEN, 7);
	setup_put(setup, (struct cp_descriptor){.operation = CP_ADD,
						.flags = CP_TO_BOARD,
						.source = setup->data_iova,
						.length = LEN,
						.cookie = 11});
	setup_put(setup, (struct cp_descriptor){.operation = CP_ADD,
						.flags = CP_TO_BOARD,
						.source = setup->data_iova,
						.length = LEN,
						.cookie = 12});
	GOOD(setup, cp_ring(&setup->driver, &setup->err));
}

static void take(struct setup *setup, uint64_t sequence)
{
	struct cp_completion c;

	while (!cp_take(&setup->driver, &c))
		GOOD(setup, cp_wait(&setup->driver, 100, &setup->err));
	CHECK_EQ(c.sequence, sequence);
	CHECK_EQ(c.cookie, 10 + sequence);
	CHECK_EQ(c.status, CP_OK);
	CHECK_EQ(c.result, LEN);
	CHECK_EQ(c.index, sequence - 1);
}

/* By each of them once. */
static void check_board(struct setup *setup)
{
	uint8_t *board = malloc(LEN);

	CHECK(board);
	GOOD(setup,
	     vfmig_device_region_read(setup->device, CP_BAR_WINDOW, 0, board, LEN, &setup->err));
	for (size_t i = 0; i < LEN; i += 8) {
		uint64_t is, was;

		memcpy(&is, board + i, 8);
		memcpy(&was, setup->data + i, 8);
		CHECK(is == 2 * was);
	}
	free(board);
	CHECK_EQ(setup_reg(setup, CP_REG_SEQUENCE), 2);
	CHECK_EQ(setup_reg(setup, CP_REG_HEAD), 2);
	CHECK_EQ(setup_reg(setup, CP_REG_ADDS), 2);
	CHECK_EQ(setup_reg(setup, CP_REG_FAILURES), 0);
	CHECK_EQ(setup_reg(setup, CP_REG_BYTES), 2 * LEN);
}

/* Stopped within the first descriptor; if this thread was kept from it for that long, another time. */
#define TRIES 20

static void *stop_within(struct setup *setup, size_t *len)
{
	void *state;

	for (unsigned i = 0;; i++) {
		setup_open(setup, "size=32M", LEN + (1u << 20), 16);
		put(setup);
		while (!setup_reg(setup, CP_REG_POSITION))
			setup_work(setup);
		state = setup_save(setup, len);
		if (setup_reg(setup, CP_REG_SEQUENCE) != 2 || i == TRIES)
			return state;
		free(state);
		setup_close(setup);
	}
}

int main(int argc, char **argv)
{
	char filter[4096];
	struct vfmig_session *session;
	struct setup here, there;
	void *state;
	size_t len;

	CHECK_EQ(argc, 2);
	snprintf(filter, sizeof(filter), "mediate,so=%s", argv[1]);
	setenv("RIG_FILTER", filter, 1);
	state = stop_within(&here, &len);
	CHECK_EQ(setup_reg(&here, CP_REG_SEQUENCE), 1);
	CHECK_EQ(setup_reg(&here, CP_REG_POSITION), 0);
	CHECK_EQ(setup_reg(&here, CP_REG_TAIL), 2);
	CHECK_EQ(setup_reg(&here, CP_REG_STATUS), CP_STATUS_ENABLED | CP_STATUS_BUSY);
	take(&here, 1);

	setup_open_bare(&there, &vfmig_model_copier, "size=32M", LEN + (1u << 20));
	setup_bring(&there, &here);
	GOOD(&there, setup_load(&there, state, len));
	setup_adopt(&there, &here);
	take(&there, 2);
	check_board(&there);
	setup_close(&there);

	/* Called off. */
	GOOD(&here, vfmig_session_open(here.device, NULL, &session, &here.err));
	setup_go(&here, session, VFMIG_STATE_RUNNING);
	vfmig_session_close(session);
	take(&here, 2);
	check_board(&here);
	setup_close(&here);
	free(state);
	return 0;
}
