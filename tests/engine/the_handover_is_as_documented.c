/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The tables of docs/handoff.md are the table in handoff.c, row by row and both ways. And of that table
 * itself: from no state after the commit does the source come to run, before it and behind END by way of the
 * fence only, and the destination comes to run by way of COMMIT only.
 */
#include "engine/handoff.h"
#include "tests/check.h"

static enum vfmig_handoff by_name(const char *name)
{
	for (int i = 0; i < VFMIG_HANDOFF_COUNT; i++)
		if (!strcmp(vfmig_handoff_name((enum vfmig_handoff)i), name))
			return (enum vfmig_handoff)i;
	CHECKF(false, "no state is called %s", name);
	return VFMIG_HANDOFF_COUNT;
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
		enum vfmig_handoff state, ok, otherwise;
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
		CHECK_STR(vfmig_handoff_name(vfmig_handoff_next(state, VFMIG_ON_OK)),
			  vfmig_handoff_name(ok));
		for (int on = VFMIG_ON_FAILED; on < VFMIG_HANDOFF_EVENTS; on++)
			CHECK_STR(vfmig_handoff_name(
					  vfmig_handoff_next(state, (enum vfmig_handoff_event)on)),
				  vfmig_handoff_name(otherwise));
	}
	fclose(f);
}

/* Is there a way? */
static bool leads(enum vfmig_handoff from, enum vfmig_handoff to, enum vfmig_handoff without,
		  unsigned depth)
{
	if (from == to)
		return true;
	for (int on = 0; depth && from != without && on < VFMIG_HANDOFF_EVENTS; on++)
		if (leads(vfmig_handoff_next(from, (enum vfmig_handoff_event)on), to, without,
			  depth - 1))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	bool seen[VFMIG_HANDOFF_COUNT] = {false};

	CHECK(argc == 2);
	compare(argv[1], seen);
	for (int i = 0; i < VFMIG_HANDOFF_COUNT; i++)
		CHECKF(seen[i], "%s has no row", vfmig_handoff_name((enum vfmig_handoff)i));
	CHECK(!leads(VFMIG_SRC_RUNNING, VFMIG_SRC_BACK, VFMIG_HANDOFF_COUNT, 4));
	CHECK(!leads(VFMIG_SRC_DOUBT, VFMIG_SRC_BACK, VFMIG_HANDOFF_COUNT, 4));
	CHECK(!leads(VFMIG_SRC_READY, VFMIG_SRC_BACK, VFMIG_SRC_FENCE, 9));
	CHECK(leads(VFMIG_SRC_READY, VFMIG_SRC_BACK, VFMIG_HANDOFF_COUNT, 9));
	CHECK(!leads(VFMIG_SRC_MOVE, VFMIG_SRC_DONE, VFMIG_SRC_COMMIT, 9));
	CHECK(leads(VFMIG_SRC_MOVE, VFMIG_SRC_DONE, VFMIG_HANDOFF_COUNT, 9));
	CHECK(!leads(VFMIG_DST_LOAD, VFMIG_DST_QUIET, VFMIG_DST_COMMIT, 7));
	CHECK(leads(VFMIG_DST_LOAD, VFMIG_DST_DONE, VFMIG_HANDOFF_COUNT, 7));
	return 0;
}
