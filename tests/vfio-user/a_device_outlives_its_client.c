/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A client goes without a word. Its memory is unmapped, its interrupts and its log are gone; the device has kept its
 * state, stopped; the next client starts it, or resets it, and for a plain client it runs on. A device that was loading is left so.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source/vfio_user/priv.h"
#include "tests/lib/server_client.h"

static char dir[] = "/tmp/vfmig-test-XXXXXX";
static char path[64];

static struct vfmig_device *connected(void)
{
	struct vfmig_device *device;
	struct vfmig_error err = {0};

	CHECKF(!vfio_user_connect(path, NULL, &device, &err), "%s", err.text);
	return device;
}

static int set_state(struct vfmig_device *device, enum vfmig_state state)
{
	struct vfmig_feature_mig_state s = {state, -1};

	return vfmig_device_call_feature(device, VFMIG_FEATURE_MIG_STATE | VFMIG_FEATURE_SET, &s,
					 sizeof(s), NULL);
}

static enum vfmig_state get_state(struct vfmig_device *device)
{
	struct vfmig_feature_mig_state s = {99, 99};

	CHECK_EQ(vfmig_device_call_feature(device, VFMIG_FEATURE_MIG_STATE | VFMIG_FEATURE_GET, &s,
					   sizeof(s), NULL),
		 0);
	return s.device_state;
}

/* Use what a client can use; then go, with all of it in use. */
static void use(enum vfmig_state last)
{
	struct vfmig_device *device = connected();
	struct vfmig_space *space = vfmig_space_new();
	struct vfmig_cursor *cursor;
	int fd, irq = eventfd(0, EFD_CLOEXEC);
	uint8_t *memory = shared_memory(1 << 20, &fd);
	struct vfmig_map map = {.iova = 0,
				.size = 1 << 20,
				.prot = VFMIG_PROT_READ | VFMIG_PROT_WRITE,
				.ptr = memory,
				.fd = fd};

	CHECK_EQ(vfmig_space_map(space, &map, NULL), 0);
	CHECK_EQ(vfmig_space_attach(space, device, NULL), 0);
	CHECK_EQ(vfmig_cursor_open(space, &cursor, NULL), 0);
	CHECK_EQ(vfmig_device_set_irq_eventfds(device, VFMIG_PCI_IRQ_MSIX, 0, 1, &irq, NULL), 0);
	CHECK_EQ(vfmig_device_region_write(device, 0, 0, "kept", 4, NULL), 0);
	CHECK_EQ(set_state(device, last), 0);
	/* The socket goes first, so that nothing that follows can be told. */
	shutdown(((struct vfio_user *)device)->wire.ends[WIRE_MAIN].fd, SHUT_RDWR);
	vfmig_cursor_close(cursor);
	vfmig_space_detach(space, device, NULL);
	vfmig_space_free(space);
	vfmig_device_close(device);
	close(fd);
	close(irq);
	munmap(memory, 1 << 20);
}

static void check_gone(struct vfmig_export *server, struct fake_device *f)
{
	struct pollfd fd = {.fd = vfmig_export_fd(server), .events = POLLIN};

	while (vfmig_export_has_client(server)) {
		CHECK_EQ(poll(&fd, 1, 120000), 1);
		CHECK_EQ(vfmig_export_process(server, NULL), 0);
	}
	CHECK_EQ(f->maps, 0);
	CHECK_EQ(f->irqs[0], -1);
	CHECK(!f->logs);
	CHECK(!memcmp(f->bar0, "kept", 4));
}

static void *serve(void *context)
{
	CHECK_EQ(vfmig_export_run(context, NULL), 0);
	return NULL;
}

static struct vfmig_export *listening(struct fake_device *f)
{
	struct vfmig_export_options config = {.struct_size = sizeof(struct vfmig_export_options),
					      .socket_path = path};
	struct vfmig_export *server;
	struct vfmig_error err = {0};

	CHECKF(!vfmig_export_open_vfio_user(&f->device, &config, &server, &err), "%s", err.text);
	return server;
}

static void one(enum vfmig_state last, enum vfmig_state then)
{
	struct fake_device *f = fake_device_new(SERVER_CLIENT_ALL_FLAGS);
	struct vfmig_export *server = listening(f);
	struct vfmig_device *device;
	struct stat st;
	pthread_t thread;
	char text[4];

	CHECK(!stat(path, &st));
	CHECK_EQ(st.st_mode & 0777, 0600);
	pthread_create(&thread, NULL, serve, server);
	use(last);
	/* The next one comes at once; it is served when the first is gone. */
	device = connected();
	CHECK_EQ(get_state(device), then);
	CHECK_EQ(f->state, then);
	CHECK_EQ(f->maps, 0);
	CHECK_EQ(f->irqs[0], -1);
	CHECK(!f->logs);
	CHECK_EQ(vfmig_device_region_read(device, 0, 0, text, 4, NULL), 0);
	CHECK(!memcmp(text, "kept", 4));
	CHECK_EQ(vfmig_device_reset(device, NULL), 0);
	CHECK_EQ(get_state(device), VFMIG_STATE_RUNNING);
	vfmig_device_close(device);
	vfmig_export_stop(server);
	pthread_join(thread, NULL);
	check_gone(server, f);
	CHECK_EQ(f->state, VFMIG_STATE_STOP);
	vfmig_export_close(server);
	CHECK(stat(path, &st) && errno == ENOENT);
	vfmig_device_close(&f->device);
}

/* Another client, plain or not, has a look and goes; the state that it finds is returned. */
static enum vfmig_state look(const char *options)
{
	struct vfmig_device *device;
	enum vfmig_state state;

	CHECK_EQ(vfio_user_connect(path, options, &device, NULL), 0);
	state = get_state(device);
	vfmig_device_close(device);
	return state;
}

/*
 * A plain client, which need not know of STOP, finds the device as the last one left it: running, if it was; but not if
 * that one had stopped it, for it may run elsewhere by now.
 */
static void plain(enum vfmig_state last, enum vfmig_state then)
{
	struct fake_device *f = fake_device_new(SERVER_CLIENT_ALL_FLAGS);
	struct vfmig_export *server = listening(f);
	pthread_t thread;

	pthread_create(&thread, NULL, serve, server);
	use(last);
	CHECK_EQ(look(NULL), VFMIG_STATE_STOP); /* who only looks changes nothing */
	CHECK_EQ(look("extensions=off"), then);
	CHECK_EQ(look("extensions=off"), then);
	vfmig_export_stop(server);
	pthread_join(thread, NULL);
	vfmig_export_close(server);
	vfmig_device_close(&f->device);
}

/* A socket file of somebody who is gone is replaced; of somebody who is there, not; nor a file that is none. */
static void socket_files(void)
{
	struct fake_device *f = fake_device_new(0), *g = fake_device_new(0);
	struct vfmig_export_options config = {.struct_size = sizeof(struct vfmig_export_options),
					      .socket_path = path};
	struct vfmig_export *server, *other;
	struct vfmig_error err = {0};
	struct stat before, after;
	char moved[80];

	server = listening(f);
	CHECK_EQ(vfmig_export_open_vfio_user(&g->device, &config, &other, &err), -EADDRINUSE);
	CHECKF(strstr(err.text, path), "%s", err.text);
	/* Its name is taken away and given back, so that it cannot remove it in the end. */
	snprintf(moved, sizeof(moved), "%s.moved", path);
	CHECK(!rename(path, moved));
	vfmig_export_close(server);
	CHECK(!rename(moved, path));
	CHECK(!stat(path, &before));
	server = listening(f);
	CHECK(!stat(path, &after));
	CHECK(before.st_ino != after.st_ino || before.st_ctim.tv_nsec != after.st_ctim.tv_nsec);
	vfmig_export_close(server);
	/* Not what is no socket. */
	close(creat(path, 0600));
	CHECK_EQ(vfmig_export_open_vfio_user(&g->device, &config, &other, &err), -EADDRINUSE);
	CHECK(!stat(path, &before) && S_ISREG(before.st_mode));
	unlink(path);
	config.socket_path = "";
	CHECK_EQ(vfmig_export_open_vfio_user(&g->device, &config, &other, &err), -EINVAL);
	config.socket_path =
		"/0123456789012345678901234567890123456789012345678901234567890123456789012345678"
		"9012345678901234567890123456789";
	CHECK_EQ(vfmig_export_open_vfio_user(&g->device, &config, &other, &err), -ENAMETOOLONG);
	vfmig_device_close(&f->device);
	vfmig_device_close(&g->device);
}

int main(void)
{
	CHECK(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/socket", dir);
	RUN(one(VFMIG_STATE_RUNNING, VFMIG_STATE_STOP));
	RUN(one(VFMIG_STATE_RUNNING_P2P, VFMIG_STATE_STOP));
	RUN(one(VFMIG_STATE_PRE_COPY, VFMIG_STATE_STOP));
	RUN(one(VFMIG_STATE_STOP_COPY, VFMIG_STATE_STOP_COPY));
	RUN(one(VFMIG_STATE_RESUMING, VFMIG_STATE_RESUMING));
	RUN(plain(VFMIG_STATE_RUNNING, VFMIG_STATE_RUNNING));
	RUN(plain(VFMIG_STATE_PRE_COPY, VFMIG_STATE_RUNNING));
	RUN(plain(VFMIG_STATE_STOP, VFMIG_STATE_STOP));
	RUN(socket_files());
	rmdir(dir);
	return 0;
}
