/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Each thing that can be wrong with a vfio-user message is refused, by its own name.
 */
#include "abi/feature.h"
#include "abi/vfio_user.h"
#include "tests/abi/refused.h"

#define MAX 4096

static uint8_t buf[128 << 10];

static void header(void)
{
	static const struct {
		struct vfmig_user_header h;
		const char *why;
	} cases[] = {
		{{0, 0, 16, 0, 0}, NULL}, /* an unknown command is answered, not refused */
		{{0, 999, MAX, 1, 0}, NULL},
		{{0, 1, 16, 0x10, 0}, NULL},
		{{0, 1, 16, 0x21, 5}, NULL},
		{{0, 1, 15, 0, 0}, "a message says that it is smaller than its header"},
		{{0, 1, 0, 0, 0}, "a message says that it is smaller than its header"},
		{{0, 1, MAX + 1, 0, 0}, "a message is larger than was agreed"},
		{{0, 1, UINT32_MAX, 0, 0}, "a message is larger than was agreed"},
		{{0, 1, 16, 0x2, 0}, "a message is neither command nor reply"},
		{{0, 1, 16, 0xf, 0}, "a message is neither command nor reply"},
		{{0, 1, 16, 0x40, 0}, "a message has unknown flags"},
		{{0, 1, 16, 0x80000000, 0}, "a message has unknown flags"},
		{{0, 1, 16, 0x20, 5}, "a command has the error flag"},
	};
	struct vfmig_user_header out;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		abi_msg_put_header(buf, 16, &cases[i].h);
		REFUSED(abi_msg_get_header(fenced(buf, 16), 16, MAX, &out), cases[i].why);
	}
	REFUSED(abi_msg_get_header(buf, 15, MAX, &out), "a message needs 16 bytes of header");
}

static void version(void)
{
	struct abi_msg_version v;

	REFUSED(abi_msg_get_version(buf, 3, &v), "VERSION needs 4 bytes");
	memset(buf, 'x', sizeof(buf));
	REFUSED(abi_msg_get_version(fenced(buf, 20), 20, &v),
		"the JSON of VERSION does not end with a NUL");
	buf[19] = 0;
	GOOD(abi_msg_get_version(fenced(buf, 20), 20, &v));
	buf[10] = 0;
	REFUSED(abi_msg_get_version(fenced(buf, 20), 20, &v),
		"the JSON of VERSION has a NUL before its end");
	REFUSED(abi_msg_get_version(buf, 4 + ABI_MSG_JSON_MAX + 1, &v),
		"the JSON of VERSION is over 16 KiB");
	v = (struct abi_msg_version){0, 0, (char *)buf, ABI_MSG_JSON_MAX};
	CHECK_EQ(abi_msg_put_version(buf, sizeof(buf), &v), 0);
}

static void dma_map(void)
{
	static const struct {
		struct vfmig_user_dma_map m;
		const char *why;
	} cases[] = {
		{{32, 0xf, 0, 0, 1}, NULL},
		{{99, 0, 0, 0, UINT64_MAX}, NULL},
		{{31, 0, 0, 0, 1}, "the argsz of DMA_MAP is below its 32 bytes"},
		{{32, 0x10, 0, 0, 1}, "DMA_MAP has unknown flags"},
		{{32, 0, 0, 0, 0}, "DMA_MAP of nothing"},
		{{32, 0, 0, 1, UINT64_MAX}, "DMA_MAP passes the end of the address space"},
		{{32, 0, 0, UINT64_MAX, 1}, "DMA_MAP passes the end of the address space"},
		{{32, 0, UINT64_MAX, 0, 1}, "DMA_MAP passes the end of any file"},
	};
	struct vfmig_user_dma_map out;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		abi_msg_put_dma_map(buf, 32, &cases[i].m);
		REFUSED(abi_msg_get_dma_map(buf, 32, &out), cases[i].why);
	}
	REFUSED(abi_msg_get_dma_map(buf, 31, &out), "DMA_MAP needs 32 bytes");
}

static void dma_unmap(void)
{
	static const char flags[] = "DMA_UNMAP has flags that are unknown or exclude each other";
	static const char argsz[] = "the argsz of DMA_UNMAP leaves no room for the reply";
	static const char page[] =
		"DMA_UNMAP: the bitmap's page size is no power of two from 4 KiB on";
	static const char size[] =
		"DMA_UNMAP: the bitmap is too small for the range, or over 256 MiB";
	static const struct {
		struct vfmig_user_dma_unmap u;
		struct vfmig_user_bitmap b;
		const char *why;
	} cases[] = {
		{{24, 0, 0, 1}, {0, 0}, NULL},
		{{48, 1, 0, 0x40000}, {4096, 8}, NULL},
		{{56, 1, 0, 0x40000}, {4096, 16}, NULL}, /* more room than is needed */
		{{23, 0, 0, 1}, {0, 0}, argsz},
		{{0, 2, 0, 0}, {0, 0}, argsz},
		{{47, 1, 0, 0x40000}, {4096, 8}, argsz},
		{{24, 3, 0, 0}, {0, 0}, flags},
		{{24, 4, 0, 1}, {0, 0}, flags},
		{{24, 0, 5, 0}, {0, 0}, "DMA_UNMAP of nothing"},
		{{24, 0, 1, UINT64_MAX}, {0, 0}, "DMA_UNMAP passes the end of the address space"},
		{{24, 2, 1, 0}, {0, 0}, "DMA_UNMAP of everything gives a range as well"},
		{{24, 2, 0, 1}, {0, 0}, "DMA_UNMAP of everything gives a range as well"},
		{{48, 1, 0, 0x40000}, {0, 8}, page},
		{{48, 1, 0, 0x40000}, {2048, 16}, page},
		{{48, 1, 0, 0x40000}, {4097, 8}, page},
		{{48, 1, 0, 0x40001}, {4096, 8}, size},
		{{UINT32_MAX, 1, 0, 0x40000}, {4096, ABI_BITMAP_BYTES_MAX + 8}, size},
		{{UINT32_MAX, 1, 0, 0x40000}, {4096, UINT64_MAX}, size},
		{{UINT32_MAX, 1, 0, 1ULL << 60}, {4096, 8}, size},
	};
	struct vfmig_user_dma_unmap u, asked = {48, 1, 0x1000, 0x40000};
	struct vfmig_user_bitmap b, asked_b = {4096, 8};
	const uint8_t *bits;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t n = abi_msg_put_dma_unmap(buf, MAX, &cases[i].u, &cases[i].b);

		REFUSED(abi_msg_get_dma_unmap(fenced(buf, n), n, &u, &b), cases[i].why);
	}
	REFUSED(abi_msg_get_dma_unmap(buf, 23, &u, &b), "DMA_UNMAP needs 24 bytes");
	abi_msg_put_dma_unmap(buf, MAX, &asked, &asked_b);
	REFUSED(abi_msg_get_dma_unmap(buf, 39, &u, &b), "DMA_UNMAP with a bitmap needs 40 bytes");

	REFUSED(abi_msg_get_dma_unmap_reply(buf, 23, &asked, &asked_b, &bits),
		"the reply to DMA_UNMAP needs 24 bytes");
	REFUSED(abi_msg_get_dma_unmap_reply(buf, 39, &asked, &asked_b, &bits),
		"the reply to DMA_UNMAP has no bitmap");
	REFUSED(abi_msg_get_dma_unmap_reply(buf, 47, &asked, &asked_b, &bits),
		"the reply to DMA_UNMAP is too short for its bitmap");
	asked_b.size = 16;
	REFUSED(abi_msg_get_dma_unmap_reply(buf, 48, &asked, &asked_b, &bits),
		"the reply to DMA_UNMAP has another bitmap than was asked for");
	asked.addr++;
	REFUSED(abi_msg_get_dma_unmap_reply(buf, 48, &asked, &asked_b, &bits),
		"the reply to DMA_UNMAP is about another range");
}

static void accesses(void)
{
	struct vfmig_user_dma_access d;
	struct vfmig_user_region_access r;
	struct vfmig_user_mig_data m;

#define DMA(addr, count, len, data, why)                                                           \
	do {                                                                                       \
		d = (struct vfmig_user_dma_access){addr, count};                                   \
		abi_msg_put_dma_access(buf, 16, &d);                                               \
		REFUSED(abi_msg_get_dma_access(buf, len, MAX, data, &d), why);                     \
	} while (0)
	DMA(0, 0, 16, true, NULL);
	DMA(0, MAX, 16, false, NULL);
	DMA(0, MAX + 1, 16, false, "a DMA access is larger than was agreed");
	DMA(0, UINT64_MAX, 16, false, "a DMA access is larger than was agreed");
	DMA(UINT64_MAX, 1, 16, false, "a DMA access passes the end of the address space");
	DMA(0, 4, 19, true, "a DMA access has another amount of data than it says");
	DMA(0, 4, 21, true, "a DMA access has another amount of data than it says");
	DMA(0, 4, 15, false, "a DMA access needs 16 bytes");
	REFUSED(abi_msg_get_dma_written(buf, 11, &d), "the reply to DMA_WRITE needs 12 bytes");

#define REGION(offset, count, len, data, why)                                                      \
	do {                                                                                       \
		r = (struct vfmig_user_region_access){offset, 0, count};                           \
		abi_msg_put_region_access(buf, 16, &r);                                            \
		REFUSED(abi_msg_get_region_access(buf, len, MAX, data, &r), why);                  \
	} while (0)
	REGION(0, MAX, 16, false, NULL);
	REGION(0, MAX + 1, 16, false, "a region access is larger than was agreed");
	REGION(UINT64_MAX - 2, 3, 16, false, "a region access passes the end of any region");
	REGION(UINT64_MAX - 3, 3, 16, false, NULL);
	REGION(0, 4, 19, true, "a region access has another amount of data than it says");
	REGION(0, 4, 21, true, "a region access has another amount of data than it says");
	REGION(0, 4, 15, false, "a region access needs 16 bytes");

#define MIG(argsz, size, len, data, why)                                                           \
	do {                                                                                       \
		m = (struct vfmig_user_mig_data){argsz, size};                                     \
		abi_msg_put_mig_data(buf, 8, &m);                                                  \
		REFUSED(abi_msg_get_mig_data(buf, len, MAX, data, &m), why);                       \
	} while (0)
	MIG(8 + MAX, MAX, 8, false, NULL);
	MIG(0, 4, 12, true, NULL);
	MIG(0, MAX + 1, 8, true, "a piece of migration data is larger than was agreed");
	MIG(UINT32_MAX, UINT32_MAX, 8, false,
	    "a piece of migration data is larger than was agreed");
	MIG(0, 4, 11, true, "a piece of migration data is shorter than it says");
	MIG(7 + MAX, MAX, 8, false, "the argsz of MIG_DATA_READ leaves no room for the reply");
	MIG(7, 0, 8, false, "the argsz of MIG_DATA_READ leaves no room for the reply");
	MIG(8, 0, 7, false, "migration data needs 8 bytes");
}

static void info(void)
{
	struct vfmig_device_info d = {16, 0, ABI_MSG_REGIONS_MAX, ABI_MSG_IRQ_KINDS_MAX, 0, 0};
	struct vfmig_irq_info i = {16, 0, 0, ABI_MSG_IRQS_MAX};

#define DEVICE(member, value, why)                                                                 \
	do {                                                                                       \
		struct vfmig_device_info wrong = d, out;                                           \
                                                                                                   \
		wrong.member = value;                                                              \
		abi_msg_put_device_info(buf, 16, &wrong);                                          \
		REFUSED(abi_msg_get_device_info(buf, 16, &out), why);                              \
	} while (0)
	DEVICE(flags, UINT32_MAX, NULL);
	DEVICE(argsz, 15, "the argsz of device info is below its 16 bytes");
	DEVICE(num_regions, ABI_MSG_REGIONS_MAX + 1, "device info has more than 1024 regions");
	DEVICE(num_irqs, ABI_MSG_IRQ_KINDS_MAX + 1,
	       "device info has more than 64 interrupt indexes");
	REFUSED(abi_msg_get_device_info(buf, 15, &d), "device info needs 16 bytes");

#define IRQ(member, value, why)                                                                    \
	do {                                                                                       \
		struct vfmig_irq_info wrong = i, out;                                              \
                                                                                                   \
		wrong.member = value;                                                              \
		abi_msg_put_irq_info(buf, 16, &wrong);                                             \
		REFUSED(abi_msg_get_irq_info(buf, 16, &out), why);                                 \
	} while (0)
	IRQ(flags, UINT32_MAX, NULL);
	IRQ(argsz, 15, "the argsz of interrupt info is below its 16 bytes");
	IRQ(count, ABI_MSG_IRQS_MAX + 1,
	    "interrupt info has more than 2048 interrupts in one index");
	REFUSED(abi_msg_get_irq_info(buf, 15, &i), "interrupt info needs 16 bytes");
}

static void irq_set(void)
{
	static const char one_data[] = "SET_IRQS must have one kind of data";
	static const char one_action[] = "SET_IRQS must have one action";
	static const char none[] = "SET_IRQS of no interrupts";
	static const char many[] = "SET_IRQS is about more than 2048 interrupts";
	static const char data[] = "SET_IRQS has another amount of data than it says";
	static const char fds[] = "SET_IRQS came with fewer descriptors than it says";
	static const struct {
		uint32_t flags, start, count;
		size_t extra, nfds;
		const char *why;
	} cases[] = {
		{0x21, 0, 0, 0, 0, NULL}, /* NONE | TRIGGER, count 0: disable the index */
		{0x21, 0, 3, 0, 0, NULL}, /* fire three */
		{0x22, 0, 3, 3, 0, NULL}, /* BOOL | TRIGGER */
		{0x24, 0, 2, 0, 2, NULL}, /* EVENTFD | TRIGGER */
		{0x24, 0, 2, 0, 0, NULL}, /* the eventfds taken away */
		{0x09, 0, 1, 0, 0, NULL}, /* NONE | MASK */
		{0x14, 0, 1, 0, 1, NULL}, /* EVENTFD | UNMASK */
		{0x24, 2040, 8, 0, 8, NULL},
		{0x20, 0, 1, 0, 0, one_data},
		{0x23, 0, 1, 1, 0, one_data},
		{0x27, 0, 1, 1, 0, one_data},
		{0x01, 0, 1, 0, 0, one_action},
		{0x19, 0, 1, 0, 0, one_action},
		{0x39, 0, 1, 0, 0, one_action},
		{0x61, 0, 1, 0, 0, "SET_IRQS has unknown flags"},
		{0x80000021, 0, 1, 0, 0, "SET_IRQS has unknown flags"},
		{0x22, 0, 0, 0, 0, none},
		{0x24, 0, 0, 0, 0, none},
		{0x09, 0, 0, 0, 0, none},
		{0x21, 1, 0, 0, 0, none},
		{0x21, 0, 2049, 0, 0, many},
		{0x21, 2048, 1, 0, 0, many},
		{0x21, UINT32_MAX, 1, 0, 0, many},
		{0x21, 1, UINT32_MAX, 0, 0, many},
		{0x22, 0, 3, 2, 0, data},
		{0x22, 0, 3, 4, 0, data},
		{0x21, 0, 1, 1, 0, data},
		{0x24, 0, 1, 4, 1, data},
		{0x24, 0, 2, 0, 1, fds},
		{0x24, 0, 2, 0, 3, NULL},
		{0x21, 0, 1, 0, 1, NULL},
		{0x22, 0, 1, 1, 1, NULL},
	};
	struct vfmig_irq_set out;
	const uint8_t *bools;

	memset(buf, 0, 64);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vfmig_irq_set s = {20, cases[i].flags & ~2U, 2, cases[i].start,
					  cases[i].count};
		size_t len = 20 + cases[i].extra;

		abi_msg_put_irq_set(buf, MAX, &s, NULL);
		buf[4] |= cases[i].flags & 2; /* data of another length than it says */
		REFUSED(abi_msg_get_irq_set(fenced(buf, len), len, cases[i].nfds, &out, &bools),
			cases[i].why);
		if (!cases[i].why)
			CHECK_EQ(bools != NULL, !!(cases[i].flags & 2));
	}
	buf[0] = 19;
	REFUSED(abi_msg_get_irq_set(buf, 20, 0, &out, &bools),
		"the argsz of SET_IRQS is below its 20 bytes");
	REFUSED(abi_msg_get_irq_set(buf, 19, 0, &out, &bools), "SET_IRQS needs 20 bytes");
	out = (struct vfmig_irq_set){20, 0x22, 2, 0, ABI_MSG_IRQS_MAX + 1};
	CHECK_EQ(abi_msg_put_irq_set(buf, sizeof(buf), &out, buf), 0);
}

static void write_multi(void)
{
	static struct vfmig_user_write many[ABI_MSG_WRITES_MAX + 1];
	struct vfmig_user_write w = {0, 0, 8, {0}};
	uint64_t n;

#define WRITE(field, value, why)                                                                   \
	do {                                                                                       \
		struct vfmig_user_write wrong = w;                                                 \
                                                                                                   \
		wrong.field = value;                                                               \
		CHECK_EQ(abi_msg_put_write_multi(buf, MAX, &wrong, 1), 32);                        \
		REFUSED(abi_msg_get_write_multi(buf, 32, &n), why);                                \
	} while (0)
	WRITE(count, 1, NULL);
	WRITE(count, 0, "REGION_WRITE_MULTI has a write that is not of 1 to 8 bytes");
	WRITE(count, 9, "REGION_WRITE_MULTI has a write that is not of 1 to 8 bytes");
	WRITE(offset, UINT64_MAX - 7, "REGION_WRITE_MULTI passes the end of any region");
	WRITE(offset, UINT64_MAX - 8, NULL);
	REFUSED(abi_msg_get_write_multi(buf, 31, &n),
		"REGION_WRITE_MULTI has another number of writes than it says");
	REFUSED(abi_msg_get_write_multi(buf, 33, &n),
		"REGION_WRITE_MULTI has another number of writes than it says");
	REFUSED(abi_msg_get_write_multi(buf, 7, &n), "REGION_WRITE_MULTI needs 8 bytes");
	memset(buf, 0xff, 8); /* a count that wraps */
	REFUSED(abi_msg_get_write_multi(buf, 32, &n),
		"REGION_WRITE_MULTI has more than 4096 writes");
	for (size_t i = 0; i <= ABI_MSG_WRITES_MAX; i++)
		many[i].count = 1;
	CHECK_EQ(abi_msg_put_write_multi(buf, sizeof(buf), many, ABI_MSG_WRITES_MAX + 1), 0);
	CHECK_EQ(abi_msg_put_write_multi(buf, sizeof(buf), many, ABI_MSG_WRITES_MAX),
		 8 + 24 * ABI_MSG_WRITES_MAX);
	GOOD(abi_msg_get_write_multi(buf, 8 + 24 * ABI_MSG_WRITES_MAX, &n));
}

static void io_fds(void)
{
	static const char size[] = "GET_REGION_IO_FDS has sub-regions of an unknown size";
	struct vfmig_user_io_fds h = {.count = 1}, out;
	struct vfmig_user_io_fd fd = {0, 8, 0, 0, 0, 0, 0, 0}, fds[4];

#define FD(field, value, why)                                                                      \
	do {                                                                                       \
		struct vfmig_user_io_fd wrong = fd;                                                \
                                                                                                   \
		wrong.field = value;                                                               \
		abi_msg_put_io_fds(buf, MAX, &h, &wrong);                                          \
		REFUSED(abi_msg_get_io_fds(buf, 56, 1, &out, fds, 4), why);                        \
	} while (0)
	FD(flags, 7, NULL);
	FD(fd_index, 1, "GET_REGION_IO_FDS names a descriptor that did not come");
	FD(fd_index, UINT32_MAX, "GET_REGION_IO_FDS names a descriptor that did not come");
	FD(offset, UINT64_MAX - 7,
	   "GET_REGION_IO_FDS has a sub-region that passes the end of any region");
	FD(offset, 0, NULL);
	buf[36] = 3;
	REFUSED(abi_msg_get_io_fds(buf, 56, 1, &out, fds, 4),
		"GET_REGION_IO_FDS has a sub-region of an unknown type");
	buf[36] = VFMIG_USER_IO_FD_IOEVENTFD_SHADOW; /* which needs 48 bytes */
	REFUSED(abi_msg_get_io_fds(buf, 56, 1, &out, fds, 4),
		"GET_REGION_IO_FDS has a sub-region of an unknown type");
	fd.type = VFMIG_USER_IO_FD_IOEVENTFD_SHADOW;
	CHECK_EQ(abi_msg_put_io_fds(buf, MAX, &h, &fd), 0);
	fd.type = 0;

	abi_msg_put_io_fds(buf, MAX, &h, &fd);
	buf[0] = 16 + 41;
	REFUSED(abi_msg_get_io_fds(buf, 64, 1, &out, fds, 4), size);
	buf[0] = 16;
	REFUSED(abi_msg_get_io_fds(buf, 56, 1, &out, fds, 4), size);
	buf[0] = 16 + 80 + 1;
	buf[12] = 2;
	REFUSED(abi_msg_get_io_fds(buf, 128, 1, &out, fds, 4), size);
	buf[12] = 5;
	REFUSED(abi_msg_get_io_fds(buf, 128, 1, &out, fds, 4),
		"GET_REGION_IO_FDS has more sub-regions than are allowed");
	memset(buf + 12, 0xff, 4);
	REFUSED(abi_msg_get_io_fds(buf, 128, 1, &out, fds, UINT32_MAX),
		"GET_REGION_IO_FDS has more sub-regions than are allowed");
	buf[0] = 15;
	REFUSED(abi_msg_get_io_fds_request(buf, 16, &out),
		"the argsz of GET_REGION_IO_FDS is below its 16 bytes");
	buf[0] = 16;
	buf[4] = 1;
	REFUSED(abi_msg_get_io_fds_request(buf, 16, &out), "GET_REGION_IO_FDS has unknown flags");
	REFUSED(abi_msg_get_io_fds_request(buf, 15, &out), "GET_REGION_IO_FDS needs 16 bytes");
	h.count = ABI_MSG_IO_FDS_MAX + 1;
	CHECK_EQ(abi_msg_put_io_fds(buf, sizeof(buf), &h, &fd), 0);
}

int main(void)
{
	RUN(header());
	RUN(version());
	RUN(dma_map());
	RUN(dma_unmap());
	RUN(accesses());
	RUN(info());
	RUN(irq_set());
	RUN(write_multi());
	RUN(io_fds());
	return 0;
}
