/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Windows: with both ends in one process, and the devices in servers of their own, a device's data need not come here.
 *
 * A file is shared with the two servers. One puts a piece of data there, the other takes it from there, and what goes
 * through the channel is where it is, how long, and its checksum, which the one has made and the other checks. A
 * file for each device, so that no server sees another's. The pieces are few, and used again as soon as they can be:
 * they stay in the cache.
 *
 * Both ends were told of the window before they began, and all data of the device goes through it; so a chunk of the
 * stream needs no mark that says so, and what a stream from elsewhere says is never taken for one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi/le.h"
#include "device/device.h"
#include "engine/device.h"
#include "engine/loop.h"
#include "engine/migration.h"
#include "engine/window.h"

/* As many as both ends have under way. */
#define PLACES (2 * ENGINE_DEVICE_DEPTH)

/*
 * @used: bit: place
 * @waiting: the source's loop
 */
struct engine_window {
	struct engine_device *from, *to;
	struct loop *waiting;
	atomic_uint used;
};

struct engine_windows {
	unsigned count;
	struct engine_window window[];
};

/* ---- places ---- */

bool engine_window_free(const struct engine_window *window)
{
	return atomic_load(&window->used) != (1u << PLACES) - 1;
}

/* Only the source takes, so that what is free stays free. */
void engine_window_take(struct engine_window *window, struct vfmig_window_piece *piece)
{
	unsigned place = (unsigned)__builtin_ctz(~atomic_load(&window->used));

	atomic_fetch_or(&window->used, 1u << place);
	*piece = (struct vfmig_window_piece){.offset = (uint64_t)place * ENGINE_WINDOW_PIECE};
}

void engine_window_give(struct engine_window *window, const struct vfmig_window_piece *piece)
{
	unsigned place = (unsigned)(piece->offset / ENGINE_WINDOW_PIECE);

	if (atomic_fetch_and(&window->used, ~(1u << place)) == (1u << PLACES) - 1)
		loop_poke(window->waiting);
}

/* ---- chunks ---- */

void engine_window_put(uint8_t *to, const struct vfmig_window_piece *piece, uint32_t bytes)
{
	abi_put64(to, piece->offset);
	abi_put64(to + 8, piece->sum);
	abi_put64(to + 16, bytes);
}

int engine_window_get(struct engine_device *dev, struct channel_buffer *buffer,
		      struct vfmig_error *err)
{
	const uint8_t *from = buffer->bytes + ABI_SECTION_HEADER_SIZE;
	uint64_t offset = abi_get64(from), bytes = abi_get64(from + 16);

	if (buffer->length != ENGINE_WINDOW_CHUNK || offset % ENGINE_WINDOW_PIECE ||
	    offset >= (uint64_t)PLACES * ENGINE_WINDOW_PIECE || !bytes ||
	    bytes > ENGINE_WINDOW_PIECE)
		return vfmig_err(err, -EBADMSG, "device %s: a chunk is in no place of its window",
				 dev->id);
	buffer->piece = (struct vfmig_window_piece){.offset = offset, .sum = abi_get64(from + 8)};
	buffer->length = (uint32_t)bytes;
	return 0;
}

/* ---- agreeing ---- */

/* @deadline: 0 is the device's own time limit */
static int give(struct engine_device *dev, int fd, uint64_t size, int64_t deadline)
{
	struct vfmig_request request = {.op = VFMIG_OP_WINDOW, .deadline = deadline};

	request.window.fd = fd;
	request.window.size = size;
	return (int)vfmig_session_call(dev->session, &request);
}

static int make_file(uint64_t size)
{
	int fd = memfd_create("vfmig-window", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd >= 0 && (ftruncate(fd, (off_t)size) ||
			fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* The servers keep the file; nobody here needs it. */
static bool agree(struct engine_device *from, struct engine_device *to)
{
	uint64_t size = (uint64_t)PLACES * ENGINE_WINDOW_PIECE;
	int fd = make_file(size), ret;

	if (fd < 0)
		return false;
	ret = give(from, fd, size, 0);
	if (!ret) {
		ret = give(to, fd, size, 0);
		if (ret)
			give(from, -1, 0, 0);
	}
	close(fd);
	return !ret;
}

static struct engine_device *find(struct vfmig_migration *m, const char *id)
{
	for (uint32_t i = 0; i < m->device_count; i++)
		if (!strcmp(m->devices[i]->id, id))
			return m->devices[i];
	return NULL;
}

struct engine_windows *engine_windows_open(struct vfmig_migration *source,
					   struct vfmig_migration *destination)
{
	struct engine_windows *windows;

	/* What the limit holds back is what goes through the channel. */
	if (!source->options.window || !destination->options.window || source->options.bandwidth)
		return NULL;
	windows = calloc(1, sizeof(*windows) + source->device_count * sizeof(windows->window[0]));
	for (uint32_t i = 0; windows && i < source->device_count; i++) {
		struct engine_window *window = &windows->window[windows->count];
		struct engine_device *from = source->devices[i], *to = find(destination, from->id);

		if (!to || !agree(from, to))
			continue;
		window->from = from;
		window->to = to;
		window->waiting = &source->loop;
		atomic_init(&window->used, 0);
		from->window = to->window = window;
		windows->count++;
	}
	return windows;
}

/* For all of them: a server that does not answer any more keeps a window that nothing uses. */
#define CLOSE_MS 500

void engine_windows_close(struct engine_windows *windows)
{
	int64_t deadline = device_now() + CLOSE_MS * 1000000ll;

	for (unsigned i = 0; windows && i < windows->count; i++) {
		struct engine_window *window = &windows->window[i];

		window->from->window = window->to->window = NULL;
		give(window->from, -1, 0, deadline);
		give(window->to, -1, 0, deadline);
	}
	free(windows);
}
