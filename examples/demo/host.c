/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * demo-host source|destination FILE option=value,…
 *
 * Both ends of the demo (tools/demo starts them, and their devices' servers) are this program.
 */
#include "examples/demo/host.h"

#include <stdio.h>
#include <string.h>

#include <vfmig/options.h>

#define TEXT(key, field, about)                                                                    \
	{                                                                                          \
		.name = key, .kind = VFMIG_OPTION_TEXT,                                            \
		.offset = offsetof(struct host_options, field), .help = about                      \
	}
#define SIZE(key, field, value, least, about)                                                      \
	{                                                                                          \
		.name = key, .kind = VFMIG_OPTION_SIZE,                                            \
		.offset = offsetof(struct host_options, field), .default_text = value,             \
		.min = least, .help = about                                                        \
	}
#define MSEC(key, field, value, about)                                                             \
	{                                                                                          \
		.name = key, .kind = VFMIG_OPTION_MSEC,                                            \
		.offset = offsetof(struct host_options, field), .default_text = value,             \
		.help = about                                                                      \
	}

static const char *const trackers[] = {"any", "pagemap", "faults", "known", NULL};

static const struct vfmig_option table[] = {
	TEXT("server", server, "the socket of the device's server"),
	TEXT("channel", channel, "the socket between the two hosts"),
	SIZE("memory", memory, "1G", 1 << 20, "guest memory"),
	SIZE("chunk", chunk, "256K", 4096, "how much of the file one descriptor moves"),
	SIZE("pace", pace, "150M", 0, "how much of the file moves in a second; 0 is as it can"),
	MSEC("downtime", downtime_ms, "50ms", "the limit for the downtime"),
	MSEC("linger", linger_ms, "500ms", "how long the source works before it migrates"),
	{.name = "tracker",
	 .kind = VFMIG_OPTION_CHOICE,
	 .offset = offsetof(struct host_options, tracker),
	 .default_text = "any",
	 .help = "who tells what the CPU wrote: the kernel, or what is known of the workload",
	 .choices = trackers},
	{.name = "terminal",
	 .kind = VFMIG_OPTION_BOOL,
	 .offset = offsetof(struct host_options, terminal),
	 .default_text = "off",
	 .help = "draw bars"},
	{.kind = VFMIG_OPTION_END},
};

static int usage(void)
{
	fprintf(stderr, "usage: demo-host source|destination FILE option=value,…\n\n");
	for (const struct vfmig_option *o = table; o->kind != VFMIG_OPTION_END; o++)
		fprintf(stderr, "  %-10s %s%s%s%s\n", o->name, o->help, o->default_text ? " (" : "",
			o->default_text ? o->default_text : "", o->default_text ? ")" : "");
	return 2;
}

int main(int argc, char **argv)
{
	struct vfmig_error err = {0};
	struct host host = {.guest_fd = -1};
	bool source;
	int ret;

	if (argc != 4 || (strcmp(argv[1], "source") && strcmp(argv[1], "destination")))
		return usage();
	source = !strcmp(argv[1], "source");
	host.workload.driver.events[0] = host.workload.driver.events[1] = -1;
	ret = vfmig_options_parse(table, argv[3], &host.options, &err);
	host.options.file = argv[2];
	if (!ret && (!host.options.server || !host.options.channel))
		ret = vfmig_err(&err, -1, "server= and channel= must be given");
	host.show = (struct show){
		.terminal = host.options.terminal,
		.bars = {{.what = "memory"}, {.what = "device"}},
	};
	if (!ret)
		ret = host_open(&host, &err);
	if (!ret)
		ret = source ? host_source(&host, &err) : host_destination(&host, &err);
	if (ret || !source)
		show_verdict(&host.show, !ret, err.text);
	host_close(&host);
	vfmig_options_free(table, &host.options);
	return ret ? 1 : 0;
}
