/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A request of a session on a v1 device is taken back while the device is busy with one of its accesses: it is never
 * completed, its buffer is never touched; the data is known not to be whole, and is refused, until the session
 * begins other data: stop-copy goes on with that of pre-copy, and what was half loaded cannot be run. Requests that were
 * behind it in the queue are done.
 */
#include "tests/v1/shown.h"

struct pending {
	struct vfmig_request request;
	uint8_t buf[100];
	atomic_int done;
};

static void done(struct vfmig_request *request)
{
	atomic_fetch_add(&((struct pending *)request->user)->done, 1);
}

static void start(struct vfmig_session *session, struct pending *p, enum vfmig_op op)
{
	memset(p, 0, sizeof(*p));
	memset(p->buf, 0x77, sizeof(p->buf));
	p->request.op = op;
	if (op == VFMIG_OP_DATA_READ || op == VFMIG_OP_DATA_WRITE) {
		p->request.data.buf = p->buf;
		p->request.data.len = sizeof(p->buf);
	}
	p->request.done = done;
	p->request.user = p;
	vfmig_session_submit(session, &p->request);
}

static void let_all_go(struct shown *shown)
{
	while (fake_let_go(&shown->fake))
		;
}

static void reading(enum region_data place)
{
	struct region_options options = {.data = place, .transaction = 64, .framed = true};
	struct shown *shown = shown_new(VFMIG_REGION_V1, FAKE_ALL, NULL, &options);
	struct vfmig_session *session;
	struct pending a, b, c;
	uint8_t buf[100];

	fake_session_give(&shown->fake, 60, 1, false);
	fake_session_give(&shown->fake, 50, 2, false);
	CHECK_EQ(vfmig_session_open(&shown->device, "v1", &session, NULL), 0);
	CHECK_EQ(vfmig_session_set_state(session, VFMIG_STATE_PRE_COPY, NULL), 0);
	shown->fake.hold = true;
	start(session, &a, VFMIG_OP_DATA_READ);
	start(session, &b, VFMIG_OP_DATA_READ);
	start(session, &c, VFMIG_OP_GET_STATE);
	CHECK(!a.done && !b.done && !c.done);
	CHECK(vfmig_session_cancel(session, &a.request));
	let_all_go(shown);
	CHECK(!a.done && a.buf[0] == 0x77 && a.buf[99] == 0x77);
	CHECK_EQ(b.done, 1);
	CHECK_EQ(b.request.result, -EIO);
	CHECK_EQ(c.done, 1);
	CHECK_EQ(c.request.result, 0);
	CHECK_EQ(c.request.state, VFMIG_STATE_PRE_COPY);
	CHECK(!vfmig_session_cancel(session, &c.request));
	shown->fake.hold = false;
	CHECK_EQ(vfmig_session_read(session, buf, sizeof(buf), NULL), -EIO);
	CHECK_EQ(vfmig_session_set_state(session, VFMIG_STATE_STOP_COPY, NULL), 0);
	CHECK_EQ(vfmig_session_read(session, buf, sizeof(buf), NULL), -EIO);
	/* To begin anew heals it. */
	CHECK_EQ(vfmig_session_set_state(session, VFMIG_STATE_RUNNING, NULL), 0);
	CHECK_EQ(vfmig_session_set_state(session, VFMIG_STATE_STOP_COPY, NULL), 0);
	CHECK_EQ(vfmig_session_read(session, buf, sizeof(buf), NULL), 60);
	CHECK(fake_is_chunk(buf, 60, 1));
	CHECK_EQ(vfmig_session_read(session, buf, sizeof(buf), NULL), 50);
	CHECK_EQ(vfmig_session_read(session, buf, sizeof(buf), NULL), 0);
	vfmig_session_close(session);
	vfmig_device_close(&shown->device);
}

static void writing(enum region_data place)
{
	struct region_options options = {.data = place, .transaction = 64, .framed = true};
	struct shown *shown = shown_new(VFMIG_REGION_V1, FAKE_ALL, NULL, &options);
	struct vfmig_session *session;
	struct pending a;

	CHECK_EQ(vfmig_session_open(&shown->device, "v1", &session, NULL), 0);
	CHECK_EQ(vfmig_session_set_state(session, VFMIG_STATE_RESUMING, NULL), 0);
	/* The first of the two transactions that it takes is out. */
	shown->fake.hold = true;
	start(session, &a, VFMIG_OP_DATA_WRITE);
	CHECK(vfmig_session_cancel(session, &a.request));
	shown->fake.hold = false;
	CHECK(!a.done);
	CHECK_EQ(vfmig_session_write(session, a.buf, 10, NULL), -EIO);
	CHECK_EQ(vfmig_session_set_state(session, VFMIG_STATE_RUNNING, NULL), -EIO);
	CHECK_EQ(vfmig_session_set_state(session, VFMIG_STATE_STOP, NULL), -EIO);
	CHECK_EQ(vfmig_device_reset(&shown->device, NULL), 0);
	CHECK_EQ(vfmig_session_set_state(session, VFMIG_STATE_RESUMING, NULL), 0);
	CHECK_EQ(vfmig_session_write(session, a.buf, 10, NULL), 0);
	CHECK_EQ(vfmig_session_set_state(session, VFMIG_STATE_RUNNING, NULL), 0);
	vfmig_session_close(session);
	vfmig_device_close(&shown->device);
}

static void going(void)
{
	struct region_options options = {.transaction = 64};
	struct shown *shown = shown_new(VFMIG_REGION_V1, FAKE_ALL, NULL, &options);
	struct vfmig_session *session;
	enum vfmig_state state;
	struct pending a;

	CHECK_EQ(vfmig_session_open(&shown->device, "v1", &session, NULL), 0);
	/* At each of the accesses that a transition takes. */
	for (unsigned steps = 0;; steps++) {
		memset(&a, 0, sizeof(a));
		a.request.op = VFMIG_OP_SET_STATE;
		a.request.state = VFMIG_STATE_RESUMING;
		a.request.done = done;
		a.request.user = &a;
		shown->fake.hold = true;
		vfmig_session_submit(session, &a.request);
		for (unsigned i = 0; i < steps; i++)
			fake_let_go(&shown->fake);
		shown->fake.hold = false;
		if (!vfmig_session_cancel(session, &a.request)) {
			CHECK_EQ(a.done, 1);
			CHECK(steps > 3);
			break;
		}
		let_all_go(shown);
		CHECK_EQ(a.done, 0);
		CHECK_EQ(vfmig_session_get_state(session, &state, NULL), 0);
		CHECK(state == VFMIG_STATE_RUNNING || state == VFMIG_STATE_RESUMING);
		CHECK_EQ(vfmig_device_reset(&shown->device, NULL), 0);
	}
	CHECK_EQ(vfmig_session_get_state(session, &state, NULL), 0);
	CHECK_EQ(state, VFMIG_STATE_RESUMING);
	vfmig_session_close(session);
	vfmig_device_close(&shown->device);
}

int main(void)
{
	for (int place = REGION_DATA_TRAPPED; place <= REGION_DATA_PARTLY; place++)
		reading((enum region_data)place);
	for (int place = REGION_DATA_TRAPPED; place <= REGION_DATA_PARTLY; place++)
		writing((enum region_data)place);
	going();
	return 0;
}
