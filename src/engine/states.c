/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * State changes of all devices, in parallel.
 *
 * A device may take long for an arc, and each microsecond of the switchover is downtime: so the changes of all devices
 * are submitted before the engine waits for the first. A device whose change failed may be in any state on the way, and
 * is queried before it is brought back.
 */
#include <errno.h>
#include <string.h>

#include "device/device.h"
#include "engine/device.h"
#include "engine/loop.h"
#include "engine/migration.h"
#include "engine/report.h"
#include "engine/wait.h"

int engine_device_code(ssize_t ret)
{
	switch (ret) {
	case -ECANCELED:
	case -EREMOTEIO:
	case -EPIPE:
	case -ECONNRESET:
	case -EBADMSG:
		return -EIO;
	default:
		return ret < 0 ? (int)ret : 0;
	}
}

void engine_state_submit(struct engine_device *dev, enum vfmig_state state)
{
	dev->from = dev->state;
	dev->asked = state;
	dev->op.request = (struct vfmig_request){.op = VFMIG_OP_SET_STATE, .state = state};
	dev->unsure = true;
	loop_request_submit(&dev->m->loop, &dev->op, dev->session, NULL, dev->m->limits.request_ms);
	dev->m->handoff.begun = true;
}

bool engine_state_reap(struct engine_device *dev, int *ret, struct vfmig_error *err)
{
	const char *from = vfmig_state_name(dev->from), *to = vfmig_state_name(dev->asked);

	if (!dev->op.under_way || !loop_request_over(&dev->op))
		return false;
	*ret = engine_device_code(dev->op.request.result);
	engine_report(dev->m, "arc", VFMIG_TEXT("device", dev->id), VFMIG_TEXT("from", from),
		      VFMIG_TEXT("to", to), VFMIG_U64("ns", device_now() - dev->op.began),
		      VFMIG_REAL("result", *ret));
	if (!*ret) {
		dev->state = dev->asked;
		dev->unsure = false;
		return true;
	}
	loop_request_err(&dev->op, *ret, err);
	vfmig_err_at(err, *ret, "device %s: %s -> %s", dev->id, from, to);
	return true;
}

void engine_states_submit(struct vfmig_migration *m, engine_target_fn where)
{
	for (uint32_t i = 0; i < m->device_count; i++)
		if (where(m->devices[i]) != m->devices[i]->state || m->devices[i]->unsure)
			engine_state_submit(m->devices[i], where(m->devices[i]));
}

bool engine_states_done(struct vfmig_migration *m)
{
	for (uint32_t i = 0; i < m->device_count; i++)
		if (m->devices[i]->op.under_way && !atomic_load(&m->devices[i]->op.done))
			return false;
	return true;
}

/* Wait for all changes and complete them. Returns the first failure. */
static int wait_all(struct vfmig_migration *m, struct vfmig_error *err)
{
	int first = 0, ret, waited;

	while (!engine_states_done(m)) {
		waited = engine_wait(m, 0, err);
		if (waited)
			return waited;
	}
	for (uint32_t i = 0; i < m->device_count; i++)
		if (engine_state_reap(m->devices[i], &ret, first ? NULL : err) && !first)
			first = ret;
	return first;
}

int engine_states_go(struct vfmig_migration *m, engine_target_fn where, struct vfmig_error *err)
{
	engine_states_submit(m, where);
	return wait_all(m, err);
}

/*
 * Submit one operation to all devices in @asked, and wait; failures stay in the requests. 0, or -ECANCELED after all
 * were cancelled.
 */
static int ask_all(struct vfmig_migration *m, enum vfmig_op op, bool *asked)
{
	int ret = 0;

	for (uint32_t i = 0; i < m->device_count; i++) {
		struct engine_device *dev = m->devices[i];

		if (!asked[i])
			continue;
		dev->op.request = (struct vfmig_request){.op = op};
		loop_request_submit(&m->loop, &dev->op, op == VFMIG_OP_RESET ? NULL : dev->session,
				    vfmig_session_device(dev->session), m->limits.request_ms);
	}
	for (uint32_t i = 0; i < m->device_count; i++)
		while (asked[i] && !ret && !loop_request_over(&m->devices[i]->op))
			ret = loop_turn(&m->loop, NULL, 0);
	for (uint32_t i = 0; i < m->device_count; i++)
		loop_request_drop(&m->devices[i]->op);
	return ret;
}

int engine_states_get(struct vfmig_migration *m)
{
	bool asked[VFMIG_MIGRATION_DEVICES_MAX];
	int ret;

	for (uint32_t i = 0; i < m->device_count; i++)
		asked[i] = m->devices[i]->unsure;
	ret = ask_all(m, VFMIG_OP_GET_STATE, asked);
	for (uint32_t i = 0; i < m->device_count; i++) {
		struct engine_device *dev = m->devices[i];

		if (!asked[i] || dev->op.request.result < 0)
			continue;
		dev->state = dev->op.request.state;
		dev->unsure = false;
	}
	return ret;
}

int engine_states_get_all(struct vfmig_migration *m, struct vfmig_error *err)
{
	int ret;

	for (uint32_t i = 0; i < m->device_count; i++)
		m->devices[i]->unsure = true;
	ret = engine_states_get(m);
	if (ret)
		return vfmig_err(err, ret, "cancelled");
	for (uint32_t i = 0; i < m->device_count; i++) {
		const struct engine_device *dev = m->devices[i];

		if (dev->unsure)
			return vfmig_err(err, engine_device_code(dev->op.request.result),
					 "device %s: its state cannot be read: %s", dev->id,
					 dev->op.err.text);
	}
	return 0;
}

/* ---- the source's way back ---- */

/* First all devices run without peer-to-peer, as far as they support that, … */
static enum vfmig_state nearly_back(const struct engine_device *dev)
{
	bool stopped = dev->state == VFMIG_STATE_STOP || dev->state == VFMIG_STATE_STOP_COPY;

	if (stopped || dev->state == VFMIG_STATE_PRE_COPY_P2P)
		return dev->flags & VFMIG_MIGRATION_P2P ? VFMIG_STATE_RUNNING_P2P : dev->state;
	return dev->state;
}

/* … then all devices run. */
static enum vfmig_state back(const struct engine_device *dev)
{
	return dev->state == VFMIG_STATE_ERROR ? VFMIG_STATE_ERROR : VFMIG_STATE_RUNNING;
}

/* One step for all devices. A device that does not answer gets no further request: each would cost its time limit. */
static void step_back(struct vfmig_migration *m, engine_target_fn where, bool *lost,
		      struct vfmig_error *err)
{
	int ret;

	for (uint32_t i = 0; i < m->device_count; i++) {
		struct engine_device *dev = m->devices[i];

		if (!lost[i] && where(dev) != dev->state)
			engine_state_submit(dev, where(dev));
	}
	while (!engine_states_done(m))
		loop_turn(&m->loop, NULL, 0);
	for (uint32_t i = 0; i < m->device_count; i++)
		if (engine_state_reap(m->devices[i], &ret, err && err->code ? NULL : err) && ret)
			lost[i] = true;
}

uint32_t engine_states_back(struct vfmig_migration *m, struct vfmig_error *err)
{
	bool lost[VFMIG_MIGRATION_DEVICES_MAX] = {false};
	uint32_t count = 0;

	engine_states_get(m);
	for (uint32_t i = 0; i < m->device_count; i++) {
		if (!m->devices[i]->unsure && m->devices[i]->state != VFMIG_STATE_ERROR)
			continue;
		lost[i] = true;
		if (!err || !err->code)
			vfmig_err(err, -EIO, "device %s: %s%s", m->devices[i]->id,
				  m->devices[i]->unsure ? "its state cannot be read: "
							: "is in ERROR, which only a reset leaves, "
							  "and a reset loses its state",
				  m->devices[i]->unsure ? m->devices[i]->op.err.text : "");
	}
	step_back(m, nearly_back, lost, err);
	step_back(m, back, lost, err);
	for (uint32_t i = 0; i < m->device_count; i++) {
		struct vfmig_device *device = vfmig_session_device(m->devices[i]->session);

		count += lost[i];
		/* Do not wait for such a device either when its log is stopped. */
		if (m->devices[i]->unsure && device)
			vfmig_device_set_timeout(device, 1);
	}
	return count;
}

/* ---- the destination's reset ---- */

uint32_t engine_states_reset(struct vfmig_migration *m, struct vfmig_error *err)
{
	bool asked[VFMIG_MIGRATION_DEVICES_MAX];
	uint32_t count = 0;

	for (uint32_t i = 0; i < m->device_count; i++)
		asked[i] = vfmig_session_device(m->devices[i]->session);
	ask_all(m, VFMIG_OP_RESET, asked);
	for (uint32_t i = 0; i < m->device_count; i++) {
		struct engine_device *dev = m->devices[i];

		if (asked[i] && dev->op.request.result >= 0) {
			dev->state = VFMIG_STATE_RUNNING;
			dev->unsure = false;
			continue;
		}
		count++;
		if (!err || !err->code)
			vfmig_err(err, -EIO, "device %s: could not be reset%s%s", dev->id,
				  asked[i] ? ": " : "", asked[i] ? dev->op.err.text : "");
	}
	return count;
}

/* ---- devices that reach each other ---- */

static int is_peer(void *context, const struct vfmig_map *map)
{
	return map->kind == VFMIG_MAP_REGION;
}

int engine_states_p2p(struct vfmig_migration *m, struct vfmig_error *err)
{
	bool peers = false;

	for (uint32_t i = 0; i < m->memory.space_count; i++)
		peers |= vfmig_space_each(m->memory.spaces[i], is_peer, NULL) > 0;
	for (uint32_t i = 0; peers && m->device_count > 1 && i < m->device_count; i++)
		if (!(m->devices[i]->flags & VFMIG_MIGRATION_P2P))
			return vfmig_err(
				err, -EOPNOTSUPP,
				"device %s: has no P2P states, and devices of this migration "
				"have each other's regions mapped: a running device could write to a "
				"stopped one. Unmap the regions first",
				m->devices[i]->id);
	return 0;
}
