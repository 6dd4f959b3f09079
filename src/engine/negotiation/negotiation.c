/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * HELLO: made by queries to the devices, and encoded as JSON.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vfmig/abi_region.h>

#include "abi/le.h"
#include "device/device.h"
#include "engine/device.h"
#include "engine/migration.h"
#include "engine/negotiation/negotiation.h"

/* ---- queries ---- */

static int ask_pci(struct vfmig_device *device, struct negotiation_device *to,
		   struct vfmig_error *err)
{
	uint8_t config[64];
	int ret = vfmig_device_region_read(device, VFMIG_PCI_REGION_CONFIG, 0, config,
					   sizeof(config), err);

	if (ret)
		return ret;
	to->ids = (struct negotiation_pci){
		.vendor = abi_get16(config),
		.device = abi_get16(config + 2),
		.revision = config[8],
		.class_code = abi_get32(config + 8) >> 8,
		.subsystem_vendor = abi_get16(config + 0x2c),
		.subsystem = abi_get16(config + 0x2e),
	};
	return 0;
}

static int ask_device(struct vfmig_device *device, struct negotiation_device *to,
		      struct vfmig_error *err)
{
	struct vfmig_device_info info;
	struct vfmig_region region;
	struct vfmig_irq_info irq;
	int ret = vfmig_device_get_info(device, &info, err);

	if (ret)
		return ret;
	to->pci = info.flags & VFMIG_DEVICE_FLAG_PCI;
	to->region_count =
		info.num_regions < NEGOTIATION_REGIONS ? info.num_regions : NEGOTIATION_REGIONS;
	to->irq_count = info.num_irqs < NEGOTIATION_IRQS ? info.num_irqs : NEGOTIATION_IRQS;
	for (uint32_t i = 0; i < to->region_count; i++) {
		ret = vfmig_device_get_region_info(device, i, &region, err);
		if (ret && !device_index_absent(ret))
			return ret;
		/* By which registers it is migrated is not what it is: the two ends may differ in that. */
		if (ret || !region.size || region.type == VFMIG_REGION_TYPE_MIGRATION)
			continue;
		to->regions[i].size = region.size;
		to->regions[i].flags =
			region.flags & (VFMIG_REGION_FLAG_READ | VFMIG_REGION_FLAG_WRITE);
	}
	for (uint32_t i = 0; i < to->irq_count; i++) {
		ret = vfmig_device_get_irq_info(device, i, &irq, err);
		if (ret && !device_index_absent(ret))
			return ret;
		to->irqs[i] = ret ? 0 : irq.count;
	}
	if (to->pci && to->region_count > VFMIG_PCI_REGION_CONFIG &&
	    to->regions[VFMIG_PCI_REGION_CONFIG].size >= 64)
		return ask_pci(device, to, err);
	return 0;
}

int negotiation_make(struct vfmig_migration *m, struct negotiation **negotiation,
		     struct vfmig_error *err)
{
	struct negotiation *h = negotiation_new(m->device_count, m->memory.region_count);

	*negotiation = NULL;
	if (!h)
		return vfmig_err(err, -ENOMEM, "no memory to describe the devices");
	for (uint32_t i = 0; i < m->device_count; i++) {
		const struct engine_device *dev = m->devices[i];
		struct vfmig_device *device = vfmig_session_device(dev->session);
		const char *protocol = vfmig_session_protocol(dev->session);
		int ret = device ? ask_device(device, &h->devices[i], err) : 0;

		if (ret) {
			negotiation_free(h);
			return vfmig_err_at(err, ret, "device %s", dev->id);
		}
		strcpy(h->devices[i].id, dev->id);
		snprintf(h->devices[i].protocol, sizeof(h->devices[i].protocol), "%s",
			 protocol ? protocol : "");
		h->devices[i].flags = dev->flags;
	}
	for (uint32_t i = 0; i < m->memory.region_count; i++) {
		const struct engine_map *at = &m->memory.regions[i];

		h->regions[i] = (struct negotiation_memory){
			.space = at->space, .prot = at->prot, .iova = at->iova, .size = at->size};
	}
	*negotiation = h;
	return 0;
}

/*
 * The description that is sent must be one that a destination accepts: @json is read back and compared with what the
 * devices answer when they are asked again. A device that failed to name a region, or an encoder that lost a member,
 * would otherwise be found when the file is loaded and the source is gone.
 */
int negotiation_check(struct vfmig_migration *m, const char *json, size_t len,
		      struct vfmig_error *err)
{
	struct negotiation *sent = NULL, *again = NULL;
	uint32_t order[VFMIG_MIGRATION_DEVICES_MAX];
	int ret = negotiation_decode(json, len, &sent, err);

	if (!ret)
		ret = negotiation_make(m, &again, err);
	if (!ret)
		ret = negotiation_fits(sent, again, order, err);
	if (ret == -EMEDIUMTYPE)
		vfmig_err_at(err, ret,
			     "the devices described themselves in two ways, first \"at the "
			     "source\" and then \"here\"");
	negotiation_free(sent);
	negotiation_free(again);
	return ret;
}

/* ---- writing ---- */

/* Text that grows; with @at NULL it is only measured. */
struct text {
	char *at;
	size_t size, len;
};

static void put(struct text *to, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void put(struct text *to, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(to->at ? to->at + to->len : NULL, to->at ? to->size - to->len : 0, fmt, ap);
	va_end(ap);
	to->len += n > 0 ? (size_t)n : 0;
}

static void put_pci(struct text *to, const struct negotiation_pci *ids)
{
	put(to,
	    ",\"pci\":{\"vendor\":%u,\"device\":%u,\"revision\":%u,\"class\":%u,"
	    "\"subsystem_vendor\":%u,\"subsystem\":%u}",
	    ids->vendor, ids->device, ids->revision, ids->class_code, ids->subsystem_vendor,
	    ids->subsystem);
}

static void put_device(struct text *to, const struct negotiation_device *device)
{
	const char *comma = "";

	put(to, "{\"id\":\"%s\",\"protocol\":\"%s\",\"flags\":%" PRIu64, device->id,
	    device->protocol, device->flags);
	if (device->pci)
		put_pci(to, &device->ids);
	put(to, ",\"regions\":[");
	for (uint32_t i = 0; i < device->region_count; i++) {
		if (!device->regions[i].size)
			continue;
		put(to, "%s{\"index\":%u,\"size\":%" PRIu64 ",\"flags\":%u}", comma, i,
		    device->regions[i].size, device->regions[i].flags);
		comma = ",";
	}
	put(to, "],\"irqs\":[");
	comma = "";
	for (uint32_t i = 0; i < device->irq_count; i++) {
		if (!device->irqs[i])
			continue;
		put(to, "%s{\"index\":%u,\"count\":%u}", comma, i, device->irqs[i]);
		comma = ",";
	}
	put(to, "]}");
}

static void put_hello(struct text *to, const struct negotiation *negotiation)
{
	put(to, "{\"devices\":[");
	for (uint32_t i = 0; i < negotiation->device_count; i++) {
		put(to, "%s", i ? "," : "");
		put_device(to, &negotiation->devices[i]);
	}
	put(to, "],\"memory\":[");
	for (uint32_t i = 0; i < negotiation->region_count; i++) {
		const struct negotiation_memory *r = &negotiation->regions[i];

		put(to, "%s{\"space\":%u,\"iova\":%" PRIu64 ",\"size\":%" PRIu64 ",\"prot\":%u}",
		    i ? "," : "", r->space, r->iova, r->size, r->prot);
	}
	put(to, "]}");
}

/* Ids and protocols are printable, without quotes and backslashes, so no character needs to be escaped. */
char *negotiation_encode(const struct negotiation *negotiation, size_t *len)
{
	struct text text = {0};

	put_hello(&text, negotiation);
	*len = text.len;
	text.size = text.len + 1;
	text.at = malloc(text.size);
	text.len = 0;
	if (text.at)
		put_hello(&text, negotiation);
	return text.at;
}
