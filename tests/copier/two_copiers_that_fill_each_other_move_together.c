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

#include "rig.h"

#define PEER  0x800000000ull
#define BOARD (1u << 20)
#define RING  256u
#define GUEST (2u << 20)

/* Both copiers of one side. */
struct pair {
	struct rig rig[2];
};

static void open_pair(struct pair *pair, bool bare)
{
	/* Behind sockets they reach each other by descriptor. */
	const char *options = getenv("RIG_REMOTE") ? "size=1M,window=mapped" : "size=1M";

	for (int i = 0; i < 2; i++) {
		if (bare)
			rig_open_bare(&pair->rig[i], &vfmig_model_copier, options, GUEST);
		else
			rig_open(&pair->rig[i], options, GUEST, RING);
	}
	/* First: who is to be reached is asked how. */
	for (int i = 0; i < 2; i++) {
		pair->rig[i].driver.works_device = false;
		GOOD(&pair->rig[i], vfmig_device_start(pair->rig[i].device, &pair->rig[i].err));
	}
	rig_meet(&pair->rig[0], &pair->rig[1], PEER, BOARD);
	rig_meet(&pair->rig[1], &pair->rig[0], PEER, BOARD);
}

static void close_pair(struct pair *pair)
{
	/* Neither may reach the other any more when that goes. */
	for (int i = 0; i < 2; i++)
		GOOD(&pair->rig[i],
		     vfmig_space_unmap(pair->rig[i].space, PEER, BOARD, &pair->rig[i].err));
	for (int i = 0; i < 2; i++) {
		vfmig_device_stop(pair->rig[i].device);
		rig_close(&pair->rig[i]);
	}
}

/* A ring full of ADDs, one like the other: noise is added to all of the peer's board. */
static void begin(struct rig *rig, uint64_t seed)
{
	rig_noise(rig->data, BOARD, seed);
	for (unsigned i = 0; i < RING; i++)
		rig_put(rig, (struct cp_descriptor){.operation = CP_ADD,
						    .source = rig->data_iova,
						    .destination = PEER,
						    .length = BOARD});
	GOOD(rig, cp_ring(&rig->driver, &rig->err));
}

static void finish(struct rig *rig)
{
	struct cp_completion c;

	while (rig->driver.queue->completed < RING) {
		/* Asking the device orders what it wrote before what we read. */
		uint64_t sequence = rig_reg(rig, CP_REG_SEQUENCE);

		while (rig->driver.queue->completed < sequence) {
			CHECK(cp_take(&rig->driver, &c));
			CHECK_EQ(c.status, CP_OK);
		}
	}
	CHECK_EQ(rig_reg(rig, CP_REG_ADDS), RING);
}

static bool board_is_right(struct rig *rig, uint64_t peers_seed)
{
	static uint64_t noise[BOARD / 8], board[BOARD / 8];

	rig_noise(noise, BOARD, peers_seed);
	GOOD(rig, vfmig_device_region_read(rig->device, CP_BAR_WINDOW, 0, board, BOARD, &rig->err));
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

		CHECK(!vfmig_migration_add_device(from, id, here->rig[i].device, NULL, &err));
		CHECK(!vfmig_migration_add_device(to, id, there->rig[i].device, NULL, &err));
		vfmig_space_only_devices_write(here->rig[i].space);
		CHECK(!vfmig_migration_add_space(from, here->rig[i].space, &err));
		CHECK(!vfmig_migration_add_space(to, there->rig[i].space, &err));
	}
	ret = vfmig_migrate_local(from, to, &err);
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
	begin(&here.rig[0], 11);
	begin(&here.rig[1], 22);
	move(&here, &there);
	for (int i = 0; i < 2; i++) {
		struct rig *rig = &there.rig[i];

		rig_place_data(rig, RING);
		GOOD(rig, cp_adopt(&rig->driver, rig->device, rig->guest, RIG_IOVA, &rig->err));
		rig->driver.works_device = false;
	}
	done = rig_reg(&here.rig[0], CP_REG_SEQUENCE);
	printf("it moved when %llu of %u were done\n", (unsigned long long)done, RING);
	finish(&there.rig[0]);
	finish(&there.rig[1]);
	CHECK(board_is_right(&there.rig[0], 22));
	CHECK(board_is_right(&there.rig[1], 11));

	GOOD(&there.rig[0], vfmig_device_region_write(there.rig[0].device, CP_BAR_WINDOW, 800,
						      &word, 8, &there.rig[0].err));
	CHECK(!board_is_right(&there.rig[0], 22));
	close_pair(&there);
	close_pair(&here);
	return 0;
}
