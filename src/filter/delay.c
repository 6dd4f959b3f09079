/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * delay: answers come later, and data moves at a limited rate.
 *
 * A request goes to the device inside immediately; its answer is parked until it is due. So many
 * requests are under way at the same time, as over a long wire, and no thread sleeps. Data also
 * queues for a wire of limited rate: @wire_free is the time at which the wire has sent all accepted
 * data.
 */
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "device/filter.h"
#include "filter/filters.h"
#include "filter/match.h"

struct delay {
	struct vfmig_device device; /* first */
	struct filter_match match;
	uint64_t latency_us, rate;
	int timer;
	pthread_mutex_t lock; /* of what follows, and of setting the timer */
	int64_t wire_free;
	bool lost; /* the device inside is lost: the timer is not polled, so all is due */
};

#define AT(member) offsetof(struct delay, member)
static const struct vfmig_option options[] = {
	FILTER_MATCH_OPTIONS(struct delay, match),
	{"latency-us", VFMIG_OPTION_UINT, AT(latency_us), "0",
	 "microseconds to delay each reply by", 0, 3600000000},
	{"rate", VFMIG_OPTION_SIZE, AT(rate), "0",
	 "bytes a second that migration data may move at; 0: no limit"},
	{NULL},
};

/* Complete what is due, and set the timer to what is due next. */
static void look(struct delay *delay)
{
	struct itimerspec when = {0};
	struct inner *inner;
	int64_t next;

	pthread_mutex_lock(&delay->lock);
	while ((inner = inner_unpark(&delay->device.inners,
				     delay->lost ? INT64_MAX : device_now()))) {
		pthread_mutex_unlock(&delay->lock);
		inner_end(inner, inner->request.result);
		pthread_mutex_lock(&delay->lock);
	}
	next = inner_next_key(&delay->device.inners);
	if (next != INT64_MAX)
		when.it_value = (struct timespec){next / 1000000000, next % 1000000000};
	timerfd_settime(delay->timer, TFD_TIMER_ABSTIME, &when, NULL);
	pthread_mutex_unlock(&delay->lock);
}

static void back(struct inner *inner)
{
	struct delay *delay = (struct delay *)filter_of(inner);
	enum vfmig_op op = inner->request.op;
	int64_t due = device_now();

	if (delay->rate && (op == VFMIG_OP_DATA_READ || op == VFMIG_OP_DATA_WRITE)) {
		double bytes = inner->request.result > 0 ? (double)inner->request.result : 0;

		pthread_mutex_lock(&delay->lock);
		if (due < delay->wire_free)
			due = delay->wire_free;
		due = delay->wire_free = due + (int64_t)(bytes * 1e9 / (double)delay->rate);
		pthread_mutex_unlock(&delay->lock);
	}
	inner_park(inner, due + (int64_t)delay->latency_us * 1000);
	look(delay);
}

static void delay_submit(struct vfmig_device *device, struct vfmig_request *request)
{
	if (filter_matches(&((struct delay *)device)->match, request))
		filter_forward(device, request, back);
	else
		vfmig_submit(device->inner, request);
}

static int delay_process(struct vfmig_device *device, struct vfmig_error *err)
{
	struct delay *delay = (struct delay *)device;
	int ret = filter_process(device, err);

	pthread_mutex_lock(&delay->lock);
	delay->lost |= ret < 0;
	pthread_mutex_unlock(&delay->lock);
	look(delay);
	return ret;
}

static void delay_close(struct vfmig_device *device)
{
	struct delay *delay = (struct delay *)device;

	filter_close_inner(device);
	vfmig_options_free(options, delay);
	if (delay->timer >= 0)
		close(delay->timer);
	pthread_mutex_destroy(&delay->lock);
	filter_close(device);
}

static const struct device_ops ops = {
	.submit = delay_submit,
	.cancel = filter_cancel,
	.fd = filter_fd,
	.process = delay_process,
	.close = delay_close,
};

static int delay_open(struct vfmig_device *inner, const char *text, struct vfmig_device **device,
		      struct vfmig_error *err)
{
	struct vfmig_device *filter;
	int ret = filter_new(&filter, sizeof(struct delay), &ops, inner, "delay", err);
	struct delay *delay = (struct delay *)filter;

	if (ret)
		return ret;
	pthread_mutex_init(&delay->lock, NULL);
	delay->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	ret = delay->timer < 0 ? vfmig_err(err, -errno, "delay: no timer: %s", strerror(errno))
			       : filter_watch(filter, delay->timer, err);
	if (!ret)
		ret = vfmig_options_parse(options, text, delay, err);
	if (!ret)
		ret = filter_match_parse(&delay->match, err);
	return filter_opened(filter, ret, device);
}

const struct filter_kind filter_delay = {
	.name = "delay",
	.summary = "delay replies, and limit the rate of migration data",
	.options = options,
	.open = delay_open,
};
