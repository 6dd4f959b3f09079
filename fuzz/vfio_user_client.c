/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A client that is answered with anything at all, by a server with the extension or without. Its questions are under way
 * already; answers are given an id and command that fit, unless the input wants otherwise.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "abi/feature.h"
#include "abi/vfio_user.h"
#include "source/vfio_user.h"
#include "vfmig/space.h"
#include "device/device.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PLAIN	 "\0\0\1\0{\"capabilities\":{\"max_msg_fds\":2}}"
#define EXTENDED "\0\0\1\0{\"capabilities\":{\"max_msg_fds\":2,\"vfmig\":{\"version\":2}}}"

#define REQUESTS 14
static struct vfmig_request requests[REQUESTS];
static bool ended[REQUESTS];
static uint8_t buffers[REQUESTS][4096];
static uint64_t bitmap[64];
static struct vfmig_dma_logging_range range = {0x1000, 0x40000};
static struct vfmig_feature_dma_logging_control control;
static struct vfmig_feature_dma_logging_report report;
static struct vfmig_map map;

static void done(struct vfmig_request *r)
{
	size_t i = (size_t)(r - requests);

	if (ended[i])
		abort(); /* twice */
	ended[i] = true;
	if (r->op == VFMIG_OP_REGION_FD && r->result >= 0)
		close(r->region_fd.fd);
}

static void ask(struct vfmig_device *device, size_t i, const struct vfmig_request *r)
{
	requests[i] = *r;
	requests[i].done = done;
	ended[i] = false;
	vfmig_submit(device, &requests[i]);
}

#define ASK(i, v, ...) ask(device, i, &(struct vfmig_request){.op = VFMIG_OP_##v, __VA_ARGS__})
#define FEATURE(i, name, op, payload, len)                                                         \
	ASK(i, FEATURE, .feature = {VFMIG_FEATURE_##name | VFMIG_FEATURE_##op, payload, len})

static void ask_all(struct vfmig_device *device)
{
	static uint8_t memory[65536] __attribute__((aligned(4096)));

	control = (struct vfmig_feature_dma_logging_control){
		.page_size = 4096, .num_ranges = 1, .ranges = (uintptr_t)&range};
	report = (struct vfmig_feature_dma_logging_report){
		.iova = 0x1000, .length = 0x10000, .page_size = 4096, .bitmap = (uintptr_t)bitmap};
	map = (struct vfmig_map){
		.iova = 0x1000, .size = 0x10000, .prot = 3, .ptr = memory, .fd = -1};
	ASK(0, DEVICE_INFO, .info = {0, buffers[0], 24});
	ASK(1, REGION_INFO, .info = {2, buffers[1], 4096});
	ASK(2, IRQ_INFO, .info = {2, buffers[2], 16});
	ASK(3, REGION_FD, .region_fd = {2, -1, 0});
	ASK(4, REGION_READ, .region = {0, 100, 0, buffers[4]});
	ASK(5, REGION_WRITE, .region = {0, 100, 0, buffers[5]});
	ASK(6, DATA_READ, .data = {buffers[6], 4096});
	ASK(7, DATA_WRITE, .data = {buffers[7], 4096});
	FEATURE(8, MIGRATION, GET, buffers[8], 8);
	FEATURE(9, MIG_STATE, GET, buffers[9], 8);
	ASK(10, SPACE_MAP, .map = &map);
	FEATURE(11, DMA_LOGGING_START, SET, &control, sizeof(control));
	FEATURE(12, DMA_LOGGING_REPORT, GET, &report, sizeof(report));
	ASK(13, RESET, .state = 0);
}

static void push(int fd, const void *bytes, size_t len, int with)
{
	struct iovec iov = {(void *)bytes, len};
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr c;
	} box = {.c = {.cmsg_len = CMSG_LEN(sizeof(int)),
		       .cmsg_level = SOL_SOCKET,
		       .cmsg_type = SCM_RIGHTS}};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (with >= 0) {
		memcpy(CMSG_DATA(&box.c), &with, sizeof(with));
		msg.msg_control = &box;
		msg.msg_controllen = sizeof(box);
	}
	if (sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return;
}

/* The next question of the client's, or what an input makes of it: two bytes of flags and length, then payload. */
static size_t answer(int fd, const uint8_t *data, size_t size, int memory)
{
	struct vfmig_user_header h = {.msg_id = data[1], .cmd = data[0] % 20};
	size_t len = size > 2 ? data[1] : 0;
	uint8_t message[16 + 256], trash[4096];

	if (len > size - 2)
		len = size - 2;
	if (recv(fd, &h, sizeof(h), MSG_DONTWAIT) == sizeof(h) &&
	    h.msg_size - 16 <= sizeof(trash) && recv(fd, trash, h.msg_size - 16, MSG_DONTWAIT) < 0)
		return 2 + len;
	h.flags = data[0] & 1 ? 0x21 : data[0] & 2 ? 0 : 1;
	if (!(h.flags & 1))
		h.cmd = data[0] & 8 ? VFMIG_USER_DMA_READ : VFMIG_USER_DMA_WRITE;
	h.error_no = data[0] & 1 ? 22 : 0;
	h.msg_size = (uint32_t)(16 + (data[0] & 1 ? 0 : len));
	memcpy(message, &h, sizeof(h));
	memcpy(message + 16, data + 2, len);
	push(fd, message, h.msg_size, data[0] & 4 ? memory : -1);
	return 2 + len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int memory = -1;
	const char *version = size && *data & 1 ? PLAIN : EXTENDED;
	size_t n = size && *data & 1 ? sizeof(PLAIN) : sizeof(EXTENDED);
	struct vfmig_user_header h = {
		.cmd = VFMIG_USER_VERSION, .flags = 1, .msg_size = (uint32_t)(16 + n)};
	struct vfmig_space *space = vfmig_space_new();
	struct vfmig_device *device;
	int fds[2], mode = size ? *data : 0;
	uint8_t trash[4096];

	if (memory < 0) {
		memory = memfd_create("memory", MFD_CLOEXEC);
		if (ftruncate(memory, 1 << 16))
			abort();
	}
	if (size) {
		data++;
		size--;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		abort();
	push(fds[0], &h, sizeof(h), -1);
	push(fds[0], version, n, -1);
	if (vfio_user_adopt(fds[1], "fuzzed", NULL, &device, NULL))
		abort();
	if (recv(fds[0], &h, sizeof(h), 0) != sizeof(h) ||
	    recv(fds[0], trash, h.msg_size - 16, 0) < 0 || vfmig_space_attach(space, device, NULL))
		abort();
	ask_all(device);
	while (size) {
		if (mode & 2 && size >= 2) {
			n = answer(fds[0], data, size, memory);
		} else {
			n = 1 + data[0] % 64u;
			n = n < size ? n : size;
			push(fds[0], data, n, n % 7 == 0 ? memory : -1);
		}
		data += n;
		size -= n;
		if (vfmig_device_process(device, NULL))
			break;
	}
	vfmig_device_process(device, NULL);
	if (mode & 4)
		close(fds[0]);
	for (size_t i = 0; i < REQUESTS; i++)
		if (!ended[i] && vfmig_cancel(device, &requests[i]))
			ended[i] = true;
	for (size_t i = 0; i < REQUESTS; i++)
		if (!ended[i])
			abort(); /* neither done nor taken back */
	if (!(mode & 4))
		close(fds[0]);
	vfmig_device_close(device);
	vfmig_space_free(space);
	return 0;
}
