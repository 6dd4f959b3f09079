/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A vfio-user connection, as both ends have it: messages with descriptors over one socket or two.
 *
 * What a connection does for its owner (a server or a client):
 *
 *  - Sending never waits. A message goes out at once if the socket takes it; what it does not take stays in
 *    a queue, and goes when there is room. So two ends never block in a write at each other. The payload
 *    is not copied: whoever sends keeps it in place until it is sent.
 *  - Receiving never waits. Small messages come many to a system call; the payload of a large one is received
 *    straight into where it belongs, which for a reply is the buffer of who asked.
 *  - What was asked and not answered yet is in a table; its index is in the message's id. A reply to
 *    what was not asked, one that is larger than was asked for, or one that comes before the question was
 *    sent, ends the connection.
 *  - Descriptors belong to the message with which they came, or are closed.
 *
 * The connection knows nothing of what messages mean, but for the conventions of replies.
 *
 * One lock guards all of it. Every function here is called with it held unless it says otherwise, and so are
 * the owner's callbacks, which therefore do little.
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

#define WIRE_ASKS	1024u		    /* questions under way at a time */
#define WIRE_FDS	ABI_MSG_MSG_FDS_MAX /* descriptors that one command may bring */
#define WIRE_REPLY_FDS	8u		    /* and one reply */
#define WIRE_HEAD	64u		    /* header and fixed part of any message fit */
#define WIRE_PIECES	16u		    /* in which a body may be */
#define WIRE_SMALL	256u		    /* a payload up to this needs no buffer of its own */
#define WIRE_BUFFER	4096u		    /* what is received ahead */
#define WIRE_KEEP_SMALL 64u		    /* messages kept for the next use */
#define WIRE_KEEP_LARGE 16u		    /* of those with large buffers */

/* The largest command that is taken: the most data that was agreed, and its fixed part. */
#define WIRE_COMMAND_MAX(xfer) (WIRE_HEAD + (xfer))

enum wire_end { WIRE_MAIN, WIRE_TWIN, WIRE_ENDS };

struct wire;

/*
 * A message on its way out. Part of something of the owner's, who leaves it alone while @queued.
 *
 * @head, @head_len: header and fixed part
 * @body, @body_len: the rest, borrowed until it is sent; NULL for none
 * @pieces, @npieces: @body_len bytes in pieces, in the place of @body; for replies
 * @files: NULL, or of each piece the file that it is mapped from: its pages are sent, and not a copy
 * @fds, @nfds: borrowed until the first byte is sent
 * @sent: it is on its way, or will never be; NULL if nobody cares
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
 * A question. Part of something of the owner's.
 *
 * @out: the message; wire_send_command() writes its header
 * @fixed: how many bytes of the reply's payload go to @reply
 * @data, @data_max: where the rest goes, and how much there may be of it
 * @slack: how much more is tolerated, and thrown away
 * @error: 0, or the negative errno of an error reply or of the connection's end
 * @reply, @reply_len: the fixed part of the reply, and its real length
 * @data_len: how much went to @data
 * @fds, @nfds: what came with it; the owner closes them or clears @nfds
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
	uint64_t npages; /* the socket's, when it was on its way; UINT64_MAX: it had to wait */
	bool pending;	 /* in the table */
	bool abandoned;	 /* nobody wants the reply any more */
	struct wire_ask *next;
};

/*
 * A command that came in. @payload of @len bytes; @fds are the owner's now. To be handed back with
 * wire_msg_free(), which closes what is left in @fds (take one by setting it to -1).
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
	/* A command is there. Not 0: it is not taken (the message stays the wire's), the connection ends. */
	int (*command)(struct wire *wire, struct wire_msg *msg);
	/* A question is answered (or @error says why it never will be) and out of the table. */
	void (*reply)(struct wire *wire, struct wire_ask *ask);
};

/* One socket. What is received and not looked at yet is in buffer[at, have). */
struct wire_socket {
	int fd;
	uint8_t buffer[WIRE_BUFFER];
	size_t at, have;
	bool body; /* the header is there, the payload is coming */
	struct vfmig_user_header header;
	size_t len, got; /* of the payload */
	uint64_t whole;	 /* messages that have come to their end */
	struct wire_ask *ask;
	struct wire_msg *msg;
	int fds[WIRE_FDS]; /* came with the message that is coming */
	unsigned nfds;
	int late[WIRE_FDS]; /* came with the last byte that was received */
	unsigned nlate;

	struct wire_out *first, **last;
	size_t queued; /* bytes */
	bool reads, writes;
	bool drains;	  /* somebody waits until the other side has taken all */
	bool pages;	  /* of files were sent, and may not have been taken yet */
	uint64_t npages;  /* how often */
	int flags;	  /* of the open socket */
	bool sends_pages; /* in the place of copies, if it can be */
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

	int lost; /* 0, or the negative errno with which it ended; @why is the sentence */
	struct vfmig_error why;
};

/*
 * wire_init() - a connection over a connected socket. Called without the lock, as is fini.
 * @fd: the wire's from now on, in any case
 * @epoll: where the sockets are registered (data.u32 is the end); the owner's
 */
int wire_init(struct wire *wire, const struct wire_ops *ops, int fd, int epoll,
	      uint32_t command_max, struct vfmig_error *err);

/* Give it its second socket, the wire's from now on. */
int wire_twin(struct wire *wire, int fd, struct vfmig_error *err);

/* Close and free what it has; wire_lose() came first. */
void wire_fini(struct wire *wire);

/*
 * End the connection: each question that is under way gets its reply callback, with the error @code; each
 * message that is not sent its sent callback. Only the first end counts. Returns @code.
 */
int wire_lose(struct wire *wire, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- sending ---- */

/* Send a message, now or when there is room. The sent callback may come before the return. */
void wire_send(struct wire *wire, enum wire_end end, struct wire_out *out);

/* The socket takes more again. */
void wire_flush(struct wire *wire, enum wire_end end);

/* Whether the system sends a file's pages in the place of copies, without waiting for whoever takes them. */
bool wire_sends_pages(void);

/*
 * wire_taken() - has the other side taken all pages that were sent in the place of copies?
 *
 * Until it has, what is changed there is changed in what it gets. False: there will be an event at this end when
 * it has taken more.
 */
bool wire_taken(struct wire *wire, enum wire_end end);

/*
 * wire_send_command() - ask
 * @ask: filled in; the header's place in @out.head is left free
 *
 * Return: 0, and the reply callback will come (before the return, if the connection ends over it); -EBUSY if
 * too much is under way, -ENOTCONN after the end: then nothing has happened.
 */
int wire_send_command(struct wire *wire, enum wire_end end, uint16_t cmd, struct wire_ask *ask);

/*
 * wire_abandon() - nobody wants the answer any more
 *
 * Its body and data are not touched after this. Return: true if all is over: it was never sent. False: the
 * reply callback will come, with @abandoned set.
 */
bool wire_abandon(struct wire *wire, struct wire_ask *ask);

/* Write the header of a reply in front of what is in out->head from ABI_MSG_HEADER_SIZE on. */
void wire_reply_header(struct wire_out *out, const struct vfmig_user_header *command, int error);

/* ---- receiving ---- */

/*
 * wire_recv() - take in what is there, and give it to the owner
 *
 * Return: true if there may be more; false if there is not, or the connection is lost.
 */
bool wire_recv(struct wire *wire, enum wire_end end);

/*
 * wire_wait() - wait for what comes at one end, in the receive itself
 *
 * For a few milliseconds, and with the lock let go. It spares the poll before a receive, where nothing else is waited for
 * that could not wait so long. Only who receives calls it, and nobody else receives meanwhile.
 *
 * Return: true if something came, or the connection is lost; false if not, or this end cannot do it now.
 */
bool wire_wait(struct wire *wire, enum wire_end end);

/* Whether an end is polled for reading; an owner with too much to do stops it for a while. */
void wire_reads(struct wire *wire, enum wire_end end, bool reads);

/* A message with room for @len bytes of payload; NULL without memory. */
struct wire_msg *wire_msg_new(struct wire *wire, size_t len);
void wire_msg_free(struct wire *wire, struct wire_msg *msg);

/* Close descriptors, and count them out. */
void wire_close_fds(int *fds, unsigned *count);

/* For the wire's own files: a question leaves the table. */
void wire_forget(struct wire *wire, struct wire_ask *ask);

#endif
