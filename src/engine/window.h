/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Windows: what a chunk holds if the data of a device goes through memory that both servers share.
 */
#ifndef ENGINE_WINDOW_H
#define ENGINE_WINDOW_H

#include <vfmig/migration.h>

struct channel_buffer;
struct engine_device;
struct engine_window;
struct engine_windows;
struct vfmig_window_piece;

/* What a chunk says: where its bytes are. In the stream the chunk is this long. */
#define ENGINE_WINDOW_CHUNK 24u
/* The most that a piece has. */
#define ENGINE_WINDOW_PIECE (1u << 20)

/* Agree on windows with the servers of devices that are in both; NULL if there are none. Before either has begun. */
struct engine_windows *engine_windows_open(struct vfmig_migration *source,
					   struct vfmig_migration *destination);
/* Both are over. */
void engine_windows_close(struct engine_windows *windows);

/* Is a place free? */
bool engine_window_free(const struct engine_window *window);
/* Take one; there is one. */
void engine_window_take(struct engine_window *window, struct vfmig_window_piece *piece);
/* It can be used again. */
void engine_window_give(struct engine_window *window, const struct vfmig_window_piece *piece);
/* Encode a chunk; and decode it, into buffer->piece and its length. */
void engine_window_put(uint8_t *to, const struct vfmig_window_piece *piece, uint32_t bytes);
int engine_window_get(struct engine_device *dev, struct channel_buffer *buffer,
		      struct vfmig_error *err);

#endif
