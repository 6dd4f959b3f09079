/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Devices go to states, all at the same time.
 *
 * At the switchover each microsecond counts, and a device may take its time for an arc: so all are asked
 * before the first is waited for. A device whose change failed may be in any state on the way, and is asked
 * where it is before it is brought back.
 */
#include <errno.h>
#include <string.h>

#include "engine/engine.h"

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

void engine_state_ask(struct engine_device *mover, enum vfmig_state state)
{
	mover->from = mover->state;
	mover->asked = state;
	mover->op.request = (struct vfmig_request){.op = VFMIG_OP_SET_STATE, .state = state};
	mover->unsure = true;
	loop_request_submit(&mover->m->loop, &mover->op, mover->session, NULL,
			    mover->m->request_ms);
	mover->m->begun = true;
}

bool engine_state_arrived(struct engine_device *mover, int *ret, struct vfmig_error *err)
{
	const char *from = vfmig_state_name(mover->from), *to = vfmig_state_name(mover->asked);

	if (!mover->op.under_way || !loop_request_over(&mover->op))
		return false;
	*ret = engine_device_code(mover->op.request.result);
	engine_report(mover->m, "arc", VFMIG_TEXT("device", mover->id), VFMIG_TEXT("from", from),
		      VFMIG_TEXT("to", to), VFMIG_U64("ns", device_now() - mover->op.began),
		      VFMIG_REAL("result", *ret));
	if (!*ret) {
		mover->state = mover->asked;
		mover->unsure = false;
		return true;
	}
	if (mover->op.err.text[0])
		vfmig_err(err, *ret, "%s", mover->op.err.text);
	else
		vfmig_err(err, *ret, "it failed with %s", strerrorname_np(-*ret));
	vfmig_err_at(err, *ret, "device %s: %s -> %s", mover->id, from, to);
	return true;
}

void engine_states_ask(struct vfmig_migration *m, engine_where_fn where)
{
	for (uint32_t i = 0; i < m->nr_movers; i++)
		if (where(m->movers[i]) != m->movers[i]->state || m->movers[i]->unsure)
			engine_state_ask(m->movers[i], where(m->movers[i]));
}

bool engine_states_over(struct vfmig_migration *m)
{
	for (uint32_t i = 0; i < m->nr_movers; i++)
		if (m->movers[i]->op.under_way && !atomic_load(&m->movers[i]->op.done))
			return false;
	return true;
}

/* Wait for all, take in each; the first failure. */
static int take_in(struct vfmig_migration *m, struct vfmig_error *err)
{
	int first = 0, ret, waited;

	while (!engine_states_over(m)) {
		waited = engine_wait(m, 0, err);
		if (waited)
			return waited;
	}
	for (uint32_t i = 0; i < m->nr_movers; i++)
		if (engine_state_arrived(m->movers[i], &ret, first ? NULL : err) && !first)
			first = ret;
	return first;
}

int engine_states_go(struct vfmig_migration *m, engine_where_fn where, struct vfmig_error *err)
{
	engine_states_ask(m, where);
	return take_in(m, err);
}

/*
 * Submit the same question or order to all that @asked says, and wait; failures stay in the operations. 0, or
 * -ECANCELED: then all was taken back.
 */
static int ask_all(struct vfmig_migration *m, enum vfmig_op op, bool *asked)
{
	int ret = 0;

	for (uint32_t i = 0; i < m->nr_movers; i++) {
		struct engine_device *mover = m->movers[i];

		if (!asked[i])
			continue;
		mover->op.request = (struct vfmig_request){.op = op};
		loop_request_submit(&m->loop, &mover->op,
				    op == VFMIG_OP_RESET ? NULL : mover->session,
				    vfmig_session_device(mover->session), m->request_ms);
	}
	for (uint32_t i = 0; i < m->nr_movers; i++)
		while (asked[i] && !ret && !loop_request_over(&m->movers[i]->op))
			ret = loop_turn(&m->loop, NULL, 0);
	for (uint32_t i = 0; i < m->nr_movers; i++)
		loop_request_drop(&m->movers[i]->op);
	return ret;
}

int engine_states_learn(struct vfmig_migration *m)
{
	bool asked[VFMIG_MIGRATION_DEVICES_MAX];
	int ret;

	for (uint32_t i = 0; i < m->nr_movers; i++)
		asked[i] = m->movers[i]->unsure;
	ret = ask_all(m, VFMIG_OP_GET_STATE, asked);
	for (uint32_t i = 0; i < m->nr_movers; i++) {
		struct engine_device *mover = m->movers[i];

		if (!asked[i] || mover->op.request.result < 0)
			continue;
		mover->state = mover->op.request.state;
		mover->unsure = false;
	}
	return ret;
}

int engine_states_begin(struct vfmig_migration *m, struct vfmig_error *err)
{
	int ret;

	for (uint32_t i = 0; i < m->nr_movers; i++)
		m->movers[i]->unsure = true;
	ret = engine_states_learn(m);
	if (ret)
		return vfmig_err(err, ret, "cancelled");
	for (uint32_t i = 0; i < m->nr_movers; i++) {
		const struct engine_device *mover = m->movers[i];

		if (mover->unsure)
			return vfmig_err(err, engine_device_code(mover->op.request.result),
					 "device %s: does not say which state it is in: %s",
					 mover->id, mover->op.err.text);
	}
	return 0;
}

/* ---- the source's way back ---- */

/* First all run without peer-to-peer, as far as they can, … */
static enum vfmig_state nearly_back(const struct engine_device *mover)
{
	bool stopped = mover->state == VFMIG_STATE_STOP || mover->state == VFMIG_STATE_STOP_COPY;

	if (stopped || mover->state == VFMIG_STATE_PRE_COPY_P2P)
		return mover->flags & VFMIG_MIGRATION_P2P ? VFMIG_STATE_RUNNING_P2P : mover->state;
	return mover->state;
}

/* … then all run. */
static enum vfmig_state back(const struct engine_device *mover)
{
	return mover->state == VFMIG_STATE_ERROR ? VFMIG_STATE_ERROR : VFMIG_STATE_RUNNING;
}

/* One step for all. A device that does not answer is not asked again: it would cost its time limit. */
static void step_back(struct vfmig_migration *m, engine_where_fn where, bool *lost,
		      struct vfmig_error *err)
{
	int ret;

	for (uint32_t i = 0; i < m->nr_movers; i++) {
		struct engine_device *mover = m->movers[i];

		if (!lost[i] && where(mover) != mover->state)
			engine_state_ask(mover, where(mover));
	}
	while (!engine_states_over(m))
		loop_turn(&m->loop, NULL, 0);
	for (uint32_t i = 0; i < m->nr_movers; i++)
		if (engine_state_arrived(m->movers[i], &ret, err && err->code ? NULL : err) && ret)
			lost[i] = true;
}

uint32_t engine_states_back(struct vfmig_migration *m, struct vfmig_error *err)
{
	bool lost[VFMIG_MIGRATION_DEVICES_MAX] = {false};
	uint32_t count = 0;

	engine_states_learn(m);
	for (uint32_t i = 0; i < m->nr_movers; i++) {
		if (!m->movers[i]->unsure && m->movers[i]->state != VFMIG_STATE_ERROR)
			continue;
		lost[i] = true;
		if (!err || !err->code)
			vfmig_err(err, -EIO, "device %s: %s%s", m->movers[i]->id,
				  m->movers[i]->unsure ? "does not say which state it is in: "
						       : "is in ERROR, which only a reset ends, "
							 "and that loses its state",
				  m->movers[i]->unsure ? m->movers[i]->op.err.text : "");
	}
	step_back(m, nearly_back, lost, err);
	step_back(m, back, lost, err);
	for (uint32_t i = 0; i < m->nr_movers; i++) {
		struct vfmig_device *device = vfmig_session_device(m->movers[i]->session);

		count += lost[i];
		/* Nor is it waited for when its log is stopped. */
		if (m->movers[i]->unsure && device)
			vfmig_device_set_timeout(device, 1);
	}
	return count;
}

/* ---- the destination's fence ---- */

uint32_t engine_states_reset(struct vfmig_migration *m, struct vfmig_error *err)
{
	bool asked[VFMIG_MIGRATION_DEVICES_MAX];
	uint32_t count = 0;

	for (uint32_t i = 0; i < m->nr_movers; i++)
		asked[i] = vfmig_session_device(m->movers[i]->session);
	ask_all(m, VFMIG_OP_RESET, asked);
	for (uint32_t i = 0; i < m->nr_movers; i++) {
		struct engine_device *mover = m->movers[i];

		if (asked[i] && mover->op.request.result >= 0) {
			mover->state = VFMIG_STATE_RUNNING;
			mover->unsure = false;
			continue;
		}
		count++;
		if (!err || !err->code)
			vfmig_err(err, -EIO, "device %s: could not be reset%s%s", mover->id,
				  asked[i] ? ": " : "", asked[i] ? mover->op.err.text : "");
	}
	return count;
}

/* ---- devices that reach each other ---- */

static int is_window(void *context, const struct vfmig_map *map)
{
	return map->kind == VFMIG_MAP_REGION;
}

int engine_states_p2p(struct vfmig_migration *m, struct vfmig_error *err)
{
	bool windows = false;

	for (uint32_t i = 0; i < m->memory.nr_spaces; i++)
		windows |= vfmig_space_each(m->memory.spaces[i], is_window, NULL) > 0;
	for (uint32_t i = 0; windows && m->nr_movers > 1 && i < m->nr_movers; i++)
		if (!(m->movers[i]->flags & VFMIG_MIGRATION_P2P))
			return vfmig_err(
				err, -EOPNOTSUPP,
				"device %s: has no P2P states, and devices of this migration "
				"have each other's regions mapped: one could write to another "
				"that has stopped. Unmap the regions first",
				m->movers[i]->id);
	return 0;
}
