/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The channel: buffers of sections on their way out, sections on their way in.
 *
 * Nothing here waits. Writing takes what the descriptor takes, reading what it has; the caller turns its
 * loop in between. A channel is a socket, a pipe or a file, in each direction.
 */
#ifndef ENGINE_CHANNEL_H
#define ENGINE_CHANNEL_H

#include <vfmig/migration.h>

#include "abi/stream.h"
#include "engine/channel/limit.h"
#include "engine/loop.h"

struct engine_device;

/*
 * A buffer: data of a device that is being read or written (@op is the request, @dev whose), or sections on
 * their way out, of which [@start, @end) is still to be written. Device data stands behind its section's
 * header.
 */
struct channel_buffer {
	struct channel_buffer *next;
	struct engine_device *dev;
	struct loop_request op;
	uint32_t start, end;
	uint32_t length;		 /* of device data */
	struct vfmig_window_piece piece; /* or where it is (window.c) */
	_Alignas(64) uint8_t bytes[VFMIG_MIGRATION_BUFFER_BYTES];
};

/* Most of a device's data that goes into one buffer. */
#define CHANNEL_BUFFER_DATA (VFMIG_MIGRATION_BUFFER_BYTES - 4096u)

/* Buffers that wait for something, in order. */
struct buffer_queue {
	struct channel_buffer *first, *last;
	unsigned count;
};

void buffer_queue_push(struct buffer_queue *queue, struct channel_buffer *buffer);
struct channel_buffer *buffer_queue_shift(struct buffer_queue *queue);

/*
 * What is behind a descriptor, and how it is read and written without waiting. @file: a regular file, which
 * always waits for its disk. @flags: to be put back.
 */
struct channel_port {
	int fd;
	bool socket, file;
	int flags;
};

int channel_port_open(struct channel_port *port, int fd, struct vfmig_error *err);
void channel_port_close(struct channel_port *port);

/*
 * Out. @sections and @payload are what has been sealed, as the stream counts it; @bytes what the descriptor
 * has taken, @held_ns how long the bandwidth limit kept it waiting. @moved is when it last took something, or
 * had nothing to take.
 */
struct channel_out {
	struct channel_port port;
	struct buffer_queue queue;
	uint64_t sections, payload;
	uint64_t bytes;
	struct rate_limit limit;
	int64_t moved;
};

/* Seal a section: number, header and checksum. Its payload stands behind the header already. */
void channel_out_seal(struct channel_out *out, uint8_t *header, struct abi_section *section);

/* Is the checksum of a section that has come right? Its header must be in memory of ours, and is changed. */
bool channel_in_sealed(uint8_t *header, const void *payload, const struct abi_section *section);

/**
 * channel_out_write() - let the descriptor take what it takes
 * @out: of what is queued
 * @spent: buffers that were written whole come here
 *
 * Return: how many bytes it took, 0 if it would have to wait (or nothing is queued, or the limit holds it
 * back), or a negative errno with a sentence.
 */
ssize_t channel_out_write(struct channel_out *out, struct buffer_queue *spent,
			  struct vfmig_error *err);

#define CHANNEL_IN_BYTES (64u << 10)

/*
 * In. [@start, @end) of @buf was read and not taken. @check keeps the order of sections. @at is how many bytes
 * were taken: where in the stream a thing is wrong. @ahead is how much to read where little is wanted, 0 for as
 * much as the buffer takes: what goes through the buffer is copied once more.
 */
struct channel_in {
	struct channel_port port;
	struct abi_stream_check check;
	uint32_t start, end;
	uint32_t ahead;
	bool eof;
	uint64_t bytes;
	int64_t moved;
	_Alignas(64) uint8_t buf[CHANNEL_IN_BYTES];
};

/* Bytes that can be taken at once. */
static inline uint32_t channel_in_have(const struct channel_in *in)
{
	return in->end - in->start;
}

/* Take bytes that are there. */
void channel_in_consume(struct channel_in *in, void *to, uint32_t len);

/**
 * channel_in_read() - read without waiting
 * @in: where from
 * @to: where to, @len bytes at the most, behind what is buffered (which must be nothing); NULL reads into
 *	the buffer
 *
 * With @to, up to a section's header more is read into the buffer, which spares a system call.
 *
 * Return: bytes that came to @to, or to the buffer; 0 at the end (@eof); -EAGAIN; or a negative errno with a
 * sentence.
 */
ssize_t channel_in_read(struct channel_in *in, void *to, size_t len, struct vfmig_error *err);

/*
 * Both directions of the channel of a migration.
 * @in_fd, @out_fd: -1 for a direction that the channel does not have
 * @file: the channel has one direction: the peer cannot answer
 * @readable: the last turn of the loop found something to read
 * @free: buffers that are not in use
 * @id: of the migration, in both streams
 * @version: of the stream that comes in; a destination answers in the version of its source
 * @received_header: of the stream that comes in
 */
struct channel {
	int in_fd, out_fd;
	bool file;
	bool readable;
	struct channel_out out;
	struct channel_in in;
	struct buffer_queue free;
	uint8_t id[16];
	uint16_t version;
	bool received_header;
};

#endif
