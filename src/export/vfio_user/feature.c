/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DEVICE_FEATURE: the uAPI's, with the data that the uAPI points to in line.
 *
 * Without the extension the protocol has no peer-to-peer states and no sizes. A client that has not
 * negotiated them does not see them: the server clears P2P in the device's flags, and in place of a
 * P2P state it reports the state next to it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "abi/feature.h"
#include "abi/stream.h"
#include "export/vfio_user/client.h"
#include "export/vfio_user/command.h"
#include "export/vfio_user/history.h"
#include "export/vfio_user/server.h"

/* As the request was. */
static void echo(struct export_command *command)
{
	command->out.body = command->msg->payload + ABI_FEATURE_HEADER_SIZE;
	command->out.body_len = command->msg->len - ABI_FEATURE_HEADER_SIZE;
	export_put_feature(command, NULL, 0);
}

static void echo_back(struct export_command *command, ssize_t result)
{
	if (result < 0)
		export_failed(command, (int)result);
	else
		echo(command);
}

static void ask(struct export_command *command, uint32_t flags, void *data, size_t size,
		void (*back)(struct export_command *command, ssize_t result))
{
	command->request.feature.flags = flags;
	command->request.feature.data = data;
	command->request.feature.size = size;
	export_ask(command, VFMIG_OP_FEATURE, back);
}

/* ---- states ---- */

static void flags_back(struct export_command *command, ssize_t result)
{
	uint8_t payload[8];

	if (result < 0) {
		export_failed(command, (int)result);
		return;
	}
	if (!command->client->caps.vfmig)
		command->payload.u64 &= ~VFMIG_MIGRATION_P2P;
	export_put_feature(
		command, payload,
		abi_feature_put_migration(payload, sizeof(payload), command->payload.u64));
}

static void state_back(struct export_command *command, ssize_t result)
{
	struct vfmig_feature_mig_state *s = &command->payload.state;
	uint8_t payload[8];

	if (result < 0) {
		export_failed(command, (int)result);
		return;
	}
	if (!command->client->caps.vfmig && abi_state_is_p2p(s->device_state))
		s->device_state = s->device_state == VFMIG_STATE_RUNNING_P2P ? VFMIG_STATE_RUNNING
									     : VFMIG_STATE_PRE_COPY;
	s->data_fd = -1;
	export_put_feature(command, payload,
			   abi_feature_put_mig_state(payload, sizeof(payload), s));
}

static void set_state(struct export_command *command, uint32_t flags, const uint8_t *data,
		      size_t len)
{
	const char *why = abi_feature_get_mig_state(data, len, &command->payload.state);

	if (!why && !command->client->caps.vfmig &&
	    abi_state_is_p2p(command->payload.state.device_state))
		why = "P2P states need the vfmig extension of vfio-user, which the client did not negotiate";
	if (why) {
		export_refuse(command, -EINVAL, "%s", why);
		return;
	}
	command->client->server->was_running = false; /* from now on the client decides */
	command->payload.state.data_fd = -1;
	ask(command, flags, &command->payload.state, sizeof(command->payload.state), state_back);
}

static void number_back(struct export_command *command, ssize_t result)
{
	uint8_t payload[8];

	if (result < 0)
		export_failed(command, (int)result);
	else
		export_put_feature(
			command, payload,
			abi_feature_put_data_size(payload, sizeof(payload), command->payload.u64));
}

static void precopy_back(struct export_command *command, ssize_t result)
{
	uint8_t payload[24];

	if (result < 0)
		export_failed(command, (int)result);
	else
		export_put_feature(command, payload,
				   abi_feature_put_precopy_info(payload, sizeof(payload),
								&command->request.precopy));
}

/* ---- DMA logging ---- */

/*
 * Everything, for devices that must be given ranges: two ranges, since 2^64 does not fit a length,
 * without the last page, to which nothing can be mapped. The page size divides both.
 */
static const struct vfmig_dma_logging_range everything[2] = {
	{0, 1ull << 63},
	{1ull << 63, (1ull << 63) - ABI_LOGGING_PAGE_MIN},
};

/* The device has one log, and the space reads it already. */
static bool one_way(struct export_command *command)
{
	if (command->client->type1)
		export_refuse(
			command, -EBUSY,
			"the client has already started DMA logging by DIRTY_PAGES; use one of the two");
	return command->client->type1;
}

static void start_back(struct export_command *command, ssize_t result)
{
	if (result < 0) {
		export_failed(command, (int)result);
		return;
	}
	command->client->logging = true;
	/* The request comes back with the page size that was chosen. */
	memcpy(command->msg->payload + ABI_FEATURE_HEADER_SIZE, &command->payload.start.page_size,
	       sizeof(command->payload.start.page_size));
	echo(command);
}

static void start(struct export_command *command, uint32_t flags, const uint8_t *data, size_t len)
{
	struct vfmig_feature_dma_logging_control *c = &command->payload.start;
	struct vfmig_dma_logging_range *ranges;
	const char *why;
	uint32_t n;

	if (one_way(command))
		return;
	ranges = malloc(ABI_LOGGING_RANGES_MAX * sizeof(*ranges));
	command->memory = ranges;
	if (!ranges) {
		export_refuse(command, -ENOMEM, "no memory for ranges to log");
		return;
	}
	memset(c, 0, sizeof(*c));
	why = abi_logging_get_start(data, len, &c->page_size, ranges, ABI_LOGGING_RANGES_MAX, &n);
	if (why) {
		export_refuse(command, -EINVAL, "%s", why);
		return;
	}
	c->num_ranges = n ? n : 2;
	c->ranges = (uintptr_t)(n ? ranges : everything);
	if (!n)
		c->page_size = ABI_LOGGING_PAGE_MIN;
	ask(command, flags, c, sizeof(*c), start_back);
}

static void stop_back(struct export_command *command, ssize_t result)
{
	if (result >= 0)
		command->client->logging = false;
	echo_back(command, result);
}

/* ---- low power ---- */

static void sleeps_back(struct export_command *command, ssize_t result)
{
	/* Until the client ends it or goes, whether or not the device has woken since. */
	if (result >= 0)
		command->client->sleeps = true;
	echo_back(command, result);
}

/* The eventfd comes beside the message, and the payload has its place among the descriptors: 0. */
static void enter_with_wake(struct export_command *command, uint32_t flags, const uint8_t *data,
			    size_t len)
{
	struct vfmig_feature_low_power_wake *wake = &command->payload.wake;
	const char *why = abi_feature_get_low_power_wake(data, len, wake);

	if (!why && (command->msg->nfds != 1 || wake->wakeup_eventfd))
		why = "LOW_POWER_ENTRY_WITH_WAKEUP: the message must have one descriptor, and the payload its index 0";
	if (!why && !export_is_eventfd(command->msg->fds[0]))
		why = "LOW_POWER_ENTRY_WITH_WAKEUP: the descriptor is not an eventfd";
	if (why) {
		export_refuse(command, -EINVAL, "%s", why);
		return;
	}
	wake->wakeup_eventfd = command->msg->fds[0];
	ask(command, flags, wake, sizeof(*wake), sleeps_back);
}

/* ---- the history of the device's state ---- */

static void get_history(struct export_command *command)
{
	struct vfmig_feature_history *past =
		(struct vfmig_feature_history *)export_room(command, sizeof(*past));

	if (!past)
		return;
	export_history_get(command->client->server, past);
	command->out.body = past;
	command->out.body_len = sizeof(*past);
	export_put_feature(command, NULL, 0);
}

static void set_history(struct export_command *command, const uint8_t *data, size_t len)
{
	struct vfmig_feature_history reported;
	const char *why = NULL;

	if (len < sizeof(reported))
		why = "the payload is too small";
	else
		memcpy(&reported, data, sizeof(reported));
	if (!why && reported.past != VFMIG_HISTORY_MOVED)
		why = "a client can report only that the state was moved away";
	if (!why && strnlen(reported.where, sizeof(reported.where)) == sizeof(reported.where))
		why = "the place is not terminated";
	if (!why)
		why = abi_section_sentence(reported.where, strlen(reported.where));
	if (!why)
		why = export_history_moved(command->client->server, reported.where);
	if (why)
		export_refuse(command, -EINVAL, "feature USER_HISTORY: %s", why);
	else
		echo(command);
}

/* ---- which is which ---- */

static void get(struct export_command *command, const struct vfmig_device_feature *f,
		const uint8_t *data, size_t len)
{
	uint32_t feature = f->flags & VFMIG_FEATURE_MASK;
	const struct abi_feature_kind *kind = abi_feature_find_kind(feature);

	if (feature == VFMIG_FEATURE_DMA_LOGGING_REPORT ||
	    feature == VFMIG_FEATURE_USER_REPORT_RUNS) {
		if (!one_way(command))
			export_report(command, f, data, len);
		return;
	}
	if (kind && f->argsz - ABI_FEATURE_HEADER_SIZE < kind->size) {
		export_refuse(command, -EINVAL, "feature %s: argsz %u is too small", kind->name,
			      f->argsz);
		return;
	}
	switch (feature) {
	case VFMIG_FEATURE_MIGRATION:
		ask(command, f->flags, &command->payload.u64, 8, flags_back);
		return;
	case VFMIG_FEATURE_MIG_STATE:
		memset(&command->payload.state, 0, sizeof(command->payload.state));
		ask(command, f->flags, &command->payload.state, sizeof(command->payload.state),
		    state_back);
		return;
	case VFMIG_FEATURE_MIG_DATA_SIZE:
		ask(command, f->flags, &command->payload.u64, 8, number_back);
		return;
	case VFMIG_FEATURE_USER_PRECOPY_INFO:
		command->request.precopy.argsz = sizeof(command->request.precopy);
		export_ask(command, VFMIG_OP_PRECOPY_INFO, precopy_back);
		return;
	case VFMIG_FEATURE_USER_HISTORY:
		get_history(command);
		return;
	default:
		export_refuse(command, -EINVAL, "feature %u has no GET", feature);
	}
}

static void set(struct export_command *command, uint32_t flags, uint8_t *data, size_t len)
{
	uint32_t feature = flags & VFMIG_FEATURE_MASK;

	switch (feature) {
	case VFMIG_FEATURE_MIG_STATE:
		set_state(command, flags, data, len);
		return;
	case VFMIG_FEATURE_DMA_LOGGING_START:
		start(command, flags, data, len);
		return;
	case VFMIG_FEATURE_DMA_LOGGING_STOP:
		if (!one_way(command))
			ask(command, flags, NULL, 0, stop_back);
		return;
	case VFMIG_FEATURE_BUS_MASTER:
		if (len < sizeof(struct vfmig_feature_bus_master)) {
			export_refuse(command, -EINVAL,
				      "feature bus master: the payload must have 4 bytes");
			return;
		}
		ask(command, flags, data, sizeof(struct vfmig_feature_bus_master), echo_back);
		return;
	case VFMIG_FEATURE_USER_HISTORY:
		set_history(command, data, len);
		return;
	case VFMIG_FEATURE_LOW_POWER_ENTRY:
		ask(command, flags, NULL, 0, sleeps_back);
		return;
	case VFMIG_FEATURE_LOW_POWER_ENTRY_WAKE:
		enter_with_wake(command, flags, data, len);
		return;
	case VFMIG_FEATURE_LOW_POWER_EXIT:
	case VFMIG_FEATURE_MIG_PRECOPY_INFO_V2:
		ask(command, flags, NULL, 0, echo_back);
		return;
	default:
		export_refuse(command, -EINVAL, "feature %u has no SET", feature);
	}
}

void export_feature(struct export_command *command)
{
	struct wire_msg *msg = command->msg;
	struct vfmig_device_feature f;
	const char *why = abi_feature_get(msg->payload, msg->len, &f);
	uint8_t *data = msg->payload + ABI_FEATURE_HEADER_SIZE;
	size_t len = msg->len - ABI_FEATURE_HEADER_SIZE;

	if (!why && f.argsz < ABI_FEATURE_HEADER_SIZE)
		why = "DEVICE_FEATURE: argsz is less than 8";
	if (why) {
		export_refuse(command, -EINVAL, "%s", why);
		return;
	}
	if (!abi_feature_in_vfio_user(f.flags & VFMIG_FEATURE_MASK, command->client->caps.vfmig)) {
		export_refuse(command, -ENOTTY, "the connection has no feature %u",
			      f.flags & VFMIG_FEATURE_MASK);
		return;
	}
	/* All but GET is answered with what was asked. */
	if ((f.flags & (VFMIG_FEATURE_SET | VFMIG_FEATURE_PROBE)) && f.argsz < msg->len) {
		export_refuse(command, -EINVAL,
			      "feature %u: argsz %u is too small for the reply of %zu bytes",
			      f.flags & VFMIG_FEATURE_MASK, f.argsz, msg->len);
		return;
	}
	if ((f.flags & VFMIG_FEATURE_PROBE) &&
	    (f.flags & VFMIG_FEATURE_MASK) >= VFMIG_FEATURE_USER_PRECOPY_INFO)
		echo(command);
	else if (f.flags & VFMIG_FEATURE_PROBE)
		ask(command, f.flags, NULL, 0, echo_back);
	else if (f.flags & VFMIG_FEATURE_GET)
		get(command, &f, data, len);
	else
		set(command, f.flags, data, len);
}
