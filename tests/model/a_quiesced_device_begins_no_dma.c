/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * In RUNNING_P2P, when stopped, and without an address space a device begins no DMA, though its registers answer
 * and take work; it does that work later. So a client that vanishes (its space is detached, its interrupts
 * disabled) leaves a device whose state stays as it is until somebody takes it up again or resets it.
 *
 * Rules: V2-20, V2-21, V2-32, V2-44, V2-45, V2-46.
 */
#include <poll.h>

#include "tests/lib/test_device.h"

#define IOVA 0x100000

static struct vfmig_device *device;
static struct vfmig_session *session;
static struct vfmig_space *space;

static bool has_work(void)
{
	struct pollfd fd = {.fd = vfmig_device_fd(device), .events = POLLIN};

	return poll(&fd, 1, 0) == 1;
}

static void process(void)
{
	for (int i = 0; i < 3; i++)
		CHECK_OK(vfmig_device_process(device, &test_err));
}

static void in_state(enum vfmig_state quiet)
{
	uint64_t done = test_device_get(device, TEST_DEVICE_DONE);

	test_device_set(device, TEST_DEVICE_GO, 1);
	CHECK(has_work());
	test_device_go(session, quiet);
	process();
	CHECK_EQ(test_device_get(device, TEST_DEVICE_DONE), done);
	test_device_set(device, TEST_DEVICE_GO, 1);
	process();
	CHECK(!has_work()); /* nothing that can be done now */
	CHECK_EQ(test_device_get(device, TEST_DEVICE_GO), 2);
	CHECK_EQ(test_device_get(device, TEST_DEVICE_DONE), done);
	test_device_go(session, VFMIG_STATE_RUNNING);
	CHECK(has_work());
	test_device_work(device, done + 2);
	CHECK_EQ(test_device_get(device, TEST_DEVICE_GO), 0);
	process();
	CHECK(!has_work());
}

static void without_a_space(void)
{
	struct vfmig_request trigger = {.op = VFMIG_OP_SET_IRQS, .err = &test_err};
	uint64_t done = test_device_get(device, TEST_DEVICE_DONE);
	int32_t fd = eventfd(0, EFD_NONBLOCK);

	CHECK_OK(vfmig_device_set_irq_eventfds(device, VFMIG_PCI_IRQ_MSIX, 0, 1, &fd, &test_err));
	test_device_signals(fd); /* what was pending */
	test_device_set(device, TEST_DEVICE_GO, 5);
	/* The client is gone. */
	CHECK_OK(vfmig_space_detach(space, device, &test_err));
	trigger.irqs.index = VFMIG_PCI_IRQ_MSIX;
	trigger.irqs.flags = VFMIG_IRQ_SET_DATA_NONE | VFMIG_IRQ_SET_ACTION_TRIGGER;
	CHECK_OK(vfmig_call(device, &trigger));
	process();
	CHECK_EQ(test_device_get(device, TEST_DEVICE_GO), 5);
	test_device_set(device, TEST_DEVICE_VECTOR, 0);
	CHECK_EQ(test_device_signals(fd), 0);
	/* Its migration goes on to answer, and does not lose the state. */
	CHECK_EQ(test_device_state_of(session), VFMIG_STATE_RUNNING);
	test_device_go(session, VFMIG_STATE_STOP);
	test_device_go(session, VFMIG_STATE_RUNNING);
	process();
	CHECK_EQ(test_device_get(device, TEST_DEVICE_GO), 5);
	/* The next one takes it up where it was. */
	CHECK_OK(vfmig_device_set_irq_eventfds(device, VFMIG_PCI_IRQ_MSIX, 0, 1, &fd, &test_err));
	CHECK_EQ(test_device_signals(fd), 1);
	CHECK_OK(vfmig_space_attach(space, device, &test_err));
	test_device_work(device, done + 5);
	CHECK(test_device_signals(fd));
	close(fd);
}

/* Attached while stopped, as a destination is; and twice, as nobody should be. */
static void attached_late(void)
{
	struct vfmig_request attach = {.op = VFMIG_OP_ATTACH, .err = &test_err};
	uint64_t done = test_device_get(device, TEST_DEVICE_DONE);

	CHECK_OK(vfmig_space_detach(space, device, &test_err));
	test_device_go(session, VFMIG_STATE_STOP);
	CHECK_OK(vfmig_space_attach(space, device, &test_err));
	test_device_set(device, TEST_DEVICE_GO, 1);
	process();
	CHECK_EQ(test_device_get(device, TEST_DEVICE_DONE), done);
	attach.space = space;
	CHECK_EQ(vfmig_call(device, &attach), -EBUSY);
	test_device_go(session, VFMIG_STATE_RUNNING_P2P);
	process();
	CHECK_EQ(test_device_get(device, TEST_DEVICE_DONE), done);
	test_device_go(session, VFMIG_STATE_RUNNING);
	test_device_work(device, done + 1);
	CHECK_OK(vfmig_space_detach(space, device, &test_err));
	attach = (struct vfmig_request){.op = VFMIG_OP_DETACH, .err = &test_err};
	CHECK_EQ(vfmig_call(device, &attach), -ENXIO);
	CHECK_OK(vfmig_space_attach(space, device, &test_err));
}

int main(void)
{
	void *memory;

	device = test_device_open(NULL);
	session = test_device_session(device);
	space = vfmig_space_new();
	memory = test_device_memory(space, IOVA, 65536);
	CHECK_OK(vfmig_space_attach(space, device, &test_err));
	test_device_set(device, TEST_DEVICE_SRC, IOVA);
	test_device_set(device, TEST_DEVICE_DST, IOVA);
	test_device_set(device, TEST_DEVICE_LEN, 8);
	RUN(in_state(VFMIG_STATE_RUNNING_P2P));
	RUN(in_state(VFMIG_STATE_PRE_COPY_P2P));
	RUN(in_state(VFMIG_STATE_STOP));
	RUN(in_state(VFMIG_STATE_STOP_COPY));
	RUN(without_a_space());
	RUN(attached_late());
	vfmig_session_close(session);
	vfmig_device_close(device);
	vfmig_space_free(space);
	munmap(memory, 65536);
	return 0;
}
