/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The export's choices: a listening descriptor in place of a path; memory only if it is sealed; no extension; a client that
 * says nothing makes way for the next.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "source/vfio_user.h"
#include "tests/lib/server_client.h"
#include "tests/lib/raw_messages.h"

/* An address of the kernel's choice, which is no file. */
static int listening(struct sockaddr_un *at, socklen_t *len)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*at = (struct sockaddr_un){.sun_family = AF_UNIX};
	CHECK(!bind(fd, (struct sockaddr *)at, sizeof(at->sun_family)) && !listen(fd, 4));
	*len = sizeof(*at);
	CHECK(!getsockname(fd, (struct sockaddr *)at, len));
	return fd;
}

static int connected(const struct sockaddr_un *at, socklen_t len)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(!connect(fd, (const struct sockaddr *)at, len));
	return fd;
}

static void descriptors(void)
{
	struct vfmig_export_options config = {.struct_size = sizeof(struct vfmig_export_options),
					      .timeout_ms = 50};
	struct fake_device *f = fake_device_new(0);
	struct vfmig_export *server;
	struct vfmig_error err = {0};
	struct sockaddr_un at;
	socklen_t len;
	int silent, next, ret, pipes[2];

	config.fd = listening(&at, &len);
	CHECKF(!vfmig_export_open_vfio_user(&f->device, &config, &server, &err), "%s", err.text);
	CHECK_EQ(vfmig_export_start(server, NULL), 0);
	/* Says nothing; half a word; then somebody who speaks. */
	silent = connected(&at, len);
	CHECK(raw_gone(silent));
	close(silent);
	silent = connected(&at, len);
	CHECK_EQ(send(silent, "\0\0\1", 3, 0), 3);
	next = connected(&at, len);
	/* On a busy machine it may speak too late itself. */
	while ((ret = raw_hello(next, NULL)) == -ENOTCONN) {
		close(next);
		next = connected(&at, len);
	}
	CHECK_EQ(ret, 0);
	close(next);
	close(silent);
	vfmig_export_close(server);
	/* What is no such socket is not served, and is closed. */
	CHECK(!pipe2(pipes, O_CLOEXEC));
	config.fd = pipes[0];
	CHECK_EQ(vfmig_export_open_vfio_user(&f->device, &config, &server, &err), -EINVAL);
	CHECK(fcntl(pipes[0], F_GETFD) < 0);
	close(pipes[1]);
	vfmig_device_close(&f->device);
}

static void seals(void)
{
	struct vfmig_export_options config = {.struct_size = sizeof(struct vfmig_export_options),
					      .require_sealed = true};
	struct server_client p;
	int fd = server_client_serve(&p, 0, &config), mem;
	void *memory = shared_memory(0x2000, &mem);

	CHECK_EQ(raw_hello(fd, NULL), 0);
	CHECK_EQ(raw_map(fd, 0, 0x1000, 0, 3, mem), -EPERM);
	CHECK(!fcntl(mem, F_ADD_SEALS, F_SEAL_SHRINK));
	CHECK_EQ(raw_map(fd, 0, 0x1000, 0, 3, mem), 0);
	CHECK(ftruncate(mem, 0) < 0);
	munmap(memory, 0x2000);
	close(mem);
	close(fd);
	server_client_close(&p);
}

static void plain(void)
{
	struct vfmig_export_options config = {.struct_size = sizeof(struct vfmig_export_options),
					      .no_extensions = true};
	uint64_t flags = 0;
	struct server_client p;

	server_client_open(&p, SERVER_CLIENT_ALL_FLAGS, &config, NULL);
	CHECK_EQ(vfmig_device_call_feature(p.client, VFMIG_FEATURE_MIGRATION | VFMIG_FEATURE_GET,
					   &flags, 8, NULL),
		 0);
	CHECK_EQ(flags, VFMIG_MIGRATION_STOP_COPY | VFMIG_MIGRATION_PRE_COPY);
	server_client_close(&p);
}

int main(void)
{
	unsigned before = count_fds();

	RUN(descriptors());
	RUN(seals());
	RUN(plain());
	CHECK_EQ(count_fds(), before);
	return 0;
}
