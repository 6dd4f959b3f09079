/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Files behind guest memory. A VMM maps one file in many pieces; all of them share one descriptor of ours, since a VMM has
 * no more than about a thousand.
 *
 * A file is known by its inode, which is not used again while the descriptor is open.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "export/dev-vfio/priv.h"

/* Under the view's lock. */
static struct dev_vfio_backing *find(struct dev_vfio *view, dev_t dev, ino_t ino, bool write)
{
	struct dev_vfio_backing *b = view->backings;

	while (b && (b->dev != dev || b->ino != ino || b->write != write))
		b = b->next;
	if (b)
		b->refs++;
	return b;
}

struct dev_vfio_backing *dev_vfio_backing_find(struct dev_vfio *view, dev_t dev, ino_t ino)
{
	struct dev_vfio_backing *b;

	pthread_mutex_lock(&view->lock);
	b = find(view, dev, ino, true);
	pthread_mutex_unlock(&view->lock);
	return b;
}

struct dev_vfio_backing *dev_vfio_backing_of(struct dev_vfio *view, int fd)
{
	struct dev_vfio_backing *b = NULL, *fresh = calloc(1, sizeof(*fresh));
	bool write = (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR;
	struct stat st;

	if (fresh && !fstatat(fd, "", &st, AT_EMPTY_PATH)) {
		pthread_mutex_lock(&view->lock);
		b = find(view, st.st_dev, st.st_ino, write);
		if (!b) {
			*fresh = (struct dev_vfio_backing){.view = view,
							   .dev = st.st_dev,
							   .ino = st.st_ino,
							   .write = write,
							   .fd = fd,
							   .refs = 1,
							   .next = view->backings};
			view->backings = b = fresh;
		}
		pthread_mutex_unlock(&view->lock);
	}
	if (b != fresh)
		free(fresh);
	if (!b || b->fd != fd)
		close(fd);
	return b;
}

void dev_vfio_backing_put(struct dev_vfio_backing *backing)
{
	struct dev_vfio_backing **at;
	bool last;

	if (!backing)
		return;
	pthread_mutex_lock(&backing->view->lock);
	last = !--backing->refs;
	if (last) {
		for (at = &backing->view->backings; *at != backing; at = &(*at)->next)
			;
		*at = backing->next;
	}
	pthread_mutex_unlock(&backing->view->lock);
	if (!last)
		return;
	close(backing->fd);
	free(backing);
}
