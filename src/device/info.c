/* SPDX-License-Identifier: BSD-3-Clause */
/* Decoding of a device's information and capabilities, and names for their values. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vfmig/abi_region.h>
#include <vfmig/info.h>

#include "abi/device_info.h"
#include "abi/type1.h"
#include "device/device.h"

/* The limit for a device's information; a device that reports more is rejected. */
#define INFO_MAX 65536u

int vfmig_device_get_details(struct vfmig_device *device, struct vfmig_device_details *about,
			     struct vfmig_error *err)
{
	size_t size = 512;
	void *buf = NULL;
	const char *why;
	ssize_t ret;

	for (;;) {
		struct vfmig_request request = {.op = VFMIG_OP_DEVICE_INFO, .err = err};

		free(buf);
		buf = calloc(1, size);
		if (!buf)
			return vfmig_err(err, -ENOMEM, "no memory for a device's information");
		request.info.buf = buf;
		request.info.size = size;
		ret = vfmig_call(device, &request);
		if (ret < 0 || (size_t)ret <= size)
			break;
		if (ret > INFO_MAX) {
			ret = vfmig_err(
				err, -E2BIG,
				"device %s: device information has %zd bytes, the limit is %u",
				device->name, ret, INFO_MAX);
			break;
		}
		size = (size_t)ret;
	}
	if (ret >= 0) {
		why = abi_device_info_get(buf, (size_t)ret, about);
		ret = why ? vfmig_err(err, -EPROTO, "device %s: %s", device->name, why) : 0;
	}
	free(buf);
	return (int)ret;
}

int vfmig_iommu_get_details(const void *buf, size_t len, struct vfmig_iommu_details *about,
			    struct vfmig_error *err)
{
	struct abi_type1_says says = {.ranges = about->range};
	const char *why = abi_type1_get_info(buf, len, &says, VFMIG_IOVA_RANGES_MAX);

	if (why)
		return vfmig_err(err, -EPROTO, "%s", why);
	about->pgsizes = says.iova_pgsizes;
	about->has_migration = says.has_migration;
	about->dirty_pgsizes = says.pgsize_bitmap;
	about->dirty_bitmap_max = says.max_dirty_bitmap_size;
	about->has_dma_avail = says.has_dma_avail;
	about->dma_avail = says.dma_avail;
	about->range_count = says.range_count;
	return 0;
}

/* ---- names ---- */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const char *vfmig_device_flag_name(unsigned bit)
{
	static const char *const names[] = {"reset", "PCI",    "platform", "AMBA", "CCW",
					    "AP",    "fsl-mc", "caps",	   "CDX"};

	return bit < COUNT(names) ? names[bit] : NULL;
}

const char *vfmig_region_name(uint32_t flags, uint32_t index)
{
	static const char *const pci[VFMIG_PCI_REGION_COUNT] = {
		"BAR0", "BAR1", "BAR2", "BAR3", "BAR4", "BAR5", "ROM", "config", "VGA"};

	if (flags & VFMIG_DEVICE_FLAG_PCI)
		return index < COUNT(pci) ? pci[index] : NULL;
	if (flags & VFMIG_DEVICE_FLAG_CCW)
		return index == VFMIG_CCW_REGION_CONFIG ? "I/O" : NULL;
	return NULL;
}

const char *vfmig_irq_name(uint32_t flags, uint32_t index)
{
	static const char *const pci[VFMIG_PCI_IRQ_COUNT] = {"INTx", "MSI", "MSI-X", "ERR", "REQ"};
	static const char *const ccw[VFMIG_CCW_IRQ_COUNT] = {"I/O", "CRW", "REQ"};

	if (flags & VFMIG_DEVICE_FLAG_PCI)
		return index < COUNT(pci) ? pci[index] : NULL;
	if (flags & VFMIG_DEVICE_FLAG_CCW)
		return index < COUNT(ccw) ? ccw[index] : NULL;
	if (flags & VFMIG_DEVICE_FLAG_AP)
		return index == VFMIG_AP_IRQ_REQ ? "REQ" : NULL;
	return NULL;
}

const char *vfmig_region_type_name(uint32_t type, uint32_t subtype)
{
	static const struct {
		uint32_t type, subtype;
		const char *name;
	} names[] = {
		{VFMIG_REGION_TYPE_GFX, VFMIG_REGION_SUBTYPE_GFX_EDID, "GFX EDID"},
		{VFMIG_REGION_TYPE_CCW, VFMIG_REGION_SUBTYPE_CCW_ASYNC_CMD, "CCW async commands"},
		{VFMIG_REGION_TYPE_CCW, VFMIG_REGION_SUBTYPE_CCW_SCHIB, "CCW SCHIB"},
		{VFMIG_REGION_TYPE_CCW, VFMIG_REGION_SUBTYPE_CCW_CRW, "CCW CRW"},
		{VFMIG_REGION_TYPE_MIGRATION, VFMIG_REGION_SUBTYPE_MIGRATION, "migration"},
		{VFMIG_REGION_TYPE_PCI_VENDOR | VFMIG_PCI_VENDOR_INTEL,
		 VFMIG_REGION_SUBTYPE_INTEL_IGD_OPREGION, "Intel graphics OpRegion"},
		{VFMIG_REGION_TYPE_PCI_VENDOR | VFMIG_PCI_VENDOR_INTEL,
		 VFMIG_REGION_SUBTYPE_INTEL_IGD_HOST_CFG, "Intel graphics host bridge config"},
		{VFMIG_REGION_TYPE_PCI_VENDOR | VFMIG_PCI_VENDOR_INTEL,
		 VFMIG_REGION_SUBTYPE_INTEL_IGD_LPC_CFG, "Intel graphics LPC bridge config"},
		{VFMIG_REGION_TYPE_PCI_VENDOR | VFMIG_PCI_VENDOR_NVIDIA,
		 VFMIG_REGION_SUBTYPE_NVIDIA_NVLINK2_RAM, "NVIDIA NVLink2 RAM"},
		{VFMIG_REGION_TYPE_PCI_VENDOR | VFMIG_PCI_VENDOR_IBM,
		 VFMIG_REGION_SUBTYPE_IBM_NVLINK2_ATSD, "IBM NVLink2 ATSD"},
	};

	for (size_t i = 0; i < COUNT(names); i++)
		if (names[i].type == type && names[i].subtype == subtype)
			return names[i].name;
	return type & VFMIG_REGION_TYPE_PCI_VENDOR ? "PCI vendor" : NULL;
}

/* Code page 037, as far as strings of devices use it. */
static char ebcdic(uint8_t c)
{
	static const struct {
		uint8_t code;
		char sign;
	} signs[] = {{0x40, ' '}, {0x4b, '.'}, {0x4d, '('}, {0x5d, ')'}, {0x60, '-'}, {0x61, '/'},
		     {0x6b, ','}, {0x6d, '_'}, {0x7a, ':'}, {0x7b, '#'}, {0x7c, '@'}, {0x7e, '='}};
	static const struct {
		uint8_t first, last;
		char letter;
	} runs[] = {{0xc1, 0xc9, 'A'}, {0xd1, 0xd9, 'J'}, {0xe2, 0xe9, 'S'}, {0x81, 0x89, 'a'},
		    {0x91, 0x99, 'j'}, {0xa2, 0xa9, 's'}, {0xf0, 0xf9, '0'}};

	for (size_t i = 0; i < COUNT(runs); i++)
		if (c >= runs[i].first && c <= runs[i].last)
			return (char)(runs[i].letter + (c - runs[i].first));
	for (size_t i = 0; i < COUNT(signs); i++)
		if (signs[i].code == c)
			return signs[i].sign;
	return '?';
}

char *vfmig_ebcdic_text(const uint8_t *bytes, size_t len, char *out, size_t size)
{
	size_t n = 0;

	while (len && (!bytes[len - 1] || bytes[len - 1] == 0x40))
		len--;
	for (; n < len && n + 1 < size; n++)
		out[n] = ebcdic(bytes[n]);
	out[n] = 0;
	return out;
}
