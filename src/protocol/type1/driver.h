/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of a type1 container share.
 */
#ifndef TYPE1_DRIVER_H
#define TYPE1_DRIVER_H

#include <pthread.h>

#include <vfmig/type1.h>

#include "abi/type1.h"
#include "device/space.h"
#include "dirty/map.h"

/*
 * @lock: one change or question at a time, so that what is asked of the maps still holds when it is acted on; held
 *	over requests to devices, never over a callback of the user's
 * @cursor: what was written and not told yet; NULL while nothing is logged
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

/* What of a space concerns [iova, last]: the maps that touch it. */
struct type1_look {
	uint64_t iova, last;
	uint64_t covered;    /* their bytes; modulo 2^64 */
	uint64_t largest;    /* pages of the largest */
	bool touches;	     /* there is one */
	bool cut;	     /* the range holds a part of one */
	uint64_t start, end; /* of the first, and of the last */
};
void type1_get_state(struct vfmig_type1 *t, struct type1_look *look);

/*
 * Where written pages are put: a bitmap at an address of the user's. The plain functions have the user in this
 * process, whatever the options say.
 */
struct type1_sink {
	const struct vfmig_type1_user *user; /* NULL: memory of this process */
	uint64_t data;
};

/* Map, without and with the user's callback. */
int type1_do_map(struct vfmig_type1 *t, const struct vfmig_map *map, bool ask,
		 struct vfmig_error *err);
/* sink: NULL for none. The numbers have been checked. */
int type1_do_unmap(struct vfmig_type1 *t, uint64_t iova, uint64_t *size,
		   const struct type1_sink *sink, struct vfmig_error *err);
int type1_do_dirty(struct vfmig_type1 *t, uint64_t iova, uint64_t size,
		   const struct type1_sink *sink, struct vfmig_error *err);

#endif
