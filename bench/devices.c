/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Many devices in one migration, from one process to another.
 *
 *     downtime   16 served devices, compared with one with as much state as all of them; all state moves
 *                while everything stands still, so that the downtime is the time for it
 *     time       256 devices in the hosts themselves, compared with four times what 64 take
 *     memory     the same for the memory of both hosts, the devices' own included
 */
#include <unistd.h>

#include <vfmig/migration.h>

#include "bench/test_device.h"

#define RUNS	    7
#define STATE	    (128ull << 20)
#define MANY	    16u
#define ALL	    VFMIG_MIGRATION_DEVICES_MAX
#define SMALL	    (64ull << 10)
#define NO_PRE_COPY "migration=p2p"

/*
 * @served: its devices are behind sockets @fd, whose servers hear of the end of a run by @over
 * @memory: shared with all: what this process took for the devices and their migration
 */
struct host {
	enum vfmig_role role;
	bool served;
	unsigned count;
	int fd[BENCH_SERVED_MAX], over, channel;
	struct vfmig_device *devices[ALL];
	struct vfmig_migration *m;
	uint64_t *memory, before;
};

static void open_all(struct host *host)
{
	host->before = bench_resident();
	for (unsigned i = 0; i < host->count; i++)
		host->devices[i] = host->served ? bench_connect(host->fd[i])
						: bench_card(SMALL, NO_PRE_COPY, i + 1);
}

static void prepare(void *self)
{
	struct vfmig_migration_options options;
	struct vfmig_error err = {0};
	struct host *host = self;
	char id[16];

	if (!host->devices[0])
		open_all(host);
	vfmig_migration_free(host->m);
	vfmig_migration_options_init(&options);
	options.unconverged = VFMIG_UNCONVERGED_SWITCH;
	options.max_rounds = 0;
	bench_must(vfmig_migration_new(host->role, &options, &host->m, &err), &err);
	for (unsigned i = 0; i < host->count; i++) {
		snprintf(id, sizeof(id), "card%u", i);
		bench_must(vfmig_device_reset(host->devices[i], &err), &err);
		bench_must(vfmig_migration_add_device(host->m, id, host->devices[i], NULL, &err),
			   &err);
	}
}

static void run(void *self)
{
	struct vfmig_migration_result result;
	struct vfmig_error err = {0};
	struct host *host = self;

	bench_must(vfmig_migration_run(host->m, host->channel, host->channel, &err), &err);
	vfmig_migration_get_result(host->m, &result);
	if (host->served && host->role == VFMIG_ROLE_SOURCE)
		bench_lap(result.downtime.total);
	if (host->memory)
		*host->memory = bench_resident() - host->before;
	if (host->served)
		bench_over(host->over);
}

static void join(struct bench_workers *workers, struct host *host)
{
	if (host->served) {
		struct bench_served served = {
			.bytes = STATE / host->count,
			.seed = host->role == VFMIG_ROLE_SOURCE,
			.options = NO_PRE_COPY,
			.count = host->count,
		};

		bench_serve(workers, &served, BENCH_ANY_CPU, host->fd);
		host->over = served.over;
	}
	bench_workers_join(workers,
			   &(struct bench_member){NULL, prepare, run, host, BENCH_ANY_CPU});
}

static struct bench_workers *hosts(unsigned count, bool served, uint64_t *memory)
{
	struct bench_workers *workers = bench_workers_new();
	struct host from = {.role = VFMIG_ROLE_SOURCE, .count = count, .served = served};
	struct host to = {.role = VFMIG_ROLE_DESTINATION, .count = count, .served = served};
	int channel[2];

	bench_sockets(channel);
	from.channel = channel[0];
	to.channel = channel[1];
	if (memory) {
		from.memory = &memory[0];
		to.memory = &memory[1];
	}
	join(workers, &from);
	join(workers, &to);
	return workers;
}

static void downtime(void)
{
	struct bench b = {.name = "devices-16-downtime",
			  .unit = "us",
			  .limit = "one device with as much state"};
	struct bench_workers *workers = hosts(MANY, true, NULL), *limit = hosts(1, true, NULL);

	bench_crews(&b, RUNS, workers, limit, 0, 1);
	bench_report(&b);
	bench_workers_free(workers);
	bench_workers_free(limit);
}

static void all_devices(void)
{
	struct bench time = {.name = "devices-256-time",
			     .unit = "us for a device",
			     .limit = "as much for each as 64 take"};
	struct bench memory = {.name = "devices-256-memory",
			       .unit = "KiB for a device",
			       .limit = "as much for each as 64 take"};
	uint64_t *shared = (uint64_t *)bench_memory(4096, 0);
	struct bench_workers *many = hosts(ALL, false, shared);
	struct bench_workers *few = hosts(ALL / 4, false, shared + 2);

	for (unsigned i = 0; i < RUNS; i++) {
		uint64_t cpu, few_cpu;
		double ns = (double)bench_workers_run(many, &cpu);
		double few_ns = (double)bench_workers_run(few, &few_cpu);

		bench_pair(&time, ns / ALL / 1e3, few_ns / (ALL / 4) / 1e3);
		bench_cpu(&time, (double)cpu / ALL, (double)few_cpu / (ALL / 4));
		bench_pair(&memory, (double)(shared[0] + shared[1]) / ALL / 1024,
			   (double)(shared[2] + shared[3]) / (ALL / 4) / 1024);
	}
	bench_report(&time);
	bench_report(&memory);
	bench_workers_free(many);
	bench_workers_free(few);
}

int main(int argc, char **argv)
{
	if (bench_wanted(argc, argv, "devices-16-downtime"))
		downtime();
	if (bench_wanted(argc, argv, "devices-256"))
		all_devices();
	return 0;
}
