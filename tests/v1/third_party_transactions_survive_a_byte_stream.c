/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A v1 device that is strict about the text is saved and loaded by its drive: the accesses come in the order of
 * the text, as the device itself sees to; and its transactions arrive in their sizes, however the stream of bytes
 * was cut on its way, and wherever in it pre-copy was left.
 *
 * Rules: V1-36, V1-38, V1-42, V1-45, V1-46, V1-47, V1-53, V1-54.
 */
#include "tests/v1/strict_device.h"

static const size_t sizes[] = {100, 1, 8, 20000, 4096, 3, 67000, 17, 4095, 5};
#define COUNT	   10
#define IN_PRECOPY 6

struct stream {
	uint8_t *bytes;
	size_t len;
};

struct kind {
	uint32_t width;
	bool mapped;
};

static struct vfmig_session *open_session(struct strict *s)
{
	struct vfmig_session *session;

	CHECK_EQ(vfmig_session_open(&s->device, NULL, &session, NULL), 0);
	CHECK_STR(vfmig_session_protocol(session), "v1");
	CHECK_EQ(vfmig_session_flags(session),
		 VFMIG_MIGRATION_STOP_COPY | VFMIG_MIGRATION_PRE_COPY);
	return session;
}

/* Read at most @most times, in pieces of at most @piece bytes. Returns the last read's result. */
static ssize_t read_some(struct vfmig_session *session, struct stream *stream, size_t piece,
			 unsigned most)
{
	ssize_t ret = 1;

	for (unsigned i = 0; i < most && ret > 0; i++) {
		stream->bytes = realloc(stream->bytes, stream->len + piece);
		CHECK(stream->bytes);
		ret = vfmig_session_read(session, stream->bytes + stream->len, piece, NULL);
		stream->len += ret > 0 ? (size_t)ret : 0;
	}
	return ret;
}

static struct stream save(const struct kind *kind, size_t piece, unsigned reads_in_precopy)
{
	struct strict *s = strict_new(sizes, COUNT, IN_PRECOPY);
	struct vfmig_session *session;
	struct stream stream = {0};
	enum vfmig_state state;
	ssize_t ret;

	s->width = kind->width;
	s->mapped = kind->mapped;
	session = open_session(s);
	CHECK_EQ(vfmig_session_get_state(session, &state, NULL), 0);
	CHECK_EQ(state, VFMIG_STATE_RUNNING);
	CHECK_EQ(vfmig_session_set_state(session, VFMIG_STATE_PRE_COPY, NULL), 0);
	ret = read_some(session, &stream, piece, reads_in_precopy);
	CHECK(ret > 0 || ret == -ENOMSG || !reads_in_precopy);
	CHECK_EQ(vfmig_session_set_state(session, VFMIG_STATE_STOP_COPY, NULL), 0);
	CHECK_EQ(read_some(session, &stream, piece, UINT32_MAX), 0);
	CHECK_EQ(read_some(session, &stream, piece, 3), 0);
	CHECK_EQ(s->next, COUNT);
	CHECK_EQ(vfmig_session_set_state(session, VFMIG_STATE_STOP, NULL), 0);
	CHECK_EQ(s->bits, 0);
	if (kind->width && !kind->mapped)
		CHECK(!s->wide && s->narrow);
	else if (!kind->mapped)
		CHECK(s->wide);
	vfmig_session_close(session);
	vfmig_device_close(&s->device);
	return stream;
}

static void load(const struct kind *kind, const struct stream *stream, size_t piece)
{
	struct strict *s = strict_new(sizes, COUNT, IN_PRECOPY);
	struct vfmig_session *session;
	struct vfmig_error err = {0};

	s->width = kind->width;
	s->mapped = kind->mapped;
	session = open_session(s);
	CHECK_EQ(vfmig_session_set_state(session, VFMIG_STATE_RESUMING, NULL), 0);
	for (size_t at = 0; at < stream->len; at += piece) {
		size_t n = stream->len - at < piece ? stream->len - at : piece;

		/* RESUMING is not left before all is there. */
		if (at % 1013 == 0) {
			CHECK_EQ(s->bits, 4);
			if (at > 100)
				CHECK_EQ(vfmig_session_set_state(session, VFMIG_STATE_STOP, NULL),
					 -EINVAL);
		}
		CHECKF(!vfmig_session_write(session, stream->bytes + at, n, &err), "%s", err.text);
	}
	CHECK_EQ(s->loaded, COUNT);
	CHECK_EQ(vfmig_session_set_state(session, VFMIG_STATE_RUNNING, NULL), 0);
	CHECK_EQ(s->bits, 1);
	vfmig_session_close(session);
	vfmig_device_close(&s->device);
}

static void truncated(const struct stream *stream)
{
	struct strict *s = strict_new(sizes, COUNT, IN_PRECOPY);
	struct vfmig_session *session = open_session(s);
	struct vfmig_error err = {0};

	CHECK_EQ(vfmig_session_set_state(session, VFMIG_STATE_RESUMING, NULL), 0);
	CHECK_EQ(vfmig_session_write(session, stream->bytes, stream->len - 1, NULL), 0);
	CHECK_EQ(vfmig_session_set_state(session, VFMIG_STATE_RUNNING, &err), -EINVAL);
	CHECK(strstr(err.text, "incomplete"));
	CHECK_EQ(s->bits, 4);
	/* Bytes behind the end, or in the middle, are refused. */
	CHECK_EQ(vfmig_session_write(session, stream->bytes + stream->len - 1, 1, NULL), 0);
	CHECK_EQ(vfmig_session_write(session, "x", 1, NULL), -EINVAL);
	vfmig_session_close(session);
	vfmig_device_close(&s->device);
}

int main(void)
{
	static const struct kind kinds[] = {
		{0, false}, {8, false}, {4, false}, {0, true}, {8, true}};
	static const size_t pieces[] = {1 << 20, 4096, 77, 100000, 13};
	static const unsigned leaves[] = {0, 1, 2, 3, 5, 20, 300, UINT32_MAX};

	for (size_t k = 0; k < 5; k++) {
		for (size_t p = 0; p < 4; p++) {
			for (size_t l = (k + p) % 2; l < 8; l += 2) {
				struct stream stream = save(&kinds[k], pieces[p], leaves[l]);

				if (l / 2 == p)
					load(&kinds[(k + p) % 5], &stream, pieces[(p + l) % 5]);
				if (!k && !p && !l)
					truncated(&stream);
				free(stream.bytes);
			}
		}
	}
	return 0;
}
