/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A mediated copier that is stopped in the middle of a descriptor finishes that one, and begins none behind it. What
 * is behind it is done once, by whichever copier goes on: the other one, or the same, if the move is called off.
 */
#include <stdlib.h>

#include "tests/copier/rig.h"

#define LEN (32u << 20)

static void put(struct rig *rig)
{
	rig_noise(rig->data, LEN, 7);
	rig_put(rig, (struct cp_descriptor){.operation = CP_ADD,
					    .flags = CP_TO_BOARD,
					    .source = rig->data_iova,
					    .length = LEN,
					    .cookie = 11});
	rig_put(rig, (struct cp_descriptor){.operation = CP_ADD,
					    .flags = CP_TO_BOARD,
					    .source = rig->data_iova,
					    .length = LEN,
					    .cookie = 12});
	GOOD(rig, cp_ring(&rig->driver, &rig->err));
}

static void take(struct rig *rig, uint64_t sequence)
{
	struct cp_completion c;

	while (!cp_take(&rig->driver, &c))
		GOOD(rig, cp_wait(&rig->driver, 100, &rig->err));
	CHECK_EQ(c.sequence, sequence);
	CHECK_EQ(c.cookie, 10 + sequence);
	CHECK_EQ(c.status, CP_OK);
	CHECK_EQ(c.result, LEN);
	CHECK_EQ(c.index, sequence - 1);
}

/* By each of them once. */
static void check_board(struct rig *rig)
{
	uint8_t *board = malloc(LEN);

	CHECK(board);
	GOOD(rig, vfmig_device_region_read(rig->device, CP_BAR_WINDOW, 0, board, LEN, &rig->err));
	for (size_t i = 0; i < LEN; i += 8) {
		uint64_t is, was;

		memcpy(&is, board + i, 8);
		memcpy(&was, rig->data + i, 8);
		CHECK(is == 2 * was);
	}
	free(board);
	CHECK_EQ(rig_reg(rig, CP_REG_SEQUENCE), 2);
	CHECK_EQ(rig_reg(rig, CP_REG_HEAD), 2);
	CHECK_EQ(rig_reg(rig, CP_REG_ADDS), 2);
	CHECK_EQ(rig_reg(rig, CP_REG_FAILURES), 0);
	CHECK_EQ(rig_reg(rig, CP_REG_BYTES), 2 * LEN);
}

/* Stopped within the first descriptor; if this thread was kept from it for that long, another time. */
#define TRIES 20

static void *stop_within(struct rig *rig, size_t *len)
{
	void *state;

	for (unsigned i = 0;; i++) {
		rig_open(rig, "size=32M", LEN + (1u << 20), 16);
		put(rig);
		while (!rig_reg(rig, CP_REG_POSITION))
			rig_work(rig);
		state = rig_save(rig, len);
		if (rig_reg(rig, CP_REG_SEQUENCE) != 2 || i == TRIES)
			return state;
		free(state);
		rig_close(rig);
	}
}

int main(int argc, char **argv)
{
	char filter[4096];
	struct vfmig_session *session;
	struct rig here, there;
	void *state;
	size_t len;

	CHECK_EQ(argc, 2);
	snprintf(filter, sizeof(filter), "mediate,so=%s", argv[1]);
	setenv("RIG_FILTER", filter, 1);
	state = stop_within(&here, &len);
	CHECK_EQ(rig_reg(&here, CP_REG_SEQUENCE), 1);
	CHECK_EQ(rig_reg(&here, CP_REG_POSITION), 0);
	CHECK_EQ(rig_reg(&here, CP_REG_TAIL), 2);
	CHECK_EQ(rig_reg(&here, CP_REG_STATUS), CP_STATUS_ENABLED | CP_STATUS_BUSY);
	take(&here, 1);

	rig_open_bare(&there, &vfmig_model_copier, "size=32M", LEN + (1u << 20));
	rig_bring(&there, &here);
	GOOD(&there, rig_load(&there, state, len));
	rig_adopt(&there, &here);
	take(&there, 2);
	check_board(&there);
	rig_close(&there);

	/* Called off. */
	GOOD(&here, vfmig_session_open(here.device, NULL, &session, &here.err));
	rig_go(&here, session, VFMIG_STATE_RUNNING);
	vfmig_session_close(session);
	take(&here, 2);
	check_board(&here);
	rig_close(&here);
	free(state);
	return 0;
}
