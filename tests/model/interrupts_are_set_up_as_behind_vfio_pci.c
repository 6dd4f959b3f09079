/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SET_IRQS and what comes of it: eventfds are taken and given back, masks hold interrupts without losing them, the
 * pin is level-triggered and masks itself, users can ring their own bell, and what vfio-pci refuses is refused.
 */
#include <fcntl.h>

#include "tests/lib/test_device.h"

#define NONE	VFMIG_IRQ_SET_DATA_NONE
#define BOOL	VFMIG_IRQ_SET_DATA_BOOL
#define FDS	VFMIG_IRQ_SET_DATA_EVENTFD
#define MASK	VFMIG_IRQ_SET_ACTION_MASK
#define UNMASK	VFMIG_IRQ_SET_ACTION_UNMASK
#define TRIGGER VFMIG_IRQ_SET_ACTION_TRIGGER
#define INTX	VFMIG_PCI_IRQ_INTX
#define MSIX	VFMIG_PCI_IRQ_MSIX

static struct vfmig_device *device;
static struct vfmig_session *session;
static int32_t fds[3];

static int set(uint32_t index, uint32_t flags, uint32_t start, uint32_t count, const void *data)
{
	struct vfmig_request request = {.op = VFMIG_OP_SET_IRQS, .err = &test_err};

	request.irqs.index = index;
	request.irqs.flags = flags;
	request.irqs.start = start;
	request.irqs.count = count;
	if (flags & FDS)
		request.irqs.fds = data;
	else
		request.irqs.bools = data;
	return (int)vfmig_call(device, &request);
}

static void raise_vector(unsigned vector)
{
	test_device_set(device, TEST_DEVICE_VECTOR, vector);
}

static void table_mask(unsigned vector, uint32_t mask)
{
	CHECK_OK(vfmig_device_region_write(device, 4, vector * 16 + 12, &mask, 4, &test_err));
}

static void signals(uint64_t a, uint64_t b, uint64_t c)
{
	CHECK_EQ(test_device_signals(fds[0]), a);
	CHECK_EQ(test_device_signals(fds[1]), b);
	CHECK_EQ(test_device_signals(fds[2]), c);
}

static void config16(uint64_t offset, uint16_t value)
{
	CHECK_OK(vfmig_device_region_write(device, VFMIG_PCI_REGION_CONFIG, offset, &value, 2,
					   &test_err));
}

static void vectors(void)
{
	uint8_t bools[3] = {1, 0, 1};
	int32_t none = -1;

	/* Early ones wait for somebody to listen. */
	raise_vector(11);
	CHECK_OK(set(MSIX, FDS | TRIGGER, 10, 3, fds));
	signals(0, 1, 0);
	raise_vector(10);
	raise_vector(10);
	raise_vector(12);
	raise_vector(13);
	raise_vector(69);
	raise_vector(70);
	raise_vector(UINT32_MAX);
	signals(2, 0, 1);
	/* The user's own bell. */
	CHECK_OK(set(MSIX, BOOL | TRIGGER, 10, 3, bools));
	signals(1, 0, 1);
	CHECK_OK(set(MSIX, NONE | TRIGGER, 9, 3, NULL));
	signals(1, 1, 0);
	/* Three kinds of mask. */
	CHECK_OK(set(MSIX, NONE | MASK, 10, 1, NULL));
	raise_vector(10);
	raise_vector(11);
	signals(0, 1, 0);
	CHECK_OK(set(MSIX, BOOL | UNMASK, 10, 3, bools));
	signals(1, 0, 0);
	table_mask(11, 1);
	raise_vector(11);
	raise_vector(11);
	signals(0, 0, 0);
	table_mask(11, 0);
	signals(0, 1, 0);
	config16(0x42, 0xc000);
	raise_vector(10);
	raise_vector(12);
	signals(0, 0, 0);
	config16(0x42, 0x8000);
	signals(1, 0, 1);
	/* Stopped, it says nothing. */
	test_device_go(session, VFMIG_STATE_STOP);
	raise_vector(12);
	signals(0, 0, 0);
	test_device_go(session, VFMIG_STATE_RUNNING);
	signals(0, 0, 1);
	/* One goes, the others stay; a reset takes none away; then all go. */
	CHECK_OK(set(MSIX, FDS | TRIGGER, 11, 1, &none));
	raise_vector(10);
	raise_vector(11);
	signals(1, 0, 0);
	CHECK_OK(vfmig_device_reset(device, &test_err));
	raise_vector(10);
	signals(1, 0, 0);
	CHECK_OK(set(MSIX, NONE | TRIGGER, 0, 0, NULL));
	raise_vector(10);
	signals(0, 0, 0);
	CHECK_EQ(set(MSIX, NONE | TRIGGER, 10, 1, NULL), -EINVAL);
	CHECK_OK(vfmig_device_reset(device, &test_err)); /* forgets what is pending */
	CHECK_OK(set(MSIX, FDS | TRIGGER, 10, 3, fds));
	signals(0, 0, 0);
	CHECK_OK(set(MSIX, NONE | TRIGGER, 0, 0, NULL));
}

static void pin(void)
{
	int32_t resample = eventfd(0, 0), none = -1;
	uint64_t one = 1;
	uint16_t status;

	CHECK_OK(set(INTX, FDS | TRIGGER, 0, 1, &fds[0]));
	test_device_set(device, TEST_DEVICE_PIN, 1);
	CHECK_OK(vfmig_device_region_read(device, VFMIG_PCI_REGION_CONFIG, 6, &status, 2,
					  &test_err));
	CHECK_EQ(status, 0x18);
	signals(1, 0, 0);
	test_device_set(device, TEST_DEVICE_PIN, 1);
	signals(0, 0, 0); /* it has masked itself */
	CHECK_OK(set(INTX, NONE | UNMASK, 0, 1, NULL));
	signals(1, 0, 0); /* and is asserted still */
	test_device_set(device, TEST_DEVICE_PIN, 0);
	CHECK_OK(set(INTX, NONE | UNMASK, 0, 1, NULL));
	signals(0, 0, 0);
	CHECK_OK(set(INTX, NONE | MASK, 0, 1, NULL));
	test_device_set(device, TEST_DEVICE_PIN, 1);
	signals(0, 0, 0);
	/* By an eventfd, as KVM does it. */
	CHECK_OK(set(INTX, FDS | UNMASK, 0, 1, &resample));
	CHECK_OK(vfmig_device_process(device, &test_err));
	signals(0, 0, 0);
	CHECK_EQ(write(resample, &one, 8), 8);
	CHECK_OK(vfmig_device_process(device, &test_err));
	signals(1, 0, 0);
	CHECK_OK(set(INTX, FDS | UNMASK, 0, 1, &none));
	CHECK_EQ(write(resample, &one, 8), 8);
	CHECK_OK(vfmig_device_process(device, &test_err));
	signals(0, 0, 0);
	/* The command word can silence it. */
	config16(4, 0x0400);
	CHECK_OK(set(INTX, NONE | UNMASK, 0, 1, NULL));
	signals(0, 0, 0);
	config16(4, 0);
	signals(1, 0, 0);
	CHECK_OK(set(INTX, NONE | TRIGGER, 0, 1, NULL));
	signals(1, 0, 0);
	/* Not both kinds at once. */
	CHECK_EQ(set(MSIX, FDS | TRIGGER, 0, 3, fds), -EINVAL);
	CHECK_OK(set(INTX, NONE | TRIGGER, 0, 0, NULL));
	CHECK_OK(set(MSIX, FDS | TRIGGER, 0, 3, fds));
	CHECK_EQ(set(INTX, FDS | TRIGGER, 0, 1, fds), -EINVAL);
	CHECK_OK(set(MSIX, NONE | TRIGGER, 0, 0, NULL));
	test_device_set(device, TEST_DEVICE_PIN, 0);
	close(resample);
}

static void refusals(void)
{
	int32_t file = open("/dev/null", O_RDWR | O_CLOEXEC), pipes[2], bad = 100000;
	int32_t mixed[3] = {fds[0], 0, fds[2]};
	uint8_t yes = 1;

	CHECK(file >= 0 && !pipe(pipes));
	CHECK_EQ(set(MSIX, FDS | TRIGGER, 0, 1, &file), -EINVAL);
	CHECK_EQ(set(MSIX, FDS | TRIGGER, 0, 1, &pipes[1]), -EINVAL);
	CHECK_EQ(set(MSIX, FDS | TRIGGER, 0, 1, &bad), -EBADF);
	/* All or none. */
	mixed[1] = file;
	CHECK_EQ(set(MSIX, FDS | TRIGGER, 0, 3, mixed), -EINVAL);
	CHECK_EQ(set(MSIX, NONE | TRIGGER, 0, 1, NULL), -EINVAL);
	CHECK_EQ(set(MSIX, NONE, 0, 1, NULL), -EINVAL);
	CHECK_EQ(set(MSIX, TRIGGER, 0, 1, NULL), -EINVAL);
	CHECK_EQ(set(MSIX, NONE | BOOL | TRIGGER, 0, 1, &yes), -EINVAL);
	CHECK_EQ(set(MSIX, NONE | TRIGGER | MASK, 0, 1, NULL), -EINVAL);
	CHECK_EQ(set(MSIX, NONE | TRIGGER | 1u << 6, 0, 0, NULL), -EINVAL);
	CHECK_EQ(set(MSIX, FDS | TRIGGER, 0, 0, fds), -EINVAL);
	CHECK_EQ(set(MSIX, FDS | TRIGGER, 68, 3, fds), -EINVAL);
	CHECK_EQ(set(MSIX, FDS | TRIGGER, 70, 1, fds), -EINVAL);
	CHECK_EQ(set(MSIX, FDS | TRIGGER, UINT32_MAX, 2, fds), -EINVAL);
	CHECK_EQ(set(MSIX, FDS | TRIGGER, 1, UINT32_MAX, fds), -EINVAL);
	CHECK_EQ(set(MSIX, FDS | TRIGGER, 0, 1, NULL), -EINVAL);
	CHECK_EQ(set(MSIX, FDS | MASK, 0, 1, fds), -ENOTTY);
	CHECK_EQ(set(INTX, NONE | UNMASK, 0, 1, NULL), -EINVAL);
	CHECK_EQ(set(INTX, FDS | TRIGGER, 0, 2, fds), -EINVAL);
	CHECK_EQ(set(VFMIG_PCI_IRQ_MSI, FDS | TRIGGER, 0, 1, fds), -EINVAL);
	CHECK_EQ(set(VFMIG_PCI_IRQ_ERR, FDS | TRIGGER, 0, 1, fds), -EINVAL);
	CHECK_EQ(set(5, FDS | TRIGGER, 0, 1, fds), -EINVAL);
	CHECK_OK(set(VFMIG_PCI_IRQ_REQ, FDS | TRIGGER, 0, 1, fds));
	CHECK_OK(set(VFMIG_PCI_IRQ_REQ, NONE | TRIGGER, 0, 1, NULL));
	signals(1, 0, 0);
	CHECK_OK(set(VFMIG_PCI_IRQ_REQ, NONE | TRIGGER, 0, 0, NULL));
	CHECK_EQ(set(VFMIG_PCI_IRQ_REQ, NONE | TRIGGER, 0, 1, NULL), -EINVAL);
	CHECK_EQ(set(VFMIG_PCI_IRQ_REQ, NONE | MASK, 0, 1, NULL), -ENOTTY);
	close(file);
	close(pipes[0]);
	close(pipes[1]);
}

/* A full counter must not stop the device, whatever the descriptor does when it is full. */
static void a_full_eventfd_blocks_nobody(void)
{
	int32_t full = eventfd(0, 0);
	uint64_t most = UINT64_MAX - 1;

	CHECK_EQ(write(full, &most, 8), 8);
	CHECK_OK(set(MSIX, FDS | TRIGGER, 0, 1, &full));
	raise_vector(0);
	CHECK_OK(set(MSIX, NONE | TRIGGER, 0, 0, NULL));
	close(full);
}

static void information(void)
{
	static const struct {
		uint32_t flags, count;
	} want[5] = {
		{VFMIG_IRQ_INFO_EVENTFD | VFMIG_IRQ_INFO_MASKABLE | VFMIG_IRQ_INFO_AUTOMASKED, 1},
		{VFMIG_IRQ_INFO_EVENTFD | VFMIG_IRQ_INFO_NORESIZE, 0},
		{VFMIG_IRQ_INFO_EVENTFD | VFMIG_IRQ_INFO_MASKABLE, TEST_DEVICE_VECTORS},
		{VFMIG_IRQ_INFO_EVENTFD | VFMIG_IRQ_INFO_NORESIZE, 0},
		{VFMIG_IRQ_INFO_EVENTFD | VFMIG_IRQ_INFO_NORESIZE, 1},
	};
	struct vfmig_irq_info info;

	for (uint32_t i = 0; i < 5; i++) {
		/* As Linux has it for a function without error reporting; QEMU warns of a count of 0. */
		if (i == VFMIG_PCI_IRQ_ERR) {
			CHECK_EQ(vfmig_device_get_irq_info(device, i, &info, NULL), -EINVAL);
			continue;
		}
		CHECK_OK(vfmig_device_get_irq_info(device, i, &info, &test_err));
		CHECK_EQ(info.index, i);
		CHECK_EQ(info.flags, want[i].flags);
		CHECK_EQ(info.count, want[i].count);
	}
	CHECK_EQ(vfmig_device_get_irq_info(device, 5, &info, NULL), -EINVAL);
}

int main(void)
{
	for (int i = 0; i < 3; i++)
		fds[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	device = test_device_open(NULL);
	session = test_device_session(device);
	RUN(information());
	RUN(vectors());
	RUN(pin());
	RUN(refusals());
	RUN(a_full_eventfd_blocks_nobody());
	/* What is set up when a device is closed is let go. */
	CHECK_OK(set(MSIX, FDS | TRIGGER, 0, 3, fds));
	vfmig_session_close(session);
	vfmig_device_close(device);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	return 0;
}
