/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Shared by the files of a type1 container.
 */
#ifndef TYPE1_DRIVER_H
#define TYPE1_DRIVER_H

#include <pthread.h>

#include <vfmig/type1.h>

#include "abi/type1.h"
#include "device/space.h"
#include "dirty/map.h"

/*
 * @lock: one change or query at a time, so that what is read of the maps still holds when
 *	it is used; held over requests to devices, never over a callback of the user's
 * @cursor: what was written and not reported yet; NULL while logging is off
 */
struct vfmig_type1 {
	struct vfmig_space *space;
	struct vfmig_type1_user user;
	struct vfmig_type1_iova_range *ranges;
	uint32_t range_count;
	uint32_t dma_limit;
	bool v1;
	pthread_mutex_t lock;
	struct vfmig_cursor *cursor;
};

/* The maps of a space that touch [iova, last]. */
struct type1_look {
	uint64_t iova, last;
	uint64_t covered;    /* their bytes; modulo 2^64 */
	uint64_t largest;    /* pages of the largest */
	bool touches;	     /* a map touches it */
	bool cut;	     /* the range holds a part of one */
	uint64_t start, end; /* of the first, and of the last */
};
void type1_get_state(struct vfmig_type1 *t, struct type1_look *look);

/*
 * The destination of written pages: a bitmap at an address of the user's. For the plain functions
 * the user is this process, whatever the options are.
 */
struct type1_sink {
	const struct vfmig_type1_user *user; /* NULL: memory of this process */
	uint64_t data;
};

/* Map, without and with the user's callback. */
int type1_do_map(struct vfmig_type1 *t, const struct vfmig_map *map, bool ask,
		 struct vfmig_error *err);
/* sink: may be NULL. The caller has checked the numbers. */
int type1_do_unmap(struct vfmig_type1 *t, uint64_t iova, uint64_t *size,
		   const struct type1_sink *sink, struct vfmig_error *err);
int type1_do_dirty(struct vfmig_type1 *t, uint64_t iova, uint64_t size,
		   const struct type1_sink *sink, struct vfmig_error *err);

#endif
