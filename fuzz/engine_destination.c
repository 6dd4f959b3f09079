/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A destination, and the inspector, fed by whoever likes.
 *
 * The first byte chooses: the rest as it is, or behind a HELLO that fits and with sequence numbers and
 * checksums put right, so that what is behind those checks is reached as well. Whatever comes, the device is
 * in RUNNING afterwards: reset, or loaded.
 */
#include <sys/mman.h>

#include <vfmig/inspect.h>

#include "engine/channel/channel.h"
#include "tests/lib/migration_pair.h"

#include "abi/le.h"

#define ROOM (1u << 20)

static struct migration_pair_end target;
static uint8_t *prefix, *stream;
static size_t prefix_len;

/* The header and HELLO of a stream of the same devices. */
static void make_prefix(void)
{
	int fd = memfd_create("prefix", MFD_CLOEXEC);
	struct abi_section s;
	struct migration_pair_end end;

	migration_pair_end_init(&end, 1, "memory=16K", 64 << 10);
	migration_pair_end_ready(&end, VFMIG_ROLE_SOURCE);
	CHECK(!vfmig_migration_run(end.m, -1, fd, NULL));
	migration_pair_end_free(&end);
	prefix = malloc(8192);
	CHECK(pread(fd, prefix, 8192, 0) > (ssize_t)ABI_STREAM_HEADER_SIZE);
	CHECK(!abi_section_get(prefix + ABI_STREAM_HEADER_SIZE, ABI_SECTION_HEADER_SIZE, &s));
	prefix_len = ABI_STREAM_HEADER_SIZE + ABI_SECTION_HEADER_SIZE + s.length;
	close(fd);
}

static void begin(void)
{
	make_prefix();
	stream = malloc(ROOM);
	migration_pair_end_init(&target, 1, "memory=16K", 64 << 10);
	CHECK_OK(vfmig_space_attach(target.space, target.card[0], &test_err));
}

/* Sections with the numbers and sums that they should have; what is left of the last is as it is. */
static size_t repair(const uint8_t *data, size_t size)
{
	struct channel_out out = {.sections = 1,
				  .payload = prefix_len - ABI_STREAM_HEADER_SIZE -
					     ABI_SECTION_HEADER_SIZE};
	size_t at = prefix_len, end = prefix_len + size;

	memcpy(stream, prefix, prefix_len);
	memcpy(stream + prefix_len, data, size);
	while (end - at >= ABI_SECTION_HEADER_SIZE) {
		struct abi_section s;

		if (abi_section_get(stream + at, end - at, &s) ||
		    s.length > end - at - ABI_SECTION_HEADER_SIZE)
			break;
		if (s.type == ABI_SECTION_STOPPED || s.type == ABI_SECTION_END) {
			s.offset = out.sections;
			s.arg = out.payload;
		}
		channel_out_seal(&out, stream + at, &s);
		at += ABI_SECTION_HEADER_SIZE + s.length;
	}
	return end;
}

static void load(int fd)
{
	struct vfmig_error err = {0};

	CHECK(!vfmig_migration_new(VFMIG_ROLE_DESTINATION, &target.options, &target.m, NULL));
	CHECK(!vfmig_migration_add_device(target.m, "card0", target.card[0], NULL, NULL));
	CHECK(!vfmig_migration_add_space(target.m, target.space, NULL));
	CHECK(lseek(fd, 0, SEEK_SET) == 0);
	if (vfmig_migration_run(target.m, fd, -1, &err))
		CHECK(err.text[0]);
	CHECK_EQ(migration_pair_result(&target).lost_devices, 0);
	vfmig_migration_free(target.m);
	target.m = NULL;
	CHECK(migration_pair_state(&target, 0) == VFMIG_STATE_RUNNING);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t len;
	int fd;

	if (!stream)
		begin();
	if (!size || size + prefix_len > ROOM)
		return 0;
	if (data[0] & 1) {
		len = repair(data + 1, size - 1);
	} else {
		len = size - 1;
		memcpy(stream, data + 1, len);
	}
	fd = memfd_create("input", MFD_CLOEXEC);
	CHECK(write(fd, stream, len) == (ssize_t)len);
	load(fd);
	CHECK(lseek(fd, 0, SEEK_SET) == 0);
	vfmig_inspect(fd, VFMIG_INSPECT_SECTIONS, NULL, NULL, NULL);
	close(fd);
	return 0;
}
