/* SPDX-License-Identifier: BSD-3-Clause */
/* The inside of the filter `mediate`; mediate.c describes how it works. */
#ifndef FILTER_MEDIATE_H
#define FILTER_MEDIATE_H

#include <vfmig/mediator.h>
#include <vfmig/options.h>
#include <vfmig/space.h>

#include "device/filter.h"
#include "device/page_log.h"
#include "device/worker.h"
#include "protocol/expose.h"

/* The most regions that a mediator sees, and the most mediators that are tried on a device. */
#define MEDIATE_REGIONS	      256u
#define MEDIATE_MEDIATORS_MAX 16u

/* No access to a watched region is larger. */
#define MEDIATE_ACCESS_MAX (64u << 20)

/* The most pieces of memory that a mediator gets. */
#define MEDIATE_PIECES 16u

/* How long a mediator may take to look at a device, in its child process. */
#define MEDIATE_PROBE_MS 10000

/*
 * @ops: the mediator's, with NULL for operations that its version does not have; @self is its own
 *	data
 * @object: the shared object, or NULL
 * @about, @seen: the description of the device that it got, and the device's own regions
 * @region: the regions as the user sees them; @regions of them, the migration region included
 * @may_ask: the mediator may call the host's functions
 *
 * @space: the space that the device inside is attached to, or NULL: @own, or the user's
 * @own: with VFMIG_MEDIATOR_CAP_MEMORY, a space for the device inside, which has the user's maps and the mediator's
 * @piece: its memory; @next_iova is the address of the next piece
 */
struct mediate {
	struct vfmig_device device; /* first */
	struct vfmig_mediator ops;
	void *object;
	void *self;
	uint64_t caps;
	struct vfmig_mediator_device about;
	struct vfmig_mediator_region *seen, *region;
	uint32_t regions;
	struct vfmig_mediator_host host;
	bool may_ask;

	struct worker worker;

	struct vfmig_space *space, *own;
	struct {
		void *ptr;
		uint64_t size;
		int fd;
	} piece[MEDIATE_PIECES];
	unsigned pieces;
	uint64_t memory, next_iova;

	struct page_log log;
	struct expose logging; /* exposes it as DMA logging */
};

/*
 * Put a mediator around a device, without a shared object and without a child process: @mediator is in this one.
 * As a filter kind's open.
 */
int mediate_with(struct vfmig_device *inner, const struct vfmig_mediator *mediator,
		 const char *argument, struct vfmig_device **device, struct vfmig_error *err);

/* ---- load.c: from a path, or a table, to a mediator that has taken the device ---- */

/* 0, -ENODEV if the mediator refuses the device (nothing is open then), or another errno. */
int mediate_load(struct mediate *m, const char *path, struct vfmig_error *err);
int mediate_take(struct mediate *m, const struct vfmig_mediator *ops, struct vfmig_error *err);
void mediate_unload(struct mediate *m);

/* ---- probe.c ---- */

/*
 * Call a function in a child process first: returns its result there, or an error if the child did
 * not return.
 */
int mediate_probe(int (*fn)(void *context, struct vfmig_error *err), void *context,
		  struct vfmig_error *err);

/* ---- regions.c ---- */

/* What the device is, for the mediator. */
int mediate_look(struct mediate *m, struct vfmig_device *inner, struct vfmig_error *err);
/* Have the mediator say how the regions are seen, and check it. */
int mediate_ask(struct mediate *m, struct vfmig_error *err);
/* Answer REGION_INFO of the migration region. */
void mediate_own_info(struct mediate *m, struct vfmig_request *request);
/* Why an access to a region does not get as far as the mediator, or NULL. */
const char *mediate_bad_access(const struct vfmig_mediator_region *region,
			       const struct vfmig_request *request);

/* ---- jobs.c: what goes through the mediator's thread ---- */

void mediate_put(struct mediate *m, struct vfmig_request *request);

/* ---- work.c: what the thread does with a request, which is a copy with buffers of its own ---- */

ssize_t mediate_work(struct vfmig_device *device, struct vfmig_request *request);
/* What an operation of the mediator's returned, as a result: negative, 0, or VFMIG_MEDIATOR_PASS. */
int mediate_answer(const struct mediate *m, const char *what, int ret, int most,
		   struct vfmig_error *err);

/* ---- host.c ---- */

void mediate_host_init(struct mediate *m);
void mediate_host_fini(struct mediate *m);

static inline bool mediate_is_migration(const struct mediate *m, uint32_t index)
{
	return (m->caps & VFMIG_MEDIATOR_CAP_MIGRATION) && index == m->about.migration_index;
}

#endif
