/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whoever waits for a mediator that hangs gives up at the time limit; others wait no longer than for their own. What
 * it does not watch is not held up. When it comes back, the answer that nobody waits for any more is dropped.
 */
#include <errno.h>
#include <pthread.h>

#include "filter/mediate/mediate.h"
#include "tests/lib/check.h"
#include "tests/mediate/bad.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static bool hangs = true, is_in;

static int open_it(const struct vfmig_mediator_device *device, struct vfmig_mediator_host *host,
		   uint64_t *caps, void **self, struct vfmig_error *err)
{
	*self = &hangs;
	return 0;
}

static void release(void *self)
{
}

static int info(void *self, struct vfmig_mediator_region *region, struct vfmig_error *err)
{
	region->watch = region->index == 0;
	return 0;
}

static int rw(void *self, uint32_t index, uint64_t offset, void *buf, uint32_t len, bool write,
	      struct vfmig_error *err)
{
	pthread_mutex_lock(&lock);
	is_in = true;
	pthread_cond_broadcast(&cond);
	while (hangs)
		pthread_cond_wait(&cond, &lock);
	pthread_mutex_unlock(&lock);
	return VFMIG_MEDIATOR_PASS;
}

static const struct vfmig_mediator mediator = {
	.abi = VFMIG_MEDIATOR_ABI,
	.size = sizeof(mediator),
	.name = "hangs",
	.open = open_it,
	.release = release,
	.get_region_info = info,
	.rw = rw,
};

static void *reader(void *device)
{
	uint32_t word = 0;

	for (int i = 0; i < 200; i++) {
		CHECK(!vfmig_device_region_read(device, 0, 0, &word, 4, NULL));
		CHECK_EQ(word, 0x59504f43);
	}
	return NULL;
}

int main(void)
{
	struct vfmig_device *device;
	struct vfmig_error err = {0};
	uint32_t word = 0x11223344;
	pthread_t threads[4];

	CHECK(!mediate_with(unmediated(), &mediator, NULL, &device, &err));
	vfmig_device_set_timeout(device, 10);
	CHECK_EQ(vfmig_device_region_read(device, 0, 0, &word, 4, &err), -ETIMEDOUT);
	pthread_mutex_lock(&lock);
	while (!is_in)
		pthread_cond_wait(&cond, &lock);
	pthread_mutex_unlock(&lock);
	CHECK_EQ(vfmig_device_region_read(device, 0, 4, &word, 4, &err), -ETIMEDOUT);
	CHECK_EQ(word, 0x11223344);
	vfmig_device_set_timeout(device, 0);
	CHECK(!vfmig_device_region_read(device, 7, 0, &word, 4, &err) && word == 0x00015646);

	pthread_mutex_lock(&lock);
	hangs = false;
	pthread_cond_broadcast(&cond);
	pthread_mutex_unlock(&lock);
	/* And many at once. */
	for (int i = 0; i < 4; i++)
		CHECK(!pthread_create(&threads[i], NULL, reader, device));
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	vfmig_device_close(device);
	return 0;
}
