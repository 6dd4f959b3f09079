/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Compatibility of the two ends: every mismatch that would fail the migration later is found before
 * any data is sent, and all of them are reported together.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine/negotiation/negotiation.h"

/* The differences, one after the other. What does not fit the sentence is counted. */
struct list {
	char text[VFMIG_ERROR_TEXT - 64];
	size_t used;
	unsigned count, more;
};

static void differ(struct list *list, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void differ(struct list *list, const char *fmt, ...)
{
	char one[160];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(one, sizeof(one), fmt, ap);
	va_end(ap);
	list->count++;
	if (n < 0 || (size_t)n >= sizeof(one) || list->used + (size_t)n + 3 > sizeof(list->text)) {
		list->more++;
		return;
	}
	list->used += (size_t)snprintf(list->text + list->used, sizeof(list->text) - list->used,
				       "%s%s", list->used ? "; " : "", one);
}

static void compare_number(struct list *list, const char *id, const char *what, uint64_t there,
			   uint64_t here)
{
	if (there != here)
		differ(list, "device %s: %s is 0x%llx at the source and 0x%llx here", id, what,
		       (unsigned long long)there, (unsigned long long)here);
}

static void compare_pci(struct list *list, const struct negotiation_device *there,
			const struct negotiation_device *here)
{
	const struct negotiation_pci *a = &there->ids, *b = &here->ids;

	if (there->pci != here->pci) {
		differ(list, "device %s: %s a PCI device", there->id,
		       there->pci ? "only the source's is" : "only this one is");
		return;
	}
	compare_number(list, there->id, "the vendor id", a->vendor, b->vendor);
	compare_number(list, there->id, "the device id", a->device, b->device);
	compare_number(list, there->id, "the revision", a->revision, b->revision);
	compare_number(list, there->id, "the class", a->class_code, b->class_code);
	compare_number(list, there->id, "the subsystem vendor id", a->subsystem_vendor,
		       b->subsystem_vendor);
	compare_number(list, there->id, "the subsystem id", a->subsystem, b->subsystem);
}

/*
 * What the source may send depends on what it has; a device that has more understands less just as well. Peer-to-peer
 * states are no matter of the data: each end sees for itself whether its devices need them.
 */
static void compare_migration(struct list *list, const struct negotiation_device *there,
			      const struct negotiation_device *here)
{
	if (there->flags & ~here->flags & VFMIG_MIGRATION_PRE_COPY)
		differ(list, "device %s: has pre-copy at the source only", there->id);
}

static void compare_regions(struct list *list, const struct negotiation_device *there,
			    const struct negotiation_device *here)
{
	char what[48];

	for (uint32_t i = 0; i < NEGOTIATION_REGIONS; i++) {
		snprintf(what, sizeof(what), "the size of region %u", i);
		compare_number(list, there->id, what, there->regions[i].size,
			       here->regions[i].size);
		if (there->regions[i].size != here->regions[i].size)
			continue;
		snprintf(what, sizeof(what), "the access (read 1, write 2) to region %u", i);
		compare_number(list, there->id, what, there->regions[i].flags,
			       here->regions[i].flags);
	}
	for (uint32_t i = 0; i < NEGOTIATION_IRQS; i++) {
		snprintf(what, sizeof(what), "the number of interrupts of index %u", i);
		compare_number(list, there->id, what, there->irqs[i], here->irqs[i]);
	}
}

static void compare_devices(struct list *list, const struct negotiation *there,
			    const struct negotiation *here, uint32_t *order)
{
	for (uint32_t i = 0; i < there->device_count; i++) {
		const struct negotiation_device *device = &there->devices[i];
		uint32_t k = 0;

		while (k < here->device_count && strcmp(here->devices[k].id, device->id))
			k++;
		order[i] = k;
		if (k == here->device_count) {
			differ(list, "device %s: is not here", device->id);
			continue;
		}
		compare_pci(list, device, &here->devices[k]);
		compare_migration(list, device, &here->devices[k]);
		compare_regions(list, device, &here->devices[k]);
	}
	for (uint32_t k = 0; k < here->device_count; k++) {
		uint32_t i = 0;

		while (i < there->device_count && order[i] != k)
			i++;
		if (i == there->device_count)
			differ(list, "device %s: is here and not at the source",
			       here->devices[k].id);
	}
}

static void compare_memory(struct list *list, const struct negotiation *there,
			   const struct negotiation *here)
{
	uint32_t most =
		there->region_count > here->region_count ? there->region_count : here->region_count;

	if (there->region_count != here->region_count)
		differ(list, "memory: %u maps at the source and %u here", there->region_count,
		       here->region_count);
	for (uint32_t i = 0; i < most; i++) {
		const struct negotiation_memory *a = &there->regions[i], *b = &here->regions[i];

		if (i >= there->region_count || i >= here->region_count) {
			a = i < there->region_count ? a : b;
			differ(list, "memory: map %u (space %u, IOVA 0x%llx, 0x%llx bytes) is %s",
			       i, a->space, (unsigned long long)a->iova,
			       (unsigned long long)a->size,
			       i < there->region_count ? "not here" : "here and not at the source");
		} else if (a->space != b->space || a->iova != b->iova || a->size != b->size) {
			differ(list,
			       "memory: map %u is 0x%llx bytes at IOVA 0x%llx of space %u at the "
			       "source, and 0x%llx at 0x%llx of space %u here",
			       i, (unsigned long long)a->size, (unsigned long long)a->iova,
			       a->space, (unsigned long long)b->size, (unsigned long long)b->iova,
			       b->space);
		} else if (a->prot != b->prot) {
			differ(list,
			       "memory: devices may (read 1, write 2) %u of map %u at the source, and %u "
			       "here",
			       a->prot, i, b->prot);
		}
		if (list->more > 16)
			return;
	}
}

int negotiation_fits(const struct negotiation *there, const struct negotiation *here,
		     uint32_t *order, struct vfmig_error *err)
{
	struct list list = {.used = 0};

	compare_devices(&list, there, here, order);
	compare_memory(&list, there, here);
	if (!list.count)
		return 0;
	if (list.more)
		return vfmig_err(err, -EMEDIUMTYPE, "%s; and %u more", list.text, list.more);
	return vfmig_err(err, -EMEDIUMTYPE, "%s", list.text);
}
