/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Configuration space: 256 bytes, and a mask of the bits that can be written.
 *
 * Everything follows from the mask. A write changes only the bits in the mask, so a BAR returns
 * its size after a write of all ones, and bits that cannot be written in a running device cannot
 * differ in a loaded one. Configuration space answers in every state of the migration. The other
 * effects of writes (decoding on or off, bus master) are between the user and its guest: as behind
 * vfio-pci, regions and DMA work without them.
 */
#include <errno.h>
#include <string.h>

#include "abi/le.h"
#include "model/kit.h"

enum {
	VENDOR = 0x00,
	DEVICE = 0x02,
	COMMAND = 0x04,
	STATUS = 0x06,
	REVISION = 0x08,
	CLASS = 0x09,
	CACHE_LINE = 0x0c,
	LATENCY = 0x0d,
	BARS = 0x10,
	SUBSYSTEM_VENDOR = 0x2c,
	SUBSYSTEM = 0x2e,
	CAPABILITIES = 0x34,
	LINE = 0x3c,
	PIN = 0x3d,
	MSIX = 0x40, /* the only capability */
	MSIX_CONTROL = MSIX + 2,
	MSIX_TABLE = MSIX + 4,
	MSIX_PBA = MSIX + 8,
};

#define COMMAND_WRITABLE      0x0547u /* io, memory, master, parity, SERR#, INTx off */
#define COMMAND_INTX_OFF      0x0400u
#define STATUS_INTX	      0x08u
#define STATUS_CAPABILITIES   0x10u
#define MSIX_ID		      0x11u
#define MSIX_CONTROL_WRITABLE 0xc000u /* enable, mask all */
#define MSIX_CONTROL_MASK_ALL 0x4000u
#define BAR_TYPE_64	      0x4u
#define BAR_TYPE_PREFETCH     0x8u

static void put_bar(struct vfmig_kit *kit, unsigned i)
{
	const struct kit_bar *bar = &kit->bar[i];
	uint8_t *at = kit->config + BARS + 4 * i, *mask = kit->config_mask + BARS + 4 * i;
	uint64_t bits = ~(bar->size - 1);

	if (!bar->size)
		return;
	abi_put32(at, (bar->flags & VFMIG_BAR_64 ? BAR_TYPE_64 : 0) |
			      (bar->flags & VFMIG_BAR_PREFETCH ? BAR_TYPE_PREFETCH : 0));
	abi_put32(mask, (uint32_t)bits);
	if (bar->flags & VFMIG_BAR_64)
		abi_put32(mask + 4, (uint32_t)(bits >> 32));
}

static void put_msix(struct vfmig_kit *kit)
{
	const struct vfmig_pci *pci = &kit->model->pci;

	if (!pci->msix_vectors)
		return;
	kit->config[CAPABILITIES] = MSIX;
	kit->config[STATUS] |= STATUS_CAPABILITIES;
	kit->config[MSIX] = MSIX_ID;
	abi_put16(kit->config + MSIX_CONTROL, (uint16_t)(pci->msix_vectors - 1));
	abi_put16(kit->config_mask + MSIX_CONTROL, MSIX_CONTROL_WRITABLE);
	abi_put32(kit->config + MSIX_TABLE, pci->msix_bar);
	abi_put32(kit->config + MSIX_PBA, kit_msix_pba(pci->msix_vectors) | pci->msix_bar);
}

void kit_pci_reset(struct vfmig_kit *kit)
{
	const struct vfmig_pci *pci = &kit->model->pci;

	memset(kit->config, 0, sizeof(kit->config));
	memset(kit->config_mask, 0, sizeof(kit->config_mask));
	if (!kit->is_pci)
		return;
	abi_put16(kit->config + VENDOR, pci->vendor);
	abi_put16(kit->config + DEVICE, pci->device);
	abi_put16(kit->config_mask + COMMAND, COMMAND_WRITABLE);
	kit->config[REVISION] = pci->revision;
	abi_put16(kit->config + CLASS, (uint16_t)pci->class_code);
	kit->config[CLASS + 2] = (uint8_t)(pci->class_code >> 16);
	kit->config_mask[CACHE_LINE] = 0xff;
	kit->config_mask[LATENCY] = 0xff;
	for (unsigned i = 0; i < VFMIG_BARS; i++)
		put_bar(kit, i);
	abi_put16(kit->config + SUBSYSTEM_VENDOR, pci->subsystem_vendor);
	abi_put16(kit->config + SUBSYSTEM, pci->subsystem);
	kit->config_mask[LINE] = 0xff;
	kit->config[PIN] = pci->intx ? 1 : 0;
	put_msix(kit);
	kit_config_loaded(kit);
}

void kit_config_loaded(struct vfmig_kit *kit)
{
	uint16_t control = abi_get16(kit->config + MSIX_CONTROL);
	uint16_t command = abi_get16(kit->config + COMMAND);

	kit_irqs_config(kit, kit->model->pci.msix_vectors && (control & MSIX_CONTROL_MASK_ALL),
			command & COMMAND_INTX_OFF);
}

void kit_config_read(struct vfmig_kit *kit, uint32_t offset, void *buf, uint32_t len)
{
	uint8_t config[KIT_CONFIG_SIZE];

	memcpy(config, kit->config, sizeof(config));
	pthread_mutex_lock(&kit->irq.lock);
	if (kit->irq.intx_level)
		config[STATUS] |= STATUS_INTX;
	pthread_mutex_unlock(&kit->irq.lock);
	memcpy(buf, config + offset, len);
}

void kit_config_write(struct vfmig_kit *kit, uint32_t offset, const void *buf, uint32_t len)
{
	const uint8_t *from = buf;

	for (uint32_t i = 0; i < len; i++) {
		uint8_t *to = &kit->config[offset + i], mask = kit->config_mask[offset + i];

		*to = (uint8_t)((*to & ~mask) | (from[i] & mask));
	}
	kit_config_loaded(kit);
}

int kit_config_check(struct vfmig_kit *kit, const struct kit_entry *entry, const void *value,
		     struct vfmig_error *err)
{
	const uint8_t *theirs = value;

	for (unsigned i = 0; i < KIT_CONFIG_SIZE; i++)
		if ((theirs[i] ^ kit->config[i]) & ~kit->config_mask[i])
			return vfmig_err(err, -EINVAL,
					 "field %s: byte 0x%02x is 0x%02x, and 0x%02x in this "
					 "device, which cannot change it: it is another device, or "
					 "has other options",
					 entry->name, i, theirs[i], kit->config[i]);
	return 0;
}
