/* SPDX-License-Identifier: BSD-3-Clause */
#include <dirent.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "source/vfio_user.h"
#include "tests/lib/server_client.h"

int server_client_serve(struct server_client *p, uint64_t flags,
			const struct vfmig_export_options *config)
{
	struct vfmig_export_options c = {.struct_size = sizeof(struct vfmig_export_options)};
	struct vfmig_error err = {0};
	int fds[2];

	if (config)
		c = *config;
	CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	memset(p, 0, sizeof(*p));
	p->fake = fake_device_new(flags);
	c.fd = fds[0];
	CHECKF(!vfmig_export_open_vfio_user(&p->fake->device, &c, &p->server, &err), "%s",
	       err.text);
	CHECKF(!vfmig_export_start(p->server, &err), "%s", err.text);
	return fds[1];
}

void server_client_open(struct server_client *p, uint64_t flags,
			const struct vfmig_export_options *config, const char *options)
{
	int fd = server_client_serve(p, flags, config);
	struct vfmig_error err = {0};

	CHECKF(!vfio_user_adopt(fd, "served", options, &p->client, &err), "%s", err.text);
}

void server_client_open_chain(struct server_client *p, uint64_t flags,
			      const struct vfmig_export_options *config, const char *options)
{
	struct vfmig_export_options c = {.struct_size = sizeof(struct vfmig_export_options)};
	struct vfmig_error err = {0};
	int fds[2];

	server_client_open(p, flags, config, options);
	p->middle = p->client;
	if (config)
		c = *config;
	CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	c.fd = fds[0];
	CHECKF(!vfmig_export_open_vfio_user(p->middle, &c, &p->second, &err), "%s", err.text);
	CHECKF(!vfmig_export_start(p->second, &err), "%s", err.text);
	CHECKF(!vfio_user_adopt(fds[1], "served", options, &p->client, &err), "%s", err.text);
}

void server_client_close(struct server_client *p)
{
	vfmig_device_close(p->client);
	vfmig_export_close(p->second);
	vfmig_device_close(p->middle);
	vfmig_export_close(p->server);
	vfmig_device_close(&p->fake->device);
}

unsigned count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	CHECK(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

void *shared_memory(size_t size, int *fd)
{
	void *p;

	*fd = memfd_create("memory", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	CHECK(*fd >= 0 && !ftruncate(*fd, (off_t)size));
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	CHECK(p != MAP_FAILED);
	return p;
}
