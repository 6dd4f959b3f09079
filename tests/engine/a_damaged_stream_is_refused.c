/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A saved stream is cut at and around each section, each of its headers' bytes and some of each payload's are
 * flipped, sections are swapped, doubled, left out and made longer, the version is another: neither a
 * destination nor the inspector takes any of it, both say where and why, and the destination is reset.
 *
 * The control is the stream as it was, which both take.
 */
#include <sys/mman.h>

#include <vfmig/inspect.h>

#include "tests/lib/migration_pair.h"

#include "abi/le.h"
#include "abi/stream.h"

#define MAX 256

static uint8_t *whole;
static size_t length;
static size_t at[MAX + 1]; /* where sections begin; the last is the end */
static unsigned count;

static void save(void)
{
	int fd = memfd_create("saved", MFD_CLOEXEC);
	struct migration_pair_end end;
	struct abi_section s;

	migration_pair_end_init(&end, 1, "memory=16K", 256 << 10);
	migration_pair_work(&end);
	migration_pair_end_ready(&end, VFMIG_ROLE_SOURCE);
	CHECK(!vfmig_migration_run(end.m, -1, fd, &end.err));
	migration_pair_end_free(&end);
	length = (size_t)lseek(fd, 0, SEEK_END);
	whole = malloc(length);
	CHECK(pread(fd, whole, length, 0) == (ssize_t)length);
	close(fd);
	for (size_t p = ABI_STREAM_HEADER_SIZE; p < length; count++) {
		CHECK(count < MAX);
		CHECK(!abi_section_get(whole + p, length - p, &s));
		at[count] = p;
		p += ABI_SECTION_HEADER_SIZE + s.length;
	}
	at[count] = length;
}

static int as_file(const uint8_t *bytes, size_t len)
{
	int fd = memfd_create("damaged", MFD_CLOEXEC);

	CHECK(write(fd, bytes, len) == (ssize_t)len);
	CHECK(lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

static struct migration_pair_end target;

static int load(const uint8_t *bytes, size_t len, struct vfmig_error *err)
{
	int fd = as_file(bytes, len), ret;

	CHECK(!vfmig_migration_new(VFMIG_ROLE_DESTINATION, NULL, &target.m, NULL));
	CHECK(!vfmig_migration_add_device(target.m, "card0", target.card[0], NULL, NULL));
	CHECK(!vfmig_migration_add_space(target.m, target.space, NULL));
	ret = vfmig_migration_run(target.m, fd, -1, err);
	vfmig_migration_free(target.m);
	target.m = NULL;
	close(fd);
	return ret;
}

static int inspect(const uint8_t *bytes, size_t len, struct vfmig_error *err)
{
	int fd = as_file(bytes, len), ret = vfmig_inspect(fd, 0, NULL, NULL, err);

	close(fd);
	return ret;
}

static void refused(const uint8_t *bytes, size_t len, const char *what, size_t where)
{
	struct vfmig_error err = {0};
	int ret = load(bytes, len, &err);

	CHECKF(ret < 0 && err.text[0], "%s at %zu: loaded", what, where);
	CHECKF(migration_pair_state(&target, 0) == VFMIG_STATE_RUNNING, "%s at %zu: not reset",
	       what, where);
	CHECKF(test_device_get(target.card[0], TEST_DEVICE_SRC) == 0, "%s at %zu: not reset", what,
	       where);
	err = (struct vfmig_error){0};
	ret = inspect(bytes, len, &err);
	CHECKF(ret == -EBADMSG || ret == -ENODATA, "%s at %zu: inspected: %d", what, where, ret);
	CHECK(err.text[0]);
}

static void cut(void)
{
	for (unsigned i = 0; i <= count; i++)
		for (int around = -1; around <= 1; around++)
			if (at[i] + (size_t)around < length)
				refused(whole, at[i] + (size_t)around, "cut",
					at[i] + (size_t)around);
	refused(whole, 0, "cut", 0);
	refused(whole, 10, "cut", 10);
}

static void flip_one(uint8_t *bytes, size_t where)
{
	bytes[where] ^= (uint8_t)(1u << where % 8);
	refused(bytes, length, "flipped", where);
	bytes[where] ^= (uint8_t)(1u << where % 8);
}

static void flip(uint8_t *bytes)
{
	for (size_t i = 0; i < 16; i++) /* but for the id, which may be any */
		flip_one(bytes, i);
	for (unsigned i = 0; i < count; i++) {
		size_t payload = at[i] + ABI_SECTION_HEADER_SIZE, end = at[i + 1];

		/* All of the headers of a few, some of the others. */
		for (size_t k = i < 8 || i + 8 > count ? at[i] : payload - 8; k < payload; k++)
			flip_one(bytes, k);
		for (size_t k = payload; k < end; k += 1 + (end - payload) / 3)
			flip_one(bytes, k);
	}
}

static size_t size_of(unsigned i)
{
	return at[i + 1] - at[i];
}

/* Sections in another order: i and i + 1 swapped, i doubled, i left out. */
static void reorder(uint8_t *bytes)
{
	for (unsigned i = 0; i + 1 < count; i++) {
		size_t a = size_of(i), b = size_of(i + 1);

		memcpy(bytes, whole, length);
		memcpy(bytes + at[i], whole + at[i + 1], b);
		memcpy(bytes + at[i] + b, whole + at[i], a);
		refused(bytes, length, "swapped", at[i]);
	}
	for (unsigned i = 0; i < count; i++) {
		memcpy(bytes, whole, at[i + 1]);
		memcpy(bytes + at[i + 1], whole + at[i], length - at[i]);
		if (i + 1 < count)
			refused(bytes, length + size_of(i), "doubled", at[i]);
		memcpy(bytes, whole, length);
		memmove(bytes + at[i], bytes + at[i + 1], length - at[i + 1]);
		refused(bytes, length - size_of(i), "left out", at[i]);
	}
	memcpy(bytes, whole, length);
}

/* A length over its cap, and one that is only more than there is; with the checksum as if right. */
static void oversize(uint8_t *bytes)
{
	static const uint32_t lengths[] = {0,	       4096,	  1u << 20, (1u << 20) + 1,
					   0x80000000, UINT32_MAX};

	for (unsigned i = 0; i < count; i += 3)
		for (unsigned k = 0; k < sizeof(lengths) / sizeof(lengths[0]); k++) {
			if (abi_get32(bytes + at[i] + 24) == lengths[k])
				continue;
			abi_put32(bytes + at[i] + 24, lengths[k]);
			refused(bytes, length, "length", at[i]);
			memcpy(bytes + at[i], whole + at[i], ABI_SECTION_HEADER_SIZE);
		}
}

static void versions(uint8_t *bytes)
{
	struct vfmig_error err = {0};

	bytes[8] = 3;
	CHECK_EQ(load(bytes, length, &err), -EBADMSG);
	CHECK(strstr(err.text, "of a version that is not known here"));
	/* The one before has the same files. */
	bytes[8] = 1;
	CHECK_EQ(load(bytes, length, &err), 0);
	bytes[8] = 2;
	CHECK_EQ(load((const uint8_t *)"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n", 37, &err),
		 -EBADMSG);
	CHECK(strstr(err.text, "not a migration stream"));
	/* A stream that waits for answers, where there is nobody to give them. */
	bytes[12] = 0;
	CHECK_EQ(load(bytes, length, &err), -EINVAL);
	bytes[12] = ABI_STREAM_FLAG_FILE;
}

int main(void)
{
	struct vfmig_error err = {0};
	uint8_t *bytes;

	save();
	bytes = malloc(2 * length);
	memcpy(bytes, whole, length);
	migration_pair_end_init(&target, 1, "memory=16K", 256 << 10);
	CHECK_OK(vfmig_space_attach(target.space, target.card[0], &test_err));
	CHECKF(!load(whole, length, &err), "%s", err.text);
	CHECKF(!inspect(whole, length, &err), "%s", err.text);
	CHECK(!vfmig_device_reset(target.card[0], NULL));
	cut();
	flip(bytes);
	reorder(bytes);
	oversize(bytes);
	versions(bytes);
	CHECKF(!load(bytes, length, &err), "%s", err.text);
	migration_pair_end_free(&target);
	free(bytes);
	free(whole);
	return 0;
}
