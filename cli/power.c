/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vfmig power: control low power of a device.
 *
 * The permission ends when the device's user disconnects, so enter and watch wait for a signal or
 * for --for.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"

static const char *time_text;
static bool touch;

static const struct cli_option options[] = {
	{0, "for", CLI_TEXT, &time_text, "MS",
	 "enter, watch: how long to wait; default: until SIGINT or SIGTERM"},
	{0, "touch", CLI_FLAG, &touch, NULL, "watch: read from the device to wake it"},
	{0},
};

struct limit {
	uint64_t ms;
};

static const struct vfmig_option limit_option[] = {
	{"for", VFMIG_OPTION_MSEC, offsetof(struct limit, ms), NULL, "", 1, 86400000},
	{NULL},
};

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void say(struct vfmig_device *device, const char *what, int64_t since)
{
	char took[CLI_NUMBER];

	if (cli.json && since)
		vfmig_event(&cli_json_events, "low-power",
			    VFMIG_TEXT("device", vfmig_device_name(device)),
			    VFMIG_TEXT("what", what), VFMIG_U64("after_ns", now() - since));
	else if (cli.json)
		vfmig_event(&cli_json_events, "low-power",
			    VFMIG_TEXT("device", vfmig_device_name(device)),
			    VFMIG_TEXT("what", what));
	else if (since)
		printf("%s: %s, after %s\n", vfmig_device_name(device), what,
		       cli_time(took, (uint64_t)(now() - since)));
	else
		printf("%s: %s\n", vfmig_device_name(device), what);
	fflush(stdout);
}

static int set(struct vfmig_device *device, uint32_t feature, void *data, size_t size)
{
	struct vfmig_error err = {0};

	if (vfmig_device_call_feature(device, VFMIG_FEATURE_SET | feature, data, size, &err))
		return cli_fail(&err);
	return CLI_OK;
}

static void nothing(void *context)
{
}

enum end { WOKEN, TIME, SIGNAL, LOST };

/* Serve the device until a signal, the time limit or @event, which may be -1. */
static enum end stay(struct vfmig_device *device, int event, int64_t deadline)
{
	struct vfmig_error err = {0};

	for (;;) {
		struct pollfd fds[] = {{.fd = event, .events = POLLIN},
				       {.fd = cli_signals_fd(), .events = POLLIN},
				       {.fd = vfmig_device_fd(device), .events = POLLIN}};
		int64_t left = deadline ? deadline - now() : INT64_MAX;
		int wait = deadline ? (int)(left / 1000000 + 1) : -1;

		if (left <= 0)
			return TIME;
		if (poll(fds, 3, wait) < 0 && errno != EINTR) {
			cli_failf("poll: %s", strerror(errno));
			return LOST;
		}
		if (fds[0].revents)
			return WOKEN;
		if (fds[1].revents)
			return SIGNAL;
		if (fds[2].revents && vfmig_device_process(device, &err)) {
			cli_fail(&err);
			return LOST;
		}
	}
}

static int enter(struct vfmig_device *device, int64_t deadline)
{
	int ret = set(device, VFMIG_FEATURE_LOW_POWER_ENTRY, NULL, 0);
	enum end end;

	if (ret)
		return ret;
	say(device, "low power allowed", 0);
	end = stay(device, -1, deadline);
	if (end == LOST)
		return CLI_FAILED;
	ret = set(device, VFMIG_FEATURE_LOW_POWER_EXIT, NULL, 0);
	if (!ret)
		say(device, "low power no longer allowed", 0);
	return ret;
}

/* Any access wakes the device; every device has this one. */
static int read_something(struct vfmig_device *device)
{
	struct vfmig_device_info info;
	struct vfmig_error err = {0};

	return vfmig_device_get_info(device, &info, &err) ? cli_fail(&err) : CLI_OK;
}

static int watch_by(struct vfmig_device *device, int event, int64_t deadline)
{
	struct vfmig_feature_low_power_wake wake = {.wakeup_eventfd = event};
	int64_t since = now();
	int ret = set(device, VFMIG_FEATURE_LOW_POWER_ENTRY_WAKE, &wake, sizeof(wake));

	if (ret)
		return ret;
	say(device, "low power allowed until wake-up", 0);
	if (touch) {
		/* Serve pending work of the device first. */
		if (vfmig_device_fd(device) >= 0)
			vfmig_device_process(device, NULL);
		ret = read_something(device);
		if (ret)
			return ret;
	}
	switch (stay(device, event, deadline)) {
	case WOKEN:
		say(device, "woken", since);
		return CLI_OK;
	case TIME:
		set(device, VFMIG_FEATURE_LOW_POWER_EXIT, NULL, 0);
		return cli_failf(
			"%s: no wake-up within %s ms; the device may never have entered low power",
			vfmig_device_name(device), time_text);
	case SIGNAL:
		set(device, VFMIG_FEATURE_LOW_POWER_EXIT, NULL, 0);
		return CLI_CANCELLED;
	default:
		return CLI_FAILED;
	}
}

static int watch(struct vfmig_device *device, int64_t deadline)
{
	int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int ret;

	if (event < 0)
		return cli_failf("eventfd: %s", strerror(errno));
	ret = watch_by(device, event, deadline);
	close(event);
	return ret;
}

static int act(struct vfmig_device *device, const char *action, int64_t deadline)
{
	int ret;

	if (!strcmp(action, "exit")) {
		ret = set(device, VFMIG_FEATURE_LOW_POWER_EXIT, NULL, 0);
		if (!ret)
			say(device, "low power not allowed", 0);
		return ret;
	}
	ret = cli_signals_begin(nothing, NULL);
	if (ret)
		return ret;
	ret = !strcmp(action, "enter") ? enter(device, deadline) : watch(device, deadline);
	cli_signals_end();
	return ret;
}

static int run(const struct cli_list *words)
{
	const char *action = words->item[1];
	struct vfmig_error err = {0};
	struct limit limit = {0};
	struct vfmig_device *device;
	char text[64];
	int ret;

	if (strcmp(action, "enter") && strcmp(action, "exit") && strcmp(action, "watch"))
		return cli_usage("power: unknown action '%s'; use enter, exit or watch", action);
	if (time_text) {
		snprintf(text, sizeof(text), "for=%s", time_text);
		if (vfmig_options_parse(limit_option, text, &limit, &err))
			return cli_usage("--for: %s", err.text);
	}
	ret = cli_open(words->item[0], &cli.filters, &device);
	if (ret)
		return ret;
	ret = act(device, action, limit.ms ? now() + (int64_t)limit.ms * 1000000 : 0);
	vfmig_device_close(device);
	return ret;
}

const struct cli_command cli_power = {
	.name = "power",
	.usage = "DEVICE enter | exit | watch",
	.summary = "Control low power of a device",
	.takes = CLI_TAKES_DEVICES | CLI_TAKES_JSON,
	.words = {2, 2},
	.text = "enter allows the device to enter low power (LOW_POWER_ENTRY). Any access wakes it, and after the\n"
		"access it may enter low power again. watch also passes an eventfd\n"
		"(LOW_POWER_ENTRY_WITH_WAKEUP) and exits when the device signals it: the device was in low\n"
		"power, woke up and stays awake. With --touch the command wakes the device by an access. exit\n"
		"revokes the permission (LOW_POWER_EXIT).\n"
		"\n"
		"The device decides whether it enters low power, and does not report it. The permission ends\n"
		"when the device's user disconnects, so also when the command ends.\n",
	.examples = "  vfmig power model:copier watch --touch\n"
		    "  vfmig power vfio-user:/run/copier.sock enter --for 60000\n",
	.options = options,
	.run = run,
};
