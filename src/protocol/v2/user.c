/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * User side of v2: a session's requests in, features of a device out.
 *
 * The user side consults the state machine before the device, and never sends a transition that
 * the state machine blocks, since it locks up some kernels for ever. That requires the current
 * state. The user side keeps it from one transition to the next, which saves a round trip when the
 * downtime counts. It reads the state from the device after a failure, before a transition that
 * may be a blocked one, and before it refuses one, since a reset may have changed the state.
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
	atomic_uint state;	      /* the last reported state, or UNKNOWN */
	bool has_size;
	struct inner_list inners; /* features, for requests of the session */
	atomic_uint refs;	  /* one for the session, and one for each of @inners */
};

/*
 * A feature, for a request of the session.
 * @op, @target: the outer request's operation and target state
 */
struct op {
	struct inner inner; /* first */
	enum vfmig_op op;
	enum vfmig_state target;
	struct vfmig_error err;
	uint8_t payload[8];
};

static struct user *user_of(const struct op *op)
{
	return (struct user *)((char *)op->inner.list - offsetof(struct user, inners));
}

static void put_user(struct user *user)
{
	if (atomic_fetch_sub(&user->refs, 1) != 1)
		return;
	inner_list_fini(&user->inners);
	free(user);
}

/* The answer to a cancelled request may arrive after the session is closed. */
static void release(struct inner *inner)
{
	put_user(user_of((struct op *)inner));
}

static void finish(struct op *op, ssize_t result, enum vfmig_state state, uint64_t bytes)
{
	struct vfmig_request *outer = inner_take(&op->inner);

	if (outer) {
		if (result < 0 && outer->err && op->err.code)
			*outer->err = op->err;
		if (result >= 0 && op->op == VFMIG_OP_GET_STATE)
			outer->state = state;
		if (result >= 0 && op->op == VFMIG_OP_DATA_SIZE)
			outer->data_size = bytes;
	}
	inner_free(&op->inner);
	if (outer)
		request_complete(outer, result);
}

static void fail(struct op *op, ssize_t result)
{
	finish(op, result, VFMIG_STATE_ERROR, 0);
}

static void ask(struct op *op, uint32_t flags)
{
	op->inner.request.feature.flags = flags;
	inner_send(&op->inner, user_of(op)->session.device);
}

/* ---- going to a state ---- */

static ssize_t refuse(struct op *op, enum vfmig_state from)
{
	enum vfmig_state next;
	const char *why = vfmig_v2_next(user_of(op)->session.flags, from, op->target, &next);

	if (!why)
		return 0;
	return vfmig_err(&op->err, -EINVAL, "device %s cannot go from %s to %s: %s",
			 vfmig_device_name(user_of(op)->session.device), vfmig_state_name(from),
			 vfmig_state_name(op->target), why);
}

static void set_state(struct op *op)
{
	struct vfmig_feature_mig_state state = {.device_state = op->target, .data_fd = -1};

	/* Until the transition is done, and if it fails, the state may be any on the way. */
	atomic_store(&user_of(op)->state, UNKNOWN);
	abi_feature_put_mig_state(op->payload, sizeof(op->payload), &state);
	ask(op, SET_STATE);
}

static void go(struct op *op)
{
	unsigned state = atomic_load(&user_of(op)->state);
	enum vfmig_state next;

	if (state == UNKNOWN || op->target == VFMIG_STATE_PRE_COPY ||
	    op->target == VFMIG_STATE_PRE_COPY_P2P ||
	    vfmig_v2_next(user_of(op)->session.flags, state, op->target, &next))
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
				   vfmig_device_name(user_of(op)->session.device), why));
		return;
	}
	state = (enum vfmig_state)answer.device_state;
	atomic_store(&user_of(op)->state, state);
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

static void answered(struct inner *inner)
{
	struct op *op = (struct op *)inner;
	uint64_t bytes;

	if (inner->request.result < 0) {
		fail(op, inner->request.result);
		return;
	}
	switch (inner->request.feature.flags) {
	case GET_STATE:
		got_state(op);
		return;
	case SET_STATE:
		atomic_store(&user_of(op)->state, op->target);
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
	struct op *op = inner_new(&user->inners, outer, sizeof(*op));
	struct vfmig_request *request;

	if (!op)
		return;
	op->op = outer->op;
	if (op->op == VFMIG_OP_SET_STATE)
		op->target = outer->state;
	atomic_fetch_add(&user->refs, 1);
	op->inner.back = answered;
	op->inner.release = release;
	request = &op->inner.request;
	request->op = VFMIG_OP_FEATURE;
	request->feature.data = op->payload;
	request->feature.size = sizeof(op->payload);
	request->deadline = outer->deadline;
	request->err = &op->err;
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
			request_complete_err(request, -ENOTTY,
					     "device %s does not support MIG_DATA_SIZE",
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
			request_complete_err(request, -ENOTTY,
					     "device %s does not support pre-copy",
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
				     "%s is an operation of devices, not of sessions",
				     vfmig_op_name(request->op));
		return;
	}
}

static bool cancel(struct vfmig_session *session, struct vfmig_request *request)
{
	struct user *user = (struct user *)session;

	if (!inner_cancel(&user->inners, request))
		return vfmig_cancel(session->device, request);
	/* The device may or may not have changed its state. */
	atomic_store(&user->state, UNKNOWN);
	return true;
}

static void close_user(struct vfmig_session *session)
{
	put_user((struct user *)session);
}

static const struct session_ops ops = {
	.protocol = "v2",
	.submit = submit,
	.cancel = cancel,
	.close = close_user,
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
		return vfmig_err(err, -EOPNOTSUPP, "device %s does not support v2 migration",
				 vfmig_device_name(device));
	if (ret)
		return ret;
	abi_feature_get_migration(payload, sizeof(payload), &flags);
	/* Do not query states of later versions: what is known of the device is enough. */
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
	inner_list_init(&user->inners);
	user->has_size =
		!vfmig_device_call_feature(device, GET_SIZE | VFMIG_FEATURE_PROBE, NULL, 0, NULL);
	/* Older devices lack this feature, and work without it. */
	if (flags & VFMIG_MIGRATION_PRE_COPY)
		vfmig_device_call_feature(device, SET_INFO2, NULL, 0, NULL);
	*session = &user->session;
	return 0;
}
