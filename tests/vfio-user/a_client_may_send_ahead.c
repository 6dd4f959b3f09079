/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A client that waits for nothing: thousands of posted writes in one piece, and the most writes that one
 * message may have. A server holds it back; it does not send it away, and its stack does not
 * grow with what it is sent.
 */
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vfmig/export.h>
#include <vfmig/open.h>

#include "abi/vfio_user.h"
#include "tests/lib/check.h"

#define WINDOW 2u /* the copier's board memory */
#define SIZE   (64u << 10)
#define POSTED 5000u

static int sock;
static uint16_t next_id;
static uint8_t reply[4096];

static size_t put(uint8_t *to, uint16_t cmd, uint32_t flags, const void *payload, size_t len)
{
	struct vfmig_user_header h = {.msg_id = next_id++,
				      .cmd = cmd,
				      .msg_size = (uint32_t)(ABI_MSG_HEADER_SIZE + len),
				      .flags = flags};

	abi_msg_put_header(to, ABI_MSG_HEADER_SIZE, &h);
	memcpy(to + ABI_MSG_HEADER_SIZE, payload, len);
	return ABI_MSG_HEADER_SIZE + len;
}

static void give(const void *bytes, size_t len)
{
	for (const uint8_t *at = bytes; len;) {
		ssize_t n = send(sock, at, len, MSG_NOSIGNAL);

		CHECKF(n > 0, "the server has gone");
		at += n;
		len -= (size_t)n;
	}
}

/* The payload of the next reply, which must be a good one. */
static size_t take(void)
{
	struct vfmig_user_header h;
	size_t len;

	CHECK_EQ(recv(sock, reply, ABI_MSG_HEADER_SIZE, MSG_WAITALL), ABI_MSG_HEADER_SIZE);
	CHECK(!abi_msg_get_header(reply, ABI_MSG_HEADER_SIZE, sizeof(reply), &h));
	CHECK_EQ(h.flags, VFMIG_USER_FLAG_TYPE_REPLY);
	len = h.msg_size - ABI_MSG_HEADER_SIZE;
	CHECK_EQ(recv(sock, reply, len, MSG_WAITALL), len);
	return len;
}

static size_t ask(uint16_t cmd, const void *payload, size_t len)
{
	uint8_t *message = malloc(ABI_MSG_HEADER_SIZE + len);

	give(message, put(message, cmd, 0, payload, len));
	free(message);
	return take();
}

/* What is at the beginning of the window. */
static uint32_t look(void)
{
	struct vfmig_user_region_access a = {.region = WINDOW, .count = 4};
	uint32_t value;

	CHECK_EQ(ask(VFMIG_USER_REGION_READ, &a, sizeof(a)), sizeof(a) + 4);
	memcpy(&value, reply + sizeof(a), 4);
	return value;
}

static void posted_writes(void)
{
	struct {
		struct vfmig_user_region_access a;
		uint32_t value;
	} write = {.a = {.region = WINDOW, .count = 4}};
	uint8_t *all = malloc(POSTED * (ABI_MSG_HEADER_SIZE + sizeof(write))), *at = all;

	for (write.value = 1; write.value <= POSTED; write.value++)
		at += put(at, VFMIG_USER_REGION_WRITE, VFMIG_USER_FLAG_NO_REPLY, &write,
			  ABI_MSG_REGION_ACCESS_SIZE + 4);
	give(all, (size_t)(at - all));
	free(all);
	CHECK_EQ(look(), POSTED);
}

static void many_in_one(void)
{
	struct vfmig_user_write *w = calloc(ABI_MSG_WRITES_MAX, sizeof(*w));
	size_t len = ABI_MSG_WRITE_MULTI_SIZE + ABI_MSG_WRITES_MAX * ABI_MSG_WRITE_SIZE;
	uint8_t *payload = malloc(len);
	uint64_t done;

	for (uint32_t i = 0; i < ABI_MSG_WRITES_MAX; i++) {
		w[i].region = WINDOW;
		w[i].count = 4;
		memcpy(w[i].data, &i, 4);
	}
	CHECK_EQ(abi_msg_put_write_multi(payload, len, w, ABI_MSG_WRITES_MAX), len);
	CHECK_EQ(ask(VFMIG_USER_REGION_WRITE_MULTI, payload, len), 8);
	memcpy(&done, reply, 8);
	CHECK_EQ(done, ABI_MSG_WRITES_MAX);
	CHECK_EQ(look(), ABI_MSG_WRITES_MAX - 1);
	free(payload);
	free(w);
}

static void *serve(void *server)
{
	CHECK_EQ(vfmig_export_run(server, NULL), 0);
	return NULL;
}

int main(void)
{
	static const char negotiation[] = "\0\0\1\0{\"capabilities\":{\"write_multiple\":true}}";
	struct vfmig_export_options config = {.struct_size = sizeof(struct vfmig_export_options)};
	struct vfmig_export *server;
	struct vfmig_device *device;
	struct vfmig_error err = {0};
	pthread_attr_t attr;
	pthread_t thread;
	int fds[2];

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	sock = fds[0];
	config.fd = fds[1];
	CHECKF(!vfmig_open("model:copier,size=64k", &device, &err), "%s", err.text);
	CHECKF(!vfmig_export_open_vfio_user(device, &config, &server, &err), "%s", err.text);
	CHECK(!pthread_attr_init(&attr) && !pthread_attr_setstacksize(&attr, 256 << 10));
	CHECK(!pthread_create(&thread, &attr, serve, server));

	ask(VFMIG_USER_VERSION, negotiation, sizeof(negotiation));
	RUN(many_in_one());
	RUN(posted_writes());

	vfmig_export_stop(server);
	pthread_join(thread, NULL);
	vfmig_export_close(server);
	vfmig_device_close(device);
	pthread_attr_destroy(&attr);
	close(sock);
	return 0;
}
