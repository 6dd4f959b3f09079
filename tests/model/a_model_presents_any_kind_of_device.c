/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * INFO-01 INFO-02 INFO-03 INFO-05 INFO-06 INFO-07: a model shows itself as any kind of device, with capabilities, typed regions and
 * the interrupts of its kind, in this process and behind a socket; they work, and they move. argsz is answered by the
 * uAPI's rules. A model that contradicts itself is refused.
 */
#include <sys/socket.h>

#include <vfmig/export.h>
#include <vfmig/info.h>
#include <vfmig/open.h>

#include "source/vfio_user.h"
#include "tests/lib/test_device.h"

static struct vfmig_export *server;

/* As it is, or (@far) behind a socket. */
static struct vfmig_device *open_as(const char *guise, bool far, struct vfmig_device **served)
{
	struct vfmig_export_options config = {.struct_size = sizeof(struct vfmig_export_options)};
	struct vfmig_device *device;
	char name[64];
	int fds[2];

	snprintf(name, sizeof(name), "model:lookalike,as=%s", guise);
	CHECK_OK(vfmig_open(name, &device, &test_err));
	*served = device;
	if (!far)
		return device;
	CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	config.fd = fds[0];
	CHECK_OK(vfmig_export_open_vfio_user(device, &config, &server, &test_err));
	CHECK_OK(vfmig_export_start(server, &test_err));
	CHECK_OK(vfio_user_adopt(fds[1], "served", NULL, &device, &test_err));
	return device;
}

static void close_it(struct vfmig_device *device, struct vfmig_device *served, bool far)
{
	vfmig_device_close(device);
	if (!far)
		return;
	vfmig_export_close(server);
	vfmig_device_close(served);
}

static void kinds(bool far)
{
	static const struct {
		const char *guise;
		uint32_t flag, regions, irqs;
	} cases[] = {
		{"pci", VFMIG_DEVICE_FLAG_PCI, 9, 5},
		{"zpci", VFMIG_DEVICE_FLAG_PCI | VFMIG_DEVICE_FLAG_CAPS, 9, 5},
		{"ccw", VFMIG_DEVICE_FLAG_CCW, 4, 3},
		{"ap", VFMIG_DEVICE_FLAG_AP, 0, 1},
		{"platform", VFMIG_DEVICE_FLAG_PLATFORM, 2, 2},
		{"amba", VFMIG_DEVICE_FLAG_AMBA, 2, 1},
		{"fsl-mc", VFMIG_DEVICE_FLAG_FSL_MC, 2, 1},
		{"cdx", VFMIG_DEVICE_FLAG_CDX, 2, 1},
		{"gfx", VFMIG_DEVICE_FLAG_PCI, 10, 5},
		{"igd", VFMIG_DEVICE_FLAG_PCI, 12, 5},
	};
	struct vfmig_device_details about;
	struct vfmig_device *device, *served;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		device = open_as(cases[i].guise, far, &served);
		CHECK_OK(vfmig_device_get_details(device, &about, &test_err));
		CHECK_EQ(about.flags, cases[i].flag | VFMIG_DEVICE_FLAG_RESET);
		CHECK_EQ(about.num_regions, cases[i].regions);
		CHECK_EQ(about.num_irqs, cases[i].irqs);
		CHECK_EQ(about.has_base, !strcmp(cases[i].guise, "zpci"));
		close_it(device, served, far);
	}
}

static void zpci(bool far)
{
	struct vfmig_device_details about;
	struct vfmig_device *device, *served;
	char text[32];

	device = open_as("zpci", far, &served);
	CHECK_OK(vfmig_device_get_details(device, &about, &test_err));
	CHECK_EQ(about.base.start_dma, 0x100000000);
	CHECK_EQ(about.base.fh, 0x80000042);
	CHECK_EQ(about.group.noi, 2048);
	CHECK_EQ(about.group.imaxstbl, 128);
	CHECK_STR(vfmig_ebcdic_text(about.util, about.util_size, text, sizeof(text)),
		  "LOOKALIKE 1");
	CHECK_EQ(about.pfip_size, 4);
	/* By less room than it takes: the fixed part, and how much it takes; below that nothing. */
	for (size_t size = 0; size <= 256; size += 4) {
		uint8_t bytes[256];
		struct vfmig_device_info *info = (struct vfmig_device_info *)bytes;
		struct vfmig_request request = {.op = VFMIG_OP_DEVICE_INFO,
						.info = {.buf = bytes, .size = size}};
		ssize_t ret;

		memset(bytes, 0xee, sizeof(bytes));
		ret = vfmig_call(device, &request);
		if (size < 16) {
			CHECK_EQ(ret, -EINVAL);
			continue;
		}
		if (far && size == 16) { /* all that the protocol has without the extension */
			CHECK(ret >= 16);
			continue;
		}
		CHECK_EQ(ret, 160);
		CHECK_EQ(info->argsz, 160);
		CHECK(info->flags & VFMIG_DEVICE_FLAG_CAPS);
		if (size >= 20)
			CHECK_EQ(info->cap_offset, size < 160 ? 0 : 24);
		if (!far && size < 160 && size > 24)
			CHECK_EQ(bytes[24], 0xee);
	}
	close_it(device, served, far);
}

static void types(bool far)
{
	static const struct {
		const char *guise;
		uint32_t index, size;
		const char *name;
	} cases[] = {
		{"ccw", 1, 8, "CCW async commands"},
		{"ccw", 2, 52, "CCW SCHIB"},
		{"ccw", 3, 8, "CCW CRW"},
		{"gfx", 9, 4096, "GFX EDID"},
		{"igd", 9, 8192, "Intel graphics OpRegion"},
		{"igd", 10, 256, "Intel graphics host bridge config"},
		{"igd", 11, 256, "Intel graphics LPC bridge config"},
	};
	struct vfmig_device *device, *served;
	struct vfmig_region region;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		device = open_as(cases[i].guise, far, &served);
		CHECK_OK(vfmig_device_get_region_info(device, cases[i].index, &region, &test_err));
		CHECK_EQ(region.size, cases[i].size);
		CHECK_STR(vfmig_region_type_name(region.type, region.subtype), cases[i].name);
		close_it(device, served, far);
	}
	device = open_as("pci", far, &served);
	CHECK_OK(vfmig_device_get_region_info(device, 4, &region, &test_err));
	CHECK(region.msix_mappable);
	CHECK_OK(vfmig_device_get_region_info(device, 0, &region, &test_err));
	CHECK(!region.msix_mappable);
	close_it(device, served, far);
	CHECK(!vfmig_region_type_name(77, 1));
	CHECK_STR(vfmig_region_type_name(VFMIG_REGION_TYPE_PCI_VENDOR | 0x1234, 9), "PCI vendor");
	CHECK_STR(vfmig_irq_name(VFMIG_DEVICE_FLAG_CCW, VFMIG_CCW_IRQ_CRW), "CRW");
	CHECK(!vfmig_irq_name(VFMIG_DEVICE_FLAG_PLATFORM, 0));
	CHECK(!vfmig_device_flag_name(31));
}

static int trigger(struct vfmig_device *device, uint32_t flags, uint32_t index, uint32_t start,
		   uint32_t count, const int32_t *fds)
{
	struct vfmig_request request = {.op = VFMIG_OP_SET_IRQS,
					.irqs = {.flags = flags,
						 .index = index,
						 .start = start,
						 .count = count,
						 .fds = fds}};

	return (int)vfmig_call(device, &request);
}

/* A subchannel is used: it takes what its regions allow, and tells by its interrupts. */
static void subchannel(bool far)
{
	const uint32_t by_fd = VFMIG_IRQ_SET_DATA_EVENTFD | VFMIG_IRQ_SET_ACTION_TRIGGER;
	const uint32_t by_none = VFMIG_IRQ_SET_DATA_NONE | VFMIG_IRQ_SET_ACTION_TRIGGER;
	int io = eventfd(0, EFD_NONBLOCK), crw = eventfd(0, EFD_NONBLOCK);
	struct vfmig_device *device, *served, *to, *served_to;
	struct vfmig_irq_info irq;
	struct test_device_stream stream;
	struct vfmig_session *from_session, *to_session;
	uint8_t orb[124], back[124];

	device = open_as("ccw", far, &served);
	for (uint32_t i = 0; i < 3; i++) {
		CHECK_OK(vfmig_device_get_irq_info(device, i, &irq, &test_err));
		CHECK(irq.count == 1 && irq.flags & VFMIG_IRQ_INFO_EVENTFD);
	}
	CHECK_EQ(vfmig_device_get_irq_info(device, 3, &irq, NULL), -EINVAL);
	CHECK_EQ(trigger(device, by_none, 0, 0, 1, NULL), -EINVAL); /* none is set */
	CHECK_OK(trigger(device, by_fd, VFMIG_CCW_IRQ_IO, 0, 1, &io));
	CHECK_OK(trigger(device, by_fd, VFMIG_CCW_IRQ_CRW, 0, 1, &crw));
	CHECK_EQ(trigger(device, by_fd, VFMIG_CCW_IRQ_IO, 1, 1, &io), -EINVAL);
	CHECK_EQ(trigger(device, by_fd, 3, 0, 1, &io), -EINVAL);
	memset(orb, 7, sizeof(orb));
	CHECK_OK(vfmig_device_region_write(device, 0, 0, orb, sizeof(orb), &test_err));
	CHECK_EQ(test_device_signals(io), 1);
	CHECK_EQ(test_device_signals(crw), 0);
	CHECK_OK(vfmig_device_region_write(device, 1, 0, orb, 4, &test_err));
	CHECK_EQ(test_device_signals(crw), 1);
	CHECK_OK(trigger(device, by_none, VFMIG_CCW_IRQ_IO, 0, 1, NULL));
	CHECK_EQ(test_device_signals(io), 1);
	CHECK_OK(trigger(device, by_none, VFMIG_CCW_IRQ_IO, 0, 0, NULL)); /* taken away */
	CHECK_OK(vfmig_device_region_write(device, 0, 0, orb, sizeof(orb), &test_err));
	CHECK_EQ(test_device_signals(io), 0);
	CHECK_EQ(vfmig_device_region_write(device, 2, 0, orb, 4, NULL), -EINVAL); /* is read only */
	CHECK_OK(vfmig_device_region_read(device, 2, 0, back, 52, &test_err));
	CHECK_EQ(vfmig_device_region_read(device, 2, 0, back, 53, NULL), -EINVAL);
	CHECK_EQ(vfmig_device_region_read(device, 4, 0, back, 1, NULL), -EINVAL);
	if (!far) {
		from_session = test_device_session(device);
		stream = test_device_save(from_session);
		to = open_as("ccw", false, &served_to);
		to_session = test_device_session(to);
		CHECK_OK(test_device_load(to_session, stream.bytes, stream.len, 100, &test_err));
		test_device_go(to_session, VFMIG_STATE_RUNNING);
		/* The interrupt that nobody took is pending there, and is told when somebody does. */
		CHECK_OK(trigger(to, by_fd, VFMIG_CCW_IRQ_IO, 0, 1, &io));
		CHECK_EQ(test_device_signals(io), 1);
		CHECK_OK(vfmig_device_region_read(to, 0, 0, back, sizeof(back), &test_err));
		CHECK(!memcmp(orb, back, sizeof(orb)));
		free(stream.bytes);
		vfmig_session_close(from_session);
		vfmig_session_close(to_session);
		vfmig_device_close(to);
	}
	close_it(device, served, far);
	close(io);
	close(crw);
}

/* With a migration region beside regions of its own, each has its place. */
static void beside_v1(void)
{
	struct vfmig_device *device;
	struct vfmig_region region;

	CHECK_OK(vfmig_open("model:lookalike,as=igd,protocol=v1", &device, &test_err));
	CHECK_OK(vfmig_device_get_region_info(device, 11, &region, &test_err));
	CHECK_EQ(region.size, 256);
	CHECK_OK(vfmig_device_get_region_info(device, 12, &region, &test_err));
	CHECK_STR(vfmig_region_type_name(region.type, region.subtype), "migration");
	vfmig_device_close(device);
}

/* A region with capabilities, asked with each amount of room; made by the kit, an offer, and a filter. */
static void less_room(const char *name, const char *filter, uint32_t index)
{
	struct vfmig_device *device;
	uint8_t bytes[256];
	struct vfmig_region_info *info = (struct vfmig_region_info *)bytes;
	ssize_t whole = -1;

	CHECK_OK(vfmig_open(name, &device, &test_err));
	if (filter)
		CHECK_OK(vfmig_device_add_filter(&device, filter, &test_err));
	for (size_t size = sizeof(bytes); size; size--) {
		struct vfmig_request request = {
			.op = VFMIG_OP_REGION_INFO,
			.info = {.index = index, .buf = bytes, .size = size}};
		ssize_t ret;

		memset(bytes, 0xee, sizeof(bytes));
		ret = vfmig_call(device, &request);
		if (size < sizeof(*info)) {
			CHECK_EQ(ret, -EINVAL);
			CHECK_EQ(bytes[0], 0xee);
			continue;
		}
		whole = whole < 0 ? ret : whole;
		CHECK(whole > (ssize_t)sizeof(*info) && ret == whole && info->argsz == whole);
		CHECK(info->flags & VFMIG_REGION_FLAG_CAPS);
		CHECK_EQ(info->cap_offset, (ssize_t)size < whole ? 0 : sizeof(*info));
		if ((ssize_t)size < whole && size > sizeof(*info))
			CHECK_EQ(bytes[sizeof(*info)], 0xee);
	}
	vfmig_device_close(device);
}

/* ---- models that contradict themselves ---- */

static struct vfmig_model_info wrong;
static bool silent;

static const struct vfmig_model_info *present_wrong(void *self)
{
	return silent ? NULL : &wrong;
}

static void refused(const char *why)
{
	struct vfmig_model model = test_device_model;
	struct vfmig_device *device;

	model.info = present_wrong;
	CHECK_EQ(vfmig_model_open(&model, NULL, &device, &test_err), -EINVAL);
	CHECKF(strstr(test_err.text, why), "%s", test_err.text);
	memset(&wrong, 0, sizeof(wrong));
	wrong.kind = VFMIG_DEVICE_FLAG_PCI;
}

static void contradictions(void)
{
	static const struct vfmig_info_cap long_cap = {1, 1, NULL, 4097};
	static const struct vfmig_model_region huge = {1ull << 60, 0, 0, 0},
					       mapped = {4096, VFMIG_REGION_FLAG_MMAP, 0, 0};

	wrong.kind = 0;
	refused("one kind");
	wrong.kind = VFMIG_DEVICE_FLAG_PCI | VFMIG_DEVICE_FLAG_CCW;
	refused("one kind");
	wrong.kind = VFMIG_DEVICE_FLAG_CAPS;
	refused("one kind");
	wrong.cap_count = 17;
	refused("16 capabilities");
	wrong.caps = &long_cap;
	wrong.cap_count = 1;
	refused("4096");
	wrong.region_count = 33;
	refused("32 regions");
	wrong.regions = &huge;
	wrong.region_count = 1;
	refused("too large");
	wrong.regions = &mapped;
	wrong.region_count = 1;
	refused("read and written");
	wrong.irq_count = 1;
	refused("interrupt indexes");
	wrong.kind = VFMIG_DEVICE_FLAG_AP;
	wrong.irq_count = 17;
	refused("interrupt indexes");
	wrong.kind = VFMIG_DEVICE_FLAG_AP;
	wrong.msix_mappable = true;
	refused("MSI-X");
	silent = true;
	refused("does not say");
}

int main(void)
{
	for (int far = 0; far < 2; far++) {
		kinds(far);
		zpci(far);
		types(far);
		subchannel(far);
	}
	beside_v1();
	less_room("model:lookalike,as=ccw", NULL, 2);
	less_room("model:copier,size=64K,protocol=v1", NULL, 9);
	less_room("model:copier,size=64K", "translate,protocol=v1", 9);
	contradictions();
	return 0;
}
