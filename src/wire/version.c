/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * VERSION: the capabilities of both ends. The peer's JSON is untrusted: kinds and ranges of its
 * values are checked.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/json.h"
#include "wire/version.h"

void wire_caps_ours(struct wire_caps *caps)
{
	*caps = (struct wire_caps){
		.major = WIRE_MAJOR,
		.minor = WIRE_MINOR,
		.max_msg_fds = WIRE_FDS,
		.max_data_xfer_size = ABI_MSG_XFER_DEFAULT,
		.max_dma_maps = 65535,
		.pgsizes = 4096,
		.migration_pgsize = 4096,
		.max_bitmap_size = 256u << 20,
		.twin_socket = true,
		.twin_fd = -1,
		.write_multiple = true,
		.vfmig = WIRE_EXTENSION,
	};
}

/* ---- writing ---- */

/* Larger than all capabilities with their largest values. */
struct text {
	char at[512];
	size_t len;
};

static void put(struct text *to, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void put(struct text *to, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(to->at + to->len, sizeof(to->at) - to->len, fmt, ap);
	va_end(ap);
	to->len += n > 0 ? (size_t)n : 0;
}

static void put_caps(struct text *to, const struct wire_caps *c)
{
	put(to, "{\"capabilities\":{\"max_msg_fds\":%u,\"max_data_xfer_size\":%u", c->max_msg_fds,
	    c->max_data_xfer_size);
	if (c->max_dma_maps)
		put(to, ",\"max_dma_maps\":%u", c->max_dma_maps);
	if (c->pgsizes)
		put(to, ",\"pgsizes\":%" PRIu64, c->pgsizes);
	if (c->migration_pgsize) {
		put(to, ",\"migration\":{\"pgsize\":%" PRIu64, c->migration_pgsize);
		if (c->max_bitmap_size)
			put(to, ",\"max_bitmap_size\":%" PRIu64, c->max_bitmap_size);
		put(to, "}");
	}
	if (c->twin_socket) {
		put(to, ",\"twin_socket\":{\"supported\":true");
		if (c->twin_fd >= 0)
			put(to, ",\"fd_index\":%d", c->twin_fd);
		put(to, "}");
	}
	if (c->write_multiple)
		put(to, ",\"write_multiple\":true");
	if (c->vfmig)
		put(to, ",\"vfmig\":{\"version\":%u}", c->vfmig);
	put(to, "}}");
}

void *wire_caps_encode(const struct wire_caps *caps, size_t *len)
{
	struct abi_msg_version v = {.major = caps->major, .minor = caps->minor};
	struct text text = {.len = 0};
	size_t capacity;
	void *payload;

	put_caps(&text, caps);
	v.json = text.at;
	v.json_len = text.len;
	capacity = ABI_MSG_VERSION_SIZE + v.json_len + 1;
	payload = malloc(capacity);
	*len = payload ? abi_msg_put_version(payload, capacity, &v) : 0;
	return payload;
}

/* ---- reading ---- */

static int get_number(const struct abi_json *from, const char *key, uint64_t min, uint64_t max,
		      uint64_t *to, struct vfmig_error *err)
{
	struct abi_json value = abi_json_member(from, key);
	bool negative;
	uint64_t n;

	if (value.type == ABI_JSON_NONE)
		return 0;
	if (value.type != ABI_JSON_INTEGER)
		return vfmig_err(err, -EPROTO, "VERSION: capability %s is not an integer", key);
	n = abi_json_integer(&value, &negative);
	if (negative || n < min || n > max)
		return vfmig_err(err, -EPROTO,
				 "VERSION: capability %s is %s%llu; it must be %llu to %llu", key,
				 negative ? "-" : "", (unsigned long long)n,
				 (unsigned long long)min, (unsigned long long)max);
	*to = n;
	return 0;
}

static int get_bool(const struct abi_json *from, const char *key, bool *to, struct vfmig_error *err)
{
	struct abi_json value = abi_json_member(from, key);

	if (value.type == ABI_JSON_NONE)
		return 0;
	if (value.type != ABI_JSON_BOOL)
		return vfmig_err(err, -EPROTO, "VERSION: capability %s is not a boolean", key);
	*to = abi_json_bool(&value);
	return 0;
}

/* An object, or none (ABI_JSON_NONE), which has no members. */
static int get_object(const struct abi_json *from, const char *key, struct abi_json *to,
		      struct vfmig_error *err)
{
	*to = abi_json_member(from, key);
	if (to->type != ABI_JSON_NONE && to->type != ABI_JSON_OBJECT)
		return vfmig_err(err, -EPROTO, "VERSION: %s is not an object", key);
	return 0;
}

static int get_parts(const struct abi_json *from, struct wire_caps *c, struct vfmig_error *err)
{
	struct abi_json part;
	uint64_t fd = UINT64_MAX, vfmig = 0;
	int ret;

	ret = get_object(from, "migration", &part, err);
	if (!ret && part.type == ABI_JSON_OBJECT) {
		ret = get_number(&part, "pgsize", 0, UINT64_MAX, &c->migration_pgsize, err);
		if (!ret)
			ret = get_number(&part, "max_bitmap_size", 0, UINT64_MAX,
					 &c->max_bitmap_size, err);
		if (!ret && (c->migration_pgsize & (c->migration_pgsize - 1)))
			ret = vfmig_err(err, -EPROTO,
					"VERSION: migration.pgsize is not a power of two");
	}
	if (!ret)
		ret = get_object(from, "twin_socket", &part, err);
	if (!ret && part.type == ABI_JSON_OBJECT) {
		ret = get_bool(&part, "supported", &c->twin_socket, err);
		if (!ret)
			ret = get_number(&part, "fd_index", 0, WIRE_FDS - 1, &fd, err);
		if (!ret && fd != UINT64_MAX)
			c->twin_fd = (int)fd;
	}
	if (!ret)
		ret = get_object(from, "vfmig", &part, err);
	if (!ret && part.type == ABI_JSON_OBJECT) {
		ret = get_number(&part, "version", 0, UINT32_MAX, &vfmig, err);
		c->vfmig = (uint32_t)vfmig;
	}
	return ret;
}

static int get_caps(const struct abi_json *from, struct wire_caps *c, struct vfmig_error *err)
{
	uint64_t fds = c->max_msg_fds, xfer = c->max_data_xfer_size, maps = c->max_dma_maps;
	int ret;

	ret = get_number(from, "max_msg_fds", 0, UINT32_MAX, &fds, err);
	if (!ret)
		ret = get_number(from, "max_data_xfer_size", WIRE_XFER_MIN, UINT64_MAX, &xfer, err);
	if (!ret)
		ret = get_number(from, "max_dma_maps", 1, UINT64_MAX, &maps, err);
	if (!ret)
		ret = get_number(from, "pgsizes", 1, UINT64_MAX, &c->pgsizes, err);
	if (!ret)
		ret = get_bool(from, "write_multiple", &c->write_multiple, err);
	if (ret)
		return ret;
	/* More than this library uses is as good as what it uses. */
	c->max_msg_fds = fds > WIRE_FDS ? WIRE_FDS : (uint32_t)fds;
	c->max_data_xfer_size = xfer > ABI_MSG_XFER_MAX ? ABI_MSG_XFER_MAX : (uint32_t)xfer;
	c->max_dma_maps = maps > UINT32_MAX ? UINT32_MAX : (uint32_t)maps;
	return get_parts(from, c, err);
}

int wire_caps_decode(const void *payload, size_t len, struct wire_caps *caps,
		     struct vfmig_error *err)
{
	struct abi_msg_version v;
	struct abi_json top, inner;
	const char *why = abi_msg_get_version(payload, len, &v);
	int ret;

	if (why)
		return vfmig_err(err, -EPROTO, "%s", why);
	*caps = (struct wire_caps){
		.major = v.major,
		.minor = v.minor,
		.max_msg_fds = 1,
		.max_data_xfer_size = ABI_MSG_XFER_DEFAULT,
		.max_dma_maps = 65535,
		.pgsizes = 4096,
		.twin_fd = -1,
	};
	if (!v.json || !v.json_len)
		return 0;
	if (abi_json_open(v.json, v.json_len, &top) != v.json_len || top.type != ABI_JSON_OBJECT)
		return vfmig_err(err, -EPROTO, "VERSION: the capabilities are not a JSON object");
	ret = get_object(&top, "capabilities", &inner, err);
	if (!ret && inner.type == ABI_JSON_OBJECT)
		ret = get_caps(&inner, caps, err);
	return ret;
}
