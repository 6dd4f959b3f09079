/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A server that is sent anything at all, in slices, some with descriptors. Where the first byte says so a decent VERSION
 * goes first, so that what follows gets further; and messages are given a header that fits.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vfmig/export.h>

#include "abi/vfio_user.h"
#include "tests/lib/fake_device.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HELLO "\0\0\1\0{\"capabilities\":{\"max_msg_fds\":4,\"vfmig\":{\"version\":2}}}"

/* A write to the doorbell has the device do DMA in the middle of it all. */
static void ring(struct fake_device *f)
{
	uint8_t buf[8192] = {0};

	fake_device_dma(f, 0x1000, buf, sizeof(buf), false);
	fake_device_dma(f, 0x1000, buf, sizeof(buf), true);
}

static void push(int fd, const void *bytes, size_t len, int with)
{
	struct iovec iov = {(void *)bytes, len};
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr c;
	} control = {.c = {.cmsg_len = CMSG_LEN(sizeof(int)),
			   .cmsg_level = SOL_SOCKET,
			   .cmsg_type = SCM_RIGHTS}};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (with >= 0) {
		memcpy(CMSG_DATA(&control.c), &with, sizeof(with));
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
	}
	if (sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return;
}

static void drain(int fd)
{
	uint8_t buf[65536];

	while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
}

/* A slice: a byte of flags, one of the command, one of length, and so much payload. */
static size_t slice(int fd, const uint8_t *data, size_t size, int memory)
{
	struct vfmig_user_header h = {.msg_id = data[0],
				      .cmd = data[1] % 23 /* some are unknown */};
	size_t len = size > 3 ? data[2] : 0;
	uint8_t message[16 + 256];

	if (len > size - 3)
		len = size - 3;
	h.flags = data[0] & 1 ? VFMIG_USER_FLAG_NO_REPLY : data[0] & 2 ? 1 : 0;
	h.msg_size = (uint32_t)(16 + len);
	memcpy(message, &h, sizeof(h));
	memcpy(message + 16, data + 3, len);
	push(fd, message, 16 + len, data[0] & 4 ? memory : -1);
	return 3 + len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int memory = -1;
	struct vfmig_export_options config = {.struct_size = sizeof(struct vfmig_export_options),
					      .timeout_ms = 1};
	struct vfmig_user_header negotiation = {.cmd = VFMIG_USER_VERSION,
						.msg_size = 16 + sizeof(HELLO)};
	struct vfmig_export *server;
	struct fake_device *fake;
	int fds[2], mode = size ? *data : 0;
	size_t n;

	if (memory < 0) {
		memory = memfd_create("memory", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		if (ftruncate(memory, 1 << 20) || fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK))
			abort();
	}
	if (size) {
		data++;
		size--;
	}
	fake = fake_device_new(7);
	fake->doorbell = ring;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		abort();
	config.fd = fds[0];
	if (vfmig_export_open_vfio_user(&fake->device, &config, &server, NULL))
		abort();
	if (mode & 1) {
		push(fds[1], &negotiation, sizeof(negotiation), -1);
		push(fds[1], HELLO, sizeof(HELLO), -1);
	}
	while (size) {
		if (mode & 2 && size >= 3) {
			n = slice(fds[1], data, size, memory);
		} else {
			n = 1 + data[0] % 64u;
			n = n < size ? n : size;
			push(fds[1], data, n, n % 7 == 0 ? memory : -1);
		}
		data += n;
		size -= n;
		if (vfmig_export_process(server, NULL))
			break;
		drain(fds[1]);
	}
	for (unsigned i = 0; i < 8 && !vfmig_export_process(server, NULL); i++)
		drain(fds[1]);
	close(fds[1]);
	vfmig_export_close(server);
	vfmig_device_close(&fake->device);
	return 0;
}
