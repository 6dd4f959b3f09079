/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every operation of a device goes through the socket and comes back, with the extension and without: what the client
 * is told is what the device has, and what the device gets is what the client asked. Over one socket, or two.
 */
#include <errno.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vfmig/space.h>

#include "abi/feature.h"
#include "tests/lib/server_client.h"

static void information(struct server_client *p)
{
	struct vfmig_device_info info;
	struct vfmig_region region;
	struct vfmig_irq_info irq;

	CHECK_EQ(vfmig_device_get_info(p->client, &info, NULL), 0);
	CHECK_EQ(info.flags, VFMIG_DEVICE_FLAG_RESET | VFMIG_DEVICE_FLAG_PCI);
	CHECK_EQ(info.num_regions, VFMIG_PCI_REGION_COUNT);
	CHECK_EQ(info.num_irqs, VFMIG_PCI_IRQ_COUNT);

	CHECK_EQ(vfmig_device_get_region_info(p->client, 0, &region, NULL), 0);
	CHECK_EQ(region.size, FAKE_DEVICE_BAR0);
	CHECK_EQ(region.flags, VFMIG_REGION_FLAG_READ | VFMIG_REGION_FLAG_WRITE);
	CHECK_EQ(vfmig_device_get_region_info(p->client, 2, &region, NULL), 0);
	CHECK(region.flags & VFMIG_REGION_FLAG_MMAP);
	CHECK_EQ(region.areas, 1);
	CHECK_EQ(region.area[0].offset, FAKE_DEVICE_BAR2_FROM);
	CHECK_EQ(region.area[0].size, FAKE_DEVICE_BAR2_LEN);
	CHECK_EQ(vfmig_device_get_region_info(p->client, 1, &region, NULL), 0);
	CHECK_EQ(region.size, 0);
	CHECK_EQ(vfmig_device_get_region_info(p->client, 99, &region, NULL), -EINVAL);

	CHECK_EQ(vfmig_device_get_irq_info(p->client, VFMIG_PCI_IRQ_MSIX, &irq, NULL), 0);
	CHECK_EQ(irq.count, FAKE_DEVICE_VECTORS);
	CHECK_EQ(irq.flags, VFMIG_IRQ_INFO_EVENTFD);
	CHECK_EQ(vfmig_device_get_irq_info(p->client, 77, &irq, NULL), -EINVAL);
}

static void regions(struct server_client *p)
{
	uint8_t in[FAKE_DEVICE_BAR0], out[FAKE_DEVICE_BAR0];
	struct vfmig_error err = {0};
	void *ptr;

	for (unsigned i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)(i * 7 + i / 251);
	/* The doorbell is in the middle, and rings for nobody. */
	CHECK_EQ(vfmig_device_region_write(p->client, 0, 0, in, sizeof(in), NULL), 0);
	CHECK(!memcmp(p->fake->bar0, in, sizeof(in)));
	CHECK_EQ(vfmig_device_region_read(p->client, 0, 0, out, sizeof(out), NULL), 0);
	CHECK(!memcmp(in, out, sizeof(in)));
	CHECK_EQ(vfmig_device_region_read(p->client, 7, 16, out, 4, NULL), 0);
	CHECK(!memcmp(out, (const uint8_t[]){16, 17, 18, 19}, 4));
	CHECK_EQ(vfmig_device_region_read(p->client, 7, FAKE_DEVICE_CONFIG - 2, out, 4, &err),
		 -EINVAL);
	CHECKF(strstr(err.text, "served"), "%s", err.text);
	CHECK_EQ(vfmig_device_region_read(p->client, 0, UINT64_MAX, out, 4, NULL), -EINVAL);

	CHECKF(!vfmig_device_region_map(p->client, 2, FAKE_DEVICE_BAR2_FROM, FAKE_DEVICE_BAR2_LEN,
					&ptr, &err),
	       "%s", err.text);
	memcpy(ptr, "mapped", 6);
	CHECK_EQ(vfmig_device_region_read(p->client, 2, FAKE_DEVICE_BAR2_FROM, out, 6, NULL), 0);
	CHECK(!memcmp(out, "mapped", 6));
	CHECK_EQ(munmap(ptr, FAKE_DEVICE_BAR2_LEN), 0);
	CHECK(vfmig_device_region_map(p->client, 0, 0, 4096, &ptr, NULL) < 0);
}

static uint64_t counted(int fd)
{
	uint64_t n = 0;

	return read(fd, &n, sizeof(n)) == sizeof(n) ? n : 0;
}

static void interrupts(struct server_client *p)
{
	struct vfmig_request trigger = {
		.op = VFMIG_OP_SET_IRQS,
		.irqs = {.flags = VFMIG_IRQ_SET_DATA_BOOL | VFMIG_IRQ_SET_ACTION_TRIGGER,
			 .index = VFMIG_PCI_IRQ_MSIX,
			 .start = 1,
			 .count = 3,
			 .bools = (const uint8_t[]){0, 1, 0}},
	};
	int32_t fds[FAKE_DEVICE_VECTORS];

	for (unsigned i = 0; i < FAKE_DEVICE_VECTORS; i++)
		fds[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	/* More than one message takes. */
	CHECK_EQ(vfmig_device_set_irq_eventfds(p->client, VFMIG_PCI_IRQ_MSIX, 0,
					       FAKE_DEVICE_VECTORS, fds, NULL),
		 0);
	for (unsigned i = 0; i < FAKE_DEVICE_VECTORS; i++) {
		uint64_t n = i + 1;

		CHECK(p->fake->irqs[i] >= 0);
		CHECK_EQ(write(p->fake->irqs[i], &n, sizeof(n)), sizeof(n));
		CHECK_EQ(counted(fds[i]), i + 1);
	}
	CHECK_EQ(vfmig_call(p->client, &trigger), 0);
	CHECK_EQ(counted(fds[1]), 0);
	CHECK_EQ(counted(fds[2]), 1);
	CHECK_EQ(counted(fds[3]), 0);
	/* Some away, and the others stay. */
	CHECK_EQ(vfmig_device_set_irq_eventfds(p->client, VFMIG_PCI_IRQ_MSIX, 2, 3,
					       (const int32_t[]){fds[2], -1, fds[4]}, NULL),
		 0);
	trigger.irqs.bools = (const uint8_t[]){1, 1, 1};
	CHECK_EQ(vfmig_call(p->client, &trigger), 0);
	CHECK_EQ(counted(fds[1]), 1);
	CHECK_EQ(counted(fds[2]), 1);
	CHECK_EQ(counted(fds[3]), 0);
	trigger.irqs.flags = VFMIG_IRQ_SET_DATA_NONE | VFMIG_IRQ_SET_ACTION_TRIGGER;
	trigger.irqs.start = trigger.irqs.count = 0;
	CHECK_EQ(vfmig_call(p->client, &trigger), 0);
	for (unsigned i = 0; i < FAKE_DEVICE_VECTORS; i++) {
		CHECK_EQ(p->fake->irqs[i], -1);
		close(fds[i]);
	}
	trigger.irqs.count = FAKE_DEVICE_VECTORS + 1;
	CHECK_EQ(vfmig_call(p->client, &trigger), -EINVAL);
}

static int set_state(struct server_client *p, enum vfmig_state state)
{
	struct vfmig_feature_mig_state s = {state, -1};

	return vfmig_device_call_feature(p->client, VFMIG_FEATURE_MIG_STATE | VFMIG_FEATURE_SET, &s,
					 sizeof(s), NULL);
}

static enum vfmig_state get_state(struct server_client *p)
{
	struct vfmig_feature_mig_state s = {99, 99};

	CHECK_EQ(vfmig_device_call_feature(p->client, VFMIG_FEATURE_MIG_STATE | VFMIG_FEATURE_GET,
					   &s, sizeof(s), NULL),
		 0);
	CHECK_EQ(s.data_fd, -1);
	return s.device_state;
}

static ssize_t data(struct server_client *p, enum vfmig_op op, void *buf, size_t len)
{
	struct vfmig_request r = {.op = op, .data = {buf, len}};

	return vfmig_call(p->client, &r);
}

#define DATA (5u << 20)

static void migration(struct server_client *p, bool extended)
{
	uint8_t *in = malloc(DATA), *out = malloc(DATA);
	struct vfmig_request info = {.op = VFMIG_OP_PRECOPY_INFO};
	uint64_t flags = 0, size = 0;
	size_t got = 0;
	ssize_t n;

	CHECK_EQ(vfmig_device_call_feature(p->client, VFMIG_FEATURE_MIGRATION | VFMIG_FEATURE_GET,
					   &flags, sizeof(flags), NULL),
		 0);
	CHECK_EQ(flags, extended ? SERVER_CLIENT_ALL_FLAGS
				 : SERVER_CLIENT_ALL_FLAGS & ~VFMIG_MIGRATION_P2P);
	CHECK_EQ(vfmig_device_call_feature(p->client,
					   VFMIG_FEATURE_MIG_STATE | VFMIG_FEATURE_PROBE |
						   VFMIG_FEATURE_GET | VFMIG_FEATURE_SET,
					   NULL, 0, NULL),
		 0);
	CHECK_EQ(vfmig_device_call_feature(p->client, 55 | VFMIG_FEATURE_PROBE, NULL, 0, NULL),
		 -ENOTTY);
	CHECK_EQ(get_state(p), VFMIG_STATE_RUNNING);
	CHECK_EQ(set_state(p, VFMIG_STATE_RUNNING_P2P), extended ? 0 : -EINVAL);
	CHECK_EQ(set_state(p, VFMIG_STATE_ERROR), -EINVAL);
	CHECK_EQ(set_state(p, 8), -EINVAL);

	for (unsigned i = 0; i < DATA; i++)
		in[i] = (uint8_t)(i ^ i >> 8 ^ i >> 16);
	fake_device_set_data(p->fake, in, DATA);
	CHECK_EQ(set_state(p, VFMIG_STATE_PRE_COPY), 0);
	CHECK_EQ(vfmig_call(p->client, &info), extended ? 0 : -ENOTTY);
	if (extended) {
		CHECK_EQ(info.precopy.initial_bytes, DATA);
		CHECK_EQ(info.precopy.dirty_bytes, 77);
	}
	CHECK_EQ(vfmig_device_call_feature(p->client,
					   VFMIG_FEATURE_MIG_DATA_SIZE | VFMIG_FEATURE_GET, &size,
					   sizeof(size), NULL),
		 extended ? 0 : -ENOTTY);
	CHECK_EQ(size, extended ? DATA : 0);
	CHECK_EQ(data(p, VFMIG_OP_DATA_READ, out, 1000), 1000);
	CHECK_EQ(set_state(p, VFMIG_STATE_STOP_COPY), 0);
	while ((n = data(p, VFMIG_OP_DATA_READ, out + got, DATA - got)) > 0)
		got += (size_t)n;
	CHECK_EQ(n, 0);
	CHECK_EQ(got, DATA);
	CHECK(!memcmp(in, out, DATA));
	CHECK_EQ(data(p, VFMIG_OP_DATA_READ, in, 1), 0);
	CHECK_EQ(set_state(p, VFMIG_STATE_RESUMING), 0);
	CHECK_EQ(data(p, VFMIG_OP_DATA_WRITE, out, DATA), DATA);
	CHECK_EQ(p->fake->data_len, DATA);
	CHECK(!memcmp(p->fake->data, out, DATA));
	CHECK_EQ(set_state(p, VFMIG_STATE_STOP), 0);
	CHECK_EQ(data(p, VFMIG_OP_DATA_WRITE, out, 10), -EINVAL);
	CHECK_EQ(get_state(p), VFMIG_STATE_STOP);
	CHECK_EQ(vfmig_device_reset(p->client, NULL), 0);
	CHECK_EQ(get_state(p), VFMIG_STATE_RUNNING);
	CHECK(p->fake->resets);
	free(in);
	free(out);
}

/* In pre-copy, the end is only for now. */
static void precopy_end(struct server_client *p)
{
	uint8_t buf[16];

	fake_device_set_data(p->fake, "abc", 3);
	CHECK_EQ(set_state(p, VFMIG_STATE_PRE_COPY), 0);
	CHECK_EQ(data(p, VFMIG_OP_DATA_READ, buf, sizeof(buf)), 3);
	CHECK_EQ(data(p, VFMIG_OP_DATA_READ, buf, sizeof(buf)), -ENOMSG);
	CHECK_EQ(set_state(p, VFMIG_STATE_RUNNING), 0);
}

int main(void)
{
	for (int i = 0; i < 4; i++) {
		int extended = i & 1, chain = i & 2;
		unsigned before = count_fds();
		struct server_client p;

		(chain ? server_client_open_chain : server_client_open)(
			&p, SERVER_CLIENT_ALL_FLAGS, NULL, extended ? NULL : "extensions=off");
		information(&p);
		regions(&p);
		interrupts(&p);
		migration(&p, extended);
		precopy_end(&p);
		server_client_close(&p);
		CHECK_EQ(count_fds(), before);
	}
	return 0;
}
