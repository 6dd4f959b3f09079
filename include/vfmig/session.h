/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sessions: the handle of one device's migration.
 *
 * All revisions of the protocol have one vocabulary, the states and arcs of v2: change the state, read or write
 * the device's data, and get the size of what is left. A session uses the revision that the device has; its
 * caller does not see which.
 *
 * The operations are requests, as those of devices: SET_STATE, GET_STATE, DATA_READ, DATA_WRITE, DATA_SIZE,
 * PRECOPY_INFO. Several DATA_READs (or DATA_WRITEs) may be in flight; they are done in the order of their
 * submission. Functions may be called from several threads. A state change waits for data requests in flight.
 */
#ifndef VFMIG_SESSION_H
#define VFMIG_SESSION_H

#include <vfmig/device.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vfmig_session;

/**
 * vfmig_session_open() - open the migration of a device
 * @device: must outlive the session, as must the space that it is attached to
 * @protocol: name of the revision ("v2"), or NULL for the newest that the device has
 * @session: the handle; the caller calls vfmig_session_close()
 *
 * Return: 0; -EOPNOTSUPP if the device cannot migrate; -EINVAL for an unknown protocol.
 */
int vfmig_session_open(struct vfmig_device *device, const char *protocol,
		       struct vfmig_session **session, struct vfmig_error *err);

/** vfmig_session_close() - close a session; the device keeps its state; NULL is allowed */
void vfmig_session_close(struct vfmig_session *session);

/** vfmig_session_protocol() - the name of the revision; static */
const char *vfmig_session_protocol(const struct vfmig_session *session);

/**
 * vfmig_session_flags() - the states that the device has: VFMIG_MIGRATION_STOP_COPY, _P2P, _PRE_COPY
 */
uint64_t vfmig_session_flags(const struct vfmig_session *session);

/**
 * enum vfmig_session_property - how a session differs from the states and arcs, whatever the protocol's revision
 * @VFMIG_SESSION_CHECKS_BY_RUNNING: the device checks what it loaded only by running for a moment, when it goes from
 *	RESUMING to STOP. All memory and devices that it can reach must be loaded before that, and until the device is
 *	reset, its source must not run
 * @VFMIG_SESSION_REPORTS_PAGES: the device has no DMA logging; the session reports which pages the device wrote, and
 *	adds itself as a tracker to the space of the device
 */
enum vfmig_session_property {
	VFMIG_SESSION_CHECKS_BY_RUNNING = 1 << 0,
	VFMIG_SESSION_REPORTS_PAGES = 1 << 1,
};

/** vfmig_session_properties() - a mask of enum vfmig_session_property; it does not change */
uint32_t vfmig_session_properties(const struct vfmig_session *session);

/** vfmig_session_device() - the device of the session */
struct vfmig_device *vfmig_session_device(const struct vfmig_session *session);

/** vfmig_session_submit() - vfmig_submit(), for a session's operations */
void vfmig_session_submit(struct vfmig_session *session, struct vfmig_request *request);

/** vfmig_session_cancel() - vfmig_cancel(), for a session's operations */
bool vfmig_session_cancel(struct vfmig_session *session, struct vfmig_request *request);

/** vfmig_session_call() - vfmig_call(), for a session's operations */
ssize_t vfmig_session_call(struct vfmig_session *session, struct vfmig_request *request);

/**
 * vfmig_session_set_state() - change the state, over as many arcs as required
 * @session: the session
 * @state: the target; not ERROR
 *
 * Return: 0; -EINVAL if there is no path (no request was sent to the device); or the error of the device: it may be in
 * any state on the path then, see vfmig_session_get_state().
 */
int vfmig_session_set_state(struct vfmig_session *session, enum vfmig_state state,
			    struct vfmig_error *err);

/** vfmig_session_get_state() - get the state that the device is in */
int vfmig_session_get_state(struct vfmig_session *session, enum vfmig_state *state,
			    struct vfmig_error *err);

/**
 * vfmig_session_read() - read at most @len bytes of the device's data
 *
 * Return: the number of bytes; 0 at the end of the stream; -ENOMSG at the end of what pre-copy has for now; or
 * another negative errno.
 */
ssize_t vfmig_session_read(struct vfmig_session *session, void *buf, size_t len,
			   struct vfmig_error *err);

/** vfmig_session_write() - write all @len bytes of device data; returns 0 or a negative errno */
int vfmig_session_write(struct vfmig_session *session, const void *buf, size_t len,
			struct vfmig_error *err);

/**
 * vfmig_session_get_precopy_info() - get what pre-copy has left; -ENOTTY if the device does not report it
 */
int vfmig_session_get_precopy_info(struct vfmig_session *session, struct vfmig_precopy_info *info,
				   struct vfmig_error *err);

/**
 * vfmig_session_get_data_size() - get the estimated size of STOP_COPY in bytes; -ENOTTY if the device does not report it
 */
int vfmig_session_get_data_size(struct vfmig_session *session, uint64_t *bytes,
				struct vfmig_error *err);

#ifdef __cplusplus
}
#endif
#endif
