/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A vfio-user connection, as both ends have it: messages with descriptors over one socket or two.
 *
 * What a connection does for its owner (a server or a client):
 *
 * - Sending never waits. A message goes out immediately if the socket takes it. The rest of it
 *   stays in a queue until the socket has space. So two ends never block in a write at each other. The
 *   payload is not copied: the sender keeps it in place until it is sent.
 * - Receiving never waits. One system call takes many small messages. The payload of a large one is
 *   received straight into its destination, which for a reply is the requester's buffer.
 * - Commands without a reply yet are in a table; the table index is in the message's id. These
 *   replies end the connection: one without a command, one that is larger than allowed, and one
 *   that arrives before its command was sent.
 * - Descriptors belong to the message with which they came, or are closed.
 *
 * Except for the conventions of replies, the connection does not interpret messages.
 *
 * One lock guards all of it. Every function here is called with the lock held unless its comment
 * differs. The owner's callbacks are called with the lock held, too, and therefore must be short.
 */
#ifndef WIRE_WIRE_H
#define WIRE_WIRE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <vfmig/device.h>
#include <vfmig/error.h>

#include "abi/vfio_user.h"

#define WIRE_ASKS	1024u		    /* commands pending at a time */
#define WIRE_FDS	ABI_MSG_MSG_FDS_MAX /* descriptors that one command may bring */
#define WIRE_REPLY_FDS	8u		    /* and one reply */
#define WIRE_HEAD	64u		    /* header and fixed part of any message fit */
#define WIRE_PIECES	16u		    /* the most pieces of a body */
#define WIRE_SMALL	256u		    /* a payload up to this needs no buffer of its own */
#define WIRE_BUFFER	4096u		    /* what is received ahead */
#define WIRE_KEEP_SMALL 64u		    /* messages kept for the next use */
#define WIRE_KEEP_LARGE 16u		    /* of those with large buffers */

/* The largest accepted command: the negotiated data limit, and its fixed part. */
#define WIRE_COMMAND_MAX(xfer) (WIRE_HEAD + (xfer))

enum wire_end { WIRE_MAIN, WIRE_TWIN, WIRE_ENDS };

struct wire;

/*
 * A message to send. It is part of a structure of the owner, which must not change it while
 * @queued.
 *
 * @head, @head_len: header and fixed part
 * @body, @body_len: the rest, borrowed until it is sent; NULL if there is none
 * @pieces, @npieces: @body_len bytes in pieces, in the place of @body; for replies
 * @files: NULL, or for each piece the file that it is mapped from: its pages are sent, and
 *	not a copy
 * @fds, @nfds: borrowed until the first byte is sent
 * @sent: called when the message is sent, or never will be; may be NULL
 * @own: a copy of @body that is freed here
 */
struct wire_out {
	uint8_t head[WIRE_HEAD];
	size_t head_len;
	const void *body;
	size_t body_len;
	const struct iovec *pieces;
	const struct vfmig_lent_file *files;
	unsigned npieces;
	const int *fds;
	unsigned nfds;
	void (*sent)(struct wire *wire, struct wire_out *out);

	struct wire_out *next;
	size_t done;
	void *own;
	bool queued;
};

/*
 * A command and its reply. Part of a structure of the owner.
 *
 * @out: the message; wire_send_command() writes its header
 * @fixed: how many bytes of the reply's payload go to @reply
 * @data, @data_max: where the other bytes go, and their limit
 * @slack: how many bytes more are tolerated, and discarded
 * @error: 0, or the negative errno of an error reply or of the connection's end
 * @reply, @reply_len: the fixed part of the reply, and its real length
 * @data_len: how many bytes went to @data
 * @fds, @nfds: the reply's descriptors; the owner closes them or clears @nfds
 */
struct wire_ask {
	struct wire_out out;
	uint32_t fixed;
	void *data;
	size_t data_max;
	size_t slack;

	int error;
	uint8_t reply[WIRE_HEAD];
	size_t reply_len;
	size_t data_len;
	int fds[WIRE_REPLY_FDS];
	unsigned nfds;

	uint16_t id, cmd;
	enum wire_end end;
	uint64_t npages; /* @npages of the socket when it was sent; UINT64_MAX: it was queued */
	bool pending;	 /* in the table */
	bool abandoned;	 /* the owner does not need the reply any more */
	struct wire_ask *next;
};

/*
 * A received command. @payload has @len bytes; the owner now owns @fds. The owner returns it with
 * wire_msg_free(), which closes the descriptors left in @fds (to keep one, set its entry to -1).
 */
struct wire_msg {
	struct vfmig_user_header header;
	enum wire_end end;
	uint8_t *payload;
	size_t len;
	int fds[WIRE_FDS];
	unsigned nfds;

	struct wire_msg *next;
	uint8_t *large; /* of @capacity bytes, or NULL */
	size_t capacity;
	_Alignas(16) uint8_t small[WIRE_SMALL];
};

struct wire_ops {
	/*
	 * A command has arrived. Not 0: it is refused (the message stays the wire's), and the
	 * connection ends.
	 */
	int (*command)(struct wire *wire, struct wire_msg *msg);
	/*
	 * A command has its reply (or @error is why it never will have one), and is out of the
	 * table.
	 */
	void (*reply)(struct wire *wire, struct wire_ask *ask);
};

/* One socket. Bytes that were received and not parsed yet are in buffer[at, have). */
struct wire_socket {
	int fd;
	uint8_t buffer[WIRE_BUFFER];
	size_t at, have;
	bool body; /* the header is there, the payload is coming */
	struct vfmig_user_header header;
	size_t len, got; /* of the payload */
	uint64_t whole;	 /* messages received completely */
	struct wire_ask *ask;
	struct wire_msg *msg;
	int fds[WIRE_FDS]; /* of the current message */
	unsigned nfds;
	int late[WIRE_FDS]; /* arrived with the last byte received */
	unsigned nlate;

	struct wire_out *first, **last;
	size_t queued; /* bytes */
	bool reads, writes;
	bool drains;	  /* the owner waits until the peer has taken everything */
	bool pages;	  /* pages of files were sent, and the peer may not have taken them yet */
	uint64_t npages;  /* number of such sends */
	int flags;	  /* of the open socket */
	bool sends_pages; /* file pages in place of copies, if possible */
	bool waits;	  /* a receive may wait, for a short time */
	bool broken;	  /* nothing more can be sent */
};

struct wire {
	pthread_mutex_t lock;
	const struct wire_ops *ops;
	int epoll;
	uint32_t command_max; /* bytes of a whole command */
	struct wire_socket ends[WIRE_ENDS];

	struct wire_ask *asks[WIRE_ASKS];
	uint16_t turn[WIRE_ASKS];   /* the upper bits of the next id */
	uint16_t unused[WIRE_ASKS]; /* a stack of indexes */
	unsigned nunused;

	struct wire_msg *kept_small, *kept_large;
	unsigned nsmall, nlarge;
	uint8_t trash[WIRE_BUFFER];

	int lost; /* 0, or the negative errno with which it ended; @why is the message */
	struct vfmig_error why;
};

/*
 * wire_init() - a connection over a connected socket. Called without the lock, as is fini.
 * @fd: owned by the wire from now on, also on failure
 * @epoll: where the sockets are registered (data.u32 is the end); the owner's
 */
int wire_init(struct wire *wire, const struct wire_ops *ops, int fd, int epoll,
	      uint32_t command_max, struct vfmig_error *err);

/* Add the second socket, owned by the wire from now on. */
int wire_twin(struct wire *wire, int fd, struct vfmig_error *err);

/* Close and free everything; call wire_lose() first. */
void wire_fini(struct wire *wire);

/*
 * End the connection: each pending command gets its reply callback, with the error @code; each
 * unsent message its sent callback. Only the first end counts. Returns @code.
 */
int wire_lose(struct wire *wire, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- sending ---- */

/*
 * Send a message, now or when the socket has space. The sent callback may come before the return.
 */
void wire_send(struct wire *wire, enum wire_end end, struct wire_out *out);

/* The socket accepts data again. */
void wire_flush(struct wire *wire, enum wire_end end);

/*
 * Whether the system sends a file's pages in place of copies, without waiting for the peer to take
 * them.
 */
bool wire_sends_pages(void);

/*
 * wire_taken() - whether the peer has taken all pages that were sent in place of copies
 *
 * Until it has, a change to such a page changes the data that the peer gets. False: there will be
 * an event at this end when the peer has taken more.
 */
bool wire_taken(struct wire *wire, enum wire_end end);

/*
 * wire_send_command() - send a command
 * @ask: filled in; the header's place in @out.head is left free
 *
 * Return: 0, and the reply callback will come (before the return, if sending ends the connection);
 * -EBUSY if too many commands are pending, -ENOTCONN after the end: then nothing has happened.
 */
int wire_send_command(struct wire *wire, enum wire_end end, uint16_t cmd, struct wire_ask *ask);

/*
 * wire_abandon() - drop a command whose reply is not needed any more
 *
 * Its body and data are not touched after this. Return: true if it is gone: it was never sent.
 * False: the reply callback will come, with @abandoned set.
 */
bool wire_abandon(struct wire *wire, struct wire_ask *ask);

/* Write the header of a reply in front of what is in out->head from ABI_MSG_HEADER_SIZE on. */
void wire_reply_header(struct wire_out *out, const struct vfmig_user_header *command, int error);

/* ---- receiving ---- */

/*
 * wire_recv() - receive what has arrived, and pass it to the owner
 *
 * Return: true if there may be more; false if there is not, or the connection is lost.
 */
bool wire_recv(struct wire *wire, enum wire_end end);

/*
 * wire_wait() - wait for data at one end, in the receive itself
 *
 * It waits a few milliseconds at most, with the lock dropped. It spares the poll before a receive,
 * if the caller has nothing else to wait for that cannot wait so long. Only the thread that
 * receives may call it, and no other thread may receive meanwhile.
 *
 * Return: true if data arrived, or the connection is lost; false if not, or this end does not
 * support it now.
 */
bool wire_wait(struct wire *wire, enum wire_end end);

/* Set whether an end is polled for reading; an owner with too much work stops it for a while. */
void wire_reads(struct wire *wire, enum wire_end end, bool reads);

/* A message with space for @len bytes of payload; NULL without memory. */
struct wire_msg *wire_msg_new(struct wire *wire, size_t len);
void wire_msg_free(struct wire *wire, struct wire_msg *msg);

/* Close descriptors, and set their number to 0. */
void wire_close_fds(int *fds, unsigned *count);

/* For the wire's own files: remove a command from the table. */
void wire_forget(struct wire *wire, struct wire_ask *ask);

#endif
