/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vfmig exec: run a VMM with devices exposed as /dev/vfio.
 *
 * Creates a directory like those in sysfs for each device, and a list of devices for the preloaded
 * library. Then runs the command, waits for it and cleans up. The devices live in the VMM's
 * process.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vfmig/open.h>

#include "cli.h"

/* The library's limit of devices. Their numbers start above those that the kernel uses. */
#define DEVICES_MAX 16
#define FIRST_GROUP 9000u
#define MAJOR	    511u
#define PRELOAD	    "libvfmig-preload.so"

static struct {
	struct cli_list devices;
	const char *folder, *preload;
	bool print;
} opt;

static const struct cli_option options[] = {
	{'d', "device", CLI_LIST, &opt.devices, "DEVICE",
	 "expose this device to COMMAND; may be repeated"},
	{0, "folder", CLI_TEXT, &opt.folder, "DIR",
	 "create the devices' directories here (DIR/vfmig0, ...), not in a new directory; removed at the end"},
	{0, "preload", CLI_TEXT, &opt.preload, "FILE",
	 "path of " PRELOAD "; default: beside this program, or where it was installed"},
	{0},
};

/* ---- the directory ---- */

/*
 * @made: this program created it
 * @devices: number of device directories created so far
 * @alive: the writing end of a FIFO in it; the VMM ends when all writers have closed it
 * (preload_list.c)
 * @keeper, @keeper_pid: the process that removes the directory when the pipe @keeper is closed
 */
struct folder {
	char path[512];
	bool made;
	unsigned devices;
	int alive, keeper;
	pid_t keeper_pid;
};

static bool put(const char *path, const char *fmt, unsigned a, unsigned b)
{
	FILE *file = fopen(path, "we");
	bool fine = file && fprintf(file, fmt, a, b) > 0;

	if (file && fclose(file))
		fine = false;
	return fine;
}

static bool fill_device(const char *folder, unsigned n)
{
	unsigned number = FIRST_GROUP + n;
	char path[640], link[64];

	snprintf(path, sizeof(path), "%s/vfmig%u/iommu_group", folder, n);
	snprintf(link, sizeof(link), "../iommu_groups/%u", number);
	if (symlink(link, path))
		return false;
	snprintf(path, sizeof(path), "%s/vfmig%u/vfio-dev", folder, n);
	if (mkdir(path, 0755))
		return false;
	snprintf(path, sizeof(path), "%s/vfmig%u/vfio-dev/vfio%u", folder, n, number);
	if (mkdir(path, 0755))
		return false;
	snprintf(path, sizeof(path), "%s/vfmig%u/vfio-dev/vfio%u/dev", folder, n, number);
	return put(path, "%u:%u\n", MAJOR, number);
}

static void remove_device(const char *folder, unsigned n)
{
	static const char *const parts[] = {"vfio-dev/vfio%u/dev", "vfio-dev/vfio%u", "vfio-dev",
					    "iommu_group", ""};
	char path[640], part[64];

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(part, sizeof(part), parts[i], FIRST_GROUP + n);
#pragma GCC diagnostic pop
		snprintf(path, sizeof(path), "%s/vfmig%u/%s", folder, n, part);
		if (unlink(path))
			rmdir(path);
	}
}

static bool make_device(struct folder *folder, unsigned n)
{
	char path[640];

	snprintf(path, sizeof(path), "%s/vfmig%u", folder->path, n);
	if (mkdir(path, 0755))
		return false;
	folder->devices = n + 1;
	return fill_device(folder->path, n);
}

/* Remove what this program created. Other files in an existing directory stay. */
static void remove_folder(const struct folder *folder)
{
	static const char *const files[] = {"devices", "alive"};
	char path[640];

	for (unsigned n = 0; n < folder->devices; n++)
		remove_device(folder->path, n);
	for (size_t i = 0; i < 2 && folder->devices; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder->path, files[i]);
		unlink(path);
	}
	if (folder->made)
		rmdir(folder->path);
}

/* N:FILTER is a filter for device N only. */
static const char *filter_for(const char *filter, unsigned n)
{
	char *rest;
	unsigned long which;

	if (*filter < '0' || *filter > '9')
		return filter;
	which = strtoul(filter, &rest, 10);
	return *rest == ':' && which == n ? rest + 1 : NULL;
}

static bool write_list(const char *folder, uint64_t timeout)
{
	char path[640];
	FILE *file;
	const char *filter;

	snprintf(path, sizeof(path), "%s/devices", folder);
	file = fopen(path, "we");
	if (!file)
		return false;
	fprintf(file, "first %u\n", FIRST_GROUP);
	fprintf(file, "timeout %llu\n", (unsigned long long)timeout);
	for (unsigned n = 0; n < opt.devices.count; n++) {
		fprintf(file, "device %s\n", opt.devices.item[n]);
		for (size_t i = 0; i < cli.filters.count; i++) {
			filter = filter_for(cli.filters.item[i], n);
			if (filter)
				fprintf(file, "filter %s\n", filter);
		}
	}
	return !fclose(file);
}

static bool make_alive(struct folder *folder)
{
	char path[640];

	snprintf(path, sizeof(path), "%s/alive", folder->path);
	/*
	 * Open for reading and writing, so that the open does not wait for the VMM, which may run
	 * as another user.
	 */
	if (mkfifo(path, 0600) || chmod(path, 0644))
		return false;
	folder->alive = open(path, O_RDWR | O_CLOEXEC);
	return folder->alive >= 0;
}

/* A second process removes the directory when this program ends, even by SIGKILL. */
static bool keep(struct folder *folder)
{
	int pipe[2];
	char byte;

	if (pipe2(pipe, O_CLOEXEC))
		return false;
	folder->keeper = pipe[1];
	folder->keeper_pid = fork();
	if (folder->keeper_pid) {
		close(pipe[0]);
		return folder->keeper_pid > 0;
	}
	/*
	 * Leave the terminal's process group, and close descriptors whose readers wait for the end.
	 */
	setsid();
	if (dup2(pipe[0], 0) || close_range(1, ~0u, 0))
		_exit(CLI_FAILED);
	while (read(0, &byte, 1) < 0 && errno == EINTR)
		;
	remove_folder(folder);
	_exit(0);
}

static void give_up(struct folder *folder)
{
	close(folder->keeper);
	while (waitpid(folder->keeper_pid, NULL, 0) < 0 && errno == EINTR)
		;
	close(folder->alive);
}

static int make_folder(struct folder *folder, uint64_t timeout)
{
	const char *tmp = getenv("TMPDIR");
	bool fine = true;

	if (opt.folder) {
		snprintf(folder->path, sizeof(folder->path), "%s", opt.folder);
		folder->made = !mkdir(folder->path, 0700);
		if (!folder->made && errno != EEXIST)
			return cli_failf("cannot create %s: %s", folder->path, strerror(errno));
	} else {
		snprintf(folder->path, sizeof(folder->path), "%s/vfmig-XXXXXX",
			 tmp && *tmp ? tmp : "/tmp");
		folder->made = mkdtemp(folder->path) != NULL;
		if (!folder->made)
			return cli_failf("cannot create %s: %s", folder->path, strerror(errno));
	}
	for (unsigned n = 0; n < opt.devices.count && fine; n++)
		fine = make_device(folder, n);
	if (fine && write_list(folder->path, timeout) && make_alive(folder) && keep(folder))
		return 0;
	cli_failf("cannot create the devices' directories in %s: %s%s", folder->path,
		  strerror(errno), opt.folder ? " (is another vfmig exec using it?)" : "");
	remove_folder(folder);
	return CLI_FAILED;
}

/* ---- the library ---- */

static int find_library(char *path, size_t size)
{
	char self[512];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (opt.preload) {
		if (!realpath(opt.preload, self))
			return cli_failf("%s: %s", opt.preload, strerror(errno));
		snprintf(path, size, "%s", self);
		return 0;
	}
	self[n < 0 ? 0 : n] = 0;
	slash = strrchr(self, '/');
	if (slash)
		*slash = 0;
	snprintf(path, size, "%s/%s", self, PRELOAD);
	if (access(path, R_OK))
		snprintf(path, size, "%s/%s", VFMIG_LIBDIR, PRELOAD);
	if (access(path, R_OK))
		return cli_failf("%s was not found in %s or %s; set its path with --preload",
				 PRELOAD, self, VFMIG_LIBDIR);
	return 0;
}

/* ---- the command ---- */

/*
 * Replace {0} in an argument with the directory of the first device, {1} with that of the second.
 */
static char *fill_in(const char *arg, const char *folder, bool *named)
{
	char *out = NULL;
	size_t len = 0;
	FILE *file = open_memstream(&out, &len);

	if (!file)
		return NULL;
	for (; *arg; arg++) {
		unsigned n = (unsigned)(arg[0] == '{' ? arg[1] - '0' : 10);

		if (n <= 9 && arg[2] == '}' && n < opt.devices.count) {
			fprintf(file, "%s/vfmig%u", folder, n);
			*named = true;
			arg += 2;
		} else {
			fputc(*arg, file);
		}
	}
	return fclose(file) ? NULL : out;
}

static void tell(const char *folder)
{
	for (unsigned n = 0; n < opt.devices.count; n++)
		fprintf(stderr, "vfmig: for %s use: -device vfio-pci,sysfsdev=%s/vfmig%u\n",
			opt.devices.item[n], folder, n);
}

/*
 * Signals that end this program. They are blocked while the directory exists and the command that
 * they are forwarded to does not.
 */
static void hold_signals(bool hold)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

static int run_command(char **argv, const char *folder, const char *library, pid_t parent)
{
	const char *others = getenv("LD_PRELOAD");
	char preload[1100];

	snprintf(preload, sizeof(preload), "%s%s%s", library, others && *others ? ":" : "",
		 others ? others : "");
	/* If this program is killed, the keeper cleans up, and the VMM is killed too. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		return CLI_FAILED;
	if (setenv("LD_PRELOAD", preload, 1) || setenv("VFMIG_EXEC", folder, 1))
		return CLI_FAILED;
	signal(SIGPIPE, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	hold_signals(false);
	execvp(argv[0], argv);
	fprintf(stderr, "vfmig: %s: %s\n", argv[0], strerror(errno));
	return errno == ENOENT ? 127 : 126;
}

static volatile pid_t child;

static void pass_on(int signo)
{
	if (child > 0)
		kill(child, signo);
}

static int wait_for_it(void)
{
	int status = 0;

	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	child = 0;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int run_in(const struct folder *folder, const struct cli_list *words, const char *library)
{
	struct sigaction action = {.sa_handler = pass_on};
	char *argv[CLI_LIST_MAX + 1] = {NULL};
	pid_t self = getpid();
	bool named = false;
	int ret = CLI_FAILED;

	for (size_t i = 0; i < words->count; i++) {
		argv[i] = fill_in(words->item[i], folder->path, &named);
		if (!argv[i])
			return cli_failf("no memory for the arguments");
		named = named || strstr(argv[i], folder->path);
	}
	if (!named)
		tell(folder->path);
	fflush(NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	child = fork();
	if (!child)
		_exit(run_command(argv, folder->path, library, self));
	hold_signals(false);
	ret = child < 0 ? cli_failf("fork for %s: %s", argv[0], strerror(errno)) : wait_for_it();
	for (size_t i = 0; i < words->count; i++)
		free(argv[i]);
	return ret;
}

/* Open each model first, so that errors are reported before the VMM starts. */
static int check_devices(void)
{
	struct cli_list filters;
	struct vfmig_device *device;
	const char *filter;
	int ret;

	for (unsigned n = 0; n < opt.devices.count; n++) {
		filters.count = 0;
		for (size_t i = 0; i < cli.filters.count; i++) {
			filter = filter_for(cli.filters.item[i], n);
			if (filter)
				filters.item[filters.count++] = filter;
		}
		/* Not a vfio-user server: it would count this as a client. */
		if (strncmp(opt.devices.item[n], "model:", 6))
			continue;
		ret = cli_open(opt.devices.item[n], &filters, &device);
		if (ret)
			return ret;
		vfmig_device_close(device);
	}
	return 0;
}

static int run(const struct cli_list *words)
{
	struct folder folder = {.alive = -1, .keeper = -1};
	char library[1024];
	uint64_t timeout = 0;
	int ret;

	if (!opt.devices.count || opt.devices.count > DEVICES_MAX)
		return cli_usage("exec needs 1 to %d options --device (vfmig help exec)",
				 DEVICES_MAX);
	ret = find_library(library, sizeof(library));
	if (!ret)
		ret = cli_timeout_ms(&timeout);
	if (!ret)
		ret = check_devices();
	if (ret)
		return ret;
	hold_signals(true);
	ret = make_folder(&folder, timeout);
	if (!ret) {
		ret = run_in(&folder, words, library);
		give_up(&folder);
	}
	hold_signals(false);
	return ret;
}

const struct cli_command cli_exec = {
	.name = "exec",
	.usage = "--device DEVICE [--device DEVICE]... [OPTION]... -- COMMAND [ARGUMENT]...",
	.summary = "Run a VMM with devices exposed as /dev/vfio",
	.takes = CLI_TAKES_DEVICES,
	.words = {1, CLI_LIST_MAX},
	.text = "Runs an unmodified COMMAND with a preloaded library that implements /dev/vfio and /dev/iommu.\n"
		"Needs no root, no VFIO in the kernel and no hardware. In the arguments of COMMAND, {0} stands\n"
		"for the directory of the first device, {1} for the second. Without {0} the argument that the\n"
		"VMM needs is printed. A filter applies to all devices, or to one: 0:FILTER. Exits with the\n"
		"exit code of COMMAND. See docs/qemu.md.\n",
	.examples =
		"  vfmig exec --device model:copier -- \\\n"
		"      qemu-system-x86_64 ... -device vfio-pci,sysfsdev={0},enable-migration=on\n"
		"  vfmig exec --device vfio-user:/run/dev.sock --filter fault,arc=any:stop_copy -- qemu...\n",
	.options = options,
	.run = run,
};
