/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The hottest paths, each done as often as told and nothing else, for tools/instructions to count.
 *
 *	instructions PATH TIMES
 *
 * Both ends of a socket are in this one thread, taking turns, so that nothing depends on time.
 */
#include <poll.h>
#include <sys/mman.h>

#include <vfmig/export.h>
#include <vfmig/space.h>

#include "bench/test_device.h"

#define GIB   (1ull << 30)
#define CHUNK (64u << 10)
#define STATE (32ull << 20)

static uint64_t seed = 88172645463325252ull;

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* ---- a served card and its client ---- */

static struct vfmig_device *card, *client;
static struct vfmig_export *server;

static void done(struct vfmig_request *request)
{
	*(bool *)request->user = true;
}

/* One request, from the client to the card and back. */
static ssize_t ask(struct vfmig_request *request)
{
	struct vfmig_error err = {0};
	bool answered = false;

	request->err = &err;
	request->done = done;
	request->user = &answered;
	vfmig_submit(client, request);
	while (!answered) {
		bench_must(vfmig_export_process(server, &err), &err);
		bench_must(vfmig_device_process(client, &err), &err);
	}
	bench_must((int)request->result, &err);
	return request->result;
}

/* The client introduces itself in a call that waits: somebody has to serve it. */
static void serve(uint64_t bytes)
{
	struct vfmig_export_options config = {.struct_size = sizeof(struct vfmig_export_options)};
	struct vfmig_error err = {0};
	int pair[2];

	card = bench_card(bytes, NULL, 1);
	bench_sockets(pair);
	config.fd = pair[0];
	bench_must(vfmig_export_open_vfio_user(card, &config, &server, &err), &err);
	bench_must(vfmig_export_start(server, &err), &err);
	client = bench_connect(pair[1]);
	vfmig_export_stop(server);
}

static void feature(uint32_t flags, void *data, size_t size)
{
	struct vfmig_request request = {.op = VFMIG_OP_FEATURE};

	request.feature.flags = flags;
	request.feature.data = data;
	request.feature.size = size;
	ask(&request);
}

static void region_read(unsigned times)
{
	uint32_t value;

	serve(1 << 20);
	while (times--) {
		struct vfmig_request request = {.op = VFMIG_OP_REGION_READ};

		request.region.offset = TEST_DEVICE_REGISTER;
		request.region.buf = &value;
		request.region.len = sizeof(value);
		ask(&request);
	}
}

static void data_read(unsigned times)
{
	struct vfmig_feature_mig_state state = {.device_state = VFMIG_STATE_STOP_COPY};
	uint8_t *chunk = malloc(CHUNK);

	serve(STATE);
	feature(VFMIG_FEATURE_MIG_STATE | VFMIG_FEATURE_SET, &state, sizeof(state));
	while (times--) {
		struct vfmig_request request = {.op = VFMIG_OP_DATA_READ};

		request.data.buf = chunk;
		request.data.len = CHUNK;
		if (ask(&request) != CHUNK)
			bench_fail("the state ended early");
	}
}

/* 1 GiB, of which about one page in 1000 is dirty. */
static void report(unsigned times)
{
	struct vfmig_dma_logging_range range = {.iova = 0, .length = GIB};
	struct vfmig_feature_dma_logging_control control = {
		.page_size = 4096, .num_ranges = 1, .ranges = (uint64_t)(uintptr_t)&range};
	uint64_t *bitmap = calloc(1, GIB / 4096 / 8);
	struct vfmig_feature_dma_logging_report r = {
		.length = GIB, .page_size = 4096, .bitmap = (uint64_t)(uintptr_t)bitmap};

	serve(1 << 20);
	feature(VFMIG_FEATURE_DMA_LOGGING_START | VFMIG_FEATURE_SET, &control, sizeof(control));
	while (times--) {
		for (unsigned i = 0; i < 256; i++)
			vfmig_dirty_mark(bench_card_log(card), rnd() % GIB, 1);
		feature(VFMIG_FEATURE_DMA_LOGGING_REPORT | VFMIG_FEATURE_GET, &r, sizeof(r));
	}
}

/* ---- the map of written pages ---- */

static struct vfmig_dirty *map(uint64_t size)
{
	struct dirty_config config = {.size = size};
	struct vfmig_dirty *dirty;

	if (dirty_create(&dirty, &config))
		bench_fail("no memory");
	return dirty;
}

/* Random pages of 64 GiB; all leaves are there from the first time that each is marked. */
static void mark(unsigned times)
{
	struct vfmig_dirty *dirty = map(64 * GIB);

	dirty_reserve(dirty, 0, 64 * GIB);
	while (times--)
		vfmig_dirty_mark(dirty, rnd() % (64 * GIB), 1);
}

static int run(void *context, uint64_t addr, uint64_t len)
{
	return 0;
}

/* 1 TiB with a thousand runs of 64 pages. */
static void harvest(unsigned times)
{
	struct vfmig_dirty *dirty = map(1024 * GIB);

	dirty_reserve(dirty, 0, 1024 * GIB);
	while (times--) {
		for (unsigned i = 0; i < 1000; i++)
			vfmig_dirty_mark(dirty, rnd() % (1023 * GIB), 64 * 4096);
		dirty_read_clear(dirty, 0, UINT64_MAX, run, NULL);
	}
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*path)(unsigned times);
	} paths[] = {
		{"region-read", region_read}, {"data-read", data_read},
		{"report", report},	      {"mark", mark},
		{"harvest", harvest},
	};

	for (unsigned i = 0; argc == 3 && i < sizeof(paths) / sizeof(*paths); i++) {
		if (strcmp(argv[1], paths[i].name))
			continue;
		paths[i].path((unsigned)atoi(argv[2]));
		return 0;
	}
	fprintf(stderr, "instructions PATH TIMES\n");
	return 2;
}
