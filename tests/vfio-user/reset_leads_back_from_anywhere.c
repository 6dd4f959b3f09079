/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * V2-30 V2-42 DMA-04: a reset leads from every state to RUNNING: in the middle of a transfer in either direction, with DMA
 * under way, with logging on (which goes on, and keeps what it knows), asleep; in each revision, in this process
 * and behind a socket. The device is as new after it, nothing of before is done any more, and it migrates again.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include <vfmig/export.h>

#include "source/vfio_user.h"
#include "tests/model/sleeper.h"

#define IOVA 0x100000u
#define SIZE (1u << 20)

static struct vfmig_model model;
static struct vfmig_device *device, *served;
static struct vfmig_export *server;
static struct vfmig_session *session;
static struct vfmig_space *space;

static struct vfmig_device *test_device_open_here(const char *options)
{
	model = sleeper_model();
	served = test_device_open_as(&model, options);
	return served;
}

static struct vfmig_device *test_device_open_there(const char *options)
{
	struct vfmig_export_options config = {.struct_size = sizeof(struct vfmig_export_options)};
	struct vfmig_device *client;
	int fds[2];

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	test_device_open_here(options);
	config.fd = fds[0];
	CHECK_OK(vfmig_export_open_vfio_user(served, &config, &server, &test_err));
	CHECK_OK(vfmig_export_start(server, &test_err));
	CHECK_OK(vfio_user_adopt(fds[1], "served", NULL, &client, &test_err));
	return client;
}

static void is_as_new(void)
{
	struct test_device_stream stream = {NULL, 0};
	uint8_t byte;

	CHECK_EQ(test_device_state_of(session), VFMIG_STATE_RUNNING);
	CHECK_EQ(vfmig_session_read(session, &byte, 1, NULL), -EINVAL);
	CHECK_EQ(vfmig_session_write(session, &byte, 1, NULL), -EINVAL);
	CHECK_EQ(test_device_get(device, TEST_DEVICE_SRC), 0);
	CHECK_EQ(test_device_get(device, TEST_DEVICE_GO), 0);
	CHECK_EQ(test_device_get(device, TEST_DEVICE_DONE), 0);
	CHECK_EQ(test_device_peek(device, 77), 0);
	/* It is of use: it moves, to itself. */
	test_device_set(device, TEST_DEVICE_SRC, 5);
	stream = test_device_save(session);
	test_device_set(device, TEST_DEVICE_SRC, 6);
	CHECK_OK(test_device_load(session, stream.bytes, stream.len, 1000, &test_err));
	test_device_go(session, VFMIG_STATE_RUNNING);
	CHECK_EQ(test_device_get(device, TEST_DEVICE_SRC), 5);
	CHECK_OK(vfmig_device_reset(device, &test_err));
	free(stream.bytes);
}

/* Somewhere on the way, with something to be lost there. */
static void busy(void)
{
	test_device_set(device, TEST_DEVICE_SRC, IOVA);
	test_device_set(device, TEST_DEVICE_DST, IOVA + 4096);
	test_device_set(device, TEST_DEVICE_LEN, 64);
	test_device_poke(device, 77, 1);
}

static void from(enum vfmig_state state, bool in_the_middle)
{
	uint8_t bytes[64];

	busy();
	if (state == VFMIG_STATE_PRE_COPY_P2P)
		test_device_go(session, VFMIG_STATE_PRE_COPY);
	test_device_go(session, state);
	if (in_the_middle && state == VFMIG_STATE_RESUMING) {
		/* The beginning of a state, which is never ended. */
		struct test_device_stream stream;

		CHECK_OK(vfmig_device_reset(device, &test_err));
		stream = test_device_save(session);
		test_device_go(session, VFMIG_STATE_RESUMING);
		CHECK_EQ(vfmig_session_write(session, stream.bytes, stream.len / 2, &test_err), 0);
		free(stream.bytes);
	} else if (in_the_middle) {
		CHECK(vfmig_session_read(session, bytes, sizeof(bytes), &test_err) > 0);
	}
	CHECK_OK(vfmig_device_reset(device, &test_err));
	is_as_new();
}

static void from_error(void)
{
	busy();
	test_device_stop_fails = -EIO;
	CHECK(vfmig_session_set_state(session, VFMIG_STATE_STOP, NULL) < 0);
	CHECK_EQ(test_device_state_of(session), VFMIG_STATE_ERROR);
	test_device_stop_fails = 0;
	CHECK_OK(vfmig_device_reset(device, &test_err));
	is_as_new();
}

static void asleep(void)
{
	busy();
	CHECK_OK(sleeper_enter(device));
	CHECK_OK(vfmig_device_reset(device, &test_err));
	CHECK_OK(sleeper_exit(device));
	CHECK(!sleeper.reached_asleep);
	is_as_new();
}

/* ---- with logging on ---- */

static uint64_t report(uint64_t iova)
{
	uint64_t bits = 0;
	struct vfmig_feature_dma_logging_report r = {
		.iova = iova, .length = 64 * 4096, .page_size = 4096, .bitmap = (uintptr_t)&bits};

	CHECK_OK(vfmig_device_call_feature(device,
					   VFMIG_FEATURE_GET | VFMIG_FEATURE_DMA_LOGGING_REPORT, &r,
					   sizeof(r), &test_err));
	return bits;
}

static void with_logging_on(void)
{
	struct vfmig_dma_logging_range range = {IOVA, SIZE};
	struct vfmig_feature_dma_logging_control start = {
		.page_size = 4096, .num_ranges = 1, .ranges = (uintptr_t)&range};

	CHECK_OK(vfmig_device_call_feature(device,
					   VFMIG_FEATURE_SET | VFMIG_FEATURE_DMA_LOGGING_START,
					   &start, sizeof(start), &test_err));
	busy();
	test_device_set(device, TEST_DEVICE_GO, 1);
	test_device_work(device, 1);
	CHECK_OK(vfmig_device_reset(device, &test_err));
	/* What it wrote before is not forgotten, and what it writes now is heard. */
	CHECK_EQ(report(IOVA), 2);
	busy();
	test_device_set(device, TEST_DEVICE_DST, IOVA + 8192);
	test_device_set(device, TEST_DEVICE_GO, 1);
	test_device_work(device, 1);
	CHECK_EQ(report(IOVA), 4);
	CHECK_OK(vfmig_device_call_feature(
		device, VFMIG_FEATURE_SET | VFMIG_FEATURE_DMA_LOGGING_STOP, NULL, 0, &test_err));
	CHECK_OK(vfmig_device_reset(device, &test_err));
	is_as_new();
}

/* ---- with DMA under way: memory that is asked for, and takes its time ---- */

static atomic_bool begun, may_end;
static atomic_uint writes;

static int slow(void *context, uint64_t iova, void *buf, size_t len, bool write,
		struct vfmig_error *err)
{
	atomic_store(&begun, true);
	while (!atomic_load(&may_end))
		sched_yield();
	writes += write;
	if (!write)
		memset(buf, 0, len);
	return 0;
}

static atomic_bool reset_is_done;

static void *reset_it(void *unused)
{
	CHECK_OK(vfmig_device_reset(device, &test_err));
	atomic_store(&reset_is_done, true);
	return NULL;
}

static void with_dma_under_way(void)
{
	struct vfmig_map map = {.iova = 1 << 30,
				.size = 65536,
				.prot = VFMIG_PROT_READ | VFMIG_PROT_WRITE,
				.kind = VFMIG_MAP_REMOTE,
				.fd = -1,
				.access = slow};
	unsigned at_reset;
	pthread_t thread;

	atomic_store(&begun, false);
	atomic_store(&may_end, false);
	atomic_store(&reset_is_done, false);
	CHECK_OK(vfmig_space_map(space, &map, &test_err));
	CHECK_OK(vfmig_device_start(device, &test_err));
	busy();
	test_device_set(device, TEST_DEVICE_SRC, 1 << 30);
	test_device_set(device, TEST_DEVICE_DST, 1 << 30);
	test_device_set(device, TEST_DEVICE_GO, 1000000);
	while (!atomic_load(&begun))
		sched_yield();
	CHECK(!pthread_create(&thread, NULL, reset_it, NULL));
	for (int i = 0; i < 1000; i++)
		sched_yield();
	/* It waits for what is under way: after it the device touches nothing of its user's. */
	CHECK(!atomic_load(&reset_is_done));
	atomic_store(&may_end, true);
	pthread_join(thread, NULL);
	at_reset = writes;
	CHECK_EQ(test_device_get(device, TEST_DEVICE_GO), 0);
	CHECK_EQ(test_device_get(device, TEST_DEVICE_DONE), 0);
	CHECK_EQ(writes, at_reset);
	vfmig_device_stop(device);
	is_as_new();
}

static bool has(enum vfmig_state state)
{
	uint64_t flags = vfmig_session_flags(session);

	if (state == VFMIG_STATE_RUNNING_P2P || state == VFMIG_STATE_PRE_COPY_P2P)
		return flags & VFMIG_MIGRATION_P2P;
	return true;
}

static void anywhere(const char *options, bool there)
{
	void *memory;

	device = there ? test_device_open_there(options) : test_device_open_here(options);
	session = test_device_session(device);
	space = vfmig_space_new();
	memory = test_device_memory(space, IOVA, SIZE);
	CHECK_OK(vfmig_space_attach(space, device, &test_err));
	for (int s = VFMIG_STATE_STOP; s < VFMIG_STATE_COUNT; s++) {
		enum vfmig_state state = (enum vfmig_state)s;

		if (!has(state))
			continue;
		from(state, false);
		if (vfmig_v2_state_saving(state) || state == VFMIG_STATE_RESUMING)
			from(state, true);
	}
	from_error();
	asleep();
	/* pfn tells of written pages by its region, while it saves. */
	if (strcmp(vfmig_session_protocol(session), "pfn"))
		with_logging_on();
	if (!there)
		with_dma_under_way();
	vfmig_session_close(session);
	vfmig_device_close(device);
	if (there) {
		vfmig_export_close(server);
		vfmig_device_close(served);
	}
	vfmig_space_free(space);
	munmap(memory, SIZE);
}

int main(void)
{
	static const char *const options[] = {
		NULL,
		"protocol=v1,data=trapped",
		"protocol=v1,data=mapped,tell=off",
		"protocol=pfn",
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		anywhere(options[i], false);
		anywhere(options[i], true);
	}
	return 0;
}
