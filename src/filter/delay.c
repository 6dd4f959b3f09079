/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * delay: a device that is as fast as it is, later.
 *
 * A request goes to the device inside at once; its answer is kept until its time has come. So many requests
 * are under way at the same time, as over a long wire, and nobody sleeps. Data also takes its turn on a wire of
 * limited rate: wire_free is when the last byte that was accepted has left it.
 *
 * What is kept is in order of when it is due. The filter's fd is an epoll of the inner fd and of a timer, which
 * is set to the first that is due.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "device/filter.h"
#include "filter/filters.h"
#include "filter/match.h"

struct delay {
	struct vfmig_device device;
	struct filter_match match;
	uint64_t latency_us, rate;
	int epoll, timer;

	pthread_mutex_t lock;
	struct request_list due; /* held[0]: when; result: what it will be */
	int64_t wire_free;
	bool lost; /* the device inside: nobody polls it any more, so that nothing may be kept */
};

#define AT(member) offsetof(struct delay, member)
static const struct vfmig_option options[] = {
	FILTER_MATCH_OPTIONS(struct delay, match),
	{"latency-us", VFMIG_OPTION_UINT, AT(latency_us), "0",
	 "microseconds that each answer comes later", 0, 3600000000},
	{"rate", VFMIG_OPTION_SIZE, AT(rate), "0",
	 "bytes a second that migration data may move at; 0: as fast as it goes"},
	{NULL},
};

/* With the lock held. */
static void set_timer(struct delay *delay)
{
	struct itimerspec when = {0};
	const struct vfmig_request *first = delay->due.first;

	if (first) {
		int64_t at = (int64_t)first->held[0];

		when.it_value.tv_sec = at / 1000000000;
		when.it_value.tv_nsec = at % 1000000000;
	}
	timerfd_settime(delay->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

/* With the lock held: put a request where its time has it, behind those of the same time. */
static void insert(struct request_list *list, struct vfmig_request *request)
{
	struct vfmig_request *before = list->last;

	while (before && before->held[0] > request->held[0])
		before = before->link[0];
	request->link[0] = before;
	request->link[1] = before ? before->link[1] : list->first;
	if (request->link[1])
		request->link[1]->link[0] = request;
	else
		list->last = request;
	if (before)
		before->link[1] = request;
	else
		list->first = request;
}

static bool is_data(const struct vfmig_request *request)
{
	return request->op == VFMIG_OP_DATA_READ || request->op == VFMIG_OP_DATA_WRITE;
}

static void back(void *context, struct vfmig_request *outer, ssize_t result)
{
	struct delay *delay = context;
	int64_t at = device_now() + (int64_t)delay->latency_us * 1000;
	bool lost;

	pthread_mutex_lock(&delay->lock);
	if (delay->rate && is_data(outer)) {
		int64_t start = delay->wire_free > device_now() ? delay->wire_free : device_now();
		double ns = result > 0 ? (double)result * 1e9 / (double)delay->rate : 0;

		delay->wire_free = start + (int64_t)ns;
		at = delay->wire_free + (int64_t)delay->latency_us * 1000;
	}
	outer->result = result;
	outer->held[0] = (uint64_t)at;
	lost = delay->lost;
	if (!lost) {
		insert(&delay->due, outer);
		if (delay->due.first == outer)
			set_timer(delay);
	}
	pthread_mutex_unlock(&delay->lock);
	if (lost)
		request_complete(outer, result);
}

static void delay_submit(struct vfmig_device *device, struct vfmig_request *request)
{
	struct delay *delay = (struct delay *)device;

	/* Others are forwarded too: who waits, waits for this device, not for the one inside. */
	filter_forward(device, request, NULL, filter_matches(&delay->match, request) ? back : NULL,
		       delay);
}

static bool delay_cancel(struct vfmig_device *device, struct vfmig_request *request)
{
	struct delay *delay = (struct delay *)device;
	bool taken;

	if (filter_cancel(device, request))
		return true;
	pthread_mutex_lock(&delay->lock);
	taken = request_remove(&delay->due, request);
	set_timer(delay);
	pthread_mutex_unlock(&delay->lock);
	return taken;
}

static int delay_fd(struct vfmig_device *device)
{
	return ((struct delay *)device)->epoll;
}

static struct vfmig_request *take_due(struct delay *delay)
{
	struct vfmig_request *first;

	pthread_mutex_lock(&delay->lock);
	first = delay->due.first;
	if (first && (delay->lost || (int64_t)first->held[0] <= device_now())) {
		request_shift(&delay->due);
	} else {
		first = NULL;
		set_timer(delay);
	}
	pthread_mutex_unlock(&delay->lock);
	return first;
}

static int delay_process(struct vfmig_device *device, struct vfmig_error *err)
{
	struct delay *delay = (struct delay *)device;
	struct vfmig_request *request;
	int ret = filter_process(device, err);

	if (ret < 0) {
		pthread_mutex_lock(&delay->lock);
		delay->lost = true;
		pthread_mutex_unlock(&delay->lock);
	}
	while ((request = take_due(delay)))
		request_complete(request, request->result);
	return ret;
}

static void delay_close(struct vfmig_device *device)
{
	struct delay *delay = (struct delay *)device;
	struct vfmig_request *request;

	/* First what is inside: what it still has comes back through us. */
	vfmig_device_close(device->inner);
	device->inner = NULL;
	while ((request = request_shift(&delay->due)))
		request_complete(request, -ECANCELED);
	vfmig_options_free(options, delay);
	close(delay->timer);
	close(delay->epoll);
	pthread_mutex_destroy(&delay->lock);
	filter_close(device);
}

static const struct device_ops ops = {
	.submit = delay_submit,
	.cancel = delay_cancel,
	.fd = delay_fd,
	.process = delay_process,
	.close = delay_close,
};

static int open_fds(struct delay *delay, struct vfmig_device *inner, struct vfmig_error *err)
{
	struct epoll_event in = {.events = EPOLLIN};
	int fd = vfmig_device_fd(inner);

	delay->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	delay->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (delay->timer < 0 || delay->epoll < 0 ||
	    epoll_ctl(delay->epoll, EPOLL_CTL_ADD, delay->timer, &in) ||
	    (fd >= 0 && epoll_ctl(delay->epoll, EPOLL_CTL_ADD, fd, &in)))
		return vfmig_err(err, -errno, "no timer or epoll for a delay: %s", strerror(errno));
	return 0;
}

static int delay_open(struct vfmig_device *inner, const char *text, struct vfmig_device **device,
		      struct vfmig_error *err)
{
	struct delay *delay = calloc(1, sizeof(*delay));
	int ret;

	if (!delay)
		return vfmig_err(err, -ENOMEM, "no memory for a filter");
	delay->timer = delay->epoll = -1;
	ret = vfmig_options_parse(options, text, delay, err);
	if (!ret)
		ret = filter_match_parse(&delay->match, err);
	if (!ret)
		ret = open_fds(delay, inner, err);
	if (!ret)
		ret = filter_init(&delay->device, &ops, inner, "delay", err);
	if (ret) {
		vfmig_options_free(options, delay);
		if (delay->timer >= 0)
			close(delay->timer);
		if (delay->epoll >= 0)
			close(delay->epoll);
		free(delay);
		return ret;
	}
	pthread_mutex_init(&delay->lock, NULL);
	*device = &delay->device;
	return 0;
}

const struct filter_kind filter_delay = {
	.name = "delay",
	.summary = "slow a device down: answers come later, data moves at a limited rate",
	.options = options,
	.open = delay_open,
};
