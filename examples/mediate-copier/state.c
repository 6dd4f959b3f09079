/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The saved state: the memory on board in pieces, and then all other state in one piece.
 *
 * The other state is put into another copier through its own interface. Its HEAD and SEQUENCE are
 * set by counting: the copier gets empty descriptors, and refuses each of them with a completion
 * that goes to unused memory. To avoid doing all of that at the end, pre-copy sends SEQUENCE from
 * time to time.
 *
 * All loaded data is untrusted.
 */
#include <errno.h>
#include <string.h>

#include "mediate.h"

#define MAGIC 0x636f6970u

enum kind { KIND_BOARD = 1, KIND_SEQUENCE, KIND_STATE };

/* A transaction: this, and @length bytes. @value is the place on board, or SEQUENCE. */
struct header {
	uint32_t magic;
	uint32_t kind;
	uint64_t value;
	uint64_t length;
};

#define CONFIG_SIZE 256u
#define TABLE_SIZE  (CP_VECTORS * 16u)

struct state {
	uint32_t control, ring_size, tail, error, intr_status, intr_enable;
	uint64_t error_iova, ring_base, done_base, sequence;
	uint64_t counter[MC_COUNTERS];
	uint8_t config[CONFIG_SIZE];
	uint8_t table[TABLE_SIZE];
	uint64_t pending; /* interrupts that wait for their mask */
};

_Static_assert(sizeof(struct header) + sizeof(struct state) <= MC_DATA_SIZE, "it fits");
_Static_assert(sizeof(struct header) + MC_PIECE <= MC_DATA_SIZE, "it fits");

static const enum cp_reg counters[MC_COUNTERS] = {
	CP_REG_COPIES, CP_REG_FILLS, CP_REG_CHECKSUMS, CP_REG_ADDS, CP_REG_FAILURES, CP_REG_BYTES,
};

/* ---- interrupts and configuration space ---- */

/* Where MSI-X has its things: @at in configuration space, @table and @bits in their regions. */
struct msix {
	uint8_t at;
	uint32_t table_region, table, bits_region, bits;
};

static int find_msix(const uint8_t *config, struct msix *msix, struct vfmig_error *err)
{
	uint8_t at = config[0x34] & ~3u;
	uint32_t table, bits;

	for (unsigned hops = 0; at && config[at] != 0x11 && hops < 48; hops++)
		at = config[at + 1] & ~3u;
	if (!at || config[at] != 0x11 || at > CONFIG_SIZE - 12)
		return mc_fail(err, -EIO, "the copier has no MSI-X");
	memcpy(&table, config + at + 4, 4);
	memcpy(&bits, config + at + 8, 4);
	*msix = (struct msix){at, table & 7, table & ~7u, bits & 7, bits & ~7u};
	return 0;
}

static int read_interrupts(struct mc *mc, struct state *state, struct vfmig_error *err)
{
	struct vfmig_mediator_host *host = mc->host;
	struct msix msix;
	int ret = host->read(host, MC_CONFIG, 0, state->config, CONFIG_SIZE, err);

	if (!ret)
		ret = find_msix(state->config, &msix, err);
	if (!ret)
		ret = host->read(host, msix.table_region, msix.table, state->table, TABLE_SIZE,
				 err);
	if (!ret)
		ret = host->read(host, msix.bits_region, msix.bits, &state->pending,
				 sizeof(state->pending), err);
	return ret;
}

/* What in configuration space a driver writes. */
static int write_config(struct mc *mc, const uint8_t *config, uint8_t msix, struct vfmig_error *err)
{
	const struct {
		uint8_t at, len;
	} field[] = {
		{0x04, 2}, {0x0c, 1}, {0x0d, 1}, {0x10, 4}, {0x14, 4},
		{0x18, 4}, {0x1c, 4}, {0x20, 4}, {0x24, 4}, {0x3c, 1},
	};
	int ret = 0;

	for (size_t i = 0; i < sizeof(field) / sizeof(field[0]) && !ret; i++)
		ret = mc->host->write(mc->host, MC_CONFIG, field[i].at, config + field[i].at,
				      field[i].len, err);
	return ret ? ret
		   : mc->host->write(mc->host, MC_CONFIG, msix + 2u, config + msix + 2, 2, err);
}

static int write_interrupts(struct mc *mc, const struct state *state, struct vfmig_error *err)
{
	uint8_t own[CONFIG_SIZE];
	struct msix msix, theirs;
	int ret = mc->host->read(mc->host, MC_CONFIG, 0, own, CONFIG_SIZE, err);

	if (!ret)
		ret = find_msix(own, &msix, err);
	if (!ret)
		ret = find_msix(state->config, &theirs, err);
	if (!ret && (memcmp(own, state->config, 4) || msix.at != theirs.at))
		ret = mc_fail(err, -EINVAL, "the state is that of another kind of device");
	for (uint32_t at = 0; at < TABLE_SIZE && !ret; at += 4)
		ret = mc->host->write(mc->host, msix.table_region, msix.table + at,
				      state->table + at, 4, err);
	return ret ? ret : write_config(mc, state->config, msix.at, err);
}

/* ---- counting ---- */

/* The copier is off, and has nothing to do. Give it empty descriptors until it has done so many in all. */
static int count_to(struct mc *mc, uint64_t number, struct vfmig_error *err)
{
	bool error = false;
	uint64_t at;
	int ret = mc_get(mc, CP_REG_SEQUENCE, &at, err);

	if (!ret && (at > number || number > MC_SEQUENCE_MAX))
		return mc_fail(err, -EINVAL, "SEQUENCE cannot be reached from where the copier is");
	if (!ret)
		ret = mc_put(mc, CP_REG_RING_BASE, mc->empty_iova, err);
	if (!ret)
		ret = mc_put(mc, CP_REG_DONE_BASE, mc->waste_iova, err);
	if (!ret)
		ret = mc_put(mc, CP_REG_RING_SIZE, MC_EMPTY, err);
	if (!ret)
		ret = mc_put(mc, CP_REG_TAIL, (uint32_t)at, err);
	if (!ret)
		ret = mc_put(mc, CP_REG_CONTROL, CP_CONTROL_ENABLE, err);
	while (!ret && !error && at < number) {
		at += number - at < MC_EMPTY ? number - at : MC_EMPTY;
		ret = mc_put(mc, CP_REG_TAIL, (uint32_t)at, err);
		if (!ret)
			ret = mc_wait_for_head(mc, (uint32_t)at, &error, err);
	}
	if (!ret)
		ret = mc_put(mc, CP_REG_CONTROL, 0, err);
	if (!ret && error)
		return mc_fail(err, -EIO, "the copier stops when it should count");
	return ret;
}

/*
 * Interrupts that waited for their mask: have them come again. An empty descriptor cannot ask for one, so both
 * vectors are made to wait by what they are for: a completion (of nothing, on board), and an error.
 */
static int raise(struct mc *mc, uint64_t pending, struct vfmig_error *err)
{
	struct cp_descriptor nothing = {.operation = CP_FILL, .flags = CP_INTERRUPT};
	bool error = false;
	int ret = 0;

	if (!(pending & (CP_INTR_DONE | CP_INTR_ERROR)))
		return 0;
	/* Its length of 0 makes a completion, with an interrupt, and nothing else. */
	mc->ring[0] = mc->ring[1] = nothing;
	ret = mc_put(mc, CP_REG_CONTROL, CP_CONTROL_RESET, err);
	if (!ret)
		ret = mc_put(mc, CP_REG_INTR_ENABLE, pending & (CP_INTR_DONE | CP_INTR_ERROR), err);
	if (!ret)
		ret = mc_put(mc, CP_REG_RING_BASE, mc->ring_iova, err);
	if (!ret)
		ret = mc_put(mc, CP_REG_DONE_BASE, mc->waste_iova, err);
	if (!ret)
		ret = mc_put(mc, CP_REG_RING_SIZE, 2, err);
	if (!ret)
		ret = mc_put(mc, CP_REG_TAIL, 1, err);
	if (!ret)
		ret = mc_put(mc, CP_REG_CONTROL, CP_CONTROL_ENABLE, err);
	if (!ret)
		ret = mc_wait_for_head(mc, 1, &error, err);
	/* BAD_TAIL. */
	if (!ret)
		ret = mc_put(mc, CP_REG_TAIL, 1000, err);
	return ret ? ret : mc_put(mc, CP_REG_CONTROL, CP_CONTROL_RESET, err);
}

/* ---- saving ---- */

void mc_save_begin(struct mc *mc)
{
	memset(mc->board, 0xff, (size_t)(mc->board_pages + 63) / 64 * 8);
	mc->board_dirty = mc->board_pages;
	mc->next = 0;
	mc->reported = mc->counted = false;
	mc->staged = 0;
	mc_pages_clear(&mc->pages);
}

uint64_t mc_save_left(const struct mc *mc)
{
	uint64_t left = mc->board_dirty * MC_PAGE;

	if (!(mc->bits & VFMIG_V1_RUNNING))
		return mc->reported ? left : left + sizeof(struct header) + sizeof(struct state);
	return mc->counted ? left : left + sizeof(struct header);
}

static uint64_t put_header(struct mc *mc, enum kind kind, uint64_t value, uint64_t length)
{
	struct header header = {MAGIC, kind, value, length};

	memcpy(mc->buf, &header, sizeof(header));
	return sizeof(header) + length;
}

static bool is_dirty(const struct mc *mc, uint64_t page)
{
	return mc->board[page / 64] >> page % 64 & 1;
}

/* The next run of written pages on board. */
static int save_board(struct mc *mc, uint64_t *size, struct vfmig_error *err)
{
	uint64_t first, last;
	int ret;

	while (!is_dirty(mc, mc->next))
		mc->next = (mc->next + 1) % mc->board_pages;
	first = last = mc->next;
	for (; last < mc->board_pages && last - first < MC_PIECE / MC_PAGE && is_dirty(mc, last);
	     last++) {
		/* Clear the mark before reading the page: a write from now on marks it again. */
		mc->board[last / 64] &= ~(1ull << last % 64);
		mc->board_dirty--;
	}
	mc->next = last % mc->board_pages;
	mc->counted = false;
	*size = put_header(mc, KIND_BOARD, first * MC_PAGE, (last - first) * MC_PAGE);
	ret = mc->host->read(mc->host, MC_BAR_WINDOW, first * MC_PAGE,
			     mc->buf + sizeof(struct header), (uint32_t)((last - first) * MC_PAGE),
			     err);
	if (ret)
		mc_mark_board(mc, first * MC_PAGE, (last - first) * MC_PAGE);
	return ret;
}

static int save_state(struct mc *mc, uint64_t *size, struct vfmig_error *err)
{
	struct state state = {
		.control = mc->shadow.control,
		.ring_size = mc->shadow.ring_size,
		.tail = mc->shadow.tail,
		.ring_base = mc->shadow.ring_base,
		.done_base = mc->shadow.done_base,
		.error = mc->error,
		.error_iova = mc->error_iova,
	};
	uint64_t value = 0;
	int ret = mc_get(mc, CP_REG_SEQUENCE, &state.sequence, err);

	if (!ret && state.sequence > MC_SEQUENCE_MAX)
		ret = mc_fail(err, -EOVERFLOW,
			      "the copier has done more than another one can count to");
	if (!ret && !mc->error)
		ret = mc_get(mc, CP_REG_ERROR, &value, err);
	if (!ret && value) {
		state.error = (uint32_t)value;
		ret = mc_get(mc, CP_REG_ERROR_IOVA, &state.error_iova, err);
	}
	if (!ret)
		ret = mc_get(mc, CP_REG_INTR_STATUS, &value, err);
	state.intr_status = (uint32_t)value | mc->interrupts;
	if (!ret)
		ret = mc_get(mc, CP_REG_INTR_ENABLE, &value, err);
	state.intr_enable = (uint32_t)value;
	for (unsigned i = 0; i < MC_COUNTERS && !ret; i++) {
		ret = mc_get(mc, counters[i], &state.counter[i], err);
		state.counter[i] += mc->add[i];
	}
	if (!ret)
		ret = read_interrupts(mc, &state, err);
	if (ret)
		return ret;
	*size = put_header(mc, KIND_STATE, 0, sizeof(state));
	memcpy(mc->buf + sizeof(struct header), &state, sizeof(state));
	mc->reported = true;
	return 0;
}

/* Send SEQUENCE after each round through the board. */
static int save_sequence(struct mc *mc, uint64_t *size, struct vfmig_error *err)
{
	uint64_t sequence;
	int ret = mc_get(mc, CP_REG_SEQUENCE, &sequence, err);

	if (ret)
		return ret;
	*size = put_header(mc, KIND_SEQUENCE, sequence, 0);
	mc->counted = true;
	return 0;
}

int mc_save_next(struct mc *mc, uint64_t *size, struct vfmig_error *err)
{
	int ret = mc_retire(mc, err);

	*size = 0;
	if (ret)
		return ret;
	if (!mc->board_dirty && !(mc->bits & VFMIG_V1_RUNNING))
		return mc->reported ? 0 : save_state(mc, size, err);
	if (!mc->board_dirty)
		return mc->counted ? 0 : save_sequence(mc, size, err);
	return save_board(mc, size, err);
}

/* ---- loading ---- */

int mc_load_begin(struct mc *mc, struct vfmig_error *err)
{
	int ret = mc_put(mc, CP_REG_CONTROL, CP_CONTROL_RESET, err);

	mc_registers_reset(mc);
	mc->frozen = true;
	mc->loading = mc->loaded = false;
	return ret;
}

static const char *bad_state(const struct state *s)
{
	const struct mc_shadow shadow = {s->control, s->ring_size, s->tail, s->ring_base,
					 s->done_base};
	uint64_t sum = 0;

	for (unsigned i = 0; i < MC_COUNTERS - 1; i++)
		sum += s->counter[i];
	if (sum != s->sequence)
		return "the counters do not add up to SEQUENCE";
	if (s->sequence > MC_SEQUENCE_MAX)
		return "SEQUENCE is more than can be counted to";
	if ((s->control & ~CP_CONTROL_ENABLE) || s->error > CP_ERROR_DONE_FAULT ||
	    ((s->intr_status | s->intr_enable) & ~(CP_INTR_DONE | CP_INTR_ERROR)))
		return "a register has bits that there are not";
	if (!s->control)
		return NULL;
	if (s->error)
		return "it is enabled in spite of an error";
	if (!mc_ring_is_good(&shadow) || s->tail - (uint32_t)s->sequence > s->ring_size)
		return "it is enabled with rings that cannot be";
	return NULL;
}

static int load_state(struct mc *mc, const struct state *s, struct vfmig_error *err)
{
	const char *why = bad_state(s);
	uint64_t own;
	int ret;

	if (why)
		return mc_fail(err, -EINVAL, why);
	ret = write_interrupts(mc, s, err);
	if (!ret)
		ret = raise(mc, s->pending, err);
	if (!ret)
		ret = count_to(mc, s->sequence, err);
	if (!ret)
		ret = mc_put(mc, CP_REG_INTR_STATUS, CP_INTR_DONE | CP_INTR_ERROR, err);
	if (!ret)
		ret = mc_put(mc, CP_REG_INTR_ENABLE, s->intr_enable, err);
	for (unsigned i = 0; i < MC_COUNTERS && !ret; i++) {
		ret = mc_get(mc, counters[i], &own, err);
		mc->add[i] = s->counter[i] - own;
	}
	if (ret)
		return ret;
	mc->shadow =
		(struct mc_shadow){s->control, s->ring_size, s->tail, s->ring_base, s->done_base};
	mc->error = s->error;
	mc->error_iova = s->error_iova;
	mc->interrupts = s->intr_status;
	mc->seen = mc->retired = (uint32_t)s->sequence;
	mc->loaded = true;
	return 0;
}

static int load_board(struct mc *mc, uint64_t at, uint64_t length, struct vfmig_error *err)
{
	if (at > mc->board_size || length > mc->board_size - at)
		return mc_fail(err, -EINVAL, "a piece of memory leaves the board");
	return mc->host->write(mc->host, MC_BAR_WINDOW, at, mc->buf + sizeof(struct header),
			       (uint32_t)length, err);
}

int mc_load(struct mc *mc, uint64_t size, struct vfmig_error *err)
{
	struct header header;
	struct state state;

	if (mc->loaded)
		return mc_fail(err, -EINVAL, "something comes after the end of the state");
	if (size < sizeof(header) || size > MC_DATA_SIZE)
		return mc_fail(err, -EINVAL, "a transaction of a size that cannot be");
	/* The writer may have it mapped and may change it: copy it once, and check the copy. */
	memcpy(mc->buf, mc->memory + MC_DATA, size);
	memcpy(&header, mc->buf, sizeof(header));
	if (header.magic != MAGIC || header.length != size - sizeof(header))
		return mc_fail(err, -EINVAL, "a transaction that is none of this mediator's");
	mc->loading = true;
	switch (header.kind) {
	case KIND_BOARD:
		return load_board(mc, header.value, header.length, err);
	case KIND_SEQUENCE:
		return header.length ? mc_fail(err, -EINVAL, "a number with bytes behind it")
				     : count_to(mc, header.value, err);
	case KIND_STATE:
		if (header.length != sizeof(state))
			return mc_fail(err, -EINVAL, "a state of another size");
		memcpy(&state, mc->buf + sizeof(header), sizeof(state));
		return load_state(mc, &state, err);
	default:
		return mc_fail(err, -EINVAL, "a transaction of a kind that there is not");
	}
}
