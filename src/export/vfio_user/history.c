/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The history of a device's state, for the next client.
 *
 * A client may be killed at any moment of a migration. The server sees every state change and every read of the
 * device's data, so it can report to the next client where the state comes from, and whether a copy of it may run
 * elsewhere. Until the last byte of the data was read there is no complete copy, and the device may run here again.
 *
 *	   reset                                runs                        SET by the client
 *	any ----> NEW      LOADED, READ, MOVED ------> RAN            any other ------------> MOVED
 *
 *	   RESUMING             STOP                    all data is read
 *	any -------> LOADING ---------> LOADED     any other -----> READ
 *
 * What a client does by the registers of a migration region (v1, pfn) is not seen: such a device is UNKNOWN. Only if it
 * runs when its client goes, it is RAN until the next one has come and gone.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <vfmig/abi_region.h>

#include "device/device.h"
#include "export/vfio_user/client.h"
#include "export/vfio_user/history.h"
#include "export/vfio_user/server.h"

/* With the lock held. */
static void become(struct vfmig_export *server, enum vfmig_history past, const char *where)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	memset(&server->past, 0, sizeof(server->past));
	server->past.past = past;
	server->past.since = (uint64_t)now.tv_sec;
	snprintf(server->past.where, sizeof(server->past.where), "%s", where);
}

static bool runs(uint32_t state)
{
	return state == VFMIG_STATE_RUNNING || state == VFMIG_STATE_RUNNING_P2P ||
	       state == VFMIG_STATE_PRE_COPY || state == VFMIG_STATE_PRE_COPY_P2P;
}

static bool has_migration_region(struct vfmig_device *device)
{
	struct vfmig_device_info info;
	struct vfmig_region region;

	if (vfmig_device_get_info(device, &info, NULL))
		return false;
	for (uint32_t i = 0; i < info.num_regions; i++)
		if (!vfmig_device_get_region_info(device, i, &region, NULL) &&
		    region.type == VFMIG_REGION_TYPE_MIGRATION)
			return true;
	return false;
}

void export_history_begin(struct vfmig_export *server)
{
	struct vfmig_feature_mig_state now = {.data_fd = -1};

	server->has_region = has_migration_region(server->device);
	/* The device is behind another server, which has its history. */
	if (!vfmig_device_call_feature(server->device,
				       VFMIG_FEATURE_USER_HISTORY | VFMIG_FEATURE_GET,
				       &server->past, sizeof(server->past), NULL) &&
	    server->past.past != VFMIG_HISTORY_UNKNOWN)
		return;
	become(server, VFMIG_HISTORY_UNKNOWN, "");
	if (vfmig_device_call_feature(server->device, VFMIG_FEATURE_MIG_STATE | VFMIG_FEATURE_GET,
				      &now, sizeof(now), NULL))
		return;
	server->state = now.device_state;
	if (runs(now.device_state) && !server->has_region)
		become(server, VFMIG_HISTORY_NEW, "");
}

void export_history_left(struct vfmig_export *server, uint32_t state)
{
	pthread_mutex_lock(&server->past_lock);
	if (server->has_region)
		become(server, runs(state) ? VFMIG_HISTORY_RAN : VFMIG_HISTORY_UNKNOWN, "");
	pthread_mutex_unlock(&server->past_lock);
}

void export_history_state(struct vfmig_export *server, uint32_t state)
{
	enum vfmig_history past;

	pthread_mutex_lock(&server->past_lock);
	past = server->past.past;
	server->state = state;
	if (past == VFMIG_HISTORY_UNKNOWN)
		; /* stays unknown: the server may not see all changes */
	else if (state == VFMIG_STATE_RESUMING && past != VFMIG_HISTORY_LOADING)
		become(server, VFMIG_HISTORY_LOADING, "");
	else if (state == VFMIG_STATE_STOP && past == VFMIG_HISTORY_LOADING)
		become(server, VFMIG_HISTORY_LOADED, "");
	else if (runs(state) && past != VFMIG_HISTORY_NEW && past != VFMIG_HISTORY_RAN)
		become(server, VFMIG_HISTORY_RAN, "");
	pthread_mutex_unlock(&server->past_lock);
}

static void reset(struct vfmig_export *server)
{
	pthread_mutex_lock(&server->past_lock);
	server->state = VFMIG_STATE_RUNNING;
	if (server->past.past != VFMIG_HISTORY_UNKNOWN)
		become(server, VFMIG_HISTORY_NEW, "");
	pthread_mutex_unlock(&server->past_lock);
}

/* A client without the extension may take a short reply for the end. */
static void data_read(struct export_client *client, size_t asked, size_t got)
{
	struct vfmig_export *server = client->server;

	pthread_mutex_lock(&server->past_lock);
	if (server->state == VFMIG_STATE_STOP_COPY && asked &&
	    (client->caps.vfmig ? !got : got < asked) &&
	    server->past.past != VFMIG_HISTORY_UNKNOWN && server->past.past != VFMIG_HISTORY_READ &&
	    server->past.past != VFMIG_HISTORY_MOVED)
		become(server, VFMIG_HISTORY_READ, "");
	pthread_mutex_unlock(&server->past_lock);
}

void export_history_note(struct export_client *client, const struct vfmig_request *request)
{
	const uint32_t flags = request->feature.flags;
	const struct vfmig_feature_mig_state *now = request->feature.data;

	if (request->op == VFMIG_OP_RESET)
		reset(client->server);
	else if (request->op == VFMIG_OP_DATA_READ)
		data_read(client, request->data.len, (size_t)request->result);
	else if (request->op == VFMIG_OP_FEATURE && !(flags & VFMIG_FEATURE_PROBE) &&
		 (flags & VFMIG_FEATURE_MASK) == VFMIG_FEATURE_MIG_STATE)
		export_history_state(client->server, now->device_state);
}

void export_history_get(struct vfmig_export *server, struct vfmig_feature_history *past)
{
	pthread_mutex_lock(&server->past_lock);
	*past = server->past;
	pthread_mutex_unlock(&server->past_lock);
}

const char *export_history_moved(struct vfmig_export *server, const char *where)
{
	const char *why = NULL;

	pthread_mutex_lock(&server->past_lock);
	if (server->past.past == VFMIG_HISTORY_UNKNOWN)
		why = "USER_HISTORY: the device's states are not all visible to the server";
	else if (runs(server->state))
		why = "USER_HISTORY: the device is running, so it has not moved away";
	else
		become(server, VFMIG_HISTORY_MOVED, where);
	pthread_mutex_unlock(&server->past_lock);
	return why;
}
