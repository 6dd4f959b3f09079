/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Another source may cut a device's chunk into sections, with those of other devices and memory in between: it is
 * written with one write all the same, as boundaries mean something to some devices. And chunks of more devices
 * open at once than there are buffers are refused, not waited for.
 *
 * Rules: V2-16.
 */
#include <sys/mman.h>

#include "engine/channel/channel.h"
#include "tests/lib/migration_pair.h"

#include "abi/le.h"

#define CARDS 4
#define ROOM  (4u << 20)

static uint8_t *whole, *cut;
static size_t length;
static unsigned chunks; /* of card 0 */

static void save(void)
{
	int fd = memfd_create("saved", MFD_CLOEXEC);
	struct migration_pair_end end;

	migration_pair_end_init(&end, CARDS, "memory=64K", 64 << 10);
	migration_pair_work(&end);
	migration_pair_end_ready(&end, VFMIG_ROLE_SOURCE);
	CHECK(!vfmig_migration_run(end.m, -1, fd, &end.err));
	migration_pair_end_free(&end);
	length = (size_t)lseek(fd, 0, SEEK_END);
	CHECK(length < ROOM);
	CHECK(pread(fd, whole, length, 0) == (ssize_t)length);
	close(fd);
}

static uint8_t *put(struct channel_out *out, uint8_t *to, struct abi_section s,
		    const uint8_t *payload)
{
	if (s.type == ABI_SECTION_STOPPED || s.type == ABI_SECTION_END) {
		s.offset = out->sections;
		s.arg = out->payload;
	}
	memcpy(to + ABI_SECTION_HEADER_SIZE, payload, s.length);
	channel_out_seal(out, to, &s);
	return to + ABI_SECTION_HEADER_SIZE + s.length;
}

/* Each chunk in three sections, of which the first is a byte. */
static size_t cut_up(void)
{
	struct channel_out out = {.sections = 0};
	uint8_t *to = cut;

	chunks = 0;
	memcpy(to, whole, ABI_STREAM_HEADER_SIZE);
	to += ABI_STREAM_HEADER_SIZE;
	for (size_t at = ABI_STREAM_HEADER_SIZE; at < length;) {
		const uint8_t *payload = whole + at + ABI_SECTION_HEADER_SIZE;
		struct abi_section s;

		CHECK(!abi_section_get(whole + at, length - at, &s));
		at += ABI_SECTION_HEADER_SIZE + s.length;
		if (s.type != ABI_SECTION_DEVICE_DATA || s.length < 3) {
			to = put(&out, to, s, payload);
			continue;
		}
		chunks += s.index == 0;
		for (uint32_t i = 0, done = 0; i < 3; i++) {
			struct abi_section part = s;

			part.flags = i == 0 ? ABI_SECTION_FIRST : i == 2 ? ABI_SECTION_LAST : 0;
			part.length = i == 0 ? 1 : i == 1 ? s.length / 2 : s.length - done;
			part.offset += done;
			to = put(&out, to, part, payload + done);
			done += part.length;
		}
	}
	return (size_t)(to - cut);
}

static int load(const uint8_t *bytes, size_t len, const char *fault, unsigned cards,
		struct vfmig_error *err)
{
	int fd = memfd_create("cut", MFD_CLOEXEC), ret;
	struct migration_pair_end end;

	CHECK(write(fd, bytes, len) == (ssize_t)len);
	CHECK(lseek(fd, 0, SEEK_SET) == 0);
	migration_pair_end_init(&end, cards, "memory=64K", 64 << 10);
	if (fault)
		migration_pair_fault(&end, 0, fault);
	migration_pair_end_ready(&end, VFMIG_ROLE_DESTINATION);
	ret = vfmig_migration_run(end.m, fd, -1, err);
	if (!ret)
		for (unsigned i = 0; i < cards; i++)
			CHECK_EQ(test_device_get(end.card[i], TEST_DEVICE_SRC),
				 MIGRATION_PAIR_IOVA + i * 8192);
	migration_pair_end_free(&end);
	close(fd);
	return ret;
}

/* HELLO of many cards, and a chunk begun for each. */
static void too_many(void)
{
	static struct vfmig_device *cards[VFMIG_MIGRATION_BUFFERS + 1];
	struct vfmig_migration *m;
	struct channel_out out = {.sections = 0};
	struct vfmig_error err = {0};
	struct abi_section s;
	int fd = memfd_create("many", MFD_CLOEXEC);
	uint8_t *to = cut;

	for (int pass = 0; pass < 2; pass++) {
		CHECK(!vfmig_migration_new(pass ? VFMIG_ROLE_DESTINATION : VFMIG_ROLE_SOURCE, NULL,
					   &m, NULL));
		for (unsigned i = 0; i <= VFMIG_MIGRATION_BUFFERS; i++) {
			char id[16];

			snprintf(id, sizeof(id), "card%u", i);
			if (!cards[i])
				cards[i] = test_device_open("memory=4K");
			CHECK_OK(vfmig_migration_add_device(m, id, cards[i], NULL, &test_err));
		}
		if (!pass) {
			CHECK(!vfmig_migration_run(m, -1, fd, NULL));
			CHECK(pread(fd, whole, ROOM, 0) > 0);
			CHECK(!abi_section_get(whole + ABI_STREAM_HEADER_SIZE, ROOM, &s));
			memcpy(to, whole, ABI_STREAM_HEADER_SIZE);
			to = put(&out, to + ABI_STREAM_HEADER_SIZE, s,
				 whole + ABI_STREAM_HEADER_SIZE + ABI_SECTION_HEADER_SIZE);
			for (uint32_t i = 0; i <= VFMIG_MIGRATION_BUFFERS; i++)
				to = put(&out, to,
					 (struct abi_section){.type = ABI_SECTION_DEVICE_DATA,
							      .flags = ABI_SECTION_FIRST,
							      .index = i,
							      .length = 1},
					 (const uint8_t *)"v");
			CHECK(!ftruncate(fd, 0));
			CHECK(pwrite(fd, cut, (size_t)(to - cut), 0) == to - cut);
			CHECK(lseek(fd, 0, SEEK_SET) == 0);
			for (unsigned i = 0; i <= VFMIG_MIGRATION_BUFFERS; i++)
				CHECK_OK(vfmig_device_reset(cards[i], &test_err));
		} else {
			CHECK_EQ(vfmig_migration_run(m, fd, -1, &err), -EBADMSG);
			CHECKF(strstr(err.text, "open at once"), "%s", err.text);
		}
		vfmig_migration_free(m);
	}
	for (unsigned i = 0; i <= VFMIG_MIGRATION_BUFFERS; i++)
		vfmig_device_close(cards[i]);
	close(fd);
}

int main(void)
{
	struct vfmig_error err = {0};
	char fault[80];
	size_t len;

	whole = malloc(ROOM);
	cut = malloc(ROOM);
	save();
	len = cut_up();
	CHECK(len > length);
	CHECKF(!load(cut, len, NULL, CARDS, &err), "%s", err.text);
	/* As many writes as chunks: the last one can be made to fail, one more cannot. */
	snprintf(fault, sizeof(fault), "op=data-write,nth=%u", chunks);
	CHECK_EQ(load(cut, len, fault, CARDS, &err), -EIO);
	snprintf(fault, sizeof(fault), "op=data-write,nth=%u", chunks + 1);
	CHECKF(!load(cut, len, fault, CARDS, &err), "%s", err.text);
	too_many();
	free(whole);
	free(cut);
	return 0;
}
