/* SPDX-License-Identifier: BSD-3-Clause */
/* Checks of v1 and pfn: the registers, and what device_state takes. */
#include <stdio.h>
#include <sys/mman.h>

#include "conform/region.h"

#define STOP	  VFMIG_V1_STATE_STOP
#define RUNNING	  VFMIG_V1_STATE_RUNNING
#define STOP_COPY VFMIG_V1_STATE_STOP_COPY
#define PRE_COPY  VFMIG_V1_STATE_PRE_COPY
#define RESUMING  VFMIG_V1_STATE_RESUMING
#define ERROR	  VFMIG_V1_STATE_ERROR

static const uint32_t valid[] = {RUNNING, PRE_COPY, STOP_COPY, STOP, RESUMING};

/* A reset device into a state, by what is drawn. */
static int bring(struct conform *c, uint32_t bits)
{
	int ret = conform_reset(c);

	return ret || bits == RUNNING ? ret : region_go(c, bits);
}

/* ---- registers ---- */

static enum conform_verdict structure_is_at_the_start(struct conform *c)
{
	uint64_t most = c->has & CONFORM_PFN ? sizeof(struct vfmig_pfn_migration_info)
					     : sizeof(struct vfmig_v1_migration_info);
	uint32_t bits;
	uint64_t value;

	if (c->layout.size <= most)
		return conform_fail(
			c, "the region has %llu bytes, which is no more than the structure",
			(unsigned long long)c->layout.size);
	MUST(c, region_state(c, &bits));
	MUST(c, region_get64(c, REG(pending_bytes), &value));
	return conform_pass(c, "the region has %llu bytes, and begins with the registers",
			    (unsigned long long)c->layout.size);
}

static enum conform_verdict other_widths_are_refused(struct conform *c)
{
	static const struct {
		uint32_t at, len;
	} odd[] = {{0, 1}, {0, 2}, {0, 8}, {2, 4}, {8, 4}, {12, 4}, {8, 16}, {10, 8}, {24, 4}};

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		int ret;

		c->err = (struct vfmig_error){0};
		ret = vfmig_device_region_read(c->device, c->region, odd[i].at, c->scratch,
					       odd[i].len, &c->err);
		if (!ret)
			return conform_fail(
				c, "a read of %u bytes at %u, which is no register, was answered",
				odd[i].len, odd[i].at);
		if (conform_lost(ret))
			return conform_failed(c, CONFORM_FAIL);
	}
	return conform_pass(c, "%zu reads of what is no whole register were refused",
			    sizeof(odd) / sizeof(odd[0]));
}

static enum conform_verdict reserved_is_zero(struct conform *c)
{
	uint32_t value;

	MUST(c, region_get32(c, REG(reserved), &value));
	if (value)
		return conform_fail(c, "reserved reads as 0x%x", value);
	MUST(c, region_put32(c, REG(reserved), 0xffffffff));
	MUST(c, region_get32(c, REG(reserved), &value));
	if (value)
		return conform_fail(c, "reserved was written, and reads as 0x%x", value);
	return conform_pass(c, "reserved reads as 0, and a write of it changes nothing");
}

/* A write to a read-only register: refused or not, it must have no effect. */
static enum conform_verdict read_only(struct conform *c, uint32_t reg)
{
	uint64_t before, after;

	NEED(c, region_go(c, STOP_COPY));
	MUST(c, region_get64(c, reg, &before));
	if (conform_lost(region_put64(c, reg, before + 4096)))
		return conform_failed(c, CONFORM_FAIL);
	MUST(c, region_get64(c, reg, &after));
	if (before != after)
		return conform_fail(c, "it was %llu, was written, and is %llu",
				    (unsigned long long)before, (unsigned long long)after);
	return conform_pass(c, "a write left it at %llu", (unsigned long long)after);
}

static enum conform_verdict pending_is_read_only(struct conform *c)
{
	return read_only(c, REG(pending_bytes));
}

static enum conform_verdict offset_is_read_only(struct conform *c)
{
	return read_only(c, REG(data_offset));
}

static enum conform_verdict mapped_parts_are_pages(struct conform *c)
{
	uint64_t offset, len;

	if (!c->layout.areas)
		return conform_na(c, "nothing of the region can be mapped");
	for (uint32_t i = 0; i < c->layout.areas; i++)
		if (c->layout.area[i].offset % CONFORM_PAGE ||
		    c->layout.area[i].size % CONFORM_PAGE)
			return conform_fail(c,
					    "a part that can be mapped has 0x%llx bytes at 0x%llx",
					    (unsigned long long)c->layout.area[i].size,
					    (unsigned long long)c->layout.area[i].offset);
	NEED(c, region_go(c, STOP_COPY));
	NEED(c, region_get64(c, REG(pending_bytes), &len));
	NEED(c, region_get64(c, REG(data_offset), &offset));
	for (uint32_t i = 0; i < c->layout.areas; i++)
		if (offset > c->layout.area[i].offset &&
		    offset < c->layout.area[i].offset + c->layout.area[i].size &&
		    offset % CONFORM_PAGE)
			return conform_fail(
				c, "data_offset is 0x%llx, where it is mapped and no page begins",
				(unsigned long long)offset);
	return conform_pass(c, "%u parts can be mapped, all of whole pages; data_offset is 0x%llx",
			    c->layout.areas, (unsigned long long)offset);
}

static enum conform_verdict compare(struct conform *c, uint64_t at, const void *mapped)
{
	uint8_t trapped[512];

	MUST(c, region_read_data(c, at, trapped, sizeof(trapped)));
	if (memcmp(trapped, mapped, sizeof(trapped)))
		return conform_fail(c, "at 0x%llx a read and the mapping differ",
				    (unsigned long long)at);
	memset(c->scratch, 0x5a, sizeof(trapped));
	MUST(c, region_write_data(c, at, c->scratch, sizeof(trapped)));
	if (memcmp(c->scratch, mapped, sizeof(trapped)))
		return conform_fail(c, "at 0x%llx a write does not show in the mapping",
				    (unsigned long long)at);
	return conform_pass(c, "at 0x%llx read, write and mapping are the same",
			    (unsigned long long)at);
}

static enum conform_verdict nobody_has_to_map(struct conform *c)
{
	enum conform_verdict verdict;
	void *mapped;

	if (!c->layout.areas)
		return conform_na(c, "nothing of the region can be mapped");
	NEED(c, region_go(c, RESUMING));
	c->err = (struct vfmig_error){0};
	MUST(c, vfmig_device_region_map(c->device, c->region, c->layout.area[0].offset,
					CONFORM_PAGE, &mapped, &c->err));
	verdict = compare(c, c->layout.area[0].offset, mapped);
	munmap(mapped, CONFORM_PAGE);
	return verdict;
}

/* ---- states ---- */

static enum conform_verdict tour(struct conform *c, const uint32_t *states, size_t count)
{
	char way[128] = "RUNNING (001b)";

	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(way);
		uint32_t bits;

		if (region_go(c, states[i]))
			return conform_fail(c, "%s, and then %s", way, c->err.text);
		MUST(c, region_state(c, &bits));
		snprintf(way + len, sizeof(way) - len, ", %s", region_word(states[i]));
		if (bits != states[i])
			return conform_fail(c, "%s was written, and %s is read", way,
					    region_word(bits));
	}
	return conform_pass(c, "%s", way);
}

#define TOUR(name, ...)                                                                            \
	static enum conform_verdict name(struct conform *c)                                        \
	{                                                                                          \
		static const uint32_t states[] = {__VA_ARGS__};                                    \
                                                                                                   \
		return tour(c, states, sizeof(states) / sizeof(states[0]));                        \
	}
TOUR(running_to_stop, STOP)
TOUR(saved_without_pre_copy, STOP_COPY, STOP)
TOUR(saved_with_pre_copy, PRE_COPY, STOP_COPY, STOP)
TOUR(pre_copy_is_there, PRE_COPY)
TOUR(loading_begins, RESUMING)

static enum conform_verdict begins_running(struct conform *c)
{
	uint32_t bits;

	for (size_t i = 0; i < sizeof(valid) / sizeof(valid[0]); i++) {
		NEED(c, bring(c, valid[i]));
		MUST(c, conform_reset(c));
		MUST(c, region_state(c, &bits));
		if (bits != RUNNING)
			return conform_fail(c, "a reset in %s leads to %s", region_word(valid[i]),
					    region_word(bits));
	}
	return conform_pass(c, "a reset leads from each state to RUNNING (001b)");
}

/* A value that is no state to go to: refused, and where it was, or in the error state. */
static enum conform_verdict refused(struct conform *c, const uint32_t *values, size_t count)
{
	for (size_t i = 0; i < sizeof(valid) / sizeof(valid[0]); i++) {
		for (size_t k = 0; k < count; k++) {
			uint32_t bits;
			int ret;

			NEED(c, bring(c, valid[i]));
			ret = region_go(c, values[k]);
			if (!ret)
				return conform_fail(c, "in %s, %s was taken", region_word(valid[i]),
						    region_word(values[k]));
			if (conform_lost(ret))
				return conform_failed(c, CONFORM_FAIL);
			MUST(c, region_state(c, &bits));
			if (bits != valid[i] && bits != ERROR)
				return conform_fail(c, "in %s, %s was refused, and it went to %s",
						    region_word(valid[i]), region_word(values[k]),
						    region_word(bits));
		}
	}
	return conform_pass(c, "refused in every state");
}

static enum conform_verdict invalid_is_refused(struct conform *c)
{
	static const uint32_t values[] = {5, 7};

	return refused(c, values, 2);
}

static enum conform_verdict error_is_refused(struct conform *c)
{
	static const uint32_t values[] = {ERROR};

	return refused(c, values, 1);
}

/* One value in one state, bits 3 and up as the value has them. */
static enum conform_verdict one_value(struct conform *c, uint32_t from, uint32_t value,
				      unsigned *taken)
{
	uint32_t bits;
	int ret;

	NEED(c, bring(c, from));
	ret = region_put32(c, REG(device_state), value);
	if (conform_lost(ret))
		return conform_failed(c, CONFORM_FAIL);
	MUST(c, region_state(c, &bits));
	if (!ret && bits != (value & VFMIG_V1_STATE_MASK))
		return conform_fail(c, "in %s, %u was taken, and %s is read", region_word(from),
				    value, region_word(bits));
	if (ret && bits != from && bits != ERROR)
		return conform_fail(c, "in %s, %u was refused, and %s is read", region_word(from),
				    value, region_word(bits));
	*taken += !ret;
	return CONFORM_PASS;
}

static enum conform_verdict every_value_in_every_state(struct conform *c)
{
	unsigned taken = 0;

	for (size_t i = 0; i < sizeof(valid) / sizeof(valid[0]); i++) {
		for (uint32_t value = 0; value < 16; value++) {
			enum conform_verdict verdict = one_value(c, valid[i], value, &taken);

			if (verdict != CONFORM_PASS)
				return verdict;
		}
	}
	return conform_pass(
		c,
		"of 80 writes %u were taken and read back, and the others left the state or "
		"led to the error state",
		taken);
}

static enum conform_verdict reserved_bits_stay(struct conform *c)
{
	static const uint32_t states[] = {PRE_COPY, STOP_COPY, STOP};
	uint32_t before, now;

	NEED(c, region_get32(c, REG(device_state), &before));
	for (size_t i = 0; i < 3; i++) {
		NEED(c, region_go(c, states[i]));
		MUST(c, region_get32(c, REG(device_state), &now));
		if ((now ^ before) & ~VFMIG_V1_STATE_MASK)
			return conform_fail(c, "device_state was 0x%x, and in %s it is 0x%x",
					    before, region_word(states[i]), now);
	}
	return conform_pass(c, "bits 3 to 31 stay 0x%x when they are written back", before >> 3);
}

#define V1  CONFORM_V1
#define PFN CONFORM_PFN

const struct conform_check conform_region_state[] = {
	{"V1-01", "the region begins with the registers", V1, false, structure_is_at_the_start},
	{"V1-02", "a register is accessed as a whole", V1, true, other_widths_are_refused},
	{"V1-07",
	 "each of 16 values in each state: it is there, or the state is as before, or ERROR", V1,
	 false, every_value_in_every_state},
	{"V1-13", "reserved bits that are written back stay", V1, false, reserved_bits_stay},
	{"V1-15", "101b and 111b are refused", V1, false, invalid_is_refused},
	{"V1-16", "110b cannot be written", V1, false, error_is_refused},
	{"V1-17", "a reset leads to 001b", V1, false, begins_running},
	{"V1-18", "RUNNING to STOP", V1, false, running_to_stop},
	{"V1-19", "RUNNING, stop-and-copy, STOP", V1, false, saved_without_pre_copy},
	{"V1-21", "RUNNING, pre-copy, stop-and-copy, STOP", V1, false, saved_with_pre_copy},
	{"V1-22", "pre-copy is always there", V1, false, pre_copy_is_there},
	{"V1-24", "RUNNING to RESUMING", V1, false, loading_begins},
	{"V1-27", "reserved reads as zero and ignores writes", V1, false, reserved_is_zero},
	{"V1-28", "pending_bytes cannot be written", V1, false, pending_is_read_only},
	{"V1-29", "data_offset cannot be written", V1, false, offset_is_read_only},
	{"V1-34", "what can be mapped is whole pages", V1, false, mapped_parts_are_pages},
	{"V1-35", "what can be mapped can also be read and written", V1, false, nobody_has_to_map},
	{"PFN-01", "the region begins with the registers", PFN, false, structure_is_at_the_start},
	{"PFN-02", "a register is accessed as a whole", PFN, true, other_widths_are_refused},
	{"PFN-03",
	 "each of 16 values in each state: it is there, or the state is as before, or invalid", PFN,
	 false, every_value_in_every_state},
	{"PFN-05", "RUNNING, pre-copy, stop-and-copy, STOP", PFN, false, saved_with_pre_copy},
	{"PFN-06", "reserved bits that are written back stay", PFN, false, reserved_bits_stay},
	{"PFN-07", "110b, saving and resuming, is refused", PFN, false, error_is_refused},
	{"PFN-08", "pending_bytes cannot be written", PFN, false, pending_is_read_only},
	{"PFN-20", "what can be mapped is whole pages, and can be read and written", PFN, false,
	 nobody_has_to_map},
	{NULL},
};
