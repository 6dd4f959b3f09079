/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Unmap waits until nobody reaches the map any more, and other maps are not held up meanwhile. Then a storm:
 * DMA from two threads while the map comes and goes; after each unmap the memory stays as it is.
 */
#include <semaphore.h>

#include "device/space_map.h"
#include "tests/lib/scripted_device.h"

static sem_t entered, leave;
static atomic_bool left, ends;
static char memory[4096], other[4096];

static int slow(void *context, uint64_t iova, void *buf, size_t len, bool write,
		struct vfmig_error *err)
{
	sem_post(&entered);
	sem_wait(&leave);
	atomic_store(&left, true);
	return 0;
}

static void *dma_slowly(void *space)
{
	char byte = 1;

	CHECK_EQ(space_dma(space, 0x1000, &byte, 1, true, NULL, NULL), 0);
	return NULL;
}

/* Does a map cover the address? Asks what DMA asks, without doing any. */
static bool covers(struct vfmig_space *space, uint64_t iova)
{
	struct space_entry *entry;
	bool covered;

	pthread_rwlock_rdlock(&space->table);
	entry = space_find(space, iova);
	covered = entry && entry->map.iova <= iova;
	pthread_rwlock_unlock(&space->table);
	return covered;
}

static void *unmap(void *space)
{
	CHECK_EQ(vfmig_space_unmap(space, 0x1000, 4096, NULL), 0);
	CHECK(atomic_load(&left));
	return NULL;
}

static struct vfmig_space *stormed;

/* Each thread writes a place of its own: two devices that race for one are no concern of a space's. */
static void *storm(void *offset)
{
	char bytes[64];

	memset(bytes, 1, sizeof(bytes));
	while (!atomic_load(&ends))
		space_dma(stormed, 0x1000 + *(uint64_t *)offset, bytes, sizeof(bytes), true, NULL,
			  NULL);
	return NULL;
}

int main(void)
{
	struct vfmig_space *space = vfmig_space_new();
	const uint32_t rw = VFMIG_PROT_READ | VFMIG_PROT_WRITE;
	struct vfmig_map map = {
		.iova = 0x1000, .size = 4096, .prot = rw, .kind = VFMIG_MAP_REMOTE, .access = slow};
	struct vfmig_map beside = {
		.iova = 0x9000, .size = 4096, .prot = rw, .ptr = other, .fd = -1};
	uint64_t offsets[2] = {0, 2048};
	pthread_t threads[2];

	sem_init(&entered, 0, 0);
	sem_init(&leave, 0, 0);
	CHECK_EQ(vfmig_space_map(space, &map, NULL), 0);
	CHECK_EQ(vfmig_space_map(space, &beside, NULL), 0);
	CHECK_EQ(pthread_create(&threads[0], NULL, dma_slowly, space), 0);
	sem_wait(&entered);
	CHECK_EQ(pthread_create(&threads[1], NULL, unmap, space), 0);
	/* Wait until the map is out of the table; from then on the unmap can only be waiting. */
	do {
		struct space_entry *held;
		size_t len = 1;

		/* Others are reached all the while. */
		CHECK(space_hold(space, 0x9000, &len, false, &held));
		space_release(space, held);
		sched_yield();
	} while (covers(space, 0x1000));
	CHECK(!atomic_load(&left));
	sem_post(&leave);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);

	stormed = space;
	map.kind = VFMIG_MAP_MEMORY;
	map.ptr = memory;
	map.fd = -1;
	for (int i = 0; i < 2; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, storm, &offsets[i]), 0);
	for (int i = 0; i < 300; i++) {
		CHECK_EQ(vfmig_space_map(space, &map, NULL), 0);
		CHECK_EQ(vfmig_space_unmap(space, 0x1000, 4096, NULL), 0);
		/* Ours alone now: a DMA that still wrote would be a race for TSan, and a 1 for us. */
		memset(memory, 0, sizeof(memory));
		for (size_t k = 0; k < sizeof(memory); k++)
			CHECK(!memory[k]);
	}
	atomic_store(&ends, true);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	vfmig_space_free(space);
	return 0;
}
