/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From each state of a session to each other, on a device that takes nothing but what the text draws: the device
 * gets there or was not asked at all, the reserved bits come back, no device runs that was not asked to but to
 * leave RESUMING, and what fails in the middle leaves the session knowing where it is.
 *
 * Rules: V1-06, V1-09, V1-13, V1-26.
 */
#include "tests/v1/strict_device.h"

static const size_t sizes[] = {10, 20};

static const enum vfmig_state states[] = {VFMIG_STATE_STOP, VFMIG_STATE_RUNNING,
					  VFMIG_STATE_STOP_COPY, VFMIG_STATE_PRE_COPY,
					  VFMIG_STATE_RESUMING};

static void load_all(struct strict *s, struct vfmig_session *session)
{
	uint8_t buf[20];

	/* What is not framed is given on as it comes: a write is a transaction. */
	for (unsigned t = 0; t < 2; t++) {
		for (size_t i = 0; i < sizes[t]; i++)
			buf[i] = (uint8_t)(t * 7 + i);
		CHECK_EQ(vfmig_session_write(session, buf, sizes[t], NULL), 0);
	}
	CHECK_EQ(s->loaded, 2);
}

static void go(enum vfmig_state from, enum vfmig_state to)
{
	struct strict *s = strict_new(sizes, 2, 1);
	struct vfmig_session *session;
	enum vfmig_state state;
	unsigned before, runs;
	int ret;

	CHECK_EQ(vfmig_session_open(&s->device, "v1", &session, NULL), 0);
	CHECK_EQ(vfmig_session_set_state(session, from, NULL), 0);
	if (from == VFMIG_STATE_RESUMING)
		load_all(s, session);
	before = s->nwrites;
	runs = s->runs;
	ret = vfmig_session_set_state(session, to, NULL);
	if (from == VFMIG_STATE_STOP_COPY && to == VFMIG_STATE_PRE_COPY) {
		CHECK_EQ(ret, -EINVAL);
		CHECK_EQ(s->nwrites, before);
		to = from;
	} else {
		CHECKF(!ret, "%s to %s", vfmig_state_name(from), vfmig_state_name(to));
	}
	CHECK_EQ(s->bits, abi_region_state_from(to));
	CHECK_EQ(vfmig_session_get_state(session, &state, NULL), 0);
	CHECK_EQ(state, to);
	if (from == to)
		CHECK_EQ(s->nwrites, before);
	if (!(abi_region_state_from(to) & 1) && from != VFMIG_STATE_RESUMING)
		CHECK_EQ(s->runs, runs);
	vfmig_session_close(session);
	vfmig_device_close(&s->device);
}

/* Not loaded, it does not run: the session says so, knows the state, and a reset helps. */
static void fails(void)
{
	struct strict *s = strict_new(sizes, 2, 1);
	struct vfmig_session *session;
	enum vfmig_state state;

	CHECK_EQ(vfmig_session_open(&s->device, NULL, &session, NULL), 0);
	CHECK_EQ(vfmig_session_set_state(session, VFMIG_STATE_RESUMING, NULL), 0);
	CHECK_EQ(vfmig_session_set_state(session, VFMIG_STATE_STOP, NULL), -EINVAL);
	CHECK_EQ(vfmig_session_get_state(session, &state, NULL), 0);
	CHECK_EQ(state, VFMIG_STATE_RESUMING);
	CHECK_EQ(vfmig_device_reset(&s->device, NULL), 0);
	CHECK_EQ(vfmig_session_get_state(session, &state, NULL), 0);
	CHECK_EQ(state, VFMIG_STATE_RUNNING);
	/* An error state is what only a reset leads out of. */
	s->bits = 6;
	CHECK_EQ(vfmig_session_get_state(session, &state, NULL), 0);
	CHECK_EQ(state, VFMIG_STATE_ERROR);
	CHECK_EQ(vfmig_session_set_state(session, VFMIG_STATE_RUNNING, NULL), -EINVAL);
	s->bits = 1;
	CHECK_EQ(vfmig_session_set_state(session, VFMIG_STATE_RUNNING, NULL), 0);
	vfmig_session_close(session);
	vfmig_device_close(&s->device);
}

/* Giving up is one write, from wherever. */
static void gives_up(void)
{
	for (unsigned i = 0; i < 4; i++) {
		struct strict *s = strict_new(sizes, 2, 1);
		struct vfmig_session *session;

		CHECK_EQ(vfmig_session_open(&s->device, NULL, &session, NULL), 0);
		CHECK_EQ(vfmig_session_set_state(session, states[i], NULL), 0);
		s->nwrites = 0;
		CHECK_EQ(vfmig_session_set_state(session, VFMIG_STATE_RUNNING, NULL), 0);
		CHECK_EQ(s->nwrites, states[i] == VFMIG_STATE_RUNNING ? 0 : 1);
		CHECK_EQ(s->bits, 1);
		vfmig_session_close(session);
		vfmig_device_close(&s->device);
	}
}

/* Errors in the middle, with the device's own code; and a request that is none of a session's. */
static void errors(void)
{
	struct strict *s = strict_new(sizes, 2, 1);
	struct vfmig_precopy_info info;
	struct vfmig_session *session;
	uint64_t bytes;
	char buf[64];

	CHECK_EQ(vfmig_session_open(&s->device, NULL, &session, NULL), 0);
	CHECK_EQ(vfmig_session_read(session, buf, sizeof(buf), NULL), -EINVAL);
	CHECK_EQ(vfmig_session_write(session, buf, sizeof(buf), NULL), -EINVAL);
	CHECK_EQ(vfmig_session_get_data_size(session, &bytes, NULL), -ENOTTY);
	CHECK_EQ(vfmig_session_get_precopy_info(session, &info, NULL), -EINVAL);
	CHECK_EQ(vfmig_session_set_state(session, VFMIG_STATE_RUNNING_P2P, NULL), -EINVAL);
	CHECK_EQ(vfmig_session_set_state(session, VFMIG_STATE_PRE_COPY, NULL), 0);
	CHECK_EQ(vfmig_session_get_precopy_info(session, &info, NULL), 0);
	CHECK_EQ(info.initial_bytes, 0);
	CHECK_EQ(info.dirty_bytes, 10);
	CHECK_EQ(vfmig_session_get_data_size(session, &bytes, NULL), 0);
	CHECK_EQ(bytes, 10);
	CHECK(vfmig_session_read(session, buf, sizeof(buf), NULL) > 0); /* the prefix */
	CHECK_EQ(vfmig_session_read(session, buf, 13, NULL), 13);
	CHECK_EQ(vfmig_session_get_precopy_info(session, &info, NULL), 0);
	CHECK_EQ(info.dirty_bytes,
		 5); /* in the middle of a transaction, and the device is not asked */
	s->fail_data = -EREMOTEIO;
	CHECK_EQ(vfmig_session_read(session, buf, 13, NULL), -EREMOTEIO);
	CHECK_EQ(vfmig_session_set_state(session, VFMIG_STATE_RUNNING, NULL), 0);
	CHECK_EQ(vfmig_session_set_state(session, VFMIG_STATE_RESUMING, NULL), 0);
	s->fail_size = -ENOSPC;
	CHECK_EQ(vfmig_session_write(session, "0123456789", 10, NULL), -ENOSPC);
	vfmig_session_close(session);
	vfmig_device_close(&s->device);
}

/* Memory that could be taken away, or is too small, is not mapped. */
static void mistrusts(void)
{
	struct strict *s = strict_new(sizes, 2, 1);
	struct vfmig_session *session;
	char buf[256];
	int fd = memfd_create("unsealed", MFD_CLOEXEC);

	CHECK(fd >= 0 && !ftruncate(fd, STRICT_SIZE));
	s->mapped = true;
	CHECK(dup2(fd, s->fd) == s->fd);
	close(fd);
	CHECK_EQ(vfmig_session_open(&s->device, NULL, &session, NULL), 0);
	CHECK_EQ(vfmig_session_set_state(session, VFMIG_STATE_STOP_COPY, NULL), 0);
	while (vfmig_session_read(session, buf, sizeof(buf), NULL) > 0)
		;
	CHECK(s->wide + s->narrow);
	vfmig_session_close(session);
	vfmig_device_close(&s->device);
}

int main(void)
{
	for (size_t from = 0; from < 5; from++)
		for (size_t to = 0; to < 5; to++)
			go(states[from], states[to]);
	fails();
	gives_up();
	errors();
	mistrusts();
	return 0;
}
