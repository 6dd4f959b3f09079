/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * HELLO: asked of the devices, and written as JSON.
 */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/le.h"
#include "engine/engine.h"

static struct vfmig_hello *allocate(uint32_t devices, uint32_t regions)
{
	struct vfmig_hello *hello = calloc(1, sizeof(*hello));

	if (!hello)
		return NULL;
	hello->nr_devices = devices;
	hello->nr_regions = regions;
	hello->devices = calloc(devices ? devices : 1, sizeof(*hello->devices));
	hello->regions = calloc(regions ? regions : 1, sizeof(*hello->regions));
	if (hello->devices && hello->regions)
		return hello;
	vfmig_hello_free(hello);
	return NULL;
}

void vfmig_hello_free(struct vfmig_hello *hello)
{
	if (!hello)
		return;
	free(hello->devices);
	free(hello->regions);
	free(hello);
}

/* ---- asking ---- */

static int ask_pci(struct vfmig_device *device, struct vfmig_hello_device *to,
		   struct vfmig_error *err)
{
	uint8_t config[64];
	int ret =
		vfmig_region_read(device, VFMIG_PCI_REGION_CONFIG, 0, config, sizeof(config), err);

	if (ret)
		return ret;
	to->ids = (struct vfmig_hello_pci){
		.vendor = vfmig_get16(config),
		.device = vfmig_get16(config + 2),
		.revision = config[8],
		.class_code = vfmig_get32(config + 8) >> 8,
		.subsystem_vendor = vfmig_get16(config + 0x2c),
		.subsystem = vfmig_get16(config + 0x2e),
	};
	return 0;
}

static int ask_device(struct vfmig_device *device, struct vfmig_hello_device *to,
		      struct vfmig_error *err)
{
	struct vfmig_device_info info;
	struct vfmig_region region;
	struct vfmig_irq_info irq;
	int ret = vfmig_device_info(device, &info, err);

	if (ret)
		return ret;
	to->pci = info.flags & VFMIG_DEVICE_FLAG_PCI;
	to->nr_regions =
		info.num_regions < VFMIG_HELLO_REGIONS ? info.num_regions : VFMIG_HELLO_REGIONS;
	to->nr_irqs = info.num_irqs < VFMIG_HELLO_IRQS ? info.num_irqs : VFMIG_HELLO_IRQS;
	/* A region or an interrupt that cannot be asked about is one that is not there. */
	for (uint32_t i = 0; i < to->nr_regions; i++) {
		if (vfmig_device_region(device, i, &region, NULL))
			continue;
		to->regions[i].size = region.size;
		to->regions[i].flags =
			region.size
				? region.flags & (VFMIG_REGION_FLAG_READ | VFMIG_REGION_FLAG_WRITE)
				: 0;
	}
	for (uint32_t i = 0; i < to->nr_irqs; i++)
		if (!vfmig_device_irq(device, i, &irq, NULL))
			to->irqs[i] = irq.count;
	if (to->pci && to->nr_regions > VFMIG_PCI_REGION_CONFIG &&
	    to->regions[VFMIG_PCI_REGION_CONFIG].size >= 64)
		return ask_pci(device, to, err);
	return 0;
}

int vfmig_hello_make(struct vfmig_migration *m, struct vfmig_hello **hello, struct vfmig_error *err)
{
	struct vfmig_hello *h = allocate(m->nr_movers, m->memory.nr_regions);

	*hello = NULL;
	if (!h)
		return vfmig_err(err, -ENOMEM, "no memory to describe the devices");
	for (uint32_t i = 0; i < m->nr_movers; i++) {
		const struct vfmig_mover *mover = m->movers[i];
		struct vfmig_device *device = vfmig_session_device(mover->session);
		const char *protocol = vfmig_session_protocol(mover->session);
		int ret = device ? ask_device(device, &h->devices[i], err) : 0;

		if (ret) {
			vfmig_hello_free(h);
			return vfmig_err_at(err, ret, "device %s", mover->id);
		}
		strcpy(h->devices[i].id, mover->id);
		snprintf(h->devices[i].protocol, sizeof(h->devices[i].protocol), "%s",
			 protocol ? protocol : "");
		h->devices[i].flags = mover->flags;
	}
	for (uint32_t i = 0; i < m->memory.nr_regions; i++) {
		const struct vfmig_mapped *at = &m->memory.regions[i];

		h->regions[i] = (struct vfmig_hello_memory){
			.space = at->space, .prot = at->prot, .iova = at->iova, .size = at->size};
	}
	*hello = h;
	return 0;
}

/* ---- writing ---- */

static void put(struct json_object *to, const char *key, uint64_t value)
{
	json_object_object_add(to, key, json_object_new_uint64(value));
}

static struct json_object *put_pci(const struct vfmig_hello_pci *ids)
{
	struct json_object *o = json_object_new_object();

	put(o, "vendor", ids->vendor);
	put(o, "device", ids->device);
	put(o, "revision", ids->revision);
	put(o, "class", ids->class_code);
	put(o, "subsystem_vendor", ids->subsystem_vendor);
	put(o, "subsystem", ids->subsystem);
	return o;
}

static struct json_object *put_device(const struct vfmig_hello_device *device)
{
	struct json_object *o = json_object_new_object(), *list, *item;

	json_object_object_add(o, "id", json_object_new_string(device->id));
	json_object_object_add(o, "protocol", json_object_new_string(device->protocol));
	put(o, "flags", device->flags);
	if (device->pci)
		json_object_object_add(o, "pci", put_pci(&device->ids));
	list = json_object_new_array();
	for (uint32_t i = 0; i < device->nr_regions; i++) {
		if (!device->regions[i].size)
			continue;
		item = json_object_new_object();
		put(item, "index", i);
		put(item, "size", device->regions[i].size);
		put(item, "flags", device->regions[i].flags);
		json_object_array_add(list, item);
	}
	json_object_object_add(o, "regions", list);
	list = json_object_new_array();
	for (uint32_t i = 0; i < device->nr_irqs; i++) {
		if (!device->irqs[i])
			continue;
		item = json_object_new_object();
		put(item, "index", i);
		put(item, "count", device->irqs[i]);
		json_object_array_add(list, item);
	}
	json_object_object_add(o, "irqs", list);
	return o;
}

static struct json_object *put_memory(const struct vfmig_hello_memory *region)
{
	struct json_object *o = json_object_new_object();

	put(o, "space", region->space);
	put(o, "iova", region->iova);
	put(o, "size", region->size);
	put(o, "prot", region->prot);
	return o;
}

char *vfmig_hello_encode(const struct vfmig_hello *hello, size_t *len)
{
	struct json_object *o = json_object_new_object();
	struct json_object *devices = json_object_new_array(), *memory = json_object_new_array();
	const char *text;
	char *copy;

	for (uint32_t i = 0; i < hello->nr_devices; i++)
		json_object_array_add(devices, put_device(&hello->devices[i]));
	for (uint32_t i = 0; i < hello->nr_regions; i++)
		json_object_array_add(memory, put_memory(&hello->regions[i]));
	json_object_object_add(o, "devices", devices);
	json_object_object_add(o, "memory", memory);
	text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);
	copy = text ? strdup(text) : NULL;
	*len = copy ? strlen(copy) : 0;
	json_object_put(o);
	return copy;
}

/* ---- reading: of a peer, so all of it is checked ---- */

/* Deep enough for what is above. */
#define DEPTH 8

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

static struct json_object *parse(const char *json, size_t len, struct reader *r)
{
	struct json_tokener *tokener = json_tokener_new_ex(DEPTH);
	struct json_object *o;

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
		h = allocate(devices, regions);
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
