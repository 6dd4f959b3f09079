/* SPDX-License-Identifier: BSD-3-Clause */
/* Open devices by name, with the filters and time limit of the command line. */
#include <stdio.h>

#include <vfmig/open.h>

#include "cli.h"

struct timeout {
	uint64_t ms;
};

static const struct vfmig_option timeout_option[] = {
	{"timeout", VFMIG_OPTION_MSEC, offsetof(struct timeout, ms), NULL, "", 1, 86400000},
	{NULL},
};

int cli_timeout_ms(uint64_t *ms)
{
	struct vfmig_error err = {0};
	struct timeout timeout = {30000};
	char text[64];

	if (cli.timeout) {
		snprintf(text, sizeof(text), "timeout=%s", cli.timeout);
		if (vfmig_options_parse(timeout_option, text, &timeout, &err))
			return cli_usage("%s", err.text);
	}
	*ms = timeout.ms;
	return 0;
}

int cli_open(const char *name, const struct cli_list *filters, struct vfmig_device **device)
{
	struct vfmig_error err = {0};
	uint64_t ms = 0;
	int ret = cli_timeout_ms(&ms);

	if (ret)
		return ret;
	ret = vfmig_open_limited(name, filters->item, filters->count, ms, device, &err);
	return ret ? cli_fail(&err) : 0;
}

int cli_each_device(const struct cli_list *words,
		    int (*run)(struct vfmig_device *device, const char *name))
{
	struct vfmig_device *device;
	int ret = 0;

	for (size_t i = 0; !ret && i < words->count; i++) {
		ret = cli_open(words->item[i], &cli.filters, &device);
		if (ret)
			break;
		ret = run(device, words->item[i]);
		vfmig_device_close(device);
	}
	return ret;
}
