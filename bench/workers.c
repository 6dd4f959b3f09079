/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Processes that are told to prepare, and to run, by a byte on a socket, and answer when they have.
 */
#include "bench/workers.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vfmig/options.h>

#define MEMBERS	    8u
#define SEND_BUFFER (1 << 20)

/* How long it took: laps, 0 for all of the run; and processor time. */
struct times {
	uint64_t laps, cpu;
};

static struct times mine;

enum { PREPARE = 'p', RUN = 'r' };

struct bench_workers {
	unsigned count;
	bool ready;
	struct {
		pid_t pid;
		int fd;
	} members[MEMBERS];
};

void bench_fail(const char *fmt, ...)
{
	int error = errno;
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, error ? ": %s\n" : "\n", strerror(error));
	exit(1);
}

static void pin(int cpu)
{
	cpu_set_t may, set;
	int n;

	if (cpu == BENCH_ANY_CPU || sched_getaffinity(0, sizeof(may), &may))
		return;
	n = cpu % CPU_COUNT(&may);
	for (int i = 0; i < CPU_SETSIZE; i++) {
		if (!CPU_ISSET(i, &may) || n--)
			continue;
		CPU_ZERO(&set);
		CPU_SET(i, &set);
		sched_setaffinity(0, sizeof(set), &set);
	}
}

/* Of this process, all of its threads. */
static uint64_t cpu_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void answer(int fd)
{
	if (send(fd, &mine, sizeof(mine), MSG_NOSIGNAL) != sizeof(mine))
		_exit(0);
}

void bench_lap(uint64_t ns)
{
	mine.laps += ns;
}

static void obey(const struct bench_member *member, int fd)
{
	uint64_t began;
	char what;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pin(member->cpu);
	if (member->begin)
		member->begin(member->self);
	answer(fd);
	while (recv(fd, &what, 1, 0) == 1) {
		mine.laps = 0;
		began = cpu_now();
		if (what == RUN)
			member->run(member->self);
		else if (member->prepare)
			member->prepare(member->self);
		mine.cpu = cpu_now() - began;
		answer(fd);
	}
}

struct bench_workers *bench_workers_new(void)
{
	struct bench_workers *workers = calloc(1, sizeof(*workers));

	if (!workers)
		bench_fail("no memory");
	return workers;
}

void bench_workers_join(struct bench_workers *workers, const struct bench_member *member)
{
	int pair[2];
	pid_t pid;

	if (workers->count == MEMBERS || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		bench_fail("a crew of more than %u, or no sockets for it", workers->count);
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		bench_fail("no process");
	if (!pid) {
		close(pair[0]);
		obey(member, pair[1]);
		_exit(0);
	}
	close(pair[1]);
	workers->members[workers->count].pid = pid;
	workers->members[workers->count++].fd = pair[0];
}

/* Wait until each has answered: the longest time of laps, and all the processor time. */
static struct times gather(struct bench_workers *workers)
{
	struct times one, all = {0, 0};
	struct pollfd polls[MEMBERS];
	unsigned left = workers->count;

	for (unsigned i = 0; i < workers->count; i++)
		polls[i] = (struct pollfd){.fd = workers->members[i].fd, .events = POLLIN};
	while (left) {
		if (poll(polls, workers->count, -1) < 0 && errno != EINTR)
			bench_fail("cannot wait");
		for (unsigned i = 0; i < workers->count; i++) {
			if (polls[i].fd < 0 || !polls[i].revents)
				continue;
			errno = 0;
			if (recv(polls[i].fd, &one, sizeof(one), MSG_WAITALL) != sizeof(one))
				bench_fail("process %u of a crew has ended", i);
			all.laps = one.laps > all.laps ? one.laps : all.laps;
			all.cpu += one.cpu;
			polls[i].fd = -1;
			left--;
		}
	}
	return all;
}

static struct times tell(struct bench_workers *workers, char what)
{
	for (unsigned i = 0; i < workers->count; i++)
		if (send(workers->members[i].fd, &what, 1, MSG_NOSIGNAL) != 1)
			bench_fail("process %u of a crew has ended", i);
	return gather(workers);
}

uint64_t bench_workers_run(struct bench_workers *workers, uint64_t *cpu)
{
	struct times times;
	uint64_t began;

	if (!workers->ready)
		gather(workers);
	workers->ready = true;
	tell(workers, PREPARE);
	began = bench_now();
	times = tell(workers, RUN);
	if (cpu)
		*cpu = times.cpu;
	return times.laps ? times.laps : bench_now() - began;
}

void bench_workers_free(struct bench_workers *workers)
{
	if (!workers)
		return;
	for (unsigned i = 0; i < workers->count; i++) {
		kill(workers->members[i].pid, SIGKILL);
		waitpid(workers->members[i].pid, NULL, 0);
		close(workers->members[i].fd);
	}
	free(workers);
}

static double value(uint64_t ns, uint64_t bytes, unsigned times)
{
	return bytes ? (double)bytes / (double)ns : (double)ns / 1e3 / times;
}

void bench_crews(struct bench *b, unsigned runs, struct bench_workers *workers,
		 struct bench_workers *limit, uint64_t bytes, unsigned times)
{
	b->bytes = bytes;
	bench_workers_run(limit, NULL);
	bench_workers_run(workers, NULL);
	for (unsigned i = 0; i < runs; i++) {
		uint64_t cpu, limit_cpu, ns = 0, limit_ns;

		if (i % 2)
			ns = bench_workers_run(workers, &cpu);
		limit_ns = bench_workers_run(limit, &limit_cpu);
		if (!(i % 2))
			ns = bench_workers_run(workers, &cpu);
		bench_pair(b, value(ns, bytes, times), value(limit_ns, bytes, times));
		bench_cpu(b, (double)cpu, (double)limit_cpu);
	}
}

/* ---- what members need ---- */

void bench_sockets(int pair[2])
{
	int size = SEND_BUFFER;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		bench_fail("no sockets");
	for (int i = 0; i < 2; i++)
		if (setsockopt(pair[i], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
			setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

void bench_fill(void *memory, uint64_t bytes, uint64_t seed)
{
	uint64_t *at = memory;

	for (uint64_t i = 0; i < bytes / sizeof(*at); i++) {
		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		at[i] = seed;
	}
}

uint8_t *bench_memory(uint64_t bytes, uint64_t seed)
{
	uint8_t *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		bench_fail("no memory of %llu bytes", (unsigned long long)bytes);
	madvise(at, bytes, MADV_NOHUGEPAGE);
	if (seed)
		bench_fill(at, bytes, seed);
	else
		memset(at, 0, bytes);
	return at;
}

void bench_send(int fd, const void *buf, size_t len)
{
	const char *at = buf;

	while (len) {
		ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

		if (n <= 0)
			bench_fail("sending");
		at += n;
		len -= (size_t)n;
	}
}

void bench_recv(int fd, void *buf, size_t len)
{
	char *at = buf;

	while (len) {
		ssize_t n = recv(fd, at, len, MSG_WAITALL);

		if (n <= 0)
			bench_fail("receiving");
		at += n;
		len -= (size_t)n;
	}
}

uint64_t bench_size(const char *variable, uint64_t default_text, double share)
{
	const char *text = getenv(variable);
	uint64_t size = default_text, spare = UINT64_MAX;
	char line[256];
	FILE *info;

	if (text && vfmig_parse_size(text, &size))
		bench_fail("%s=%s is no size", variable, text);
	info = fopen("/proc/meminfo", "r");
	while (info && fgets(line, sizeof(line), info)) {
		unsigned long long kib;

		if (sscanf(line, "MemAvailable: %llu", &kib) == 1)
			spare = (uint64_t)((double)kib * 1024 * share);
	}
	if (info)
		fclose(info);
	if (!text)
		while (size > spare && size > 64u << 20)
			size /= 2;
	return size;
}

uint64_t bench_resident(void)
{
	unsigned long long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (!f || fscanf(f, "%*u %llu", &pages) != 1)
		bench_fail("/proc/self/statm");
	fclose(f);
	return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}
