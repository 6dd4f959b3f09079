/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A command: its requests to the device, and its reply.
 */
#ifndef EXPORT_VFIO_USER_COMMAND_H
#define EXPORT_VFIO_USER_COMMAND_H

#include <stdatomic.h>

#include <vfmig/device.h>

#include "wire/wire.h"

struct export_client;

/*
 * A command from its turn until its reply is sent.
 *
 * @answer: a buffer for the data that the device returns
 * @back: called with the result of @request
 * @fd: a descriptor that is sent with the reply and then closed
 * @at: how many accesses of a REGION_WRITE_MULTI, or bytes of a MIG_DATA_WRITE, are done
 * @turns: how many of the two threads that may continue the command have reached that point
 * @serial: the number of the command, from 1
 * @finished: the reply is ready
 * @lent: zero-copy buffers of the device that are not yet returned to it
 */
struct export_command {
	struct wire_out out;
	struct export_client *client;
	struct wire_msg *msg;
	struct wire_msg *answer;
	struct vfmig_request request;
	struct vfmig_error err;
	void (*back)(struct export_command *command, ssize_t result);
	int fd;
	uint64_t at;
	atomic_uint turns;
	uint64_t serial;
	bool finished;
	struct vfmig_lent lent;
	struct vfmig_page_runs runs;
	void *memory; /* a large buffer, freed at the end */
	size_t memory_len;
	union {
		struct vfmig_feature_dma_logging_control start;
		struct vfmig_feature_dma_logging_report report;
		struct vfmig_feature_mig_state state;
		struct vfmig_feature_low_power_wake wake;
		struct vfmig_device_info device_info;
		uint64_t u64;
	} payload;
	struct export_command *next;
};

/* ---- reply.c ---- */

/* Submit @request to the device; @back is called with the result. */
void export_ask(struct export_command *command, enum vfmig_op op,
		void (*back)(struct export_command *command, ssize_t result));
/*
 * The same for migration data, part of which may be in zero-copy buffers: up to @len bytes, limited
 * by the space left.
 */
void export_read_data(struct export_command *command, size_t len,
		      void (*back)(struct export_command *command, ssize_t result));
/* The command is done: the reply is in @out, with @fixed bytes after the header, and the body. */
void export_done(struct export_command *command, size_t fixed);
void export_refuse(struct export_command *command, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The command failed with @code; @err may have a sentence. */
void export_failed(struct export_command *command, int code);
/* Allocate @answer; NULL after the command was refused for lack of memory. */
uint8_t *export_room(struct export_command *command, size_t len);
/* The place for the fixed part of a reply. */
static inline uint8_t *export_fixed(struct export_command *command)
{
	return command->out.head + ABI_MSG_HEADER_SIZE;
}
#define EXPORT_FIXED_ROOM (WIRE_HEAD - ABI_MSG_HEADER_SIZE)
/* The command is done: reply a feature with this payload and the body. */
void export_put_feature(struct export_command *command, const void *payload, size_t size);
/* A request without data is over: reply. */
void export_reply_empty(struct export_command *command, ssize_t result);

/* ---- irqs.c ---- */

/* Close the descriptors after the first @keep: some clients attach those of a DMA_MAP to the DMA_UNMAP as well. */
void export_keep_fds(struct wire_msg *msg, unsigned keep);
/* Devices write only to eventfds: a full pipe would block them. */
bool export_is_eventfd(int fd);
void export_set_irqs(struct export_command *command);

/* ---- handle.c, and a file for each group of commands ---- */

/* Begin a command. It is done now, or when the device has completed its request. */
void export_handle(struct export_command *command);
void export_device_info(struct export_command *command);
void export_region_info(struct export_command *command);
void export_io_fds(struct export_command *command);
void export_irq_info(struct export_command *command);
void export_region_access(struct export_command *command);
void export_write_multi(struct export_command *command);
void export_feature(struct export_command *command);

/* ---- report.c ---- */

void export_report(struct export_command *command, const struct vfmig_device_feature *f,
		   const uint8_t *data, size_t len);

/* The device has accepted some of the written data: submit what is left, or finish. */
void export_data_written(struct export_command *command, ssize_t result);

#endif
