/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the subcommands share: their table, their arguments, and how they speak.
 *
 * A subcommand is one file and one struct cli_command. It uses the library's public headers only, so
 * whatever the command can do, a program can.
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

/* As many as a migration takes devices, on both sides, and one more. */
#define CLI_LIST_MAX 513
#define CLI_ANY	     CLI_LIST_MAX

struct cli_list {
	const char *item[CLI_LIST_MAX];
	size_t count;
};

enum cli_kind {
	CLI_END,   /* closes a table */
	CLI_FLAG,  /* bool */
	CLI_COUNT, /* unsigned: how often it was given */
	CLI_TEXT,  /* const char * */
	CLI_LIST,  /* struct cli_list: each time one more */
	CLI_SIZE,  /* uint64_t, as vfmig_parse_size() takes it */
};

/*
 * @letter: the short form, or 0
 * @name: the long form
 * @kind: and what @into points to
 * @value: what the value is called in the help; NULL for FLAG and COUNT
 */
struct cli_option {
	char letter;
	const char *name;
	enum cli_kind kind;
	void *into;
	const char *value;
	const char *help;
};

#define CLI_TAKES_JSON	  (1u << 0) /* --json */
#define CLI_TAKES_DEVICES (1u << 1) /* --filter, --timeout */
#define CLI_DRIVES	  (1u << 2) /* --protocol */
#define CLI_MIGRATES	  (1u << 3) /* --quiet, --verbose, and the engine's options */

/*
 * @words: the least and the most words that are not options
 * @text: paragraphs of help, after the summary and before the options
 * @examples: lines of help, after them
 * @options: its own
 * @run: what it does; returns an exit code
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

/* What the common options were. */
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
extern const struct cli_option cli_drive_options[];
extern const struct cli_option cli_migration_options[];

/* Take the arguments behind the subcommand's name; an exit code, or -1 to go on. */
int cli_parse(const struct cli_command *command, int argc, char **argv, struct cli_list *words);

/* ---- the table (main.c) ---- */

extern const struct cli_command *const cli_commands[];
const struct cli_command *cli_find_command(const char *name);
void cli_help_command(const struct cli_command *command);

extern const struct cli_command cli_info, cli_serve, cli_migrate, cli_send, cli_receive, cli_save,
	cli_load, cli_resume, cli_reset, cli_inspect, cli_power, cli_check, cli_exec, cli_list,
	cli_states, cli_help, cli_version;

/* ---- speaking (say.c) ---- */

/* "vfmig: SENTENCE" on standard error; with --json an event "error" besides. Returns CLI_FAILED. */
int cli_fail(const struct vfmig_error *err);
int cli_failf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The same for wrong use. Returns CLI_USAGE. */
int cli_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* One event as a line of JSON on standard output. */
void cli_print_event(void *context, const struct vfmig_event *event);
extern const struct vfmig_events cli_json_events;

/* Standard output is complete; false (and a sentence) if it could not be written. */
bool cli_flush(void);

/* Numbers for people; each returns buf. */
#define CLI_NUMBER 32
char *cli_bytes(char buf[CLI_NUMBER], uint64_t bytes); /* "256 MiB" */
char *cli_time(char buf[CLI_NUMBER], uint64_t ns);     /* "43.1 ms" */
char *cli_count(char buf[CLI_NUMBER], uint64_t n);     /* "12 345" */

/* Print a text in lines of at most @width, each behind @indent blanks. */
void cli_wrap(const char *text, unsigned indent, unsigned width);

/* ---- devices (devices.c) ---- */

/* Open with the filters and limits that were given. 0, or an exit code after a sentence. */
int cli_open(const char *name, const struct cli_list *filters, struct vfmig_device **device);
/* What --timeout says, or its preset. 0, or an exit code. */
int cli_timeout_ms(uint64_t *ms);

/* ---- signals (signals.c) ---- */

/*
 * From here on SIGINT and SIGTERM are not delivered but call @stop, once and in a thread of their own; a
 * second one ends the process. Before any other thread is begun.
 */
int cli_signals_begin(void (*stop)(void *context), void *context);
/* Until cli_signals_begin() they wait: what is made meanwhile is not left behind. */
void cli_signals_hold(void);
/* Readable once one came; -1 before cli_signals_begin(). */
int cli_signals_fd(void);
/* All is over and this is the exit code: a signal ends the process with it, at once. */
void cli_signals_code(int code);
/* Whether one came. From here on a signal ends the process. */
bool cli_signals_end(void);

/* ---- a field of an event ---- */

const struct vfmig_event_field *cli_field(const struct vfmig_event *event, const char *key);
uint64_t cli_u64(const struct vfmig_event *event, const char *key);
double cli_real(const struct vfmig_event *event, const char *key);
const char *cli_text(const struct vfmig_event *event, const char *key);

#endif
