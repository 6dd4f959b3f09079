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
#include <sys/random.h>
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
 * @temporary: the name that it has, or will have, until it is complete; NULL if it is written in place
 * @named: it has that name already: not every file system has files without one
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
 * A file without a name, as an abort leaves nothing of it behind. It holds what devices and memory hold, so that it is
 * for its owner alone.
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
		return cli_failf("no memory for a file's name");
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
	/* A pipe or a device cannot be replaced, and is written as it is. */
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

/* The new name is on the disk, too. */
static int sync_directory(const struct file *file)
{
	char *directory = directory_of(output);
	int fd = directory ? open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	/* A directory that may not be read is reached by way of its file system. */
	int ret = (fd < 0 ? syncfs(file->fd) : fsync(fd)) && errno != EINVAL ? -errno : 0;

	if (fd >= 0)
		close(fd);
	free(directory);
	return ret;
}

/*
 * The file is complete and on the disk; its devices are given up when it has its name. Where that fails, they run on,
 * and the file stays, as a copy of them.
 */
static int keep(void *context, struct vfmig_error *err)
{
	struct file *file = context;
	int ret;

	if (!file->temporary)
		return 0;
	ret = give_name(file);
	if (ret)
		return vfmig_err(err, ret, "the saved state cannot be given a name: %s",
				 strerror(-ret));
	ret = rename(file->temporary, output) ? -errno : 0;
	if (ret)
		vfmig_err(
			err, ret,
			"%s cannot be renamed: %s. It is complete, but a copy: the devices run on",
			file->temporary, strerror(-ret));
	else
		ret = sync_directory(file);
	if (ret && !err->code)
		vfmig_err(err, ret,
			  "its directory cannot be written to the disk: %s. The file is complete, "
			  "but a copy: the devices run on",
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

static int save(struct cli_end *end)
{
	struct vfmig_migration_user user = {.keep = keep};
	struct vfmig_error err = {0};
	struct file file;
	int ret;

	cli_signals_hold();
	ret = open_file(&file);
	if (ret)
		return ret;
	ret = cli_signals_begin(cli_end_cancel, end);
	if (!ret) {
		user.context = &file;
		vfmig_migration_set_user(end->migration, &user);
		vfmig_migration_set_events(end->migration,
					   cli_progress_begin(end, VFMIG_ROLE_SOURCE));
		ret = vfmig_migration_run(end->migration, -1, file.fd, &err);
		cli_progress_end();
		if (ret)
			vfmig_err_at(&err, ret, "%s", output);
		ret = cli_report(end, NULL, ret, &err);
		cli_signals_end();
	}
	close_file(&file);
	return ret;
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
		end.place = output;
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
		"it is complete, for its owner alone (mode 0600); if anything fails, there is none, and the\n"
		"devices run on.\n",
	.examples = "  vfmig save model:copier,size=16M -o copier.vfmig\n"
		    "  vfmig save vfio-user:/run/copier.sock -o copier.vfmig --run-on\n"
		    "  vfmig save vfio-user:/run/copier.sock -o - | zstd > copier.vfmig.zst\n",
	.options = options,
	.run = run,
};
