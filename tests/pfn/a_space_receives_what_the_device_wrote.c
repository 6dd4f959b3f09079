/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A session on a pfn device speaks for it in its space: a cursor starts the device's saving, hears exactly what it
 * wrote, whatever way the session goes meanwhile and with the device's data read in between, and hears everything
 * where some of it cannot be known; with the last cursor it ends. Without the session the device has no log.
 *
 * Rules: PFN-28, PFN-36.
 */
#include <vfmig/space.h>

#include "tests/pfn/fake_logger.h"

static bool received[FAKE_PAGES];

static int hear(void *context, uint64_t iova, uint64_t size)
{
	for (uint64_t at = iova; at < iova + size; at += 4096)
		received[at / 4096] = true;
	return 0;
}

static void collect(struct vfmig_cursor *cursor)
{
	memset(received, 0, sizeof(received));
	vfmig_cursor_merge(cursor, NULL);
	CHECK_EQ(vfmig_cursor_read_clear(cursor, 0, UINT64_MAX, hear, NULL), 0);
}

static void expect(struct vfmig_cursor *cursor, struct fake_logger *log, unsigned every)
{
	static bool written[FAKE_PAGES];
	unsigned seed = every;

	for (unsigned i = 0; i < FAKE_PAGES; i++)
		log->dirty[i] = written[i] = rand_r(&seed) % every == 0;
	collect(cursor);
	for (unsigned i = 0; i < FAKE_PAGES; i++)
		CHECKF(received[i] == written[i], "page %u", i);
	collect(cursor);
	for (unsigned i = 0; i < FAKE_PAGES; i++)
		CHECK(!received[i]);
}

static void expect_all(struct vfmig_cursor *cursor)
{
	collect(cursor);
	for (unsigned i = 0; i < FAKE_PAGES; i++)
		CHECK(received[i]);
}

struct bench {
	struct vfmig_space *space;
	struct fake_logger log;
	struct shown *shown;
	struct vfmig_session *session;
	struct vfmig_cursor *cursor;
};

static void set_up(struct bench *b, const struct region_options *options)
{
	static uint8_t memory[4096];
	struct vfmig_map map = {
		.size = FAKE_PAGES * 4096ull,
		.prot = VFMIG_PROT_READ | VFMIG_PROT_WRITE,
		.kind = VFMIG_MAP_MEMORY,
		.ptr = memory, /* nobody touches it */
		.fd = -1,
	};

	b->space = vfmig_space_new();
	CHECK(b->space);
	CHECK_EQ(vfmig_space_map(b->space, &map, NULL), 0);
	b->shown = shown_pages(&b->log, options);
	fake_session_give(&b->shown->fake, 50, 1, false);
	fake_session_give(&b->shown->fake, 60, 2, false);
	fake_session_give(&b->shown->fake, 40, 3, true);
	CHECK_EQ(vfmig_space_attach(b->space, &b->shown->device, NULL), 0);
	CHECK_EQ(vfmig_cursor_open(b->space, &b->cursor, NULL), -EOPNOTSUPP);
	CHECK_EQ(vfmig_session_open(&b->shown->device, "pfn", &b->session, NULL), 0);
	CHECK_STR(vfmig_session_protocol(b->session), "pfn");
	CHECK_EQ(vfmig_cursor_open(b->space, &b->cursor, NULL), 0);
	CHECK(b->log.on);
}

static void tear_down(struct bench *b)
{
	vfmig_cursor_close(b->cursor);
	CHECK(!b->log.on);
	vfmig_session_close(b->session);
	vfmig_space_free(b->space);
	vfmig_device_close(&b->shown->device);
}

static void read_chunk(struct bench *b, size_t len, uint8_t fill, size_t piece)
{
	uint8_t buf[100];
	size_t at = 0;

	while (at < len) {
		ssize_t n = vfmig_session_read(b->session, buf + at,
					       piece < len - at ? piece : len - at, NULL);

		CHECK(n > 0);
		at += (size_t)n;
		/* The bitmap is asked for in the middle of the transaction, too. */
		if (piece < len)
			expect(b->cursor, &b->log, 30);
	}
	CHECK(fake_is_chunk(buf, len, fill));
}

static void migrates(const struct region_options *options, size_t piece)
{
	struct bench b;
	enum vfmig_state state;

	set_up(&b, options);
	CHECK_EQ(b.shown->fake.state, VFMIG_STATE_PRE_COPY);
	CHECK_EQ(vfmig_session_get_state(b.session, &state, NULL), 0);
	CHECK_EQ(state, VFMIG_STATE_RUNNING); /* as far as the session is concerned */
	expect(b.cursor, &b.log, 10);
	CHECK_EQ(vfmig_session_set_state(b.session, VFMIG_STATE_PRE_COPY, NULL), 0);
	expect(b.cursor, &b.log, 11);
	read_chunk(&b, 50, 1, piece);
	expect(b.cursor, &b.log, 12);
	if (piece < 60) {
		/* Left in the middle: the rest comes after the stop. */
		uint8_t buf[100];

		CHECK_EQ(vfmig_session_read(b.session, buf, 20, NULL), 20);
		CHECK_EQ(vfmig_session_set_state(b.session, VFMIG_STATE_STOP_COPY, NULL), 0);
		expect(b.cursor, &b.log, 13);
		CHECK_EQ(vfmig_session_read(b.session, buf + 20, 80, NULL), 40);
		CHECK(fake_is_chunk(buf, 60, 2));
	} else {
		CHECK_EQ(vfmig_session_set_state(b.session, VFMIG_STATE_STOP_COPY, NULL), 0);
		read_chunk(&b, 60, 2, piece);
	}
	read_chunk(&b, 40, 3, piece);
	expect(b.cursor, &b.log, 14);
	CHECK_EQ(vfmig_session_set_state(b.session, VFMIG_STATE_STOP, NULL), 0);
	CHECK_EQ(vfmig_session_get_state(b.session, &state, NULL), 0);
	CHECK_EQ(state, VFMIG_STATE_STOP);
	expect(b.cursor, &b.log, 15); /* still */
	CHECK_EQ(b.log.starts, 1);
	tear_down(&b);
}

/* Given up and begun again: the data comes anew, and what was written meanwhile is not known. */
static void begins_again(const struct region_options *options)
{
	struct bench b;

	set_up(&b, options);
	CHECK_EQ(vfmig_session_set_state(b.session, VFMIG_STATE_PRE_COPY, NULL), 0);
	read_chunk(&b, 50, 1, 100);
	CHECK_EQ(vfmig_session_set_state(b.session, VFMIG_STATE_RUNNING, NULL), 0);
	CHECK_EQ(b.shown->fake.state, VFMIG_STATE_PRE_COPY); /* goes on logging */
	expect(b.cursor, &b.log, 20);
	CHECK_EQ(vfmig_session_set_state(b.session, VFMIG_STATE_PRE_COPY, NULL), 0);
	expect_all(b.cursor);
	expect(b.cursor, &b.log, 21);
	read_chunk(&b, 50, 1, 100);
	CHECK_EQ(b.log.starts, 2);
	CHECK_EQ(vfmig_session_set_state(b.session, VFMIG_STATE_RUNNING, NULL), 0);
	tear_down(&b);
}

/* Given up after the stop: it runs on, and is saving again. */
static void goes_back(const struct region_options *options)
{
	struct bench b;

	set_up(&b, options);
	CHECK_EQ(vfmig_session_set_state(b.session, VFMIG_STATE_PRE_COPY, NULL), 0);
	CHECK_EQ(vfmig_session_set_state(b.session, VFMIG_STATE_STOP_COPY, NULL), 0);
	expect(b.cursor, &b.log, 20);
	CHECK_EQ(vfmig_session_set_state(b.session, VFMIG_STATE_RUNNING, NULL), 0);
	CHECK_EQ(b.shown->fake.state, VFMIG_STATE_PRE_COPY);
	expect_all(b.cursor);
	expect(b.cursor, &b.log, 21);
	tear_down(&b);
}

/* One who says what is to be logged is told all of it once, in whatever pieces he asks, and no report fails. */
static void is_told_once(const struct region_options *options)
{
	const struct vfmig_dma_logging_range ranges[] = {{0, 16 * 4096}, {32 * 4096, 16 * 4096}};
	struct vfmig_feature_dma_logging_control control = {
		.page_size = 4096, .num_ranges = 2, .ranges = (uintptr_t)ranges};
	static const struct {
		unsigned page, count;
		bool all; /* as written, the first time */
	} asks[] = {{40, 8, true}, {0, 16, true},  {32, 8, true},  {0, 16, true},
		    {40, 8, true}, {0, 16, false}, {32, 16, false}};
	struct vfmig_feature_dma_logging_report report = {.page_size = 4096};
	struct vfmig_request request = {.op = VFMIG_OP_FEATURE};
	uint64_t bits;
	struct bench b;

	set_up(&b, options);
	vfmig_cursor_close(b.cursor);
	request.feature.flags = VFMIG_FEATURE_SET | VFMIG_FEATURE_DMA_LOGGING_START;
	request.feature.data = &control;
	request.feature.size = sizeof(control);
	CHECK_EQ(vfmig_session_call(b.session, &request), 0);
	CHECK_EQ(vfmig_session_call(b.session, &request), -EINVAL);
	CHECK_EQ(vfmig_session_set_state(b.session, VFMIG_STATE_STOP_COPY, NULL), 0);
	CHECK_EQ(vfmig_session_set_state(b.session, VFMIG_STATE_RUNNING, NULL), 0);
	request.feature.flags = VFMIG_FEATURE_GET | VFMIG_FEATURE_DMA_LOGGING_REPORT;
	request.feature.data = &report;
	request.feature.size = sizeof(report);
	report.bitmap = (uintptr_t)&bits;
	for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
		bits = 0;
		report.iova = asks[i].page * 4096ull;
		report.length = asks[i].count * 4096ull;
		CHECK_EQ(vfmig_session_call(b.session, &request), 0);
		CHECKF(bits == (asks[i].all ? (1ull << asks[i].count) - 1 : 0), "ask %zu", i);
	}
	request.feature.flags = VFMIG_FEATURE_SET | VFMIG_FEATURE_DMA_LOGGING_STOP;
	CHECK_EQ(vfmig_session_call(b.session, &request), 0);
	CHECK_EQ(vfmig_cursor_open(b.space, &b.cursor, NULL), 0);
	tear_down(&b);
}

/* A log that fails, and a device that was reset: everything, and never nothing. */
static void is_lost(const struct region_options *options)
{
	struct bench b;

	set_up(&b, options);
	b.log.fail_report = -EIO;
	expect_all(b.cursor);
	b.log.fail_report = 0;
	expect(b.cursor, &b.log, 20);
	CHECK_EQ(vfmig_device_reset(&b.shown->device, NULL), 0);
	expect_all(b.cursor);
	tear_down(&b);
}

/* A device that cannot save cannot be tracked. */
static void is_refused(const struct region_options *options)
{
	struct bench b;

	set_up(&b, options);
	vfmig_cursor_close(b.cursor);
	CHECK_EQ(b.shown->fake.state, VFMIG_STATE_RUNNING);
	b.shown->fake.fail_into = VFMIG_STATE_PRE_COPY;
	CHECK_EQ(vfmig_cursor_open(b.space, &b.cursor, NULL), -EREMOTEIO);
	CHECK(!b.log.on);
	CHECK_EQ(vfmig_cursor_open(b.space, &b.cursor, NULL), 0);
	expect(b.cursor, &b.log, 20);
	tear_down(&b);
}

int main(void)
{
	static const struct region_options options[] = {
		{.transaction = 64, .framed = true},
		{.transaction = 64, .framed = true, .bitmap_apart = true},
		{.transaction = 1000, .framed = true, .data = REGION_DATA_MAPPED},
		{.transaction = 10000, .framed = true, .data = REGION_DATA_PARTLY},
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		migrates(&options[i], 100);
		migrates(&options[i], 7);
		begins_again(&options[i]);
		goes_back(&options[i]);
		is_told_once(&options[i]);
		is_lost(&options[i]);
		is_refused(&options[i]);
	}
	return 0;
}
