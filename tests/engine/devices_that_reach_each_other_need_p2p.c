/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Devices of one migration that have each other's regions mapped need peer-to-peer states, at each end where they
 * have; where they have not, a device with such states moves to one without, as it may be of another revision.
 */
#include "tests/engine/rig.h"

#define WINDOW 0x8000000ull

struct one {
	const char *there, *here;
	bool reach_there, reach_here;
	const char *says; /* NULL: it moves */
};

static void reach(struct rig_end *end)
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

	CARD_OK(vfmig_device_get_region_info(end->card[0], 2, &region, &card_err));
	map.size = region.size;
	CARD_OK(vfmig_space_map(end->space, &map, &card_err));
}

static void unreach(struct rig_end *end)
{
	struct vfmig_region region;

	CARD_OK(vfmig_device_get_region_info(end->card[0], 2, &region, &card_err));
	CARD_OK(vfmig_space_unmap(end->space, WINDOW, region.size, &card_err));
}

static void run(const struct one *one)
{
	struct rig rig;

	rig_end_init(&rig.from, 2, one->there, RIG_MEMORY);
	rig_end_init(&rig.to, 2, one->here, RIG_MEMORY);
	if (one->reach_there)
		reach(&rig.from);
	if (one->reach_here)
		reach(&rig.to);
	rig_work(&rig.from);
	rig_ready(&rig);
	rig_run(&rig);
	if (one->says) {
		CHECKF(strstr(rig.from.err.text, one->says), "'%s' is not in '%s'", one->says,
		       rig.from.err.text);
		CHECK(!rig_find(&rig.from, "\"arc\""));
		CHECK(!rig_find(&rig.to, "\"arc\""));
		rig_stayed(&rig);
	} else {
		CHECKF(!rig.from.ret, "%s", rig.from.err.text);
		rig_moved(&rig);
	}
	if (one->reach_there)
		unreach(&rig.from);
	if (one->reach_here)
		unreach(&rig.to);
	rig_free(&rig);
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
