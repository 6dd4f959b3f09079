/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The content of VERSION at both ends: numbers, and capabilities in JSON.
 */
#ifndef WIRE_VERSION_H
#define WIRE_VERSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vfmig/error.h>

#include "wire/wire.h"

#define WIRE_MAJOR 0
#define WIRE_MINOR 1

/* The version of the vfmig extension. Version 2 added reports as runs. */
#define WIRE_EXTENSION 2

/* The specification has no smallest size; clients with 4 are in the field. */
#define WIRE_XFER_MIN 1u

/*
 * One end's capabilities. Capabilities that the JSON omits get the specification's defaults. In
 * JSON that is written, 0 and false are left out (except for the first two).
 *
 * @max_msg_fds: descriptors that it takes in one message (default 1; 0: none at all)
 * @max_data_xfer_size: bytes of data that it takes in one message
 * @max_dma_maps, @pgsizes: maps at a time, and their page sizes ORed
 * @migration_pgsize, @max_bitmap_size: of an older revision of the protocol, which is in
 *	the field
 * @twin_socket: whether server-to-client commands may have a socket of their own;
 * @twin_fd: which of the reply's descriptors it is, -1 if the JSON omits it
 * @write_multiple: whether REGION_WRITE_MULTI is supported
 * @vfmig: version of our extension (docs/vfio-user.md), 0 without it
 */
struct wire_caps {
	uint16_t major, minor;
	uint32_t max_msg_fds;
	uint32_t max_data_xfer_size;
	uint32_t max_dma_maps;
	uint64_t pgsizes;
	uint64_t migration_pgsize;
	uint64_t max_bitmap_size;
	bool twin_socket;
	int twin_fd;
	bool write_multiple;
	uint32_t vfmig;
};

/* The capabilities of this library, in either role. */
void wire_caps_ours(struct wire_caps *caps);

/* A VERSION payload with these capabilities, malloc()ed; NULL without memory. */
void *wire_caps_encode(const struct wire_caps *caps, size_t *len);

/* Refuses JSON that is malformed or has values of the wrong kind; unknown members are skipped. */
int wire_caps_decode(const void *payload, size_t len, struct wire_caps *caps,
		     struct vfmig_error *err);

#endif
