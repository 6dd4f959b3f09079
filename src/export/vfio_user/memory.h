/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The memory of the client: its maps, DMA by message, and DIRTY_PAGES.
 */
#ifndef EXPORT_VFIO_USER_MEMORY_H
#define EXPORT_VFIO_USER_MEMORY_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vfmig/export.h>

struct export_client;
struct export_command;
struct wire_ask;

/* A file that the client's memory is mapped from; all maps of a file share it. */
struct export_file {
	int fd;
	uint64_t dev, ino;
	int mode;
	unsigned uses;
	struct export_file *next;
};

struct export_map {
	uint64_t iova, size;
	void *base; /* of the mapping, NULL for memory by message */
	size_t len;
	struct export_file *file;
};

/* The client's memory, in order of IOVA. Only the working thread changes it, with the lock for vfmig_export_sigbus(). */
struct export_table {
	pthread_mutex_t lock;
	struct export_map *maps;
	size_t count, capacity;
	struct export_file *files;
};

/* ---- dma.c ---- */

void export_dma_map(struct export_command *command);
void export_dma_unmap(struct export_command *command);
void export_unmap_all(struct vfmig_export *server);

/* ---- dirty.c ---- */

void export_dirty_pages(struct export_command *command);
/* Fails if a map is too large for DIRTY_PAGES. */
int export_dirty_check(uint64_t size, struct vfmig_error *err);
/* End logging by DIRTY_PAGES, if there is any. */
void export_dirty_stop(struct export_client *client);

/* ---- remote.c ---- */

/* A vfmig_remote_fn; @context is the client. */
int export_remote(void *context, uint64_t iova, void *buf, size_t len, bool write,
		  struct vfmig_error *err);
/* The client has replied to a DMA message. Called with the lock held. */
void export_remote_answer(struct export_client *client, struct wire_ask *ask);
void export_remote_free(struct export_client *client);

#endif
