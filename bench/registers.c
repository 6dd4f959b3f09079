/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Register accesses by message: a read and a write of 4 bytes of a served device, compared with a bare exchange of
 * messages of the same sizes between two processes that wait in the kernel.
 */
#include "bench/test_device.h"
#include "bench/limits/limits.h"

#define RUNS 11

struct client {
	int fd, over;
	bool write;
	unsigned times;
	struct vfmig_device *device;
};

static void prepare(void *self)
{
	struct client *c = self;

	if (!c->device)
		c->device = bench_connect(c->fd);
}

static void run(void *self)
{
	struct vfmig_error err = {0};
	struct client *c = self;
	uint64_t began = bench_now();
	uint32_t value = 0;

	for (unsigned i = 0; i < c->times; i++)
		if (c->write)
			bench_must(vfmig_device_region_write(c->device, 0, TEST_DEVICE_REGISTER,
							     &value, sizeof(value), &err),
				   &err);
		else
			bench_must(vfmig_device_region_read(c->device, 0, TEST_DEVICE_REGISTER,
							    &value, sizeof(value), &err),
				   &err);
	bench_lap(bench_now() - began);
	bench_over(c->over);
}

static void row(const char *name, bool write, bool one_cpu)
{
	struct bench b = {.name = name, .unit = "us", .limit = "a bare ping-pong"};
	unsigned times = one_cpu ? 10000 : 1000; /* waking another processor takes its time */
	struct bench_workers *limit = limit_pingpong(times, one_cpu, false);
	struct bench_served served = {.bytes = 1 << 20};
	struct bench_workers *workers = bench_workers_new();
	struct client c = {.write = write, .times = times};

	bench_serve(workers, &served, 0, &c.fd);
	c.over = served.over;
	bench_workers_join(workers, &(struct bench_member){NULL, prepare, run, &c, !one_cpu});
	bench_crews(&b, RUNS, workers, limit, 0, times);
	bench_report(&b);
	bench_workers_free(workers);
	bench_workers_free(limit);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		bool write, one_cpu;
	} rows[] = {
		{"register-read-one-cpu", false, true},
		{"register-write-one-cpu", true, true},
		{"register-read-two-cpus", false, false},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (bench_wanted(argc, argv, rows[i].name))
			row(rows[i].name, rows[i].write, rows[i].one_cpu);
	return 0;
}
