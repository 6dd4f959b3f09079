/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The copier as a model: its description, its state, and its access to the outside.
 *
 * docs/models/copier.md is its data sheet, and the hardware is in the files beside this one.
 */
#include <errno.h>
#include <stddef.h>

#include <vfmig/model.h>

#include "copier.h"
#include "models/models.h"

enum copier_window { WINDOW_TRAPPED, WINDOW_MAPPED };
static const char *const windows[] = {"trapped", "mapped", NULL};

static const struct vfmig_option options[] = {
	{
		.name = "size",
		.kind = VFMIG_OPTION_SIZE,
		.offset = offsetof(struct copier, board_size),
		.default_text = "16M",
		.help = "bytes of memory on board, a power of two",
		.min = 4096,
		.max = 64ull << 30,
	},
	{
		.name = "window",
		.kind = VFMIG_OPTION_CHOICE,
		.offset = offsetof(struct copier, window),
		.default_text = "trapped",
		.help = "how others reach that memory; mapped is fast, but compared at each stop",
		.choices = windows,
	},
	{.kind = VFMIG_OPTION_END},
};

/* The names are those of the data sheet. Fields that only the copier writes need no bounds. */
#define FIELD(label, member, ...)                                                                  \
	{                                                                                          \
		.name = (label), .kind = VFMIG_ENTRY_FIELD,                                        \
		.offset = offsetof(struct copier, s.member),                                       \
		.size = sizeof(((struct copier *)NULL)->s.member), __VA_ARGS__                     \
	}

static const struct vfmig_entry state[] = {
	FIELD("control", control, .max = COPIER_CONTROL_ENABLE),
	FIELD("error", error, .max = COPIER_ERROR_DONE_FAULT),
	FIELD("error_iova", error_iova),
	FIELD("intr_status", intr_status, .max = COPIER_INTR_COMPLETION | COPIER_INTR_ERROR),
	FIELD("intr_enable", intr_enable, .max = COPIER_INTR_COMPLETION | COPIER_INTR_ERROR),
	FIELD("ring_base", ring_base),
	FIELD("done_base", done_base),
	FIELD("ring_size", ring_size),
	FIELD("head", head),
	FIELD("tail", tail),
	FIELD("sequence", sequence),
	FIELD("copies", copies),
	FIELD("fills", fills),
	FIELD("checksums", checksums),
	FIELD("adds", adds),
	FIELD("failures", failures),
	FIELD("bytes", bytes),
	FIELD("active", active, .max = 1),
	FIELD("descriptor.operation", descriptor.operation),
	FIELD("descriptor.flags", descriptor.flags),
	FIELD("descriptor.source", descriptor.source),
	FIELD("descriptor.destination", descriptor.destination),
	FIELD("descriptor.length", descriptor.length),
	FIELD("descriptor.value", descriptor.value),
	FIELD("descriptor.cookie", descriptor.cookie),
	FIELD("position", position),
	FIELD("sum", sum),
	VFMIG_BLOCK(struct copier, board, .size_at = offsetof(struct copier, board_size)),
	{.kind = VFMIG_ENTRY_END},
};

static int create(struct vfmig_kit *kit, void *self, struct vfmig_error *err)
{
	struct copier *c = self;

	if (c->board_size & (c->board_size - 1))
		return vfmig_err(err, -EINVAL,
				 "size=%llu is not a power of two: a BAR has to be one",
				 (unsigned long long)c->board_size);
	c->kit = kit;
	return 0;
}

static void reset(struct vfmig_kit *kit, void *self)
{
	struct copier *c = self;

	copier_reset(c);
	vfmig_block_clear(c->board);
}

static uint64_t read(struct vfmig_kit *kit, void *self, unsigned bar, uint64_t offset,
		     unsigned size)
{
	return copier_register_read(self, offset, size);
}

static void write(struct vfmig_kit *kit, void *self, unsigned bar, uint64_t offset, uint64_t value,
		  unsigned size)
{
	copier_register_write(self, offset, value, size);
}

static bool run(struct vfmig_kit *kit, void *self)
{
	return copier_work(self);
}

/*
 * The copier may sleep between two descriptors. It loses nothing by that, so waking takes no work.
 */
static bool rest(struct vfmig_kit *kit, void *self)
{
	return !copier_has_work(self);
}

/*
 * A loaded state is untrusted. It must be a state that the copier can get into: later code relies
 * on that, as it relies on what registers.c and copier_check() accept.
 */
static int loaded(struct vfmig_kit *kit, void *self, uint32_t version, struct vfmig_error *err)
{
	struct copier *c = self;
	struct copier_state *s = &c->s;
	enum copier_status status;

	if (s->control & COPIER_CONTROL_ENABLE) {
		if (s->error)
			return vfmig_err(err, -EINVAL, "the copier is enabled in spite of error %u",
					 s->error);
		if (copier_check_rings(c))
			return vfmig_err(
				err, -EINVAL,
				"the copier is enabled with impossible rings: %u entries, at "
				"0x%llx and 0x%llx",
				s->ring_size, (unsigned long long)s->ring_base,
				(unsigned long long)s->done_base);
		if (s->tail - s->head > s->ring_size)
			return vfmig_err(
				err, -EINVAL,
				"the copier is enabled with head %u, tail %u and a ring of %u",
				s->head, s->tail, s->ring_size);
	}
	if (s->sequence != s->copies + s->fills + s->checksums + s->adds + s->failures)
		return vfmig_err(err, -EINVAL,
				 "the copier's counters do not add up to its %llu completions",
				 (unsigned long long)s->sequence);
	if (!s->active) {
		if (s->position)
			return vfmig_err(err, -EINVAL, "position 0x%llx of no descriptor",
					 (unsigned long long)s->position);
		return 0;
	}
	status = copier_check(c, &s->descriptor);
	if (status)
		return vfmig_err(err, -EINVAL,
				 "the descriptor under way is none that is taken (status %u)",
				 status);
	if (s->position >= s->descriptor.length || s->position % 8)
		return vfmig_err(
			err, -EINVAL, "position 0x%llx is none of a descriptor of 0x%llx bytes",
			(unsigned long long)s->position, (unsigned long long)s->descriptor.length);
	return 0;
}

int copier_dma_read(struct copier *c, uint64_t iova, void *buf, uint32_t len)
{
	return vfmig_kit_dma_read(c->kit, iova, buf, len, NULL);
}

int copier_dma_write(struct copier *c, uint64_t iova, const void *buf, uint32_t len)
{
	return vfmig_kit_dma_write(c->kit, iova, buf, len, NULL);
}

void copier_interrupt(struct copier *c, enum copier_vector vector)
{
	vfmig_kit_irq(c->kit, vector);
}

void copier_wake(struct copier *c)
{
	vfmig_kit_wake(c->kit);
}

const struct vfmig_model vfmig_model_copier = {
	.name = "copier",
	.summary = "a copy engine with memory on board: copies, fills, checksums, adds",
	.version = 1,
	.size = sizeof(struct copier),
	.options = options,
	.pci =
		{
			.vendor = COPIER_PCI_VENDOR,
			.device = COPIER_PCI_DEVICE,
			.subsystem_vendor = COPIER_PCI_VENDOR,
			.subsystem = COPIER_PCI_DEVICE,
			.revision = COPIER_PCI_REVISION,
			.class_code = COPIER_PCI_CLASS,
			.bar[COPIER_BAR_REGISTERS] = {.size = COPIER_REGISTERS_SIZE, .width = 8},
			.bar[COPIER_BAR_WINDOW] =
				{
					.flags = VFMIG_BAR_64 | VFMIG_BAR_PREFETCH |
						 VFMIG_BAR_MAPPABLE_IF,
					.memory = "board",
					.mappable_at = offsetof(struct copier, window),
				},
			.msix_vectors = COPIER_VECTORS,
			.msix_bar = COPIER_BAR_MSIX,
		},
	.state = state,
	.create = create,
	.reset = reset,
	.read = read,
	.write = write,
	.run = run,
	.loaded = loaded,
	.sleep = rest,
};
