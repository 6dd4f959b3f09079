/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The vfio-user export: its beginning, its end, and its loop.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "device/work.h"
#include "device/sized.h"
#include "export/vfio_user/client.h"
#include "export/vfio_user/history.h"
#include "export/vfio_user/server.h"

#define TIMEOUT_MS  30000
#define SOCKET_MODE 0600

#define MAX_MAPS 65535u

/*
 * How many maps a client may make. Each that has a descriptor is a mapping of this process, of which the kernel allows
 * so many in all; a quarter is left for everything else.
 */
static uint32_t max_maps(void)
{
	int fd = open("/proc/sys/vm/max_map_count", O_RDONLY | O_CLOEXEC);
	char text[32] = "";
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	unsigned long long most = n > 0 ? strtoull(text, NULL, 10) : 0;

	if (fd >= 0)
		close(fd);
	most = most / 4 * 3;
	return most && most < MAX_MAPS ? (uint32_t)most : MAX_MAPS;
}

/* ---- making one ---- */

static int add_fd(struct vfmig_export *server, int fd, uint32_t who, struct vfmig_error *err)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = who};

	if (epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &event))
		return vfmig_err(err, -errno, "epoll on descriptor %d: %s", fd, strerror(errno));
	return 0;
}

static int open_loop(struct vfmig_export *server, struct vfmig_error *err)
{
	int device_fd = vfmig_device_fd(server->device), ret;

	server->epoll = epoll_create1(EPOLL_CLOEXEC);
	server->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	server->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (server->epoll < 0 || server->wake < 0 || server->timer < 0)
		return vfmig_err(err, -errno, "no descriptors for an export: raise RLIMIT_NOFILE");
	ret = add_fd(server, server->wake, EXPORT_POLL_WAKE, err);
	if (!ret)
		ret = add_fd(server, server->timer, EXPORT_POLL_TIMER, err);
	if (!ret && device_fd >= 0) {
		ret = add_fd(server, device_fd, EXPORT_POLL_DEVICE, err);
		server->device_polled = !ret;
	}
	return ret;
}

/* The server owns the descriptor from here on, and closes it if this fails. */
static int adopt(struct vfmig_export *server, struct vfmig_error *err)
{
	int fd = server->config.fd, type = 0, domain = 0, listens = 0;
	socklen_t len = sizeof(int);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) ||
	    getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) || type != SOCK_STREAM ||
	    domain != AF_UNIX)
		return vfmig_err(err, -EINVAL, "descriptor %d is not a UNIX stream socket", fd);
	if (listens) {
		server->listen_fd = fd;
		server->config.fd = -1;
		return add_fd(server, fd, EXPORT_POLL_LISTEN, err);
	}
	server->only = true;
	server->config.fd = -1;
	return export_client_new(server, fd, err);
}

static int begin(struct vfmig_export *server, struct vfmig_error *err)
{
	int ret;

	if (!server->path)
		return adopt(server, err);
	ret = vfmig_socket_listen(
		server->path, server->config.socket_mode ? server->config.socket_mode : SOCKET_MODE,
		&server->file, err);
	if (ret < 0)
		return ret;
	server->listen_fd = ret;
	return add_fd(server, server->listen_fd, EXPORT_POLL_LISTEN, err);
}

static void free_all(struct vfmig_export *server)
{
	if (server->space) {
		vfmig_space_detach(server->space, server->device, NULL);
		vfmig_space_free(server->space);
	}
	if (server->path && server->listen_fd >= 0)
		vfmig_socket_unlink(server->path, &server->file);
	for (int i = 0; i < 5; i++) {
		int fd = (const int[]){server->epoll, server->wake, server->timer,
				       server->listen_fd, server->config.fd}[i];

		if (fd >= 0)
			close(fd);
	}
	pthread_mutex_destroy(&server->past_lock);
	pthread_mutex_destroy(&server->table.lock);
	free(server->path);
	free(server);
}

int vfmig_export_open_vfio_user(struct vfmig_device *device,
				const struct vfmig_export_options *config,
				struct vfmig_export **out, struct vfmig_error *err)
{
	struct vfmig_export *server = calloc(1, sizeof(*server));
	int ret;

	if (!server)
		return vfmig_err(err, -ENOMEM, "no memory for an export");
	ret = sized_read(&server->config, sizeof(server->config), config, "vfmig_export_options",
			 err);
	if (ret) {
		free(server);
		return ret;
	}
	config = &server->config;
	server->device = device;
	server->epoll = server->wake = server->timer = server->listen_fd = -1;
	pthread_mutex_init(&server->past_lock, NULL);
	server->max_maps = max_maps();
	pthread_mutex_init(&server->table.lock, NULL);
	if (!server->config.timeout_ms)
		server->config.timeout_ms = TIMEOUT_MS;
	if (config->socket_path) {
		server->path = strdup(config->socket_path);
		server->config.fd = -1;
	}
	server->space = vfmig_space_new();
	if (!server->space || (config->socket_path && !server->path))
		ret = vfmig_err(err, -ENOMEM, "no memory for an export");
	else
		ret = open_loop(server, err);
	if (!ret) {
		ret = vfmig_space_attach(server->space, device, err);
		if (ret) {
			vfmig_space_free(server->space);
			server->space = NULL;
		}
	}
	if (!ret) {
		export_history_begin(server);
		ret = begin(server, err);
	}
	if (ret) {
		free_all(server);
		return ret;
	}
	*out = server;
	return 0;
}

void vfmig_export_close(struct vfmig_export *server)
{
	if (!server)
		return;
	vfmig_export_stop(server);
	if (server->client) {
		pthread_mutex_lock(&server->client->wire.lock);
		wire_lose(&server->client->wire, -ESHUTDOWN, "the export is closed");
		pthread_mutex_unlock(&server->client->wire.lock);
		export_client_gone(server);
	}
	free_all(server);
}

/* ---- working it ---- */

static void drain(int fd)
{
	uint64_t count;
	ssize_t n = read(fd, &count, sizeof(count));

	(void)n;
}

/* A client has full control of the device, so it must run as the server's own user, or as root. */
static bool may_connect(struct vfmig_export *server, int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (server->config.allow_other_users)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len))
		return false;
	if (!peer.uid || peer.uid == geteuid())
		return true;
	vfmig_event(
		server->config.events, "client-rejected", VFMIG_U64("uid", peer.uid),
		VFMIG_TEXT(
			"why",
			"the client runs as another user; only the server's user and root may connect unless others are allowed (vfmig serve --allow-others)"));
	return false;
}

/* Once for each time that it begins. */
static void tell_of_accept(struct vfmig_export *server, const char *why)
{
	if (!server->cannot_accept)
		vfmig_event(server->config.events, "cannot-accept", VFMIG_TEXT("why", why));
	server->cannot_accept = true;
}

static void take_client(struct vfmig_export *server)
{
	struct vfmig_error err = {0};
	int fd;

	if (server->client)
		return;
	fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED))
		return;
	if (fd < 0) {
		tell_of_accept(server, strerror(errno));
		export_accept_later(server);
		return;
	}
	if (!may_connect(server, fd)) {
		close(fd);
		return;
	}
	if (export_client_new(server, fd, &err))
		tell_of_accept(server, err.text);
	else
		server->cannot_accept = false;
}

static void work_device(struct vfmig_export *server)
{
	/* A lost device fails all requests, and reports no more events. */
	if (vfmig_device_process(server->device, NULL) && server->device_polled) {
		epoll_ctl(server->epoll, EPOLL_CTL_DEL, vfmig_device_fd(server->device), NULL);
		server->device_polled = false;
	}
}

static void too_late(struct vfmig_export *server)
{
	drain(server->timer);
	if (!server->client) {
		export_accept_again(server);
		return;
	}
	if (server->client->agreed) {
		export_hurry(server->client);
		return;
	}
	pthread_mutex_lock(&server->client->wire.lock);
	wire_lose(&server->client->wire, -ETIMEDOUT,
		  "the client sent no VERSION within the time limit");
	pthread_mutex_unlock(&server->client->wire.lock);
}

static void wire_event(struct vfmig_export *server, uint32_t end, uint32_t events)
{
	struct wire *wire = &server->client->wire;

	pthread_mutex_lock(&wire->lock);
	if (events & EPOLLOUT)
		wire_flush(wire, end);
	if (events & ~(uint32_t)EPOLLOUT)
		wire_recv(wire, end);
	pthread_mutex_unlock(&wire->lock);
}

static void event(struct vfmig_export *server, const struct epoll_event *e)
{
	switch (e->data.u32) {
	case WIRE_MAIN:
	case WIRE_TWIN:
		if (server->client)
			wire_event(server, e->data.u32, e->events);
		break;
	case EXPORT_POLL_LISTEN:
		take_client(server);
		break;
	case EXPORT_POLL_WAKE:
		drain(server->wake);
		break;
	case EXPORT_POLL_DEVICE:
		work_device(server);
		break;
	case EXPORT_POLL_TIMER:
		too_late(server);
		break;
	}
}

/* The interval between checks of the clients that are polled. */
#define POLL_NS 2000000

/*
 * If the device is idle and no command is under way, the next event is usually the client's next
 * command. So recv() waits for it, for up to a few milliseconds, and saves a poll. Not if another
 * thread may receive: a thread that waits for answers to DMA by message does so, unless DMA has a
 * socket of its own.
 */
static bool wait_for_command(struct vfmig_export *server)
{
	struct export_client *client = server->client;
	bool came;

	if (!client || !client->welcomed || client->running ||
	    device_now() - server->polled > POLL_NS || !device_is_idle(server->device))
		return false;
	pthread_mutex_lock(&client->wire.lock);
	came = client->wire.ends[WIRE_TWIN].fd >= 0 && !client->first &&
	       wire_wait(&client->wire, WIRE_MAIN);
	pthread_mutex_unlock(&client->wire.lock);
	return came;
}

#define EVENTS 8

static int work(struct vfmig_export *server, int timeout, struct vfmig_error *err)
{
	struct epoll_event events[EVENTS];
	int n = 0, ret;

	if (timeout >= 0 || !wait_for_command(server)) {
		n = epoll_wait(server->epoll, events, EVENTS, timeout);
		server->polled = device_now();
	}
	for (int i = 0; i < n; i++)
		event(server, &events[i]);
	if (atomic_exchange(&server->cut_off, false) && server->client) {
		pthread_mutex_lock(&server->client->wire.lock);
		wire_lose(&server->client->wire, -EFAULT,
			  "the client truncated memory that it shares");
		pthread_mutex_unlock(&server->client->wire.lock);
	}
	if (server->client) {
		if (server->client->agreed && !server->client->welcomed)
			export_welcome(server->client);
		if (export_advance(server->client))
			return 0;
		pthread_mutex_lock(&server->client->wire.lock);
		ret = vfmig_err(err, -ENOTCONN, "the client disconnected: %s",
				server->client->wire.why.text);
		pthread_mutex_unlock(&server->client->wire.lock);
		export_client_gone(server);
		return server->only ? ret : 0;
	}
	return server->only ? vfmig_err(err, -ENOTCONN, "the client disconnected") : 0;
}

static int work_as_worker(struct vfmig_export *server, int timeout, struct vfmig_error *err)
{
	int ret;

	atomic_store(&server->worker, pthread_self());
	atomic_store(&server->works, true);
	ret = work(server, timeout, err);
	atomic_store(&server->works, false);
	return ret;
}

int vfmig_export_fd(struct vfmig_export *server)
{
	return server->epoll;
}

int vfmig_export_process(struct vfmig_export *server, struct vfmig_error *err)
{
	return work_as_worker(server, 0, err);
}

int vfmig_export_run(struct vfmig_export *server, struct vfmig_error *err)
{
	int ret = 0;

	while (!ret && !atomic_load(&server->ends))
		ret = work_as_worker(server, -1, err);
	return atomic_load(&server->ends) ? 0 : ret;
}

static void *run(void *context)
{
	vfmig_export_run(context, NULL);
	return NULL;
}

int vfmig_export_start(struct vfmig_export *server, struct vfmig_error *err)
{
	sigset_t all, before;
	int ret;

	if (server->runs)
		return vfmig_err(err, -EALREADY, "the export already has a thread");
	atomic_store(&server->ends, false);
	sigfillset(&all);
	sigdelset(&all, SIGBUS); /* of its own access to memory that a client cut off */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ret = -pthread_create(&server->thread, NULL, run, server);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (ret)
		return vfmig_err(err, ret, "no thread for the export: %s", strerror(-ret));
	server->runs = true;
	return 0;
}

void vfmig_export_stop(struct vfmig_export *server)
{
	atomic_store(&server->ends, true);
	export_wake(server);
	if (!server->runs)
		return;
	pthread_join(server->thread, NULL);
	server->runs = false;
}

bool vfmig_export_has_client(struct vfmig_export *server)
{
	return atomic_load(&server->has_client);
}
