/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A server with the habits of the one in the field, and of one that reads the specification another way: in a
 * thread, on a raw socket. What would have crashed or wedged it is noted in @crash, and ends the connection.
 */
#ifndef TESTS_LIB_MISBEHAVING_SERVER_H
#define TESTS_LIB_MISBEHAVING_SERVER_H

#include <pthread.h>
#include <stdatomic.h>

#include "tests/lib/raw_messages.h"

#define MISBEHAVING_REGIONS  16u
#define MISBEHAVING_DOORBELL 0x1000u /* region 0: a write of struct misbehaving_dma does it */
#define MISBEHAVING_VECTORS  8u

struct misbehaving_dma {
	uint64_t iova, len;
};

struct misbehaving_region {
	uint64_t iova, size;
	uint8_t *memory; /* NULL: by message */
	uint8_t *bitmap;
};

struct misbehaving_server {
	int fd, twin;
	pthread_t thread;
	char crash[128];

	/* how it is, before misbehaving_start(): */
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
	struct misbehaving_region regions[MISBEHAVING_REGIONS];
	unsigned nregions;
	int irqs[MISBEHAVING_VECTORS];
	uint8_t *data;
	size_t data_len, data_at;
	bool loaded;
	atomic_uint resets, unmaps, starts, asked_early;
	atomic_bool ran_loaded; /* it ran with what it was loaded with, before a reset */
};

/* Make one, with a socket for its client. */
int misbehaving_new(struct misbehaving_server *q);
void misbehaving_start(struct misbehaving_server *q);
/* After the client has gone. */
void misbehaving_end(struct misbehaving_server *q);

#endif
