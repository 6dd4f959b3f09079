/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Saving: within an iteration pending_bytes, data_offset and data_size say the same however often they are
 * read; a transaction is the current one until pending_bytes is read; and each is handed over exactly once,
 * also when pre-copy is left in the middle, in any place of the sequence.
 *
 * Rules: V1-11, V1-19, V1-20, V1-21, V1-23, V1-28, V1-30, V1-37, V1-39, V1-40, V1-41, V1-43, V1-44,
 * TLK-03, PFN-08, PFN-10, PFN-23, PFN-24, PFN-25.
 */
#include "tests/v1/shown.h"

#define STOPPED true

static const enum region_data places[] = {REGION_DATA_TRAPPED, REGION_DATA_MAPPED,
					  REGION_DATA_PARTLY};

static struct shown *with_chunks(enum region_data place, uint64_t flags)
{
	struct region_options options = {.data = place, .transaction = 10000};
	struct shown *shown = shown_new(VFMIG_REGION_V1, flags, NULL, &options);

	fake_session_give(&shown->fake, 10000, 1, !STOPPED);
	fake_session_give(&shown->fake, 1, 2, !STOPPED);
	fake_session_give(&shown->fake, 5000, 3, !STOPPED);
	fake_session_give(&shown->fake, 7, 4, STOPPED);
	fake_session_give(&shown->fake, 9999, 5, STOPPED);
	return shown;
}

static void iterate(enum region_data place)
{
	struct shown *shown = with_chunks(place, FAKE_ALL);
	unsigned reads;

	/* Nothing is pending while nobody saves, and to ask has no effect. */
	CHECK_EQ(reg64(shown, PENDING), 0);
	CHECK_EQ(reg64(shown, DATA_SIZE), 0);
	CHECK(reg64(shown, DATA_OFFSET) >= 32);
	CHECK_EQ(shown->fake.reads, 0);

	CHECK_EQ(put_state(shown, 3), 0);
	for (int again = 0; again < 3; again++)
		CHECK_EQ(reg64(shown, PENDING), 10000 + 1 + 5000);
	CHECK_EQ(shown->fake.given, 1);
	for (int again = 0; again < 3; again++)
		fetch_chunk(shown, 10000, 1);
	CHECK_EQ(shown->fake.given, 1);
	for (int again = 0; again < 3; again++)
		CHECK_EQ(reg64(shown, PENDING), 1 + 5000);
	fetch_chunk(shown, 1, 2);
	CHECK_EQ(reg64(shown, PENDING), 5000);
	fetch_chunk(shown, 5000, 3);
	CHECK_EQ(reg64(shown, PENDING), 0);
	CHECK_EQ(reg64(shown, PENDING), 0);
	CHECK_EQ(reg64(shown, DATA_SIZE), 0);

	CHECK_EQ(put_state(shown, 2), 0);
	CHECK_EQ(reg64(shown, PENDING), 7 + 9999);
	fetch_chunk(shown, 7, 4);
	CHECK_EQ(reg64(shown, PENDING), 9999);
	fetch_chunk(shown, 9999, 5);
	CHECK_EQ(reg64(shown, PENDING), 0);
	reads = shown->fake.reads;
	CHECK_EQ(reg64(shown, PENDING), 0);
	CHECK_EQ(reg64(shown, DATA_SIZE), 0);
	CHECK_EQ(shown->fake.reads, reads); /* the end is the end */
	CHECK_EQ(put_state(shown, 0), 0);
	CHECK_EQ(reg64(shown, PENDING), 0);
	vfmig_device_close(&shown->device);
}

/* Pre-copy is left after this many register reads of the sequence a to f, twice round. */
static void leave_after(enum region_data place, unsigned steps)
{
	static const struct {
		size_t len;
		uint8_t fill;
	} chunks[] = {{10000, 1}, {1, 2}, {5000, 3}, {7, 4}, {9999, 5}};
	struct shown *shown = with_chunks(place, FAKE_ALL);
	unsigned next = 0;
	bool fetched = false;

	CHECK_EQ(put_state(shown, 3), 0);
	for (unsigned i = 0; i < steps; i++) {
		switch (i % 4) {
		case 0:
			CHECK(reg64(shown, PENDING));
			next += fetched;
			fetched = false;
			break;
		case 1:
			CHECK_EQ(reg64(shown, DATA_OFFSET), shown->data);
			break;
		case 2:
			CHECK_EQ(reg64(shown, DATA_SIZE), chunks[next].len);
			break;
		default:
			fetch_chunk(shown, chunks[next].len, chunks[next].fill);
			fetched = true;
		}
	}
	CHECK_EQ(put_state(shown, 2), 0);
	/* Who has begun to fetch can go on to do so; the next read of pending_bytes ends that. */
	if (steps % 4 == 2 || steps % 4 == 3)
		fetch_chunk(shown, chunks[next].len, chunks[next].fill);
	if (steps % 4 == 2 || steps % 4 == 3 || fetched)
		next++;
	while (reg64(shown, PENDING)) {
		CHECK(next < 5);
		fetch_chunk(shown, chunks[next].len, chunks[next].fill);
		next++;
	}
	CHECK_EQ(next, 5);
	vfmig_device_close(&shown->device);
}

/* Who gives up and begins again gets all of it anew. */
static void begin_again(enum region_data place, uint32_t by_way_of)
{
	struct shown *shown = with_chunks(place, FAKE_ALL);

	CHECK_EQ(put_state(shown, 3), 0);
	CHECK(reg64(shown, PENDING));
	fetch_chunk(shown, 10000, 1);
	CHECK(reg64(shown, PENDING));
	CHECK_EQ(put_state(shown, by_way_of), 0);
	CHECK_EQ(reg64(shown, PENDING), 0);
	CHECK_EQ(put_state(shown, 2), 0);
	CHECK_EQ(reg64(shown, PENDING), 10000 + 1 + 5000 + 7 + 9999);
	fetch_chunk(shown, 10000, 1);
	/* And writing the state that there is changes nothing. */
	CHECK_EQ(put_state(shown, 2), 0);
	fetch_chunk(shown, 10000, 1);
	CHECK_EQ(reg64(shown, PENDING), 1 + 5000 + 7 + 9999);
	vfmig_device_close(&shown->device);
}

/* A device without pre-copy shows it: it runs, nothing is pending, and all comes at the stop. */
static void without_precopy(enum region_data place)
{
	struct shown *shown = with_chunks(place, VFMIG_MIGRATION_STOP_COPY);

	CHECK_EQ(put_state(shown, 3), 0);
	CHECK_EQ(state(shown), 3);
	CHECK_EQ(shown->fake.state, VFMIG_STATE_RUNNING);
	CHECK_EQ(reg64(shown, PENDING), 0);
	CHECK_EQ(reg64(shown, DATA_SIZE), 0);
	CHECK_EQ(reg64(shown, PENDING), 0);
	CHECK_EQ(shown->fake.reads, 0);
	CHECK_EQ(put_state(shown, 2), 0);
	CHECK_EQ(shown->fake.state, VFMIG_STATE_STOP_COPY);
	CHECK_EQ(reg64(shown, PENDING), 10000 + 1 + 5000 + 7 + 9999);
	fetch_chunk(shown, 10000, 1);
	vfmig_device_close(&shown->device);
}

/* A session that cannot tell how much is left: pending_bytes is right about whether there is anything. */
static void without_sizes(enum region_data place)
{
	struct shown *shown = with_chunks(place, FAKE_ALL);

	shown->fake.untold = true;
	CHECK_EQ(put_state(shown, 3), 0);
	CHECK_EQ(reg64(shown, PENDING), 10000);
	fetch_chunk(shown, 10000, 1);
	CHECK_EQ(put_state(shown, 2), 0);
	CHECK_EQ(reg64(shown, PENDING), 1);
	fetch_chunk(shown, 1, 2);
	CHECK_EQ(reg64(shown, PENDING), 5000);
	vfmig_device_close(&shown->device);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		iterate(places[i]);
		for (unsigned steps = 0; steps <= 12; steps++)
			leave_after(places[i], steps);
		for (uint32_t state = 0; state < 5; state += state ? 3 : 1)
			begin_again(places[i], state);
		without_precopy(places[i]);
		without_sizes(places[i]);
	}
	return 0;
}
