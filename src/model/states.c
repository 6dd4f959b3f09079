/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A model's migration: v2's states, arc by arc.
 *
 * An arc does up to three things, in this order: it quiesces or stops the model; it begins, turns
 * or ends the data; and it lets the model go on. A failure before anything was lost leaves the
 * device in its old state, which the user can query. A failure that cannot be undone leads to
 * ERROR, and a reset leads out of it.
 *
 * These lead to ERROR: the model fails to quiesce, stop or resume; or a state arrived whole and
 * the model did not accept it. Data that is refused or incomplete leaves the device in RESUMING.
 * The old state is gone by then, so only a reset or the rest of the data helps.
 */
#include <errno.h>

#include "model/kit.h"

static int enter_error(struct vfmig_kit *kit, int ret, struct vfmig_error *err)
{
	pthread_mutex_lock(&kit->session_lock);
	kit->state = VFMIG_STATE_ERROR;
	kit_save_close(kit->save);
	kit_load_close(kit->load);
	kit->save = NULL;
	kit->load = NULL;
	pthread_mutex_unlock(&kit->session_lock);
	kit_settle(kit, VFMIG_STATE_ERROR, NULL);
	return vfmig_err_at(err, ret, "%s is in state ERROR and must be reset", kit->device.name);
}

static void close_save(struct vfmig_kit *kit)
{
	kit_save_close(kit->save);
	kit->save = NULL;
}

/* Begin to load a state: first clear the old one, so that none of it remains. */
static int begin_load(struct vfmig_kit *kit, struct vfmig_error *err)
{
	int ret = kit_load_open(kit, &kit->load, err);

	if (ret)
		return ret;
	atomic_store(&kit->kicked, false);
	kit_apply_defaults(kit);
	if (kit->model->reset)
		kit->model->reset(kit, kit->self);
	for (unsigned i = 0; i < kit->block_count; i++)
		vfmig_block_clear(&kit->blocks[i].block);
	return 0;
}

static int begin_save(struct vfmig_kit *kit, enum vfmig_state to, struct vfmig_error *err)
{
	int ret = kit_save_open(kit, &kit->save, err);

	if (!ret && to == VFMIG_STATE_STOP_COPY) {
		ret = kit_save_stop(kit->save, err);
		if (ret)
			close_save(kit);
	}
	return ret;
}

/* The data's part of an arc, called with session_lock held. *lost: the device's state is gone. */
static int turn_data(struct vfmig_kit *kit, enum vfmig_state from, enum vfmig_state to, bool *lost,
		     struct vfmig_error *err)
{
	int ret = 0;

	switch (vfmig_v2_session_of(from, to)) {
	case VFMIG_V2_SESSION_SAVE:
		ret = begin_save(kit, to, err);
		break;
	case VFMIG_V2_SESSION_LOAD:
		ret = begin_load(kit, err);
		break;
	case VFMIG_V2_SESSION_CLOSE:
		if (from != VFMIG_STATE_RESUMING) {
			close_save(kit);
			break;
		}
		ret = kit_load_complete(kit->load, err);
		if (ret)
			return ret;
		ret = kit_load_apply(kit->load, err);
		*lost = ret != 0;
		kit_load_close(kit->load);
		kit->load = NULL;
		break;
	default:
		if (to == VFMIG_STATE_STOP_COPY)
			ret = kit_save_stop(kit->save, err);
		break;
	}
	if (!ret)
		kit->state = to;
	return ret;
}

static int run_level(enum vfmig_state state)
{
	switch (state) {
	case VFMIG_STATE_RUNNING:
	case VFMIG_STATE_PRE_COPY:
		return 2;
	case VFMIG_STATE_RUNNING_P2P:
	case VFMIG_STATE_PRE_COPY_P2P:
		return 1;
	default:
		return 0;
	}
}

static int take_arc(struct vfmig_kit *kit, enum vfmig_state to, struct vfmig_error *err)
{
	enum vfmig_state from = kit->state;
	bool lost = false;
	int ret;

	if (run_level(to) < run_level(from)) {
		ret = kit_settle(kit, to, err);
		if (ret)
			return enter_error(kit, ret, err);
	}
	pthread_mutex_lock(&kit->session_lock);
	ret = turn_data(kit, from, to, &lost, err);
	pthread_mutex_unlock(&kit->session_lock);
	if (lost) {
		kit_power_up(kit);
		return enter_error(kit, ret, err);
	}
	/* Raise the model's level for the new state, or back for the old one. */
	if (kit_settle(kit, kit->state, ret ? NULL : err))
		return enter_error(kit, ret ? ret : -EIO, err);
	return ret;
}

static ssize_t go(struct vfmig_kit *kit, enum vfmig_state to, struct vfmig_error *err)
{
	enum vfmig_state path[VFMIG_STATE_COUNT];
	const char *why;
	size_t count;
	int ret;

	why = vfmig_v2_path(kit->session.flags, kit->state, to, path, &count);
	if (why)
		return vfmig_err(err, -EINVAL, "%s cannot go from %s to %s: %s", kit->device.name,
				 vfmig_state_name(kit->state), vfmig_state_name(to), why);
	for (size_t i = 0; i < count; i++) {
		enum vfmig_state from = kit->state;

		ret = take_arc(kit, path[i], err);
		if (ret)
			return vfmig_err_at(err, ret, "%s: %s to %s", kit->device.name,
					    vfmig_state_name(from), vfmig_state_name(path[i]));
	}
	return 0;
}

ssize_t kit_reset(struct vfmig_kit *kit, struct vfmig_error *err)
{
	/*
	 * Quiesce first: a model's threads do not see their registers change. A failure is
	 * ignored: the reset repairs it.
	 */
	kit_settle(kit, VFMIG_STATE_STOP, NULL);
	pthread_mutex_lock(&kit->session_lock);
	close_save(kit);
	kit_load_close(kit->load);
	kit->load = NULL;
	kit->state = VFMIG_STATE_RUNNING;
	pthread_mutex_unlock(&kit->session_lock);
	expose_reset(&kit->show);
	kit_power_up(kit);
	return kit_settle(kit, VFMIG_STATE_RUNNING, err) ? enter_error(kit, -EIO, err) : 0;
}

/* ---- data ---- */

static ssize_t read_data(struct vfmig_kit *kit, struct vfmig_request *request)
{
	if (!kit->save)
		return vfmig_err(request->err, -EINVAL,
				 "%s is in state %s: there is data to read only in PRE_COPY, "
				 "PRE_COPY_P2P and STOP_COPY",
				 kit->device.name, vfmig_state_name(kit->state));
	return kit_save_read(kit->save, request->data.buf, request->data.len, request->data.lent,
			     request->err);
}

static ssize_t write_data(struct vfmig_kit *kit, struct vfmig_request *request)
{
	int ret;

	if (!kit->load)
		return vfmig_err(request->err, -EINVAL,
				 "%s is in state %s: data is taken only in RESUMING",
				 kit->device.name, vfmig_state_name(kit->state));
	ret = kit_load_write(kit->load, request->data.buf, request->data.len, request->err);
	return ret ? ret : (ssize_t)request->data.len;
}

static ssize_t precopy(struct vfmig_kit *kit, struct vfmig_request *request)
{
	if (kit->state != VFMIG_STATE_PRE_COPY && kit->state != VFMIG_STATE_PRE_COPY_P2P)
		return vfmig_err(request->err, -EINVAL, "%s is in state %s: not in pre-copy",
				 kit->device.name, vfmig_state_name(kit->state));
	kit_save_precopy(kit->save, &request->precopy);
	return 0;
}

static ssize_t under_lock(struct vfmig_kit *kit, struct vfmig_request *request)
{
	switch (request->op) {
	case VFMIG_OP_GET_STATE:
		request->state = kit->state;
		return 0;
	case VFMIG_OP_DATA_READ:
		return read_data(kit, request);
	case VFMIG_OP_DATA_WRITE:
		return write_data(kit, request);
	case VFMIG_OP_PRECOPY_INFO:
		return precopy(kit, request);
	case VFMIG_OP_DATA_SIZE:
		request->data_size = kit_save_left(kit, kit->save);
		return 0;
	default:
		return vfmig_err(request->err, -EOPNOTSUPP, "%s is not a session's",
				 vfmig_op_name(request->op));
	}
}

/* Inside the gate. */
void kit_session_execute(struct vfmig_kit *kit, struct vfmig_request *request)
{
	ssize_t result;

	if (request->op == VFMIG_OP_SET_STATE) {
		result = go(kit, request->state, request->err);
	} else {
		pthread_mutex_lock(&kit->session_lock);
		result = under_lock(kit, request);
		pthread_mutex_unlock(&kit->session_lock);
	}
	request_complete(request, result);
}

/*
 * Requests that change the state or the model go through the gate; pre-copy data is read while the
 * model works.
 */
static bool needs_gate(const struct vfmig_kit *kit, enum vfmig_op op)
{
	if (op == VFMIG_OP_DATA_READ)
		return kit->state != VFMIG_STATE_PRE_COPY && kit->state != VFMIG_STATE_PRE_COPY_P2P;
	return op == VFMIG_OP_SET_STATE || op == VFMIG_OP_DATA_WRITE;
}

static struct vfmig_kit *kit_of_session(struct vfmig_session *session)
{
	return (struct vfmig_kit *)((char *)session - offsetof(struct vfmig_kit, session));
}

static void submit(struct vfmig_session *session, struct vfmig_request *request)
{
	struct vfmig_kit *kit = kit_of_session(session);
	ssize_t result = 0;
	bool gate;

	pthread_mutex_lock(&kit->session_lock);
	gate = needs_gate(kit, request->op);
	if (!gate)
		result = under_lock(kit, request);
	pthread_mutex_unlock(&kit->session_lock);
	if (gate)
		kit_enter(kit, request);
	else
		request_complete(request, result);
}

static bool cancel(struct vfmig_session *session, struct vfmig_request *request)
{
	return kit_take_back(kit_of_session(session), request);
}

const struct session_ops kit_session_ops = {
	.submit = submit,
	.cancel = cancel,
};
