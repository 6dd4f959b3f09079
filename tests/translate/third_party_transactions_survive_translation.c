/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A strict v1 device that is shown as v2: its user sees v2 and nothing else, reads a stream of bytes in pieces of
 * any size, and writes it into another such device in pieces of others; that gets its transactions back in their
 * sizes. It is in STOP when its user asks for that, though it can check only by running: it does so when it is to run.
 *
 * Rules: V1-54.
 */
#include <vfmig/open.h>

#include "tests/v1/strict_device.h"

static const size_t sizes[] = {100, 1, 8, 20000, 4096, 3, 67000, 17};
#define COUNT 8

static struct vfmig_session *open_v2(struct vfmig_device *device)
{
	struct vfmig_session *session;
	struct vfmig_region region;
	struct vfmig_device_info info;
	uint32_t word;

	CHECK_EQ(vfmig_session_open(device, NULL, &session, NULL), 0);
	CHECK_STR(vfmig_session_protocol(session), "v2");
	CHECK_EQ(vfmig_session_flags(session),
		 VFMIG_MIGRATION_STOP_COPY | VFMIG_MIGRATION_PRE_COPY);
	/* The region is not to be seen, and cannot be reached. */
	CHECK_EQ(vfmig_device_get_info(device, &info, NULL), 0);
	CHECK(info.num_regions > STRICT_INDEX);
	CHECK_EQ(vfmig_device_get_region_info(device, STRICT_INDEX, &region, NULL), 0);
	CHECK_EQ(region.size, 0);
	CHECK_EQ(vfmig_device_region_read(device, STRICT_INDEX, 0, &word, 4, NULL), -EINVAL);
	return session;
}

static struct vfmig_device *shown(struct strict *s)
{
	struct vfmig_device *device = &s->device;
	struct vfmig_error err = {0};

	CHECKF(!vfmig_device_add_filter(&device, "translate,protocol=v2", &err), "%s", err.text);
	return device;
}

static size_t save(uint8_t *bytes, size_t capacity, size_t piece, unsigned reads_in_precopy)
{
	struct strict *s = strict_new(sizes, COUNT, 5);
	struct vfmig_device *device = shown(s);
	struct vfmig_session *session = open_v2(device);
	size_t len = 0;
	ssize_t n = 1;

	CHECK_EQ(vfmig_session_set_state(session, VFMIG_STATE_PRE_COPY, NULL), 0);
	for (unsigned i = 0; i < reads_in_precopy && n > 0; i++) {
		n = vfmig_session_read(session, bytes + len, piece, NULL);
		len += n > 0 ? (size_t)n : 0;
	}
	CHECK(n > 0 || n == -ENOMSG);
	CHECK_EQ(vfmig_session_set_state(session, VFMIG_STATE_STOP_COPY, NULL), 0);
	while ((n = vfmig_session_read(session, bytes + len, piece, NULL)) > 0) {
		len += (size_t)n;
		CHECK(len + piece <= capacity);
	}
	CHECK_EQ(n, 0);
	CHECK_EQ(vfmig_session_set_state(session, VFMIG_STATE_STOP, NULL), 0);
	vfmig_session_close(session);
	vfmig_device_close(device);
	return len;
}

static void load(const uint8_t *bytes, size_t len, size_t piece)
{
	struct strict *s = strict_new(sizes, COUNT, 5);
	struct vfmig_device *device = shown(s);
	struct vfmig_session *session = open_v2(device);
	enum vfmig_state state;

	CHECK_EQ(vfmig_session_set_state(session, VFMIG_STATE_RESUMING, NULL), 0);
	for (size_t at = 0; at < len; at += piece)
		CHECK_EQ(vfmig_session_write(session, bytes + at,
					     piece < len - at ? piece : len - at, NULL),
			 0);
	CHECK_EQ(s->loaded, COUNT);
	CHECK_EQ(vfmig_session_set_state(session, VFMIG_STATE_STOP, NULL), 0);
	CHECK_EQ(vfmig_session_get_state(session, &state, NULL), 0);
	CHECK_EQ(state, VFMIG_STATE_STOP);
	CHECK_EQ(s->bits, 4);
	CHECK_EQ(s->runs, 0);
	CHECK_EQ(vfmig_session_set_state(session, VFMIG_STATE_RUNNING, NULL), 0);
	CHECK_EQ(s->bits, 1);
	CHECK_EQ(s->runs, 1);
	vfmig_session_close(session);
	vfmig_device_close(device);
}

/* What it is given is not what it gave: it does not run, and its user hears of it. */
static void refused(uint8_t *bytes, size_t len)
{
	struct strict *s = strict_new(sizes, COUNT, 5);
	struct vfmig_device *device = shown(s);
	struct vfmig_session *session = open_v2(device);
	enum vfmig_state state;

	s->count = COUNT + 1; /* it wants one more */
	CHECK_EQ(vfmig_session_set_state(session, VFMIG_STATE_RESUMING, NULL), 0);
	CHECK_EQ(vfmig_session_write(session, bytes, len, NULL), 0);
	CHECK_EQ(vfmig_session_set_state(session, VFMIG_STATE_STOP, NULL), 0);
	CHECK_EQ(vfmig_session_set_state(session, VFMIG_STATE_RESUMING, NULL), -EBUSY);
	CHECK_EQ(vfmig_session_set_state(session, VFMIG_STATE_RUNNING, NULL), -EINVAL);
	CHECK_EQ(vfmig_session_get_state(session, &state, NULL), 0);
	CHECK_EQ(state, VFMIG_STATE_RESUMING);
	CHECK_EQ(vfmig_device_reset(device, NULL), 0);
	CHECK_EQ(vfmig_session_get_state(session, &state, NULL), 0);
	CHECK_EQ(state, VFMIG_STATE_RUNNING);
	vfmig_session_close(session);
	vfmig_device_close(device);
}

int main(void)
{
	static const size_t pieces[] = {1 << 20, 4096, 777};
	static const unsigned leaves[] = {0, 2, 5, 1000};
	size_t capacity = 2 << 20, len;
	uint8_t *bytes = malloc(capacity);

	CHECK(bytes);
	for (size_t p = 0; p < 3; p++) {
		for (size_t l = 0; l < 4; l++) {
			len = save(bytes, capacity, pieces[p], leaves[l]);
			load(bytes, len, pieces[(p + l) % 3]);
		}
	}
	refused(bytes, len);
	free(bytes);
	return 0;
}
