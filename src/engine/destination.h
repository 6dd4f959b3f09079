/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The destination: set-up, loading, and its side of the hand-over.
 */
#ifndef ENGINE_DESTINATION_H
#define ENGINE_DESTINATION_H

#include <vfmig/migration.h>

#include "abi/stream.h"

struct channel_buffer;
struct engine_device;

/*
 * @stream_devices: what the stream has delivered of each device, as abi_stream_check_hello() takes it
 * @order: for each device of the stream, the index of ours
 * @source_cancelled: CANCEL has come
 */
struct engine_destination {
	struct abi_stream_device *stream_devices;
	uint32_t *order;
	bool source_cancelled;
};

/* ---- destination.c ---- */

/* Negotiate with the source, and bring the devices to RESUMING. */
int engine_destination_setup(struct vfmig_migration *m, struct vfmig_error *err);
/* Load up to about @budget bytes; 0 is all. Returns the bytes, with *@over true after END. */
ssize_t engine_destination_load(struct vfmig_migration *m, uint64_t budget, bool *over,
				struct vfmig_error *err);

/* ---- handoff_destination.c ---- */

/* After END: check, commit, run. */
int engine_destination_complete(struct vfmig_migration *m, struct vfmig_error *err);
/* After a failure or a cancel: reset the devices, and tell the source. Returns @code. */
int engine_destination_give_up(struct vfmig_migration *m, int code, struct vfmig_error *err);

/* ---- receive.c ---- */

/* Wait until so many bytes are in the buffer. */
int engine_receive_bytes(struct vfmig_migration *m, uint32_t bytes, struct vfmig_error *err);
/* Wait for the header of a section, and check it and its place in the stream. */
int engine_receive_header(struct vfmig_migration *m, struct abi_section *section,
			  uint8_t header[ABI_SECTION_HEADER_SIZE], struct vfmig_error *err);
/* Wait for the payload of a section, and check its checksum. */
int engine_receive_payload(struct vfmig_migration *m, const struct abi_section *section,
			   uint8_t header[ABI_SECTION_HEADER_SIZE], void *to,
			   struct vfmig_error *err);
/* Receive one section and load it. Returns its type, or an error. */
int engine_receive_section(struct vfmig_migration *m, struct vfmig_error *err);

/* ---- device_writes.c ---- */

/* Complete the writes that are over, and let devices that have all their data check it. */
int engine_writes_reap(struct vfmig_migration *m, struct vfmig_error *err);
/* Wait until the device may get another write, and for a buffer. */
int engine_writes_buffer(struct engine_device *dev, struct channel_buffer **buffer,
			 struct vfmig_error *err);
void engine_writes_submit(struct engine_device *dev, struct channel_buffer *buffer, uint32_t len);
/* Wait until no write is in flight. */
int engine_writes_drain(struct vfmig_migration *m, struct vfmig_error *err);
/* Wait until every device has loaded everything, and is in STOP. */
int engine_writes_settle(struct vfmig_migration *m, struct vfmig_error *err);

#endif
