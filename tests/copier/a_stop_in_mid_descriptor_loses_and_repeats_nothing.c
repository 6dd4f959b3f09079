/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One descriptor of each operation, too long for a quantum, is stopped after every number of quanta that it can
 * be stopped at, and continued by another copier from the saved state. In the end all is as if
 * nothing had happened: most of all ADD, which shows what was done twice.
 *
 * Control: a destination that is given the state of before the last quantum (with the memory of after it) does
 * a piece twice, and that is seen.
 *
 * Rules: V2-20, V2-22.
 */
#include "tests/copier/setup.h"

#define BOARD (4u << 20)
#define GUEST (6u << 20)
#define LEN   (2u << 20)

/* Two ranges in guest memory and one on board; ADD goes from the first to the second. */
static struct cp_descriptor descriptor(const struct setup *setup, enum cp_operation operation)
{
	struct cp_descriptor d = {.operation = (uint8_t)operation, .length = LEN, .cookie = 7};

	if (operation != CP_FILL)
		d.source = setup->data_iova;
	if (operation == CP_FILL)
		d.value = 0x0102030405060708;
	if (operation != CP_CHECKSUM)
		d.destination = setup->data_iova + (3u << 20);
	if (operation == CP_COPY) {
		d.flags = CP_TO_BOARD;
		d.destination = 4096;
	}
	return d;
}

static void fill(struct setup *setup)
{
	setup_noise(setup->data, setup->data_size, 99);
}

static uint64_t board_sum(struct setup *setup)
{
	return setup_do(setup, (struct cp_descriptor){.operation = CP_CHECKSUM,
						      .flags = CP_FROM_BOARD,
						      .length = BOARD})
		.result;
}

/* How it comes out in one go. */
static void reference(enum cp_operation operation, uint8_t *memory, uint64_t *board,
		      struct cp_completion *c)
{
	struct setup setup;

	setup_open(&setup, "size=4M", GUEST, 16);
	fill(&setup);
	*c = setup_do(&setup, descriptor(&setup, operation));
	*board = board_sum(&setup);
	memcpy(memory, setup.data, setup.data_size);
	setup_close(&setup);
}

/* Stopped after so many quanta. Returns whether that was in the middle. */
static bool stopped_after(enum cp_operation operation, int quanta, const uint8_t *memory,
			  uint64_t board, const struct cp_completion *expected)
{
	struct cp_completion c;
	struct setup here, there;
	bool middle;
	void *state;
	size_t len;

	setup_open(&here, "size=4M", GUEST, 16);
	fill(&here);
	setup_put(&here, descriptor(&here, operation));
	GOOD(&here, cp_ring(&here.driver, &here.err));
	for (int i = 0; i < quanta; i++)
		setup_work(&here);
	middle = setup_reg(&here, CP_REG_POSITION) > 0;
	state = setup_save(&here, &len);

	setup_open_bare(&there, &vfmig_model_copier, "size=4M", GUEST);
	setup_bring(&there, &here);
	GOOD(&there, setup_load(&there, state, len));
	setup_adopt(&there, &here);
	while (!cp_take(&there.driver, &c))
		GOOD(&there, cp_wait(&there.driver, 100, &there.err));
	CHECK_EQ(c.sequence, 1);
	CHECK_EQ(c.cookie, 7);
	CHECK_EQ(c.status, CP_OK);
	CHECK_EQ(c.result, expected->result);
	CHECK_EQ(setup_reg(&there, CP_REG_SEQUENCE), 1);
	CHECK_EQ(setup_reg(&there, CP_REG_BYTES), LEN);
	CHECK_EQ(board_sum(&there), board);
	CHECK(!memcmp(there.data, memory, there.data_size));
	free(state);
	setup_close(&here);
	setup_close(&there);
	return middle;
}

static void control(const uint8_t *memory)
{
	struct setup here, there;
	struct cp_completion c;
	void *state;
	size_t len;
	struct vfmig_session *session;

	setup_open(&here, "size=4M", GUEST, 16);
	fill(&here);
	setup_put(&here, descriptor(&here, CP_ADD));
	GOOD(&here, cp_ring(&here.driver, &here.err));
	setup_work(&here);
	state = setup_save(&here, &len);
	GOOD(&here, vfmig_session_open(here.device, NULL, &session, &here.err));
	setup_go(&here, session, VFMIG_STATE_RUNNING);
	vfmig_session_close(session);
	setup_work(&here);
	CHECK(setup_reg(&here, CP_REG_POSITION) > 0);

	setup_open_bare(&there, &vfmig_model_copier, "size=4M", GUEST);
	setup_bring(&there, &here);
	GOOD(&there, setup_load(&there, state, len));
	setup_adopt(&there, &here);
	while (!cp_take(&there.driver, &c))
		GOOD(&there, cp_wait(&there.driver, 100, &there.err));
	CHECK(memcmp(there.data, memory, there.data_size));
	free(state);
	setup_close(&here);
	setup_close(&there);
}

int main(void)
{
	uint8_t *memory = malloc(GUEST);

	CHECK(memory);
	for (enum cp_operation operation = CP_COPY; operation <= CP_ADD; operation++) {
		struct cp_completion expected;
		int quanta = 0, middles = 0;
		uint64_t board;

		reference(operation, memory, &board, &expected);
		/* From "not begun" through all the middles to "done". */
		while (stopped_after(operation, quanta, memory, board, &expected) || !quanta) {
			middles += quanta > 0;
			quanta++;
		}
		CHECKF(middles >= 3, "operation %d was never long enough to be stopped in",
		       operation);
	}
	{
		struct cp_completion expected;
		uint64_t board;

		reference(CP_ADD, memory, &board, &expected);
		control(memory);
	}
	free(memory);
	return 0;
}
