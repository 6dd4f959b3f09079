/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DMA_MAP and DMA_UNMAP: the client's memory becomes maps of the export's space.
 *
 * A region with a descriptor is checked and mapped here; the space reaches one without a descriptor
 * by message. The table beside the space lists the maps, since the protocol requires that they are
 * unmapped as they were mapped, and holds what an unmap must undo.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/feature.h"
#include "abi/range.h"
#include "export/vfio_user/client.h"
#include "export/vfio_user/command.h"
#include "export/vfio_user/memory.h"
#include "export/vfio_user/server.h"
#include "wire/memory.h"

/* ---- files: a client that shares one file in a thousand pieces costs one descriptor ---- */

static struct export_file *file_get(struct export_table *table, int *fd)
{
	struct export_file *file;
	int mode = fcntl(*fd, F_GETFL) & O_ACCMODE;
	struct stat st;

	if (fstat(*fd, &st))
		return NULL;
	for (file = table->files; file; file = file->next) {
		if (file->dev == st.st_dev && file->ino == st.st_ino && file->mode == mode) {
			file->uses++;
			return file;
		}
	}
	file = malloc(sizeof(*file));
	if (!file)
		return NULL;
	*file = (struct export_file){.fd = *fd,
				     .dev = st.st_dev,
				     .ino = st.st_ino,
				     .mode = mode,
				     .uses = 1,
				     .next = table->files};
	table->files = file;
	*fd = -1;
	return file;
}

static void file_put(struct export_table *table, struct export_file *file)
{
	struct export_file **at = &table->files;

	if (!file || --file->uses)
		return;
	while (*at != file)
		at = &(*at)->next;
	*at = file->next;
	close(file->fd);
	free(file);
}

/* ---- the table ---- */

/* The first map that begins at or after @iova. */
static size_t find(const struct export_table *table, uint64_t iova)
{
	size_t low = 0, high = table->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (table->maps[mid].iova < iova)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool make_room(struct export_table *table)
{
	size_t capacity = table->capacity ? table->capacity * 2 : 16;
	struct export_map *maps;

	if (table->count < table->capacity)
		return true;
	maps = realloc(table->maps, capacity * sizeof(*maps));
	if (!maps)
		return false;
	table->maps = maps;
	table->capacity = capacity;
	return true;
}

/* False: no memory. Before one that begins at the same address, if there is one. */
static bool insert(struct export_table *table, const struct export_map *map)
{
	size_t at = find(table, map->iova);
	bool ok;

	pthread_mutex_lock(&table->lock);
	ok = make_room(table);
	if (ok) {
		memmove(table->maps + at + 1, table->maps + at,
			(table->count - at) * sizeof(*table->maps));
		table->maps[at] = *map;
		table->count++;
	}
	pthread_mutex_unlock(&table->lock);
	return ok;
}

static void take_out(struct export_table *table, size_t first, size_t end)
{
	pthread_mutex_lock(&table->lock);
	memmove(table->maps + first, table->maps + end,
		(table->count - end) * sizeof(*table->maps));
	table->count -= end - first;
	pthread_mutex_unlock(&table->lock);
}

static void release(struct export_table *table, const struct export_map *map)
{
	if (map->base)
		munmap(map->base, map->len);
	file_put(table, map->file);
}

/* ---- DMA_MAP ---- */

static int map_file(struct export_command *command, const struct vfmig_user_dma_map *m,
		    struct vfmig_map *to, struct export_map *entry)
{
	struct vfmig_export *server = command->client->server;
	int prot = (to->prot & VFMIG_PROT_READ ? PROT_READ : 0) |
		   (to->prot & VFMIG_PROT_WRITE ? PROT_WRITE : 0);
	uint64_t page, begin, end;
	int ret;

	ret = wire_memory_check(command->msg->fds[0], m->offset, m->size, prot & PROT_WRITE,
				server->config.require_sealed, &page, &command->err);
	if (ret)
		return ret;
	begin = m->offset & ~(page - 1);
	end = abi_product(abi_pages(m->offset + m->size, page), page);
	if (end <= begin || end - begin > SIZE_MAX)
		return vfmig_err(&command->err, -EINVAL,
				 "offset and size of the map exceed the largest file");
	entry->len = end - begin;
	entry->base = mmap(NULL, entry->len, prot, MAP_SHARED | MAP_NORESERVE, command->msg->fds[0],
			   (off_t)begin);
	if (entry->base == MAP_FAILED) {
		entry->base = NULL;
		return vfmig_err(&command->err, -errno, "mmap of the descriptor: %s",
				 strerror(errno));
	}
	/* Not the client's memory in a core dump of the server's. */
	madvise(entry->base, entry->len, MADV_DONTDUMP);
	entry->file = file_get(&server->table, &command->msg->fds[0]);
	if (!entry->file)
		return vfmig_err(&command->err, -ENOMEM, "no memory for a map");
	to->kind = VFMIG_MAP_MEMORY;
	to->ptr = (char *)entry->base + (m->offset - begin);
	to->fd = entry->file->fd;
	to->fd_offset = m->offset;
	return 0;
}

static int do_map(struct export_command *command, const struct vfmig_user_dma_map *m)
{
	struct vfmig_export *server = command->client->server;
	struct export_table *table = &server->table;
	struct export_map entry = {.iova = m->addr, .size = m->size};
	struct vfmig_map map = {
		.iova = m->addr,
		.size = m->size,
		.prot = (m->flags & VFMIG_USER_DMA_MAP_READ ? VFMIG_PROT_READ : 0) |
			(m->flags & VFMIG_USER_DMA_MAP_WRITE ? VFMIG_PROT_WRITE : 0),
		.kind = VFMIG_MAP_REMOTE,
		.fd = -1,
		.access = export_remote,
		.context = command->client,
	};
	int ret = 0;

	if (command->client->type1)
		ret = export_dirty_check(m->size, &command->err);
	if (!ret && command->msg->nfds)
		ret = map_file(command, m, &map, &entry);
	/* In the table before the device reaches it: see vfmig_export_sigbus(). */
	if (!ret && !insert(table, &entry))
		ret = vfmig_err(&command->err, -ENOMEM, "no memory for a map");
	if (!ret) {
		ret = vfmig_space_map(server->space, &map, &command->err);
		if (ret)
			take_out(table, find(table, m->addr), find(table, m->addr) + 1);
	}
	if (ret)
		release(table, &entry);
	return ret;
}

void export_dma_map(struct export_command *command)
{
	struct vfmig_user_dma_map m;
	const char *why = abi_msg_get_dma_map(command->msg->payload, command->msg->len, &m);
	int ret;

	if (!why && !(m.flags & (VFMIG_USER_DMA_MAP_READ | VFMIG_USER_DMA_MAP_WRITE)))
		why = "DMA_MAP: flags must allow reading or writing";
	if (!why && (m.flags & VFMIG_USER_DMA_MAP_MMAP) && (m.flags & VFMIG_USER_DMA_MAP_FILE_IO))
		why = "DMA_MAP: flags have both MMAP and FILE_IO; use one";
	if (!why && (m.flags & (VFMIG_USER_DMA_MAP_MMAP | VFMIG_USER_DMA_MAP_FILE_IO)) &&
	    !command->msg->nfds)
		why = "DMA_MAP: flags have MMAP or FILE_IO, and the message has no descriptor";
	if (!why && m.offset > INT64_MAX - m.size)
		why = "DMA_MAP: offset and size exceed the largest file";
	if (why) {
		export_refuse(command, -EINVAL, "%s", why);
		return;
	}
	ret = do_map(command, &m);
	if (ret) {
		vfmig_err_at(&command->err, ret, "map of 0x%llx bytes at IOVA 0x%llx",
			     (unsigned long long)m.size, (unsigned long long)m.addr);
		export_failed(command, ret);
		return;
	}
	export_done(command, 0);
}

/*
 * Called in a handler of SIGBUS, in the thread that touched memory which is not there any more: it is not one that holds
 * the lock, as nothing touches a client's memory with it.
 */
bool vfmig_export_sigbus(struct vfmig_export *server, const void *address)
{
	const struct export_table *table = &server->table;
	bool replaced = false;
	int error = errno;

	pthread_mutex_lock(&server->table.lock);
	for (size_t i = 0; i < table->count && !replaced; i++) {
		const struct export_map *map = &table->maps[i];

		if (map->base && (uintptr_t)address - (uintptr_t)map->base < map->len)
			replaced = mmap(map->base, map->len, PROT_READ | PROT_WRITE,
					MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
					0) != MAP_FAILED;
	}
	pthread_mutex_unlock(&server->table.lock);
	if (replaced) {
		atomic_store(&server->cut_off, true);
		export_wake(server);
	}
	errno = error;
	return replaced;
}

/* ---- DMA_UNMAP ---- */

/*
 * The maps from @first to @end. Without @bits; with it where a container logs, which then tells what was written in
 * the range of @u until the end.
 */
static int unmap(struct vfmig_export *server, size_t first, size_t end, uint8_t *bits, size_t bytes,
		 const struct vfmig_user_dma_unmap *u, struct vfmig_error *err)
{
	struct export_table *table = &server->table;
	const struct export_map *last;
	uint64_t size;
	int ret = 0, one;

	if (bits) {
		size = u->size;
		ret = vfmig_type1_unmap(server->client->type1, u->addr, &size, bits, bytes, err);
	}
	if (first == end)
		return ret;
	last = &table->maps[end - 1];
	if (!bits || ret) { /* whatever it was, the memory goes now */
		size = last->iova + (last->size - 1) - table->maps[first].iova + 1;
		one = vfmig_space_unmap(server->space, table->maps[first].iova, size,
					ret ? NULL : err);
		ret = ret ? ret : one;
	}
	for (size_t i = first; i < end; i++)
		release(table, &table->maps[i]);
	take_out(table, first, end);
	return ret;
}

void export_unmap_all(struct vfmig_export *server)
{
	if (server->table.count)
		unmap(server, 0, server->table.count, NULL, 0, NULL, NULL);
	free(server->table.maps);
	server->table.maps = NULL;
	server->table.capacity = 0;
}

/*
 * What was written there until the end: read after the memory is out of the device's reach, so that nothing
 * comes after the last look. Where the log cannot tell, everything was written.
 */
static void last_report(struct export_command *command, const struct vfmig_user_dma_unmap *u,
			const struct vfmig_user_bitmap *bitmap, uint8_t *bits)
{
	struct vfmig_feature_dma_logging_report report = {
		.iova = u->addr,
		.page_size = bitmap->pgsize,
		.bitmap = (uintptr_t)bits,
	};
	uint64_t pages = abi_pages(u->size, bitmap->pgsize);

	/* The uAPI takes whole pages; with large ones that may be more than there are addresses. */
	if (!__builtin_mul_overflow(pages, bitmap->pgsize, &report.length) &&
	    !vfmig_device_call_feature(command->client->server->device,
				       VFMIG_FEATURE_DMA_LOGGING_REPORT | VFMIG_FEATURE_GET,
				       &report, sizeof(report), NULL))
		return;
	for (uint64_t i = 0; i < pages; i++)
		abi_bitmap_set(bits, i);
}

static int unmap_with_bitmap(struct export_command *command, size_t first, size_t end,
			     const struct vfmig_user_dma_unmap *u,
			     const struct vfmig_user_bitmap *bitmap)
{
	uint8_t *bits;
	int ret;

	if (!command->client->logging && !command->client->type1)
		return vfmig_err(
			&command->err, -EINVAL,
			"DMA_UNMAP: dirty pages were requested, and DMA logging is not started");
	if (command->client->type1 && bitmap->pgsize != VFMIG_PAGE_SIZE)
		return vfmig_err(&command->err, -EINVAL,
				 "DMA_UNMAP: the requested page size is %llu, the log has %u",
				 (unsigned long long)bitmap->pgsize, VFMIG_PAGE_SIZE);
	if (u->addr % bitmap->pgsize &&
	    u->addr % ABI_LOGGING_PAGE_MIN) /* pages count from the beginning of the range */
		return vfmig_err(&command->err, -EINVAL,
				 "DMA_UNMAP: the address is not a multiple of the page size");
	command->memory = calloc(1, ABI_MSG_BITMAP_SIZE + bitmap->size);
	if (!command->memory)
		return vfmig_err(&command->err, -ENOMEM, "no memory for a bitmap of %llu bytes",
				 (unsigned long long)bitmap->size);
	bits = (uint8_t *)command->memory + ABI_MSG_BITMAP_SIZE;
	if (command->client->type1) {
		ret = unmap(command->client->server, first, end, bits, bitmap->size, u,
			    &command->err);
	} else {
		ret = unmap(command->client->server, first, end, NULL, 0, u, &command->err);
		last_report(command, u, bitmap, bits);
	}
	command->out.body = bits;
	command->out.body_len = bitmap->size;
	return ret;
}

/*
 * All maps that lie in the range, which may be none: clients with a virtual IOMMU unmap blocks that cover many, or
 * none. A map is never cut in two. As in Linux's type1.
 */
static int do_unmap(struct export_command *command, const struct vfmig_user_dma_unmap *u,
		    const struct vfmig_user_bitmap *bitmap)
{
	struct vfmig_export *server = command->client->server;
	const struct export_table *table = &server->table;
	size_t first = find(table, u->addr), end = first;
	uint64_t last = u->addr + (u->size - 1);

	if (u->flags & VFMIG_DMA_UNMAP_ALL)
		return table->count ? unmap(server, 0, table->count, NULL, 0, u, &command->err) : 0;
	while (end < table->count && table->maps[end].iova <= last)
		end++;
	for (size_t i = first ? first - 1 : 0; i < end; i++) {
		const struct export_map *map = &table->maps[i];
		uint64_t ends = map->iova + (map->size - 1);

		if ((map->iova < u->addr && ends >= u->addr) || ends > last)
			return vfmig_err(
				&command->err, -EINVAL,
				"DMA_UNMAP of 0x%llx bytes at IOVA 0x%llx would split the map of 0x%llx bytes at 0x%llx",
				(unsigned long long)u->size, (unsigned long long)u->addr,
				(unsigned long long)map->size, (unsigned long long)map->iova);
	}
	if (u->flags & VFMIG_DMA_UNMAP_GET_DIRTY_BITMAP)
		return unmap_with_bitmap(command, first, end, u, bitmap);
	return first < end ? unmap(server, first, end, NULL, 0, u, &command->err) : 0;
}

void export_dma_unmap(struct export_command *command)
{
	struct vfmig_user_bitmap bitmap;
	struct vfmig_user_dma_unmap u;
	const char *why =
		abi_msg_get_dma_unmap(command->msg->payload, command->msg->len, &u, &bitmap);
	int ret;

	if (why) {
		export_refuse(command, -EINVAL, "%s", why);
		return;
	}
	ret = do_unmap(command, &u, &bitmap);
	if (ret) {
		export_failed(command, ret);
		return;
	}
	export_done(command,
		    abi_msg_put_dma_unmap(export_fixed(command), EXPORT_FIXED_ROOM, &u, &bitmap));
}
