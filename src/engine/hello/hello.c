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
#include <vfmig/abi_region.h>

#include "engine/engine.h"

struct vfmig_hello *vfmig_hello_new(uint32_t devices, uint32_t regions)
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
	/* A region or an interrupt that cannot be asked about is one that is not there, but for one that hangs. */
	for (uint32_t i = 0; i < to->nr_regions; i++) {
		ret = vfmig_device_region(device, i, &region, err);
		if (ret == -ETIMEDOUT)
			return ret;
		/* By which registers it is migrated is not what it is: the two ends may differ in that. */
		if (ret || !region.size || region.type == VFMIG_REGION_TYPE_MIGRATION)
			continue;
		to->regions[i].size = region.size;
		to->regions[i].flags =
			region.flags & (VFMIG_REGION_FLAG_READ | VFMIG_REGION_FLAG_WRITE);
	}
	for (uint32_t i = 0; i < to->nr_irqs; i++) {
		ret = vfmig_device_irq(device, i, &irq, err);
		if (ret == -ETIMEDOUT)
			return ret;
		to->irqs[i] = ret ? 0 : irq.count;
	}
	if (to->pci && to->nr_regions > VFMIG_PCI_REGION_CONFIG &&
	    to->regions[VFMIG_PCI_REGION_CONFIG].size >= 64)
		return ask_pci(device, to, err);
	return 0;
}

int vfmig_hello_make(struct vfmig_migration *m, struct vfmig_hello **hello, struct vfmig_error *err)
{
	struct vfmig_hello *h = vfmig_hello_new(m->nr_movers, m->memory.nr_regions);

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
