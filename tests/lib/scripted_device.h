/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device that does what a test tells it: holds requests until they are let go, or answers from a function;
 * its fd is a pipe that the test writes to.
 */
#ifndef TESTS_LIB_SCRIPTED_DEVICE_H
#define TESTS_LIB_SCRIPTED_DEVICE_H

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "device/device.h"
#include "tests/lib/check.h"
#include "tests/lib/requests.h"

struct scripted_device {
	struct vfmig_device device;
	int pipe[2];
	pthread_mutex_t lock;
	struct request_list held;
	unsigned count;
	/* Returns what to complete with, or SCRIPTED_HOLD. */
	ssize_t (*answer)(struct scripted_device *fake, struct vfmig_request *request);
	void *user;
};

#define SCRIPTED_HOLD (-100000)

static void scripted_submit(struct vfmig_device *device, struct vfmig_request *request)
{
	struct scripted_device *fake = (struct scripted_device *)device;
	ssize_t ret = fake->answer ? fake->answer(fake, request) : SCRIPTED_HOLD;

	if (ret != SCRIPTED_HOLD) {
		request_complete(request, ret);
		return;
	}
	pthread_mutex_lock(&fake->lock);
	request_push(&fake->held, request);
	fake->count++;
	pthread_mutex_unlock(&fake->lock);
}

static bool scripted_cancel(struct vfmig_device *device, struct vfmig_request *request)
{
	struct scripted_device *fake = (struct scripted_device *)device;
	bool held;

	pthread_mutex_lock(&fake->lock);
	held = request_remove(&fake->held, request);
	if (held)
		fake->count--;
	pthread_mutex_unlock(&fake->lock);
	return held;
}

static int scripted_fd(struct vfmig_device *device)
{
	return ((struct scripted_device *)device)->pipe[0];
}

/* One byte in the pipe lets one request go; the byte is its result. */
static int scripted_process(struct vfmig_device *device, struct vfmig_error *err)
{
	struct scripted_device *fake = (struct scripted_device *)device;
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

static void scripted_close(struct vfmig_device *device)
{
	struct scripted_device *fake = (struct scripted_device *)device;

	close(fake->pipe[0]);
	close(fake->pipe[1]);
	pthread_mutex_destroy(&fake->lock);
	device_fini(device);
	free(fake);
}

static const struct device_ops scripted_ops = {
	.submit = scripted_submit,
	.cancel = scripted_cancel,
	.fd = scripted_fd,
	.process = scripted_process,
	.close = scripted_close,
};

static inline struct scripted_device *scripted_new(ssize_t (*answer)(struct scripted_device *,
								     struct vfmig_request *))
{
	struct scripted_device *fake = calloc(1, sizeof(*fake));

	CHECK(fake);
	CHECK_EQ(device_init(&fake->device, &scripted_ops, "fake", NULL), 0);
	CHECK_EQ(pipe2(fake->pipe, O_CLOEXEC | O_NONBLOCK), 0);
	pthread_mutex_init(&fake->lock, NULL);
	fake->answer = answer;
	return fake;
}

static inline void scripted_let_go(struct scripted_device *fake, unsigned char result)
{
	CHECK_EQ(write(fake->pipe[1], &result, 1), 1);
}

#endif
