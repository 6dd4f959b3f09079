/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The registers as the driver sees them.
 *
 * While the copier runs, most of them are its own. Those of the rings are kept here, since the
 * copier's hold the addresses of the mediator's ring; they reach the copier with the ENABLE bit.
 * While the copier is frozen, the driver's writes are kept here, and its reads return the values of
 * a copier that has just stopped in the middle of its work.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "mediate.h"

/* The time limit for completing one descriptor, which moves up to a gigabyte. */
#define PATIENCE_SEC 20
#define NAP_USEC     50u

static uint32_t width(enum cp_reg reg)
{
	switch (reg) {
	case CP_REG_ERROR_IOVA:
	case CP_REG_RING_BASE:
	case CP_REG_DONE_BASE:
	case CP_REG_SEQUENCE:
	case CP_REG_POSITION:
		return 8;
	default:
		return reg >= CP_REG_COPIES ? 8 : 4;
	}
}

int mc_get(struct mc *mc, enum cp_reg reg, uint64_t *value, struct vfmig_error *err)
{
	*value = 0;
	return mc->host->read(mc->host, MC_BAR_REGS, reg, value, width(reg), err);
}

int mc_put(struct mc *mc, enum cp_reg reg, uint64_t value, struct vfmig_error *err)
{
	return mc->host->write(mc->host, MC_BAR_REGS, reg, &value, width(reg), err);
}

bool mc_ring_is_good(const struct mc_shadow *s)
{
	uint32_t n = s->ring_size;

	return n >= 2 && n <= CP_MAX_ENTRIES && !(n & (n - 1)) && !(s->ring_base % 64) &&
	       !(s->done_base % 64) &&
	       s->ring_base <= UINT64_MAX - (n * sizeof(struct cp_descriptor) - 1) &&
	       s->done_base <= UINT64_MAX - (n * sizeof(struct cp_completion) - 1);
}

/* ---- on and off ---- */

/* The driver's own ring, for what comes; see follow.c. */
static int go_untracked(struct mc *mc, struct vfmig_error *err)
{
	int ret = mc_put(mc, CP_REG_CONTROL, 0, err);

	mc_mark_all(mc);
	mc->untracked = true;
	if (!ret)
		ret = mc_put(mc, CP_REG_RING_BASE, mc->shadow.ring_base, err);
	return ret;
}

/* What the copier would do with this TAIL, if it did anything. */
static bool tail_is_good(const struct mc *mc, uint32_t head)
{
	return mc->shadow.tail - head <= mc->shadow.ring_size;
}

/*
 * The ring is about to be replaced, or read again. The copier may have begun the first descriptor
 * that it has not completed: that descriptor continues unchanged.
 */
static void park(struct mc *mc)
{
	if (mc->seen != mc->retired && !mc->has_under_way) {
		mc->under_way = mc->target[mc->retired & (mc->shadow.ring_size - 1)];
		mc->under_way_at = mc->retired;
		mc->has_under_way = true;
	}
	mc->seen = mc->retired;
}

/* The copier is off. Give it the rings, and switch it on. */
static int enable(struct mc *mc, struct vfmig_error *err)
{
	const struct mc_shadow *s = &mc->shadow;
	bool good = mc_ring_is_good(s);
	uint64_t head, ring = good && !mc->untracked ? mc->ring_iova : s->ring_base;
	int ret = mc_get(mc, CP_REG_HEAD, &head, err);

	if (!ret)
		ret = mc_put(mc, CP_REG_RING_BASE, ring, err);
	if (!ret)
		ret = mc_put(mc, CP_REG_DONE_BASE, s->done_base, err);
	if (!ret)
		ret = mc_put(mc, CP_REG_RING_SIZE, s->ring_size, err);
	if (!ret)
		ret = mc_put(mc, CP_REG_TAIL, s->tail, err);
	if (!ret && good && !mc->untracked && tail_is_good(mc, (uint32_t)head)) {
		park(mc);
		mc->retired = (uint32_t)head;
		if (mc_follow(mc, (uint32_t)head, s->tail, err))
			ret = go_untracked(mc, err);
	}
	return ret ? ret : mc_put(mc, CP_REG_CONTROL, CP_CONTROL_ENABLE, err);
}

static time_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

int mc_wait_for_head(struct mc *mc, uint32_t number, bool *error, struct vfmig_error *err)
{
	time_t end = now() + PATIENCE_SEC;
	uint64_t head = 0, status = 0;
	int ret;

	while (now() < end) {
		ret = mc_get(mc, CP_REG_STATUS, &status, err);
		if (!ret)
			ret = mc_get(mc, CP_REG_HEAD, &head, err);
		*error = status & CP_STATUS_ERROR;
		if (ret || (uint32_t)head == number || *error)
			return ret;
		mc->host->wait(mc->host, NAP_USEC);
	}
	return mc_fail(err, -ETIMEDOUT, "the copier does not come to the end of a descriptor");
}

/*
 * The copier was disabled in the middle of a descriptor: have it finish only that descriptor. (If
 * the driver disabled it in the middle, the driver sees the descriptor completed nevertheless.)
 */
static int finish(struct mc *mc, uint32_t head, uint64_t *control, struct vfmig_error *err)
{
	bool error = false;
	int ret = mc_put(mc, CP_REG_TAIL, head + 1, err);

	if (!ret)
		ret = mc_put(mc, CP_REG_CONTROL, CP_CONTROL_ENABLE, err);
	if (!ret)
		ret = mc_wait_for_head(mc, head + 1, &error, err);
	if (error)
		*control = 0;
	return ret ? ret : mc_put(mc, CP_REG_CONTROL, 0, err);
}

int mc_freeze(struct mc *mc, struct vfmig_error *err)
{
	uint64_t control, head, position;
	int ret;

	if (mc->frozen)
		return 0;
	ret = mc_get(mc, CP_REG_CONTROL, &control, err);
	if (!ret)
		ret = mc_put(mc, CP_REG_CONTROL, 0, err);
	if (!ret)
		ret = mc_get(mc, CP_REG_HEAD, &head, err);
	if (!ret)
		ret = mc_get(mc, CP_REG_POSITION, &position, err);
	if (!ret && position)
		ret = finish(mc, (uint32_t)head, &control, err);
	if (!ret)
		ret = mc_retire(mc, err);
	if (ret)
		return ret;
	mc->shadow.control = (uint32_t)control;
	mc->frozen = true;
	return 0;
}

int mc_thaw(struct mc *mc, struct vfmig_error *err)
{
	int ret = 0;

	if (!mc->frozen)
		return 0;
	if (!mc->error && (mc->shadow.control & CP_CONTROL_ENABLE))
		ret = enable(mc, err);
	else
		ret = mc_put(mc, CP_REG_TAIL, mc->shadow.tail, err);
	if (!ret)
		mc->frozen = false;
	return ret;
}

void mc_registers_reset(struct mc *mc)
{
	mc_drop(mc);
	mc->shadow = (struct mc_shadow){0};
	mc->error = mc->interrupts = 0;
	mc->error_iova = 0;
	memset(mc->add, 0, sizeof(mc->add));
}

/* ---- what the driver writes ---- */

static int write_control(struct mc *mc, uint32_t value, struct vfmig_error *err)
{
	uint64_t is;
	int ret;

	if (value & CP_CONTROL_RESET) {
		ret = mc_put(mc, CP_REG_CONTROL, CP_CONTROL_RESET, err);
		if (!ret)
			mc_registers_reset(mc);
		return ret;
	}
	value &= CP_CONTROL_ENABLE;
	if (mc->error)
		return 0;
	if (mc->frozen) {
		mc->shadow.control = value;
		return 0;
	}
	ret = mc_get(mc, CP_REG_CONTROL, &is, err);
	if (ret || (value && (is & CP_CONTROL_ENABLE)))
		return ret;
	if (value)
		return enable(mc, err);
	ret = mc_put(mc, CP_REG_CONTROL, 0, err);
	return ret ? ret : mc_retire(mc, err);
}

static int write_tail(struct mc *mc, uint32_t value, struct vfmig_error *err)
{
	uint64_t head, control;
	uint32_t from;
	int ret;

	mc->shadow.tail = value;
	if (mc->frozen || mc->error)
		return 0;
	ret = mc_get(mc, CP_REG_CONTROL, &control, err);
	if (!ret)
		ret = mc_retire(mc, err);
	if (!ret)
		ret = mc_get(mc, CP_REG_HEAD, &head, err);
	if (ret)
		return ret;
	if ((control & CP_CONTROL_ENABLE) && !mc->untracked && tail_is_good(mc, (uint32_t)head)) {
		/* A doorbell may take back what it had rung for. */
		from = value - (uint32_t)head < mc->seen - (uint32_t)head ? value : mc->seen;
		if (mc_follow(mc, from, value, err)) {
			ret = go_untracked(mc, err);
			if (!ret)
				ret = mc_put(mc, CP_REG_TAIL, value, err);
			return ret ? ret : mc_put(mc, CP_REG_CONTROL, CP_CONTROL_ENABLE, err);
		}
	}
	return mc_put(mc, CP_REG_TAIL, value, err);
}

/* The registers that ENABLE locks. */
static int write_locked(struct mc *mc, void *field, const void *buf, uint32_t len,
			struct vfmig_error *err)
{
	uint64_t control = mc->shadow.control;
	int ret = mc->frozen ? 0 : mc_get(mc, CP_REG_CONTROL, &control, err);

	if (ret || (control & CP_CONTROL_ENABLE))
		return ret;
	/* Completions of before are where the ring was then. */
	ret = mc_retire(mc, err);
	if (ret)
		return ret;
	park(mc);
	memcpy(field, buf, len);
	return 0;
}

/* ---- and what it reads ---- */

static uint32_t status(const struct mc *mc, uint64_t own, uint32_t head)
{
	if (mc->error || (own & CP_STATUS_ERROR))
		return CP_STATUS_ERROR;
	if (!(mc->shadow.control & CP_CONTROL_ENABLE))
		return 0;
	return CP_STATUS_ENABLED | (head != mc->shadow.tail ? CP_STATUS_BUSY : 0);
}

/* A register as it is shown; PASS if it is the copier's own. */
static int show(struct mc *mc, enum cp_reg reg, uint64_t *value, struct vfmig_error *err)
{
	bool kept = mc->frozen || mc->error;
	uint64_t head;
	int ret;

	switch (reg) {
	case CP_REG_RING_BASE:
		*value = mc->shadow.ring_base;
		return 0;
	case CP_REG_DONE_BASE:
		*value = mc->shadow.done_base;
		return 0;
	case CP_REG_RING_SIZE:
		*value = mc->shadow.ring_size;
		return 0;
	case CP_REG_TAIL:
		*value = mc->shadow.tail;
		return 0;
	case CP_REG_CONTROL:
		*value = mc->error ? 0 : mc->shadow.control;
		return kept ? 0 : VFMIG_MEDIATOR_PASS;
	case CP_REG_STATUS:
		ret = mc_get(mc, reg, value, err);
		if (!ret && kept)
			ret = mc_get(mc, CP_REG_HEAD, &head, err);
		if (!ret && kept)
			*value = status(mc, *value, (uint32_t)head);
		return ret;
	case CP_REG_ERROR:
		*value = mc->error;
		return mc->error ? 0 : VFMIG_MEDIATOR_PASS;
	case CP_REG_ERROR_IOVA:
		*value = mc->error_iova;
		return mc->error ? 0 : VFMIG_MEDIATOR_PASS;
	case CP_REG_INTR_STATUS:
		ret = mc_get(mc, reg, value, err);
		*value |= mc->interrupts;
		return ret;
	default:
		break;
	}
	if (reg < CP_REG_COPIES || reg > CP_REG_BYTES)
		return VFMIG_MEDIATOR_PASS;
	ret = mc_get(mc, reg, value, err);
	*value += mc->add[(reg - CP_REG_COPIES) / 8];
	return ret;
}

int mc_register(struct mc *mc, uint64_t offset, void *buf, uint32_t len, bool write,
		struct vfmig_error *err)
{
	enum cp_reg reg = (enum cp_reg)offset;
	uint64_t value = 0, shift = 0;
	int ret;

	/* Half of one that has 64 bits. */
	if (len == 4 && offset % 8 == 4 && width((enum cp_reg)(offset - 4)) == 8) {
		reg = (enum cp_reg)(offset - 4);
		shift = 32;
	}
	if (len != 4 && len != width(reg))
		return VFMIG_MEDIATOR_PASS;
	if (!write) {
		ret = show(mc, reg, &value, err);
		value >>= shift;
		if (!ret)
			memcpy(buf, &value, len);
		return ret;
	}
	memcpy(&value, buf, len);
	switch (reg) {
	case CP_REG_CONTROL:
		return write_control(mc, (uint32_t)value, err);
	case CP_REG_TAIL:
		return write_tail(mc, (uint32_t)value, err);
	case CP_REG_RING_BASE:
		return write_locked(mc, (char *)&mc->shadow.ring_base + shift / 8, buf, len, err);
	case CP_REG_DONE_BASE:
		return write_locked(mc, (char *)&mc->shadow.done_base + shift / 8, buf, len, err);
	case CP_REG_RING_SIZE:
		return write_locked(mc, &mc->shadow.ring_size, buf, len, err);
	case CP_REG_INTR_STATUS:
		mc->interrupts &= ~(uint32_t)value;
		return VFMIG_MEDIATOR_PASS;
	default:
		return VFMIG_MEDIATOR_PASS;
	}
}
