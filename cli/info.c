/* SPDX-License-Identifier: BSD-3-Clause */
/* vfmig info: print the properties of a device. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <vfmig/session.h>

#include "cli.h"
#include "describe.h"
#include "history.h"

static bool iommu;

static const struct cli_option options[] = {
	{0, "iommu", CLI_FLAG, &iommu, NULL,
	 "also print the properties of a container; attaches the device to it for that time"},
	{0},
};

static const char *const states[] = {"STOP_COPY", "P2P", "PRE_COPY"};

/* List the features that the device has. */
static void features(struct vfmig_device *device, char *out, size_t size)
{
	size_t used = 0;

	out[0] = 0;
	for (uint32_t i = 0; i < VFMIG_FEATURE_COUNT && used < size; i++)
		if (!vfmig_device_call_feature(device, VFMIG_FEATURE_PROBE | i, NULL, 0, NULL))
			used += (size_t)snprintf(out + used, size - used, "%s%s", used ? " " : "",
						 vfmig_feature_name(i));
}

/* Print nothing for a device that runs and whose server keeps no history. */
static void print_history(const struct cli_history *past)
{
	char text[CLI_MESSAGE];

	if (cli_history_runs(past) && past->history.past == VFMIG_HISTORY_UNKNOWN)
		return;
	printf("    history    ");
	cli_wrap(cli_history_text(past, text), 15, 100);
	if (!*cli_history_next(past, text))
		return;
	printf("    next       ");
	cli_wrap(text, 15, 100);
}

static int print_session(struct vfmig_session *session, const char *name, const char *probed)
{
	char flags[64], size[CLI_NUMBER] = "";
	struct cli_history past;
	struct vfmig_error err = {0};
	uint64_t bytes = 0;
	int ret = cli_history_read(session, name, &past), sized;

	if (ret)
		return ret;
	sized = vfmig_session_get_data_size(session, &bytes, &err);
	/* Not an error: some devices do not report the size. */
	if (sized && sized != -ENOTTY && sized != -EOPNOTSUPP)
		return cli_fail(&err);
	describe_words(vfmig_session_flags(session), states, 3, flags, sizeof(flags));
	if (cli.json) {
		vfmig_event(&cli_json_events, "migration",
			    VFMIG_TEXT("protocol", vfmig_session_protocol(session)),
			    VFMIG_TEXT("flags", flags),
			    VFMIG_TEXT("state", vfmig_state_name(past.state)),
			    VFMIG_TEXT("history", vfmig_history_name(past.history.past)),
			    VFMIG_U64("since", past.history.since),
			    VFMIG_TEXT("moved_to", past.history.where),
			    VFMIG_TEXT("features", probed),
			    sized ? VFMIG_TEXT("data_bytes", "unknown")
				  : VFMIG_U64("data_bytes", bytes));
		return 0;
	}
	printf("\n  Migration    %s with %s; the device is in %s\n",
	       vfmig_session_protocol(session), flags, vfmig_state_name(past.state));
	printf("    data       %s\n", sized ? "size not reported" : cli_bytes(size, bytes));
	printf("    features   ");
	cli_wrap(*probed ? probed : "none", 15, 100);
	print_history(&past);
	return 0;
}

static int print_migration(struct vfmig_device *device, const char *name)
{
	struct vfmig_error err = {0};
	struct vfmig_session *session;
	char probed[512];
	int ret;

	features(device, probed, sizeof(probed));
	ret = vfmig_session_open(device, cli.protocol, &session, &err);
	if (ret == -EOPNOTSUPP && !cli.protocol) {
		if (cli.json)
			vfmig_event(&cli_json_events, "migration", VFMIG_TEXT("protocol", "none"),
				    VFMIG_TEXT("message", err.text));
		else
			printf("\n  Migration    none: %s\n", err.text);
		return 0;
	}
	if (ret)
		return cli_fail(&err);
	ret = print_session(session, name, probed);
	vfmig_session_close(session);
	return ret;
}

static int print_device(struct vfmig_device *device, const char *name)
{
	struct vfmig_device_details about;
	struct vfmig_error err = {0};
	int ret;

	if (vfmig_device_get_details(device, &about, &err))
		return cli_fail(&err);
	ret = describe_device(device, &about);
	if (!ret)
		ret = describe_regions(device, &about);
	if (!ret)
		ret = describe_irqs(device, &about);
	if (!ret)
		ret = print_migration(device, name);
	if (!ret && iommu)
		ret = describe_iommu(device);
	return ret;
}

static int run(const struct cli_list *words)
{
	return cli_each_device(words, print_device);
}

const struct cli_command cli_info = {
	.name = "info",
	.usage = "DEVICE",
	.summary = "Print the properties of a device",
	.takes = CLI_TAKES_DEVICES | CLI_TAKES_PROTOCOL | CLI_TAKES_JSON,
	.words = {1, 1},
	.text = "Prints the kind and capabilities of a device, its regions with types and mappable areas, its\n"
		"interrupts, its migration protocol, states, data size and history. Changes nothing in the\n"
		"device. A vfio-user server stops its device when the client disconnects, so afterwards the\n"
		"device stays stopped until the next client starts or resets it.\n",
	.examples = "  vfmig info model:copier,size=64M\n"
		    "  vfmig info vfio-user:/run/copier.sock --json\n"
		    "  vfmig info model:lookalike,as=ccw\n"
		    "      a subchannel of s390\n",
	.options = options,
	.run = run,
};
