/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A card with work to do is moved, by way of pre-copy, to another that goes on with it: registers, memory,
 * pending interrupts and configuration space are as they were, and no copy is lost or done twice.
 *
 * Rules: V2-27, V2-31, V2-38, V2-70.
 */
#include "tests/lib/test_device.h"

#define IOVA	0x100000
#define COPIES	1000
#define VECTOR1 1

static void config(struct vfmig_device *device, uint64_t offset, uint32_t value)
{
	CHECK_OK(vfmig_device_region_write(device, VFMIG_PCI_REGION_CONFIG, offset, &value, 4,
					   &test_err));
}

static void move(size_t piece, const char *options, unsigned size)
{
	struct vfmig_device *from = test_device_open(options), *to = test_device_open(options);
	struct vfmig_session *source = test_device_session(from), *target = test_device_session(to);
	struct vfmig_space *here = vfmig_space_new(), *there = vfmig_space_new();
	uint8_t *memory = test_device_memory(here, IOVA, 65536),
		*copy = test_device_memory(there, IOVA, 65536);
	int32_t fds[2] = {eventfd(0, EFD_NONBLOCK), eventfd(0, EFD_NONBLOCK)};
	struct test_device_stream stream = {NULL, 0};
	uint64_t first;
	uint32_t bar;

	CHECK_OK(vfmig_space_attach(here, from, &test_err));
	CHECK_OK(vfmig_space_attach(there, to, &test_err));
	config(from, 0x10, 0xfebd0000);
	for (unsigned i = 0; i < size; i += 4096 * 3)
		test_device_poke(from, i + 5, (uint8_t)(i / 4096 + 1));
	test_device_set(from, TEST_DEVICE_SRC, IOVA);
	test_device_set(from, TEST_DEVICE_DST, IOVA);
	test_device_set(from, TEST_DEVICE_LEN, 64);
	test_device_set(from, TEST_DEVICE_GO, COPIES);
	test_device_work(from, 100);

	test_device_go(source, VFMIG_STATE_PRE_COPY);
	test_device_pull(source, &stream, piece);
	test_device_work(from, 200);
	test_device_poke(from, 77, 0x77);
	test_device_set(from, TEST_DEVICE_VECTOR, VECTOR1); /* nobody listens: it stays pending */
	test_device_pull(source, &stream, piece);
	test_device_poke(from, 78, 0x78);
	test_device_go(source, VFMIG_STATE_STOP_COPY);
	memcpy(copy, memory, 65536);
	test_device_pull(source, &stream, piece);
	test_device_go(source, VFMIG_STATE_STOP);

	CHECK_OK(vfmig_device_set_irq_eventfds(to, VFMIG_PCI_IRQ_MSIX, 0, 2, fds, &test_err));
	CHECK_OK(test_device_load(target, stream.bytes, stream.len, piece, &test_err));
	CHECK_EQ(test_device_get(to, TEST_DEVICE_DONE), test_device_get(from, TEST_DEVICE_DONE));
	CHECK_EQ(test_device_signals(fds[1]), 0); /* it is stopped yet */
	test_device_go(target, VFMIG_STATE_RUNNING);
	CHECK_EQ(test_device_signals(fds[1]), 1);
	test_device_work(to, COPIES);
	CHECK_EQ(test_device_get(to, TEST_DEVICE_GO), 0);
	memcpy(&first, copy, sizeof(first));
	CHECK_EQ(first, COPIES);
	CHECK(test_device_signals(fds[0]));
	for (unsigned i = 0; i < size; i += 4096 * 3)
		CHECK_EQ(test_device_peek(to, i + 5), (uint8_t)(i / 4096 + 1));
	CHECK_EQ(test_device_peek(to, 77), 0x77);
	CHECK_EQ(test_device_peek(to, 78), 0x78);
	CHECK_OK(vfmig_device_region_read(to, VFMIG_PCI_REGION_CONFIG, 0x10, &bar, 4, &test_err));
	CHECK_EQ(bar, 0xfebd0000);
	/* The one that was left behind stays where it was put. */
	CHECK_OK(vfmig_device_process(from, &test_err));
	memcpy(&first, memory, sizeof(first));
	CHECK_EQ(first, test_device_get(from, TEST_DEVICE_DONE));
	CHECK(first < COPIES);

	free(stream.bytes);
	close(fds[0]);
	close(fds[1]);
	vfmig_session_close(source);
	vfmig_session_close(target);
	vfmig_device_close(from);
	vfmig_device_close(to);
	vfmig_space_free(here);
	vfmig_space_free(there);
	munmap(memory, 65536);
	munmap(copy, 65536);
}

int main(void)
{
	move(1 << 20, NULL, 256 << 10);
	move(4096, NULL, 256 << 10);
	move(100, "memory=32K", 32 << 10);
	move(1, "memory=8K", 8 << 10);
	return 0;
}
