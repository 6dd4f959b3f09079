/* SPDX-License-Identifier: BSD-3-Clause */
/* vfmig load: load devices from a file. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "endpoint.h"

static const struct cli_option options[] = {
	CLI_MEMORY_OPTION,
	{0},
};

static int load(struct cli_endpoint *end, const char *file)
{
	struct vfmig_error err = {0};
	bool standard = !strcmp(file, "-");
	int fd = standard ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return cli_failf("%s: %s", file, strerror(errno));
	ret = cli_signals_begin(cli_endpoint_cancel, end);
	if (!ret) {
		vfmig_migration_set_events(end->migration,
					   cli_progress_begin(end, VFMIG_ROLE_DESTINATION));
		ret = vfmig_migration_run(end->migration, fd, -1, &err);
		cli_progress_end();
		if (ret)
			vfmig_err_at(&err, ret, "%s", standard ? "standard input" : file);
		ret = cli_endpoint_report(end, NULL, ret, &err);
		cli_signals_end();
	}
	if (!standard)
		close(fd);
	return ret;
}

static int run(const struct cli_list *words)
{
	struct cli_endpoint end;
	int ret = cli_endpoint_open(&end, VFMIG_ROLE_DESTINATION, words->item + 1, words->count - 1,
				    &cli.filters);

	if (!ret)
		ret = load(&end, words->item[0]);
	cli_endpoint_close(&end);
	return ret;
}

const struct cli_command cli_load = {
	.name = "load",
	.usage = "FILE DEVICE...",
	.summary = "Load devices from a file",
	.takes = CLI_TAKES_DEVICES | CLI_TAKES_PROTOCOL | CLI_TAKES_JSON | CLI_MIGRATES,
	.words = {2, CLI_ANY},
	.text = "Loads devices from a file that vfmig save wrote. Checks all of the file before a device runs. If\n"
		"the file is damaged or does not match, resets the devices and prints the offset and the reason.\n"
		"FILE may be - for standard input. Name the devices in the order or by the IDs that they were\n"
		"saved with, and use the same --memory.\n",
	.examples = "  vfmig load copier.vfmig vfio-user:/run/copier.sock\n"
		    "  vfmig load copier.vfmig model:copier\n"
		    "      a test load: the device exists only until the command ends\n",
	.options = options,
	.run = run,
};
