/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Open the channel between the two ends of a migration: a UNIX socket, a TCP connection or an
 * inherited descriptor.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <vfmig/socket.h>

#include "channel.h"
#include "cli.h"

const char cli_channel_help[] =
	"CHANNEL is unix:PATH, tcp:HOST:PORT, or fd:N for an inherited connected socket. Start the end\n"
	"that listens first. Each end waits for the other up to --setup-timeout. The channel has neither\n"
	"encryption nor authentication: use TCP on loopback or inside a tunnel only.\n";

/* An address to listen on or connect to. */
struct address {
	union {
		struct sockaddr sa;
		struct sockaddr_un un;
		struct sockaddr_storage storage;
	};
	socklen_t len;
	const char *path;
};

/* The address and the time limit of a connection. */
struct meeting {
	const char *name;
	uint64_t limit_ms; /* 0 is none */
	int64_t until;	   /* CLOCK_MONOTONIC, ms */
};

static int parse_unix(const char *path, struct address *a)
{
	if (strlen(path) >= sizeof(a->un.sun_path) || !*path)
		return cli_usage("'%s' is not a valid socket path: it must have 1 to %zu bytes",
				 path, sizeof(a->un.sun_path) - 1);
	a->un.sun_family = AF_UNIX;
	strcpy(a->un.sun_path, path);
	a->len = sizeof(a->un);
	a->path = path;
	return 0;
}

static int parse_tcp(const char *text, bool listens, struct address *a)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG}, *found;
	const char *colon = strrchr(text, ':');
	char host[256];
	int ret;

	if (!colon || colon == text || (size_t)(colon - text) >= sizeof(host) || !colon[1])
		return cli_usage("'tcp:%s' is not a valid channel; use tcp:HOST:PORT", text);
	memcpy(host, text, (size_t)(colon - text));
	host[colon - text] = 0;
	if (host[0] == '[' && host[strlen(host) - 1] == ']') {
		host[strlen(host) - 1] = 0;
		memmove(host, host + 1, strlen(host));
	}
	if (listens)
		hints.ai_flags |= AI_PASSIVE;
	ret = getaddrinfo(host, colon + 1, &hints, &found);
	if (ret)
		return cli_failf("tcp:%s: %s", text, gai_strerror(ret));
	memcpy(&a->storage, found->ai_addr, found->ai_addrlen);
	a->len = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

static int parse(const char *name, bool listens, struct address *a)
{
	memset(a, 0, sizeof(*a));
	if (!strncmp(name, "unix:", 5))
		return parse_unix(name + 5, a);
	if (!strncmp(name, "tcp:", 4))
		return parse_tcp(name + 4, listens, a);
	if (strchr(name, '/'))
		return parse_unix(name, a);
	return cli_usage("'%s' is not a valid channel; use unix:PATH, tcp:HOST:PORT or fd:N", name);
}

static int inherit(const char *text, int *fd)
{
	struct stat st;
	char *end;
	long n = strtol(text, &end, 10);

	if (end == text || *end || n < 0 || n > 1 << 20)
		return cli_usage("'fd:%s' is not a valid descriptor", text);
	if (fstat((int)n, &st))
		return cli_failf("descriptor %ld: %s", n, strerror(errno));
	*fd = (int)n;
	return 0;
}

static void tune(int fd)
{
	int one = 1;

	/* The switchover exchanges small messages. This has no effect on other sockets. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static void tell_port(int fd, const char *name)
{
	struct sockaddr_storage at;
	socklen_t len = sizeof(at);
	char port[16] = "";

	if (!getsockname(fd, (struct sockaddr *)&at, &len) && at.ss_family != AF_UNIX)
		getnameinfo((struct sockaddr *)&at, len, NULL, 0, port, sizeof(port),
			    NI_NUMERICSERV);
	if (cli.json)
		vfmig_event(&cli_json_events, "listening", VFMIG_TEXT("channel", name),
			    VFMIG_TEXT("port", port));
	else if (!cli.quiet)
		fprintf(stderr, "listening on %s%s%s\n", name, *port ? ", port " : "", port);
}

/* ---- connecting ---- */

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/*
 * Wait until @fd has @events, for at most @most_ms. Returns early on a signal or when the time
 * limit ends. An @fd or @most_ms of -1 is ignored. Returns 0, or an exit code after printing an
 * error.
 */
static int wait_for(const struct meeting *meeting, int fd, short events, int most_ms)
{
	struct pollfd fds[2] = {{.fd = fd, .events = events},
				{.fd = cli_signals_fd(), .events = POLLIN}};
	int64_t left = meeting->limit_ms ? meeting->until - now_ms() : INT_MAX;
	int ms = most_ms >= 0 && most_ms < left ? most_ms : (int)(left < INT_MAX ? left : INT_MAX);

	if (meeting->limit_ms && left <= 0)
		return cli_failf(
			"%s: no connection with the other end within %llu ms (--setup-timeout); is it running, and not in another migration?",
			meeting->name, (unsigned long long)meeting->limit_ms);
	if (poll(fds, 2, ms) < 0 && errno != EINTR)
		return cli_failf("poll: %s", strerror(errno));
	if (!fds[1].revents)
		return 0;
	cli_failf("cancelled by a signal before the other end connected; nothing was changed");
	return CLI_CANCELLED;
}

static int accept_one(const struct meeting *meeting, int listening, int *fd)
{
	int ret;

	for (;;) {
		*fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
		if (*fd >= 0)
			return 0;
		if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR)
			return cli_failf("accept: %s", strerror(errno));
		ret = wait_for(meeting, listening, POLLIN, -1);
		if (ret)
			return ret;
	}
}

static int listen_tcp(const struct meeting *meeting, const struct address *a, int *fd)
{
	int one = 1;

	*fd = socket(a->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*fd >= 0)
		setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (*fd >= 0 && !bind(*fd, &a->sa, a->len) && !listen(*fd, 1))
		return 0;
	return cli_failf("cannot listen on %s: %s", meeting->name, strerror(errno));
}

static int listen_at(const struct meeting *meeting, const struct address *a, int *fd)
{
	struct vfmig_socket_file file;
	struct vfmig_error err = {0};
	int listening = -1, ret;

	if (a->path) {
		/*
		 * Any process that can connect could send a device, so limit the socket to its
		 * owner.
		 */
		listening = vfmig_socket_listen(a->path, 0600, &file, &err);
		ret = listening < 0 ? cli_fail(&err) : 0;
	} else {
		ret = listen_tcp(meeting, a, &listening);
	}
	if (!ret) {
		fcntl(listening, F_SETFL, O_NONBLOCK);
		tell_port(listening, meeting->name);
		ret = accept_one(meeting, listening, fd);
		if (a->path)
			vfmig_socket_unlink(a->path, &file);
	}
	if (listening >= 0)
		close(listening);
	return ret;
}

#define FULL_MS 10 /* interval of retries while a backlog is full */

/* Returns 0, a negative errno or a positive exit code. */
static int connected(const struct meeting *meeting, const struct address *a, int fd)
{
	socklen_t len = sizeof(int);
	int ret, error = 0;

	for (;;) {
		if (!connect(fd, &a->sa, a->len))
			return 0;
		if (errno != EAGAIN && errno != EINTR && errno != EINPROGRESS)
			return -errno;
		if (errno == EINPROGRESS)
			break;
		/* No event reports that a UNIX socket's backlog has space again, so retry. */
		ret = wait_for(meeting, -1, 0, FULL_MS);
		if (ret)
			return ret;
	}
	do {
		struct pollfd now = {.fd = fd, .events = POLLOUT};

		ret = poll(&now, 1, 0) > 0 ? 0 : wait_for(meeting, fd, POLLOUT, -1);
		if (!ret && poll(&now, 1, 0) > 0)
			return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) ? -errno : -error;
	} while (!ret);
	return ret;
}

static int connect_to(const struct meeting *meeting, const struct address *a, int *fd)
{
	int ret;

	*fd = socket(a->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	ret = *fd < 0 ? -errno : connected(meeting, a, *fd);
	if (!ret) {
		fcntl(*fd, F_SETFL, 0);
		return 0;
	}
	if (ret < 0)
		ret = cli_failf("cannot connect to %s: %s%s", meeting->name, strerror(-ret),
				ret == -ECONNREFUSED || ret == -ENOENT
					? "; start the listening end first"
					: "");
	if (*fd >= 0)
		close(*fd);
	return ret;
}

int cli_channel_open(const char *to, const char *at, uint64_t limit_ms, int *fd)
{
	struct meeting meeting = {to ? to : at, limit_ms, now_ms() + (int64_t)limit_ms};
	struct address a;
	int ret;

	if (!to == !at)
		return cli_usage("use either --connect or --listen");
	if (!strncmp(meeting.name, "fd:", 3)) {
		ret = inherit(meeting.name + 3, fd);
	} else {
		ret = parse(meeting.name, !!at, &a);
		if (!ret)
			ret = at ? listen_at(&meeting, &a, fd) : connect_to(&meeting, &a, fd);
	}
	if (!ret)
		tune(*fd);
	return ret;
}
