/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A model with a thread of its own, which counts in its user's memory, and with a state that it encodes itself:
 * the kit tells it when to quiesce, stop and resume, hands its bytes on in pieces of any size, and sees that its
 * thread does no DMA when it may not.
 *
 * Rules: V2-46.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "tests/lib/test_device.h"

#define IOVA  0x100000
#define TAIL  100000u /* bytes of state besides the count */
#define MAGIC 0x6f6d6564u

struct ticker {
	struct vfmig_kit *kit;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool runs, parked, ends;
	uint64_t count;
	uint8_t tail[TAIL];
	atomic_uint forbidden; /* DMA that was tried when it may not be */
};

static void *tick(void *context)
{
	struct ticker *t = context;

	pthread_mutex_lock(&t->lock);
	while (!t->ends) {
		if (!t->runs) {
			t->parked = true;
			pthread_cond_broadcast(&t->cond);
			pthread_cond_wait(&t->cond, &t->lock);
			continue;
		}
		t->parked = false;
		t->count++;
		pthread_mutex_unlock(&t->lock);
		vfmig_kit_dma_write(t->kit, IOVA, &t->count, sizeof(t->count), NULL);
		vfmig_kit_irq(t->kit, 0);
		sched_yield();
		pthread_mutex_lock(&t->lock);
	}
	pthread_mutex_unlock(&t->lock);
	return NULL;
}

static int ticker_create(struct vfmig_kit *kit, void *self, struct vfmig_error *err)
{
	struct ticker *t = self;

	t->kit = kit;
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->cond, NULL);
	return -pthread_create(&t->thread, NULL, tick, t);
}

static void ticker_destroy(struct vfmig_kit *kit, void *self)
{
	struct ticker *t = self;

	pthread_mutex_lock(&t->lock);
	t->ends = true;
	pthread_cond_broadcast(&t->cond);
	pthread_mutex_unlock(&t->lock);
	pthread_join(t->thread, NULL);
	pthread_cond_destroy(&t->cond);
	pthread_mutex_destroy(&t->lock);
}

static int ticker_quiesce(struct vfmig_kit *kit, void *self, struct vfmig_error *err)
{
	struct ticker *t = self;

	pthread_mutex_lock(&t->lock);
	t->runs = false;
	while (!t->parked)
		pthread_cond_wait(&t->cond, &t->lock);
	pthread_mutex_unlock(&t->lock);
	return 0;
}

static int ticker_resume(struct vfmig_kit *kit, void *self, struct vfmig_error *err)
{
	struct ticker *t = self;

	pthread_mutex_lock(&t->lock);
	t->runs = true;
	t->parked = false;
	pthread_cond_broadcast(&t->cond);
	pthread_mutex_unlock(&t->lock);
	return 0;
}

static void ticker_reset(struct vfmig_kit *kit, void *self)
{
	struct ticker *t = self;

	pthread_mutex_lock(&t->lock);
	t->count = 0;
	memset(t->tail, 0, sizeof(t->tail));
	pthread_mutex_unlock(&t->lock);
}

static uint64_t ticker_read(struct vfmig_kit *kit, void *self, unsigned bar, uint64_t offset,
			    unsigned size)
{
	struct ticker *t = self;
	uint64_t count, byte;

	pthread_mutex_lock(&t->lock);
	count = t->count;
	byte = t->tail[TAIL - 1];
	pthread_mutex_unlock(&t->lock);
	if (offset == 24)
		return atomic_load(&t->forbidden);
	return offset ? byte : count;
}

static void ticker_write(struct vfmig_kit *kit, void *self, unsigned bar, uint64_t offset,
			 uint64_t value, unsigned size)
{
	struct ticker *t = self;

	/* DMA that there must not be: the device is quiet, or has nowhere to write. */
	if (offset == 8 && vfmig_kit_dma_write(kit, IOVA, &value, 8, NULL) == (int)-(int64_t)value)
		atomic_fetch_add(&t->forbidden, 1);
	if (offset == 16)
		memset(t->tail, (int)value, sizeof(t->tail));
}

/* The encoding: a magic, the count, and the tail, as one piece of bytes. */
#define ALL (12u + TAIL)

static void encode(struct ticker *t, uint8_t *all)
{
	uint32_t magic = MAGIC;

	memcpy(all, &magic, 4);
	memcpy(all + 4, &t->count, 8);
	memcpy(all + 12, t->tail, TAIL);
}

static uint8_t scratch[ALL];

static ssize_t ticker_save(struct vfmig_kit *kit, void *self, uint64_t offset, void *buf,
			   size_t len, struct vfmig_error *err)
{
	encode(self, scratch);
	if (len > ALL - offset)
		len = ALL - offset;
	memcpy(buf, scratch + offset, len);
	return (ssize_t)len;
}

static int ticker_load(struct vfmig_kit *kit, void *self, uint64_t offset, const void *buf,
		       size_t len, struct vfmig_error *err)
{
	struct ticker *t = self;
	uint32_t magic = MAGIC;

	if (offset >= ALL || len > ALL - offset)
		return vfmig_err(err, -EINVAL, "a ticker's state has %u bytes", ALL);
	if (!offset)
		encode(t, scratch);
	memcpy(scratch + offset, buf, len);
	if (offset + len >= 4 && memcmp(scratch, &magic, 4))
		return vfmig_err(err, -EINVAL, "this is no ticker's state");
	memcpy(&t->count, scratch + 4, 8);
	memcpy(t->tail, scratch + 12, TAIL);
	return 0;
}

static const struct vfmig_model ticker = {
	.name = "ticker",
	.version = 1,
	.size = sizeof(struct ticker),
	.pci = {.bar = {{.size = 64, .width = 8}}, .msix_vectors = 1, .msix_bar = 1},
	.create = ticker_create,
	.destroy = ticker_destroy,
	.reset = ticker_reset,
	.read = ticker_read,
	.write = ticker_write,
	.quiesce = ticker_quiesce,
	.resume = ticker_resume,
	.save = ticker_save,
	.load = ticker_load,
};

/* Until it has counted further. */
static void wait_for_more(struct vfmig_device *device)
{
	uint64_t count = test_device_get(device, 0);

	while (test_device_get(device, 0) <= count + 3)
		sched_yield();
}

static void stands_still(struct vfmig_device *device, int why)
{
	uint64_t count = test_device_get(device, 0), tries = test_device_get(device, 24);

	for (int i = 0; i < 100; i++)
		sched_yield();
	CHECK_EQ(test_device_get(device, 0), count);
	test_device_set(device, 8, (uint64_t)why);
	CHECK_EQ(test_device_get(device, 24), tries + 1);
	CHECK_EQ(test_device_get(device, 0), count);
}

int main(void)
{
	struct vfmig_device *from = test_device_open_as(&ticker, NULL),
			    *to = test_device_open_as(&ticker, NULL);
	struct vfmig_session *source = test_device_session(from), *target = test_device_session(to);
	struct vfmig_space *here = vfmig_space_new(), *there = vfmig_space_new();
	struct test_device_stream stream = {NULL, 0};
	uint64_t *memory = test_device_memory(here, IOVA, 4096),
		 *copy = test_device_memory(there, IOVA, 4096);
	struct vfmig_error err = {0};
	uint64_t count, seen;
	static const enum vfmig_state quiet[] = {VFMIG_STATE_RUNNING_P2P, VFMIG_STATE_STOP,
						 VFMIG_STATE_PRE_COPY_P2P, VFMIG_STATE_STOP_COPY};

	stands_still(from, ENXIO); /* it has no memory to work in */
	CHECK_OK(vfmig_space_attach(here, from, &test_err));
	CHECK_OK(vfmig_space_attach(there, to, &test_err));
	wait_for_more(from);
	for (size_t i = 0; i < sizeof(quiet) / sizeof(quiet[0]); i++) {
		test_device_go(source, quiet[i]);
		stands_still(from, EBUSY);
		test_device_go(source, VFMIG_STATE_RUNNING);
		wait_for_more(from);
	}
	test_device_set(from, 16, 0xa5);
	test_device_go(source, VFMIG_STATE_PRE_COPY);
	wait_for_more(from);
	test_device_pull(source, &stream, 1000);
	test_device_go(source, VFMIG_STATE_STOP_COPY);
	test_device_pull(source, &stream, 777);
	CHECK(stream.len > ALL);
	count = test_device_get(from, 0);
	CHECK_EQ(*memory, count);
	CHECK_OK(test_device_load(target, stream.bytes, stream.len, 501, &test_err));
	CHECK_EQ(test_device_get(to, 0), count);
	CHECK_EQ(test_device_get(to, 32), 0xa5);
	test_device_go(target, VFMIG_STATE_RUNNING);
	wait_for_more(to);
	/* The model's own refusal is told in its words. */
	for (size_t i = 0; i + 4 <= stream.len; i++) {
		uint32_t magic = MAGIC;

		if (!memcmp(stream.bytes + i, &magic, 4)) {
			stream.bytes[i] ^= 1;
			break;
		}
	}
	CHECK_EQ(test_device_load(target, stream.bytes, stream.len, 501, &err), -EINVAL);
	CHECK(strstr(err.text, "this is no ticker's state"));
	CHECK_OK(vfmig_device_reset(to, &test_err));
	wait_for_more(to);
	CHECK_OK(vfmig_space_detach(there, to, &test_err));
	stands_still(to, ENXIO);
	memcpy(&seen, copy, sizeof(seen));
	CHECK_EQ(seen, test_device_get(to, 0));

	free(stream.bytes);
	vfmig_session_close(source);
	vfmig_session_close(target);
	vfmig_device_close(from);
	vfmig_device_close(to);
	vfmig_space_free(here);
	vfmig_space_free(there);
	munmap(memory, 4096);
	munmap(copy, 4096);
	return 0;
}
