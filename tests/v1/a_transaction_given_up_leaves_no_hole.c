/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An access that was about a transaction is taken back while the session is at it. What the session gave all the same
 * is there for the next access. Where the session is another device's, and nobody knows whether it gave or took, there
 * is no more data until it begins anew: never the next transaction in the place of the lost one.
 */
#include "tests/v1/shown.h"

struct access {
	struct vfmig_request request;
	uint64_t value;
	int done;
};

static void done(struct vfmig_request *request)
{
	((struct access *)request->user)->done++;
}

static void start(struct shown *shown, struct access *access, bool write, uint64_t reg)
{
	access->done = 0;
	access->request = (struct vfmig_request){
		.op = write ? VFMIG_OP_REGION_WRITE : VFMIG_OP_REGION_READ,
		.region = {.index = SHOWN_INDEX, .len = 8, .offset = reg, .buf = &access->value},
		.done = done,
		.user = access,
	};
	shown->fake.hold = true;
	vfmig_submit(&shown->device, &access->request);
	CHECK(!access->done);
}

/* The access is taken back when the session is just doing it, and has gone too far to stop. */
static void too_late(struct shown *shown, struct access *access)
{
	struct vfmig_request *inner = request_shift(&shown->fake.held);

	CHECK(inner);
	CHECK(vfmig_cancel(&shown->device, &access->request));
	request_complete(inner, fake_do(&shown->fake, inner));
	shown->fake.hold = false;
	CHECK(!access->done);
}

static void in_time(struct shown *shown, struct access *access)
{
	CHECK(vfmig_cancel(&shown->device, &access->request));
	shown->fake.hold = false;
	CHECK(!access->done && !shown->fake.held.first);
}

static struct shown *saves(void)
{
	struct region_options options = {.transaction = 64};
	struct shown *shown = shown_new(VFMIG_REGION_V1, FAKE_ALL, NULL, &options);

	fake_session_give(&shown->fake, 40, 1, false);
	fake_session_give(&shown->fake, 30, 2, false);
	CHECK_EQ(put_state(shown, 3), 0);
	return shown;
}

static void what_came_is_kept(uint64_t reg)
{
	struct shown *shown = saves();
	struct access a;

	start(shown, &a, false, reg);
	too_late(shown, &a);
	CHECK_EQ(reg64(shown, PENDING), 70);
	fetch_chunk(shown, 40, 1);
	CHECK_EQ(reg64(shown, PENDING), 30);
	fetch_chunk(shown, 30, 2);
	CHECK_EQ(reg64(shown, PENDING), 0);
	vfmig_device_close(&shown->device);
}

static void what_is_not_known_is_refused(void)
{
	struct shown *shown = saves();
	struct access a;
	uint64_t value;

	shown->fake.session.device = &shown->device;
	start(shown, &a, false, PENDING);
	in_time(shown, &a);
	CHECK_EQ(get64(shown, PENDING, &value), -EIO);
	CHECK_EQ(get64(shown, DATA_SIZE, &value), -EIO);
	/* The same data goes on there. */
	CHECK_EQ(put_state(shown, 2), 0);
	CHECK_EQ(get64(shown, PENDING, &value), -EIO);
	CHECK_EQ(put_state(shown, 0), 0);
	CHECK_EQ(put_state(shown, 3), 0);
	CHECK_EQ(reg64(shown, PENDING), 70);
	fetch_chunk(shown, 40, 1);
	shown->fake.session.device = NULL;
	vfmig_device_close(&shown->device);
}

static void what_was_taken_is_not_taken_twice(void)
{
	struct region_options options = {.transaction = 64};
	struct shown *shown = shown_new(VFMIG_REGION_V1, FAKE_ALL, NULL, &options);
	struct access a = {.value = 20};

	CHECK_EQ(put_state(shown, 4), 0);
	/* It has not begun: nothing has happened. */
	start(shown, &a, true, DATA_SIZE);
	in_time(shown, &a);
	CHECK_EQ(shown->fake.takes, 0);
	CHECK_EQ(put64(shown, DATA_SIZE, 20), 0);
	CHECK_EQ(shown->fake.takes, 1);
	start(shown, &a, true, DATA_SIZE);
	too_late(shown, &a);
	CHECK_EQ(shown->fake.takes, 2);
	CHECK_EQ(put64(shown, DATA_SIZE, 20), -EIO);
	CHECK_EQ(shown->fake.takes, 2);
	CHECK_EQ(vfmig_device_reset(&shown->device, NULL), 0);
	CHECK_EQ(put_state(shown, 4), 0);
	CHECK_EQ(put64(shown, DATA_SIZE, 20), 0);
	vfmig_device_close(&shown->device);
}

int main(void)
{
	RUN(what_came_is_kept(PENDING));
	RUN(what_came_is_kept(DATA_SIZE));
	RUN(what_is_not_known_is_refused());
	RUN(what_was_taken_is_not_taken_twice());
	return 0;
}
