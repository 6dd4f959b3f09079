/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A server with the habits of the one in the field, and of one that reads the specification another way: in a
 * thread, on a raw socket. What would have crashed or wedged it is noted in @crash, and ends the connection.
 */
#ifndef VFMIG_TESTS_VFIO_USER_QUIRK_H
#define VFMIG_TESTS_VFIO_USER_QUIRK_H

#include <pthread.h>
#include <stdatomic.h>

#include "tests/vfio-user/raw.h"

#define QUIRK_REGIONS  16u
#define QUIRK_DOORBELL 0x1000u /* region 0: a write of struct quirk_dma does it */
#define QUIRK_VECTORS  8u

struct quirk_dma {
	uint64_t iova, len;
};

struct quirk_region {
	uint64_t iova, size;
	uint8_t *memory; /* NULL: by message */
	uint8_t *bitmap;
};

struct quirk {
	int fd, twin;
	pthread_t thread;
	char crash[128];

	/* how it is, before quirk_start(): */
	bool twin_offered;
	bool early;	      /* of the time before features: it has DIRTY_PAGES */
	bool mute;	      /* or has it not, either */
	bool no_dma;	      /* it has never set DMA up */
	bool old;	      /* it speaks version 0.0, and does not skip what it does not know */
	bool says_p2p;	      /* a server that claims what it has not */
	bool short_ends;      /* a short piece is the last; asking on is an error */
	size_t piece;	      /* most in one piece; 0: as much as is asked for */
	bool resets_properly; /* reset is possible in all states, and leads to RUNNING */

	/* what it is in */
	uint32_t state;
	bool ended;
	uint64_t log_page; /* 0: not logging; survives its clients */
	struct quirk_region regions[QUIRK_REGIONS];
	unsigned nregions;
	int irqs[QUIRK_VECTORS];
	uint8_t *data;
	size_t data_len, data_at;
	bool loaded;
	atomic_uint resets, unmaps, starts, asked_early;
	atomic_bool ran_loaded; /* it ran with what it was loaded with, before a reset */
};

/* Make one, with a socket for its client. */
int quirk_new(struct quirk *q);
void quirk_start(struct quirk *q);
/* After the client has gone. */
void quirk_end(struct quirk *q);

#endif
