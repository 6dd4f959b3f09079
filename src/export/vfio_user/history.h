/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where the state of the device comes from, and where copies of it may be.
 */
#ifndef EXPORT_VFIO_USER_HISTORY_H
#define EXPORT_VFIO_USER_HISTORY_H

#include <vfmig/abi_history.h>
#include <vfmig/export.h>

struct export_client;
struct vfmig_request;

/* Find out the history of a device that the server begins to serve. */
void export_history_begin(struct vfmig_export *server);
/* The device has entered this state. */
void export_history_state(struct vfmig_export *server, uint32_t state);
/* The client goes, and the device is in this state: what of it was not seen, as it was done by a migration region. */
void export_history_left(struct vfmig_export *server, uint32_t state);
/* The device has completed @request of @client, which may change the history. */
void export_history_note(struct export_client *client, const struct vfmig_request *request);
/* Get the history. Record that the client moved the state to @where: NULL, or the reason why it cannot. */
void export_history_get(struct vfmig_export *server, struct vfmig_feature_history *past);
const char *export_history_moved(struct vfmig_export *server, const char *where);

#endif
