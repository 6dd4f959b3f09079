/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The channel: buffers of sections on their way out, sections on their way in.
 *
 * No function here waits. They write what the descriptor accepts and read what it has; the caller waits in its loop. A
 * channel is a socket, a pipe or a file, in each direction.
 */
#ifndef ENGINE_CHANNEL_H
#define ENGINE_CHANNEL_H

#include <vfmig/migration.h>

#include "abi/stream.h"
#include "engine/channel/limit.h"
#include "engine/loop.h"

struct engine_device;

/*
 * A buffer: data that device @dev reads or writes (@op is the request), or sections that are being sent, of which
 * [@start, @end) is not written yet. Device data follows the header of its section.
 */
struct channel_buffer {
	struct channel_buffer *next;
	struct engine_device *dev;
	struct loop_request op;
	uint32_t start, end;
	uint32_t length; /* of device data */
	_Alignas(64) uint8_t bytes[VFMIG_MIGRATION_BUFFER_BYTES];
};

/* The maximum of device data in one buffer. */
#define CHANNEL_BUFFER_DATA (VFMIG_MIGRATION_BUFFER_BYTES - 4096u)

/* A queue of buffers, first in, first out. */
struct buffer_queue {
	struct channel_buffer *first, *last;
	unsigned count;
};

void buffer_queue_push(struct buffer_queue *queue, struct channel_buffer *buffer);
struct channel_buffer *buffer_queue_shift(struct buffer_queue *queue);

/*
 * What kind of file a descriptor is, which decides how it is read and written without waiting. @file: a regular file,
 * which always waits for its disk. @flags: of the descriptor, restored at the end.
 */
struct channel_port {
	int fd;
	bool socket, file;
	int flags;
};

int channel_port_open(struct channel_port *port, int fd, struct vfmig_error *err);
void channel_port_close(struct channel_port *port);

/*
 * Out. @sections and @payload count sealed sections and their payload, as the stream does; @bytes what the descriptor
 * has accepted. @moved is when it last accepted bytes, or had none to accept.
 */
struct channel_out {
	struct channel_port port;
	struct buffer_queue queue;
	uint64_t sections, payload;
	uint64_t bytes;
	struct rate_limit limit;
	int64_t moved;
};

/* Seal a section: set its number, header and checksum. Its payload follows the header already. */
void channel_out_seal(struct channel_out *out, uint8_t *header, struct abi_section *section);

/* Whether the checksum of a received section is right. The header is changed. */
bool channel_in_sealed(uint8_t *header, const void *payload, const struct abi_section *section);

/**
 * channel_out_write() - write as much as the descriptor accepts
 * @out: with the queue of buffers
 * @spent: buffers that are written completely are moved here
 *
 * Return: how many bytes it accepted, 0 if it would block (or nothing is queued, or the bandwidth limit holds data
 * back), or a negative errno with a sentence.
 */
ssize_t channel_out_write(struct channel_out *out, struct buffer_queue *spent,
			  struct vfmig_error *err);

#define CHANNEL_IN_BYTES (64u << 10)

/*
 * In. [@start, @end) of @buf was read and not consumed. @check checks the order of sections. @bytes were read. @ahead is
 * how much to read into the buffer behind a direct read, 0 for as much as fits: buffered data is copied once more.
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

/* Bytes in the buffer. */
static inline uint32_t channel_in_have(const struct channel_in *in)
{
	return in->end - in->start;
}

/* Consume bytes of the buffer. */
void channel_in_consume(struct channel_in *in, void *to, uint32_t len);

/**
 * channel_in_read() - read without waiting
 * @in: the direction in
 * @to: the place for up to @len bytes, with an empty buffer; NULL reads into the buffer
 *
 * With @to, up to a section's header more is read into the buffer, which saves a system call.
 *
 * Return: bytes read to @to, or to the buffer; 0 at the end (@eof); -EAGAIN; or a negative errno with a sentence.
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
