/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Checks of v2: what a device does, and does not, in STOP and in the P2P states.
 *
 * An event that must not happen cannot be waited for: the check watches the device for a while,
 * with work pending that it would do if it could.
 */
#include <stdlib.h>
#include <unistd.h>

#include "conform/suite.h"

/* Configuration space, as far as any of it is there. */
static int read_config(struct conform *c, uint8_t *config)
{
	c->err = (struct vfmig_error){0};
	return vfmig_device_region_read(c->device, VFMIG_PCI_REGION_CONFIG, 0, config, 64, &c->err);
}

static enum conform_verdict config_answers(struct conform *c)
{
	static const enum vfmig_state tour[] = {VFMIG_STATE_STOP, VFMIG_STATE_STOP_COPY};
	uint8_t before[64], now[64];

	NEED(c, read_config(c, before));
	for (size_t i = 0; i < 2; i++) {
		uint16_t command;

		NEED(c, conform_set(c, tour[i]));
		if (read_config(c, now))
			return conform_fail(c, "in %s configuration space cannot be read: %s",
					    vfmig_state_name(tour[i]), c->err.text);
		if (memcmp(before, now, 4))
			return conform_fail(c,
					    "in %s configuration space says %02x%02x:%02x%02x, and "
					    "%02x%02x:%02x%02x in RUNNING",
					    vfmig_state_name(tour[i]), now[1], now[0], now[3],
					    now[2], before[1], before[0], before[3], before[2]);
		memcpy(&command, now + 4, 2);
		if (vfmig_device_region_write(c->device, VFMIG_PCI_REGION_CONFIG, 4, &command, 2,
					      &c->err))
			return conform_fail(c, "in %s the command register cannot be written: %s",
					    vfmig_state_name(tour[i]), c->err.text);
	}
	return conform_pass(c, "in STOP and STOP_COPY it can be read and written");
}

static enum conform_verdict interrupts_can_be_set_up(struct conform *c)
{
	static const enum vfmig_state tour[] = {VFMIG_STATE_STOP, VFMIG_STATE_STOP_COPY};
	struct vfmig_irq_info irq;
	int ret = vfmig_device_get_irq_info(c->device, VFMIG_PCI_IRQ_MSIX, &irq, &c->err);

	if (ret || !irq.count)
		return conform_na(c, "the device has no MSI-X");
	for (size_t i = 0; i < 2; i++) {
		int32_t none = -1;

		NEED(c, conform_set(c, tour[i]));
		c->err = (struct vfmig_error){0};
		if (vfmig_device_set_irq_eventfds(c->device, VFMIG_PCI_IRQ_MSIX, 0, 1, &none,
						  &c->err))
			return conform_fail(c, "in %s MSI-X cannot be set up: %s",
					    vfmig_state_name(tour[i]), c->err.text);
	}
	return conform_pass(c, "in STOP and STOP_COPY an MSI-X vector can be set up");
}

/* Where the suite's memory first differs from a copy of it, or -1. */
static int64_t differs(const struct conform *c, const uint8_t *copy)
{
	for (uint64_t i = 0; i < CONFORM_SIZE; i++)
		if (c->memory[i] != copy[i])
			return (int64_t)i;
	for (uint64_t i = 0; i < CONFORM_SIZE2; i++)
		if (c->memory2[i] != copy[CONFORM_SIZE + i])
			return (int64_t)(CONFORM_IOVA2 - CONFORM_IOVA + i);
	return -1;
}

static enum conform_verdict look_for_dma(struct conform *c, enum vfmig_state state, uint8_t *copy)
{
	uint64_t left;
	int64_t at;

	/* Before the copy: asking what is left may write to memory, too. */
	NEED(c, conform_stop_at_work(c, conform_set, state, VFMIG_STATE_RUNNING, &left));
	memcpy(copy, c->memory, CONFORM_SIZE);
	memcpy(copy + CONFORM_SIZE, c->memory2, CONFORM_SIZE2);
	NEED(c, conform_look_on(c));
	at = differs(c, copy);
	if (at >= 0)
		return conform_fail(c, "in %s the device wrote at 0x%llx", vfmig_state_name(state),
				    (unsigned long long)CONFORM_IOVA + (unsigned long long)at);
	if (!left)
		return conform_unseen(
			c, "its work was done before it got to %s, so nothing was to be seen",
			vfmig_state_name(state));
	return CONFORM_PASS;
}

static enum conform_verdict no_dma_in(struct conform *c, enum vfmig_state state)
{
	uint8_t *copy = malloc(CONFORM_SIZE + CONFORM_SIZE2);
	enum conform_verdict verdict;

	if (!copy)
		return conform_unseen(c, "no memory to keep a copy in");
	verdict = look_for_dma(c, state, copy);
	free(copy);
	if (verdict != CONFORM_PASS)
		return verdict;
	return conform_pass(c, "with work to do it wrote nothing in %s", vfmig_state_name(state));
}

static enum conform_verdict stop_has_no_dma(struct conform *c)
{
	return no_dma_in(c, VFMIG_STATE_STOP);
}

static enum conform_verdict stop_copy_has_no_dma(struct conform *c)
{
	return no_dma_in(c, VFMIG_STATE_STOP_COPY);
}

static enum conform_verdict stop_has_no_interrupts(struct conform *c)
{
	int event = c->work->event(c);
	uint64_t count, left;

	if (event < 0)
		return conform_na(c, "the device does its work without interrupts");
	NEED(c, conform_stop_at_work(c, conform_set, VFMIG_STATE_STOP, VFMIG_STATE_RUNNING, &left));
	NEED(c, conform_get(c, &(enum vfmig_state){VFMIG_STATE_STOP}));
	while (read(event, &count, sizeof(count)) > 0)
		;
	NEED(c, conform_look_on(c));
	if (read(event, &count, sizeof(count)) > 0)
		return conform_fail(c, "in STOP there were %llu interrupts",
				    (unsigned long long)count);
	if (!left)
		return conform_unseen(c, "its work was done before it got to STOP");
	return conform_pass(c, "with work to do it was silent in STOP");
}

static enum conform_verdict stop_keeps_the_state(struct conform *c)
{
	NEED(c, conform_save(c, &c->data[0]));
	NEED(c, conform_look_on(c));
	NEED(c, conform_save(c, &c->data[1]));
	if (c->data[0].len != c->data[1].len)
		return conform_fail(c, "saved twice in one stop it gave %zu and %zu bytes",
				    c->data[0].len, c->data[1].len);
	for (size_t i = 0; i < c->data[0].len; i++)
		if (c->data[0].bytes[i] != c->data[1].bytes[i])
			return conform_fail(c,
					    "saved twice in one stop it gave %zu bytes that differ "
					    "from byte %zu on",
					    c->data[0].len, i);
	return conform_pass(c, "saved twice in one stop it gave the same %zu bytes",
			    c->data[0].len);
}

static enum conform_verdict work_goes_on_after(struct conform *c, const enum vfmig_state *tour,
					       size_t count)
{
	const char *why;

	NEED(c, c->work->keep(c, CONFORM_IOVA, CONFORM_KEEP, CONFORM_TIMES));
	for (size_t i = 0; i < count; i++)
		NEED(c, conform_set(c, tour[i]));
	MUST(c, c->work->drain(c));
	why = c->work->check(c);
	if (why)
		return conform_fail(c, "after its stop it went on, and %s", why);
	return conform_pass(c, "its work went on where it had stopped, and came out right");
}

static enum conform_verdict running_runs(struct conform *c)
{
	static const enum vfmig_state tour[] = {VFMIG_STATE_STOP, VFMIG_STATE_RUNNING};

	return work_goes_on_after(c, tour, 2);
}

static enum conform_verdict p2p_is_left_again(struct conform *c)
{
	static const enum vfmig_state tour[] = {VFMIG_STATE_RUNNING_P2P, VFMIG_STATE_STOP,
						VFMIG_STATE_RUNNING_P2P, VFMIG_STATE_RUNNING};

	return work_goes_on_after(c, tour, 4);
}

/* Read every register of every region in STOP: each read must return, with any value. */
static enum conform_verdict access_in_stop_harms_nobody(struct conform *c)
{
	struct vfmig_region region;
	enum vfmig_state state;
	unsigned answered = 0, refusals = 0;

	NEED(c, conform_set(c, VFMIG_STATE_STOP));
	for (uint32_t i = 0; i < c->info.num_regions; i++) {
		uint32_t word;

		if (vfmig_device_get_region_info(c->device, i, &region, NULL) || region.size < 4 ||
		    !(region.flags & VFMIG_REGION_FLAG_READ))
			continue;
		for (uint64_t at = 0; at + 4 <= region.size && at < 256; at += 4) {
			int ret = vfmig_device_region_read(c->device, i, at, &word, 4, &c->err);

			if (conform_lost(ret))
				return conform_fail(c, "in STOP, region %u at 0x%llx: %s", i,
						    (unsigned long long)at, c->err.text);
			answered += !ret;
			refusals += ret != 0;
		}
	}
	MUST(c, conform_get(c, &state));
	if (state != VFMIG_STATE_STOP)
		return conform_fail(c, "reading regions in STOP has led to %s",
				    vfmig_state_name(state));
	return conform_pass(
		c, "in STOP %u reads were answered and %u refused, and it is in STOP still",
		answered, refusals);
}

const struct conform_check conform_v2_stop[] = {
	{"V2-21", "in STOP the device does no DMA", CONFORM_V2 | CONFORM_WORK, false,
	 stop_has_no_dma},
	{"V2-22", "in STOP its state does not change", CONFORM_V2, true, stop_keeps_the_state},
	{"V2-23", "in STOP and STOP_COPY configuration space answers", CONFORM_V2 | CONFORM_PCI,
	 false, config_answers},
	{"V2-24", "accesses to a stopped device do no harm", CONFORM_V2, false,
	 access_in_stop_harms_nobody},
	{"V2-31", "in RUNNING it is fully operational, also after a stop",
	 CONFORM_V2 | CONFORM_WORK, false, running_runs},
	{"V2-32", "RUNNING_P2P is passed and left again without losing work",
	 CONFORM_V2 | CONFORM_P2P | CONFORM_WORK, false, p2p_is_left_again},
	{"V2-34", "in STOP_COPY it does no DMA either", CONFORM_V2 | CONFORM_WORK, false,
	 stop_copy_has_no_dma},
	{"V2-58", "in STOP the device is silent: no interrupts", CONFORM_V2 | CONFORM_WORK, false,
	 stop_has_no_interrupts},
	{"V2-59", "in STOP and STOP_COPY MSI-X can be set up", CONFORM_V2 | CONFORM_PCI, false,
	 interrupts_can_be_set_up},
	{NULL},
};
