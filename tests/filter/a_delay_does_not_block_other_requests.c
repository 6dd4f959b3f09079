/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is delayed waits by itself: other operations go past it, many wait at the same time, data stays in order, and
 * all of it can be taken back.
 */
#include "tests/filter/filtered.h"

#define CHUNKS 20

static unsigned done, order[CHUNKS + 1];

static void note(struct vfmig_request *r)
{
	order[done++] = (unsigned)(uintptr_t)r->user;
}

static bool all_done(void *context)
{
	return done == *(unsigned *)context;
}

static void wait_for(struct vfmig_device *d, unsigned count)
{
	CHECK_EQ(vfmig_device_wait(d, all_done, &count, 0), 0);
}

int main(void)
{
	struct seen seen;
	struct vfmig_device *d =
		around(seen_new(&seen), &filter_delay, "op=reset,latency-us=20000");
	struct vfmig_request r[CHUNKS] = {{.op = VFMIG_OP_RESET}};
	struct vfmig_error err = {0};
	uint8_t buf[CHUNKS][8];
	int64_t start;

	/* The device has had it, the answer is on its way, and others are answered meanwhile. */
	r[0].done = note;
	vfmig_submit(d, &r[0]);
	CHECK_EQ(seen.ops[VFMIG_OP_RESET], 1);
	CHECK_EQ(set_state(d, VFMIG_STATE_STOP), 0);
	CHECK_EQ(done, 0);
	wait_for(d, 1);
	CHECK_EQ(r[0].result, 0);

	/* Twenty at once take as long as one: not twenty times as long. A bound from below only. */
	start = device_now();
	done = 0;
	for (unsigned i = 0; i < CHUNKS; i++) {
		r[i] = (struct vfmig_request){.op = VFMIG_OP_RESET, .done = note};
		r[i].user = (void *)(uintptr_t)i;
		vfmig_submit(d, &r[i]);
	}
	wait_for(d, CHUNKS);
	CHECK(device_now() - start >= 20000000);
	for (unsigned i = 0; i < CHUNKS; i++)
		CHECK_EQ(order[i], i);

	vfmig_device_close(d);

	/* Failures come later, too, and can be taken back like anything. */
	d = around(seen_new(&seen), &filter_delay, "op=reset,latency-us=600000000");
	vfmig_device_set_timeout(d, 1);
	CHECK_EQ(vfmig_device_reset(d, &err), -ETIMEDOUT);
	vfmig_device_close(d);

	/* 80 bytes at 8000 a second: the wire takes 10 ms, in order. */
	d = around(seen_new(&seen), &filter_delay, "rate=8000");
	start = device_now();
	done = 0;
	for (unsigned i = 0; i < 10; i++) {
		r[i] = (struct vfmig_request){.op = VFMIG_OP_DATA_READ, .done = note};
		r[i].user = (void *)(uintptr_t)i;
		r[i].data.buf = buf[i];
		r[i].data.len = 8;
		vfmig_submit(d, &r[i]);
	}
	CHECK_EQ(set_state(d, VFMIG_STATE_STOP), 0); /* no data */
	wait_for(d, 10);
	CHECK(device_now() - start >= 10000000);
	for (unsigned i = 0; i < 10; i++) {
		CHECK_EQ(order[i], i);
		CHECK_EQ(buf[i][0], i * 8);
	}

	/* Taken back by hand, and closed with one on its way. */
	done = 0;
	r[0].data.len = r[1].data.len = 8;
	vfmig_submit(d, &r[0]);
	vfmig_submit(d, &r[1]);
	CHECK(vfmig_cancel(d, &r[0]));
	CHECK_EQ(done, 0);
	vfmig_device_close(d);
	CHECK_EQ(done, 1);
	CHECK_EQ(r[1].result, -ECANCELED);
	return 0;
}
