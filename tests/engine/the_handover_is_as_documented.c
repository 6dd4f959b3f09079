/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The tables of docs/handoff.md are the table in handoff.c, row by row and both ways. And of that table
 * itself: from no state after the commit does the source come to run, before it and behind END by way of the
 * fence only, and the destination comes to run by way of COMMIT only.
 */
#include "engine/handoff.h"
#include "tests/lib/check.h"

static enum handoff by_name(const char *name)
{
	for (int i = 0; i < HANDOFF_COUNT; i++)
		if (!strcmp(handoff_name((enum handoff)i), name))
			return (enum handoff)i;
	CHECKF(false, "no state is called %s", name);
	return HANDOFF_COUNT;
}

/* The cells of a row, without blanks. How many. */
static int cells(char *line, char **cell, int max)
{
	int n = 0;

	for (char *at = strtok(line, "|\n"); at && n < max; at = strtok(NULL, "|\n")) {
		at += strspn(at, " ");
		for (char *end = at + strlen(at); end > at && end[-1] == ' '; end--)
			end[-1] = 0;
		cell[n++] = at;
	}
	return n;
}

static void compare(const char *path, bool *seen)
{
	FILE *f = fopen(path, "re");
	char line[4096], *cell[8];

	CHECKF(f, "%s", path);
	while (fgets(line, sizeof(line), f)) {
		enum handoff state, ok, otherwise;
		int n;

		if (strncmp(line, "| SRC_", 6) && strncmp(line, "| DST_", 6))
			continue;
		n = cells(line, cell, 8);
		CHECKF(n == 4, "%d cells in the row of %s", n, cell[0]);
		state = by_name(cell[0]);
		CHECKF(!seen[state], "%s has two rows", cell[0]);
		seen[state] = true;
		ok = *cell[2] ? by_name(cell[2]) : state;
		otherwise = *cell[3] ? by_name(cell[3]) : state;
		CHECK_STR(handoff_name(handoff_next(state, HANDOFF_ON_OK)), handoff_name(ok));
		for (int on = HANDOFF_ON_FAILED; on < HANDOFF_EVENTS; on++)
			CHECK_STR(handoff_name(handoff_next(state, (enum handoff_event)on)),
				  handoff_name(otherwise));
	}
	fclose(f);
}

/* Is there a way? */
static bool leads(enum handoff from, enum handoff to, enum handoff without, unsigned depth)
{
	if (from == to)
		return true;
	for (int on = 0; depth && from != without && on < HANDOFF_EVENTS; on++)
		if (leads(handoff_next(from, (enum handoff_event)on), to, without, depth - 1))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	bool seen[HANDOFF_COUNT] = {false};

	CHECK(argc == 2);
	compare(argv[1], seen);
	for (int i = 0; i < HANDOFF_COUNT; i++)
		CHECKF(seen[i], "%s has no row", handoff_name((enum handoff)i));
	CHECK(!leads(HANDOFF_SRC_RUNNING, HANDOFF_SRC_BACK, HANDOFF_COUNT, 4));
	CHECK(!leads(HANDOFF_SRC_DOUBT, HANDOFF_SRC_BACK, HANDOFF_COUNT, 4));
	CHECK(!leads(HANDOFF_SRC_READY, HANDOFF_SRC_BACK, HANDOFF_SRC_FENCE, 9));
	CHECK(leads(HANDOFF_SRC_READY, HANDOFF_SRC_BACK, HANDOFF_COUNT, 9));
	CHECK(!leads(HANDOFF_SRC_MOVE, HANDOFF_SRC_DONE, HANDOFF_SRC_COMMIT, 9));
	CHECK(leads(HANDOFF_SRC_MOVE, HANDOFF_SRC_DONE, HANDOFF_COUNT, 9));
	CHECK(!leads(HANDOFF_DST_LOAD, HANDOFF_DST_QUIET, HANDOFF_DST_COMMIT, 7));
	CHECK(leads(HANDOFF_DST_LOAD, HANDOFF_DST_DONE, HANDOFF_COUNT, 7));
	return 0;
}
