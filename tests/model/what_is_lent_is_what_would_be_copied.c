/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A reader who lets the device lend gets the same bytes as one who does not, whatever the memory looks like and however
 * large its buffer is; and what somebody else may write while the device runs is not lent, for it is remembered as it
 * was sent.
 */
#include <errno.h>
#include <sys/mman.h>

#include "model/kit.h"
#include "tests/lib/test_device.h"

#define PAGE   4096u
#define MEMORY (2u << 20)
#define STREAM (4u << 20)

static uint8_t copied[STREAM], joined[STREAM], buffer[STREAM];

/* Runs of 1, 2, 3 … pages with something in them, with zeros between. */
static struct vfmig_device *striped(void)
{
	struct vfmig_device *card = test_device_open("memory=2M");
	uint8_t page[PAGE];

	for (uint64_t at = 0, run = 1; at + run * PAGE <= MEMORY; at += (run + 1) * PAGE, run++)
		for (uint64_t i = 0; i < run; i++) {
			memset(page, (int)(run + i) | 1, PAGE);
			CHECK_OK(vfmig_device_region_write(card, 2,
							   TEST_DEVICE_MEMORY_AT + at + i * PAGE,
							   page, PAGE, &test_err));
		}
	return card;
}

static size_t read_all(struct vfmig_session *session, uint8_t *to)
{
	size_t all = 0;
	ssize_t n;

	while ((n = vfmig_session_read(session, to + all, STREAM - all, &test_err)) > 0)
		all += (size_t)n;
	CHECK_OK(n);
	return all;
}

/* Returns how much of it was lent. */
static size_t read_lent(struct vfmig_session *session, size_t capacity, size_t *all)
{
	size_t lent = 0;

	for (*all = 0;;) {
		struct vfmig_lent pieces = {0};
		struct vfmig_request request = {.op = VFMIG_OP_DATA_READ, .err = &test_err};
		size_t bytes = 0;
		ssize_t n;

		request.data.buf = buffer;
		request.data.len = capacity;
		request.data.lent = &pieces;
		n = vfmig_session_call(session, &request);
		if (!n || n == -ENOMSG)
			return lent;
		CHECK_OK(n);
		CHECK(pieces.count <= VFMIG_LENT_MAX);
		for (unsigned i = 0; i < pieces.count; i++) {
			const uint8_t *from = pieces.piece[i].iov_base;
			size_t len = pieces.piece[i].iov_len;

			CHECK(*all + bytes + len <= STREAM);
			memcpy(joined + *all + bytes, from, len);
			bytes += len;
			if (from < buffer || from >= buffer + STREAM)
				lent += len;
		}
		if (!pieces.count)
			memcpy(joined + *all, buffer, bytes = (size_t)n);
		CHECK_EQ(bytes, n);
		*all += bytes;
	}
}

int main(void)
{
	static const size_t rooms[] = {1, 777, 4 * PAGE - 1, 64 << 10, 1 << 20, STREAM};
	struct vfmig_device *card = striped();
	struct vfmig_session *session = test_device_session(card);
	size_t expected, got, lent;
	void *shown;

	test_device_go(session, VFMIG_STATE_STOP_COPY);
	expected = read_all(session, copied);
	for (unsigned i = 0; i < sizeof(rooms) / sizeof(*rooms); i++) {
		test_device_go(session, VFMIG_STATE_RUNNING);
		test_device_go(session, VFMIG_STATE_STOP_COPY);
		lent = read_lent(session, rooms[i], &got);
		CHECK_EQ(got, expected);
		CHECK(!memcmp(joined, copied, expected));
		CHECKF(!kit_lends || (rooms[i] < 4 * PAGE ? !lent : lent),
		       "of %zu bytes %zu were lent, with room for %zu", expected, lent, rooms[i]);
	}
	test_device_go(session, VFMIG_STATE_RUNNING);
	CHECK_OK(
		vfmig_device_region_map(card, 2, TEST_DEVICE_MEMORY_AT, MEMORY, &shown, &test_err));
	test_device_go(session, VFMIG_STATE_PRE_COPY);
	lent = read_lent(session, 1 << 20, &got);
	CHECKF(got > MEMORY / 2 && !lent, "of %zu bytes that others may write %zu were lent", got,
	       lent);
	munmap(shown, MEMORY);
	vfmig_session_close(session);
	vfmig_device_close(card);
	return 0;
}
