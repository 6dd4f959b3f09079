/* SPDX-License-Identifier: BSD-3-Clause */
/* The result of a migration: see result.h. */
#include <stdio.h>
#include <string.h>

#include "endpoint.h"
#include "result.h"

enum { NO, YES, ANY };

/* The first row that matches applies. */
static const struct {
	enum vfmig_outcome outcome;
	int lost, interrupted;
	enum cli_exit code;
} rows[] = {
	/*
	 * In doubt comes first: nothing may run here before the operator has checked the
	 * destination.
	 */
	{VFMIG_OUTCOME_IN_DOUBT, ANY, ANY, CLI_IN_DOUBT},
	{VFMIG_OUTCOME_DONE, NO, ANY, CLI_OK},
	{VFMIG_OUTCOME_DONE, YES, ANY, CLI_LOST},
	{VFMIG_OUTCOME_CANCELLED, YES, ANY, CLI_LOST},
	{VFMIG_OUTCOME_CANCELLED, NO, YES, CLI_CANCELLED},
	{VFMIG_OUTCOME_CANCELLED, NO, NO, CLI_FAILED}, /* cancelled by the other end */
	{VFMIG_OUTCOME_FAILED, YES, ANY, CLI_LOST},
	{VFMIG_OUTCOME_FAILED, NO, ANY, CLI_FAILED},
	{VFMIG_OUTCOME_NONE, ANY, ANY, CLI_FAILED},
};

static bool fits(int row, bool is)
{
	return row == ANY || (row == YES) == is;
}

int cli_exit_code(enum vfmig_outcome outcome, bool lost, bool interrupted)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].outcome == outcome && fits(rows[i].lost, lost) &&
		    fits(rows[i].interrupted, interrupted))
			return rows[i].code;
	return CLI_FAILED;
}

/* ---- the next step ---- */

#define NAMES 2048

/*
 * The devices that still exist when the command has ended, as arguments. Models in this process do
 * not.
 */
static const char *names_of(const struct cli_endpoint *end, char out[NAMES])
{
	size_t used = 0;

	out[0] = 0;
	for (size_t i = 0; end && i < end->devices && used < NAMES; i++)
		if (strncmp(end->name[i], "model:", 6))
			used += (size_t)snprintf(out + used, NAMES - used, "%s%s", used ? " " : "",
						 end->name[i]);
	return out;
}

static void print(const char *fmt, const char *a, const char *b)
{
	char text[2 * NAMES + 512];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(text, sizeof(text), fmt, a, b);
#pragma GCC diagnostic pop
	if (cli.json)
		vfmig_event(&cli_json_events, "next", VFMIG_TEXT("message", text));
	fprintf(stderr, "vfmig: next: %s\n", text);
}

static void after_doubt(const char *here, const char *there, const struct cli_endpoint *other,
			const struct vfmig_migration_result *o)
{
	if (!other)
		print("run 'vfmig info DEVICE' at the destination. If its history says that it has run, discard the source with 'vfmig reset --yes %s'. If not, run 'vfmig reset DEVICE' there, and only after that has succeeded 'vfmig resume --yes %s' here",
		      here, here);
	else if (o->outcome == VFMIG_OUTCOME_DONE)
		print("the destination runs: discard the source with 'vfmig reset --yes %s'", here,
		      "");
	else if (!*there)
		print("the destination ended with this command: 'vfmig resume --yes %s' runs the source again",
		      here, "");
	else
		print("'vfmig reset %2$s', and only after that has succeeded 'vfmig resume --yes %1$s', which runs the source again",
		      here, there);
}

static void after_source(const struct cli_endpoint *end, const struct cli_endpoint *other,
			 const struct vfmig_migration_result *r,
			 const struct vfmig_migration_result *o)
{
	char here[NAMES], there[NAMES];

	names_of(end, here);
	names_of(other, there);
	if (!*here)
		return;
	if (r->outcome == VFMIG_OUTCOME_IN_DOUBT)
		after_doubt(here, there, other, o);
	else if (r->lost_devices)
		print("run 'vfmig info DEVICE' for each of %s; it prints the state and the next step%s",
		      here, "");
	else if (o->lost_devices && *there)
		print("'vfmig reset %2$s'; then repeat the command with --start to migrate %1$s",
		      here, there);
	else if (r->outcome != VFMIG_OUTCOME_DONE)
		print("repeat the command with --start to try again, or run 'vfmig resume %s' to only run the source%s",
		      here, "");
}

void cli_print_next(const struct cli_endpoint *end, const struct cli_endpoint *other)
{
	struct vfmig_migration_result r, o = {0};
	char names[NAMES];

	vfmig_migration_get_result(end->migration, &r);
	if (other)
		vfmig_migration_get_result(other->migration, &o);
	if (end->role == VFMIG_ROLE_SOURCE)
		after_source(end, other, &r, &o);
	else if (r.outcome != VFMIG_OUTCOME_DONE && *names_of(end, names))
		print(r.lost_devices ? "run 'vfmig reset %s' before loading it again%s"
				     : "%s was reset; repeat the command to load it again%s",
		      names, "");
}
