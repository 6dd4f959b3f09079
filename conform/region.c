/* SPDX-License-Identifier: BSD-3-Clause */
#include "conform/region.h"

static const char *name_of(uint32_t reg)
{
	switch (reg) {
	case REG(device_state):
		return "device_state";
	case REG(reserved):
		return "reserved";
	case REG(pending_bytes):
		return "pending_bytes";
	case REG(data_offset):
		return "data_offset";
	case REG(data_size):
		return "data_size";
	case REG(start_pfn):
		return "start_pfn";
	case REG(page_size):
		return "page_size";
	case REG(total_pfns):
		return "total_pfns";
	default:
		return "copied_pfns";
	}
}

static int get(struct conform *c, uint32_t reg, void *value, uint32_t len)
{
	int ret;

	c->err = (struct vfmig_error){0};
	ret = vfmig_device_region_read(c->device, c->region, reg, value, len, &c->err);
	return ret ? vfmig_err_at(&c->err, ret, "reading %s", name_of(reg)) : 0;
}

static int put(struct conform *c, uint32_t reg, const void *value, uint32_t len)
{
	int ret;

	c->err = (struct vfmig_error){0};
	ret = vfmig_device_region_write(c->device, c->region, reg, value, len, &c->err);
	return ret ? vfmig_err_at(&c->err, ret, "writing %s", name_of(reg)) : 0;
}

int region_get32(struct conform *c, uint32_t reg, uint32_t *value)
{
	return get(c, reg, value, 4);
}

int region_put32(struct conform *c, uint32_t reg, uint32_t value)
{
	return put(c, reg, &value, 4);
}

int region_get64(struct conform *c, uint32_t reg, uint64_t *value)
{
	return get(c, reg, value, 8);
}

int region_put64(struct conform *c, uint32_t reg, uint64_t value)
{
	return put(c, reg, &value, 8);
}

const char *region_word(uint32_t bits)
{
	static const char *const words[] = {
		"STOP (000b)",	   "RUNNING (001b)", "STOP_COPY (010b)", "PRE_COPY (011b)",
		"RESUMING (100b)", "invalid (101b)", "ERROR (110b)",	 "invalid (111b)",
	};

	return words[bits & VFMIG_V1_STATE_MASK];
}

int region_state(struct conform *c, uint32_t *bits)
{
	int ret = region_get32(c, REG(device_state), bits);

	*bits &= VFMIG_V1_STATE_MASK;
	return ret;
}

int region_go(struct conform *c, uint32_t bits)
{
	uint32_t all;
	int ret = region_get32(c, REG(device_state), &all);

	if (!ret)
		ret = region_put32(c, REG(device_state), (all & ~VFMIG_V1_STATE_MASK) | bits);
	return ret ? vfmig_err_at(&c->err, ret, "to %s", region_word(bits)) : 0;
}

/* What fits any message, and any driver's buffer of a page or more. */
#define PIECE 4096u

static int inside(struct conform *c, uint64_t offset, uint64_t len)
{
	if (offset <= c->layout.size && len <= c->layout.size - offset)
		return 0;
	return vfmig_err(&c->err, -EPROTO,
			 "%llu bytes at data_offset 0x%llx leave the region of 0x%llx",
			 (unsigned long long)len, (unsigned long long)offset,
			 (unsigned long long)c->layout.size);
}

int region_read_data(struct conform *c, uint64_t offset, void *buf, uint64_t len)
{
	int ret = inside(c, offset, len);

	for (uint64_t at = 0; !ret && at < len; at += PIECE)
		ret = vfmig_device_region_read(
			c->device, c->region, offset + at, (uint8_t *)buf + at,
			len - at < PIECE ? (uint32_t)(len - at) : PIECE, &c->err);
	return ret ? vfmig_err_at(&c->err, ret, "reading the data section") : 0;
}

int region_write_data(struct conform *c, uint64_t offset, const void *buf, uint64_t len)
{
	int ret = inside(c, offset, len);

	for (uint64_t at = 0; !ret && at < len; at += PIECE)
		ret = vfmig_device_region_write(
			c->device, c->region, offset + at, (const uint8_t *)buf + at,
			len - at < PIECE ? (uint32_t)(len - at) : PIECE, &c->err);
	return ret ? vfmig_err_at(&c->err, ret, "writing the data section") : 0;
}

static bool keep(struct conform *c, struct conform_data *data, uint64_t more)
{
	return more <= c->layout.size && conform_room(c, data, data->len + more);
}

int region_fetch(struct conform *c, struct conform_data *data, struct conform_data *sizes,
		 uint64_t *len)
{
	uint64_t pending, offset;
	int ret = region_get64(c, REG(pending_bytes), &pending);

	*len = 0;
	if (ret || !pending)
		return ret;
	ret = region_get64(c, REG(data_offset), &offset);
	if (!ret)
		ret = region_get64(c, REG(data_size), len);
	if (!ret && (!keep(c, data, *len) || !keep(c, sizes, sizeof(*len))))
		ret = vfmig_err(&c->err, -E2BIG,
				"a transaction of %llu bytes is more than is kept (--data-max)",
				(unsigned long long)*len);
	if (!ret)
		ret = region_read_data(c, offset, data->bytes + data->len, *len);
	if (ret)
		return ret;
	data->len += *len;
	memcpy(sizes->bytes + sizes->len, len, sizeof(*len));
	sizes->len += sizeof(*len);
	return 0;
}

int region_fetch_all(struct conform *c, struct conform_data *data, struct conform_data *sizes,
		     unsigned most)
{
	uint64_t len = 1;
	int ret = 0;

	/* A driver may have empty transactions, but not without end. */
	for (unsigned i = 0, empty = 0; !ret && len && i < most; i++) {
		uint64_t pending;

		ret = region_fetch(c, data, sizes, &len);
		if (ret || len)
			continue;
		ret = region_get64(c, REG(pending_bytes), &pending);
		if (!ret && pending && ++empty < 16)
			len = 1;
		else if (!ret && pending)
			ret = vfmig_err(&c->err, -EIO,
					"pending_bytes says %llu, and the transactions are empty",
					(unsigned long long)pending);
	}
	return ret;
}

int region_save(struct conform *c)
{
	int ret = region_go(c, VFMIG_V1_STATE_STOP_COPY);

	if (!ret)
		ret = region_fetch_all(c, &c->data[0], &c->data[1], ~0u);
	return ret ? ret : region_go(c, VFMIG_V1_STATE_STOP);
}

int region_load(struct conform *c)
{
	int ret = conform_reset(c);
	uint64_t at = 0;

	if (!ret)
		ret = region_go(c, VFMIG_V1_STATE_RESUMING);
	for (size_t i = 0; !ret && i < c->data[1].len; i += 8) {
		uint64_t offset, len;

		memcpy(&len, c->data[1].bytes + i, 8);
		ret = region_get64(c, REG(data_offset), &offset);
		if (!ret)
			ret = region_write_data(c, offset, c->data[0].bytes + at, len);
		if (!ret)
			ret = region_put64(c, REG(data_size), len);
		at += len;
	}
	return ret;
}
