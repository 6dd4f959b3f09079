/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A VMM with a loop of its own moves a device: it starts each step, polls the descriptor, and does not wait in
 * any call. It sends by the budget, looks at the estimate, and says itself when to switch over. And
 * steps that cannot come are refused, at both ends.
 */
#include <poll.h>

#include "tests/lib/migration_pair.h"

#define BUDGET (64u << 10)

/* One loop for both ends: start, poll, finish. */
struct side {
	struct migration_pair_end *end;
	enum vfmig_step step;
	ssize_t ret;
	bool busy, over;
	unsigned steps;
};

static void start(struct side *side, enum vfmig_step step)
{
	struct vfmig_error err = {0};

	side->step = step;
	CHECKF(!vfmig_migration_start(side->end->m, step, BUDGET, &err), "%s", err.text);
	CHECK_EQ(vfmig_migration_start(side->end->m, step, BUDGET, NULL), -EALREADY);
	CHECK_EQ(vfmig_migration_step(side->end->m, step, BUDGET, NULL), -EBUSY);
	side->busy = true;
	side->steps++;
}

static void finish(struct side *side)
{
	side->ret = vfmig_migration_finish(side->end->m, &side->end->err);
	CHECKF(side->ret >= 0, "%s", side->end->err.text);
	side->busy = false;
}

static void next_source(struct side *side)
{
	struct vfmig_estimate e;

	vfmig_migration_get_estimate(side->end->m, &e);
	if (side->step == VFMIG_STEP_COMPLETE)
		side->over = true;
	else if (side->step == VFMIG_STEP_ITERATE && !side->ret && e.fits)
		start(side, VFMIG_STEP_COMPLETE);
	else
		start(side, VFMIG_STEP_ITERATE);
}

static void next_destination(struct side *side)
{
	if (side->step == VFMIG_STEP_LOAD && !side->ret)
		side->over = true;
	else
		start(side, VFMIG_STEP_LOAD);
}

static void loop(struct side *source, struct side *destination)
{
	while (!source->over || !destination->over) {
		struct pollfd fds[2] = {
			{.fd = vfmig_migration_fd(source->end->m), .events = POLLIN},
			{.fd = vfmig_migration_fd(destination->end->m), .events = POLLIN},
		};

		CHECK(poll(fds, 2, 120000) > 0);
		if (fds[0].revents) {
			finish(source);
			next_source(source);
		}
		if (fds[1].revents) {
			finish(destination);
			next_destination(destination);
		}
	}
}

static void refused(struct vfmig_migration *m, enum vfmig_step step)
{
	struct vfmig_error err = {0};

	CHECK_EQ(vfmig_migration_step(m, step, 0, &err), -EINVAL);
	CHECK(err.text[0]);
}

static void whole(void)
{
	struct side source = {0}, destination = {0};
	struct migration_pair pair;
	int fds[2];

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	migration_pair_init(&pair, 2, NULL);
	migration_pair_work(&pair.from);
	memset(pair.from.memory, 1, pair.from.memory_size);
	migration_pair_ready(&pair);
	source.end = &pair.from;
	destination.end = &pair.to;
	CHECK(!vfmig_migration_set_channel(pair.from.m, fds[0], fds[0], NULL));
	CHECK(!vfmig_migration_set_channel(pair.to.m, fds[1], fds[1], NULL));
	refused(pair.from.m, VFMIG_STEP_ITERATE);
	refused(pair.from.m, VFMIG_STEP_COMPLETE);
	refused(pair.to.m, VFMIG_STEP_LOAD);
	start(&source, VFMIG_STEP_SETUP);
	start(&destination, VFMIG_STEP_SETUP);
	loop(&source, &destination);
	CHECK(source.steps > 3); /* what was queued goes with a step, be it more than its budget */
	CHECK(destination.steps > 5);
	CHECK(migration_pair_find(&pair.from, "\"reason\":\"asked\""));
	migration_pair_moved(&pair);
	refused(pair.from.m, VFMIG_STEP_SETUP);
	refused(pair.from.m, VFMIG_STEP_ITERATE);
	refused(pair.to.m, VFMIG_STEP_LOAD);
	CHECK_EQ(vfmig_migration_cleanup(pair.from.m, NULL), 0);
	CHECK_EQ(vfmig_migration_cleanup(pair.from.m, NULL), 0);
	migration_pair_moved(&pair);
	migration_pair_free(&pair);
	close(fds[0]);
	close(fds[1]);
}

/* Between two steps the VMM gives up: everything is put back, and the other end told. A round was cut short. */
static void given_up(bool switch_over)
{
	struct migration_pair pair;
	int fds[2];

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	migration_pair_init(&pair, 2, NULL);
	memset(pair.from.memory, 1, pair.from.memory_size);
	migration_pair_ready(&pair);
	CHECK(!vfmig_migration_set_channel(pair.from.m, fds[0], fds[0], NULL));
	CHECK(!vfmig_migration_set_channel(pair.to.m, fds[1], fds[1], NULL));
	CHECK(!vfmig_migration_start(pair.to.m, VFMIG_STEP_RUN, 0, NULL));
	CHECK_EQ(vfmig_migration_step(pair.from.m, VFMIG_STEP_SETUP, 0, NULL), 0);
	CHECK(vfmig_migration_step(pair.from.m, VFMIG_STEP_ITERATE, 4096, NULL) > 0);
	if (switch_over) {
		/* In the middle of a round: what it had taken and not sent must not be lost. */
		CHECK_EQ(vfmig_migration_step(pair.from.m, VFMIG_STEP_COMPLETE, 0, NULL), 0);
		CHECK_EQ(vfmig_migration_finish(pair.to.m, &pair.to.err), 0);
		CHECK(!memcmp(pair.from.memory, pair.to.memory, MIGRATION_PAIR_MEMORY));
	} else {
		CHECK_EQ(vfmig_migration_cleanup(pair.from.m, NULL), 0);
		CHECK_EQ(vfmig_migration_finish(pair.to.m, &pair.to.err), -EREMOTEIO);
		CHECK(strstr(pair.to.err.text, "the source gave up"));
		migration_pair_stayed(&pair);
	}
	migration_pair_free(&pair);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	RUN(whole());
	RUN(given_up(false));
	RUN(given_up(true));
	return 0;
}
