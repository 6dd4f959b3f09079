/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vfio-user's DIRTY_PAGES, from before it had DMA logging: type1's request with the bitmap in
 * line.
 *
 * START and STOP are the fixed part alone, and so is their reply. GET_BITMAP has a range behind
 * it, and the reply the bitmap behind that. argsz is the largest reply that the client accepts;
 * instead of a longer one the server sends the fixed part alone, with the argsz that is needed.
 */
#include "abi/type1.h"
#include "abi/feature.h"
#include "abi/le.h"
#include "abi/vfio_user.h"

_Static_assert(sizeof(struct vfmig_type1_dirty_pages) == ABI_MSG_DIRTY_PAGES_SIZE, "packed");
_Static_assert(sizeof(struct vfmig_user_dirty_range) == ABI_MSG_DIRTY_RANGE_SIZE, "packed");

size_t abi_msg_put_dirty_pages(void *buf, size_t cap, const struct vfmig_type1_dirty_pages *d,
			       const struct vfmig_user_dirty_range *range)
{
	size_t size = ABI_MSG_DIRTY_PAGES_SIZE + (range ? ABI_MSG_DIRTY_RANGE_SIZE : 0);

	if (cap < size)
		return 0;
	abi_pack(buf, cap, "44", d);
	if (range)
		abi_pack((uint8_t *)buf + ABI_MSG_DIRTY_PAGES_SIZE, ABI_MSG_DIRTY_RANGE_SIZE,
			 "8888", range);
	return size;
}

const char *abi_msg_get_dirty_pages(const void *buf, size_t len, uint64_t pgsize,
				    struct vfmig_type1_dirty_pages *d,
				    struct vfmig_user_dirty_range *range, uint64_t *reply)
{
	struct vfmig_type1_dirty_pages alone;
	struct vfmig_type1_dirty_get get;
	const char *why;

	memset(range, 0, sizeof(*range));
	*reply = ABI_MSG_DIRTY_PAGES_SIZE;
	if (!abi_unpack(buf, len, "44", d))
		return "DIRTY_PAGES needs 8 bytes";
	alone = *d;
	/* In this message it is not the request's. */
	if (alone.argsz >= ABI_MSG_DIRTY_PAGES_SIZE)
		alone.argsz = UINT32_MAX;
	why = abi_type1_check_dirty(&alone);
	if (why || d->flags != VFMIG_TYPE1_DIRTY_GET_BITMAP)
		return why;
	if (!abi_unpack((const uint8_t *)buf + ABI_MSG_DIRTY_PAGES_SIZE,
			len - ABI_MSG_DIRTY_PAGES_SIZE, "8888", range))
		return "GET_BITMAP needs 40 bytes";
	get = (struct vfmig_type1_dirty_get){
		.iova = range->iova,
		.size = range->size,
		.bitmap = {.pgsize = range->bitmap.pgsize, .size = range->bitmap.size}};
	*reply += ABI_MSG_DIRTY_RANGE_SIZE + range->bitmap.size;
	return abi_type1_check_dirty_get(&get, pgsize);
}

const char *abi_msg_get_dirty_reply(const void *buf, size_t len,
				    const struct vfmig_user_dirty_range *asked)
{
	struct vfmig_type1_dirty_pages d;
	struct vfmig_user_dirty_range reported;
	const uint8_t *bytes = buf;

	if (!abi_unpack(buf, len, "44", &d))
		return "the reply to DIRTY_PAGES needs 8 bytes";
	if (!asked)
		return NULL;
	bytes += ABI_MSG_DIRTY_PAGES_SIZE;
	len -= ABI_MSG_DIRTY_PAGES_SIZE;
	if (!abi_unpack(bytes, len, "8888", &reported))
		return "the reply to GET_BITMAP has no bitmap";
	if (reported.iova != asked->iova || reported.size != asked->size ||
	    reported.bitmap.pgsize != asked->bitmap.pgsize ||
	    reported.bitmap.size != asked->bitmap.size)
		return "the reply to GET_BITMAP is about another range";
	return NULL;
}
