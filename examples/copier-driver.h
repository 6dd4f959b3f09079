/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A user-space driver for the copier, written from its data sheet (docs/models/copier.md) and the
 * library's public headers, as any driver would be.
 *
 * Everything that a driver must remember is in struct cp_queue, which lies in the memory that migrates, beside
 * the two rings. So a driver can stop in the middle of everything, and another one, in another
 * process, with a device to which that device's state has come, goes on: cp_adopt().
 *
 * A driver is used by one thread. Its functions return 0 (or what they say), or a negative errno with
 * the sentence in @err.
 */
#ifndef EXAMPLES_COPIER_DRIVER_H
#define EXAMPLES_COPIER_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vfmig/device.h>

/* From the data sheet. */
#define CP_ID	       0x59504f43u
#define CP_VENDOR      0x5646
#define CP_DEVICE      0x0001
#define CP_BAR_REGS    0
#define CP_BAR_WINDOW  2
#define CP_BAR_MSIX    4
#define CP_VECTORS     2
#define CP_MAX_ENTRIES 32768u

enum cp_reg {
	CP_REG_ID = 0x000,
	CP_REG_VERSION = 0x004,
	CP_REG_OPERATIONS = 0x008,
	CP_REG_MAX_LENGTH = 0x00c,
	CP_REG_BOARD_SIZE = 0x010,
	CP_REG_CONTROL = 0x018,
	CP_REG_STATUS = 0x01c,
	CP_REG_ERROR = 0x020,
	CP_REG_ERROR_IOVA = 0x028,
	CP_REG_INTR_STATUS = 0x030,
	CP_REG_INTR_ENABLE = 0x034,
	CP_REG_RING_BASE = 0x040,
	CP_REG_DONE_BASE = 0x048,
	CP_REG_RING_SIZE = 0x050,
	CP_REG_HEAD = 0x058,
	CP_REG_TAIL = 0x05c,
	CP_REG_SEQUENCE = 0x060,
	CP_REG_POSITION = 0x068,
	CP_REG_COPIES = 0x080,
	CP_REG_FILLS = 0x088,
	CP_REG_CHECKSUMS = 0x090,
	CP_REG_ADDS = 0x098,
	CP_REG_FAILURES = 0x0a0,
	CP_REG_BYTES = 0x0a8,
};

#define CP_CONTROL_ENABLE (1u << 0)
#define CP_CONTROL_RESET  (1u << 1)
#define CP_STATUS_ENABLED (1u << 0)
#define CP_STATUS_BUSY	  (1u << 1)
#define CP_STATUS_ERROR	  (1u << 2)
#define CP_INTR_DONE	  (1u << 0)
#define CP_INTR_ERROR	  (1u << 1)

enum cp_operation { CP_COPY = 1, CP_FILL, CP_CHECKSUM, CP_ADD };

#define CP_INTERRUPT  (1u << 0)
#define CP_FROM_BOARD (1u << 1)
#define CP_TO_BOARD   (1u << 2)
#define CP_MAX_LENGTH 0x40000000ull

enum cp_status {
	CP_OK,
	CP_BAD_OPERATION,
	CP_BAD_FLAGS,
	CP_BAD_LENGTH,
	CP_BAD_ADDRESS,
	CP_OVERLAP,
	CP_READ_FAULT,
	CP_WRITE_FAULT,
};

enum cp_error {
	CP_ERROR_NONE,
	CP_ERROR_BAD_RING,
	CP_ERROR_BAD_TAIL,
	CP_ERROR_RING_FAULT,
	CP_ERROR_DONE_FAULT,
};

struct cp_descriptor {
	uint8_t operation;
	uint8_t flags;
	uint8_t zero1[6];
	uint64_t source;
	uint64_t destination;
	uint64_t length;
	uint64_t value;
	uint64_t cookie;
	uint64_t zero2[2];
};

struct cp_completion {
	uint64_t sequence;
	uint64_t cookie;
	uint64_t result;
	uint32_t status;
	uint32_t index;
};

/**
 * struct cp_queue - the driver's own state; in memory that migrates
 * @size: entries of each ring
 * @submitted: descriptors put in so far
 * @rung: of those, descriptors for which the doorbell was rung
 * @completed: completions taken out so far
 */
struct cp_queue {
	uint32_t size;
	uint32_t zero;
	uint64_t submitted;
	uint64_t rung;
	uint64_t completed;
};

/** cp_memory_size() - how many bytes a queue of @entries takes, rings and all */
size_t cp_memory_size(uint32_t entries);

/**
 * struct cp_driver - a driver at work
 * @device: borrowed
 * @queue: in the caller's memory, with the rings behind it
 * @ring: the descriptors
 * @done: the completions
 * @iova: where @queue is for the device
 * @board_size: bytes on board
 * @events: what the device's interrupts signal: completion, error; -1 while they are not used
 * @works_device: cp_wait() works the device; off when some thread does already
 */
struct cp_driver {
	struct vfmig_device *device;
	struct cp_queue *queue;
	struct cp_descriptor *ring;
	volatile struct cp_completion *done;
	uint64_t iova;
	uint64_t board_size;
	int events[CP_VECTORS];
	bool works_device;
};

/**
 * cp_open() - take a copier into use: reset its registers, set up the rings, switch it on
 * @d: filled in; cp_close() it
 * @device: a copier, attached to a space in which @memory is mapped
 * @memory: cp_memory_size(@entries) bytes, a multiple of 64 from the start of a page
 * @iova: of @memory
 * @entries: a power of two from 2 to CP_MAX_ENTRIES
 */
int cp_open(struct cp_driver *d, struct vfmig_device *device, void *memory, uint64_t iova,
	    uint32_t entries, struct vfmig_error *err);

/** cp_adopt() - the same for a copier, and memory, that were in use already, somewhere else */
int cp_adopt(struct cp_driver *d, struct vfmig_device *device, void *memory, uint64_t iova,
	     struct vfmig_error *err);

/** cp_close() - close what cp_open() opened; the device is left as it is */
void cp_close(struct cp_driver *d);

/** cp_interrupts() - have interrupts: eventfds, MSI-X, INTR_ENABLE */
int cp_interrupts(struct cp_driver *d, struct vfmig_error *err);

/** cp_room() - how many descriptors fit in now */
uint32_t cp_room(const struct cp_driver *d);

/** cp_put() - write a descriptor into the ring; -ENOSPC if it is full. cp_ring() tells the device */
int cp_put(struct cp_driver *d, const struct cp_descriptor *descriptor);

/** cp_ring() - ring the doorbell, if there is anything new */
int cp_ring(struct cp_driver *d, struct vfmig_error *err);

/** cp_take() - take the next completion; false if it has not come yet */
bool cp_take(struct cp_driver *d, struct cp_completion *completion);

/**
 * cp_wait() - wait until something may have come
 * @d: which
 * @msec: at most so long; -1 is as long as it takes
 *
 * Returns for an interrupt (if there are any), at the end of the time, and now and then for no reason.
 * Return: 1 if there was a completion interrupt, else 0, or the failure of the device.
 */
int cp_wait(struct cp_driver *d, int msec, struct vfmig_error *err);

/** cp_wake() - have a cp_wait() that is under way, or the next one, return; any thread may ask for it */
void cp_wake(struct cp_driver *d);

/**
 * cp_do() - put one descriptor in, wait for it, and take its completion; the simple way, one
 * descriptor at a time
 */
int cp_do(struct cp_driver *d, const struct cp_descriptor *descriptor,
	  struct cp_completion *completion, struct vfmig_error *err);

/** cp_read() and cp_write() - a register, 4 or 8 bytes as it has */
int cp_read(struct cp_driver *d, enum cp_reg reg, uint64_t *value, struct vfmig_error *err);
int cp_write(struct cp_driver *d, enum cp_reg reg, uint64_t value, struct vfmig_error *err);

/** cp_fletcher64() - what CHECKSUM gives, by the data sheet's words; @len is a multiple of 4 */
uint64_t cp_fletcher64(uint64_t sum, const void *bytes, size_t len);

#endif
