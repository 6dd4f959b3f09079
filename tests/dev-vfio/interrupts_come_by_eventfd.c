/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Interrupts as a VMM sets them up: message vectors (MSI-X, and MSI) of which some have an eventfd, the pin that is masked as it is told of and
 * comes again when it is unmasked and nobody has served it; triggers without a device; arrays that are wrong.
 */
#include <sys/eventfd.h>

#include "device/filter.h"
#include "tests/dev-vfio/setup.h"
#include "tests/lib/test_device.h"

static int device;

/* The card's vectors are MSI-X; around it stands one that calls them MSI. */
static void back(struct inner *inner)
{
	inner_end(inner, inner->request.result);
}

static void msi_submit(struct vfmig_device *self, struct vfmig_request *request)
{
	bool msi = request->op == VFMIG_OP_SET_IRQS && request->irqs.index == VFMIG_PCI_IRQ_MSI;
	struct inner *inner;

	if (!msi) {
		vfmig_submit(self->inner, request);
		return;
	}
	inner = filter_request(self, request, sizeof(*inner), back);
	inner->request.irqs.index = VFMIG_PCI_IRQ_MSIX;
	filter_send(inner);
}

static const struct device_ops msi_ops = {
	.submit = msi_submit,
	.cancel = filter_cancel,
	.fd = filter_fd,
	.process = filter_process,
	.close = filter_close,
};

static int open_card(void *context, unsigned n, struct vfmig_device **opened,
		     struct vfmig_error *err)
{
	*opened = calloc(1, sizeof(**opened));
	return filter_init(*opened, &msi_ops, test_device_open(NULL), "msi", err);
}

static long set(uint32_t flags, uint32_t index, uint32_t start, uint32_t count, const void *data,
		size_t len)
{
	struct {
		struct vfmig_irq_set head;
		int32_t data[8];
	} s = {{(uint32_t)(sizeof(s.head) + len), flags, index, start, count}, {0}};

	if (len)
		memcpy(s.data, data, len);
	return setup_ioctl(device, VFMIG_IOCTL_DEVICE_SET_IRQS, &s);
}

static uint64_t came(int fd)
{
	uint64_t n = 0;

	return read(fd, &n, sizeof(n)) == sizeof(n) ? n : 0;
}

#define BY_EVENTFD (VFMIG_IRQ_SET_DATA_EVENTFD | VFMIG_IRQ_SET_ACTION_TRIGGER)

static void messages(uint32_t index)
{
	int a = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), b = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	int32_t fds[] = {a, -1, b}, wrong = 999;
	uint8_t bools[] = {0, 0, 1};

	CHECK_EQ(set(BY_EVENTFD, index, 0, 3, fds, sizeof(fds)), 0);
	setup_set(device, TEST_DEVICE_VECTOR, 0, 8);
	setup_set(device, TEST_DEVICE_VECTOR, 1, 8);
	setup_set(device, TEST_DEVICE_VECTOR, 2, 8);
	CHECK_EQ(came(a), 1);
	CHECK_EQ(came(b), 1);
	/* By the VMM itself, to try its own way. */
	CHECK_EQ(set(VFMIG_IRQ_SET_DATA_BOOL | VFMIG_IRQ_SET_ACTION_TRIGGER, index, 0, 3, bools,
		     sizeof(bools)),
		 0);
	CHECK_EQ(came(a), 0);
	CHECK_EQ(came(b), 1);
	/* One of them goes, the other stays. */
	fds[0] = -1;
	CHECK_EQ(set(BY_EVENTFD, index, 0, 1, fds, 4), 0);
	setup_set(device, TEST_DEVICE_VECTOR, 0, 8);
	setup_set(device, TEST_DEVICE_VECTOR, 2, 8);
	CHECK_EQ(came(a), 0);
	CHECK_EQ(came(b), 1);
	CHECK_EQ(set(BY_EVENTFD, index, 69, 2, fds, 8), -EINVAL);
	CHECK_EQ(set(BY_EVENTFD, 77, 0, 1, fds, 4), -EINVAL);
	CHECK_EQ(set(BY_EVENTFD, index, 0, 2, fds, 4), -EINVAL);
	CHECK(set(BY_EVENTFD, index, 0, 1, &wrong, 4) < 0);
	CHECK_EQ(setup_ioctl(device, VFMIG_IOCTL_DEVICE_SET_IRQS, NULL), -EFAULT);
	/* All of them off. */
	CHECK_EQ(set(VFMIG_IRQ_SET_DATA_NONE | VFMIG_IRQ_SET_ACTION_TRIGGER, index, 0, 0, NULL, 0),
		 0);
	setup_set(device, TEST_DEVICE_VECTOR, 2, 8);
	CHECK_EQ(came(b), 0);
	close(a);
	close(b);
}

static void pin(void)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	int again = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	const uint32_t unmask = VFMIG_IRQ_SET_DATA_NONE | VFMIG_IRQ_SET_ACTION_UNMASK;
	uint64_t one = 1;

	CHECK_EQ(set(BY_EVENTFD, VFMIG_PCI_IRQ_INTX, 0, 1, &fd, 4), 0);
	setup_set(device, TEST_DEVICE_PIN, 1, 8);
	CHECK_EQ(came(fd), 1);
	/* It is masked now, and high still: it comes again once it is unmasked. */
	setup_set(device, TEST_DEVICE_PIN, 1, 8);
	CHECK_EQ(came(fd), 0);
	CHECK_EQ(set(unmask, VFMIG_PCI_IRQ_INTX, 0, 1, NULL, 0), 0);
	CHECK_EQ(came(fd), 1);
	setup_set(device, TEST_DEVICE_PIN, 0, 8);
	CHECK_EQ(set(unmask, VFMIG_PCI_IRQ_INTX, 0, 1, NULL, 0), 0);
	CHECK_EQ(came(fd), 0);
	/* And as KVM does it, which unmasks by a descriptor of its own. */
	CHECK_EQ(set(VFMIG_IRQ_SET_DATA_EVENTFD | VFMIG_IRQ_SET_ACTION_UNMASK, VFMIG_PCI_IRQ_INTX,
		     0, 1, &again, 4),
		 0);
	setup_set(device, TEST_DEVICE_PIN, 1, 8);
	CHECK_EQ(came(fd), 1);
	CHECK_EQ(write(again, &one, sizeof(one)), 8);
	while (!came(fd))
		usleep(100);
	close(fd);
	close(again);
}

int main(void)
{
	const struct dev_vfio_config config = {
		.devices = 1, .first = SETUP_FIRST, .open = open_card, .say = setup_say};
	int container, group;

	CHECK(!dev_vfio_new(&config, &view, NULL));
	container = setup_container();
	group = setup_group(container, 0);
	setup_iommu(container);
	device = setup_device(group, 0);
	RUN(messages(VFMIG_PCI_IRQ_MSIX));
	/* What came while nobody listened would come first. */
	CHECK_EQ(setup_ioctl(device, VFMIG_IOCTL_DEVICE_RESET, NULL), 0);
	RUN(messages(VFMIG_PCI_IRQ_MSI));
	RUN(pin());
	dev_vfio_free(view);
	return 0;
}
