/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vfmig save: save devices to a file.
 *
 * The file gets its name when it is complete and on the disk, or not at all. An older file of that
 * name is kept until then.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "endpoint.h"

static const char *output;

static const struct cli_option options[] = {
	{'o', "output", CLI_TEXT, &output, "FILE", "output file; - is standard output"},
	CLI_MEMORY_OPTION,
	CLI_START_OPTION,
	{0},
};

/*
 * @fd: the file
 * @temporary: its name until it is complete; NULL if it is written in place
 * @named: it already has that name, since the file system has no O_TMPFILE
 */
struct file {
	int fd;
	char *temporary;
	bool named;
};

static char *directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return strdup(".");
	return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

/*
 * Use O_TMPFILE, so that an abort leaves no file behind. Mode 0600, since the file has all of the
 * devices' data and memory.
 */
static int open_temporary(struct file *file)
{
	char *directory = directory_of(output);
	unsigned id;

	if (getrandom(&id, sizeof(id), 0) != sizeof(id))
		id = (unsigned)getpid();
	if (!directory || asprintf(&file->temporary, "%s.%08x", output, id) < 0) {
		free(directory);
		file->temporary = NULL;
		return cli_failf("no memory for a file name");
	}
	file->fd = access("/proc/self/fd", X_OK)
			   ? -1
			   : open(directory, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	file->named = file->fd < 0;
	if (file->named)
		file->fd = open(file->temporary, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	free(directory);
	if (file->fd >= 0)
		return 0;
	free(file->temporary);
	return cli_failf("%s: %s", output, strerror(errno));
}

static int open_file(struct file *file)
{
	struct stat st;

	*file = (struct file){.fd = STDOUT_FILENO};
	if (!strcmp(output, "-"))
		return 0;
	/* A pipe or a device node cannot be replaced, so write in place. */
	if (stat(output, &st) || S_ISREG(st.st_mode))
		return open_temporary(file);
	file->fd = open(output, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	if (file->fd < 0)
		return cli_failf("%s: %s", output, strerror(errno));
	return 0;
}

static int give_name(struct file *file)
{
	char link[64];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", file->fd);
	if (!file->named && linkat(AT_FDCWD, link, AT_FDCWD, file->temporary, AT_SYMLINK_FOLLOW))
		return -errno;
	file->named = true;
	return 0;
}

/* Write the new name to the disk. */
static int sync_directory(const struct file *file)
{
	char *directory = directory_of(output);
	int fd = directory ? open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	/* If the directory cannot be opened, sync its file system. */
	int ret = (fd < 0 ? syncfs(file->fd) : fsync(fd)) && errno != EINVAL ? -errno : 0;

	if (fd >= 0)
		close(fd);
	free(directory);
	return ret;
}

/*
 * Called when the file is complete and on the disk. The devices are given up when it has its name.
 * If that fails, they run on and the file stays as a copy.
 */
static int keep(void *context, struct vfmig_error *err)
{
	struct file *file = context;
	int ret;

	if (!file->temporary)
		return 0;
	ret = give_name(file);
	if (ret)
		return vfmig_err(err, ret, "link of the saved file: %s", strerror(-ret));
	ret = rename(file->temporary, output) ? -errno : 0;
	if (ret)
		vfmig_err(
			err, ret,
			"rename of %s: %s. The file is complete, but only a copy: the devices run on",
			file->temporary, strerror(-ret));
	else
		ret = sync_directory(file);
	if (ret && !err->code)
		vfmig_err(
			err, ret,
			"fsync of its directory: %s. The file is complete, but only a copy: the devices run on",
			strerror(-ret));
	free(file->temporary);
	file->temporary = NULL;
	return ret;
}

static void close_file(struct file *file)
{
	if (file->temporary && file->named)
		unlink(file->temporary);
	free(file->temporary);
	if (file->fd != STDOUT_FILENO)
		close(file->fd);
}

static int save(struct cli_endpoint *end)
{
	struct vfmig_migration_user user = {.keep = keep};
	struct vfmig_error err = {0};
	struct file file;
	int ret;

	cli_signals_hold();
	ret = open_file(&file);
	if (ret)
		return ret;
	ret = cli_signals_begin(cli_endpoint_cancel, end);
	if (!ret) {
		user.context = &file;
		vfmig_migration_set_user(end->migration, &user);
		vfmig_migration_set_events(end->migration,
					   cli_progress_begin(end, VFMIG_ROLE_SOURCE));
		ret = vfmig_migration_run(end->migration, -1, file.fd, &err);
		cli_progress_end();
		if (ret)
			vfmig_err_at(&err, ret, "%s", output);
		ret = cli_endpoint_report(end, NULL, ret, &err);
		cli_signals_end();
	}
	close_file(&file);
	return ret;
}

static int run(const struct cli_list *words)
{
	struct cli_endpoint end;
	int ret;

	if (!output)
		return cli_usage("save needs -o FILE");
	if (!strcmp(output, "-")) {
		if (cli.json)
			return cli_usage(
				"standard output cannot be used for both the file and --json");
		cli.quiet = true;
	}
	ret = cli_endpoint_open(&end, VFMIG_ROLE_SOURCE, words->item, words->count, &cli.filters);
	if (!ret)
		end.place = output;
	if (!ret)
		ret = save(&end);
	cli_endpoint_close(&end);
	return ret;
}

const struct cli_command cli_save = {
	.name = "save",
	.usage = "DEVICE... -o FILE",
	.summary = "Save devices to a file",
	.takes = CLI_TAKES_DEVICES | CLI_TAKES_PROTOCOL | CLI_TAKES_JSON | CLI_MIGRATES,
	.words = {1, CLI_ANY},
	.text = "Saves devices and leaves them stopped, so that no device runs twice. With --run-on the devices\n"
		"run on and the file is a copy. The file appears only when it is complete, with mode 0600. If the\n"
		"command fails, it creates no file and the devices run on.\n",
	.examples = "  vfmig save model:copier,size=16M -o copier.vfmig\n"
		    "  vfmig save vfio-user:/run/copier.sock -o copier.vfmig --run-on\n"
		    "  vfmig save vfio-user:/run/copier.sock -o - | zstd > copier.vfmig.zst\n",
	.options = options,
	.run = run,
};
