/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One thread works the device, one uses its registers, one its memory, one its interrupts, one reads its log,
 * one lets it sleep and wakes it, and one takes it through its migration again and again; nothing gets lost, and ThreadSanitizer is content.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "tests/model/sleeper.h"

#define IOVA   0x100000
#define SIZE   (1u << 20)
#define PAGE   4096u
#define ROUNDS 40
#define PIECE  30000

static struct vfmig_device *device;
static struct vfmig_session *session;
static struct vfmig_space *space;
static atomic_bool ends;
static atomic_uint asked;

static void *registers(void *unused)
{
	uint64_t before = 0;

	while (!atomic_load(&ends)) {
		uint64_t done = test_device_get(device, TEST_DEVICE_DONE);

		CHECK(done >= before);
		before = done;
		test_device_set(device, TEST_DEVICE_GO, 1);
		atomic_fetch_add(&asked, 1);
		test_device_poke(device, (done % 64) * PAGE, (uint8_t)done);
		sched_yield();
	}
	return NULL;
}

static void *memory(void *unused)
{
	uint8_t bytes[100];

	while (!atomic_load(&ends)) {
		memset(bytes, 7, sizeof(bytes));
		CHECK_OK(vfmig_device_region_write(device, 2, TEST_DEVICE_MEMORY_AT + 8000, bytes,
						   100, &test_err));
		CHECK_OK(vfmig_device_region_read(device, 2, TEST_DEVICE_MEMORY_AT + 8000, bytes,
						  100, &test_err));
		CHECK_EQ(bytes[50], 7);
		sched_yield();
	}
	return NULL;
}

static void *interrupts(void *unused)
{
	int32_t fd = eventfd(0, EFD_NONBLOCK), none = -1;
	uint16_t status;

	while (!atomic_load(&ends)) {
		CHECK_OK(vfmig_device_set_irq_eventfds(device, VFMIG_PCI_IRQ_MSIX, 0, 1, &fd,
						       &test_err));
		CHECK_OK(vfmig_device_region_read(device, VFMIG_PCI_REGION_CONFIG, 6, &status, 2,
						  &test_err));
		CHECK_OK(vfmig_device_set_irq_eventfds(device, VFMIG_PCI_IRQ_MSIX, 0, 1, &none,
						       &test_err));
		sched_yield();
	}
	close(fd);
	return NULL;
}

static void *log_reader(void *unused)
{
	struct vfmig_cursor *cursor;

	while (!atomic_load(&ends)) {
		CHECK_OK(vfmig_cursor_open(space, &cursor, &test_err));
		for (int i = 0; i < 5; i++) {
			CHECK_OK(vfmig_cursor_merge(cursor, &test_err));
			sched_yield();
		}
		vfmig_cursor_close(cursor);
	}
	return NULL;
}

/* Maps come and go beside the work. */
static void *mapper(void *unused)
{
	while (!atomic_load(&ends)) {
		void *extra = test_device_memory(space, 1ull << 40, SIZE);

		sched_yield();
		CHECK_OK(vfmig_space_unmap(space, 1ull << 40, SIZE, &test_err));
		munmap(extra, SIZE);
	}
	return NULL;
}

static void *dozer(void *unused)
{
	while (!atomic_load(&ends)) {
		CHECK_OK(sleeper_enter(device));
		sched_yield();
		CHECK_OK(sleeper_exit(device));
		sched_yield();
	}
	return NULL;
}

/* Pre-copy need not end while others write. */
static void read_some(struct test_device_stream *stream)
{
	for (int i = 0; i < 5; i++) {
		ssize_t n;

		stream->bytes = realloc(stream->bytes, stream->len + PIECE);
		CHECK(stream->bytes);
		n = vfmig_session_read(session, stream->bytes + stream->len, PIECE, &test_err);
		CHECK(n >= 0 || n == -ENOMSG);
		stream->len += n > 0 ? (size_t)n : 0;
	}
}

static void migrate_once(struct vfmig_session *target, struct vfmig_device *to)
{
	struct test_device_stream stream = {NULL, 0};
	struct vfmig_precopy_info info;
	uint64_t bytes;

	test_device_go(session, VFMIG_STATE_PRE_COPY);
	for (int i = 0; i < 3; i++) {
		read_some(&stream);
		CHECK_OK(vfmig_session_get_precopy_info(session, &info, &test_err));
		CHECK_OK(vfmig_session_get_data_size(session, &bytes, &test_err));
	}
	test_device_go(session, VFMIG_STATE_STOP_COPY);
	CHECK_EQ(test_device_state_of(session), VFMIG_STATE_STOP_COPY);
	test_device_pull(session, &stream, PIECE);
	CHECK_OK(test_device_load(target, stream.bytes, stream.len, 12345, &test_err));
	test_device_go(session, VFMIG_STATE_RUNNING);
	CHECK(test_device_get(to, TEST_DEVICE_DONE) <= test_device_get(device, TEST_DEVICE_DONE));
	free(stream.bytes);
}

int main(void)
{
	void *(*const work[])(void *) = {registers, memory, interrupts, log_reader, mapper, dozer};
	pthread_t threads[sizeof(work) / sizeof(work[0])];
	struct vfmig_model model = sleeper_model(), still = test_device_model;
	struct vfmig_device *to = test_device_open_as(&still, NULL);
	struct vfmig_session *target = test_device_session(to);
	uint64_t *bytes, done;

	device = test_device_open_as(&model, NULL);
	session = test_device_session(device);
	space = vfmig_space_new();
	bytes = test_device_memory(space, IOVA, SIZE);
	CHECK_OK(vfmig_space_attach(space, device, &test_err));
	CHECK_OK(vfmig_device_start(device, &test_err));
	test_device_set(device, TEST_DEVICE_SRC, IOVA);
	test_device_set(device, TEST_DEVICE_DST, IOVA);
	test_device_set(device, TEST_DEVICE_LEN, 64);
	for (size_t i = 0; i < sizeof(work) / sizeof(work[0]); i++)
		CHECK(!pthread_create(&threads[i], NULL, work[i], NULL));
	for (int i = 0; i < ROUNDS; i++)
		migrate_once(target, to);
	atomic_store(&ends, true);
	for (size_t i = 0; i < sizeof(work) / sizeof(work[0]); i++)
		pthread_join(threads[i], NULL);
	/* All that was asked for was done, once. */
	while ((done = test_device_get(device, TEST_DEVICE_DONE)) < atomic_load(&asked))
		sched_yield();
	CHECK_EQ(done, atomic_load(&asked));
	CHECK(!sleeper.reached_asleep);
	vfmig_device_stop(device);
	CHECK_EQ(bytes[0], done);
	vfmig_session_close(session);
	vfmig_session_close(target);
	vfmig_device_close(device);
	vfmig_device_close(to);
	vfmig_space_free(space);
	munmap(bytes, SIZE);
	return 0;
}
