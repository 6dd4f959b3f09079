/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every vfio-user message that is encoded decodes to what it was, says the bytes that the
 * specification says, and is refused when it is cut short anywhere.
 */
#include "abi/vfio_user.h"
#include "tests/abi/refused.h"

#define MAX 4096

static uint8_t buf[MAX + 4096];

/* size bytes of buf must be refused at each shorter length by this expression in b, len. */
#define CUT_IS_REFUSED(size, call)                                                                 \
	for (size_t len = 0; len < (size); len++) {                                                \
		const uint8_t *b = fenced(buf, len);                                               \
                                                                                                   \
		CHECKF((call) != NULL, "%zu of %zu bytes", len, (size_t)(size));                   \
	}

static void bytes_are(size_t size, const char *hex)
{
	for (size_t i = 0; i < size; i++) {
		unsigned int byte;

		CHECK_EQ(sscanf(hex + 2 * i, "%2x", &byte), 1);
		CHECKF(buf[i] == byte, "byte %zu is %02x, not %02x", i, buf[i], byte);
	}
	CHECK_EQ(strlen(hex), 2 * size);
}

static void header(void)
{
	struct vfmig_user_header in = {0x1234, VFMIG_USER_REGION_READ, 0x20, 0, 0}, out;

	CHECK_EQ(abi_msg_put_header(buf, 15, &in), 0);
	CHECK_EQ(abi_msg_put_header(buf, MAX, &in), 16);
	bytes_are(16, "34120900200000000000000000000000");
	GOOD(abi_msg_get_header(fenced(buf, 16), 16, MAX, &out));
	CHECK(!memcmp(&in, &out, sizeof(in)));
	CUT_IS_REFUSED(16, abi_msg_get_header(b, len, MAX, &out));
	in = (struct vfmig_user_header){1, VFMIG_USER_DMA_MAP, 16, 0x21, 22};
	CHECK_EQ(abi_msg_put_header(buf, MAX, &in), 16);
	bytes_are(16, "01000200100000002100000016000000");
	GOOD(abi_msg_get_header(buf, 16, MAX, &out));
}

static void version(void)
{
	static const char json[] = "{\"capabilities\":{\"max_msg_fds\":8}}";
	struct abi_msg_version in = {0, 1, json, sizeof(json) - 1}, out;
	size_t size = abi_msg_put_version(buf, MAX, &in);

	CHECK_EQ(size, 4 + sizeof(json));
	CHECK_EQ(abi_msg_put_version(buf, size - 1, &in), 0);
	CHECK_EQ(abi_msg_put_version(buf, size, &in), size);
	GOOD(abi_msg_get_version(fenced(buf, size), size, &out));
	CHECK_EQ(out.major, 0);
	CHECK_EQ(out.minor, 1);
	CHECK_STR(out.json, json);
	CHECK_EQ(out.json_len, sizeof(json) - 1);
	in.json = NULL;
	CHECK_EQ(abi_msg_put_version(buf, MAX, &in), 4);
	GOOD(abi_msg_get_version(fenced(buf, 4), 4, &out));
	CHECK(!out.json);
	CUT_IS_REFUSED(4, abi_msg_get_version(b, len, &out));
}

static void dma(void)
{
	struct vfmig_user_dma_map map = {32, 3, 0x1000, 0x100000000, 0x2000}, map2;
	struct vfmig_user_dma_unmap un =
					    {
						    24,
						    0,
						    0x1000,
						    0x40000,
					    },
				    un2;
	struct vfmig_user_bitmap bm = {4096, 8}, bm2;
	struct vfmig_user_dma_access a = {0x1000, 5}, a2;
	const uint8_t *bits;
	size_t size;

	CHECK_EQ(abi_msg_put_dma_map(buf, 31, &map), 0);
	CHECK_EQ(abi_msg_put_dma_map(buf, MAX, &map), 32);
	bytes_are(32, "20000000030000000010000000000000"
		      "00000000010000000020000000000000");
	GOOD(abi_msg_get_dma_map(fenced(buf, 32), 32, &map2));
	CHECK(!memcmp(&map, &map2, sizeof(map)));
	CUT_IS_REFUSED(32, abi_msg_get_dma_map(b, len, &map2));

	CHECK_EQ(abi_msg_put_dma_unmap(buf, 23, &un, NULL), 0);
	CHECK_EQ(abi_msg_put_dma_unmap(buf, MAX, &un, NULL), 24);
	bytes_are(24, "180000000000000000100000000000000000040000000000");
	GOOD(abi_msg_get_dma_unmap(fenced(buf, 24), 24, &un2, &bm2));
	CHECK(!memcmp(&un, &un2, sizeof(un)));
	CHECK_EQ(bm2.size, 0);
	GOOD(abi_msg_get_dma_unmap_reply(fenced(buf, 24), 24, &un, NULL, &bits));
	CHECK(!bits);
	CUT_IS_REFUSED(24, abi_msg_get_dma_unmap(b, len, &un2, &bm2));
	CUT_IS_REFUSED(24, abi_msg_get_dma_unmap_reply(b, len, &un, NULL, &bits));

	un = (struct vfmig_user_dma_unmap){48, VFMIG_DMA_UNMAP_GET_DIRTY_BITMAP, 0x1000, 0x40000};
	CHECK_EQ(abi_msg_put_dma_unmap(buf, 39, &un, &bm), 0);
	size = abi_msg_put_dma_unmap(buf, MAX, &un, &bm);
	CHECK_EQ(size, 40);
	GOOD(abi_msg_get_dma_unmap(fenced(buf, size), size, &un2, &bm2));
	CHECK(!memcmp(&bm, &bm2, sizeof(bm)));
	CUT_IS_REFUSED(size, abi_msg_get_dma_unmap(b, len, &un2, &bm2));
	memcpy(buf + size, "bitmapXX", 8);
	size += 8;
	GOOD(abi_msg_get_dma_unmap_reply(fenced(buf, size), size, &un, &bm, &bits));
	CHECK(!memcmp(bits, "bitmapXX", 8));
	CUT_IS_REFUSED(size, abi_msg_get_dma_unmap_reply(b, len, &un, &bm, &bits));

	un = (struct vfmig_user_dma_unmap){24, VFMIG_DMA_UNMAP_ALL, 0, 0};
	CHECK_EQ(abi_msg_put_dma_unmap(buf, MAX, &un, NULL), 24);
	GOOD(abi_msg_get_dma_unmap(buf, 24, &un2, &bm2));

	CHECK_EQ(abi_msg_put_dma_access(buf, 15, &a), 0);
	CHECK_EQ(abi_msg_put_dma_access(buf, MAX, &a), 16);
	memcpy(buf + 16, "hello", 5);
	GOOD(abi_msg_get_dma_access(fenced(buf, 16), 16, MAX, false, &a2));
	GOOD(abi_msg_get_dma_access(fenced(buf, 21), 21, MAX, true, &a2));
	CHECK_EQ(a2.addr, 0x1000);
	CHECK_EQ(a2.count, 5);
	CUT_IS_REFUSED(16, abi_msg_get_dma_access(b, len, MAX, false, &a2));
	CUT_IS_REFUSED(21, abi_msg_get_dma_access(b, len, MAX, true, &a2));
	/* both sizes of the reply to a write, the shorter with a 32-bit count */
	GOOD(abi_msg_get_dma_written(fenced(buf, 16), 16, &a2));
	CHECK_EQ(a2.count, 5);
	GOOD(abi_msg_get_dma_written(fenced(buf, 12), 12, &a2));
	CHECK_EQ(a2.count, 5);
	CUT_IS_REFUSED(12, abi_msg_get_dma_written(b, len, &a2));
}

static void device(void)
{
	struct vfmig_device_info di = {16, VFMIG_DEVICE_FLAG_PCI, 9, 5, 0, 0}, di2;
	struct vfmig_irq_info ii = {16, 9, VFMIG_PCI_IRQ_MSIX, 2048}, ii2;
	struct vfmig_irq_set is = {23, 0x22, VFMIG_PCI_IRQ_MSIX, 1, 3}, is2;
	struct vfmig_user_mig_data md = {13, 5}, md2;
	const uint8_t *bools;

	CHECK_EQ(abi_msg_put_device_info(buf, 15, &di), 0);
	CHECK_EQ(abi_msg_put_device_info(buf, MAX, &di), 16);
	bytes_are(16, "10000000020000000900000005000000");
	GOOD(abi_msg_get_device_info(fenced(buf, 16), 16, &di2));
	CHECK(!memcmp(&di, &di2, sizeof(di)));
	CUT_IS_REFUSED(16, abi_msg_get_device_info(b, len, &di2));

	CHECK_EQ(abi_msg_put_irq_info(buf, 15, &ii), 0);
	CHECK_EQ(abi_msg_put_irq_info(buf, MAX, &ii), 16);
	GOOD(abi_msg_get_irq_info(fenced(buf, 16), 16, &ii2));
	CHECK(!memcmp(&ii, &ii2, sizeof(ii)));
	CUT_IS_REFUSED(16, abi_msg_get_irq_info(b, len, &ii2));

	CHECK_EQ(abi_msg_put_irq_set(buf, 22, &is, (const uint8_t *)"\1\0\1"), 0);
	CHECK_EQ(abi_msg_put_irq_set(buf, MAX, &is, (const uint8_t *)"\1\0\1"), 23);
	bytes_are(23, "170000002200000002000000010000000300000001"
		      "0001");
	GOOD(abi_msg_get_irq_set(fenced(buf, 23), 23, 0, &is2, &bools));
	CHECK(!memcmp(&is, &is2, sizeof(is)));
	CHECK(!memcmp(bools, "\1\0\1", 3));
	CUT_IS_REFUSED(23, abi_msg_get_irq_set(b, len, 0, &is2, &bools));

	CHECK_EQ(abi_msg_put_mig_data(buf, 7, &md), 0);
	CHECK_EQ(abi_msg_put_mig_data(buf, MAX, &md), 8);
	memcpy(buf + 8, "hello", 5);
	GOOD(abi_msg_get_mig_data(fenced(buf, 8), 8, MAX, false, &md2));
	GOOD(abi_msg_get_mig_data(fenced(buf, 13), 13, MAX, true, &md2));
	CHECK(!memcmp(&md, &md2, sizeof(md)));
	CUT_IS_REFUSED(8, abi_msg_get_mig_data(b, len, MAX, false, &md2));
	CUT_IS_REFUSED(13, abi_msg_get_mig_data(b, len, MAX, true, &md2));
	/* libvfio-user's short read: a message of the size asked for */
	md.size = 2;
	abi_msg_put_mig_data(buf, MAX, &md);
	GOOD(abi_msg_get_mig_data(fenced(buf, 13), 13, MAX, true, &md2));
	CHECK_EQ(md2.size, 2);
}

static void regions(void)
{
	struct vfmig_user_region_access a = {0xfffffffff000, 7, 4}, a2;
	struct vfmig_user_write w[2] = {{0x10, 0, 4, {1, 2, 3, 4}}, {0x18, 2, 8, {9}}}, w2;
	struct vfmig_user_io_fds h = {.index = 2, .count = 2}, h2;
	struct vfmig_user_io_fd fd[2] = {
		{0x1000, 4, 0, VFMIG_USER_IO_FD_IOEVENTFD, 1, 0, 0, 0xabc},
		{0x2000, 8, 1, VFMIG_USER_IO_FD_IOREGIONFD, 0, 0, 0, 0xdef},
	};
	struct vfmig_user_io_fd fd2[2];
	uint64_t n;
	size_t size;

	CHECK_EQ(abi_msg_put_region_access(buf, 15, &a), 0);
	CHECK_EQ(abi_msg_put_region_access(buf, MAX, &a), 16);
	bytes_are(16, "00f0ffffffff00000700000004000000");
	memcpy(buf + 16, "data", 4);
	GOOD(abi_msg_get_region_access(fenced(buf, 16), 16, MAX, false, &a2));
	GOOD(abi_msg_get_region_access(fenced(buf, 20), 20, MAX, true, &a2));
	CHECK(!memcmp(&a, &a2, sizeof(a)));
	CUT_IS_REFUSED(16, abi_msg_get_region_access(b, len, MAX, false, &a2));
	CUT_IS_REFUSED(20, abi_msg_get_region_access(b, len, MAX, true, &a2));

	CHECK_EQ(abi_msg_put_write_multi(buf, 55, w, 2), 0);
	CHECK_EQ(abi_msg_put_write_multi(buf, MAX, w, 2), 56);
	GOOD(abi_msg_get_write_multi(fenced(buf, 56), 56, &n));
	CHECK_EQ(n, 2);
	for (uint64_t i = 0; i < n; i++) {
		abi_msg_write_at(buf, i, &w2);
		CHECK(!memcmp(&w2, &w[i], sizeof(w2)));
	}
	CUT_IS_REFUSED(56, abi_msg_get_write_multi(b, len, &n));

	CHECK_EQ(abi_msg_put_io_fds(buf, 95, &h, fd), 0);
	size = abi_msg_put_io_fds(buf, MAX, &h, fd);
	CHECK_EQ(size, 96);
	GOOD(abi_msg_get_io_fds_request(buf, 16, &h2));
	GOOD(abi_msg_get_io_fds(fenced(buf, size), size, 2, &h2, fd2, 2));
	CHECK_EQ(h2.count, 2);
	CHECK_EQ(h2.index, 2);
	CHECK(!memcmp(fd, fd2, sizeof(fd)));
	/* cut short it is an answer that wants more room, and has nothing in it */
	for (size_t len = 16; len < size; len++) {
		GOOD(abi_msg_get_io_fds(fenced(buf, len), len, 2, &h2, fd2, 2));
		CHECK_EQ(h2.count, 0);
		CHECK_EQ(h2.argsz, size);
	}
	CUT_IS_REFUSED(16, abi_msg_get_io_fds(b, len, 2, &h2, fd2, 2));
	/* libvfio-user's sub-regions: a shadow in 48 bytes */
	memmove(buf + 64, buf + 56, 40);
	memset(buf + 36, 0, 28);
	buf[36] = VFMIG_USER_IO_FD_IOEVENTFD_SHADOW;
	buf[44] = 1;	/* shadow_fd_index */
	buf[48] = 0x40; /* shadow_offset */
	buf[56] = 0x77; /* datamatch */
	buf[0] = 16 + 96;
	GOOD(abi_msg_get_io_fds(fenced(buf, 112), 112, 2, &h2, fd2, 2));
	CHECK_EQ(h2.count, 2);
	CHECK_EQ(fd2[0].type, VFMIG_USER_IO_FD_IOEVENTFD_SHADOW);
	CHECK_EQ(fd2[0].shadow_fd_index, 1);
	CHECK_EQ(fd2[0].shadow_offset, 0x40);
	CHECK_EQ(fd2[0].data, 0x77);
	CHECK_EQ(fd2[1].offset, 0x2000);
	CHECK_EQ(fd2[1].data, 0xdef);
}

static void kinds(void)
{
	int to_client = 0;

	for (uint32_t cmd = 0; cmd < 64; cmd++) {
		const struct abi_msg_kind *k = abi_msg_find_kind(cmd);
		bool there = cmd >= 1 && cmd <= 18;

		CHECK_EQ(k != NULL, there);
		if (k)
			to_client += k->to_client;
	}
	CHECK_EQ(to_client, 2);
	CHECK(abi_msg_find_kind(VFMIG_USER_DMA_READ)->to_client);
	CHECK(abi_msg_find_kind(VFMIG_USER_DMA_WRITE)->to_client);
}

int main(void)
{
	RUN(header());
	RUN(version());
	RUN(dma());
	RUN(device());
	RUN(regions());
	RUN(kinds());
	return 0;
}
