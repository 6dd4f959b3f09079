/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device that does what a test tells it: holds requests until they are let go, or answers from a function;
 * its fd is a pipe that the test writes to.
 */
#ifndef TESTS_DEVICE_FAKE_H
#define TESTS_DEVICE_FAKE_H

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "device/device.h"
#include "tests/check.h"

struct fake {
	struct vfmig_device device;
	int pipe[2];
	pthread_mutex_t lock;
	struct request_list held;
	unsigned count;
	/* Returns what to complete with, or FAKE_HOLD. */
	ssize_t (*answer)(struct fake *fake, struct vfmig_request *request);
	void *user;
};

#define FAKE_HOLD (-100000)

static void fake_submit(struct vfmig_device *device, struct vfmig_request *request)
{
	struct fake *fake = (struct fake *)device;
	ssize_t ret = fake->answer ? fake->answer(fake, request) : FAKE_HOLD;

	if (ret != FAKE_HOLD) {
		request_complete(request, ret);
		return;
	}
	pthread_mutex_lock(&fake->lock);
	request_push(&fake->held, request);
	fake->count++;
	pthread_mutex_unlock(&fake->lock);
}

static bool fake_cancel(struct vfmig_device *device, struct vfmig_request *request)
{
	struct fake *fake = (struct fake *)device;
	bool held;

	pthread_mutex_lock(&fake->lock);
	held = request_remove(&fake->held, request);
	if (held)
		fake->count--;
	pthread_mutex_unlock(&fake->lock);
	return held;
}

static int fake_fd(struct vfmig_device *device)
{
	return ((struct fake *)device)->pipe[0];
}

/* One byte in the pipe lets one request go; the byte is its result. */
static int fake_process(struct vfmig_device *device, struct vfmig_error *err)
{
	struct fake *fake = (struct fake *)device;
	struct vfmig_request *request;
	unsigned char byte;

	if (read(fake->pipe[0], &byte, 1) != 1)
		return 0;
	pthread_mutex_lock(&fake->lock);
	request = request_shift(&fake->held);
	if (request)
		fake->count--;
	pthread_mutex_unlock(&fake->lock);
	if (request)
		request_complete(request, byte);
	return 0;
}

static void fake_close(struct vfmig_device *device)
{
	struct fake *fake = (struct fake *)device;

	close(fake->pipe[0]);
	close(fake->pipe[1]);
	pthread_mutex_destroy(&fake->lock);
	device_fini(device);
	free(fake);
}

static const struct device_ops fake_ops = {
	.submit = fake_submit,
	.cancel = fake_cancel,
	.fd = fake_fd,
	.process = fake_process,
	.close = fake_close,
};

static inline struct fake *fake_new(ssize_t (*answer)(struct fake *, struct vfmig_request *))
{
	struct fake *fake = calloc(1, sizeof(*fake));

	CHECK(fake);
	CHECK_EQ(device_init(&fake->device, &fake_ops, "fake", NULL), 0);
	CHECK_EQ(pipe2(fake->pipe, O_CLOEXEC | O_NONBLOCK), 0);
	pthread_mutex_init(&fake->lock, NULL);
	fake->answer = answer;
	return fake;
}

static inline void fake_let_go(struct fake *fake, unsigned char result)
{
	CHECK_EQ(write(fake->pipe[1], &result, 1), 1);
}

#endif
