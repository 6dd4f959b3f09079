/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every way that the table gives, for every pair of states and every valid set of flags, is the
 * one that the rule gives. The rule is applied here from its words, by a search over the arcs that
 * the uAPI lists; it shares nothing with the table.
 *
 *   The shortest way over all arcs. A state of the saving group may be inside a way only if both
 *   its ends are in the saving group. Then states that the device lacks are stepped over.
 *   STOP_COPY -> PRE_COPY and STOP_COPY -> PRE_COPY_P2P are refused, and all to or from ERROR.
 *
 * Rules: V2-07, V2-19, V2-47, V2-49, V2-57.
 */
#include <vfmig/abi.h>

#include "tests/lib/check.h"

enum { ERR, STOP, RUNNING, STOP_COPY, RESUMING, RUNNING_P2P, PRE_COPY, PRE_COPY_P2P, STATES };

/* The arcs, in the order in which the uAPI's text has them. */
static const int arcs[][2] = {
	{RUNNING_P2P, STOP},	     {STOP_COPY, STOP},		{RESUMING, STOP},
	{PRE_COPY, RUNNING},	     {RUNNING_P2P, RUNNING},	{PRE_COPY_P2P, RUNNING_P2P},
	{RUNNING, RUNNING_P2P},	     {STOP, RUNNING_P2P},	{RUNNING, PRE_COPY},
	{RUNNING_P2P, PRE_COPY_P2P}, {STOP, STOP_COPY},		{PRE_COPY, PRE_COPY_P2P},
	{PRE_COPY_P2P, PRE_COPY},    {PRE_COPY_P2P, STOP_COPY}, {STOP, RESUMING},
};
#define ARCS (sizeof(arcs) / sizeof(arcs[0]))

static const uint64_t flag_sets[] = {
	VFMIG_MIGRATION_STOP_COPY,
	VFMIG_MIGRATION_STOP_COPY | VFMIG_MIGRATION_P2P,
	VFMIG_MIGRATION_STOP_COPY | VFMIG_MIGRATION_PRE_COPY,
	VFMIG_MIGRATION_STOP_COPY | VFMIG_MIGRATION_P2P | VFMIG_MIGRATION_PRE_COPY,
};

/* What may be broken in the oracle, to see that the comparison notices. */
enum sabotage { NONE, SAVING_NEVER_INSIDE, SAVING_ALWAYS_INSIDE, NOTHING_BLOCKED, NO_STEPPING };

static int saving(int s)
{
	return s == STOP_COPY || s == PRE_COPY || s == PRE_COPY_P2P;
}

static int has(uint64_t flags, int s)
{
	int p2p = !!(flags & VFMIG_MIGRATION_P2P), pre = !!(flags & VFMIG_MIGRATION_PRE_COPY);

	return s == RUNNING_P2P ? p2p : s == PRE_COPY ? pre : s == PRE_COPY_P2P ? p2p && pre : 1;
}

/*
 * All shortest ways from one state to another, by breadth; the first step of one of them in
 * *first. Returns how many shortest ways there are.
 */
static int search(enum sabotage broken, int from, int to, int *first)
{
	int dist[STATES], ways[STATES], step[STATES], queue[STATES], head = 0, tail = 0;

	for (int s = 0; s < STATES; s++)
		dist[s] = -1;
	dist[from] = 0;
	ways[from] = 1;
	queue[tail++] = from;
	while (head < tail) {
		int at = queue[head++];
		int inside = at != from && saving(at);

		if (inside && broken == SAVING_NEVER_INSIDE)
			continue;
		if (inside && broken != SAVING_ALWAYS_INSIDE && !(saving(from) && saving(to)))
			continue;
		for (size_t i = 0; i < ARCS; i++) {
			int next = arcs[i][1];

			if (arcs[i][0] != at)
				continue;
			if (dist[next] < 0) {
				dist[next] = dist[at] + 1;
				ways[next] = 0;
				step[next] = at == from ? next : step[at];
				queue[tail++] = next;
			}
			if (dist[next] == dist[at] + 1)
				ways[next] += ways[at];
		}
	}
	*first = step[to];
	return dist[to] < 0 ? 0 : ways[to];
}

#define NO_ANSWER (-1)

/* The next state by the rule, ERR if it is refused; the rule must leave no choice. */
static int oracle(enum sabotage broken, uint64_t flags, int from, int to)
{
	int at = from;

	if (from == ERR || to == ERR || !has(flags, from) || !has(flags, to))
		return ERR;
	if (from == to)
		return to;
	if (broken != NOTHING_BLOCKED && from == STOP_COPY && saving(to))
		return ERR;
	do {
		int next = ERR, ways = search(broken, at, to, &next);

		if (!ways)
			return ERR;
		if (ways > 1)
			return NO_ANSWER;
		at = next;
	} while (broken != NO_STEPPING && !has(flags, at));
	return at;
}

typedef int (*walker)(uint64_t flags, int from, int to);

static int library(uint64_t flags, int from, int to)
{
	enum vfmig_state next = VFMIG_STATE_ERROR;
	const char *why = vfmig_v2_next(flags, (uint32_t)from, (uint32_t)to, &next);

	CHECK((why != NULL) == (next == VFMIG_STATE_ERROR));
	return (int)next;
}

/* The library with one answer changed. */
static uint64_t lie_flags;
static int lie_from, lie_to, lie;

static int liar(uint64_t flags, int from, int to)
{
	if (flags == lie_flags && from == lie_from && to == lie_to)
		return lie;
	return library(flags, from, to);
}

static int differences(enum sabotage broken, walker walk)
{
	int n = 0;

	for (size_t f = 0; f < 4; f++)
		for (int from = 0; from < STATES; from++)
			for (int to = 0; to < STATES; to++)
				n += walk(flag_sets[f], from, to) !=
				     oracle(broken, flag_sets[f], from, to);
	return n;
}

static void ways_end(void)
{
	for (size_t f = 0; f < 4; f++)
		for (uint32_t from = 0; from < STATES; from++)
			for (uint32_t to = 0; to < STATES; to++) {
				enum vfmig_state path[VFMIG_STATE_COUNT], next;
				size_t n = 99;

				if (vfmig_v2_path(flag_sets[f], from, to, path, &n)) {
					CHECK(vfmig_v2_next(flag_sets[f], from, to, &next));
					CHECK_EQ(n, 99);
					continue;
				}
				CHECK_EQ(n == 0, from == to);
				CHECK(n < STATES);
				if (n)
					CHECK_EQ(path[n - 1], to);
				for (size_t i = 0; i < n; i++) {
					CHECK(has(flag_sets[f], (int)path[i]));
					/* what is left of a way is the way from there */
					CHECK(!vfmig_v2_next(flag_sets[f],
							     i ? (uint32_t)path[i - 1] : from, to,
							     &next));
					CHECK_EQ(next, path[i]);
				}
			}
}

int main(void)
{
	CHECK_EQ(differences(NONE, library), 0);
	ways_end();

	/* Controls: a broken rule differs, and so does each single lie. */
	CHECK(differences(SAVING_NEVER_INSIDE, library) > 0);
	CHECK(differences(SAVING_ALWAYS_INSIDE, library) > 0);
	CHECK(differences(NOTHING_BLOCKED, library) > 0);
	CHECK(differences(NO_STEPPING, library) > 0);
	for (size_t f = 0; f < 4; f++)
		for (lie_from = 0; lie_from < STATES; lie_from++)
			for (lie_to = 0; lie_to < STATES; lie_to++) {
				lie_flags = flag_sets[f];
				lie = (library(lie_flags, lie_from, lie_to) + 1) % STATES;
				CHECK_EQ(differences(NONE, liar), 1);
			}
	return 0;
}
