/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DMA logging: start and stop. The reports are in report.c.
 *
 * A server with our extension gets the caller's request unchanged. A plain one reports only on
 * exactly one of its DMA regions, at the page size with which logging started, and a report clears
 * its pages. So the client always requests whole regions at 4 KiB and merges the reports into a map
 * of its own. From that map the caller gets any range at any page size, and the other pages stay
 * for the next report. The same map takes the pages that the server writes by message, which it
 * does not log, and those that it reports when a region is unmapped.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "source/vfio_user/priv.h"

#define START_FLAGS (VFMIG_FEATURE_DMA_LOGGING_START | VFMIG_FEATURE_SET)
#define STOP_FLAGS  (VFMIG_FEATURE_DMA_LOGGING_STOP | VFMIG_FEATURE_SET)

/* ---- START ---- */

static void send_start(struct vfio_user_job *job, uint64_t page_size,
		       const struct vfmig_dma_logging_range *ranges, uint32_t n,
		       void (*answered)(struct vfio_user_job *job, struct vfio_user_step *step))
{
	size_t capacity = ABI_LOGGING_START_SIZE + n * sizeof(*ranges);
	struct vfmig_device_feature f = {
		.argsz = (uint32_t)(ABI_FEATURE_HEADER_SIZE + capacity),
		.flags = START_FLAGS,
	};
	struct vfio_user_step *step;

	if (atomic_load(&job->client->early)) {
		vfio_user_early_send(job, VFMIG_TYPE1_DIRTY_START, answered);
		return;
	}
	step = vfio_user_step(job);
	if (!step)
		return;
	step->own = malloc(capacity);
	if (!step->own) {
		vfio_user_fail(job, -ENOMEM, "no memory for %u ranges to log", n);
		vfio_user_drop(step);
		return;
	}
	abi_logging_put_start(step->own, capacity, page_size, ranges, n);
	abi_feature_put(vfio_user_fixed(step), VFIO_USER_FIXED_ROOM, &f);
	/* The answer repeats it, with the page size in its place. */
	step->ask.fixed = ABI_FEATURE_HEADER_SIZE + ABI_LOGGING_START_SIZE;
	step->ask.slack = n * sizeof(*ranges);
	step->ask.out.body = step->own;
	step->ask.out.body_len = capacity;
	step->answered = answered;
	vfio_user_send(step, VFMIG_USER_DEVICE_FEATURE, ABI_FEATURE_HEADER_SIZE);
}

static void send_stop(struct vfio_user_job *job,
		      void (*answered)(struct vfio_user_job *job, struct vfio_user_step *step))
{
	struct vfio_user_step *step;

	if (atomic_load(&job->client->early)) {
		vfio_user_early_send(job, VFMIG_TYPE1_DIRTY_STOP, answered);
		return;
	}
	step = vfio_user_step(job);
	if (!step)
		return;
	step->answered = answered;
	vfio_user_ask_feature(step, STOP_FLAGS, NULL, 0);
}

/* A server that does not log may well refuse to stop. */
static void whatever(struct vfio_user_job *job, struct vfio_user_step *step)
{
}

/*
 * A server that never set its DMA up acknowledges DMA_MAP and DMA_UNMAP without a look, and does not survive START. It
 * is known by its reply to an unmap of what is not mapped: others refuse that, or answer with the range.
 */
static void ask_for_dma(struct vfio_user_job *job,
			void (*answered)(struct vfio_user_job *job, struct vfio_user_step *step))
{
	struct vfmig_user_bitmap none = {0};
	struct vfmig_user_dma_unmap u = {.argsz = sizeof(u),
					 .addr = (1ull << 63) - VFIO_USER_PLAIN_PAGE,
					 .size = VFIO_USER_PLAIN_PAGE};
	struct vfio_user_step *step = vfio_user_step(job);
	struct vfio_user *client = job->client;

	if (!step)
		return;
	pthread_mutex_lock(&client->wire.lock);
	for (size_t i = 0; i < client->nmaps; i++) {
		const struct vfmig_map *map = &client->maps[i].map;

		/* In ascending order or not: begin again below what is in the way. */
		if (map->iova <= u.addr && u.addr - map->iova < map->size) {
			u.addr = map->iova - VFIO_USER_PLAIN_PAGE;
			i = SIZE_MAX;
		}
	}
	pthread_mutex_unlock(&client->wire.lock);
	step->answered = answered;
	step->ask.fixed = ABI_MSG_DMA_UNMAP_SIZE;
	vfio_user_send(
		step, VFMIG_USER_DMA_UNMAP,
		abi_msg_put_dma_unmap(vfio_user_fixed(step), VFIO_USER_FIXED_ROOM, &u, &none));
}

static bool has_no_dma(const struct vfio_user_step *step)
{
	return !step->ask.error && !step->ask.reply_len;
}

/* The page size that the server chose. */
static const char *started(struct vfio_user *client, const struct vfio_user_step *step,
			   uint64_t *page)
{
	if (atomic_load(&client->early)) {
		atomic_store(&client->early_known, true);
		*page = VFIO_USER_PLAIN_PAGE;
		return abi_msg_get_dirty_reply(step->ask.reply, step->ask.reply_len, NULL);
	}
	if (step->ask.reply_len < step->ask.fixed)
		return "the reply is too short";
	memcpy(page, step->ask.reply + ABI_FEATURE_HEADER_SIZE, sizeof(*page));
	if (*page < ABI_LOGGING_PAGE_MIN || (*page & (*page - 1)) ||
	    (client->plain && *page != VFIO_USER_PLAIN_PAGE))
		return "the server chose an unsupported page size";
	return NULL;
}

/* Refused: by a server that has another way? Then that is tried, and its answer looked at like this one. */
static bool start_early(struct vfio_user_job *job, const struct vfio_user_step *step,
			void (*answered)(struct vfio_user_job *job, struct vfio_user_step *step))
{
	struct vfio_user *client = job->client;

	if (!step->ask.error)
		return false;
	if (vfio_user_early_try(client)) {
		send_start(job, VFIO_USER_PLAIN_PAGE, NULL, 0, answered);
		return true;
	}
	/* That was the other way, too. */
	if (!atomic_load(&client->early_known))
		atomic_store(&client->early, false);
	return false;
}

static void start_answered(struct vfio_user_job *job, struct vfio_user_step *step)
{
	struct vfmig_feature_dma_logging_control *c = job->request->feature.data;
	struct vfio_user *client = job->client;
	const char *why;
	uint64_t page;

	if (start_early(job, step, NULL))
		return;
	if (step->ask.error) {
		vfio_user_refused(job, step, "DMA_LOGGING_START");
		return;
	}
	why = started(client, step, &page);
	if (why) {
		vfio_user_fail(job, -EPROTO, "%s: DMA logging: %s", client->device.name, why);
		return;
	}
	c->page_size = page;
	pthread_mutex_lock(&client->wire.lock);
	client->log_on = client->log_sent = true;
	pthread_mutex_unlock(&client->wire.lock);
}

/* The map that it came with is there all the same; the next report is what fails. */
static void first_answered(struct vfio_user_job *job, struct vfio_user_step *step)
{
	uint64_t page;

	if (start_early(job, step, first_answered))
		return;
	if (!step->ask.error && !started(job->client, step, &page))
		return;
	pthread_mutex_lock(&job->client->wire.lock);
	job->client->log_failed = true;
	pthread_mutex_unlock(&job->client->wire.lock);
}

/* Now that it is known to survive it. */
static void start_checked(struct vfio_user_job *job, struct vfio_user_step *step)
{
	struct vfmig_feature_dma_logging_control *c = job->request->feature.data;

	if (has_no_dma(step)) {
		vfio_user_fail(
			job, -EOPNOTSUPP,
			"%s: the server does not support DMA logging: it was created without DMA",
			job->client->device.name);
		return;
	}
	send_stop(job, whatever);
	send_start(job, VFIO_USER_PLAIN_PAGE, (const void *)(uintptr_t)c->ranges, c->num_ranges,
		   NULL);
}

static void first_checked(struct vfio_user_job *job, struct vfio_user_step *step)
{
	if (has_no_dma(step)) {
		pthread_mutex_lock(&job->client->wire.lock);
		job->client->log_failed = true;
		pthread_mutex_unlock(&job->client->wire.lock);
		return;
	}
	send_stop(job, whatever);
	send_start(job, VFIO_USER_PLAIN_PAGE, NULL, 0, first_answered);
}

static int check_start(struct vfio_user *client, const struct vfmig_feature_dma_logging_control *c,
		       struct vfmig_error *err)
{
	const struct vfmig_dma_logging_range *ranges = (const void *)(uintptr_t)c->ranges;
	const char *why;

	if (c->num_ranges > ABI_LOGGING_RANGES_MAX)
		return vfmig_err(err, -E2BIG, "%s: DMA logging of %u ranges; a message can have %u",
				 client->device.name, c->num_ranges, ABI_LOGGING_RANGES_MAX);
	if (c->num_ranges && !ranges)
		return vfmig_err(err, -EFAULT, "%s: DMA logging: no ranges", client->device.name);
	why = abi_logging_start_check(c->page_size, ranges, c->num_ranges, true);
	return why ? vfmig_err(err, -EINVAL, "%s: DMA logging: %s", client->device.name, why) : 0;
}

/*
 * A plain server without a region gets START later: it would crash on it (vfio_user_log_first()). A
 * server that already logs, for an earlier client, keeps that client's page size until it gets
 * STOP.
 */
static void start_plain(struct vfio_user *client, struct vfmig_request *request,
			struct vfmig_feature_dma_logging_control *c)
{
	struct vfio_user_job *job;
	bool later;

	pthread_mutex_lock(&client->wire.lock);
	dirty_clear(client->extra, 0, UINT64_MAX);
	later = client->nmaps == client->by_message;
	client->log_on = later;
	client->log_sent = client->log_failed = false;
	pthread_mutex_unlock(&client->wire.lock);
	c->page_size = VFIO_USER_PLAIN_PAGE;
	if (later) {
		request_complete(request, 0);
		return;
	}
	job = vfio_user_job(client, request, start_answered);
	if (!job)
		return;
	ask_for_dma(job, start_checked);
	vfio_user_let_go(job);
}

void vfio_user_log_start(struct vfio_user *client, struct vfmig_request *request)
{
	struct vfmig_feature_dma_logging_control *c = request->feature.data;
	struct vfio_user_job *job;
	bool on;
	int ret = 0;

	if (request->feature.size < sizeof(*c) || !c)
		ret = vfmig_err(request->err, -EINVAL, "%s: DMA logging: the payload is too small",
				client->device.name);
	else
		ret = check_start(client, c, request->err);
	if (ret) {
		request_complete(request, ret);
		return;
	}
	pthread_mutex_lock(&client->wire.lock);
	on = client->log_on;
	pthread_mutex_unlock(&client->wire.lock);
	if (on) {
		request_complete_err(request, -EINVAL, "%s: DMA logging is already started",
				     client->device.name);
		return;
	}
	if (client->plain) {
		start_plain(client, request, c);
		return;
	}
	job = vfio_user_job(client, request, start_answered);
	if (!job)
		return;
	send_start(job, c->page_size, (const void *)(uintptr_t)c->ranges, c->num_ranges, NULL);
	vfio_user_let_go(job);
}

/* The first region is there: what was put off. All of it counts as written. */
void vfio_user_log_first(struct vfio_user_job *job)
{
	struct vfio_user *client = job->client;
	bool now;

	pthread_mutex_lock(&client->wire.lock);
	now = client->plain && client->log_on && !client->log_sent;
	client->log_sent |= now;
	for (size_t i = 0; now && i < client->nmaps; i++)
		vfmig_dirty_mark(client->extra, client->maps[i].map.iova, client->maps[i].map.size);
	pthread_mutex_unlock(&client->wire.lock);
	if (now)
		ask_for_dma(job, first_checked);
}

/* ---- STOP ---- */

static void stop_answered(struct vfio_user_job *job, struct vfio_user_step *step)
{
	if (step->ask.error)
		vfio_user_refused(job, step, "DMA_LOGGING_STOP");
}

void vfio_user_log_stop(struct vfio_user *client, struct vfmig_request *request)
{
	struct vfio_user_job *job;
	bool tell;

	pthread_mutex_lock(&client->wire.lock);
	tell = !client->plain || client->log_sent;
	client->log_on = client->log_sent = false;
	pthread_mutex_unlock(&client->wire.lock);
	if (!tell) {
		request_complete(request, 0);
		return;
	}
	job = vfio_user_job(client, request, stop_answered);
	if (!job)
		return;
	send_stop(job, NULL);
	vfio_user_let_go(job);
}
