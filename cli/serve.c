/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vfmig serve: expose a device on a socket.
 *
 * Follows the conventions for vfio-user backend programs: --socket-path, --fd,
 * --print-capabilities, stays in the foreground, ends at SIGTERM.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vfmig/export.h>

#include "cli.h"
#include "sandbox.h"

static struct {
	const char *socket_path, *fd, *mode;
	const char *user;
	bool print_capabilities, no_extensions, require_sealed, allow_others, sandbox;
	unsigned verbose;
} opt;

static const struct cli_option options[] = {
	{'s', "socket-path", CLI_TEXT, &opt.socket_path, "PATH",
	 "listen on this socket; created at the start and removed at the end"},
	{0, "fd", CLI_TEXT, &opt.fd, "N",
	 "serve on this descriptor: a UNIX stream socket, connected or listening"},
	{0, "socket-mode", CLI_TEXT, &opt.mode, "MODE",
	 "permissions of the socket, octal; default: 600"},
	{0, "require-sealed", CLI_FLAG, &opt.require_sealed, NULL,
	 "reject client memory without F_SEAL_SHRINK, which the client could truncate while it is in use"},
	{0, "user", CLI_TEXT, &opt.user, "USER",
	 "after opening everything, change the socket's owner and setuid to this user; needs root"},
	{0, "sandbox", CLI_FLAG, &opt.sandbox, NULL,
	 "after opening everything, allow only the system calls that serving needs (not with filter mediate)"},
	{0, "allow-others", CLI_FLAG, &opt.allow_others, NULL,
	 "accept clients of all users, not only of the server's user and root"},
	{0, "no-extensions", CLI_FLAG, &opt.no_extensions, NULL,
	 "do not negotiate the vfmig extension (docs/vfio-user.md)"},
	{'v', "verbose", CLI_COUNT, &opt.verbose, NULL,
	 "print when clients connect and disconnect; twice: also each rejected command"},
	{0, "print-capabilities", CLI_FLAG, &opt.print_capabilities, NULL,
	 "print the program's capabilities as JSON and exit"},
	{0},
};

static void tell(void *context, const struct vfmig_event *event)
{
	static unsigned turned_away;
	bool refused = cli_field(event, "command") != NULL;

	if (cli.json) {
		cli_print_event(NULL, event);
		return;
	}
	/*
	 * Messages that are always printed. Of rejected clients only the first, since there may be
	 * thousands.
	 */
	if (opt.verbose <= (refused ? 1 : 0) && strcmp(event->name, "left-running") &&
	    strcmp(event->name, "cannot-accept") &&
	    (strcmp(event->name, "client-rejected") || turned_away++))
		return;
	fprintf(stderr, "vfmig: %s", event->name);
	for (size_t i = 0; i < event->count; i++) {
		const struct vfmig_event_field *f = &event->fields[i];

		if (f->kind == VFMIG_EVENT_TEXT)
			fprintf(stderr, ", %s: %s", f->key, f->text ? f->text : "");
		else
			fprintf(stderr, ", %s: %llu", f->key,
				(unsigned long long)cli_u64(event, f->key));
	}
	fputc('\n', stderr);
}

static int configure(struct vfmig_export_options *config)
{
	char *end;

	config->socket_path = opt.socket_path;
	config->fd = -1;
	config->require_sealed = opt.require_sealed;
	config->allow_other_users = opt.allow_others;
	config->no_extensions = opt.no_extensions;
	if (!opt.socket_path == !opt.fd)
		return cli_usage("serve needs either --socket-path or --fd");
	if (opt.fd) {
		config->fd = (int)strtol(opt.fd, &end, 10);
		if (end == opt.fd || *end || config->fd < 0)
			return cli_usage("--fd: '%s' is not a valid descriptor", opt.fd);
	}
	if (opt.mode) {
		config->socket_mode = (uint32_t)strtoul(opt.mode, &end, 8);
		if (end == opt.mode || *end || !config->socket_mode || config->socket_mode > 0777)
			return cli_usage(
				"--socket-mode: '%s' is not a valid octal mode such as 660",
				opt.mode);
	}
	return 0;
}

/* From here on the privileges for opening are not needed. */
static int confine(const struct cli_user *user)
{
	int ret = 0;

	if (opt.user)
		ret = cli_user_become(user, opt.socket_path);
	if (!ret && opt.sandbox)
		ret = cli_sandbox();
	return ret;
}

/* A mediator may use any system call and may run other programs. */
static int check_sandbox(void)
{
	for (size_t i = 0; opt.sandbox && i < cli.filters.count; i++)
		if (!strncmp(cli.filters.item[i], "mediate", 7))
			return cli_usage(
				"--sandbox cannot be used with --filter %s, because a mediator may use any system call; remove one of the two",
				cli.filters.item[i]);
	return 0;
}

static void stop(void *context)
{
	vfmig_export_stop(context);
}

static struct vfmig_export *serving;

/* A client that truncates memory that it shares must not end the server. */
static void on_sigbus(int number, siginfo_t *info, void *context)
{
	/* If it was not client memory, the repeated access ends the process. */
	if (!vfmig_export_sigbus(serving, info->si_addr))
		signal(SIGBUS, SIG_DFL);
}

static void survive_sigbus(struct vfmig_export *server)
{
	struct sigaction action = {.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO};

	serving = server;
	if (!server)
		action = (struct sigaction){.sa_handler = SIG_DFL};
	sigaction(SIGBUS, &action, NULL);
}

static int serve(struct vfmig_device *device, const struct vfmig_export_options *config,
		 const struct cli_user *user)
{
	struct vfmig_error err = {0};
	struct vfmig_export *server;
	int ret;

	cli_signals_hold();
	if (vfmig_export_open_vfio_user(device, config, &server, &err))
		return cli_fail(&err);
	survive_sigbus(server);
	ret = cli_signals_begin(stop, server);
	if (!ret)
		ret = confine(user);
	if (!ret) {
		vfmig_event(config->events, "serving",
			    VFMIG_TEXT("device", vfmig_device_name(device)),
			    VFMIG_TEXT("socket", opt.socket_path ? opt.socket_path : ""));
		ret = vfmig_export_run(server, &err);
		/* The only client of a connected descriptor has disconnected: a normal end. */
		if (ret && ret != -ENOTCONN)
			ret = cli_fail(&err);
		else
			ret = CLI_OK;
	}
	cli_signals_end();
	survive_sigbus(NULL);
	vfmig_export_close(server);
	return ret;
}

static int run(const struct cli_list *words)
{
	const struct vfmig_events events = {tell, NULL};
	struct vfmig_export_options config;
	struct cli_user user = {0};
	struct vfmig_device *device;
	int ret;

	if (opt.print_capabilities) {
		puts("{\"type\": \"vfio-user\", \"features\": [\"migration-v2\", \"pre-copy\", \"p2p\", "
		     "\"dma-logging\"]}");
		return CLI_OK;
	}
	if (!words->count)
		return cli_usage("serve needs a DEVICE (vfmig help serve)");
	vfmig_export_options_init(&config);
	config.events = &events;
	ret = configure(&config);
	if (!ret)
		ret = check_sandbox();
	if (!ret && opt.user)
		ret = cli_user_find(opt.user, &user);
	if (!ret)
		ret = cli_open(words->item[0], &cli.filters, &device);
	if (ret)
		return ret;
	ret = serve(device, &config, &user);
	vfmig_device_close(device);
	return ret;
}

const struct cli_command cli_serve = {
	.name = "serve",
	.usage = "DEVICE (--socket-path PATH | --fd N)",
	.summary = "Expose a device on a socket to vfio-user clients",
	.takes = CLI_TAKES_DEVICES | CLI_TAKES_JSON,
	.words = {0, 1},
	.text = "Serves one client at a time. When a client disconnects, the device is stopped and keeps its\n"
		"state for the next client. Runs until SIGTERM or SIGINT, then removes the socket. DEVICE may\n"
		"also be a device of another vfio-user server. The device is exposed in the protocol revision\n"
		"that it has: models have an option for it, and filter translate changes it for others.\n",
	.examples =
		"  vfmig serve model:copier --socket-path /run/copier.sock\n"
		"      then, in another terminal: vfmig info vfio-user:/run/copier.sock\n"
		"  vfmig serve model:copier -s /run/slow.sock --filter delay,latency-us=500\n"
		"  vfmig serve model:copier,protocol=v1 -s /run/old.sock\n"
		"      a device with a migration region, as in 2021\n"
		"  vfmig serve vfio-user:/run/old.sock -s /run/new.sock --filter translate,protocol=v2\n"
		"      the same device, exposed as v2\n",
	.options = options,
	.run = run,
};
