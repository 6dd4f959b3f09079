/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A source refuses a space with memory if nothing tells what the CPU writes there: the devices' own logs, or a
 * tracker that speaks for a device, do not. The sentence names the calls. It takes one with a tracker, one of which
 * the caller says that only devices write, one without memory; and with untracked, all at the stop.
 */
#include "tests/lib/migration_pair.h"

static int read_clear(void *context, uint64_t iova, uint64_t size, struct vfmig_dirty *into,
		      struct vfmig_error *err)
{
	return 0;
}

enum how { NOTHING, FOR_A_DEVICE, TRACKER, ONLY_DEVICES, NO_MEMORY, UNTRACKED };

static struct vfmig_space *space_of(enum how how)
{
	struct vfmig_space *space = vfmig_space_new();

	CHECK(space);
	if (how == ONLY_DEVICES)
		vfmig_space_set_no_cpu_writes(space);
	return space;
}

static void one(enum how how, int ret)
{
	struct vfmig_device *card = test_device_open("memory=64K"),
			    *other = test_device_open("memory=64K");
	struct vfmig_tracker tracker = {.name = "mine", .read_clear = read_clear};
	struct vfmig_space *from = space_of(how), *to = space_of(how);
	struct vfmig_migration_options options;
	struct vfmig_migration *source, *destination;
	struct vfmig_migration_result result;
	uint8_t *here = NULL, *there = NULL;
	struct vfmig_error err = {0};

	vfmig_migration_options_init(&options);
	options.downtime_ms = 60000;
	options.untracked = how == UNTRACKED;
	if (how != NO_MEMORY) {
		here = test_device_memory(from, MIGRATION_PAIR_IOVA, MIGRATION_PAIR_MEMORY);
		there = test_device_memory(to, MIGRATION_PAIR_IOVA, MIGRATION_PAIR_MEMORY);
		memset(here, 0x33, MIGRATION_PAIR_MEMORY);
	}
	tracker.device = how == FOR_A_DEVICE ? card : NULL;
	if (how == TRACKER || how == FOR_A_DEVICE)
		CHECK(!vfmig_space_add_tracker(from, &tracker, &err));
	CHECK_OK(vfmig_space_attach(from, card, &test_err));
	CHECK_OK(vfmig_space_attach(to, other, &test_err));
	CHECK_OK(vfmig_migration_new(VFMIG_ROLE_SOURCE, &options, &source, &test_err));
	CHECK_OK(vfmig_migration_new(VFMIG_ROLE_DESTINATION, NULL, &destination, &test_err));
	CHECK_OK(vfmig_migration_add_device(source, "card", card, NULL, &test_err));
	CHECK_OK(vfmig_migration_add_device(destination, "card", other, NULL, &test_err));
	CHECK_OK(vfmig_migration_add_space(source, from, &test_err));
	CHECK_OK(vfmig_migration_add_space(destination, to, &test_err));
	CHECKF(vfmig_migration_run_local(source, destination, &err) == ret, "%d: %s", how,
	       err.text);
	vfmig_migration_get_result(source, &result);
	CHECK_EQ(result.running, ret != 0);
	if (ret) {
		CHECKF(strstr(err.text, "vfmig_space_add_tracker()") &&
			       strstr(err.text, "vfmig_space_set_no_cpu_writes()"),
		       "%s", err.text);
	} else if (here) {
		CHECK(!memcmp(here, there, MIGRATION_PAIR_MEMORY));
	}
	vfmig_migration_free(source);
	vfmig_migration_free(destination);
	vfmig_device_close(card);
	vfmig_device_close(other);
	vfmig_space_free(from);
	vfmig_space_free(to);
	if (here)
		munmap(here, MIGRATION_PAIR_MEMORY);
	if (there)
		munmap(there, MIGRATION_PAIR_MEMORY);
}

int main(void)
{
	one(NOTHING, -EOPNOTSUPP);
	one(FOR_A_DEVICE, -EOPNOTSUPP);
	one(TRACKER, 0);
	one(ONLY_DEVICES, 0);
	one(NO_MEMORY, 0);
	one(UNTRACKED, 0);
	return 0;
}
