/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whatever a client sends, the server lives, leaks nothing, keeps in step, and says no with the right errno; where the
 * stream itself makes no sense it hangs up. After each, a decent client is served.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/vfio-user/pair.h"
#include "tests/vfio-user/raw.h"
#include "wire/socket.h"

static char dir[] = "/tmp/vfmig-test-XXXXXX";
static char path[64];
static struct fake *fake;
static struct vfmig_export *server;

#define HELLO "{\"capabilities\":{\"max_msg_fds\":8,\"vfmig\":{\"version\":1}}}"

static int plain(void)
{
	struct vfmig_error err = {0};
	int fd = vfmig_socket_connect(path, &err);

	CHECKF(fd >= 0, "%s", err.text);
	return fd;
}

static int hello(void)
{
	int fd = plain();

	CHECK_EQ(raw_hello(fd, HELLO), 0);
	return fd;
}

static int info(int fd)
{
	uint32_t words[4] = {16};

	return raw_call(fd, VFMIG_USER_DEVICE_GET_INFO, words, 16, NULL, 0, words, 16, NULL);
}

/* The next one is served as if nothing had been, and nothing is left of the last. */
static void decent(void)
{
	int fd = hello();

	CHECK_EQ(info(fd), 0);
	CHECK_EQ(fake->maps, 0);
	close(fd);
}

/* ---- before anything is agreed ---- */

static void bad_hello(const char *json, int expected)
{
	int fd = plain();

	CHECKF(raw_hello(fd, json) == expected, "%.80s", json);
	if (expected)
		CHECK(raw_gone(fd));
	close(fd);
}

static void versions(void)
{
	static char deep[600], large[VFMIG_USER_JSON_MAX + 100];
	uint8_t version[8] = {0, 0, 1, 0};
	int fd, null = open("/dev/null", O_RDONLY);

	bad_hello(NULL, 0);
	bad_hello("{}", 0);
	bad_hello("{\"capabilities\":{}}", 0);
	bad_hello("{\"capabilities\":{\"unknown\":[1,{\"x\":null}]},\"more\":7}", 0);
	bad_hello("", 0);
	bad_hello("garbage", -EPROTO);
	bad_hello("{", -EPROTO);
	bad_hello("[]", -EPROTO);
	bad_hello("{\"capabilities\":7}", -EPROTO);
	bad_hello("{\"capabilities\":{}} trailing", -EPROTO);
	bad_hello("{\"capabilities\":{\"max_msg_fds\":\"many\"}}", -EPROTO);
	bad_hello("{\"capabilities\":{\"max_msg_fds\":-1}}", -EPROTO);
	bad_hello("{\"capabilities\":{\"max_msg_fds\":1e3}}", -EPROTO);
	bad_hello("{\"capabilities\":{\"max_msg_fds\":99999999999999999999999999}}", -EPROTO);
	bad_hello("{\"capabilities\":{\"max_data_xfer_size\":0}}", -EPROTO);
	bad_hello("{\"capabilities\":{\"max_data_xfer_size\":4095}}", -EPROTO);
	bad_hello("{\"capabilities\":{\"max_data_xfer_size\":18446744073709551615}}", 0);
	bad_hello("{\"capabilities\":{\"twin_socket\":true}}", -EPROTO);
	bad_hello("{\"capabilities\":{\"twin_socket\":{\"supported\":1}}}", -EPROTO);
	bad_hello("{\"capabilities\":{\"migration\":{\"pgsize\":4097}}}", -EPROTO);
	bad_hello("{\"capabilities\":{\"vfmig\":{\"version\":-3}}}", -EPROTO);
	bad_hello("{\"capabilities\":{\"max_msg_fds\":\"\xff\xfe\"}}", -EPROTO);
	memset(deep, '[', sizeof(deep) - 1);
	bad_hello(deep, -EPROTO);
	memset(large, ' ', sizeof(large) - 1);
	bad_hello(large, -EPROTO);

	/* Another major version; no room for one; something else first; a descriptor with it. */
	for (size_t len = 0; len <= 8; len++) {
		fd = plain();
		version[0] = len > 4 ? 0 : 7;
		CHECK_EQ(raw_call(fd, VFMIG_USER_VERSION, version, len, NULL, 0, NULL, 0, NULL),
			 len < 4    ? -EPROTO
			 : len == 4 ? -EINVAL
			 : len == 5 ? 0 /* a NUL, and so an empty text */
				    : -EPROTO);
		close(fd);
	}
	fd = plain();
	CHECK_EQ(info(fd), -EINVAL);
	CHECK(raw_gone(fd));
	close(fd);
	fd = plain();
	CHECK_EQ(raw_call(fd, VFMIG_USER_VERSION, version, 4, &null, 1, NULL, 0, NULL), -EINVAL);
	close(fd);
	close(null);
	fd = hello();
	CHECK_EQ(raw_call(fd, VFMIG_USER_VERSION, version, 4, NULL, 0, NULL, 0, NULL), -EINVAL);
	CHECK_EQ(info(fd), 0);
	close(fd);
	decent();
}

/* ---- streams that make no sense ---- */

static void hangs_up(const void *bytes, size_t len, bool after_hello)
{
	int fd = after_hello ? hello() : plain();

	CHECK_EQ(send(fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
	CHECK(raw_gone(fd));
	close(fd);
}

static void headers(void)
{
	struct vfmig_user_header good = {.msg_id = 1,
					 .cmd = VFMIG_USER_DEVICE_RESET,
					 .msg_size = 16},
				 h;
	uint8_t noise[4096];

	for (int hello_first = 0; hello_first < 2; hello_first++) {
		for (uint32_t size = 0; size < 16; size++) {
			h = good;
			h.msg_size = size;
			hangs_up(&h, sizeof(h), hello_first);
		}
		h = good;
		h.msg_size = UINT32_MAX;
		hangs_up(&h, sizeof(h), hello_first);
		h.msg_size = (1 << 20) + 65;
		hangs_up(&h, sizeof(h), hello_first);
		h = good;
		h.flags = VFMIG_USER_FLAG_TYPE_REPLY; /* to nothing */
		hangs_up(&h, sizeof(h), hello_first);
		h.flags = 2;
		hangs_up(&h, sizeof(h), hello_first);
		h.flags = 0x40;
		hangs_up(&h, sizeof(h), hello_first);
		h.flags = VFMIG_USER_FLAG_ERROR;
		hangs_up(&h, sizeof(h), hello_first);
		memset(noise, 0xff, sizeof(noise));
		hangs_up(noise, sizeof(noise), hello_first);
		for (unsigned i = 0; i < sizeof(noise); i++)
			noise[i] = (uint8_t)(i * 251 + 7);
		hangs_up(noise, sizeof(noise), hello_first);
	}
	decent();
}

/* ---- commands that are too short, too long, or unknown ---- */

static void lengths(void)
{
	uint8_t zeros[256] = {0};
	int fd = hello(), ret;

	for (uint16_t cmd = 0; cmd < 40; cmd++) {
		const struct vfmig_user_kind *kind = vfmig_user_kind(cmd);
		uint32_t least = kind ? kind->request_min : 8;

		for (uint32_t len = 0; len < least; len++) {
			ret = raw_call(fd, cmd, zeros, len, NULL, 0, NULL, 0, NULL);
			CHECKF(ret == -EINVAL, "command %u of %u bytes: %d", cmd, len, ret);
		}
	}
	for (uint32_t cmd = 19; cmd < 65536; cmd += 777)
		CHECK_EQ(raw_call(fd, (uint16_t)cmd, zeros, 32, NULL, 0, NULL, 0, NULL), -EINVAL);
	/* Those that only a server may ask, and the one that is withdrawn. */
	CHECK_EQ(raw_call(fd, VFMIG_USER_DMA_READ, zeros, 16, NULL, 0, NULL, 0, NULL), -EINVAL);
	CHECK_EQ(raw_call(fd, VFMIG_USER_DMA_WRITE, zeros, 16, NULL, 0, NULL, 0, NULL), -EINVAL);
	CHECK_EQ(raw_call(fd, VFMIG_USER_DIRTY_PAGES, zeros, 16, NULL, 0, NULL, 0, NULL), -EINVAL);
	CHECK_EQ(info(fd), 0);
	close(fd);
	decent();
}

/* ---- memory ---- */

static int map(int fd, uint64_t iova, uint64_t size, uint64_t offset, uint32_t flags, int memory)
{
	return raw_map(fd, iova, size, offset, flags, memory);
}

static void maps(void)
{
	uint64_t words[8] = {0};
	int fd = hello(), mem;
	void *p = shared_memory(0x10000, &mem);

	CHECK_EQ(map(fd, 0x10000, 0x10000, 0, 3, mem), 0);
	CHECK_EQ(fake->maps, 1);
	/* Over another, in every way. */
	CHECK_EQ(map(fd, 0x10000, 0x10000, 0, 3, mem), -EEXIST);
	CHECK_EQ(map(fd, 0x8000, 0x10000, 0, 3, mem), -EEXIST);
	CHECK_EQ(map(fd, 0x18000, 0x1000, 0, 3, mem), -EEXIST);
	CHECK_EQ(map(fd, 0, 0x80000000, 0, 3, -1), -EEXIST);
	/* Crooked, empty, past the end. */
	CHECK_EQ(map(fd, 0x40000, 0, 0, 3, -1), -EINVAL);
	CHECK_EQ(map(fd, 0x40001, 0x1000, 0, 3, -1), -EINVAL);
	CHECK_EQ(map(fd, 0x40000, 0x1001, 0, 3, -1), -EINVAL);
	CHECK_EQ(map(fd, 0x40000, UINT64_MAX, 0, 3, -1), -EINVAL);
	CHECK_EQ(map(fd, 0xfffffffffffff000, 0x2000, 0, 3, -1), -EINVAL);
	CHECK_EQ(map(fd, 0x40000, 0xfffffffffffff000, 0, 3, -1), -EINVAL);
	CHECK_EQ(map(fd, 0x40000, 0x1000, UINT64_MAX, 3, mem), -EINVAL);
	CHECK_EQ(map(fd, 0x40000, 0x1000, INT64_MAX, 3, mem), -EINVAL);
	CHECK_EQ(map(fd, 0x40000, 0x1000, 0x7ffffffffffff000, 3, mem), -EINVAL);
	/* All but the last page is possible. */
	CHECK_EQ(map(fd, 0xfffffffffffff000, 0x1000, 0, 3, -1), -EINVAL);
	CHECK_EQ(map(fd, 0xffffffffffffe000, 0x1000, 0, 3, -1), 0);
	CHECK_EQ(raw_unmap(fd, 0xffffffffffffe000, 0x1000), 0);
	/* Flags. */
	CHECK_EQ(map(fd, 0x40000, 0x1000, 0, 0, -1), -EINVAL);
	CHECK_EQ(map(fd, 0x40000, 0x1000, 0, 0x13, -1), -EINVAL);
	CHECK_EQ(map(fd, 0x40000, 0x1000, 0, 3 | 4, -1), -EINVAL);
	CHECK_EQ(map(fd, 0x40000, 0x1000, 0, 3 | 8, -1), -EINVAL);
	CHECK_EQ(map(fd, 0x40000, 0x1000, 0, 3 | 12, mem), -EINVAL);
	/* Away, only as it came. */
	CHECK_EQ(raw_unmap(fd, 0x10000, 0x8000), -ENOENT);
	CHECK_EQ(raw_unmap(fd, 0x10000, 0x20000), -ENOENT);
	CHECK_EQ(raw_unmap(fd, 0x11000, 0x1000), -ENOENT);
	CHECK_EQ(raw_unmap(fd, 0, UINT64_MAX), -ENOENT);
	CHECK_EQ(raw_unmap(fd, 0, 0), -EINVAL);
	/* With a bitmap: logging is off; no room; no page size; flags that exclude each other. */
	words[0] = 24 + 16 + 8 + (1ull << 32);
	words[1] = 0x10000;
	words[2] = 0x10000;
	words[3] = 4096;
	words[4] = 8;
	CHECK_EQ(raw_call(fd, VFMIG_USER_DMA_UNMAP, words, 40, NULL, 0, NULL, 0, NULL), -EINVAL);
	words[0] = 24 + 16 + 7 + (1ull << 32);
	CHECK_EQ(raw_call(fd, VFMIG_USER_DMA_UNMAP, words, 40, NULL, 0, NULL, 0, NULL), -EINVAL);
	words[0] = UINT32_MAX + (1ull << 32);
	words[3] = 4097;
	CHECK_EQ(raw_call(fd, VFMIG_USER_DMA_UNMAP, words, 40, NULL, 0, NULL, 0, NULL), -EINVAL);
	words[3] = 4096;
	words[4] = UINT64_MAX;
	CHECK_EQ(raw_call(fd, VFMIG_USER_DMA_UNMAP, words, 40, NULL, 0, NULL, 0, NULL), -EINVAL);
	words[0] = UINT32_MAX + (3ull << 32);
	CHECK_EQ(raw_call(fd, VFMIG_USER_DMA_UNMAP, words, 40, NULL, 0, NULL, 0, NULL), -EINVAL);
	CHECK_EQ(fake->maps, 1);
	/* Everything at once. */
	CHECK_EQ(map(fd, 0x40000, 0x1000, 0, 1, -1), 0);
	words[0] = 24 + (2ull << 32);
	words[1] = words[2] = 0;
	CHECK_EQ(raw_call(fd, VFMIG_USER_DMA_UNMAP, words, 24, NULL, 0, NULL, 0, NULL), 0);
	CHECK_EQ(fake->maps, 0);
	CHECK_EQ(map(fd, 0x10000, 0x10000, 0, 3, mem), 0);
	close(fd);
	munmap(p, 0x10000);
	close(mem);
	decent();
}

static void refused_fd(int fd, int memory, uint64_t size, uint32_t flags, int expected)
{
	CHECK_EQ(map(fd, 0x100000, size, 0, flags, memory), expected);
	close(memory);
}

static void descriptors(void)
{
	unsigned before;
	int fd = hello(), mem, pipes[2], many[RAW_FDS];
	void *p = shared_memory(0x10000, &mem);
	char name[64];

	CHECK(!pipe2(pipes, O_CLOEXEC));
	CHECK_EQ(info(fd), 0);
	before = count_fds();
	refused_fd(fd, open("/dev/null", O_RDWR | O_CLOEXEC), 0x1000, 3, -EINVAL);
	refused_fd(fd, open("/dev/zero", O_RDWR | O_CLOEXEC), 0x1000, 3, -EINVAL);
	refused_fd(fd, open("/tmp", O_RDONLY | O_CLOEXEC), 0x1000, 1, -EINVAL);
	refused_fd(fd, dup(pipes[0]), 0x1000, 1, -EINVAL);
	refused_fd(fd, eventfd(0, EFD_CLOEXEC), 0x1000, 3, -EINVAL);
	refused_fd(fd, socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), 0x1000, 3, -EINVAL);
	/* Too small. */
	refused_fd(fd, dup(mem), 0x11000, 3, -EINVAL);
	refused_fd(fd, dup(mem), 0x7ffffffffffff000, 3, -EINVAL);
	CHECK_EQ(map(fd, 0x100000, 0x10000, 0x1000, 3, mem), -EINVAL);
	CHECK_EQ(map(fd, 0x100000, 0x1000, 0x10, 3, mem), -EINVAL);
	/* Opened for less. */
	snprintf(name, sizeof(name), "/proc/self/fd/%d", mem);
	refused_fd(fd, open(name, O_RDONLY | O_CLOEXEC), 0x1000, 3, -EACCES);
	refused_fd(fd, open(name, O_WRONLY | O_CLOEXEC), 0x1000, 2, -EACCES);
	refused_fd(fd, open(name, O_PATH | O_CLOEXEC), 0x1000, 1, -EACCES);
	refused_fd(fd, open(name, O_RDONLY | O_CLOEXEC), 0x1000, 1, 0);
	CHECK_EQ(raw_unmap(fd, 0x100000, 0x1000), 0);
	/* Sealed. */
	munmap(p, 0x10000);
	CHECK(!fcntl(mem, F_ADD_SEALS, F_SEAL_WRITE));
	refused_fd(fd, dup(mem), 0x1000, 3, -EACCES);
	/* Where there is to be none; more than one; more than there may ever be. */
	for (unsigned i = 0; i < RAW_FDS; i++)
		many[i] = mem;
	CHECK_EQ(raw_call(fd, VFMIG_USER_DEVICE_RESET, NULL, 0, many, 3, NULL, 0, NULL), -EINVAL);
	CHECK_EQ(raw_call(fd, VFMIG_USER_DMA_MAP, name, 32, many, 2, NULL, 0, NULL), -EINVAL);
	CHECK_EQ(raw_call(fd, 999, name, 32, many, RAW_FDS, NULL, 0, NULL), -EINVAL);
	CHECK_EQ(info(fd), 0);
	CHECK_EQ(count_fds(), before);
	{
		int too_many[RAW_FDS + 1];
		uint32_t words[4] = {16};

		for (unsigned i = 0; i < RAW_FDS + 1; i++)
			too_many[i] = mem;
		raw_send(fd, 1, VFMIG_USER_DEVICE_GET_INFO, 0, 0, words, 16, too_many, RAW_FDS + 1);
		CHECK(raw_gone(fd));
	}
	close(fd);
	/* A few with each byte of a message. */
	fd = hello();
	for (unsigned i = 0; i < 16; i++) {
		struct vfmig_user_header h = {.msg_size = 16, .cmd = VFMIG_USER_DEVICE_RESET};
		struct iovec iov = {(char *)&h + i, 1};
		union {
			char bytes[CMSG_SPACE(5 * sizeof(int))];
			struct cmsghdr c;
		} control = {.c = {.cmsg_len = CMSG_LEN(5 * sizeof(int)),
				   .cmsg_level = SOL_SOCKET,
				   .cmsg_type = SCM_RIGHTS}};
		struct msghdr msg = {.msg_iov = &iov,
				     .msg_iovlen = 1,
				     .msg_control = &control,
				     .msg_controllen = sizeof(control)};

		memcpy(CMSG_DATA(&control.c), many, 5 * sizeof(int));
		if (sendmsg(fd, &msg, MSG_NOSIGNAL) < 0)
			break;
	}
	CHECK(raw_gone(fd));
	close(fd);
	close(mem);
	close(pipes[0]);
	close(pipes[1]);
	decent();
}

static void irq_descriptors(void)
{
	struct vfmig_irq_set s = {.argsz = sizeof(s),
				  .flags =
					  VFMIG_IRQ_SET_DATA_EVENTFD | VFMIG_IRQ_SET_ACTION_TRIGGER,
				  .index = VFMIG_PCI_IRQ_MSIX,
				  .count = 1};
	int fd = hello(), pipes[2], two[2];

	CHECK(!pipe2(pipes, O_CLOEXEC));
	two[0] = two[1] = eventfd(0, EFD_CLOEXEC);
	/* A full pipe would hold the device for ever. */
	CHECK_EQ(raw_call(fd, VFMIG_USER_DEVICE_SET_IRQS, &s, sizeof(s), &pipes[1], 1, NULL, 0,
			  NULL),
		 -EINVAL);
	CHECK_EQ(raw_call(fd, VFMIG_USER_DEVICE_SET_IRQS, &s, sizeof(s), two, 2, NULL, 0, NULL),
		 -EINVAL);
	s.start = UINT32_MAX;
	CHECK_EQ(raw_call(fd, VFMIG_USER_DEVICE_SET_IRQS, &s, sizeof(s), two, 1, NULL, 0, NULL),
		 -EINVAL);
	s.start = 0;
	s.index = UINT32_MAX;
	CHECK_EQ(raw_call(fd, VFMIG_USER_DEVICE_SET_IRQS, &s, sizeof(s), two, 1, NULL, 0, NULL),
		 -EINVAL);
	s.index = VFMIG_PCI_IRQ_MSIX;
	s.flags = VFMIG_IRQ_SET_DATA_BOOL | VFMIG_IRQ_SET_ACTION_TRIGGER;
	s.count = 2048;
	CHECK_EQ(raw_call(fd, VFMIG_USER_DEVICE_SET_IRQS, &s, sizeof(s), NULL, 0, NULL, 0, NULL),
		 -EINVAL);
	s.flags = 0x3f;
	CHECK_EQ(raw_call(fd, VFMIG_USER_DEVICE_SET_IRQS, &s, sizeof(s), NULL, 0, NULL, 0, NULL),
		 -EINVAL);
	close(fd);
	close(pipes[0]);
	close(pipes[1]);
	close(two[0]);
	decent();
}

/* ---- regions, features, data: everything that ends the server in the field, and more ---- */

static void regions(void)
{
	struct {
		struct vfmig_user_region_access a;
		uint8_t data[16];
	} m = {.a = {0, 0, 8}};
	uint64_t multi[1 + 3 * 2] = {2, 0, (8ull << 32) | 0, 1, 4, (9ull << 32) | 0, 2};
	int fd = hello();

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
	m.a.offset = FAKE_BAR0 - 7;
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
	decent();
}

static void features(void)
{
	uint32_t start = VFMIG_FEATURE_DMA_LOGGING_START | VFMIG_FEATURE_SET;
	uint32_t get = VFMIG_FEATURE_DMA_LOGGING_REPORT | VFMIG_FEATURE_GET;
	uint64_t words[512] = {0};
	int fd = hello();

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
	decent();
}

static void migration_data(void)
{
	uint8_t *buf = calloc(1, 2 << 20);
	struct vfmig_user_mig_data d = {.argsz = 8 + 4096, .size = 4096};
	int fd = hello();

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
	decent();
}

/* ---- going, at each byte ---- */

static void vanishes(void)
{
	struct {
		struct vfmig_user_header h;
		struct vfmig_user_dma_map m;
		struct vfmig_user_header h2;
		struct vfmig_user_region_access a;
		uint8_t data[16];
	} stream = {
		.h = {.cmd = VFMIG_USER_DMA_MAP, .msg_size = 48},
		.m = {.argsz = 32, .flags = 3, .addr = 0x1000, .size = 0x1000},
		.h2 = {.cmd = VFMIG_USER_REGION_WRITE, .msg_size = 48},
		.a = {.count = 16},
	};
	int mem;
	void *p = shared_memory(0x1000, &mem);

	for (size_t n = 0; n <= sizeof(stream); n++) {
		struct iovec iov = {&stream, n};
		union {
			char bytes[CMSG_SPACE(sizeof(int))];
			struct cmsghdr c;
		} control = {.c = {.cmsg_len = CMSG_LEN(sizeof(int)),
				   .cmsg_level = SOL_SOCKET,
				   .cmsg_type = SCM_RIGHTS}};
		struct msghdr msg = {.msg_iov = &iov,
				     .msg_iovlen = 1,
				     .msg_control = n ? &control : NULL,
				     .msg_controllen = n ? sizeof(control) : 0};
		int fd = hello();

		memcpy(CMSG_DATA(&control.c), &mem, sizeof(int));
		CHECK_EQ(sendmsg(fd, &msg, MSG_NOSIGNAL), (ssize_t)n);
		close(fd);
	}
	/* In the middle of VERSION, too. */
	for (size_t n = 0; n < 40; n++) {
		struct vfmig_user_header h = {.cmd = VFMIG_USER_VERSION, .msg_size = 40};
		uint8_t bytes[40] = {0};
		int fd = plain();

		memcpy(bytes, &h, sizeof(h));
		CHECK_EQ(send(fd, bytes, n, MSG_NOSIGNAL), (ssize_t)n);
		close(fd);
	}
	munmap(p, 0x1000);
	close(mem);
	decent();
}

int main(void)
{
	struct vfmig_vfio_user_config config = {.socket_path = path};
	struct vfmig_error err = {0};
	unsigned before = count_fds();

	CHECK(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/socket", dir);
	fake = fake_new(PAIR_ALL_FLAGS);
	CHECKF(!vfmig_export_vfio_user(&fake->device, &config, &server, &err), "%s", err.text);
	CHECK_EQ(vfmig_export_start(server, NULL), 0);
	decent();
	versions();
	headers();
	lengths();
	maps();
	descriptors();
	irq_descriptors();
	regions();
	features();
	migration_data();
	vanishes();
	/* The last client may still be on its way out. */
	while (vfmig_export_has_client(server))
		usleep(100);
	vfmig_export_close(server);
	vfmig_device_close(&fake->device);
	CHECK_EQ(count_fds(), before);
	rmdir(dir);
	return 0;
}
