/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A VMM that repeats a call that is refused gets its errno each time, and its user a few messages, not one for each call.
 */
#include "tests/dev-vfio/setup.h"

#define CALLS 20000u

static unsigned sentences;

static void count(void *context, const char *sentence)
{
	setup_say(context, sentence);
	sentences++;
}

int main(void)
{
	const struct dev_vfio_config config = {
		.devices = 1, .first = SETUP_FIRST, .open = setup_open, .say = count};
	int container, group, device;

	CHECK(!dev_vfio_new(&config, &view, NULL));
	container = setup_container();
	group = setup_group(container, 0);
	setup_iommu(container);
	device = setup_device(group, 0);
	for (unsigned i = 0; i < CALLS; i++)
		CHECK_EQ(setup_go(device, VFMIG_STATE_ERROR), -EINVAL - 1000);
	/* One more for each second that this takes. */
	CHECKF(sentences >= 32 && sentences < CALLS / 10, "%u messages", sentences);
	CHECKF(strstr(setup_said, "state ERROR"), "%s", setup_said);
	setup_close(device);
	setup_close(group);
	setup_close(container);
	dev_vfio_free(view);
	return 0;
}
