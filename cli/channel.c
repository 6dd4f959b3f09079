/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The channel between the two ends of a migration: a UNIX socket, a TCP connection, or a descriptor that was
 * inherited.
 */
#include <errno.h>
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
#include <unistd.h>

#include "channel.h"
#include "cli.h"

const char cli_channel_help[] =
	"The channel is unix:PATH, tcp:HOST:PORT, or fd:N for a connected socket that was inherited.\n"
	"One end listens and is started first, the other connects. Nothing on it is encrypted and nobody\n"
	"has to say who he is: use TCP on loopback or inside a tunnel only.\n";

/* Where something listens or connects to. */
struct address {
	union {
		struct sockaddr sa;
		struct sockaddr_un un;
		struct sockaddr_storage storage;
	};
	socklen_t len;
	const char *path;
};

static int parse_unix(const char *path, struct address *a)
{
	if (strlen(path) >= sizeof(a->un.sun_path) || !*path)
		return cli_usage("'%s' is not a path for a socket: it must have 1 to %zu bytes",
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
		return cli_usage("'tcp:%s' is not tcp:HOST:PORT", text);
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
	return cli_usage("'%s' is no channel: it must be unix:PATH, tcp:HOST:PORT or fd:N", name);
}

static int inherit(const char *text, int *fd)
{
	struct stat st;
	char *end;
	long n = strtol(text, &end, 10);

	if (end == text || *end || n < 0 || n > 1 << 20)
		return cli_usage("'fd:%s' is not a descriptor", text);
	if (fstat((int)n, &st))
		return cli_failf("descriptor %ld: %s", n, strerror(errno));
	*fd = (int)n;
	return 0;
}

static void tune(int fd)
{
	int one = 1;

	/* The hand-over is a dialogue of small messages; of no effect on other sockets. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

/* A socket file that nobody listens at any more is in the way of the next one. */
static void remove_stale(const struct address *a)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, &a->sa, a->len) && errno == ECONNREFUSED)
		unlink(a->path);
	if (fd >= 0)
		close(fd);
}

static int bind_to(int fd, const struct address *a)
{
	int one = 1, ret;
	mode_t mask;

	if (!a->path) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		return bind(fd, &a->sa, a->len);
	}
	mask = umask(0177); /* whoever may connect may send a device */
	ret = bind(fd, &a->sa, a->len);
	if (ret && errno == EADDRINUSE) {
		remove_stale(a);
		ret = bind(fd, &a->sa, a->len);
	}
	umask(mask);
	return ret;
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
		fprintf(stderr, "listening at %s%s%s\n", name, *port ? ", port " : "", port);
}

/* Wait for one, or for a signal. */
static int accept_one(int listening, int *fd)
{
	struct pollfd fds[2] = {{.fd = listening, .events = POLLIN},
				{.fd = cli_signals_fd(), .events = POLLIN}};

	for (;;) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return cli_failf("poll: %s", strerror(errno));
		if (fds[1].revents)
			return CLI_CANCELLED;
		if (!fds[0].revents)
			continue;
		*fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
		if (*fd >= 0)
			return 0;
		if (errno != ECONNABORTED && errno != EINTR)
			return cli_failf("accept: %s", strerror(errno));
	}
}

static int listen_at(const char *name, int *fd)
{
	struct address a;
	int listening, ret = parse(name, true, &a);

	if (ret)
		return ret;
	listening = socket(a.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listening < 0 || bind_to(listening, &a) || listen(listening, 1)) {
		ret = cli_failf("cannot listen at %s: %s", name, strerror(errno));
		if (listening >= 0)
			close(listening);
		return ret;
	}
	tell_port(listening, name);
	ret = accept_one(listening, fd);
	close(listening);
	if (a.path)
		unlink(a.path);
	return ret;
}

static int connect_to(const char *name, int *fd)
{
	struct address a;
	int ret = parse(name, false, &a);

	if (ret)
		return ret;
	*fd = socket(a.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*fd >= 0 && !connect(*fd, &a.sa, a.len))
		return 0;
	ret = cli_failf("cannot connect to %s: %s", name, strerror(errno));
	if (*fd >= 0)
		close(*fd);
	return ret;
}

int cli_channel_open(const char *to, const char *at, int *fd)
{
	const char *name = to ? to : at;
	int ret;

	if (!to == !at)
		return cli_usage("give either --connect or --listen");
	if (!strncmp(name, "fd:", 3))
		ret = inherit(name + 3, fd);
	else
		ret = at ? listen_at(at, fd) : connect_to(to, fd);
	if (!ret)
		tune(*fd);
	return ret;
}
