/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Inspecting a migration stream: what is in a saved file, and whether it is sound.
 *
 * Reads the stream from front to back, once, with bounded memory, and believes nothing: each section's
 * header, order and checksum is verified, and the devices' data is decoded as far as it describes
 * itself (docs/device-state.md). What is found is told as events.
 */
#ifndef VFMIG_INSPECT_H
#define VFMIG_INSPECT_H

#include <stdbool.h>
#include <stdint.h>

#include <vfmig/error.h>
#include <vfmig/event.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct vfmig_inspect_result - what the stream had
 * @complete: it is whole: nothing is missing at its end
 * @file: it was saved for a file: nobody answered
 * @devices: in it
 * @regions: maps of memory in it
 * @sections: that were read
 * @bytes: that were read
 * @memory_bytes: pages' contents
 * @zero_pages: pages told to be zero
 * @device_bytes: devices' data
 * @rounds: of pre-copy
 * @undecoded: devices whose data does not describe itself, or is damaged
 * @damaged: of them, those whose data describes itself wrongly, or could not be looked at (no memory)
 */
struct vfmig_inspect_result {
	bool complete;
	bool file;
	uint32_t devices;
	uint32_t regions;
	uint64_t sections;
	uint64_t bytes;
	uint64_t memory_bytes;
	uint64_t zero_pages;
	uint64_t device_bytes;
	uint64_t rounds;
	uint32_t undecoded;
	uint32_t damaged;
};

#define VFMIG_INSPECT_SECTIONS (1u << 0) /* an event for each section */

/**
 * vfmig_inspect() - read a stream and tell what is in it
 * @fd: where from; a file, a pipe or a socket that is read until its end
 * @flags: VFMIG_INSPECT_SECTIONS or 0
 * @events: where to. By name:
 *
 *	stream	version, file (0 or 1), id (hex)
 *	device	index, device (its id), protocol, pre_copy, p2p, and, where it is PCI: vendor_id, device_id,
 *		subsystem_vendor_id, subsystem_id, revision
 *	region	index, space, iova, size, prot ("r", "w", "rw")
 *	section	seq, at (its first byte in the stream), type, index, offset, arg, length
 *	round	round, memory_bytes, zero_pages, device_bytes
 *	model	device, model, version: what a device's data says it is
 *	field	device, name, size, version, value (hex, most significant digit first, if @size is at most 8;
 *		else the bytes in their order)
 *	block	device, name, size, version, bytes (that were sent, those sent again included)
 *	opaque	device, bytes: data that does not describe itself
 *	problem	device, at (byte of the device's data), sentence: data that describes itself wrongly
 *	stopped	bytes: so far. What follows was sent while everything stood still
 *	end	sections, bytes
 *
 * @result: totals, as far as it came; may be NULL
 *
 * Return: 0 if the stream is sound as a stream (see @undecoded for what is in it); -EBADMSG with the place
 * and what is wrong there; -ENODATA if it is cut off; or what reading said.
 */
int vfmig_inspect(int fd, uint32_t flags, const struct vfmig_events *events,
		  struct vfmig_inspect_result *result, struct vfmig_error *err);

#ifdef __cplusplus
}
#endif
#endif
