/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The card, and how it is served.
 */
#include "bench/test_device.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <vfmig/export.h>
#include <vfmig/model.h>

#include "model/kit.h"
#include "source/vfio_user.h"

struct test_device {
	uint64_t bytes;
	struct vfmig_block *memory;
	uint32_t value;
	struct vfmig_kit *kit;
};

static int create(struct vfmig_kit *kit, void *self, struct vfmig_error *err)
{
	struct test_device *card = self;

	card->kit = kit;
	return 0;
}

static uint64_t read_register(struct vfmig_kit *kit, void *self, unsigned bar, uint64_t offset,
			      unsigned size)
{
	const struct test_device *card = self;

	return offset == TEST_DEVICE_REGISTER ? card->value : 0;
}

static void write_register(struct vfmig_kit *kit, void *self, unsigned bar, uint64_t offset,
			   uint64_t value, unsigned size)
{
	struct test_device *card = self;

	if (offset == TEST_DEVICE_REGISTER)
		card->value = (uint32_t)value;
}

static const struct vfmig_option options_of_card[] = {
	{.name = "size",
	 .kind = VFMIG_OPTION_SIZE,
	 .offset = offsetof(struct test_device, bytes),
	 .default_text = "1M",
	 .help = "bytes of memory"},
	{.kind = VFMIG_OPTION_END},
};

static const struct vfmig_entry state_of_card[] = {
	VFMIG_BLOCK(struct test_device, memory, .size_at = offsetof(struct test_device, bytes)),
	VFMIG_FIELD(struct test_device, value),
	{.kind = VFMIG_ENTRY_END},
};

static const struct vfmig_model model = {
	.name = "bench",
	.summary = "memory and a register",
	.version = 1,
	.size = sizeof(struct test_device),
	.options = options_of_card,
	.pci = {.vendor = 0x1234,
		.device = 0xbe9c,
		.bar[0] = {.size = 4096, .width = 4},
		.msix_vectors = 1,
		.msix_bar = 1},
	.state = state_of_card,
	.create = create,
	.read = read_register,
	.write = write_register,
};

void bench_must(int ret, const struct vfmig_error *err)
{
	if (ret < 0) {
		fprintf(stderr, "%s (%d)\n", err->text, ret);
		exit(1);
	}
}

static struct test_device *test_device_of(struct vfmig_device *device)
{
	return ((struct vfmig_kit *)device)->self;
}

struct vfmig_device *bench_card(uint64_t bytes, const char *options, uint64_t seed)
{
	struct vfmig_error err = {0};
	struct vfmig_device *device;
	struct test_device *card;
	char text[128];

	snprintf(text, sizeof(text), "size=%llu%s%s", (unsigned long long)bytes, options ? "," : "",
		 options ? options : "");
	bench_must(vfmig_model_open(&model, text, &device, &err), &err);
	card = test_device_of(device);
	if (seed)
		bench_fill(card->memory->bytes, bytes, seed);
	else
		memset(card->memory->bytes, 0, bytes);
	vfmig_block_mark(card->memory, 0, bytes);
	return device;
}

void bench_card_touch(struct vfmig_device *device)
{
	struct test_device *card = test_device_of(device);

	vfmig_block_mark(card->memory, 0, card->bytes);
}

void bench_card_empty(struct vfmig_device *device)
{
	vfmig_block_clear(test_device_of(device)->memory);
}

struct vfmig_dirty *bench_card_log(struct vfmig_device *device)
{
	return test_device_of(device)->kit->log.map;
}

/* ---- served ---- */

static void served_begin(void *self)
{
	struct bench_served *served = self;
	struct vfmig_error err = {0};

	for (unsigned i = 0; i < served->count; i++) {
		struct vfmig_export_options config = {
			.struct_size = sizeof(struct vfmig_export_options), .fd = served->fd[i]};
		struct vfmig_export *export;

		served->cards[i] = bench_card(served->bytes, served->options,
					      served->seed ? served->seed + i : 0);
		bench_must(vfmig_export_open_vfio_user(served->cards[i], &config, &export, &err),
			   &err);
		bench_must(vfmig_export_start(export, &err), &err);
	}
}

static void served_prepare(void *self)
{
	struct bench_served *served = self;

	if (served->prepare)
		served->prepare(served);
}

static void served_run(void *self)
{
	const struct bench_served *served = self;
	uint64_t one;

	if (read(served->over, &one, sizeof(one)) != sizeof(one))
		bench_fail("waiting for the end of a run");
}

void bench_serve(struct bench_workers *workers, struct bench_served *served, int cpu, int *clients)
{
	served->over = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);
	if (served->over < 0)
		bench_fail("no eventfd");
	if (!served->count)
		served->count = 1;
	for (unsigned i = 0; i < served->count; i++) {
		int pair[2];

		bench_sockets(pair);
		served->fd[i] = pair[0];
		clients[i] = pair[1];
	}
	bench_workers_join(workers, &(struct bench_member){served_begin, served_prepare, served_run,
							   served, cpu});
	for (unsigned i = 0; i < served->count; i++)
		close(served->fd[i]);
}

void bench_over(int over)
{
	uint64_t one = 1;

	if (write(over, &one, sizeof(one)) != sizeof(one))
		bench_fail("ending a run");
}

struct vfmig_device *bench_connect(int fd)
{
	struct vfmig_error err = {0};
	struct vfmig_device *device;

	bench_must(vfio_user_adopt(fd, "vfio-user", NULL, &device, &err), &err);
	return device;
}
