/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * max_data_xfer_size has no smallest value (libvfio-user's tests say 4). It is what its sender takes: DMA by message goes in
 * pieces of that size, and what the client asks for or sends is limited by the server's number.
 */
#include <unistd.h>

#include "tests/lib/server_client.h"
#include "tests/lib/raw_messages.h"

#define TAKES "{\"capabilities\":{\"max_data_xfer_size\":4}}"

static void ring(struct fake_device *f)
{
	uint8_t data[10] = "ten bytes";

	CHECK_EQ(fake_device_dma(f, 0x1002, data, sizeof(data), true), 0);
}

static void dma(int fd)
{
	struct {
		struct vfmig_user_dma_access a;
		uint8_t data[16];
	} m;
	uint8_t got[10] = {0};
	struct vfmig_user_header h;
	size_t sum = 0;
	ssize_t len;

	while (sum < sizeof(got)) {
		len = raw_recv(fd, &h, &m, sizeof(m), NULL, NULL);
		CHECK_EQ(h.cmd, VFMIG_USER_DMA_WRITE);
		CHECK(m.a.count && m.a.count <= 4);
		CHECK_EQ(len, sizeof(m.a) + m.a.count);
		CHECK_EQ(m.a.addr, 0x1002 + sum);
		memcpy(got + sum, m.data, m.a.count);
		sum += m.a.count;
		CHECK(raw_send(fd, h.msg_id, h.cmd, VFMIG_USER_FLAG_TYPE_REPLY, 0, &m, sizeof(m.a),
			       NULL, 0));
	}
	CHECK(!memcmp(got, "ten bytes", 10));
}

int main(void)
{
	struct {
		struct vfmig_user_region_access a;
		uint8_t data[4096];
	} m = {.a = {0, 0, 4096}};
	struct server_client p;
	int fd = server_client_serve(&p, SERVER_CLIENT_ALL_FLAGS, NULL);

	p.fake->doorbell = ring;
	memset(p.fake->bar0, 0x5a, sizeof(m.data));
	CHECK_EQ(raw_hello(fd, TAKES), 0);
	CHECK_EQ(raw_call(fd, VFMIG_USER_REGION_READ, &m, 16, NULL, 0, &m, sizeof(m), NULL), 0);
	CHECK(m.data[0] == 0x5a && m.data[4095] == 0x5a);
	m.data[4095] = 1;
	CHECK_EQ(raw_call(fd, VFMIG_USER_REGION_WRITE, &m, sizeof(m), NULL, 0, NULL, 0, NULL), 0);
	CHECK_EQ(p.fake->bar0[4095], 1);
	CHECK_EQ(raw_map(fd, 0x1000, 0x1000, 0, 3, -1), 0);
	m.a = (struct vfmig_user_region_access){FAKE_DEVICE_DOORBELL, 0, 4};
	CHECK_EQ(raw_call(fd, VFMIG_USER_REGION_WRITE, &m, 20, NULL, 0, NULL, 0, NULL), 0);
	dma(fd);
	close(fd);
	server_client_close(&p);
	return 0;
}
