/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * HELLO, read: what a peer says it is. All of it is checked, and nothing in it sizes an allocation but by
 * the caps of migration.h.
 */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "abi/stream.h"
#include "engine/hello/hello.h"

/* Deep enough for what there is. */
#define DEPTH 8
/*
 * What json-c makes of three bytes can take a kilobyte. There are no more objects and arrays in a HELLO than devices,
 * regions and interrupts make, and no more values than they have.
 */
#define OBJECTS (1u << 15)
#define VALUES	(1u << 17)

struct reader {
	struct vfmig_error *err;
	char where[96];
	int ret;
};

static void wrong(struct reader *r, const char *key, const char *what)
{
	if (!r->ret)
		r->ret = vfmig_err(r->err, -EBADMSG, "HELLO: %s%s%s: %s", r->where,
				   *r->where ? "." : "", key, what);
}

static struct json_object *get(struct reader *r, struct json_object *from, const char *key,
			       enum json_type type)
{
	struct json_object *o = NULL;

	if (!json_object_is_type(from, json_type_object) ||
	    !json_object_object_get_ex(from, key, &o))
		wrong(r, key, "is missing");
	else if (!json_object_is_type(o, type))
		wrong(r, key, "is of another type than it should be");
	else
		return o;
	return NULL;
}

static uint64_t number(struct reader *r, struct json_object *from, const char *key, uint64_t max)
{
	struct json_object *o = get(r, from, key, json_type_int);
	uint64_t value;

	if (!o)
		return 0;
	if (json_object_get_int64(o) < 0) {
		wrong(r, key, "is negative");
		return 0;
	}
	value = json_object_get_uint64(o);
	if (value > max) {
		wrong(r, key, "is larger than it can be");
		return 0;
	}
	return value;
}

static void word(struct reader *r, struct json_object *from, const char *key, char *to, size_t size)
{
	struct json_object *o = get(r, from, key, json_type_string);
	const char *text = o ? json_object_get_string(o) : "";
	size_t len = o ? (size_t)json_object_get_string_len(o) : 0;

	if (!o)
		return;
	if (len >= size) {
		wrong(r, key, "is longer than it may be");
		return;
	}
	for (size_t i = 0; i < len; i++) {
		if (text[i] <= ' ' || text[i] > '~' || text[i] == '"' || text[i] == '\\') {
			wrong(r, key, "has characters that it may not have");
			return;
		}
	}
	memcpy(to, text, len);
	to[len] = 0;
}

static struct json_object *array(struct reader *r, struct json_object *from, const char *key,
				 size_t max, uint32_t *count)
{
	struct json_object *o = get(r, from, key, json_type_array);

	*count = 0;
	if (o && json_object_array_length(o) > max)
		wrong(r, key, "has more entries than it may have");
	else if (o)
		*count = (uint32_t)json_object_array_length(o);
	return o;
}

static void get_regions(struct reader *r, struct json_object *from, struct vfmig_hello_device *to)
{
	uint32_t count;
	struct json_object *list = array(r, from, "regions", VFMIG_HELLO_REGIONS, &count);

	for (uint32_t i = 0; i < count; i++) {
		struct json_object *item = json_object_array_get_idx(list, i);
		uint64_t index = number(r, item, "index", VFMIG_HELLO_REGIONS - 1);

		to->regions[index].size = number(r, item, "size", UINT64_MAX);
		if (!r->ret && !to->regions[index].size)
			wrong(r, "regions", "have one without a size");
		to->regions[index].flags = (uint32_t)number(r, item, "flags", UINT32_MAX);
		if (index >= to->nr_regions)
			to->nr_regions = (uint32_t)index + 1;
	}
	list = array(r, from, "irqs", VFMIG_HELLO_IRQS, &count);
	for (uint32_t i = 0; i < count; i++) {
		struct json_object *item = json_object_array_get_idx(list, i);
		uint64_t index = number(r, item, "index", VFMIG_HELLO_IRQS - 1);

		to->irqs[index] = (uint32_t)number(r, item, "count", UINT32_MAX);
		if (index >= to->nr_irqs)
			to->nr_irqs = (uint32_t)index + 1;
	}
}

static void get_device(struct reader *r, struct json_object *from, struct vfmig_hello_device *to)
{
	struct json_object *pci;

	word(r, from, "id", to->id, sizeof(to->id));
	if (!r->ret && !to->id[0])
		wrong(r, "id", "is empty");
	word(r, from, "protocol", to->protocol, sizeof(to->protocol));
	to->flags = number(r, from, "flags", UINT64_MAX);
	if (json_object_is_type(from, json_type_object) &&
	    json_object_object_get_ex(from, "pci", &pci)) {
		to->pci = true;
		to->ids.vendor = (uint32_t)number(r, pci, "vendor", 0xffff);
		to->ids.device = (uint32_t)number(r, pci, "device", 0xffff);
		to->ids.revision = (uint32_t)number(r, pci, "revision", 0xff);
		to->ids.class_code = (uint32_t)number(r, pci, "class", 0xffffff);
		to->ids.subsystem_vendor = (uint32_t)number(r, pci, "subsystem_vendor", 0xffff);
		to->ids.subsystem = (uint32_t)number(r, pci, "subsystem", 0xffff);
	}
	get_regions(r, from, to);
}

static void get_memory(struct reader *r, struct json_object *from, struct vfmig_hello_memory *to)
{
	to->space = (uint32_t)number(r, from, "space", VFMIG_MIGRATION_REGIONS_MAX);
	to->iova = number(r, from, "iova", UINT64_MAX);
	to->size = number(r, from, "size", UINT64_MAX);
	to->prot = (uint32_t)number(r, from, "prot", VFMIG_PROT_READ | VFMIG_PROT_WRITE);
	if (!r->ret && (!to->size || (to->iova | to->size) % VFMIG_PAGE_SIZE ||
			to->size - 1 > UINT64_MAX - to->iova))
		wrong(r, "size", "makes no range of whole pages");
}

/* The same id twice would be two devices in one. */
static void check_ids(struct reader *r, const struct vfmig_hello *hello)
{
	for (uint32_t i = 0; i < hello->nr_devices; i++)
		for (uint32_t k = 0; k < i; k++)
			if (!strcmp(hello->devices[i].id, hello->devices[k].id))
				wrong(r, hello->devices[i].id, "is the id of two devices");
}

static bool too_many(const char *json, size_t len)
{
	uint32_t objects = 0, values = 0;

	for (size_t i = 0; i < len; i++) {
		objects += json[i] == '{' || json[i] == '[';
		values += json[i] == ',';
	}
	return objects > OBJECTS || values > VALUES;
}

static struct json_object *parse(const char *json, size_t len, struct reader *r)
{
	struct json_tokener *tokener;
	struct json_object *o;

	if (too_many(json, len)) {
		wrong(r, "JSON", "has more in it than it may have");
		return NULL;
	}
	tokener = json_tokener_new_ex(DEPTH);
	if (!tokener)
		return NULL;
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	o = json_tokener_parse_ex(tokener, json, (int)len);
	/* A number at the very end would go on; an object does not. */
	if (!o || json_tokener_get_parse_end(tokener) != len) {
		enum json_tokener_error e = json_tokener_get_error(tokener);

		wrong(r, "JSON",
		      e == json_tokener_success ? "something follows it"
						: json_tokener_error_desc(e));
		json_object_put(o);
		o = NULL;
	}
	json_tokener_free(tokener);
	return o;
}

int vfmig_hello_decode(const char *json, size_t len, struct vfmig_hello **hello,
		       struct vfmig_error *err)
{
	struct reader r = {.err = err};
	uint32_t devices = 0, regions = 0;
	struct json_object *o = len <= VFMIG_SECTION_HELLO_MAX ? parse(json, len, &r) : NULL;
	struct json_object *device_list = NULL, *region_list = NULL;
	struct vfmig_hello *h = NULL;

	*hello = NULL;
	if (o) {
		device_list = array(&r, o, "devices", VFMIG_MIGRATION_DEVICES_MAX, &devices);
		region_list = array(&r, o, "memory", VFMIG_MIGRATION_REGIONS_MAX, &regions);
		h = vfmig_hello_new(devices, regions);
	}
	for (uint32_t i = 0; h && !r.ret && i < devices; i++) {
		snprintf(r.where, sizeof(r.where), "devices[%u]", i);
		get_device(&r, json_object_array_get_idx(device_list, i), &h->devices[i]);
	}
	for (uint32_t i = 0; h && !r.ret && i < regions; i++) {
		snprintf(r.where, sizeof(r.where), "memory[%u]", i);
		get_memory(&r, json_object_array_get_idx(region_list, i), &h->regions[i]);
	}
	r.where[0] = 0;
	if (h && !r.ret)
		check_ids(&r, h);
	if (!h && !r.ret)
		r.ret = vfmig_err(err, -ENOMEM, "no memory to read HELLO");
	json_object_put(o);
	if (r.ret)
		vfmig_hello_free(h);
	else
		*hello = h;
	return r.ret;
}
