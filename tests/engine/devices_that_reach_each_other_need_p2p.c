/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Devices of one migration that have each other's regions mapped need peer-to-peer states, at each end where they
 * have; where they have not, a device with such states moves to one without, as it may be of another revision.
 */
#include "tests/lib/migration_pair.h"

#define WINDOW 0x8000000ull

struct one {
	const char *there, *here;
	bool reach_there, reach_here;
	const char *says; /* NULL: it moves */
};

static void reach(struct migration_pair_end *end)
{
	struct vfmig_region region;
	struct vfmig_map map = {
		.iova = WINDOW,
		.prot = VFMIG_PROT_READ | VFMIG_PROT_WRITE,
		.kind = VFMIG_MAP_REGION,
		.fd = -1,
		.device = end->card[0],
		.region = 2,
	};

	CHECK_OK(vfmig_device_get_region_info(end->card[0], 2, &region, &test_err));
	map.size = region.size;
	CHECK_OK(vfmig_space_map(end->space, &map, &test_err));
}

static void unreach(struct migration_pair_end *end)
{
	struct vfmig_region region;

	CHECK_OK(vfmig_device_get_region_info(end->card[0], 2, &region, &test_err));
	CHECK_OK(vfmig_space_unmap(end->space, WINDOW, region.size, &test_err));
}

static void run(const struct one *one)
{
	struct migration_pair pair;

	migration_pair_end_init(&pair.from, 2, one->there, MIGRATION_PAIR_MEMORY);
	migration_pair_end_init(&pair.to, 2, one->here, MIGRATION_PAIR_MEMORY);
	if (one->reach_there)
		reach(&pair.from);
	if (one->reach_here)
		reach(&pair.to);
	migration_pair_work(&pair.from);
	migration_pair_ready(&pair);
	migration_pair_run(&pair);
	if (one->says) {
		CHECKF(strstr(pair.from.err.text, one->says), "'%s' is not in '%s'", one->says,
		       pair.from.err.text);
		CHECK(!migration_pair_find(&pair.from, "\"arc\""));
		CHECK(!migration_pair_find(&pair.to, "\"arc\""));
		migration_pair_stayed(&pair);
	} else {
		CHECKF(!pair.from.ret, "%s", pair.from.err.text);
		migration_pair_moved(&pair);
	}
	if (one->reach_there)
		unreach(&pair.from);
	if (one->reach_here)
		unreach(&pair.to);
	migration_pair_free(&pair);
}

int main(void)
{
	static const struct one all[] = {
		{"migration=all", "migration=all", true, true, NULL},
		{"migration=all", "migration=pre_copy", false, false, NULL},
		{"migration=all", "protocol=v1", false, false, NULL},
		{"protocol=v1", "migration=all", false, false, NULL},
		{"migration=all", "migration=pre_copy", true, false, NULL},
		{"migration=all", "migration=pre_copy", true, true,
		 "the destination refuses: device card0: has no P2P states"},
		{"migration=all", "protocol=v1", true, true,
		 "the destination refuses: device card0: has no P2P states"},
		{"migration=pre_copy", "migration=all", true, true,
		 "device card0: has no P2P states"},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		run(&all[i]);
	return 0;
}
