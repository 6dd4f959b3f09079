/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The window: where migration data is, in memory that is shared, in the place of the data itself.
 */
#include "abi/le.h"
#include "abi/vfio_user.h"

#define PAGE 4096u

_Static_assert(sizeof(struct vfmig_user_window) == ABI_MSG_WINDOW_SIZE, "packed");
_Static_assert(sizeof(struct vfmig_user_window_piece) == ABI_MSG_WINDOW_PIECE_SIZE, "packed");

size_t abi_msg_put_window(void *buf, size_t cap, const struct vfmig_user_window *w)
{
	return abi_pack(buf, cap, "448", w);
}

const char *abi_msg_get_window(const void *buf, size_t len, size_t nfds,
			       struct vfmig_user_window *w)
{
	if (!abi_unpack(buf, len, "448", w))
		return "WINDOW needs 16 bytes";
	if (w->flags)
		return "WINDOW has flags, of which there are none";
	if (w->size > ABI_MSG_WINDOW_MAX)
		return "a window is larger than 64 MiB";
	if (w->size % PAGE)
		return "a window is not a whole number of pages";
	if (w->size && !nfds)
		return "WINDOW came without a descriptor";
	return NULL;
}

size_t abi_msg_put_window_piece(void *buf, size_t cap, const struct vfmig_user_window_piece *p)
{
	return abi_pack(buf, cap, "4488", p);
}

const char *abi_msg_get_window_piece(const void *buf, size_t len, uint64_t window,
				     struct vfmig_user_window_piece *p)
{
	if (!abi_unpack(buf, len, "4488", p))
		return "a piece in a window needs 24 bytes";
	if (p->size > ABI_MSG_WINDOW_PIECE_MAX)
		return "a piece in a window is larger than 1 MiB";
	if (p->offset > window || p->size > window - p->offset)
		return "a piece leaves the window";
	return NULL;
}
