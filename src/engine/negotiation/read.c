/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * HELLO, decoded. All of it is checked, and it sizes allocations only within the limits of <vfmig/migration.h>.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/json.h"
#include "abi/stream.h"
#include "engine/negotiation/negotiation.h"

struct negotiation *negotiation_new(uint32_t devices, uint32_t regions)
{
	struct negotiation *negotiation = calloc(1, sizeof(*negotiation));

	if (!negotiation)
		return NULL;
	negotiation->device_count = devices;
	negotiation->region_count = regions;
	negotiation->devices = calloc(devices ? devices : 1, sizeof(*negotiation->devices));
	negotiation->regions = calloc(regions ? regions : 1, sizeof(*negotiation->regions));
	if (negotiation->devices && negotiation->regions)
		return negotiation;
	negotiation_free(negotiation);
	return NULL;
}

void negotiation_free(struct negotiation *negotiation)
{
	if (!negotiation)
		return;
	free(negotiation->devices);
	free(negotiation->regions);
	free(negotiation);
}

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

static struct abi_json get(struct reader *r, const struct abi_json *from, const char *key,
			   enum abi_json_type type)
{
	struct abi_json value = abi_json_member(from, key);

	if (value.type == ABI_JSON_NONE)
		wrong(r, key, "is missing");
	else if (value.type != type)
		wrong(r, key, "is of another type than it should be");
	if (value.type != type)
		value.type = ABI_JSON_NONE;
	return value;
}

static uint64_t number(struct reader *r, const struct abi_json *from, const char *key, uint64_t max)
{
	struct abi_json v = get(r, from, key, ABI_JSON_INTEGER);
	bool negative;
	uint64_t value;

	if (v.type == ABI_JSON_NONE)
		return 0;
	value = abi_json_integer(&v, &negative);
	if (negative) {
		wrong(r, key, "is negative");
		return 0;
	}
	if (value > max) {
		wrong(r, key, "is larger than it can be");
		return 0;
	}
	return value;
}

static void word(struct reader *r, const struct abi_json *from, const char *key, char *to,
		 size_t size)
{
	struct abi_json v = get(r, from, key, ABI_JSON_STRING);
	size_t len;

	if (v.type == ABI_JSON_NONE)
		return;
	len = abi_json_string(&v, to, size);
	if (len >= size) {
		wrong(r, key, "is longer than it may be");
		return;
	}
	for (size_t i = 0; i < len; i++) {
		if (to[i] <= ' ' || to[i] > '~' || to[i] == '"' || to[i] == '\\') {
			wrong(r, key, "has characters that it may not have");
			return;
		}
	}
	to[len] = 0;
}

static struct abi_json array(struct reader *r, const struct abi_json *from, const char *key,
			     size_t max, uint32_t *count)
{
	struct abi_json list = get(r, from, key, ABI_JSON_ARRAY);
	size_t n = abi_json_count(&list);

	*count = 0;
	if (n > max)
		wrong(r, key, "has more entries than it may have");
	else
		*count = (uint32_t)n;
	return list;
}

static void get_regions(struct reader *r, const struct abi_json *from,
			struct negotiation_device *to)
{
	struct abi_json item = {0}, list;
	uint32_t count;

	list = array(r, from, "regions", NEGOTIATION_REGIONS, &count);
	while (count && abi_json_next(&list, &item)) {
		uint64_t index = number(r, &item, "index", NEGOTIATION_REGIONS - 1);

		to->regions[index].size = number(r, &item, "size", UINT64_MAX);
		if (!r->ret && !to->regions[index].size)
			wrong(r, "regions", "have one without a size");
		to->regions[index].flags = (uint32_t)number(r, &item, "flags", UINT32_MAX);
		if (index >= to->region_count)
			to->region_count = (uint32_t)index + 1;
	}
	list = array(r, from, "irqs", NEGOTIATION_IRQS, &count);
	item = (struct abi_json){0};
	while (count && abi_json_next(&list, &item)) {
		uint64_t index = number(r, &item, "index", NEGOTIATION_IRQS - 1);

		to->irqs[index] = (uint32_t)number(r, &item, "count", UINT32_MAX);
		if (index >= to->irq_count)
			to->irq_count = (uint32_t)index + 1;
	}
}

static void get_device(struct reader *r, const struct abi_json *from, struct negotiation_device *to)
{
	struct abi_json pci = abi_json_member(from, "pci");

	word(r, from, "id", to->id, sizeof(to->id));
	if (!r->ret && !to->id[0])
		wrong(r, "id", "is empty");
	word(r, from, "protocol", to->protocol, sizeof(to->protocol));
	to->flags = number(r, from, "flags", UINT64_MAX);
	if (pci.type != ABI_JSON_NONE) {
		to->pci = true;
		to->ids.vendor = (uint32_t)number(r, &pci, "vendor", 0xffff);
		to->ids.device = (uint32_t)number(r, &pci, "device", 0xffff);
		to->ids.revision = (uint32_t)number(r, &pci, "revision", 0xff);
		to->ids.class_code = (uint32_t)number(r, &pci, "class", 0xffffff);
		to->ids.subsystem_vendor = (uint32_t)number(r, &pci, "subsystem_vendor", 0xffff);
		to->ids.subsystem = (uint32_t)number(r, &pci, "subsystem", 0xffff);
	}
	get_regions(r, from, to);
}

static void get_memory(struct reader *r, const struct abi_json *from, struct negotiation_memory *to)
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
static void check_ids(struct reader *r, const struct negotiation *negotiation)
{
	for (uint32_t i = 0; i < negotiation->device_count; i++)
		for (uint32_t k = 0; k < i; k++)
			if (!strcmp(negotiation->devices[i].id, negotiation->devices[k].id))
				wrong(r, negotiation->devices[i].id, "is the id of two devices");
}

static bool parse(const char *json, size_t len, struct abi_json *top, struct reader *r)
{
	char what[48];
	size_t good = len <= ABI_SECTION_HELLO_MAX ? abi_json_open(json, len, top) : 0;

	if (good == len && len)
		return true;
	snprintf(what, sizeof(what), "is not JSON at byte %zu", good);
	wrong(r, "the text", what);
	return false;
}

int negotiation_decode(const char *json, size_t len, struct negotiation **negotiation,
		       struct vfmig_error *err)
{
	struct reader r = {.err = err};
	uint32_t devices = 0, regions = 0;
	struct abi_json top, device_list, region_list, item = {0};
	struct negotiation *h;

	*negotiation = NULL;
	if (!parse(json, len, &top, &r))
		return r.ret;
	device_list = array(&r, &top, "devices", VFMIG_MIGRATION_DEVICES_MAX, &devices);
	region_list = array(&r, &top, "memory", VFMIG_MIGRATION_REGIONS_MAX, &regions);
	h = negotiation_new(devices, regions);
	if (!h)
		return vfmig_err(err, -ENOMEM, "no memory to read HELLO");
	for (uint32_t i = 0; !r.ret && i < devices; i++) {
		snprintf(r.where, sizeof(r.where), "devices[%u]", i);
		abi_json_next(&device_list, &item);
		get_device(&r, &item, &h->devices[i]);
	}
	item = (struct abi_json){0};
	for (uint32_t i = 0; !r.ret && i < regions; i++) {
		snprintf(r.where, sizeof(r.where), "memory[%u]", i);
		abi_json_next(&region_list, &item);
		get_memory(&r, &item, &h->regions[i]);
	}
	r.where[0] = 0;
	if (!r.ret)
		check_ids(&r, h);
	if (r.ret)
		negotiation_free(h);
	else
		*negotiation = h;
	return r.ret;
}
