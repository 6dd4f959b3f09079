/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A list of the requests that a test's device or session holds, in order. No lock of its own.
 */
#ifndef TESTS_REQUESTS_H
#define TESTS_REQUESTS_H

#include <stdlib.h>
#include <string.h>

#include <vfmig/device.h>

#define REQUESTS_MAX 256

struct request_list {
	struct vfmig_request *first; /* NULL: it is empty */
	struct vfmig_request *request[REQUESTS_MAX];
	unsigned count;
};

static inline void request_push(struct request_list *list, struct vfmig_request *request)
{
	if (list->count == REQUESTS_MAX)
		abort();
	list->request[list->count++] = request;
	list->first = list->request[0];
}

static inline bool request_remove(struct request_list *list, const struct vfmig_request *request)
{
	unsigned at = 0;

	while (at < list->count && list->request[at] != request)
		at++;
	if (at == list->count)
		return false;
	list->count--;
	memmove(&list->request[at], &list->request[at + 1],
		(list->count - at) * sizeof(list->request[0]));
	list->first = list->count ? list->request[0] : NULL;
	return true;
}

static inline struct vfmig_request *request_shift(struct request_list *list)
{
	struct vfmig_request *first = list->first;

	if (first)
		request_remove(list, first);
	return first;
}

#endif
