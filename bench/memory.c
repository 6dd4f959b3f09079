/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory through the engine: a space of 4 GiB, a quarter of it zeros, from one process to another, tracked, and
 * with nobody writing meanwhile. BENCH_SIZE=1G for another size; four processes have it. Held against a bare relay that looks for
 * zeros, copies, sums and checks as it must.
 */
#include <sys/mman.h>
#include <unistd.h>

#include <vfmig/migration.h>
#include <vfmig/space.h>

#include "bench/test_device.h"
#include "bench/limits/limits.h"

#define RUNS 5

struct host {
	enum vfmig_role role;
	uint64_t bytes;
	int channel;
	struct vfmig_space *space;
	struct vfmig_migration *m;
};

static void begin(void *self)
{
	struct host *host = self;
	struct vfmig_error err = {0};
	struct vfmig_map map = {
		.size = host->bytes,
		.prot = VFMIG_PROT_READ | VFMIG_PROT_WRITE,
		.fd = -1,
	};

	map.ptr = host->role == VFMIG_ROLE_SOURCE ? limit_memory_fill(host->bytes)
						  : bench_memory(host->bytes, 0);
	host->space = vfmig_space_new();
	bench_must(vfmig_space_map(host->space, &map, &err), &err);
	vfmig_space_set_no_cpu_writes(host->space);
}

static void prepare(void *self)
{
	struct vfmig_error err = {0};
	struct host *host = self;

	vfmig_migration_free(host->m);
	bench_must(vfmig_migration_new(host->role, NULL, &host->m, &err), &err);
	bench_must(vfmig_migration_add_space(host->m, host->space, &err), &err);
}

static void run(void *self)
{
	struct vfmig_error err = {0};
	struct host *host = self;

	bench_must(vfmig_migration_run(host->m, host->channel, host->channel, &err), &err);
}

int main(void)
{
	uint64_t bytes = bench_size("BENCH_SIZE", 4ull << 30, 0.2);
	struct bench b = {.name = "memory-pre-copy",
			  .unit = "GB/s",
			  .limit = "a bare relay with zero test and sum"};
	struct bench_workers *workers = bench_workers_new(), *limit = limit_memory(bytes);
	struct host from = {.role = VFMIG_ROLE_SOURCE, .bytes = bytes};
	struct host to = {.role = VFMIG_ROLE_DESTINATION, .bytes = bytes};
	int channel[2];

	fprintf(stderr, "memory: %llu MiB, a quarter of it zeros, in runs of %u KiB\n",
		(unsigned long long)bytes >> 20, LIMIT_ZERO_RUN >> 10);
	bench_sockets(channel);
	from.channel = channel[0];
	to.channel = channel[1];
	bench_workers_join(workers, &(struct bench_member){begin, prepare, run, &from, 0});
	bench_workers_join(workers, &(struct bench_member){begin, prepare, run, &to, 1});
	bench_crews(&b, RUNS, workers, limit, bytes, 1);
	bench_report(&b);
	bench_workers_free(workers);
	bench_workers_free(limit);
	return 0;
}
