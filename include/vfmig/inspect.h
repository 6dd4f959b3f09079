/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Inspecting a migration stream: list what a saved file contains, and check whether it is valid.
 *
 * The stream is read once from start to end with bounded memory. It is untrusted: the header, order and
 * checksum of each section are verified. Device data is decoded as far as it describes itself
 * (docs/device-state.md). The contents are reported as events.
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
 * struct vfmig_inspect_result - the contents of a stream
 * @complete: the stream is complete: it has its last section
 * @file: the stream was saved to a file: no destination replied
 * @devices: number of devices
 * @regions: number of memory maps
 * @sections: number of sections that were read
 * @bytes: bytes that were read
 * @memory_bytes: bytes of page contents
 * @zero_pages: pages that are recorded as zero
 * @device_bytes: bytes of device data
 * @rounds: rounds of pre-copy
 * @undecoded: devices whose data does not describe itself, or is damaged
 * @damaged: those of @undecoded whose description is invalid, or could not be checked for lack of memory
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
 * vfmig_inspect() - read a stream and report its contents
 * @fd: a file, a pipe or a socket; read until its end
 * @flags: VFMIG_INSPECT_SECTIONS or 0
 * @events: receives the events. By name:
 *
 *	stream	version, file (0 or 1), id (hex)
 *	device	index, device (its id), protocol, pre_copy, p2p, and, for PCI: vendor_id, device_id,
 *		subsystem_vendor_id, subsystem_id, revision
 *	region	index, space, iova, size, prot ("r", "w", "rw")
 *	section	seq, at (its first byte in the stream), type, index, offset, arg, length
 *	round	round, memory_bytes, zero_pages, device_bytes
 *	model	device, model, version: the model that a device's data names
 *	field	device, name, size, version, value (hex, most significant digit first, if size is at most 8;
 *		else the bytes in their order)
 *	block	device, name, size, version, bytes (that were sent, including those sent again)
 *	opaque	device, bytes: data that does not describe itself
 *	problem	device, at (byte of the device's data), sentence: data with an invalid description
 *	stopped	bytes: so far. The rest was sent while the source was stopped
 *	end	sections, bytes
 *
 * @result: totals up to where reading ended; may be NULL
 *
 * Return: 0 if the stream is valid (see @undecoded for its contents); -EBADMSG with the place and the reason if it is
 * not; -ENODATA if it is truncated; or the error of read(2).
 */
int vfmig_inspect(int fd, uint32_t flags, const struct vfmig_events *events,
		  struct vfmig_inspect_result *result, struct vfmig_error *err);

#ifdef __cplusplus
}
#endif
#endif
