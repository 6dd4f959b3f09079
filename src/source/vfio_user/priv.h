/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The inside of the vfio-user source: a client.
 *
 * A request becomes a job, and a job takes steps: a question each (job.c). Most take one; what the
 * server takes only in pieces, or only in some order, takes several. A step that is answered is looked
 * at by one thread at a time, in the order of the answers, without a lock, and may have the job take more.
 *
 * A server that offers our extension is taken at its word. To all others ("plain") nothing is sent
 * that is known to crash or wedge the server that is in the field (docs/vfio-user.md lists what that is).
 */
#ifndef SOURCE_VFIO_USER_PRIV_H
#define SOURCE_VFIO_USER_PRIV_H

#include <stdatomic.h>
#include <sys/epoll.h>

#include <vfmig/space.h>

#include "abi/feature.h"
#include "device/device.h"
#include "dirty/map.h"
#include "source/vfio_user.h"
#include "wire/version.h"
#include "wire/wire.h"

/* Questions under way, and bytes in them; what is beyond waits. */
#define VFIO_USER_WINDOW       256u
#define VFIO_USER_WINDOW_BYTES (16u << 20)
/* A server that takes less data in a message is refused: a request would take too many of them. */
#define VFIO_USER_XFER_MIN 256u
/* The largest data in one message to a server that takes what one receive brings for the whole. */
#define VFIO_USER_PLAIN_PIECE (32u << 10)
/*
 * Limit of the server's commands that wait to be served, or whose answers it does not read; above
 * it, the connection ends.
 */
#define VFIO_USER_COMMANDS	 1024u
#define VFIO_USER_COMMANDS_BYTES (64u << 20)
/* Descriptors in the epoll, besides the ends of the wire. */
enum { VFIO_USER_GONE = WIRE_ENDS, VFIO_USER_WAKE };
#define VFIO_USER_EVENTS 4

/* A region or feature has no more to say of itself than this. */
#define VFIO_USER_INFO_MAX 65536u
/* A plain server's log has pages of this size, whatever size is requested. */
#define VFIO_USER_PLAIN_PAGE 4096u
/* And a reply by DIRTY_PAGES fits in a message. */
#define VFIO_USER_EARLY_BITMAP_MAX                                                                 \
	((1u << 20) - ABI_MSG_DIRTY_PAGES_SIZE - ABI_MSG_DIRTY_RANGE_SIZE)

struct vfio_user;
struct vfio_user_job;
struct serve; /* serve.c */

/*
 * One message of a job. @job is NULL after the job was cancelled.
 *
 * @answered: overrides the job's
 * @own: a buffer that is freed with the step
 * @a, @b, @fd: private to the job's type; @fd is closed with the step
 */
struct vfio_user_step {
	struct wire_ask ask;
	struct vfio_user_job *job;
	void (*answered)(struct vfio_user_job *job, struct vfio_user_step *step);
	struct vfio_user_step *next;   /* waiting to be sent, or to be looked at, or unused */
	struct vfio_user_step *sister; /* of the same job */
	size_t bytes;
	void *own;
	uint64_t a, b;
	int fd;
	bool in_window;
};

/*
 * @answered: processes an answered step; its error is in step->ask.error. When no step is left, the
 *	job ends
 * @error: the first failure
 * @result: the result if there was no failure
 * @ends: called instead of completing the request immediately
 */
struct vfio_user_job {
	struct vfio_user *client;
	struct vfmig_request *request;
	void (*answered)(struct vfio_user_job *job, struct vfio_user_step *step);
	void (*ends)(struct vfio_user_job *job);
	ssize_t result;
	int error;
	unsigned left; /* steps under way */
	struct vfio_user_step *steps;
	bool ordered, finished;
	bool quick;		      /* its @answered takes no lock, unless there is an error */
	struct vfio_user_step *spare; /* for its first question */
	struct vfio_user_job *next_unmapping;
	unsigned checked; /* how many use its request: its beginner, a looker at answers */
	int stage;
	uint64_t a;
	void *own;
	bool asks_other;    /* the device whose region is to be mapped, */
	struct inner other; /* by this */
	void (*other_back)(struct vfio_user_job *job);
	struct vfio_user_job *next, *prev;
	struct vfio_user_job *next_ordered;
};

/* A map of the space that the server has. */
struct vfio_user_map {
	struct vfmig_map map;
	bool by_fd;
	bool stale; /* it is gone from the space, and the server would not let go of it yet */
};

/* An answer that is kept, for a server that does not repeat it while its device is stopped. */
struct vfio_user_kept {
	enum vfmig_op op;
	uint32_t index;
	size_t len;
	struct vfio_user_kept *next;
	uint8_t bytes[];
};

struct vfio_user {
	struct vfmig_device device; /* the first */
	struct wire wire;
	int epoll, gone; /* gone: readable from the connection's end on */
	struct epoll_event events[VFIO_USER_EVENTS];
	bool waited; /* in the place of that, the answer was waited for and is there */
	int nevents; /* that were waited for, and are for process() */
	struct vfio_user_options options;
	struct wire_caps caps; /* the server's */
	bool plain;
	uint32_t xfer; /* bytes of data per message */
	uint32_t write_max;

	/* under the wire's lock: */
	struct vfio_user_job *jobs; /* all that have a request */
	struct vfio_user_job *unused_jobs;
	struct vfio_user_job *order, **order_last; /* data: completed in the order of submission */
	struct vfio_user_step *unused_steps;
	struct vfio_user_step *waiting, **waiting_last; /* for space in the window */
	struct vfio_user_step *answers, **answers_last; /* to be looked at */
	unsigned under_way;
	size_t under_way_bytes;
	bool looking; /* a thread looks at answers */
	pthread_cond_t looked;

	struct wire_msg *commands, **commands_last;
	unsigned ncommands;
	struct vfmig_space *space;
	unsigned serving;	  /* DMA of the server's that is being done */
	unsigned unsent;	  /* answers to it that are not sent */
	struct serve *at_regions; /* of that, what waits for another device */
	struct vfmig_request *detaching;
	struct vfio_user_job *unmapping; /* wait for the end of that */
	struct vfio_user_map *maps;
	size_t nmaps, room_maps;
	unsigned by_message; /* maps without a descriptor */

	enum vfmig_state state; /* the last that the server was seen in; */
	bool state_known;	/* if it was */
	bool loaded;		/* since it last ran, it was RESUMING, or may have been */
	bool short_read;	/* the last piece of data was shorter than it might have been */

	bool log_on;		 /* logging was requested, */
	bool log_sent;		 /* and the server has started it */
	bool log_failed;	 /* starting it failed */
	atomic_bool early;	 /* it has DIRTY_PAGES in the place of DMA logging; */
	atomic_bool early_known; /* and has shown it */
	atomic_bool early_tried; /* whether it has was asked */
	struct vfmig_dirty *extra;
	struct vfio_user_kept *kept;
	int nowhere; /* an eventfd without a reader */
};

/* ---- job.c ---- */

static inline uint8_t *vfio_user_fixed(struct vfio_user_step *step)
{
	return step->ask.out.head + ABI_MSG_HEADER_SIZE;
}
#define VFIO_USER_FIXED_ROOM (WIRE_HEAD - ABI_MSG_HEADER_SIZE)

/* A job for a request; if there is no memory, the request is done with that, and NULL. */
struct vfio_user_job *vfio_user_job(struct vfio_user *client, struct vfmig_request *request,
				    void (*answered)(struct vfio_user_job *job,
						     struct vfio_user_step *step));
/* A step for a job, or NULL: then the job has failed. */
struct vfio_user_step *vfio_user_step(struct vfio_user_job *job);
/*
 * Ask. A job is held, and can neither end nor be taken back, from its beginning until vfio_user_let_go(), and while a
 * step of it is looked at.
 */
void vfio_user_send(struct vfio_user_step *step, uint16_t cmd, size_t fixed);
void vfio_user_let_go(struct vfio_user_job *job);
/* Both, where it is the only question: a register is read with the lock taken once. */
void vfio_user_send_last(struct vfio_user_step *step, uint16_t cmd, size_t fixed);
/* Drop a step without sending it. */
void vfio_user_drop(struct vfio_user_step *step);
/* Note a failure, if it is the first. */
void vfio_user_fail(struct vfio_user_job *job, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Note that the server refused, in the words of the operation. */
void vfio_user_refused(struct vfio_user_job *job, const struct vfio_user_step *step,
		       const char *what);
/* Look at what is answered. Without the lock; and with it, which is let go for each. */
void vfio_user_look(struct vfio_user *client);
void vfio_user_look_locked(struct vfio_user *client);
void vfio_user_answer(struct vfio_user *client, struct wire_ask *ask);
void vfio_user_jobs_free(struct vfio_user *client);
/* For the two files: parts of a job's end. Under the lock. */
void vfio_user_step_free(struct vfio_user *client, struct vfio_user_step *step);
void vfio_user_unlink(struct vfio_user *client, struct vfio_user_job *job);
void vfio_user_unlink_step(struct vfio_user_step *step);
void vfio_user_finish(struct vfio_user *client, struct vfio_user_job *job);

/* ---- cancel.c ---- */

bool vfio_user_cancel(struct vfmig_device *device, struct vfmig_request *request);
/*
 * Submit a request to another device (job->other.request, filled in; its other fields are zero).
 * @back is called like a step's, unless the job was cancelled.
 */
void vfio_user_ask_other(struct vfio_user_job *job, struct vfmig_device *device,
			 void (*back)(struct vfio_user_job *job));

/* ---- the operations ---- */

void vfio_user_info(struct vfio_user *client, struct vfmig_request *request);	   /* info.c */
void vfio_user_region_fd(struct vfio_user *client, struct vfmig_request *request); /* info.c */
void vfio_user_kept_free(struct vfio_user *client);
void vfio_user_region(struct vfio_user *client, struct vfmig_request *request); /* data.c */
void vfio_user_irqs(struct vfio_user *client, struct vfmig_request *request);	/* data.c */
void vfio_user_data(struct vfio_user *client, struct vfmig_request *request);	/* data.c */
void vfio_user_feature(struct vfio_user *client, struct vfmig_request *request);
void vfio_user_precopy(struct vfio_user *client, struct vfmig_request *request);
void vfio_user_reset(struct vfio_user *client, struct vfmig_request *request);
void vfio_user_log_start(struct vfio_user *client, struct vfmig_request *request);
void vfio_user_log_stop(struct vfio_user *client, struct vfmig_request *request);
void vfio_user_log_report(struct vfio_user *client, struct vfmig_request *request);
void vfio_user_attach(struct vfio_user *client, struct vfmig_request *request);
void vfio_user_detach(struct vfio_user *client, struct vfmig_request *request);
void vfio_user_map(struct vfio_user *client, struct vfmig_request *request);
void vfio_user_unmap(struct vfio_user *client, struct vfmig_request *request);

/* ---- what they have in common ---- */

/* A FEATURE question: @size bytes of payload in the fixed part, the same back. */
void vfio_user_ask_feature(struct vfio_user_step *step, uint32_t flags, const void *payload,
			   size_t size);
/* The state of a MIG_STATE reply. */
const char *vfio_user_state(const struct vfio_user_step *step, uint32_t *state);
/*
 * Record a state that was reached, or requested and not reached (@known false). Called with the
 * lock held.
 */
void vfio_user_note_state(struct vfio_user *client, bool known, uint32_t state);
/* The server is known to be in pre-copy. Under the lock. */
bool vfio_user_in_precopy(const struct vfio_user *client);
/* Have a job start the log, now that there is a map. Plain servers. */
void vfio_user_log_first(struct vfio_user_job *job);
/* Try again to have the server let go of what it would not. */
void vfio_user_drop_stale(struct vfio_user_job *job);

/* ---- early.c: servers that have DIRTY_PAGES ---- */

/* Is it worth trying? Once; then it counts as one of them, until it has refused. */
bool vfio_user_early_try(struct vfio_user *client);
/* START or STOP. */
void vfio_user_early_send(struct vfio_user_job *job, uint32_t flags,
			  void (*answered)(struct vfio_user_job *job, struct vfio_user_step *step));
/*
 * Request a region's bitmap, with a step that has space for it; and check whether the answer is
 * that bitmap.
 */
void vfio_user_early_report(struct vfio_user_step *step, uint64_t iova, uint64_t size,
			    uint64_t bytes);
const char *vfio_user_early_reported(const struct vfio_user_step *step, uint64_t iova,
				     uint64_t size);
/* A probe of @feature was refused: it may be there all the same, which this finds out. */
bool vfio_user_early_probe(struct vfio_user_job *job, uint32_t feature);

/* ---- serve.c: DMA by message ---- */

int vfio_user_command(struct vfio_user *client, struct wire_msg *msg);
void vfio_user_serve(struct vfio_user *client);
/* The connection is gone: free what waits. Under the lock, which is let go in between. */
void vfio_user_serve_free(struct vfio_user *client);

#endif
