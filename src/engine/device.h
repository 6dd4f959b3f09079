/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A migrating device: its state, and its data on the way.
 */
#ifndef ENGINE_DEVICE_H
#define ENGINE_DEVICE_H

#include <vfmig/migration.h>

#include "engine/channel/channel.h"
#include "engine/estimate.h"
#include "engine/loop.h"

/*
 * Chunks of one device's data that are in flight: one is read or written while the channel carries another. More would
 * not be faster, and would leave the cache before their turn.
 */
#define ENGINE_DEVICE_DEPTH 2u

/*
 * @opened: the migration opened the session, and closes it
 * @timeout_ms: the device's own time limit, which is restored at the end
 * @state: the last known state
 * @unsure: a request failed, and the device may be in another state
 * @op: a state change or a query
 * @asked, @from: the two states of the change
 * @flying: buffers that are being read or written, in order
 * @open: destination: the part that has arrived of a chunk that comes in several sections
 * @bytes, @chunks: of its data in the stream
 * @reading: its data can be read; @drained: nothing is left in this round; @ended: nothing is left at all
 * @no_size, @no_precopy: the device does not support the query
 * @round_bytes: of its data in this round
 * @progress_bytes: what the last progress event reported
 * @estimate: the data that it will still have (estimate.c)
 */
struct engine_device {
	struct vfmig_migration *m;
	uint32_t index;
	char id[VFMIG_MIGRATION_ID_MAX + 1];
	struct vfmig_session *session;
	bool opened;
	uint64_t timeout_ms;
	uint64_t flags;
	enum vfmig_state state;
	bool unsure;
	struct loop_request op;
	enum vfmig_state asked, from;
	struct buffer_queue flying;
	struct channel_buffer *open;
	uint64_t bytes, chunks;
	bool reading, drained, ended;
	bool no_size, no_precopy;
	uint64_t round_bytes;
	uint64_t progress_bytes;
	struct size_estimate estimate;
};

/* ---- states.c ---- */

/* The state that a device should enter; its current state for none. */
typedef enum vfmig_state (*engine_target_fn)(const struct engine_device *dev);

/* Change the state of all devices in parallel, and wait for all. Returns the first failure. */
int engine_states_go(struct vfmig_migration *m, engine_target_fn target, struct vfmig_error *err);
/* Only submit the changes; engine_state_reap() completes each. */
void engine_states_submit(struct vfmig_migration *m, engine_target_fn target);
bool engine_states_done(struct vfmig_migration *m);
void engine_state_submit(struct engine_device *dev, enum vfmig_state state);
/* Complete the state change of one device: true if it is over, with its result in *ret. */
bool engine_state_reap(struct engine_device *dev, int *ret, struct vfmig_error *err);
/* A device's errno as the engine returns it: codes that mean the channel, the peer or a cancel become EIO. */
int engine_device_code(ssize_t ret);
/* Query the states that are not known. 0, or -ECANCELED. */
int engine_states_get(struct vfmig_migration *m);
/* Query all states; fails if a device does not report its state. */
int engine_states_get_all(struct vfmig_migration *m, struct vfmig_error *err);
/*
 * Devices that have each other's regions mapped must all enter P2P before one stops, and before one runs. Fails if one
 * has no P2P states.
 */
int engine_states_p2p(struct vfmig_migration *m, struct vfmig_error *err);
/* Source: bring all devices back to RUNNING. Returns how many did not get there. */
uint32_t engine_states_back(struct vfmig_migration *m, struct vfmig_error *err);
/* Destination: reset all devices. Returns how many could not be reset. */
uint32_t engine_states_reset(struct vfmig_migration *m, struct vfmig_error *err);

/* ---- sizes.c ---- */

/* Query how much data each device has left. */
int engine_sizes_get(struct vfmig_migration *m, struct vfmig_error *err);

#endif
