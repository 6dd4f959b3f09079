/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Shared by the subcommands: their table, arguments and output.
 *
 * A subcommand is one file and one struct cli_command. It uses public headers only, so a program
 * can do everything that the command can.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vfmig/device.h>
#include <vfmig/error.h>
#include <vfmig/event.h>
#include <vfmig/options.h>

/* Exit codes; `vfmig help exit-codes` explains them. */
enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1,
	CLI_USAGE = 2,
	CLI_IN_DOUBT = 3,
	CLI_CANCELLED = 4,
	CLI_LOST = 5,
	CLI_OVER_LIMIT = 6,
};

/* ---- arguments (args.c) ---- */

/* The devices of both ends of a migration, and one more. */
#define CLI_LIST_MAX 513
#define CLI_ANY	     CLI_LIST_MAX

struct cli_list {
	const char *item[CLI_LIST_MAX];
	size_t count;
};

enum cli_kind {
	CLI_END,   /* the end of a table */
	CLI_FLAG,  /* bool */
	CLI_COUNT, /* unsigned: number of occurrences */
	CLI_TEXT,  /* const char * */
	CLI_LIST,  /* struct cli_list: appends a value */
	CLI_SIZE,  /* uint64_t, parsed by vfmig_parse_size() */
};

/*
 * @letter: the short form, or 0
 * @name: the long form
 * @kind: the type of the value, and of what @into points to
 * @value: the name of the value in the help; NULL for FLAG and COUNT
 */
struct cli_option {
	char letter;
	const char *name;
	enum cli_kind kind;
	void *into;
	const char *value;
	const char *help;
};

#define CLI_TAKES_JSON	   (1u << 0) /* --json */
#define CLI_TAKES_DEVICES  (1u << 1) /* --filter, --timeout */
#define CLI_TAKES_PROTOCOL (1u << 2) /* --protocol */
#define CLI_MIGRATES	   (1u << 3) /* --quiet, --verbose, and the engine's options */

/*
 * @takes: CLI_TAKES_*: the common options that it has
 * @words: minimum and maximum number of arguments that are not options
 * @text: paragraphs of help between the summary and the options
 * @examples: lines of help after the options
 * @options: its own options
 * @run: run the subcommand; returns an exit code
 */
struct cli_command {
	const char *name;
	const char *usage;
	const char *summary;
	unsigned takes;
	size_t words[2];
	const char *text;
	const char *examples;
	const struct cli_option *options;
	int (*run)(const struct cli_list *words);
};

/* The values of the common options. */
struct cli_common {
	bool json, quiet;
	unsigned verbose;
	struct cli_list filters;
	const char *protocol;
	const char *timeout;
	char *migration; /* the engine's options, as text */
};
extern struct cli_common cli;

extern const struct cli_option cli_json_options[];
extern const struct cli_option cli_device_options[];
extern const struct cli_option cli_protocol_options[];
extern const struct cli_option cli_migration_options[];

/* Parse the arguments after the subcommand. Returns -1 to continue, or an exit code. */
int cli_parse(const struct cli_command *command, int argc, char **argv, struct cli_list *words);

/* ---- the table (main.c) ---- */

extern const struct cli_command *const cli_commands[];
const struct cli_command *cli_find_command(const char *name);
void cli_help_command(const struct cli_command *command);

extern const struct cli_command cli_info, cli_serve, cli_migrate, cli_send, cli_receive, cli_save,
	cli_load, cli_resume, cli_reset, cli_inspect, cli_power, cli_check, cli_exec, cli_list,
	cli_states, cli_help, cli_version;

/* ---- output (output.c) ---- */

/*
 * Print "vfmig: MESSAGE" on standard error; with --json also an event "error". Returns CLI_FAILED.
 */
int cli_fail(const struct vfmig_error *err);
int cli_failf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Print an error about invalid arguments. Returns CLI_USAGE. */
int cli_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Print an event as a line of JSON on standard output. */
void cli_print_event(void *context, const struct vfmig_event *event);
extern const struct vfmig_events cli_json_events;

/* Flush standard output. Returns false after printing an error if a write failed. */
bool cli_flush(void);

/* Format a number for people. Each returns @buf. */
#define CLI_NUMBER 32
char *cli_bytes(char buf[CLI_NUMBER], uint64_t bytes); /* "256 MiB" */
char *cli_time(char buf[CLI_NUMBER], uint64_t ns);     /* "43.1 ms" */
char *cli_count(char buf[CLI_NUMBER], uint64_t n);     /* "12 345" */

/* Print a text in lines of at most @width columns, indented by @indent. */
void cli_wrap(const char *text, unsigned indent, unsigned width);

/* ---- devices (devices.c) ---- */

/* Open a device with @filters and the time limit of --timeout. Returns 0, or an exit code after printing an error. */
int cli_open(const char *name, const struct cli_list *filters, struct vfmig_device **device);
/*
 * Open each device that @words name, call @run with it, and close it. Stops after the first call that does not return 0.
 * Returns an exit code.
 */
int cli_each_device(const struct cli_list *words,
		    int (*run)(struct vfmig_device *device, const char *name));
/* The value of --timeout, or its default. Returns 0 or an exit code. */
int cli_timeout_ms(uint64_t *ms);

/* ---- signals (signals.c) ---- */

/*
 * Handle SIGINT, SIGTERM and SIGHUP: the first one calls @stop in a thread of its own, the second
 * one ends the process. Must be called before any other thread is created.
 */
int cli_signals_begin(void (*stop)(void *context), void *context);
/* Block the signals until cli_signals_begin(), so that files created before it are removed. */
void cli_signals_hold(void);
/* A descriptor that is readable after a signal; -1 before cli_signals_begin(). */
int cli_signals_fd(void);
/* Set the final exit code: from here on a signal ends the process with it. */
void cli_signals_code(int code);
/* Restore the default handling. Returns whether a signal was received. */
bool cli_signals_end(void);

/* ---- a field of an event ---- */

const struct vfmig_event_field *cli_field(const struct vfmig_event *event, const char *key);
uint64_t cli_u64(const struct vfmig_event *event, const char *key);
double cli_real(const struct vfmig_event *event, const char *key);
const char *cli_text(const struct vfmig_event *event, const char *key);

#endif
