/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * VERSION: what the ends say of themselves. The JSON is the peer's, and is believed only as far as it has the
 * right kinds and ranges.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "wire/version.h"

/* The capabilities are three deep; nobody needs more. */
#define JSON_DEPTH 8

void vfmig_wire_caps_ours(struct vfmig_wire_caps *caps)
{
	*caps = (struct vfmig_wire_caps){
		.major = VFMIG_WIRE_MAJOR,
		.minor = VFMIG_WIRE_MINOR,
		.max_msg_fds = VFMIG_WIRE_FDS,
		.max_data_xfer_size = VFMIG_USER_XFER_DEFAULT,
		.max_dma_maps = 65535,
		.pgsizes = 4096,
		.migration_pgsize = 4096,
		.max_bitmap_size = 256u << 20,
		.twin_socket = true,
		.twin_fd = -1,
		.write_multiple = true,
		.vfmig = VFMIG_WIRE_EXTENSION,
	};
}

/* ---- to say ---- */

/* Takes @value over in any case. Without memory for one thing the whole is not said. */
static bool add(struct json_object *to, const char *key, struct json_object *value)
{
	if (value && !json_object_object_add(to, key, value))
		return true;
	json_object_put(value);
	return false;
}

static bool add_number(struct json_object *to, const char *key, uint64_t value)
{
	return add(to, key, json_object_new_uint64(value));
}

static bool add_caps(struct json_object *to, const struct vfmig_wire_caps *c)
{
	struct json_object *part;
	bool ok = add_number(to, "max_msg_fds", c->max_msg_fds) &&
		  add_number(to, "max_data_xfer_size", c->max_data_xfer_size);

	if (ok && c->max_dma_maps)
		ok = add_number(to, "max_dma_maps", c->max_dma_maps);
	if (ok && c->pgsizes)
		ok = add_number(to, "pgsizes", c->pgsizes);
	if (ok && c->migration_pgsize) {
		part = json_object_new_object();
		ok = add(to, "migration", part) &&
		     add_number(part, "pgsize", c->migration_pgsize) &&
		     (!c->max_bitmap_size ||
		      add_number(part, "max_bitmap_size", c->max_bitmap_size));
	}
	if (ok && c->twin_socket) {
		part = json_object_new_object();
		ok = add(to, "twin_socket", part) &&
		     add(part, "supported", json_object_new_boolean(true)) &&
		     (c->twin_fd < 0 || add_number(part, "fd_index", (unsigned)c->twin_fd));
	}
	if (ok && c->write_multiple)
		ok = add(to, "write_multiple", json_object_new_boolean(true));
	if (ok && c->vfmig) {
		part = json_object_new_object();
		ok = add(to, "vfmig", part) && add_number(part, "version", c->vfmig);
	}
	return ok;
}

void *vfmig_wire_caps_encode(const struct vfmig_wire_caps *caps, size_t *len)
{
	struct json_object *top = json_object_new_object(), *inner = json_object_new_object();
	struct vfmig_user_version v = {.major = caps->major, .minor = caps->minor};
	void *payload = NULL;
	size_t room;

	if (top && add(top, "capabilities", inner) && add_caps(inner, caps)) {
		v.json = json_object_to_json_string_ext(top, JSON_C_TO_STRING_PLAIN);
		if (v.json) {
			v.json_len = strlen(v.json);
			room = VFMIG_USER_VERSION_SIZE + v.json_len + 1;
			payload = malloc(room);
			*len = payload ? vfmig_user_put_version(payload, room, &v) : 0;
		}
	} else if (!top) {
		json_object_put(inner);
	}
	json_object_put(top);
	return payload;
}

/* ---- to hear ---- */

static int get_number(struct json_object *from, const char *key, uint64_t min, uint64_t max,
		      uint64_t *to, struct vfmig_error *err)
{
	struct json_object *value;
	int64_t n;

	if (!json_object_object_get_ex(from, key, &value))
		return 0;
	if (!json_object_is_type(value, json_type_int))
		return vfmig_err(err, -EPROTO, "VERSION: capability %s is no whole number", key);
	/* Numbers that are too large come out as the largest, negative ones as they are. */
	n = json_object_get_int64(value);
	if (n < 0 || (uint64_t)n < min || (uint64_t)n > max)
		return vfmig_err(err, -EPROTO,
				 "VERSION: capability %s is %lld, but it must be %llu to %llu", key,
				 (long long)n, (unsigned long long)min, (unsigned long long)max);
	*to = (uint64_t)n;
	return 0;
}

static int get_bool(struct json_object *from, const char *key, bool *to, struct vfmig_error *err)
{
	struct json_object *value;

	if (!json_object_object_get_ex(from, key, &value))
		return 0;
	if (!json_object_is_type(value, json_type_boolean))
		return vfmig_err(err, -EPROTO, "VERSION: capability %s is neither true nor false",
				 key);
	*to = json_object_get_boolean(value);
	return 0;
}

/* *to is NULL if it is not there. */
static int get_object(struct json_object *from, const char *key, struct json_object **to,
		      struct vfmig_error *err)
{
	if (!json_object_object_get_ex(from, key, to)) {
		*to = NULL;
		return 0;
	}
	if (!json_object_is_type(*to, json_type_object))
		return vfmig_err(err, -EPROTO, "VERSION: %s is no object", key);
	return 0;
}

static int get_parts(struct json_object *from, struct vfmig_wire_caps *c, struct vfmig_error *err)
{
	struct json_object *part;
	uint64_t fd = UINT64_MAX, vfmig = 0;
	int ret;

	ret = get_object(from, "migration", &part, err);
	if (!ret && part) {
		ret = get_number(part, "pgsize", 0, INT64_MAX, &c->migration_pgsize, err);
		if (!ret)
			ret = get_number(part, "max_bitmap_size", 0, INT64_MAX, &c->max_bitmap_size,
					 err);
		if (!ret && (c->migration_pgsize & (c->migration_pgsize - 1)))
			ret = vfmig_err(err, -EPROTO,
					"VERSION: migration.pgsize is no power of two");
	}
	if (!ret)
		ret = get_object(from, "twin_socket", &part, err);
	if (!ret && part) {
		ret = get_bool(part, "supported", &c->twin_socket, err);
		if (!ret)
			ret = get_number(part, "fd_index", 0, VFMIG_WIRE_FDS - 1, &fd, err);
		if (!ret && fd != UINT64_MAX)
			c->twin_fd = (int)fd;
	}
	if (!ret)
		ret = get_object(from, "vfmig", &part, err);
	if (!ret && part) {
		ret = get_number(part, "version", 0, UINT32_MAX, &vfmig, err);
		c->vfmig = (uint32_t)vfmig;
	}
	return ret;
}

static int get_caps(struct json_object *from, struct vfmig_wire_caps *c, struct vfmig_error *err)
{
	uint64_t fds = c->max_msg_fds, xfer = c->max_data_xfer_size, maps = c->max_dma_maps;
	int ret;

	ret = get_number(from, "max_msg_fds", 0, UINT32_MAX, &fds, err);
	if (!ret)
		ret = get_number(from, "max_data_xfer_size", VFMIG_WIRE_XFER_MIN, INT64_MAX, &xfer,
				 err);
	if (!ret)
		ret = get_number(from, "max_dma_maps", 1, INT64_MAX, &maps, err);
	if (!ret)
		ret = get_number(from, "pgsizes", 1, INT64_MAX, &c->pgsizes, err);
	if (!ret)
		ret = get_bool(from, "write_multiple", &c->write_multiple, err);
	if (ret)
		return ret;
	/* More than we ever use is as good as what we use. */
	c->max_msg_fds = fds > VFMIG_WIRE_FDS ? VFMIG_WIRE_FDS : (uint32_t)fds;
	c->max_data_xfer_size = xfer > VFMIG_USER_XFER_MAX ? VFMIG_USER_XFER_MAX : (uint32_t)xfer;
	c->max_dma_maps = maps > UINT32_MAX ? UINT32_MAX : (uint32_t)maps;
	return get_parts(from, c, err);
}

static struct json_object *parse(const char *text, size_t len)
{
	struct json_tokener *tokener = json_tokener_new_ex(JSON_DEPTH);
	struct json_object *top;

	if (!tokener)
		return NULL;
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	top = json_tokener_parse_ex(tokener, text, (int)len + 1);
	if (json_tokener_get_error(tokener) != json_tokener_success) {
		json_object_put(top);
		top = NULL;
	}
	json_tokener_free(tokener);
	return top;
}

int vfmig_wire_caps_decode(const void *payload, size_t len, struct vfmig_wire_caps *caps,
			   struct vfmig_error *err)
{
	struct vfmig_user_version v;
	struct json_object *top, *inner;
	const char *why = vfmig_user_get_version(payload, len, &v);
	int ret;

	if (why)
		return vfmig_err(err, -EPROTO, "%s", why);
	*caps = (struct vfmig_wire_caps){
		.major = v.major,
		.minor = v.minor,
		.max_msg_fds = 1,
		.max_data_xfer_size = VFMIG_USER_XFER_DEFAULT,
		.max_dma_maps = 65535,
		.pgsizes = 4096,
		.twin_fd = -1,
	};
	if (!v.json || !v.json_len)
		return 0;
	top = parse(v.json, v.json_len);
	if (!top || !json_object_is_type(top, json_type_object)) {
		json_object_put(top);
		return vfmig_err(err, -EPROTO, "VERSION: the capabilities are no JSON object");
	}
	ret = get_object(top, "capabilities", &inner, err);
	if (!ret && inner)
		ret = get_caps(inner, caps, err);
	json_object_put(top);
	return ret;
}
