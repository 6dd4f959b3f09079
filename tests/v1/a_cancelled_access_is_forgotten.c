/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An access can be taken back at any moment: before its turn, while the session is busy with it, and while it is just
 * being done. Then it is never completed, its buffer is never touched, and the next access is served. Many
 * threads do it at once, and a reset comes between.
 */
#include "tests/v1/shown.h"

struct access {
	struct vfmig_request request;
	uint64_t value;
	atomic_int done;
};

static void done(struct vfmig_request *request)
{
	atomic_fetch_add(&((struct access *)request->user)->done, 1);
}

static void start(struct shown *shown, struct access *access, uint64_t reg)
{
	memset(access, 0, sizeof(*access));
	access->value = 0x5555;
	access->request.op = VFMIG_OP_REGION_READ;
	access->request.region.index = SHOWN_INDEX;
	access->request.region.offset = reg;
	access->request.region.len = 8;
	access->request.region.buf = &access->value;
	access->request.done = done;
	access->request.user = access;
	vfmig_submit(&shown->device, &access->request);
}

static void one_after_the_other(void)
{
	struct region_options options = {.transaction = 64};
	struct shown *shown = shown_new(VFMIG_REGION_V1, FAKE_ALL, NULL, &options);
	struct access a, b, c;

	fake_session_give(&shown->fake, 40, 1, false);
	CHECK_EQ(put_state(shown, 3), 0);
	shown->fake.hold = true;
	start(shown, &a, PENDING);
	start(shown, &b, DATA_OFFSET);
	start(shown, &c, DATA_SIZE);
	CHECK(!a.done && !b.done && !c.done);
	/* One that waits for its turn. */
	CHECK(vfmig_cancel(&shown->device, &b.request));
	CHECK(!vfmig_cancel(&shown->device, &b.request));
	/* One whose read of the session is out: the read is taken back, and c's begins. */
	CHECK(vfmig_cancel(&shown->device, &a.request));
	CHECK(fake_let_go(&shown->fake));
	CHECK(c.done && c.value == 40);
	CHECK(!a.done && !b.done && a.value == 0x5555 && b.value == 0x5555);
	CHECK(!fake_let_go(&shown->fake));
	CHECK(!vfmig_cancel(&shown->device, &c.request));
	/* A reset while one is out: what it brings is void. */
	start(shown, &a, PENDING);
	CHECK(!a.done);
	CHECK_EQ(vfmig_device_reset(&shown->device, NULL), 0);
	CHECK(fake_let_go(&shown->fake));
	CHECK(a.done);
	CHECK_EQ(a.request.result, -ECANCELED);
	/* One that is left behind does not keep the device from being closed. */
	start(shown, &b, 0);
	CHECK(vfmig_cancel(&shown->device, &b.request) || b.done);
	shown->fake.hold = false;
	vfmig_device_close(&shown->device);
}

#define THREADS 4
#define ROUNDS	400

static atomic_bool over;

static void *let_go(void *arg)
{
	struct shown *shown = arg;

	while (!atomic_load(&over))
		fake_let_go(&shown->fake);
	return NULL;
}

static void *hammer(void *arg)
{
	struct shown *shown = arg;
	struct access access;

	for (int i = 0; i < ROUNDS; i++) {
		start(shown, &access, i % 2 ? PENDING : DATA_OFFSET);
		if (i % 3 == 0 && vfmig_cancel(&shown->device, &access.request)) {
			CHECK(!access.done && access.value == 0x5555);
			continue;
		}
		while (!atomic_load(&access.done))
			sched_yield();
		CHECK_EQ(access.done, 1);
		if (i % 50 == 7)
			vfmig_device_reset(&shown->device, NULL);
	}
	return NULL;
}

static void all_at_once(void)
{
	struct region_options options = {.transaction = 64};
	struct shown *shown = shown_new(VFMIG_REGION_V1, FAKE_ALL, NULL, &options);
	pthread_t threads[THREADS], feeder;

	for (int i = 0; i < 200; i++)
		fake_session_give(&shown->fake, 40, 1, false);
	CHECK_EQ(put_state(shown, 3), 0);
	shown->fake.hold = true;
	CHECK(!pthread_create(&feeder, NULL, let_go, shown));
	for (int i = 0; i < THREADS; i++)
		CHECK(!pthread_create(&threads[i], NULL, hammer, shown));
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	steps_fini(&shown->offer->steps); /* nothing is left in there */
	steps_init(&shown->offer->steps);
	atomic_store(&over, true);
	pthread_join(feeder, NULL);
	vfmig_device_close(&shown->device);
}

int main(void)
{
	RUN(one_after_the_other());
	RUN(all_at_once());
	return 0;
}
