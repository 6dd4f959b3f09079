/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A log forgets what it tells. So if an access is taken back while the log is asked, what the log has told nobody is
 * told to whoever asks next. And if that happens while the log is begun or ended, it can be begun again.
 */
#include "tests/pfn/fake_logger.h"

static struct shown *shown;
static struct vfmig_request *giving_up;
static const struct logger_ops *plain = &fake_logger_ops;

static void give_up(void)
{
	if (giving_up)
		CHECK(vfmig_cancel(&shown->device, giving_up));
	giving_up = NULL;
}

static int start_then(struct logger *logger, uint64_t *page_size,
		      const struct vfmig_dma_logging_range *ranges, uint32_t count,
		      struct vfmig_error *err)
{
	int ret = plain->start(logger, page_size, ranges, count, err);

	give_up();
	return ret;
}

static int stop_then(struct logger *logger, struct vfmig_error *err)
{
	struct fake_logger *fake = (struct fake_logger *)logger;
	int ret = fake->on ? plain->stop(logger, err) : 0; /* to stop it twice does no harm */

	give_up();
	return ret;
}

static int report_then(struct logger *logger, uint64_t iova, uint64_t length, uint64_t page_size,
		       uint64_t *bitmap, struct vfmig_error *err)
{
	int ret = plain->report(logger, iova, length, page_size, bitmap, err);

	give_up();
	return ret;
}

static const struct logger_ops ops = {
	.start = start_then, .stop = stop_then, .report = report_then};

static void never(struct vfmig_request *request)
{
	CHECK(!"an access that was given up is done");
}

/* An access that is taken back by the log. */
static void given_up(enum vfmig_op op, uint64_t reg, void *buf, uint32_t len)
{
	struct vfmig_request request = {
		.op = op,
		.region = {.index = SHOWN_INDEX, .len = len, .offset = reg, .buf = buf},
		.done = never,
	};

	giving_up = &request;
	vfmig_submit(&shown->device, &request);
	CHECK(!giving_up);
}

static void begin(struct fake_logger *log)
{
	struct region_options options = {.transaction = 4096};

	shown = shown_pages(log, &options);
	log->logger.ops = &ops;
}

static void reports(void)
{
	struct fake_logger log;
	uint64_t value;

	begin(&log);
	CHECK_EQ(put_state(shown, 3), 0);
	log.dirty[7] = log.dirty[100] = true;
	put_range(shown, 0, 4096, 128);
	given_up(VFMIG_OP_REGION_READ, COPIED_PFNS, &value, 8);
	CHECK(!log.dirty[7] && !log.dirty[100]);
	CHECK_EQ(reg64(shown, COPIED_PFNS), VFMIG_PFN_DIRTY_ALL);
	/* Once. */
	put_range(shown, 0, 4096, 128);
	CHECK_EQ(reg64(shown, COPIED_PFNS), VFMIG_PFN_DIRTY_NONE);
	/* And by another range, too. */
	log.dirty[50] = true;
	put_range(shown, 0, 4096, 64);
	given_up(VFMIG_OP_REGION_READ, COPIED_PFNS, &value, 8);
	put_range(shown, 50, 4096, 1);
	CHECK_EQ(reg64(shown, COPIED_PFNS), VFMIG_PFN_DIRTY_ALL);
	put_range(shown, 64, 4096, 64);
	CHECK_EQ(reg64(shown, COPIED_PFNS), VFMIG_PFN_DIRTY_NONE);
	vfmig_device_close(&shown->device);
	CHECK(!log.on);
}

static void the_beginning_and_the_end(void)
{
	struct fake_logger log;
	uint32_t bits = 3;

	begin(&log);
	given_up(VFMIG_OP_REGION_WRITE, 0, &bits, 4);
	CHECK(log.on);
	CHECK_EQ(put_state(shown, 3), 0);
	CHECK_EQ(log.starts, 2);
	bits = 1;
	given_up(VFMIG_OP_REGION_WRITE, 0, &bits, 4);
	CHECK(!log.on);
	CHECK_EQ(put_state(shown, 3), 0);
	CHECK_EQ(log.starts, 3);
	CHECK_EQ(put_state(shown, 1), 0);
	/* One that nobody heard of does not stay on for ever. */
	bits = 3;
	given_up(VFMIG_OP_REGION_WRITE, 0, &bits, 4);
	CHECK(log.on);
	vfmig_device_close(&shown->device);
	CHECK(!log.on);
}

int main(void)
{
	RUN(reports());
	RUN(the_beginning_and_the_end());
	return 0;
}
