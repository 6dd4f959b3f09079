/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What checks ask of a device, and how they say what they saw.
 *
 * The device's operations are used as they are, without a session: a session is careful, and keeps from a device what
 * a device must refuse.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "conform/suite.h"

enum conform_verdict conform_say(struct conform *c, enum conform_verdict verdict, const char *fmt,
				 ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->seen, sizeof(c->seen), fmt, ap);
	va_end(ap);
	return verdict == CONFORM_FAIL && c->should ? CONFORM_WARN : verdict;
}

enum conform_verdict conform_failed(struct conform *c, enum conform_verdict verdict)
{
	return conform_say(c, verdict, "%s", c->err.code ? c->err.text : "no reason was given");
}

bool conform_lost(ssize_t ret)
{
	return ret == -ETIMEDOUT || ret == -ENOTCONN || ret == -ECONNRESET || ret == -EPIPE ||
	       ret == -ENODEV;
}

static void forget(struct conform *c)
{
	c->err = (struct vfmig_error){0};
}

int conform_feature(struct conform *c, uint32_t flags, void *data, size_t size)
{
	int ret;

	forget(c);
	ret = vfmig_device_call_feature(c->device, flags, data, size, &c->err);
	if (!ret)
		return 0;
	return vfmig_err_at(&c->err, ret, "%s%s%s%s", flags & VFMIG_FEATURE_PROBE ? "PROBE " : "",
			    flags & VFMIG_FEATURE_GET ? "GET " : "",
			    flags & VFMIG_FEATURE_SET ? "SET " : "",
			    vfmig_feature_name(flags & VFMIG_FEATURE_MASK));
}

int conform_get(struct conform *c, enum vfmig_state *state)
{
	struct vfmig_feature_mig_state payload = {.device_state = 0xffff, .data_fd = 0};
	int ret = conform_feature(c, VFMIG_FEATURE_GET | VFMIG_FEATURE_MIG_STATE, &payload,
				  sizeof(payload));

	if (ret)
		return ret;
	if (payload.device_state >= VFMIG_STATE_COUNT)
		return vfmig_err(&c->err, -EPROTO,
				 "GET MIG_DEVICE_STATE says %u, which is no state",
				 payload.device_state);
	*state = (enum vfmig_state)payload.device_state;
	return 0;
}

int conform_set(struct conform *c, uint32_t state)
{
	struct vfmig_feature_mig_state payload = {.device_state = state, .data_fd = -1};
	int ret = conform_feature(c, VFMIG_FEATURE_SET | VFMIG_FEATURE_MIG_STATE, &payload,
				  sizeof(payload));

	if (ret && state < VFMIG_STATE_COUNT)
		vfmig_err_at(&c->err, ret, "to %s", vfmig_state_name(state));
	return ret;
}

int conform_reset(struct conform *c)
{
	int ret;

	forget(c);
	ret = vfmig_device_reset(c->device, &c->err);
	return ret ? vfmig_err_at(&c->err, ret, "RESET") : 0;
}

ssize_t conform_read(struct conform *c, void *buf, size_t len)
{
	struct vfmig_request request = {.op = VFMIG_OP_DATA_READ, .err = &c->err};
	ssize_t ret;

	forget(c);
	request.data.buf = buf;
	request.data.len = len;
	ret = vfmig_call(c->device, &request);
	if (ret > (ssize_t)len)
		return vfmig_err(&c->err, -EPROTO, "a read of %zu bytes of data gave %zd", len,
				 ret);
	return ret < 0 ? vfmig_err_at(&c->err, (int)ret, "reading data") : ret;
}

ssize_t conform_write(struct conform *c, const void *buf, size_t len)
{
	struct vfmig_request request = {.op = VFMIG_OP_DATA_WRITE, .err = &c->err};
	ssize_t ret;

	forget(c);
	request.data.buf = (void *)buf;
	request.data.len = len;
	ret = vfmig_call(c->device, &request);
	if (ret > (ssize_t)len)
		return vfmig_err(&c->err, -EPROTO, "a write of %zu bytes of data took %zd", len,
				 ret);
	return ret < 0 ? vfmig_err_at(&c->err, (int)ret, "writing data") : ret;
}

bool conform_room(struct conform *c, struct conform_data *data, size_t len)
{
	uint64_t most = c->options->data_max ? c->options->data_max : 1ull << 30;
	size_t capacity = data->capacity ? data->capacity : 1u << 20;
	uint8_t *more;

	while (capacity < len)
		capacity *= 2;
	if (capacity == data->capacity)
		return true;
	if (len > most)
		return false;
	more = realloc(data->bytes, capacity);
	if (!more)
		return false;
	data->bytes = more;
	data->capacity = capacity;
	return true;
}

int conform_read_all(struct conform *c, struct conform_data *data, size_t piece)
{
	data->len = 0;
	for (;;) {
		ssize_t n;

		if (!conform_room(c, data, data->len + piece))
			return vfmig_err(&c->err, -E2BIG,
					 "the device's data is more than is kept (--data-max)");
		n = conform_read(c, data->bytes + data->len, piece);
		if (n <= 0)
			return (int)n;
		data->len += (size_t)n;
	}
}

int conform_write_all(struct conform *c, const struct conform_data *data, size_t len, size_t piece)
{
	for (size_t at = 0; at < len;) {
		ssize_t n = conform_write(c, data->bytes + at, len - at < piece ? len - at : piece);

		if (n < 0)
			return (int)n;
		if (!n)
			return vfmig_err(&c->err, -EIO, "writing data: nothing was taken");
		at += (size_t)n;
	}
	return 0;
}

int conform_save(struct conform *c, struct conform_data *data)
{
	int ret = conform_set(c, VFMIG_STATE_STOP_COPY);

	if (!ret)
		ret = conform_read_all(c, data, 1u << 20);
	return ret ? ret : conform_set(c, VFMIG_STATE_STOP);
}

int64_t conform_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

bool conform_impatient(const struct conform *c, int64_t since, unsigned looks)
{
	uint64_t ms = c->options->patience_ms ? c->options->patience_ms : 5000;

	return looks > ms / 16 && conform_now() - since > (int64_t)ms * 1000000;
}

bool conform_told(const struct conform *c, uint64_t page)
{
	return c->scratch[page / 64] >> page % 64 & 1;
}

uint64_t conform_told_count(const struct conform *c)
{
	uint64_t n = 0;

	for (uint64_t i = 0; i < CONFORM_WORDS; i++)
		n += (uint64_t)__builtin_popcountll(c->scratch[i]);
	return n;
}

int conform_stop_at_work(struct conform *c, int (*go)(struct conform *c, uint32_t state),
			 uint32_t stopped, uint32_t running, uint64_t *left)
{
	for (uint64_t times = CONFORM_TIMES;; times *= 2) {
		int ret = c->work->keep(c, CONFORM_IOVA, CONFORM_KEEP, times);

		if (!ret)
			ret = go(c, stopped);
		if (ret)
			return ret;
		*left = c->work->left(c);
		if (*left || times == CONFORM_TIMES_MAX)
			return 0;
		ret = go(c, running);
		if (ret)
			return ret;
	}
}

int conform_look_on(struct conform *c)
{
	uint64_t ms = c->options->settle_ms ? c->options->settle_ms : 20;

	for (uint64_t i = 0; i < ms; i++) {
		struct vfmig_device_info info;
		const struct timespec pause = {.tv_nsec = 1000000};
		int ret;

		forget(c);
		ret = vfmig_device_process(c->device, &c->err);
		if (!ret)
			ret = vfmig_device_get_info(c->device, &info, &c->err);
		if (ret)
			return ret;
		nanosleep(&pause, NULL);
	}
	return 0;
}
