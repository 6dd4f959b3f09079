/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * States that no copier gets into are refused when they are loaded, and the device is none the worse: after a reset it
 * works. They are made by an impostor: the copier without its checks, and with registers that write
 * anything anywhere.
 */
#include <errno.h>

#include "models/copier/copier.h"
#include "tests/copier/setup.h"

static void poke(struct vfmig_kit *kit, void *self, unsigned bar, uint64_t offset, uint64_t value,
		 unsigned size)
{
	memcpy((char *)self + offsetof(struct copier, s) + offset, &value, size);
}

/* What a lie, or a truth, is made from: a state, with some of its fields changed. */
static const struct copier_state nothing;
static const struct copier_state fine = {
	.control = COPIER_CONTROL_ENABLE,
	.ring_base = SETUP_IOVA,
	.done_base = SETUP_IOVA + 4096,
	.ring_size = 8,
	.head = 3,
	.tail = 5,
	.sequence = 3,
	.fills = 2,
	.failures = 1,
};
static const struct copier_state under_way = {
	.control = COPIER_CONTROL_ENABLE,
	.ring_base = SETUP_IOVA,
	.done_base = SETUP_IOVA + 4096,
	.ring_size = 8,
	.head = 3,
	.tail = 5,
	.sequence = 3,
	.fills = 2,
	.failures = 1,
	.active = true,
	.position = 2048,
	.descriptor = {.operation = COPIER_FILL, .flags = 4, .length = 4096},
};

struct change {
	size_t offset, size;
	uint64_t value;
};

struct tale {
	const char *what;
	const struct copier_state *from;
	struct change changes[4];
};

#define TO(field, v)                                                                               \
	{                                                                                          \
		offsetof(struct copier_state, field),                                              \
			sizeof(((struct copier_state *)NULL)->field), (v)                          \
	}

static const struct tale lies[] = {
	{"enabled with an error", &fine, {TO(error, 1)}},
	{"enabled without a ring", &nothing, {TO(control, 1)}},
	{"a ring of 7", &fine, {TO(ring_size, 7)}},
	{"a crooked ring", &fine, {TO(ring_base, 8)}},
	{"a tail behind the head", &fine, {TO(tail, 2)}},
	{"a tail too far", &fine, {TO(tail, 12)}},
	{"counters that do not add up", &fine, {TO(adds, 1)}},
	{"a completion that nobody counted", &fine, {TO(sequence, 4)}},
	{"an unknown control bit", &fine, {TO(control, 5)}},
	{"an unknown error", &nothing, {TO(error, 99)}},
	{"an unknown interrupt", &fine, {TO(intr_enable, 4)}},
	{"a position of nothing", &fine, {TO(position, 8)}},
	{"a descriptor of no operation", &fine, {TO(active, 1)}},
	{"neither active nor not", &under_way, {TO(active, 2)}},
	{"a descriptor beyond the board", &under_way, {TO(descriptor.destination, 1 << 20)}},
	{"a descriptor of 2 GiB", &under_way, {TO(descriptor.length, 1ull << 31)}},
	{"a position beyond", &under_way, {TO(position, 4104)}},
	{"a position at the end", &under_way, {TO(position, 4096)}},
	{"a position between two words", &under_way, {TO(position, 4)}},
	{"a far position", &under_way, {TO(position, UINT64_MAX - 7)}},
};

static const struct tale truths[] = {
	{"a new one", &nothing, {{0}}},
	{"a fine one", &fine, {{0}}},
	{"in the middle of a descriptor", &under_way, {{0}}},
	{"switched off in the middle of one", &under_way, {TO(control, 0), TO(tail, 99)}},
	{"stopped with an error", &nothing, {TO(error, 3), TO(error_iova, 12345)}},
	{"about to wrap",
	 &fine,
	 {TO(head, UINT32_MAX), TO(tail, 2), TO(sequence, 3 + (1ull << 32)),
	  TO(fills, 2 + (1ull << 32))}},
};

static void tell(struct setup *setup, const struct tale *tale)
{
	struct copier_state s = *tale->from;
	uint8_t *bytes = (void *)&s;

	for (int i = 0; i < 4; i++)
		memcpy(bytes + tale->changes[i].offset, &tale->changes[i].value,
		       tale->changes[i].size);
	for (size_t i = 0; i + 8 <= sizeof(s); i += 8)
		GOOD(setup, vfmig_device_region_write(setup->device, CP_BAR_REGS, i, bytes + i, 8,
						      &setup->err));
}

_Static_assert(sizeof(struct copier_state) % 8 == 0, "tell() tells all of it");

static int load(struct setup *there, const struct vfmig_model *model, const char *options,
		const struct tale *tale)
{
	struct setup here;
	void *state;
	size_t len;
	int ret;

	setup_open_bare(&here, model, options, 1u << 20);
	if (tale)
		tell(&here, tale);
	state = setup_save(&here, &len);
	memset(&there->err, 0, sizeof(there->err));
	ret = setup_load(there, state, len);
	free(state);
	setup_close(&here);
	return ret;
}

static void works_after_a_reset(struct setup *setup)
{
	const struct cp_descriptor d = {.operation = CP_FILL, .flags = CP_TO_BOARD, .length = 8};

	GOOD(setup, vfmig_device_reset(setup->device, &setup->err));
	GOOD(setup,
	     cp_open(&setup->driver, setup->device, setup->guest, SETUP_IOVA, 8, &setup->err));
	CHECK_EQ(setup_do(setup, d).status, CP_OK);
}

int main(void)
{
	struct vfmig_model impostor = vfmig_model_copier, newer = vfmig_model_copier;
	struct setup there;
	int ret;

	impostor.loaded = NULL;
	impostor.run = NULL;
	impostor.write = poke;
	setup_open_bare(&there, &vfmig_model_copier, "size=64K", 1u << 20);
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		ret = load(&there, &impostor, "size=64K", &lies[i]);
		CHECKF(ret == -EINVAL && there.err.text[0], "%s: %d", lies[i].what, ret);
		works_after_a_reset(&there);
	}
	for (size_t i = 0; i < sizeof(truths) / sizeof(truths[0]); i++) {
		ret = load(&there, &impostor, "size=64K", &truths[i]);
		CHECKF(!ret, "%s: %d: %s", truths[i].what, ret, there.err.text);
		works_after_a_reset(&there);
	}

	/* A newer version's state is another language; a board of another size does not fit. */
	newer.version++;
	ret = load(&there, &newer, "size=64K", NULL);
	CHECKF(ret < 0 && strstr(there.err.text, "version"), "%d: %s", ret, there.err.text);
	works_after_a_reset(&there);
	ret = load(&there, &vfmig_model_copier, "size=128K", NULL);
	CHECKF(ret < 0 && there.err.text[0], "%d", ret);
	works_after_a_reset(&there);
	setup_close(&there);
	return 0;
}
