/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Names of devices and filters, as a user may have typed them: the first line is a device, each other one a
 * filter. What can be opened must answer; what cannot must say why, in one line.
 */
#include <vfmig/open.h>

#include "fuzz/property.h"

#define LINES 8

/* A trace writes to files, and a source goes looking for others. */
static int harmless(const char *device, char *const *filter, size_t filters)
{
	if (strncmp(device, "model:", 6) && strchr(device, ':'))
		return 0;
	for (size_t i = 0; i < filters; i++)
		if (!strncmp(filter[i], "trace", 5))
			return 0;
	return 1;
}

static void use(struct vfmig_device *device)
{
	struct vfmig_feature_mig_state state = {VFMIG_STATE_STOP, -1};
	struct vfmig_device_info info;

	vfmig_device_set_timeout(device, 1);
	vfmig_device_get_info(device, &info, NULL);
	vfmig_device_call_feature(device, VFMIG_FEATURE_SET | VFMIG_FEATURE_MIG_STATE, &state,
				  sizeof(state), NULL);
	vfmig_device_reset(device, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vfmig_device *device = NULL;
	struct vfmig_error err = {0};
	char text[513], *line[LINES], *rest = text;
	size_t lines = 0;
	int ret;

	if (size >= sizeof(text))
		return 0;
	memcpy(text, data, size);
	text[size] = 0;
	while (lines < LINES && (line[lines] = strsep(&rest, "\n")))
		lines++;
	if (!harmless(line[0], line + 1, lines - 1))
		return 0;
	ret = vfmig_open_filtered(line[0], (const char *const *)line + 1, lines - 1, &device, &err);
	if (ret) {
		HOLDS(ret < 0 && !device && err.code && err.text[0] && !strchr(err.text, '\n'));
		return 0;
	}
	use(device);
	vfmig_device_close(device);
	return 0;
}
