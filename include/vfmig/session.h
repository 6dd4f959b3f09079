/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sessions: the handle on one device's migration.
 *
 * One vocabulary for all revisions of the protocol: the states and arcs of v2. Go to a state, read or
 * write the device's data, ask how much is left. A session on a device picks the revision that the device
 * speaks and drives it; nothing above it knows which.
 *
 * The operations are requests, as a device's are: STATE_GO, STATE_GET, DATA_READ, DATA_WRITE, DATA_SIZE,
 * PRECOPY_INFO. Several DATA_READs (or DATA_WRITEs) may be under way at once; they are done in the order
 * in which they were submitted. Calls may come from several threads; a state change waits for data that is
 * under way.
 */
#ifndef VFMIG_SESSION_H
#define VFMIG_SESSION_H

#include <vfmig/device.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vfmig_session;

/**
 * vfmig_session_open() - get a handle on a device's migration
 * @device: whose; borrowed, must outlive the session, as must the space that it is attached to
 * @protocol: the revision's name ("v2"), or NULL for the newest that the device shows
 * @session: the handle; vfmig_session_close() it
 *
 * Return: 0; -EOPNOTSUPP if the device cannot migrate; -EINVAL for a protocol that there is not.
 */
int vfmig_session_open(struct vfmig_device *device, const char *protocol,
		       struct vfmig_session **session, struct vfmig_error *err);

/** vfmig_session_close() - let go; the device's state is left as it is; NULL is fine */
void vfmig_session_close(struct vfmig_session *session);

/** vfmig_session_protocol() - the revision's name */
const char *vfmig_session_protocol(const struct vfmig_session *session);

/** vfmig_session_flags() - which states there are: VFMIG_MIGRATION_STOP_COPY, _P2P, _PRE_COPY */
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

/** vfmig_session_device() - whose it is */
struct vfmig_device *vfmig_session_device(const struct vfmig_session *session);

/** vfmig_session_submit() - vfmig_submit(), for a session's operations */
void vfmig_session_submit(struct vfmig_session *session, struct vfmig_request *request);

/** vfmig_session_cancel() - vfmig_cancel(), for a session's operations */
bool vfmig_session_cancel(struct vfmig_session *session, struct vfmig_request *request);

/** vfmig_session_call() - vfmig_call(), for a session's operations */
ssize_t vfmig_session_call(struct vfmig_session *session, struct vfmig_request *request);

/**
 * vfmig_session_set_state() - go to a state, over as many arcs as it takes
 * @session: whose
 * @state: where to; not ERROR
 *
 * Return: 0; -EINVAL if there is no path (nothing was asked of the device then), or the device's failure:
 * ask for the state then, it may be any on the way.
 */
int vfmig_session_set_state(struct vfmig_session *session, enum vfmig_state state,
			    struct vfmig_error *err);

/** vfmig_session_get_state() - ask which state the device is in */
int vfmig_session_get_state(struct vfmig_session *session, enum vfmig_state *state,
			    struct vfmig_error *err);

/**
 * vfmig_session_read() - read at most @len bytes of the device's data
 *
 * Return: how many; 0 at the end of the stream; -ENOMSG at the end of what pre-copy has for now; or
 * another negative errno.
 */
ssize_t vfmig_session_read(struct vfmig_session *session, void *buf, size_t len,
			   struct vfmig_error *err);

/** vfmig_session_write() - write @len bytes of a device's data, all of them; 0 or a negative errno */
int vfmig_session_write(struct vfmig_session *session, const void *buf, size_t len,
			struct vfmig_error *err);

/** vfmig_session_get_precopy_info() - what pre-copy still has; -ENOTTY where the device cannot tell */
int vfmig_session_get_precopy_info(struct vfmig_session *session, struct vfmig_precopy_info *info,
				   struct vfmig_error *err);

/** vfmig_session_get_data_size() - how much stop-copy would read, at the most; -ENOTTY where it cannot tell */
int vfmig_session_get_data_size(struct vfmig_session *session, uint64_t *bytes,
				struct vfmig_error *err);

#ifdef __cplusplus
}
#endif
#endif
