/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * trace: writes the requests to a device, and its answers, as lines of JSON.
 *
 * Two events per request, in the order in which they happen, with the same id: "request" on
 * submission, "done" on completion ("cancelled" on a cancel). A line is one write to a file that is
 * open for appending, so that several devices and processes can share it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vfmig/event.h>
#include <vfmig/space.h>

#include "device/filter.h"
#include "filter/filters.h"
#include "filter/match.h"

#define LINE_MAX_BYTES 8192 /* an error's text, each byte escaped, and the other fields */
#define FIELDS_MAX     16

struct trace {
	struct vfmig_device device;
	struct filter_match match;
	char *file;
	uint64_t fd_option;
	int fd;
	atomic_uint_fast64_t next_id;
};

/* A request under way. @err is for its error if the submitter gave no buffer for one. */
struct traced {
	struct inner inner; /* first */
	uint64_t id;
	int64_t start;
	struct vfmig_error err;
};

#define AT(member) offsetof(struct trace, member)
static const struct vfmig_option options[] = {
	FILTER_MATCH_OPTIONS(struct trace, match),
	{"file", VFMIG_OPTION_TEXT, AT(file), NULL, "append lines to this file"},
	{"fd", VFMIG_OPTION_UINT, AT(fd_option), NULL,
	 "write lines to this descriptor (2 is standard error)", 0, 1 << 20},
	{NULL},
};

struct fields {
	struct vfmig_event_field field[FIELDS_MAX];
	size_t count;
};

static void add(struct fields *f, struct vfmig_event_field field)
{
	if (f->count < FIELDS_MAX)
		f->field[f->count++] = field;
}

static void write_line(struct trace *trace, const char *name, int64_t time, const struct fields *f)
{
	struct vfmig_event event = {name, time, f->field, f->count};
	char line[LINE_MAX_BYTES];
	size_t len = vfmig_event_json(&event, line, sizeof(line) - 1);
	ssize_t n;

	if (len >= sizeof(line) - 1)
		return; /* half a line would spoil the next one, too */
	line[len] = '\n';
	do
		n = write(trace->fd, line, len + 1);
	while (n < 0 && errno == EINTR);
	/* A full disk must not break the device that is watched. */
}

static void add_feature(struct fields *f, const struct vfmig_request *r, bool answered)
{
	uint32_t index = r->feature.flags & VFMIG_FEATURE_MASK;
	uint32_t op = r->feature.flags & ~VFMIG_FEATURE_MASK;
	const struct vfmig_feature_mig_state *state = r->feature.data;

	add(f, VFMIG_U64("feature", index));
	add(f, VFMIG_TEXT("feature_name", vfmig_feature_name(index)));
	add(f, VFMIG_TEXT("action", op & VFMIG_FEATURE_PROBE ? "probe"
				    : op & VFMIG_FEATURE_SET ? "set"
							     : "get"));
	add(f, VFMIG_U64("size_bytes", r->feature.size));
	if (index == VFMIG_FEATURE_MIG_STATE && !(op & VFMIG_FEATURE_PROBE) &&
	    r->feature.size >= sizeof(*state) && (answered || op & VFMIG_FEATURE_SET))
		add(f, VFMIG_TEXT("state", vfmig_state_name(state->device_state)));
}

/* What small accesses carry is shown: it is what one looks for in a trace. */
static void add_value(struct fields *f, const struct vfmig_request *r)
{
	uint64_t value = 0;

	if (r->region.len > sizeof(value))
		return;
	memcpy(&value, r->region.buf, r->region.len);
	add(f, VFMIG_U64("value", value));
}

static void add_request(struct fields *f, const struct vfmig_request *r, bool answered)
{
	switch (r->op) {
	case VFMIG_OP_REGION_INFO:
	case VFMIG_OP_IRQ_INFO:
		add(f, VFMIG_U64("index", r->info.index));
		break;
	case VFMIG_OP_REGION_READ:
	case VFMIG_OP_REGION_WRITE:
		add(f, VFMIG_U64("index", r->region.index));
		add(f, VFMIG_U64("offset_bytes", r->region.offset));
		add(f, VFMIG_U64("len_bytes", r->region.len));
		if (answered == (r->op == VFMIG_OP_REGION_READ))
			add_value(f, r);
		break;
	case VFMIG_OP_REGION_FD:
		add(f, VFMIG_U64("index", r->region_fd.index));
		break;
	case VFMIG_OP_SET_IRQS:
		add(f, VFMIG_U64("flags", r->irqs.flags));
		add(f, VFMIG_U64("index", r->irqs.index));
		add(f, VFMIG_U64("start", r->irqs.start));
		add(f, VFMIG_U64("count", r->irqs.count));
		break;
	case VFMIG_OP_FEATURE:
		add_feature(f, r, answered);
		break;
	case VFMIG_OP_DATA_READ:
	case VFMIG_OP_DATA_WRITE:
		add(f, VFMIG_U64("len_bytes", r->data.len));
		break;
	case VFMIG_OP_PRECOPY_INFO:
		if (!answered)
			break;
		add(f, VFMIG_U64("initial_bytes", r->precopy.initial_bytes));
		add(f, VFMIG_U64("dirty_bytes", r->precopy.dirty_bytes));
		break;
	case VFMIG_OP_SPACE_MAP:
	case VFMIG_OP_SPACE_UNMAP:
		add(f, VFMIG_U64("iova", r->map->iova));
		add(f, VFMIG_U64("size_bytes", r->map->size));
		break;
	default:
		break;
	}
}

static void line_of(const struct traced *traced, const char *name, const struct vfmig_request *r,
		    bool answered, const ssize_t *result)
{
	int64_t now = device_now();
	struct fields f = {.count = 0};

	add(&f, VFMIG_U64("id", traced->id));
	add(&f, VFMIG_TEXT("device", filter_of(&traced->inner)->name));
	add(&f, VFMIG_TEXT("op", vfmig_op_name(r->op)));
	add_request(&f, r, answered && *result >= 0);
	if (answered) {
		if (*result < 0) {
			const struct vfmig_error *err = r->err ? r->err : &traced->err;

			add(&f, VFMIG_U64("errno", -*result));
			add(&f, VFMIG_TEXT("error", err->code ? err->text : "no error message"));
		} else {
			add(&f, VFMIG_U64("result", *result));
		}
	}
	if (traced->start)
		add(&f, VFMIG_U64("took_ns", now - traced->start));
	write_line((struct trace *)filter_of(&traced->inner), name, now, &f);
}

static void back(struct inner *inner)
{
	ssize_t result = inner->request.result;

	line_of((struct traced *)inner, "done", &inner->request, true, &result);
	inner_end(inner, result);
}

static void cancelled(struct inner *inner)
{
	line_of((struct traced *)inner, "cancelled", &inner->request, false, NULL);
}

static void trace_submit(struct vfmig_device *device, struct vfmig_request *request)
{
	struct trace *trace = (struct trace *)device;
	struct traced *traced;

	if (!filter_matches(&trace->match, request)) {
		vfmig_submit(device->inner, request);
		return;
	}
	traced = filter_request(device, request, sizeof(*traced), back);
	if (!traced)
		return;
	traced->inner.cancelled = cancelled;
	if (!request->err)
		traced->inner.request.err = &traced->err;
	traced->id = atomic_fetch_add(&trace->next_id, 1) + 1;
	line_of(traced, "request", request, false, NULL);
	traced->start = device_now();
	filter_send(&traced->inner);
}

static void trace_close(struct vfmig_device *device)
{
	struct trace *trace = (struct trace *)device;

	filter_close_inner(device);
	vfmig_options_free(options, trace);
	if (trace->fd >= 0)
		close(trace->fd);
	filter_close(device);
}

static const struct device_ops ops = {
	.submit = trace_submit,
	.cancel = filter_cancel,
	.fd = filter_fd,
	.process = filter_process,
	.close = trace_close,
};

static int open_output(struct trace *trace, struct vfmig_error *err)
{
	if (!trace->file == (trace->fd_option == UINT64_MAX))
		return vfmig_err(err, -EINVAL, "filter trace needs either file=PATH or fd=N");
	if (trace->file)
		trace->fd = open(trace->file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY,
				 0600); /* what a guest's device does is the guest's secret */
	else
		trace->fd = fcntl((int)trace->fd_option, F_DUPFD_CLOEXEC, 3);
	if (trace->fd < 0)
		return vfmig_err(err, -errno, "filter trace cannot write to %s: %s",
				 trace->file ? trace->file : "its descriptor (fd=)",
				 strerror(errno));
	return 0;
}

static int trace_open(struct vfmig_device *inner, const char *text, struct vfmig_device **device,
		      struct vfmig_error *err)
{
	struct vfmig_device *filter;
	int ret = filter_new(&filter, sizeof(struct trace), &ops, inner, "trace", err);
	struct trace *trace = (struct trace *)filter;

	if (ret)
		return ret;
	trace->fd = -1;
	trace->fd_option = UINT64_MAX;
	ret = vfmig_options_parse(options, text, trace, err);
	if (!ret)
		ret = filter_match_parse(&trace->match, err);
	if (!ret)
		ret = open_output(trace, err);
	return filter_opened(filter, ret, device);
}

const struct filter_kind filter_trace = {
	.name = "trace",
	.summary = "log each request and its completion as a line of JSON",
	.options = options,
	.open = trace_open,
};
