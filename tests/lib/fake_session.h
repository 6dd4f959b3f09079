/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A session that does what a test tells it: walks v2's states, gives and takes chunks, fails where it is told to,
 * and holds requests until they are let go.
 */
#ifndef TESTS_LIB_FAKE_SESSION_H
#define TESTS_LIB_FAKE_SESSION_H

#include <errno.h>
#include <pthread.h>

#include "device/session.h"
#include "tests/lib/check.h"
#include "tests/lib/requests.h"

#define FAKE_ALL    (VFMIG_MIGRATION_STOP_COPY | VFMIG_MIGRATION_P2P | VFMIG_MIGRATION_PRE_COPY)
#define FAKE_CHUNKS 256

struct fake_chunk {
	size_t len;
	uint8_t fill; /* byte i of the chunk is fill + i */
	bool stopped; /* there only once the device has stopped */
};

struct fake_session {
	struct vfmig_session session; /* first */
	pthread_mutex_t lock;
	enum vfmig_state state;
	unsigned arcs; /* walked */

	/* what there is to read, in order */
	struct fake_chunk give[FAKE_CHUNKS];
	unsigned given, gives;
	unsigned reads; /* DATA_READs that were answered, empty ones too */

	/* what was written: the sizes, and all bytes */
	size_t took[FAKE_CHUNKS];
	unsigned takes;
	uint8_t *bytes;
	size_t bytes_len;

	/* failures: of the arc into a state, once, leaving the device where it is, or in ERROR */
	enum vfmig_state fail_into;
	bool fail_hard;
	int fail_read, fail_write; /* the next one's errno */
	bool untold;		   /* there is neither PRECOPY_INFO nor DATA_SIZE */

	/* requests that are held until they are let go */
	bool hold;
	struct request_list held;
};

static inline struct fake_session *fake_session_of(struct vfmig_session *session)
{
	return (struct fake_session *)session;
}

static inline bool fake_saving(const struct fake_session *fake)
{
	return vfmig_v2_state_saving(fake->state);
}

static inline ssize_t fake_go(struct fake_session *fake, enum vfmig_state to, struct vfmig_error *e)
{
	enum vfmig_state path[VFMIG_STATE_COUNT];
	size_t count;
	const char *why = vfmig_v2_path(fake->session.flags, fake->state, to, path, &count);

	if (why)
		return vfmig_err(e, -EINVAL, "fake: %s", why);
	for (size_t i = 0; i < count; i++) {
		if (fake->fail_into == path[i]) {
			fake->fail_into = VFMIG_STATE_ERROR;
			if (fake->fail_hard)
				fake->state = VFMIG_STATE_ERROR;
			return vfmig_err(e, -EREMOTEIO, "fake: told to fail");
		}
		switch (vfmig_v2_session_of(fake->state, path[i])) {
		case VFMIG_V2_SESSION_SAVE:
			fake->given = 0;
			break;
		case VFMIG_V2_SESSION_LOAD:
			fake->takes = 0;
			fake->bytes_len = 0;
			break;
		default:
			break;
		}
		fake->state = path[i];
		fake->arcs++;
	}
	return 0;
}

static inline bool fake_there(const struct fake_session *fake)
{
	return fake->given < fake->gives &&
	       (fake->state == VFMIG_STATE_STOP_COPY || !fake->give[fake->given].stopped);
}

static inline ssize_t fake_read(struct fake_session *fake, struct vfmig_request *request)
{
	struct fake_chunk *chunk = &fake->give[fake->given];
	uint8_t *to = request->data.buf;
	int ret = fake->fail_read;

	fake->reads++;
	fake->fail_read = 0;
	if (ret)
		return vfmig_err(request->err, ret, "fake: told to fail a read");
	if (!fake_saving(fake))
		return vfmig_err(request->err, -EINVAL, "fake: no data in %s",
				 vfmig_state_name(fake->state));
	if (!fake_there(fake))
		return fake->state == VFMIG_STATE_STOP_COPY ? 0 : -ENOMSG;
	CHECK(chunk->len <= request->data.len);
	for (size_t i = 0; i < chunk->len; i++)
		to[i] = (uint8_t)(chunk->fill + i);
	fake->given++;
	return (ssize_t)chunk->len;
}

static inline ssize_t fake_write(struct fake_session *fake, struct vfmig_request *request)
{
	int ret = fake->fail_write;

	fake->fail_write = 0;
	if (ret)
		return vfmig_err(request->err, ret, "fake: told to fail a write");
	if (fake->state != VFMIG_STATE_RESUMING)
		return vfmig_err(request->err, -EINVAL, "fake: data in %s",
				 vfmig_state_name(fake->state));
	CHECK(fake->takes < FAKE_CHUNKS);
	fake->took[fake->takes++] = request->data.len;
	fake->bytes = realloc(fake->bytes, fake->bytes_len + request->data.len);
	CHECK(fake->bytes);
	memcpy(fake->bytes + fake->bytes_len, request->data.buf, request->data.len);
	fake->bytes_len += request->data.len;
	return (ssize_t)request->data.len;
}

/* What is left to read now, or once the device has stopped. */
static inline uint64_t fake_left(const struct fake_session *fake, bool stopped)
{
	uint64_t left = 0;

	for (unsigned i = fake->given; i < fake->gives; i++)
		if (stopped || !fake->give[i].stopped)
			left += fake->give[i].len;
	return left;
}

static inline ssize_t fake_do(struct fake_session *fake, struct vfmig_request *request)
{
	switch (request->op) {
	case VFMIG_OP_SET_STATE:
		return fake_go(fake, request->state, request->err);
	case VFMIG_OP_GET_STATE:
		request->state = fake->state;
		return 0;
	case VFMIG_OP_DATA_READ:
		return fake_read(fake, request);
	case VFMIG_OP_DATA_WRITE:
		return fake_write(fake, request);
	case VFMIG_OP_PRECOPY_INFO:
		if (fake->untold)
			return -ENOTTY;
		request->precopy.initial_bytes = 0;
		request->precopy.dirty_bytes = fake_left(fake, false);
		return 0;
	case VFMIG_OP_DATA_SIZE:
		if (fake->untold)
			return -ENOTTY;
		request->data_size = fake_left(fake, true);
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

static inline void fake_session_submit(struct vfmig_session *session, struct vfmig_request *request)
{
	struct fake_session *fake = fake_session_of(session);
	ssize_t result = 0;
	bool hold;

	pthread_mutex_lock(&fake->lock);
	hold = fake->hold;
	if (hold)
		request_push(&fake->held, request);
	else
		result = fake_do(fake, request);
	pthread_mutex_unlock(&fake->lock);
	if (!hold)
		request_complete(request, result);
}

static inline bool fake_session_cancel(struct vfmig_session *session, struct vfmig_request *request)
{
	struct fake_session *fake = fake_session_of(session);
	bool had;

	pthread_mutex_lock(&fake->lock);
	had = request_remove(&fake->held, request);
	pthread_mutex_unlock(&fake->lock);
	return had;
}

/* Do the first request that is held, if there is one. */
static inline bool fake_let_go(struct fake_session *fake)
{
	struct vfmig_request *request;
	ssize_t result = 0;

	pthread_mutex_lock(&fake->lock);
	request = request_shift(&fake->held);
	if (request)
		result = fake_do(fake, request);
	pthread_mutex_unlock(&fake->lock);
	if (request)
		request_complete(request, result);
	return request;
}

static const struct session_ops fake_session_ops = {
	.submit = fake_session_submit,
	.cancel = fake_session_cancel,
};

static inline void fake_session_init(struct fake_session *fake, uint64_t flags)
{
	memset(fake, 0, sizeof(*fake));
	fake->session.ops = &fake_session_ops;
	fake->session.flags = flags;
	fake->state = VFMIG_STATE_RUNNING;
	pthread_mutex_init(&fake->lock, NULL);
}

static inline void fake_session_fini(struct fake_session *fake)
{
	CHECK(!fake->held.first);
	pthread_mutex_destroy(&fake->lock);
	free(fake->bytes);
}

static inline void fake_session_give(struct fake_session *fake, size_t len, uint8_t fill,
				     bool stopped)
{
	CHECK(fake->gives < FAKE_CHUNKS);
	fake->give[fake->gives++] =
		(struct fake_chunk){.len = len, .fill = fill, .stopped = stopped};
}

static inline bool fake_is_chunk(const void *bytes, size_t len, uint8_t fill)
{
	const uint8_t *at = bytes;

	for (size_t i = 0; i < len; i++)
		if (at[i] != (uint8_t)(fill + i))
			return false;
	return true;
}

#endif
