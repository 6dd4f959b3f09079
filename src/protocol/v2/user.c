/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * User side of v2: a session's requests in, features of a device out.
 *
 * The state machine is asked before the device is: of a transition that it blocks the device never hears,
 * since there are kernels that it locks up for ever. For that the state must be known. It is remembered
 * from one transition to the next, which saves a round trip where each counts. It is asked for after a
 * failure; before a transition that could be a blocked one; and before one is refused, since a reset may
 * have changed it behind our back.
 */
#include <errno.h>
#include <stdlib.h>

#include "abi/feature.h"
#include "protocol/v2/v2.h"

#define UNKNOWN VFMIG_STATE_COUNT

#define GET_STATE (VFMIG_FEATURE_GET | VFMIG_FEATURE_MIG_STATE)
#define SET_STATE (VFMIG_FEATURE_SET | VFMIG_FEATURE_MIG_STATE)
#define GET_SIZE  (VFMIG_FEATURE_GET | VFMIG_FEATURE_MIG_DATA_SIZE)
#define SET_INFO2 (VFMIG_FEATURE_SET | VFMIG_FEATURE_MIG_PRECOPY_INFO_V2)

struct user {
	struct vfmig_session session; /* first */
	atomic_uint state;	      /* the last that was heard of, or UNKNOWN */
	bool has_size;
	pthread_mutex_t lock;
	struct request_list held; /* requests that wait for a feature */
	atomic_uint refs;	  /* the session's, and one for each op */
};

/* A feature asked on behalf of a request, which is gone once it is out of the list. */
struct op {
	struct vfmig_request inner;
	struct vfmig_request *outer;
	struct user *user;
	enum vfmig_op op;	 /* the outer's, */
	enum vfmig_state target; /* and where it wants to go */
	struct vfmig_error err;
	uint8_t payload[8];
	bool taken_back;
	atomic_int refs;
};

static void put_drive(struct user *user)
{
	if (atomic_fetch_sub(&user->refs, 1) != 1)
		return;
	pthread_mutex_destroy(&user->lock);
	free(user);
}

/* The answer to an op that was taken back may come when the session is closed already. */
static void put(struct op *op)
{
	struct user *user = op->user;

	if (atomic_fetch_sub(&op->refs, 1) != 1)
		return;
	free(op);
	put_drive(user);
}

/* The end of an op: tell the outer request, if it is there still. */
static void finish(struct op *op, ssize_t result, enum vfmig_state state, uint64_t bytes)
{
	struct vfmig_request *outer = op->outer;
	bool there;

	pthread_mutex_lock(&op->user->lock);
	there = !op->taken_back;
	if (there)
		request_remove(&op->user->held, outer);
	pthread_mutex_unlock(&op->user->lock);
	if (there) {
		if (result < 0 && outer->err && op->err.code)
			*outer->err = op->err;
		if (result >= 0 && op->op == VFMIG_OP_GET_STATE)
			outer->state = state;
		if (result >= 0 && op->op == VFMIG_OP_DATA_SIZE)
			outer->data_size = bytes;
		request_complete(outer, result);
	}
	put(op);
}

static void fail(struct op *op, ssize_t result)
{
	finish(op, result, VFMIG_STATE_ERROR, 0);
}

static void ask(struct op *op, uint32_t flags)
{
	op->inner.feature.flags = flags;
	vfmig_submit(op->user->session.device, &op->inner);
}

/* ---- going to a state ---- */

static ssize_t refuse(struct op *op, enum vfmig_state from)
{
	enum vfmig_state next;
	const char *why = vfmig_v2_next(op->user->session.flags, from, op->target, &next);

	if (!why)
		return 0;
	return vfmig_err(&op->err, -EINVAL, "device %s cannot go from %s to %s: %s",
			 vfmig_device_name(op->user->session.device), vfmig_state_name(from),
			 vfmig_state_name(op->target), why);
}

static void set_state(struct op *op)
{
	struct vfmig_feature_mig_state state = {.device_state = op->target, .data_fd = -1};
	bool taken_back;

	pthread_mutex_lock(&op->user->lock);
	taken_back = op->taken_back;
	pthread_mutex_unlock(&op->user->lock);
	if (taken_back) {
		put(op);
		return;
	}
	/* Until it is done, and if it fails, it may be any on the way. */
	atomic_store(&op->user->state, UNKNOWN);
	abi_feature_put_mig_state(op->payload, sizeof(op->payload), &state);
	ask(op, SET_STATE);
}

static void go(struct op *op)
{
	unsigned state = atomic_load(&op->user->state);
	enum vfmig_state next;

	if (state == UNKNOWN || op->target == VFMIG_STATE_PRE_COPY ||
	    op->target == VFMIG_STATE_PRE_COPY_P2P ||
	    vfmig_v2_next(op->user->session.flags, state, op->target, &next))
		ask(op, GET_STATE);
	else
		set_state(op);
}

/* ---- answers ---- */

static void got_state(struct op *op)
{
	struct vfmig_feature_mig_state answer;
	const char *why = abi_feature_get_mig_state(op->payload, sizeof(op->payload), &answer);
	enum vfmig_state state;
	ssize_t ret;

	if (why) {
		fail(op, vfmig_err(&op->err, -EPROTO, "device %s: %s",
				   vfmig_device_name(op->user->session.device), why));
		return;
	}
	state = (enum vfmig_state)answer.device_state;
	atomic_store(&op->user->state, state);
	if (op->op == VFMIG_OP_GET_STATE) {
		finish(op, 0, state, 0);
		return;
	}
	ret = refuse(op, state);
	if (ret)
		fail(op, ret);
	else
		set_state(op);
}

static void answered(struct vfmig_request *inner)
{
	struct op *op = inner->user;
	uint64_t bytes;

	if (inner->result < 0) {
		fail(op, inner->result);
		return;
	}
	switch (inner->feature.flags) {
	case GET_STATE:
		got_state(op);
		return;
	case SET_STATE:
		atomic_store(&op->user->state, op->target);
		finish(op, 0, op->target, 0);
		return;
	default:
		abi_feature_get_data_size(op->payload, sizeof(op->payload), &bytes);
		finish(op, 0, VFMIG_STATE_ERROR, bytes);
		return;
	}
}

/* ---- requests ---- */

static void begin(struct user *user, struct vfmig_request *outer)
{
	struct op *op = calloc(1, sizeof(*op));

	if (!op) {
		request_complete_err(outer, -ENOMEM, "no memory for a device feature");
		return;
	}
	op->outer = outer;
	op->user = user;
	op->op = outer->op;
	if (op->op == VFMIG_OP_SET_STATE)
		op->target = outer->state;
	atomic_init(&op->refs, 1);
	atomic_fetch_add(&user->refs, 1);
	op->inner.op = VFMIG_OP_FEATURE;
	op->inner.feature.data = op->payload;
	op->inner.feature.size = sizeof(op->payload);
	op->inner.deadline = outer->deadline;
	op->inner.err = &op->err;
	op->inner.done = answered;
	op->inner.user = op;
	pthread_mutex_lock(&user->lock);
	outer->held[0] = (uintptr_t)op;
	request_push(&user->held, outer);
	pthread_mutex_unlock(&user->lock);
	if (op->op == VFMIG_OP_SET_STATE)
		go(op);
	else
		ask(op, op->op == VFMIG_OP_GET_STATE ? GET_STATE : GET_SIZE);
}

static void submit(struct vfmig_session *session, struct vfmig_request *request)
{
	struct user *user = (struct user *)session;

	switch (request->op) {
	case VFMIG_OP_DATA_SIZE:
		if (!user->has_size) {
			request_complete_err(request, -ENOTTY, "device %s has no MIG_DATA_SIZE",
					     vfmig_device_name(session->device));
			return;
		}
		begin(user, request);
		return;
	case VFMIG_OP_SET_STATE:
	case VFMIG_OP_GET_STATE:
		begin(user, request);
		return;
	case VFMIG_OP_PRECOPY_INFO:
		if (!(session->flags & VFMIG_MIGRATION_PRE_COPY)) {
			request_complete_err(request, -ENOTTY, "device %s has no pre-copy",
					     vfmig_device_name(session->device));
			return;
		}
		vfmig_submit(session->device, request);
		return;
	case VFMIG_OP_DATA_READ:
	case VFMIG_OP_DATA_WRITE:
		vfmig_submit(session->device, request);
		return;
	default:
		request_complete_err(request, -EOPNOTSUPP,
				     "%s is asked of a device, not of a session",
				     vfmig_op_name(request->op));
		return;
	}
}

static bool cancel(struct vfmig_session *session, struct vfmig_request *request)
{
	struct user *user = (struct user *)session;
	struct op *op = NULL;

	pthread_mutex_lock(&user->lock);
	if (request_remove(&user->held, request)) {
		op = (struct op *)(uintptr_t)request->held[0];
		op->taken_back = true;
		atomic_fetch_add(&op->refs, 1);
	}
	pthread_mutex_unlock(&user->lock);
	if (!op)
		return vfmig_cancel(session->device, request);
	if (vfmig_cancel(session->device, &op->inner)) {
		/* Whether it happened nobody will say. */
		atomic_store(&user->state, UNKNOWN);
		put(op);
	}
	put(op);
	return true;
}

static void close_drive(struct vfmig_session *session)
{
	put_drive((struct user *)session);
}

static const struct session_ops ops = {
	.protocol = "v2",
	.submit = submit,
	.cancel = cancel,
	.close = close_drive,
};

int v2_user_open(struct vfmig_device *device, struct vfmig_session **session,
		 struct vfmig_error *err)
{
	const uint64_t all =
		VFMIG_MIGRATION_STOP_COPY | VFMIG_MIGRATION_P2P | VFMIG_MIGRATION_PRE_COPY;
	uint8_t payload[8];
	uint64_t flags = 0;
	struct user *user;
	int ret = vfmig_device_call_feature(device, VFMIG_FEATURE_GET | VFMIG_FEATURE_MIGRATION,
					    payload, sizeof(payload), err);

	if (ret == -ENOTTY || ret == -EOPNOTSUPP)
		return vfmig_err(err, -EOPNOTSUPP, "device %s cannot migrate by v2",
				 vfmig_device_name(device));
	if (ret)
		return ret;
	abi_feature_get_migration(payload, sizeof(payload), &flags);
	/* States that are yet to be invented are not asked for: what is known of the device is enough. */
	if (!vfmig_v2_flags_valid(flags & all))
		return vfmig_err(err, -EOPNOTSUPP,
				 "device %s has migration flags 0x%llx, without STOP_COPY",
				 vfmig_device_name(device), (unsigned long long)flags);
	user = calloc(1, sizeof(*user));
	if (!user)
		return vfmig_err(err, -ENOMEM, "no memory for a session");
	user->session.ops = &ops;
	user->session.device = device;
	user->session.flags = flags & all;
	atomic_init(&user->state, UNKNOWN);
	atomic_init(&user->refs, 1);
	pthread_mutex_init(&user->lock, NULL);
	user->has_size =
		!vfmig_device_call_feature(device, GET_SIZE | VFMIG_FEATURE_PROBE, NULL, 0, NULL);
	/* Older devices do not have it, and are understood without. */
	if (flags & VFMIG_MIGRATION_PRE_COPY)
		vfmig_device_call_feature(device, SET_INFO2, NULL, 0, NULL);
	*session = &user->session;
	return 0;
}
