/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The set-up of a destination: what the source sends, whether its devices and memory fit, and the devices in RESUMING.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "device/device.h"
#include "device/session.h"
#include "engine/channel/channel.h"
#include "engine/destination.h"
#include "engine/device.h"
#include "engine/memory.h"
#include "engine/migration.h"
#include "engine/negotiation/negotiation.h"
#include "engine/report.h"
#include "engine/send.h"
#include "engine/wait.h"

static int read_header(struct vfmig_migration *m, struct vfmig_error *err)
{
	uint8_t bytes[ABI_STREAM_HEADER_SIZE];
	struct abi_stream_header header;
	int ret = engine_receive_bytes(m, sizeof(bytes), err);
	const char *why;

	if (ret)
		return ret;
	channel_in_consume(&m->channel.in, bytes, sizeof(bytes));
	why = abi_stream_get_header(bytes, sizeof(bytes), &header);
	if (!why && header.flags & ABI_STREAM_FLAG_REPLY)
		why = "it comes from a destination: are two destinations connected?";
	if (why)
		return vfmig_err(err, -EBADMSG, "invalid stream at byte 0: %s", why);
	m->channel.version = header.version;
	memcpy(m->channel.id, header.id, sizeof(m->channel.id));
	if (header.flags & ABI_STREAM_FLAG_FILE)
		m->channel.file = true;
	else if (m->channel.file)
		return vfmig_err(
			err, -EINVAL,
			"the source waits for replies, and the channel has only one direction: use a socket");
	abi_stream_check_init(&m->channel.in.check, header.flags);
	return 0;
}

static int read_hello(struct vfmig_migration *m, struct negotiation **negotiation,
		      struct vfmig_error *err)
{
	struct channel_buffer *buffer = engine_buffer_get(m, true);
	struct abi_section section;
	int ret = engine_receive_header(m, &section, buffer->bytes, err);

	if (!ret)
		ret = engine_receive_payload(m, &section, buffer->bytes,
					     buffer->bytes + ABI_SECTION_HEADER_SIZE, err);
	if (!ret)
		ret = negotiation_decode((char *)buffer->bytes + ABI_SECTION_HEADER_SIZE,
					 section.length, negotiation, err);
	engine_buffer_put(m, buffer);
	return ret;
}

static int compare(struct vfmig_migration *m, const struct negotiation *there,
		   struct vfmig_error *err)
{
	struct negotiation *here;
	int ret = negotiation_make(m, &here, err);

	if (ret)
		return ret;
	m->destination.order = calloc(there->device_count + 1, sizeof(*m->destination.order));
	m->destination.stream_devices =
		calloc(there->device_count + 1, sizeof(*m->destination.stream_devices));
	if (m->destination.order && m->destination.stream_devices)
		ret = negotiation_fits(there, here, m->destination.order, err);
	else
		ret = vfmig_err(err, -ENOMEM, "no memory for a migration");
	if (!ret)
		abi_stream_check_hello(&m->channel.in.check, m->destination.stream_devices,
				       there->device_count, m->memory.sizes,
				       m->memory.region_count);
	negotiation_free(here);
	return ret;
}

static enum vfmig_state resuming(const struct engine_device *dev)
{
	return VFMIG_STATE_RESUMING;
}

static int make_ready(struct vfmig_migration *m, struct vfmig_error *err)
{
	int ret = engine_states_get_all(m, err);

	for (uint32_t i = 0; !ret && i < m->device_count; i++) {
		const struct engine_device *dev = m->devices[i];

		if (dev->state != VFMIG_STATE_RUNNING && dev->state != VFMIG_STATE_STOP)
			return vfmig_err(
				err, -EBUSY,
				"device %s: is in %s, and loading begins in RUNNING or STOP: "
				"reset the device first",
				dev->id, vfmig_state_name(dev->state));
	}
	return ret ? ret : engine_states_go(m, resuming, err);
}

/* Accept HELLO, with the properties of the devices that the source must know. */
static int send_accept(struct vfmig_migration *m, struct vfmig_error *err)
{
	struct abi_section section = {.type = ABI_SECTION_ACCEPT};

	for (uint32_t i = 0; i < m->device_count; i++)
		m->handoff.checks_by_running |= vfmig_session_properties(m->devices[i]->session) &
						VFMIG_SESSION_CHECKS_BY_RUNNING;
	if (m->handoff.checks_by_running)
		section.arg = ABI_ACCEPT_RUNS;
	return engine_send_section(m, &section, NULL, err);
}

static int setup(struct vfmig_migration *m, struct vfmig_error *err)
{
	struct negotiation *negotiation = NULL;
	int ret = read_header(m, err);

	if (ret)
		return ret;
	m->channel.received_header = true;
	if (!m->channel.file)
		engine_send_header(m, m->channel.version, ABI_STREAM_FLAG_REPLY);
	ret = engine_memory_find(&m->memory, err);
	if (!ret)
		ret = read_hello(m, &negotiation, err);
	if (ret)
		return ret;
	engine_report(m, "setup", VFMIG_U64("devices", m->device_count),
		      VFMIG_U64("regions", m->memory.region_count),
		      VFMIG_U64("memory_bytes", m->memory.total));
	ret = compare(m, negotiation, err);
	negotiation_free(negotiation);
	if (!ret)
		ret = engine_states_p2p(m, err);
	if (!ret)
		ret = make_ready(m, err);
	if (!ret && !m->channel.file)
		ret = send_accept(m, err);
	return ret ? ret : engine_send_flush(m, err);
}

int engine_destination_setup(struct vfmig_migration *m, struct vfmig_error *err)
{
	int ret;

	engine_limit_time(m, m->options.setup_ms, "the set-up (setup-timeout)");
	ret = setup(m, err);
	if (ret)
		return ret;
	m->stage = ENGINE_STAGE_MOVING;
	m->limits.deadline = 0;
	for (uint32_t i = 0; i < m->device_count; i++)
		engine_report_device(m->devices[i]);
	engine_report(m, "accepted", VFMIG_U64("ns", device_now() - m->progress.began));
	return 0;
}

ssize_t engine_destination_load(struct vfmig_migration *m, uint64_t budget, bool *over,
				struct vfmig_error *err)
{
	uint64_t before = m->channel.in.bytes;
	int ret;

	do {
		ret = engine_receive_section(m, err);
		if (ret < 0)
			return ret;
		*over = ret == ABI_SECTION_END;
	} while (!*over && (!budget || m->channel.in.bytes - before < budget));
	return (ssize_t)(m->channel.in.bytes - before);
}
