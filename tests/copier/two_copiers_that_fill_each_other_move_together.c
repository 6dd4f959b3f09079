/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two copiers in one migration, each busy adding to the board of the other, peer to peer, while both move. What one
 * writes after the other was saved would be gone, and what it has still to write must not be done twice: so
 * both are quiet before either stops, and both are loaded before either runs. The sums on both
 * boards tell.
 *
 * In one process, and with a socket before each of the four.
 *
 * Control: a side that loses one piece that came from its peer is found out.
 *
 * Rules: V2-43.
 */
#include <vfmig/migration.h>

#include "tests/copier/setup.h"

#define PEER  0x800000000ull
#define BOARD (1u << 20)
#define RING  256u
#define GUEST (2u << 20)

/* Both copiers of one side. */
struct pair {
	struct setup setup[2];
};

static void open_pair(struct pair *pair, bool bare)
{
	/* Behind sockets they reach each other by descriptor. */
	const char *options = getenv("RIG_REMOTE") ? "size=1M,window=mapped" : "size=1M";

	for (int i = 0; i < 2; i++) {
		if (bare)
			setup_open_bare(&pair->setup[i], &vfmig_model_copier, options, GUEST);
		else
			setup_open(&pair->setup[i], options, GUEST, RING);
	}
	/* First: who is to be reached is asked how. */
	for (int i = 0; i < 2; i++) {
		pair->setup[i].driver.works_device = false;
		GOOD(&pair->setup[i],
		     vfmig_device_start(pair->setup[i].device, &pair->setup[i].err));
	}
	setup_meet(&pair->setup[0], &pair->setup[1], PEER, BOARD);
	setup_meet(&pair->setup[1], &pair->setup[0], PEER, BOARD);
}

static void close_pair(struct pair *pair)
{
	/* Neither may reach the other any more when that goes. */
	for (int i = 0; i < 2; i++)
		GOOD(&pair->setup[i],
		     vfmig_space_unmap(pair->setup[i].space, PEER, BOARD, &pair->setup[i].err));
	for (int i = 0; i < 2; i++) {
		vfmig_device_stop(pair->setup[i].device);
		setup_close(&pair->setup[i]);
	}
}

/* A ring full of ADDs, one like the other: noise is added to all of the peer's board. */
static void begin(struct setup *setup, uint64_t seed)
{
	setup_noise(setup->data, BOARD, seed);
	for (unsigned i = 0; i < RING; i++)
		setup_put(setup, (struct cp_descriptor){.operation = CP_ADD,
							.source = setup->data_iova,
							.destination = PEER,
							.length = BOARD});
	GOOD(setup, cp_ring(&setup->driver, &setup->err));
}

static void finish(struct setup *setup)
{
	struct cp_completion c;

	while (setup->driver.queue->completed < RING) {
		/* Asking the device orders what it wrote before what we read. */
		uint64_t sequence = setup_reg(setup, CP_REG_SEQUENCE);

		while (setup->driver.queue->completed < sequence) {
			CHECK(cp_take(&setup->driver, &c));
			CHECK_EQ(c.status, CP_OK);
		}
	}
	CHECK_EQ(setup_reg(setup, CP_REG_ADDS), RING);
}

static bool board_is_right(struct setup *setup, uint64_t peers_seed)
{
	static uint64_t noise[BOARD / 8], board[BOARD / 8];

	setup_noise(noise, BOARD, peers_seed);
	GOOD(setup,
	     vfmig_device_region_read(setup->device, CP_BAR_WINDOW, 0, board, BOARD, &setup->err));
	for (size_t i = 0; i < BOARD / 8; i++)
		if (board[i] != noise[i] * RING)
			return false;
	return true;
}

/* The CPU writes nothing once the rings are full: only the devices' own logs are needed. */
static void move(struct pair *here, struct pair *there)
{
	struct vfmig_migration_options options;
	struct vfmig_migration *from, *to;
	struct vfmig_migration_result result;
	struct vfmig_error err = {0};
	int ret;

	vfmig_migration_options_init(&options);
	options.max_rounds = 2;
	options.downtime_ms = 1;
	options.unconverged = VFMIG_UNCONVERGED_SWITCH;
	CHECK(!vfmig_migration_new(VFMIG_ROLE_SOURCE, &options, &from, &err));
	CHECK(!vfmig_migration_new(VFMIG_ROLE_DESTINATION, NULL, &to, &err));
	for (int i = 0; i < 2; i++) {
		const char *id = i ? "b" : "a";

		CHECK(!vfmig_migration_add_device(from, id, here->setup[i].device, NULL, &err));
		CHECK(!vfmig_migration_add_device(to, id, there->setup[i].device, NULL, &err));
		vfmig_space_set_no_cpu_writes(here->setup[i].space);
		CHECK(!vfmig_migration_add_space(from, here->setup[i].space, &err));
		CHECK(!vfmig_migration_add_space(to, there->setup[i].space, &err));
	}
	ret = vfmig_migration_run_local(from, to, &err);
	vfmig_migration_get_result(from, &result);
	CHECKF(!ret, "%s", err.text);
	vfmig_migration_free(from);
	vfmig_migration_free(to);
}

int main(void)
{
	struct pair here, there;
	uint64_t word = 0, done;

	open_pair(&here, false);
	open_pair(&there, true);
	begin(&here.setup[0], 11);
	begin(&here.setup[1], 22);
	move(&here, &there);
	for (int i = 0; i < 2; i++) {
		struct setup *setup = &there.setup[i];

		setup_place_data(setup, RING);
		GOOD(setup, cp_adopt(&setup->driver, setup->device, setup->guest, SETUP_IOVA,
				     &setup->err));
		setup->driver.works_device = false;
	}
	done = setup_reg(&here.setup[0], CP_REG_SEQUENCE);
	printf("it moved when %llu of %u were done\n", (unsigned long long)done, RING);
	finish(&there.setup[0]);
	finish(&there.setup[1]);
	CHECK(board_is_right(&there.setup[0], 22));
	CHECK(board_is_right(&there.setup[1], 11));

	GOOD(&there.setup[0], vfmig_device_region_write(there.setup[0].device, CP_BAR_WINDOW, 800,
							&word, 8, &there.setup[0].err));
	CHECK(!board_is_right(&there.setup[0], 22));
	close_pair(&there);
	close_pair(&here);
	return 0;
}
