/* SPDX-License-Identifier: BSD-3-Clause */
/* The command vfmig: the table of subcommands. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

const struct cli_command *const cli_commands[] = {
	&cli_info, &cli_serve,	&cli_migrate, &cli_send,    &cli_receive, &cli_save,
	&cli_load, &cli_resume, &cli_reset,   &cli_inspect, &cli_check,	  &cli_exec,
	&cli_list, &cli_states, &cli_power,   &cli_help,    &cli_version, NULL,
};

const struct cli_command *cli_find_command(const char *name)
{
	for (size_t i = 0; cli_commands[i]; i++)
		if (!strcmp(cli_commands[i]->name, name))
			return cli_commands[i];
	return NULL;
}

int main(int argc, char **argv)
{
	const struct cli_command *command;
	struct cli_list words = {.count = 0};
	const char *name = argc > 1 ? argv[1] : NULL;
	int ret;

	/*
	 * If the reader closes the pipe (vfmig list | head), the write fails instead of raising a
	 * signal.
	 */
	signal(SIGPIPE, SIG_IGN);
	if (!name)
		return cli_usage("no subcommand given; 'vfmig help' lists them");
	if (!strcmp(name, "--help") || !strcmp(name, "-h"))
		name = "help";
	if (!strcmp(name, "--version") || !strcmp(name, "-V"))
		name = "version";
	command = cli_find_command(name);
	if (!command)
		return cli_usage("unknown subcommand '%s'; 'vfmig help' lists them", name);
	ret = cli_parse(command, argc - 2, argv + 2, &words);
	if (ret < 0)
		ret = command->run(&words);
	free(cli.migration);
	if (!cli_flush() && !ret)
		ret = CLI_FAILED;
	return ret;
}
