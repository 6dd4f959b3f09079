/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vfmig save: devices go into a file.
 *
 * The file appears under its name when it is complete and on the disk, or not at all: what was there before is
 * kept until then.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "end.h"

static const char *output;

static const struct cli_option options[] = {
	{'o', "output", CLI_TEXT, &output, "FILE", "where to; - is standard output"},
	CLI_MEMORY_OPTION,
	CLI_START_OPTION,
	{0},
};

/*
 * @fd: what is written
 * @temporary: its name until it is complete, or NULL if it is written in place
 */
struct file {
	int fd;
	char *temporary;
};

static int open_file(struct file *file)
{
	struct stat st;
	mode_t mask;

	file->temporary = NULL;
	if (!strcmp(output, "-")) {
		file->fd = STDOUT_FILENO;
		return 0;
	}
	/* A pipe or a device cannot be replaced, and is written as it is. */
	if (!stat(output, &st) && !S_ISREG(st.st_mode)) {
		file->fd = open(output, O_WRONLY | O_CLOEXEC | O_NOCTTY);
		if (file->fd < 0)
			return cli_failf("%s: %s", output, strerror(errno));
		return 0;
	}
	if (asprintf(&file->temporary, "%s.XXXXXX", output) < 0) {
		file->temporary = NULL;
		return cli_failf("no memory for a file's name");
	}
	file->fd = mkostemp(file->temporary, O_CLOEXEC);
	if (file->fd < 0) {
		free(file->temporary);
		return cli_failf("%s: %s", output, strerror(errno));
	}
	mask = umask(0);
	umask(mask);
	fchmod(file->fd, 0666 & ~mask);
	return 0;
}

/* Put the file in its place, or away. */
static int close_file(struct file *file, bool keep)
{
	int ret = 0;

	if (file->fd == STDOUT_FILENO)
		return 0;
	if (keep && file->temporary && fsync(file->fd))
		ret = cli_failf("%s: %s", output, strerror(errno));
	if (close(file->fd) && keep && !ret)
		ret = cli_failf("%s: %s", output, strerror(errno));
	if (keep && !ret && file->temporary && rename(file->temporary, output))
		ret = cli_failf("%s: %s", output, strerror(errno));
	if (file->temporary && (!keep || ret))
		unlink(file->temporary);
	free(file->temporary);
	return ret;
}

static int save(struct cli_end *end)
{
	struct vfmig_error err = {0};
	struct file file;
	int ret = open_file(&file), code;

	if (ret)
		return ret;
	code = cli_signals_begin(cli_end_cancel, end);
	if (!code) {
		vfmig_migration_set_events(end->migration,
					   cli_progress_begin(end, VFMIG_ROLE_SOURCE));
		ret = vfmig_migration_run(end->migration, -1, file.fd, &err);
		cli_progress_end();
		cli_signals_end();
		if (ret)
			vfmig_err_at(&err, ret, "%s", output);
		code = cli_report(end, NULL, ret, &err);
	}
	ret = close_file(&file, !code);
	return code ? code : ret;
}

static int run(const struct cli_list *words)
{
	struct cli_end end;
	int ret;

	if (!output)
		return cli_usage("save needs -o FILE");
	if (!strcmp(output, "-")) {
		if (cli.json)
			return cli_usage("standard output cannot take both the file and --json");
		cli.quiet = true;
	}
	ret = cli_end_open(&end, VFMIG_ROLE_SOURCE, words->item, words->count, &cli.filters);
	if (!ret)
		ret = save(&end);
	cli_end_close(&end);
	return ret;
}

const struct cli_command cli_save = {
	.name = "save",
	.usage = "DEVICE... -o FILE",
	.summary = "Save devices to a file",
	.takes = CLI_TAKES_DEVICES | CLI_DRIVES | CLI_TAKES_JSON | CLI_MIGRATES,
	.words = {1, CLI_ANY},
	.text = "Afterwards the devices are in the file, and stay stopped where they were, so that they do\n"
		"not come to run twice; --run-on has them go on, and the file is a copy. The file appears when\n"
		"it is complete; if anything fails, there is none, and the devices run on.\n",
	.examples = "  vfmig save model:copier,size=16M -o copier.vfmig\n"
		    "  vfmig save vfio-user:/run/copier.sock -o copier.vfmig --run-on\n"
		    "  vfmig save vfio-user:/run/copier.sock -o - | zstd > copier.vfmig.zst\n",
	.options = options,
	.run = run,
};
