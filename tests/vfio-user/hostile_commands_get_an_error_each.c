/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands that are too short, too long, unknown, or about what is not there, and everything that ends the server in the
 * field: each gets its errno, and the client goes on.
 */
#include <errno.h>
#include <unistd.h>

#include "tests/vfio-user/hostile.h"

/* ---- commands that are too short, too long, or unknown ---- */

static void lengths(void)
{
	uint8_t zeros[256] = {0};
	int fd = hostile_hello(), ret;

	for (uint16_t cmd = 0; cmd < 40; cmd++) {
		const struct abi_msg_kind *kind = abi_msg_find_kind(cmd);
		uint32_t least = kind ? kind->request_min : 8;

		for (uint32_t len = 0; len < least; len++) {
			ret = raw_call(fd, cmd, zeros, len, NULL, 0, NULL, 0, NULL);
			CHECKF(ret == -EINVAL, "command %u of %u bytes: %d", cmd, len, ret);
		}
	}
	for (uint32_t cmd = 19; cmd < 65536; cmd += 777)
		CHECK_EQ(raw_call(fd, (uint16_t)cmd, zeros, 32, NULL, 0, NULL, 0, NULL), -EINVAL);
	/* Those that only a server may ask, and one without an operation. */
	CHECK_EQ(raw_call(fd, VFMIG_USER_DMA_READ, zeros, 16, NULL, 0, NULL, 0, NULL), -EINVAL);
	CHECK_EQ(raw_call(fd, VFMIG_USER_DMA_WRITE, zeros, 16, NULL, 0, NULL, 0, NULL), -EINVAL);
	CHECK_EQ(raw_call(fd, VFMIG_USER_DIRTY_PAGES, zeros, 16, NULL, 0, NULL, 0, NULL), -EINVAL);
	CHECK_EQ(hostile_info(fd), 0);
	close(fd);
}

/* ---- regions, features, data: everything that ends the server in the field, and more ---- */

static void regions(void)
{
	struct {
		struct vfmig_user_region_access a;
		uint8_t data[16];
	} m = {.a = {0, 0, 8}};
	uint64_t multi[1 + 3 * 2] = {2, 0, (8ull << 32) | 0, 1, 4, (9ull << 32) | 0, 2};
	int fd = hostile_hello();

#define REGION(cmd, len) raw_call(fd, VFMIG_USER_REGION_##cmd, &m, len, NULL, 0, NULL, 0, NULL)
	CHECK_EQ(REGION(READ, 16), 0);
	CHECK_EQ(REGION(WRITE, 24), 0);
	CHECK_EQ(REGION(WRITE, 23), -EINVAL);
	CHECK_EQ(REGION(WRITE, 32), -EINVAL);
	m.a.count = (1 << 20) + 1;
	CHECK_EQ(REGION(READ, 16), -EINVAL);
	m.a.count = UINT32_MAX;
	CHECK_EQ(REGION(READ, 16), -EINVAL);
	m.a.count = 8;
	m.a.offset = UINT64_MAX;
	CHECK_EQ(REGION(READ, 16), -EINVAL);
	m.a.offset = FAKE_DEVICE_BAR0 - 7;
	CHECK_EQ(REGION(READ, 16), -EINVAL);
	m.a.offset = 0;
	m.a.region = UINT32_MAX;
	CHECK_EQ(REGION(READ, 16), -EINVAL);
	m.a.region = m.a.count = 0;
	CHECK_EQ(REGION(READ, 16), 0);
	CHECK_EQ(REGION(WRITE, 16), 0);
#undef REGION
	/* Nine bytes in a place for eight; more writes than are there; more than there can be. */
	CHECK_EQ(raw_call(fd, VFMIG_USER_REGION_WRITE_MULTI, multi, sizeof(multi), NULL, 0, NULL, 0,
			  NULL),
		 -EINVAL);
	multi[5] = 8ull << 32;
	CHECK_EQ(raw_call(fd, VFMIG_USER_REGION_WRITE_MULTI, multi, sizeof(multi), NULL, 0, NULL, 0,
			  NULL),
		 0);
	multi[0] = 3;
	CHECK_EQ(raw_call(fd, VFMIG_USER_REGION_WRITE_MULTI, multi, sizeof(multi), NULL, 0, NULL, 0,
			  NULL),
		 -EINVAL);
	multi[0] = UINT64_MAX;
	CHECK_EQ(raw_call(fd, VFMIG_USER_REGION_WRITE_MULTI, multi, sizeof(multi), NULL, 0, NULL, 0,
			  NULL),
		 -EINVAL);
	close(fd);
}

static void features(void)
{
	uint32_t start = VFMIG_FEATURE_DMA_LOGGING_START | VFMIG_FEATURE_SET;
	uint32_t get = VFMIG_FEATURE_DMA_LOGGING_REPORT | VFMIG_FEATURE_GET;
	uint64_t words[512] = {0};
	int fd = hostile_hello();

	for (uint32_t state = 0; state < 70000; state = state < 20 ? state + 1 : state * 3) {
		int ret = raw_set_state(fd, state);

		CHECKF(state == 0 || state > 7 ? ret == -EINVAL : !ret || ret == -EINVAL,
		       "state %u: %d", state, ret);
	}
	CHECK_EQ(raw_set_state(fd, UINT32_MAX), -EINVAL);
	for (unsigned len = 0; len < 8; len++)
		CHECK_EQ(
			raw_feature(fd, VFMIG_FEATURE_MIG_STATE | VFMIG_FEATURE_SET, words, len, 0),
			-EINVAL);
	/* Logging, before any region, as short as can be, and with ranges that are none. */
	for (unsigned len = 0; len < 16; len++)
		CHECK_EQ(raw_feature(fd, start, words, len, 0), -EINVAL);
	CHECK_EQ(raw_feature(fd, start, words, 16, 0), -EINVAL); /* a page size of 0 */
	words[0] = 4095;
	CHECK_EQ(raw_feature(fd, start, words, 16, 0), -EINVAL);
	words[0] = 4096;
	words[1] = UINT32_MAX;
	CHECK_EQ(raw_feature(fd, start, words, 16, 0), -EINVAL);
	words[1] = 2;
	words[2] = 0x1000;
	words[3] = 0x2000;
	words[4] = 0x2000;
	words[5] = 0x1000;
	CHECK_EQ(raw_feature(fd, start, words, 16 + 32, 0), -EINVAL); /* overlapping */
	words[4] = UINT64_MAX - 4095;
	words[5] = 0x2000;
	CHECK_EQ(raw_feature(fd, start, words, 16 + 32, 0), -EINVAL);
	words[1] = 0;
	CHECK_EQ(raw_feature(fd, get, words, 24, 0), -EINVAL); /* it is off */
	CHECK_EQ(raw_feature(fd, start, words, 16, 16), 0);
	CHECK_EQ(raw_feature(fd, start, words, 16, 0), -EINVAL);
	for (unsigned len = 0; len < 24; len++)
		CHECK_EQ(raw_feature(fd, get, words, len, 0), -EINVAL);
	/* Reports that no bitmap is large enough for, or that are none. */
	words[0] = 0;
	words[1] = UINT64_MAX;
	words[2] = 4096;
	CHECK_EQ(raw_feature(fd, get, words, 24, 0), -EINVAL);
	words[1] = 1ull << 62;
	CHECK_EQ(raw_feature(fd, get, words, 24, 0), -EINVAL);
	words[1] = 4096;
	words[2] = 0;
	CHECK_EQ(raw_feature(fd, get, words, 24, 32), -EINVAL);
	words[2] = 3000;
	CHECK_EQ(raw_feature(fd, get, words, 24, 32), -EINVAL);
	words[2] = 4096;
	CHECK_EQ(raw_feature(fd, get, words, 24, 24), -EINVAL); /* no room for the bits */
	CHECK_EQ(raw_feature(fd, get, words, 24, 32), 0);
	/* Operations that are none. */
	CHECK_EQ(raw_feature(fd, VFMIG_FEATURE_MIGRATION, words, 0, 0), -EINVAL);
	CHECK_EQ(raw_feature(fd, VFMIG_FEATURE_MIGRATION | VFMIG_FEATURE_SET, words, 8, 0),
		 -EINVAL);
	CHECK_EQ(raw_feature(fd, VFMIG_FEATURE_MIGRATION | VFMIG_FEATURE_SET | VFMIG_FEATURE_GET,
			     words, 8, 8),
		 -EINVAL);
	CHECK_EQ(raw_feature(fd, VFMIG_FEATURE_MIGRATION | 1u << 31, words, 8, 8), -EINVAL);
	CHECK_EQ(raw_feature(fd, 0xffff | VFMIG_FEATURE_GET, words, 0, 0), -ENOTTY);
	CHECK_EQ(raw_feature(fd, VFMIG_FEATURE_DMA_BUF | VFMIG_FEATURE_GET, words, 16, 16),
		 -ENOTTY);
	CHECK_EQ(raw_feature(fd, VFMIG_FEATURE_MIGRATION | VFMIG_FEATURE_GET, words, 0, 0),
		 -EINVAL); /* no room */
	close(fd);
}

static void migration_data(void)
{
	uint8_t *buf = calloc(1, 2 << 20);
	struct vfmig_user_mig_data d = {.argsz = 8 + 4096, .size = 4096};
	int fd = hostile_hello();

#define DATA(cmd, len) raw_call(fd, VFMIG_USER_MIG_DATA_##cmd, buf, len, NULL, 0, NULL, 0, NULL)
	memcpy(buf, &d, sizeof(d));
	CHECK_EQ(raw_set_state(fd, VFMIG_STATE_RUNNING), 0);
	CHECK_EQ(DATA(READ, 8), -EINVAL); /* in no state for it */
	CHECK_EQ(DATA(WRITE, 8 + 4096), -EINVAL);
	CHECK_EQ(raw_set_state(fd, VFMIG_STATE_RESUMING), 0);
	CHECK_EQ(DATA(WRITE, 8 + 4095), -EINVAL);
	CHECK_EQ(DATA(WRITE, 8 + 4096), 0);
	CHECK_EQ(DATA(READ, 8), -EINVAL);
	d.size = 1 << 20;
	memcpy(buf, &d, sizeof(d));
	CHECK_EQ(DATA(WRITE, 8 + (1 << 20)), 0);
	d.size = (1 << 20) + 1;
	memcpy(buf, &d, sizeof(d));
	CHECK_EQ(DATA(WRITE, 8 + (1 << 20) + 1), -EINVAL);
	CHECK_EQ(raw_set_state(fd, VFMIG_STATE_STOP_COPY), 0);
	d = (struct vfmig_user_mig_data){.argsz = UINT32_MAX, .size = UINT32_MAX};
	memcpy(buf, &d, sizeof(d));
	CHECK_EQ(DATA(READ, 8), -EINVAL);
	d = (struct vfmig_user_mig_data){.argsz = 8, .size = 4096};
	memcpy(buf, &d, sizeof(d));
	CHECK_EQ(DATA(READ, 8), -EINVAL);
#undef DATA
	close(fd);
	free(buf);
}

int main(void)
{
	static void (*const tests[])(void) = {lengths, regions, features, migration_data};

	hostile_run(tests, sizeof(tests) / sizeof(tests[0]));
	return 0;
}
