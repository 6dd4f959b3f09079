/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A client reads a register of a served device, and a read beyond the region fails. The page docs/testing.md shows this
 * program as its example.
 */
/* begin */
#include <errno.h>

#include "tests/lib/server_client.h"

static void reads_what_the_device_holds(void)
{
	struct server_client p;
	uint32_t value;

	server_client_open(&p, SERVER_CLIENT_ALL_FLAGS, NULL, NULL);
	memcpy(p.fake->bar0 + 0x20, "\x78\x56\x34\x12", 4);
	CHECK_OK(vfmig_device_region_read(p.client, 0, 0x20, &value, 4, &test_err));
	CHECK_EQ(value, 0x12345678);
	server_client_close(&p);
}

static void refuses_what_lies_beyond(void)
{
	struct server_client p;
	uint32_t value;

	server_client_open(&p, SERVER_CLIENT_ALL_FLAGS, NULL, NULL);
	CHECK_EQ(vfmig_device_region_read(p.client, 0, FAKE_DEVICE_BAR0, &value, 4, NULL), -EINVAL);
	server_client_close(&p);
}

int main(void)
{
	RUN(reads_what_the_device_holds());
	RUN(refuses_what_lies_beyond());
	return 0;
}
/* end */
