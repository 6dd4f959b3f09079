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
#include "rig.h"

#define BOARD (4u << 20)
#define GUEST (6u << 20)
#define LEN   (2u << 20)

/* Two ranges in guest memory and one on board; ADD goes from the first to the second. */
static struct cp_descriptor descriptor(const struct rig *rig, enum cp_operation operation)
{
	struct cp_descriptor d = {.operation = (uint8_t)operation, .length = LEN, .cookie = 7};

	if (operation != CP_FILL)
		d.source = rig->data_iova;
	if (operation == CP_FILL)
		d.value = 0x0102030405060708;
	if (operation != CP_CHECKSUM)
		d.destination = rig->data_iova + (3u << 20);
	if (operation == CP_COPY) {
		d.flags = CP_TO_BOARD;
		d.destination = 4096;
	}
	return d;
}

static void fill(struct rig *rig)
{
	rig_noise(rig->data, rig->data_size, 99);
}

static uint64_t board_sum(struct rig *rig)
{
	return rig_do(rig, (struct cp_descriptor){.operation = CP_CHECKSUM,
						  .flags = CP_FROM_BOARD,
						  .length = BOARD})
		.result;
}

/* How it comes out in one go. */
static void reference(enum cp_operation operation, uint8_t *memory, uint64_t *board,
		      struct cp_completion *c)
{
	struct rig rig;

	rig_open(&rig, "size=4M", GUEST, 16);
	fill(&rig);
	*c = rig_do(&rig, descriptor(&rig, operation));
	*board = board_sum(&rig);
	memcpy(memory, rig.data, rig.data_size);
	rig_close(&rig);
}

/* Stopped after so many quanta. Returns whether that was in the middle. */
static bool stopped_after(enum cp_operation operation, int quanta, const uint8_t *memory,
			  uint64_t board, const struct cp_completion *expected)
{
	struct cp_completion c;
	struct rig here, there;
	bool middle;
	void *state;
	size_t len;

	rig_open(&here, "size=4M", GUEST, 16);
	fill(&here);
	rig_put(&here, descriptor(&here, operation));
	GOOD(&here, cp_ring(&here.driver, &here.err));
	for (int i = 0; i < quanta; i++)
		rig_work(&here);
	middle = rig_reg(&here, CP_REG_POSITION) > 0;
	state = rig_save(&here, &len);

	rig_open_bare(&there, &vfmig_model_copier, "size=4M", GUEST);
	rig_bring(&there, &here);
	GOOD(&there, rig_load(&there, state, len));
	rig_adopt(&there, &here);
	while (!cp_take(&there.driver, &c))
		GOOD(&there, cp_wait(&there.driver, 100, &there.err));
	CHECK_EQ(c.sequence, 1);
	CHECK_EQ(c.cookie, 7);
	CHECK_EQ(c.status, CP_OK);
	CHECK_EQ(c.result, expected->result);
	CHECK_EQ(rig_reg(&there, CP_REG_SEQUENCE), 1);
	CHECK_EQ(rig_reg(&there, CP_REG_BYTES), LEN);
	CHECK_EQ(board_sum(&there), board);
	CHECK(!memcmp(there.data, memory, there.data_size));
	free(state);
	rig_close(&here);
	rig_close(&there);
	return middle;
}

static void control(const uint8_t *memory)
{
	struct rig here, there;
	struct cp_completion c;
	void *state;
	size_t len;
	struct vfmig_session *session;

	rig_open(&here, "size=4M", GUEST, 16);
	fill(&here);
	rig_put(&here, descriptor(&here, CP_ADD));
	GOOD(&here, cp_ring(&here.driver, &here.err));
	rig_work(&here);
	state = rig_save(&here, &len);
	GOOD(&here, vfmig_session_open(here.device, NULL, &session, &here.err));
	rig_go(&here, session, VFMIG_STATE_RUNNING);
	vfmig_session_close(session);
	rig_work(&here);
	CHECK(rig_reg(&here, CP_REG_POSITION) > 0);

	rig_open_bare(&there, &vfmig_model_copier, "size=4M", GUEST);
	rig_bring(&there, &here);
	GOOD(&there, rig_load(&there, state, len));
	rig_adopt(&there, &here);
	while (!cp_take(&there.driver, &c))
		GOOD(&there, cp_wait(&there.driver, 100, &there.err));
	CHECK(memcmp(there.data, memory, there.data_size));
	free(state);
	rig_close(&here);
	rig_close(&there);
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
