/* SPDX-License-Identifier: BSD-3-Clause */
/* Checks of v2: a device's data is read while it runs. (Linux has this since 6.2; it is not in seed 004.) */
#include "conform/suite.h"

static ssize_t info(struct conform *c, struct vfmig_precopy_info *out)
{
	struct vfmig_request request = {.op = VFMIG_OP_PRECOPY_INFO, .err = &c->err};
	ssize_t ret;

	c->err = (struct vfmig_error){0};
	request.precopy.argsz = sizeof(*out);
	ret = vfmig_call(c->device, &request);
	*out = request.precopy;
	return ret < 0 ? vfmig_err_at(&c->err, (int)ret, "PRECOPY_INFO") : ret;
}

/* Reads the pre-copy data available now, with a limit: a busy device always has more. */
#define READS_MAX 4096
static int read_for_now(struct conform *c, struct conform_data *data, ssize_t *last)
{
	for (int i = 0; i < READS_MAX; i++) {
		if (!conform_room(c, data, data->len + 65536))
			return vfmig_err(&c->err, -E2BIG,
					 "the device's data is more than is kept (--data-max)");
		*last = conform_read(c, data->bytes + data->len, 65536);
		if (!*last || *last == -ENOMSG)
			return 0;
		if (*last < 0)
			return (int)*last;
		data->len += (size_t)*last;
	}
	*last = 1;
	return 0;
}

/* Read what is left, in STOP_COPY, after the data of pre-copy. */
static int read_rest(struct conform *c, struct conform_data *data)
{
	int ret = conform_set(c, VFMIG_STATE_STOP_COPY);
	ssize_t n = 1;

	while (!ret && n) {
		if (!conform_room(c, data, data->len + 65536))
			return vfmig_err(&c->err, -E2BIG,
					 "the device's data is more than is kept (--data-max)");
		n = conform_read(c, data->bytes + data->len, 65536);
		if (n < 0)
			ret = (int)n;
		else
			data->len += (size_t)n;
	}
	return ret;
}

static int begin_load(struct conform *c)
{
	int ret = conform_reset(c);

	return ret ? ret : conform_set(c, VFMIG_STATE_RESUMING);
}

static int load(struct conform *c, const struct conform_data *data)
{
	int ret = conform_write_all(c, data, data->len, 65536);

	return ret ? ret : conform_set(c, VFMIG_STATE_RUNNING);
}

static enum conform_verdict it_can_be_read(struct conform *c)
{
	ssize_t last;

	NEED(c, conform_set(c, VFMIG_STATE_PRE_COPY));
	MUST(c, read_for_now(c, &c->data[0], &last));
	return conform_pass(c, "in PRE_COPY it gave %zu bytes", c->data[0].len);
}

static enum conform_verdict its_end_for_now_is_told(struct conform *c)
{
	ssize_t last;

	NEED(c, conform_set(c, VFMIG_STATE_PRE_COPY));
	NEED(c, read_for_now(c, &c->data[0], &last));
	if (!last)
		return conform_fail(
			c,
			"after %zu bytes a read in PRE_COPY gave 0, the end of the stream; "
			"ENOMSG would say that more may come",
			c->data[0].len);
	if (last > 0)
		return conform_unseen(c, "in %d reads it came to no end", READS_MAX);
	return conform_pass(c, "after %zu bytes: ENOMSG", c->data[0].len);
}

static enum conform_verdict one_stream_goes_on(struct conform *c)
{
	size_t early;
	ssize_t last;

	NEED(c, conform_set(c, VFMIG_STATE_PRE_COPY));
	NEED(c, read_for_now(c, &c->data[0], &last));
	early = c->data[0].len;
	MUST(c, read_rest(c, &c->data[0]));
	NEED(c, begin_load(c));
	MUST(c, load(c, &c->data[0]));
	return conform_pass(c, "%zu bytes of pre-copy and %zu of stop-copy made one state", early,
			    c->data[0].len - early);
}

static enum conform_verdict it_need_not_be_read(struct conform *c)
{
	NEED(c, conform_set(c, VFMIG_STATE_PRE_COPY));
	MUST(c, read_rest(c, &c->data[0]));
	NEED(c, begin_load(c));
	MUST(c, load(c, &c->data[0]));
	return conform_pass(
		c, "none of it was read in PRE_COPY, and %zu bytes in STOP_COPY made a state",
		c->data[0].len);
}

static enum conform_verdict it_can_be_given_up(struct conform *c)
{
	ssize_t n;

	NEED(c, conform_set(c, VFMIG_STATE_PRE_COPY));
	n = conform_read(c, c->scratch, 64);
	NEED(c, n == -ENOMSG ? 0 : n);
	MUST(c, conform_set(c, VFMIG_STATE_RUNNING));
	n = conform_read(c, c->scratch, 64);
	if (n > 0)
		return conform_fail(c, "back in RUNNING it still gave %zd bytes of data", n);
	NEED(c, conform_set(c, VFMIG_STATE_PRE_COPY));
	MUST(c, read_rest(c, &c->data[0]));
	NEED(c, begin_load(c));
	MUST(c, load(c, &c->data[0]));
	return conform_pass(c, "given up and begun again, it made a state of %zu bytes",
			    c->data[0].len);
}

static enum conform_verdict work_moves(struct conform *c)
{
	const char *why;
	ssize_t last;

	NEED(c, c->work->keep(c, CONFORM_IOVA, CONFORM_KEEP, CONFORM_TIMES));
	NEED(c, conform_set(c, VFMIG_STATE_PRE_COPY));
	NEED(c, read_for_now(c, &c->data[0], &last));
	MUST(c, read_rest(c, &c->data[0]));
	NEED(c, begin_load(c));
	MUST(c, load(c, &c->data[0]));
	MUST(c, c->work->adopt(c));
	MUST(c, c->work->drain(c));
	why = c->work->check(c);
	if (why)
		return conform_fail(c, "read while it worked and loaded, it went on, and %s", why);
	return conform_pass(
		c, "read while it worked, and loaded, it went on, and the work came out right");
}

static enum conform_verdict info_shrinks(struct conform *c)
{
	struct vfmig_precopy_info before, after;
	ssize_t ret, n;

	NEED(c, conform_set(c, VFMIG_STATE_PRE_COPY));
	ret = info(c, &before);
	if (ret == -ENOTTY || ret == -EOPNOTSUPP)
		return conform_na(c, "PRECOPY_INFO is not supported: %s", c->err.text);
	MUST(c, ret);
	if (!before.initial_bytes)
		return conform_na(c, "pre-copy has no initial bytes");
	n = conform_read(c, c->scratch, sizeof(c->scratch));
	NEED(c, n);
	MUST(c, info(c, &after));
	if (after.flags & VFMIG_PRECOPY_INFO_REINIT)
		return conform_na(c, "its initial bytes began anew meanwhile");
	if (after.initial_bytes > before.initial_bytes)
		return conform_fail(
			c, "initial_bytes grew from %llu to %llu while %zd bytes were read",
			(unsigned long long)before.initial_bytes,
			(unsigned long long)after.initial_bytes, n);
	return conform_pass(c, "initial_bytes went from %llu to %llu while %zd bytes were read",
			    (unsigned long long)before.initial_bytes,
			    (unsigned long long)after.initial_bytes, n);
}

static enum conform_verdict info_only_in_pre_copy(struct conform *c)
{
	static const enum vfmig_state others[] = {VFMIG_STATE_RUNNING, VFMIG_STATE_STOP,
						  VFMIG_STATE_STOP_COPY};

	for (size_t i = 0; i < 3; i++) {
		struct vfmig_precopy_info out;
		ssize_t ret;

		NEED(c, conform_set(c, others[i]));
		ret = info(c, &out);
		if (ret >= 0)
			return conform_fail(c, "in %s PRECOPY_INFO succeeded",
					    vfmig_state_name(others[i]));
		if (conform_lost(ret))
			return conform_failed(c, CONFORM_FAIL);
	}
	return conform_pass(c, "refused in RUNNING, STOP and STOP_COPY: %s", c->err.text);
}

#define NEEDS (CONFORM_V2 | CONFORM_PRE_COPY)

const struct conform_check conform_v2_precopy[] = {
	{"V2-61", "in PRE_COPY its data can be read", NEEDS, false, it_can_be_read},
	{"V2-62", "the end of what there is for now is ENOMSG", NEEDS, true,
	 its_end_for_now_is_told},
	{"V2-63", "pre-copy's data and stop-copy's are one stream", NEEDS, false,
	 one_stream_goes_on},
	{"V2-65", "PRECOPY_INFO answers, and initial_bytes does not grow", NEEDS, false,
	 info_shrinks},
	{"V2-66", "pre-copy can be given up and begun again", NEEDS, false, it_can_be_given_up},
	{"V2-68", "pre-copy can be left without reading any of it", NEEDS, false,
	 it_need_not_be_read},
	{"V2-69", "PRECOPY_INFO is refused where there is no pre-copy", NEEDS, false,
	 info_only_in_pre_copy},
	{"V2-70", "work that goes on in pre-copy is not lost", NEEDS | CONFORM_WORK, false,
	 work_moves},
	{NULL},
};
