/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sections out, and the replies to them.
 */
#ifndef ENGINE_SEND_H
#define ENGINE_SEND_H

#include <vfmig/migration.h>

struct abi_section;
struct channel_buffer;

/* ---- send.c ---- */

int engine_buffers_alloc(struct vfmig_migration *m, struct vfmig_error *err);
void engine_buffers_free(struct vfmig_migration *m);
/* A free buffer, or NULL. The last one is reserved for @control sections. */
struct channel_buffer *engine_buffer_get(struct vfmig_migration *m, bool control);
void engine_buffer_put(struct vfmig_migration *m, struct channel_buffer *buffer);
/* Queue the header of the stream. */
void engine_send_header(struct vfmig_migration *m, uint16_t version, uint16_t flags);
/* Queue a section of up to a buffer, with zeros if @payload is NULL; waits for a free buffer. */
int engine_send_section(struct vfmig_migration *m, struct abi_section *section, const char *payload,
			struct vfmig_error *err);
/* Write queued buffers as far as the channel takes them now. Returns the bytes, 0, or an error. */
ssize_t engine_send_queued(struct vfmig_migration *m, struct vfmig_error *err);
/* Write until nothing is queued. */
int engine_send_flush(struct vfmig_migration *m, struct vfmig_error *err);

/* ---- reply.c: of a destination to its source ---- */

/* Fails if the last turn found that the destination has failed or closed the channel. */
int engine_reply_check(struct vfmig_migration *m, struct vfmig_error *err);
/* Wait for a section of this type. */
int engine_reply_await(struct vfmig_migration *m, uint16_t type, struct vfmig_error *err);

/* ---- sync.c ---- */

/* Write everything, and wait until the destination has loaded it. A file is only written. */
int engine_sync(struct vfmig_migration *m, struct vfmig_error *err);
/* The same on an idle channel: measures the round trip. */
int engine_sync_round_trip(struct vfmig_migration *m, struct vfmig_error *err);
/* Measure the rate with payload that the destination drops. Does nothing for a file. */
int engine_sync_probe(struct vfmig_migration *m, struct vfmig_error *err);
/* Sections that were sent and that the destination has not reported as loaded. */
uint64_t engine_sync_unloaded(const struct vfmig_migration *m);

#endif
