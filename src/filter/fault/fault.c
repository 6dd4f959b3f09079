/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fault: break a device on purpose.
 *
 * One rule per filter: which requests (operation, feature, arc), which of them (the nth, how many, with what
 * chance), and what happens to them. Several rules are several filters. It is how the tests ask "and what if
 * that fails?" of everything above a device, so what it does is exact: counted, and random only from a seed.
 *
 * What passes by no request cannot be struck: mapped regions, and the device's own DMA.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "filter/fault/fault.h"
#include "filter/filters.h"

static const char *const acts[] = {"error", "short", "corrupt", "drop", "twice", "hang", NULL};
static const char *const whens[] = {"before", "after", NULL};

#define AT(member) offsetof(struct fault, member)
static const struct vfmig_option options[] = {
	FILTER_MATCH_OPTIONS(struct fault, match),
	{"arc", VFMIG_OPTION_TEXT, AT(arc), NULL,
	 "only state changes that take this arc, FROM:TO (running:stop, any:resuming)"},
	{"nth", VFMIG_OPTION_UINT, AT(nth), "1", "number of the first request to fail, from 1", 1},
	{"times", VFMIG_OPTION_UINT, AT(times), "1",
	 "how many requests to fail; 0: all from the first"},
	{"chance", VFMIG_OPTION_UINT, AT(chance), "1000", "probability of a fault, in 1/1000", 1,
	 1000},
	{"seed", VFMIG_OPTION_UINT, AT(seed), "1", "seed of the random numbers for chance"},
	{"do", VFMIG_OPTION_CHOICE, AT(act), "error",
	 "error: fail with error=; short: transfer only bytes=; corrupt: flip bit=; drop: do nothing and report success (data-read: skip a chunk); twice: do it twice; hang: never reply",
	 0, 0, acts},
	{"error", VFMIG_OPTION_TEXT, AT(error), "EIO", "the errno of do=error"},
	{"when", VFMIG_OPTION_CHOICE, AT(after), "before",
	 "error, hang: fail before the device executes the request, or after it (only the reply is lost)",
	 0, 0, whens},
	{"bit", VFMIG_OPTION_UINT, AT(bit), "0", "bit to flip, modulo the length"},
	{"bytes", VFMIG_OPTION_UINT, AT(bytes), NULL, "bytes to transfer; default: half"},
	{NULL},
};

#define BIT(op) (1u << VFMIG_OP_##op)
#define DATA	(BIT(DATA_READ) | BIT(DATA_WRITE) | BIT(REGION_READ) | BIT(REGION_WRITE))
#define ORDERS	(BIT(SET_IRQS) | BIT(RESET) | BIT(FEATURE))
#define SPACE	(BIT(ATTACH) | BIT(DETACH) | BIT(SPACE_MAP) | BIT(SPACE_UNMAP))
#define INFOS	(BIT(DEVICE_INFO) | BIT(REGION_INFO) | BIT(IRQ_INFO))

/* What can be done to which operations. */
static const uint32_t fit[] = {
	[FAULT_ERROR] = ~0u,
	[FAULT_SHORT] = DATA,
	[FAULT_CORRUPT] = DATA | INFOS | BIT(FEATURE),
	[FAULT_DROP] = BIT(DATA_READ) | BIT(DATA_WRITE) | BIT(REGION_WRITE) | ORDERS | SPACE,
	[FAULT_TWICE] = BIT(DATA_READ) | BIT(DATA_WRITE) | BIT(REGION_WRITE) | ORDERS,
	[FAULT_HANG] = ~0u,
};

static const struct {
	const char *name;
	int errnum;
} errors[] = {
	{"EPERM", EPERM},	    {"ENOENT", ENOENT},
	{"EINTR", EINTR},	    {"EIO", EIO},
	{"ENXIO", ENXIO},	    {"E2BIG", E2BIG},
	{"EBADF", EBADF},	    {"EAGAIN", EAGAIN},
	{"ENOMEM", ENOMEM},	    {"EACCES", EACCES},
	{"EFAULT", EFAULT},	    {"EBUSY", EBUSY},
	{"EEXIST", EEXIST},	    {"ENODEV", ENODEV},
	{"EINVAL", EINVAL},	    {"ENOTTY", ENOTTY},
	{"EFBIG", EFBIG},	    {"ENOSPC", ENOSPC},
	{"EPIPE", EPIPE},	    {"ERANGE", ERANGE},
	{"ENOSYS", ENOSYS},	    {"ENODATA", ENODATA},
	{"EPROTO", EPROTO},	    {"EBADMSG", EBADMSG},
	{"EOVERFLOW", EOVERFLOW},   {"ENOMSG", ENOMSG},
	{"EMSGSIZE", EMSGSIZE},	    {"EOPNOTSUPP", EOPNOTSUPP},
	{"ECONNRESET", ECONNRESET}, {"ENOTCONN", ENOTCONN},
	{"ETIMEDOUT", ETIMEDOUT},   {"ECANCELED", ECANCELED},
};

static int parse_error(const char *text, int *errnum, struct vfmig_error *err)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		if (!strcmp(errors[i].name, text)) {
			*errnum = errors[i].errnum;
			return 0;
		}
	}
	return vfmig_err(err, -EINVAL, "option error: unknown errno '%s'; use a name such as EIO",
			 text);
}

/* splitmix64: small, and the same everywhere. */
static uint64_t draw(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

bool fault_strikes(struct fault *fault)
{
	bool strikes;

	pthread_mutex_lock(&fault->lock);
	fault->seen++;
	strikes = fault->seen >= fault->nth && (!fault->times || fault->struck < fault->times) &&
		  (fault->chance >= 1000 || draw(&fault->random) % 1000 < fault->chance);
	fault->struck += strikes;
	pthread_mutex_unlock(&fault->lock);
	return strikes;
}

static void release(struct inner *inner)
{
	free(((struct fault_call *)inner)->copy);
}

struct fault_call *fault_begin(struct fault *fault, struct vfmig_request *request)
{
	struct fault_call *call =
		filter_request(&fault->device, request, sizeof(*call), fault_pass);

	if (call)
		call->inner.release = release;
	return call;
}

void fault_send(struct fault_call *call, void (*back)(struct inner *inner))
{
	call->inner.back = back;
	filter_send(&call->inner);
}

void fault_pass(struct inner *inner)
{
	inner_end(inner, inner->request.result);
}

void fault_strike(struct fault_call *call)
{
	struct fault *fault = fault_of(call);
	const struct vfmig_request *request = call->inner.outer;
	bool feature = request->op == VFMIG_OP_FEATURE;

	if (fault->act == FAULT_HANG) {
		if (atomic_load(&call->inner.is_cancelled))
			inner_end(&call->inner, -ECANCELED);
		else
			inner_park(&call->inner, INT64_MAX);
		return;
	}
	vfmig_err(request->err, -fault->errnum, "%s: %s%s%s failed by filter fault (%s)",
		  fault->device.name, vfmig_op_name(request->op), feature ? " " : "",
		  feature ? vfmig_feature_name(request->feature.flags & VFMIG_FEATURE_MASK) : "",
		  fault->error);
	inner_end(&call->inner, -fault->errnum);
}

/* Return a chunk that was already read a second time, before the device's next data. */
static bool read_again(struct fault *fault, struct vfmig_request *request)
{
	size_t n;

	pthread_mutex_lock(&fault->lock);
	n = fault->again_len - fault->again_at;
	if (!n) {
		pthread_mutex_unlock(&fault->lock);
		return false;
	}
	if (n > request->data.len)
		n = request->data.len;
	memcpy(request->data.buf, fault->again + fault->again_at, n);
	fault->again_at += n;
	pthread_mutex_unlock(&fault->lock);
	request_complete(request, (ssize_t)n);
	return true;
}

static bool sets_state(const struct vfmig_request *request)
{
	return request->op == VFMIG_OP_FEATURE &&
	       (request->feature.flags & ~VFMIG_FEATURE_MASK) == VFMIG_FEATURE_SET &&
	       (request->feature.flags & VFMIG_FEATURE_MASK) == VFMIG_FEATURE_MIG_STATE &&
	       request->feature.size >= sizeof(struct vfmig_feature_mig_state);
}

static void fault_submit(struct vfmig_device *device, struct vfmig_request *request)
{
	struct fault *fault = (struct fault *)device;

	if (request->op == VFMIG_OP_DATA_READ && read_again(fault, request))
		return;
	if (fault->arcs && sets_state(request))
		fault_arc(fault, request);
	else if (!fault->arcs && filter_matches(&fault->match, request) && fault_strikes(fault))
		fault_apply(fault, request);
	else
		vfmig_submit(device->inner, request);
}

static void fault_close(struct vfmig_device *device)
{
	struct fault *fault = (struct fault *)device;

	filter_close_inner(device);
	vfmig_options_free(options, fault);
	free(fault->again);
	pthread_mutex_destroy(&fault->lock);
	filter_close(device);
}

static const struct device_ops ops = {
	.submit = fault_submit,
	.cancel = filter_cancel,
	.fd = filter_fd,
	.process = filter_process,
	.close = fault_close,
};

static int parse(struct fault *fault, const char *text, struct vfmig_error *err)
{
	int ret;

	fault->bytes = UINT64_MAX;
	ret = vfmig_options_parse(options, text, fault, err);
	if (!ret)
		ret = filter_match_parse(&fault->match, err);
	if (!ret)
		ret = parse_error(fault->error, &fault->errnum, err);
	if (!ret && fault->arc)
		ret = fault_parse_arc(fault, err);
	if (ret)
		return ret;
	fault->random = fault->seed;
	fault->match.ops &= fit[fault->act];
	if (!fault->match.ops)
		return vfmig_err(err, -EINVAL, "do=%s does not apply to the selected operations",
				 acts[fault->act]);
	return 0;
}

static int fault_open(struct vfmig_device *inner, const char *text, struct vfmig_device **device,
		      struct vfmig_error *err)
{
	struct vfmig_device *filter;
	int ret = filter_new(&filter, sizeof(struct fault), &ops, inner, "fault", err);
	struct fault *fault = (struct fault *)filter;

	if (ret)
		return ret;
	pthread_mutex_init(&fault->lock, NULL);
	ret = parse(fault, text, err);
	if (!ret && fault->arcs)
		ret = vfmig_device_call_feature(inner, VFMIG_FEATURE_GET | VFMIG_FEATURE_MIGRATION,
						&fault->flags, sizeof(fault->flags), err);
	return filter_opened(filter, ret, device);
}

const struct filter_kind filter_fault = {
	.name = "fault",
	.summary = "inject faults: fail, shorten, corrupt, drop, repeat or hang requests",
	.options = options,
	.open = fault_open,
};
