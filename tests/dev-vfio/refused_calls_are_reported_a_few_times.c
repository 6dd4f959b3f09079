/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A VMM that repeats a call that is refused gets its errno each time, and its user a few messages, not one for each call.
 */
#include "tests/dev-vfio/rig.h"

#define CALLS 20000u

static unsigned sentences;

static void count(void *context, const char *sentence)
{
	rig_say(context, sentence);
	sentences++;
}

int main(void)
{
	const struct dev_vfio_config config = {
		.devices = 1, .first = RIG_FIRST, .open = rig_open, .say = count};
	int container, group, device;

	CHECK(!dev_vfio_new(&config, &view, NULL));
	container = rig_container();
	group = rig_group(container, 0);
	rig_iommu(container);
	device = rig_device(group, 0);
	for (unsigned i = 0; i < CALLS; i++)
		CHECK_EQ(rig_go(device, VFMIG_STATE_ERROR), -EINVAL - 1000);
	/* One more for each second that this takes. */
	CHECKF(sentences >= 32 && sentences < CALLS / 10, "%u messages", sentences);
	CHECKF(strstr(rig_said, "state ERROR"), "%s", rig_said);
	rig_close(device);
	rig_close(group);
	rig_close(container);
	dev_vfio_free(view);
	return 0;
}
