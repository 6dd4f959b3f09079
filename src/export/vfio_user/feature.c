/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DEVICE_FEATURE: the uAPI's, with what the uAPI points to in line.
 *
 * Without the extension the protocol has no peer-to-peer states and no sizes. A client that has not heard of
 * them is not shown them: the device's flags without P2P, and where the device stands in a P2P state,
 * the state beside it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "abi/feature.h"
#include "export/vfio_user/server.h"

/* For all that vfio-user has, and for what the extension adds. */
static bool known(const struct export_client *client, uint32_t feature)
{
	switch (feature) {
	case VFMIG_FEATURE_MIGRATION:
	case VFMIG_FEATURE_MIG_STATE:
	case VFMIG_FEATURE_DMA_LOGGING_START:
	case VFMIG_FEATURE_DMA_LOGGING_STOP:
	case VFMIG_FEATURE_DMA_LOGGING_REPORT:
		return true;
	case VFMIG_FEATURE_LOW_POWER_ENTRY:
	case VFMIG_FEATURE_LOW_POWER_ENTRY_WAKE:
	case VFMIG_FEATURE_LOW_POWER_EXIT:
	case VFMIG_FEATURE_MIG_DATA_SIZE:
	case VFMIG_FEATURE_BUS_MASTER:
	case VFMIG_FEATURE_MIG_PRECOPY_INFO_V2:
	case VFMIG_FEATURE_USER_PRECOPY_INFO:
		return client->caps.vfmig;
	case VFMIG_FEATURE_USER_REPORT_RUNS:
	case VFMIG_FEATURE_USER_HISTORY:
		return client->caps.vfmig >= 2;
	default:
		return false;
	}
}

void export_put_feature(struct export_op *op, const void *payload, size_t size)
{
	struct vfmig_device_feature f;

	abi_feature_get(op->msg->payload, op->msg->len, &f);
	if ((f.flags & (VFMIG_FEATURE_GET | VFMIG_FEATURE_PROBE)) == VFMIG_FEATURE_GET)
		f.argsz = (uint32_t)(ABI_FEATURE_HEADER_SIZE + size + op->out.body_len);
	abi_feature_put(export_fixed(op), EXPORT_FIXED_ROOM, &f);
	if (size)
		memcpy(export_fixed(op) + ABI_FEATURE_HEADER_SIZE, payload, size);
	export_done(op, ABI_FEATURE_HEADER_SIZE + size);
}

/* As the request was. */
static void echo(struct export_op *op)
{
	op->out.body = op->msg->payload + ABI_FEATURE_HEADER_SIZE;
	op->out.body_len = op->msg->len - ABI_FEATURE_HEADER_SIZE;
	export_put_feature(op, NULL, 0);
}

static void echo_back(struct export_op *op, ssize_t result)
{
	if (result < 0)
		export_failed(op, (int)result);
	else
		echo(op);
}

static void ask(struct export_op *op, uint32_t flags, void *data, size_t size,
		void (*back)(struct export_op *op, ssize_t result))
{
	op->request.feature.flags = flags;
	op->request.feature.data = data;
	op->request.feature.size = size;
	export_ask(op, VFMIG_VERB_FEATURE, back);
}

/* ---- states ---- */

static void flags_back(struct export_op *op, ssize_t result)
{
	uint8_t payload[8];

	if (result < 0) {
		export_failed(op, (int)result);
		return;
	}
	if (!op->client->caps.vfmig)
		op->payload.u64 &= ~VFMIG_MIGRATION_P2P;
	export_put_feature(op, payload,
			   abi_feature_put_migration(payload, sizeof(payload), op->payload.u64));
}

static bool is_p2p(uint32_t state)
{
	return state == VFMIG_STATE_RUNNING_P2P || state == VFMIG_STATE_PRE_COPY_P2P;
}

static void state_back(struct export_op *op, ssize_t result)
{
	struct vfmig_feature_mig_state *s = &op->payload.state;
	uint8_t payload[8];

	if (result < 0) {
		export_failed(op, (int)result);
		return;
	}
	if (!op->client->caps.vfmig && is_p2p(s->device_state))
		s->device_state = s->device_state == VFMIG_STATE_RUNNING_P2P ? VFMIG_STATE_RUNNING
									     : VFMIG_STATE_PRE_COPY;
	s->data_fd = -1;
	export_put_feature(op, payload, abi_feature_put_mig_state(payload, sizeof(payload), s));
}

static void set_state(struct export_op *op, uint32_t flags, const uint8_t *data, size_t len)
{
	const char *why = abi_feature_get_mig_state(data, len, &op->payload.state);

	if (!why && !op->client->caps.vfmig && is_p2p(op->payload.state.device_state))
		why = "a P2P state was asked for, which vfio-user has only with our extension";
	if (why) {
		export_refuse(op, -EINVAL, "%s", why);
		return;
	}
	op->client->server->was_running = false; /* from now on it is what its client says */
	op->payload.state.data_fd = -1;
	ask(op, flags, &op->payload.state, sizeof(op->payload.state), state_back);
}

static void number_back(struct export_op *op, ssize_t result)
{
	uint8_t payload[8];

	if (result < 0)
		export_failed(op, (int)result);
	else
		export_put_feature(
			op, payload,
			abi_feature_put_data_size(payload, sizeof(payload), op->payload.u64));
}

static void precopy_back(struct export_op *op, ssize_t result)
{
	uint8_t payload[24];

	if (result < 0)
		export_failed(op, (int)result);
	else
		export_put_feature(op, payload,
				   abi_feature_put_precopy_info(payload, sizeof(payload),
								&op->request.precopy));
}

/* ---- DMA logging ---- */

/*
 * Everything, for those who must be given ranges: in two, since 2^64 is no length, and without the last page,
 * which nothing can be mapped to. In pages that divide it.
 */
static const struct vfmig_dma_logging_range everything[2] = {
	{0, 1ull << 63},
	{1ull << 63, (1ull << 63) - ABI_LOGGING_PAGE_MIN},
};

/* The device has one log, and the space reads it already. */
static bool one_way(struct export_op *op)
{
	if (op->client->type1)
		export_refuse(op, -EBUSY, "the client logs DMA by DIRTY_PAGES already");
	return op->client->type1;
}

static void start_back(struct export_op *op, ssize_t result)
{
	if (result < 0) {
		export_failed(op, (int)result);
		return;
	}
	op->client->logging = true;
	/* The request comes back with the page size that was chosen. */
	memcpy(op->msg->payload + ABI_FEATURE_HEADER_SIZE, &op->payload.start.page_size,
	       sizeof(op->payload.start.page_size));
	echo(op);
}

static void start(struct export_op *op, uint32_t flags, const uint8_t *data, size_t len)
{
	struct vfmig_feature_dma_logging_control *c = &op->payload.start;
	struct vfmig_dma_logging_range *ranges;
	const char *why;
	uint32_t n;

	if (one_way(op))
		return;
	ranges = malloc(ABI_LOGGING_RANGES_MAX * sizeof(*ranges));
	op->memory = ranges;
	if (!ranges) {
		export_refuse(op, -ENOMEM, "no memory for ranges to log");
		return;
	}
	memset(c, 0, sizeof(*c));
	why = abi_logging_get_start(data, len, &c->page_size, ranges, ABI_LOGGING_RANGES_MAX, &n);
	if (why) {
		export_refuse(op, -EINVAL, "%s", why);
		return;
	}
	c->num_ranges = n ? n : 2;
	c->ranges = (uintptr_t)(n ? ranges : everything);
	if (!n)
		c->page_size = ABI_LOGGING_PAGE_MIN;
	ask(op, flags, c, sizeof(*c), start_back);
}

static void stop_back(struct export_op *op, ssize_t result)
{
	if (result >= 0)
		op->client->logging = false;
	echo_back(op, result);
}

/* ---- low power ---- */

static void sleeps_back(struct export_op *op, ssize_t result)
{
	/* Until the client ends it or goes, whether or not the device has woken since. */
	if (result >= 0)
		op->client->sleeps = true;
	echo_back(op, result);
}

/* The eventfd comes beside the message, and the payload has its place among the descriptors: 0. */
static void enter_with_wake(struct export_op *op, uint32_t flags, const uint8_t *data, size_t len)
{
	struct vfmig_feature_low_power_wake *wake = &op->payload.wake;
	const char *why = abi_feature_get_low_power_wake(data, len, wake);

	if (!why && (op->msg->nfds != 1 || wake->wakeup_eventfd))
		why = "LOW_POWER_ENTRY_WITH_WAKEUP takes one descriptor, and has it as number 0";
	if (!why && !export_is_eventfd(op->msg->fds[0]))
		why = "LOW_POWER_ENTRY_WITH_WAKEUP: the descriptor is no eventfd";
	if (why) {
		export_refuse(op, -EINVAL, "%s", why);
		return;
	}
	wake->wakeup_eventfd = op->msg->fds[0];
	ask(op, flags, wake, sizeof(*wake), sleeps_back);
}

/* ---- which is which ---- */

static void get(struct export_op *op, const struct vfmig_device_feature *f, const uint8_t *data,
		size_t len)
{
	uint32_t feature = f->flags & VFMIG_FEATURE_MASK;
	const struct abi_feature_kind *kind = abi_feature_kind(feature);

	if (feature == VFMIG_FEATURE_DMA_LOGGING_REPORT ||
	    feature == VFMIG_FEATURE_USER_REPORT_RUNS) {
		if (!one_way(op))
			export_report(op, f, data, len);
		return;
	}
	if (kind && f->argsz - ABI_FEATURE_HEADER_SIZE < kind->size) {
		export_refuse(op, -EINVAL, "feature %s: argsz %u leaves no room for it", kind->name,
			      f->argsz);
		return;
	}
	switch (feature) {
	case VFMIG_FEATURE_MIGRATION:
		ask(op, f->flags, &op->payload.u64, 8, flags_back);
		return;
	case VFMIG_FEATURE_MIG_STATE:
		memset(&op->payload.state, 0, sizeof(op->payload.state));
		ask(op, f->flags, &op->payload.state, sizeof(op->payload.state), state_back);
		return;
	case VFMIG_FEATURE_MIG_DATA_SIZE:
		ask(op, f->flags, &op->payload.u64, 8, number_back);
		return;
	case VFMIG_FEATURE_USER_PRECOPY_INFO:
		op->request.precopy.argsz = sizeof(op->request.precopy);
		export_ask(op, VFMIG_VERB_PRECOPY_INFO, precopy_back);
		return;
	case VFMIG_FEATURE_USER_HISTORY:
		export_history_tell(op);
		return;
	default:
		export_refuse(op, -EINVAL, "feature %u cannot be read", feature);
	}
}

static void set(struct export_op *op, uint32_t flags, uint8_t *data, size_t len)
{
	uint32_t feature = flags & VFMIG_FEATURE_MASK;

	switch (feature) {
	case VFMIG_FEATURE_MIG_STATE:
		set_state(op, flags, data, len);
		return;
	case VFMIG_FEATURE_DMA_LOGGING_START:
		start(op, flags, data, len);
		return;
	case VFMIG_FEATURE_DMA_LOGGING_STOP:
		if (!one_way(op))
			ask(op, flags, NULL, 0, stop_back);
		return;
	case VFMIG_FEATURE_BUS_MASTER:
		if (len < sizeof(struct vfmig_feature_bus_master)) {
			export_refuse(op, -EINVAL, "feature bus master needs 4 bytes");
			return;
		}
		ask(op, flags, data, sizeof(struct vfmig_feature_bus_master), echo_back);
		return;
	case VFMIG_FEATURE_USER_HISTORY:
		if (export_history_moved(op, data, len))
			echo(op);
		return;
	case VFMIG_FEATURE_LOW_POWER_ENTRY:
		ask(op, flags, NULL, 0, sleeps_back);
		return;
	case VFMIG_FEATURE_LOW_POWER_ENTRY_WAKE:
		enter_with_wake(op, flags, data, len);
		return;
	case VFMIG_FEATURE_LOW_POWER_EXIT:
	case VFMIG_FEATURE_MIG_PRECOPY_INFO_V2:
		ask(op, flags, NULL, 0, echo_back);
		return;
	default:
		export_refuse(op, -EINVAL, "feature %u cannot be set", feature);
	}
}

void export_feature(struct export_op *op)
{
	struct wire_msg *msg = op->msg;
	struct vfmig_device_feature f;
	const char *why = abi_feature_get(msg->payload, msg->len, &f);
	uint8_t *data = msg->payload + ABI_FEATURE_HEADER_SIZE;
	size_t len = msg->len - ABI_FEATURE_HEADER_SIZE;

	if (!why && f.argsz < ABI_FEATURE_HEADER_SIZE)
		why = "the argsz of DEVICE_FEATURE is below its 8 bytes";
	if (why) {
		export_refuse(op, -EINVAL, "%s", why);
		return;
	}
	if (!known(op->client, f.flags & VFMIG_FEATURE_MASK)) {
		export_refuse(op, -ENOTTY, "there is no feature %u here",
			      f.flags & VFMIG_FEATURE_MASK);
		return;
	}
	/* All but GET is answered with what was asked. */
	if ((f.flags & (VFMIG_FEATURE_SET | VFMIG_FEATURE_PROBE)) && f.argsz < msg->len) {
		export_refuse(op, -EINVAL,
			      "feature %u: argsz %u leaves no room for the reply of %zu bytes",
			      f.flags & VFMIG_FEATURE_MASK, f.argsz, msg->len);
		return;
	}
	if ((f.flags & VFMIG_FEATURE_PROBE) &&
	    (f.flags & VFMIG_FEATURE_MASK) >= VFMIG_FEATURE_USER_PRECOPY_INFO)
		echo(op);
	else if (f.flags & VFMIG_FEATURE_PROBE)
		ask(op, f.flags, NULL, 0, echo_back);
	else if (f.flags & VFMIG_FEATURE_GET)
		get(op, &f, data, len);
	else
		set(op, f.flags, data, len);
}
