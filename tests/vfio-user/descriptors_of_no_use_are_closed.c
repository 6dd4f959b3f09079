/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Descriptors that a command does not need are closed, and the command is done: SPDK's initiator attaches the descriptor
 * of a DMA_MAP to the DMA_UNMAP as well.
 */
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/lib/server_client.h"
#include "tests/lib/raw_messages.h"

int main(void)
{
	struct vfmig_irq_set irqs = {.argsz = sizeof(irqs),
				     .flags = VFMIG_IRQ_SET_DATA_EVENTFD |
					      VFMIG_IRQ_SET_ACTION_TRIGGER,
				     .index = VFMIG_PCI_IRQ_MSIX,
				     .count = 1};
	struct vfmig_user_dma_unmap u = {.argsz = sizeof(u), .size = 0x1000};
	struct vfmig_user_dma_map m = {.argsz = sizeof(m), .flags = 3, .size = 0x1000};
	uint32_t info[8] = {32}, feature[4] = {16, VFMIG_FEATURE_MIG_STATE | VFMIG_FEATURE_GET};
	uint8_t version[4] = {0, 0, 1, 0};
	struct server_client p;
	int mem, fd = server_client_serve(&p, SERVER_CLIENT_ALL_FLAGS, NULL);
	void *memory = shared_memory(0x1000, &mem);
	int fds[3] = {mem, mem, mem}, events[2] = {eventfd(0, EFD_CLOEXEC), mem};
	unsigned before;

#define CALL(cmd, what, len, fds, n) raw_call(fd, cmd, what, len, fds, n, NULL, 0, NULL)
	CHECK_EQ(CALL(VFMIG_USER_VERSION, version, 4, fds, 3), 0);
	CHECK_EQ(CALL(VFMIG_USER_DEVICE_RESET, NULL, 0, NULL, 0), 0);
	before = count_fds(); /* with those of VERSION closed by now */
	for (unsigned i = 0; i < 3; i++) {
		CHECK_EQ(CALL(VFMIG_USER_DMA_MAP, &m, sizeof(m), fds, 1 + i), 0);
		CHECK_EQ(p.fake->maps, 1);
		CHECK_EQ(CALL(VFMIG_USER_DMA_UNMAP, &u, sizeof(u), fds, 1 + i), 0);
		CHECK_EQ(p.fake->maps, 0);
	}
	CHECK_EQ(CALL(VFMIG_USER_DEVICE_GET_REGION_INFO, info, 32, fds, 2), 0);
	CHECK_EQ(CALL(VFMIG_USER_DEVICE_FEATURE, feature, 8, fds, 1), 0);
	CHECK_EQ(CALL(VFMIG_USER_DEVICE_RESET, NULL, 0, fds, 3), 0);
	CHECK_EQ(count_fds(), before);
	/* One eventfd is asked for, and the other descriptor is not looked at. */
	CHECK_EQ(CALL(VFMIG_USER_DEVICE_SET_IRQS, &irqs, sizeof(irqs), events, 2), 0);
	irqs.flags = VFMIG_IRQ_SET_DATA_NONE | VFMIG_IRQ_SET_ACTION_TRIGGER;
	CHECK_EQ(CALL(VFMIG_USER_DEVICE_SET_IRQS, &irqs, sizeof(irqs), fds, 2), 0);
	irqs.count = 0;
	CHECK_EQ(CALL(VFMIG_USER_DEVICE_SET_IRQS, &irqs, sizeof(irqs), fds, 2), 0);
	CHECK_EQ(count_fds(), before);
	close(events[0]);
	close(fd);
	server_client_close(&p);
	munmap(memory, 0x1000);
	close(mem);
	return 0;
}
