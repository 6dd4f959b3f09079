/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A chunk of the device's data is dropped, or comes twice, on either side. The device's encoding is there
 * to notice: the migration fails, the source goes on, and there nothing is lost. Should a chunk slip
 * through one day, the proof at the destination has to catch it: no case may end as a success.
 *
 * Rules: V2-15.
 */
#include "tests/lib/check.h"
#include "tests/copier/move.h"

static void with(const char *op, const char *act, unsigned nth)
{
	char filter[96];
	struct move move = {.max_rounds = 2};

	snprintf(filter, sizeof(filter), "fault,op=%s,do=%s,nth=%u", op, act, nth);
	if (!strcmp(op, "data-read"))
		move.filter = filter;
	else
		move.destination_filter = filter;
	move_run(&move);
	if (!move.migrated) {
		CHECKF(move.proven, "%s: nobody noticed", filter);
		return;
	}
	printf("%s: %s\n", filter, move.result.sentence);
	CHECKF(!move.proven, "%s: the source did not go on well: %s", filter, move.error.text);
}

int main(void)
{
	static const char *const ops[] = {"data-read", "data-write"};
	static const char *const acts[] = {"drop", "twice"};
	/* The first has the schema in it. The ballast on board alone is more than two of them. */
	static const unsigned nth[] = {1, 2};

	for (size_t v = 0; v < 2; v++)
		for (size_t a = 0; a < 2; a++)
			for (size_t n = 0; n < sizeof(nth) / sizeof(nth[0]); n++)
				with(ops[v], acts[a], nth[n]);
	return 0;
}
