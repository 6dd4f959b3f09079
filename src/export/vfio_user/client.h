/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A client, from its connection to its end.
 */
#ifndef EXPORT_VFIO_USER_CLIENT_H
#define EXPORT_VFIO_USER_CLIENT_H

#include <vfmig/type1.h>

#include "wire/version.h"
#include "wire/wire.h"

struct export_command;

/* The most commands, and bytes in them, that may wait. The server closes the connection of a client that sends more. */
#define EXPORT_QUEUE	   1024u
#define EXPORT_QUEUE_BYTES (64u << 20)
/*
 * Above this the server stops receiving until it has done some commands, or sent some replies. The commands of one more
 * receive must still fit.
 */
#define EXPORT_ENOUGH	    512u
#define EXPORT_ENOUGH_BYTES (8u << 20)
_Static_assert(EXPORT_ENOUGH + WIRE_BUFFER / ABI_MSG_HEADER_SIZE < EXPORT_QUEUE, "a place");
/* Requests for migration data in flight on the device. */
#define EXPORT_PIECES 16u
/* DMA messages in flight for one access. */
#define EXPORT_DMA_PIECES 16u

struct export_dma; /* remote.c */

struct export_client {
	struct wire wire; /* first, so that a pointer to it is one to the client */
	struct vfmig_export *server;
	bool agreed;
	bool welcomed;		   /* export_welcome() was called */
	struct wire_caps caps;	   /* the client's */
	uint32_t xfer;		   /* bytes of data per message to the client */
	uint64_t irqs_used;	   /* bit: index */
	bool logging;		   /* by DMA_LOGGING_START */
	struct vfmig_type1 *type1; /* logging by DIRTY_PAGES; NULL if off */
	bool sleeps;		   /* the client has allowed low power */

	struct wire_msg *first, **last; /* commands that wait for their turn */
	unsigned count;
	size_t bytes;
	struct export_command *running, **running_last;
	unsigned nrunning;
	uint64_t serial, checked; /* of the last command, now and at the last export_hurry() */
	unsigned nlent;		  /* operations with the device's zero-copy buffers */
	struct export_command *unused;
	void *zeros; /* a bitmap of so many bytes, for the next report */
	size_t zeros_len;
	bool many_runs; /* the last report exceeded its capacity for runs */
	pthread_cond_t
		changed; /* an operation has finished, a DMA answer is there, or a poll is over */

	struct export_dma *dma_unused;
	unsigned dma_waits; /* a thread waits for DMA behind commands: all messages are received */
	bool dma_led;	    /* a thread polls for the answers */
	bool dma_polls;	    /* at this moment */
	int dma_wake;
};

/* ---- client.c ---- */

/* A client has connected; takes ownership of @fd. */
int export_client_new(struct vfmig_export *server, int fd, struct vfmig_error *err);
/* After VERSION: a device that ran for the last client may run again. Called without the lock. */
void export_welcome(struct export_client *client);
/* The connection is closed: undo what the client did. */
void export_client_gone(struct vfmig_export *server);

/* ---- version.c ---- */

/* VERSION, the first command. Called with the lock held; false: close the connection. */
bool export_agree(struct export_client *client, struct wire_msg *msg);

/* ---- command.c ---- */

/* Queue a command that was received. Called with the lock held. */
int export_queue(struct export_client *client, struct wire_msg *msg);
/* Begin the commands that can begin, and send the replies that are ready. Called without the lock. False: the connection is lost. */
bool export_advance(struct export_client *client);
/* Cancel all commands of a client that is gone. Called without the lock. */
void export_take_back(struct export_client *client);
/* Cancel commands that have run for longer than the time limit of the device. */
void export_hurry(struct export_client *client);
/* Free the unused commands. */
void export_ops_free(struct export_client *client);

#endif
