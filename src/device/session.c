/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sessions: the way in, and the operations in their blocking form.
 */
#include <errno.h>

#include "device/call.h"
#include "device/session.h"

const char *vfmig_session_protocol(const struct vfmig_session *session)
{
	return session->ops->protocol;
}

uint64_t vfmig_session_flags(const struct vfmig_session *session)
{
	return session->flags;
}

uint32_t vfmig_session_properties(const struct vfmig_session *session)
{
	return session->properties;
}

struct vfmig_device *vfmig_session_device(const struct vfmig_session *session)
{
	return session->device;
}

void vfmig_session_close(struct vfmig_session *session)
{
	if (session && session->ops->close)
		session->ops->close(session);
}

void vfmig_session_submit(struct vfmig_session *session, struct vfmig_request *request)
{
	session->ops->submit(session, request);
}

bool vfmig_session_cancel(struct vfmig_session *session, struct vfmig_request *request)
{
	return session->ops->cancel(session, request);
}

ssize_t vfmig_session_call(struct vfmig_session *session, struct vfmig_request *request)
{
	return call_wait(request, session->device, session);
}

int vfmig_session_set_state(struct vfmig_session *session, enum vfmig_state state,
			    struct vfmig_error *err)
{
	struct vfmig_request request = {.op = VFMIG_OP_SET_STATE, .state = state, .err = err};
	ssize_t ret = vfmig_session_call(session, &request);

	return ret < 0 ? (int)ret : 0;
}

int vfmig_session_get_state(struct vfmig_session *session, enum vfmig_state *state,
			    struct vfmig_error *err)
{
	struct vfmig_request request = {.op = VFMIG_OP_GET_STATE, .err = err};
	ssize_t ret = vfmig_session_call(session, &request);

	if (ret < 0)
		return (int)ret;
	*state = request.state;
	return 0;
}

ssize_t vfmig_session_read(struct vfmig_session *session, void *buf, size_t len,
			   struct vfmig_error *err)
{
	struct vfmig_request request = {
		.op = VFMIG_OP_DATA_READ, .data = {.buf = buf, .len = len}, .err = err};

	return vfmig_session_call(session, &request);
}

int vfmig_session_write(struct vfmig_session *session, const void *buf, size_t len,
			struct vfmig_error *err)
{
	const char *at = buf;

	while (len) {
		struct vfmig_request request = {.op = VFMIG_OP_DATA_WRITE,
						.data = {.buf = (void *)at, .len = len},
						.err = err};
		ssize_t ret = vfmig_session_call(session, &request);

		if (ret < 0)
			return (int)ret;
		if (!ret || (size_t)ret > len)
			return vfmig_err(err, -EIO,
					 "the device accepted %zd of %zu bytes of migration data",
					 ret, len);
		at += ret;
		len -= (size_t)ret;
	}
	return 0;
}

int vfmig_session_get_precopy_info(struct vfmig_session *session, struct vfmig_precopy_info *info,
				   struct vfmig_error *err)
{
	struct vfmig_request request = {.op = VFMIG_OP_PRECOPY_INFO, .err = err};
	ssize_t ret = vfmig_session_call(session, &request);

	if (ret < 0)
		return (int)ret;
	*info = request.precopy;
	return 0;
}

int vfmig_session_get_data_size(struct vfmig_session *session, uint64_t *bytes,
				struct vfmig_error *err)
{
	struct vfmig_request request = {.op = VFMIG_OP_DATA_SIZE, .err = err};
	ssize_t ret = vfmig_session_call(session, &request);

	if (ret < 0)
		return (int)ret;
	*bytes = request.data_size;
	return 0;
}
