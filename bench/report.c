/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * LOGGING_REPORT over the socket: which pages of 64 GiB a served device wrote, as the uAPI's bitmap of 2 MiB.
 *
 *     clean, 0.01 %   compared with a command and the bytes of such a reply, sent and received
 *     runs            0.01 % once more, compared with the same asked for as a bitmap by a client of the version before
 *     1 %, 100 %      the same, but that the server first exchanges each word of a flat bitmap that is not zero
 *
 * The pages are marked in the device's log, untimed, in the place of DMA that would write gigabytes.
 */
#include "bench/test_device.h"
#include "bench/limits/limits.h"

#include <sys/mman.h>
#include <unistd.h>

#include <vfmig/space.h>

#include "source/vfio_user/priv.h"

#define RUNS  15
#define BYTES (64ull << 30)
#define PAGE  4096ull

struct client {
	bool bits; /* has not heard of reports as runs */
	int fd, over;
	struct vfmig_device *device;
	struct vfmig_space *space;
	uint64_t *bitmap;
	uint64_t pages; /* that are to be told */
	unsigned runs;
};

/* Served cards have no place for it: a process serves one row. */
static uint64_t one_in;

static uint64_t rnd(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void mark(struct bench_served *served)
{
	struct vfmig_dirty *log = bench_card_log(served->cards[0]);
	uint64_t seed = 99;

	if (one_in == 1)
		vfmig_dirty_mark(log, 0, BYTES);
	else if (one_in)
		for (uint64_t n = 0; n < BYTES / PAGE / one_in; n++)
			vfmig_dirty_mark(log, rnd(&seed) % BYTES, 1);
}

static void begin(struct client *c)
{
	struct vfmig_dma_logging_range range = {.iova = 0, .length = BYTES};
	struct vfmig_feature_dma_logging_control control = {
		.page_size = PAGE,
		.num_ranges = 1,
		.ranges = (uint64_t)(uintptr_t)&range,
	};
	struct vfmig_error err = {0};
	struct vfmig_map map = {
		.size = BYTES,
		.prot = VFMIG_PROT_READ | VFMIG_PROT_WRITE,
		.fd = memfd_create("guest", MFD_CLOEXEC),
	};

	/* Nobody touches it: it takes no memory. */
	if (map.fd < 0 || ftruncate(map.fd, (off_t)BYTES))
		bench_fail("no memory of 64 GiB, not even on paper");
	map.ptr = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, map.fd, 0);
	if (map.ptr == MAP_FAILED)
		bench_fail("no place for 64 GiB");
	c->device = bench_connect(c->fd);
	if (c->bits)
		((struct vfio_user *)c->device)->caps.vfmig = 1;
	c->space = vfmig_space_new();
	bench_must(vfmig_space_map(c->space, &map, &err), &err);
	bench_must(vfmig_space_attach(c->space, c->device, &err), &err);
	bench_must(vfmig_device_call_feature(c->device,
					     VFMIG_FEATURE_DMA_LOGGING_START | VFMIG_FEATURE_SET,
					     &control, sizeof(control), &err),
		   &err);
	c->bitmap = (uint64_t *)bench_memory(BYTES / PAGE / 8, 0);
}

/* Pages that were chosen twice are told once. Before the first report, logging began when it liked. */
static void check(const struct client *c)
{
	uint64_t pages = 0;

	for (uint64_t i = 0; i < BYTES / PAGE / 64; i++)
		pages += (unsigned)__builtin_popcountll(c->bitmap[i]);
	if (pages > c->pages || pages < c->pages - c->pages / 50)
		bench_fail("%llu pages were told, of %llu", (unsigned long long)pages,
			   (unsigned long long)c->pages);
}

static void prepare(void *self)
{
	struct client *c = self;

	if (!c->device)
		begin(c);
	else if (++c->runs > 1)
		check(c);
	memset(c->bitmap, 0, BYTES / PAGE / 8);
}

static void run(void *self)
{
	struct client *c = self;
	struct vfmig_feature_dma_logging_report report = {
		.length = BYTES,
		.page_size = PAGE,
		.bitmap = (uint64_t)(uintptr_t)c->bitmap,
	};
	struct vfmig_error err = {0};
	uint64_t began = bench_now();

	bench_must(vfmig_device_call_feature(c->device,
					     VFMIG_FEATURE_DMA_LOGGING_REPORT | VFMIG_FEATURE_GET,
					     &report, sizeof(report), &err),
		   &err);
	bench_lap(bench_now() - began);
	bench_over(c->over);
}

static struct bench_workers *reporting(uint64_t dirty, bool bits)
{
	struct bench_served served = {.bytes = 1 << 20, .prepare = mark};
	struct bench_workers *workers = bench_workers_new();
	struct client c = {.bits = bits, .pages = dirty ? BYTES / PAGE / dirty : 0};

	one_in = dirty;
	bench_serve(workers, &served, 0, &c.fd);
	c.over = served.over;
	bench_workers_join(workers, &(struct bench_member){NULL, prepare, run, &c, 1});
	return workers;
}

static void runs(const char *name)
{
	struct bench b = {.name = name, .unit = "us", .limit = "the same as a bitmap"};
	struct bench_workers *workers = reporting(10000, false), *limit = reporting(10000, true);

	bench_crews(&b, RUNS, workers, limit, 0, 1);
	bench_report(&b);
	bench_workers_free(workers);
	bench_workers_free(limit);
}

static void row(const char *name, uint64_t dirty, bool exchange)
{
	struct bench b = {.name = name, .unit = "us"};
	struct bench_workers *limit = limit_report(BYTES / PAGE, exchange ? dirty : 0);
	struct bench_workers *workers = reporting(dirty, false);

	b.limit = exchange ? "exchanging words, and sending" : "sending the reply";
	bench_crews(&b, RUNS, workers, limit, 0, 1);
	bench_report(&b);
	bench_workers_free(workers);
	bench_workers_free(limit);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		uint64_t one_in;
		bool exchange;
	} rows[] = {
		{"report-socket-64G-clean", 0, false},
		{"report-socket-64G-0.01%", 10000, false},
		{"report-socket-64G-1%", 100, true},
		{"report-socket-64G-100%", 1, true},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (bench_wanted(argc, argv, rows[i].name))
			row(rows[i].name, rows[i].one_in, rows[i].exchange);
	if (bench_wanted(argc, argv, "report-socket-64G-runs"))
		runs("report-socket-64G-runs");
	return 0;
}
