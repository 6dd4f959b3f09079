/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The lookalike: a device with next to no function, which can present itself as any kind of VFIO
 * device.
 *
 * It is for developers of device users without an s390. Its regions are memory that keeps
 * what is written to it. A write to the first region raises the first interrupt, a write to the
 * second region the second. It migrates like all other models. docs/models/lookalike.md lists the
 * regions and interrupts of each guise.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <vfmig/model.h>

#include "models/models.h"

#define KEPT 256u /* bytes of each region that keep what is written */

#define RW (VFMIG_REGION_FLAG_READ | VFMIG_REGION_FLAG_WRITE)
#define RO VFMIG_REGION_FLAG_READ

struct lookalike {
	uint64_t as;
	uint8_t kept[4][KEPT];
};

/* ---- the guises ---- */

static const struct {
	uint64_t start_dma, end_dma;
	uint16_t pchid, vfn, fmb_length;
	uint8_t pft, gid;
	uint32_t fh;
} __attribute__((packed)) base = {
	.start_dma = 0x100000000,
	.end_dma = 0x1ffffffff,
	.pchid = 0x1c0,
	.vfn = 3,
	.fmb_length = 56,
	.pft = 5,
	.gid = 7,
	.fh = 0x80000042,
};

static const struct {
	uint64_t dasm, msi_addr, flags;
	uint16_t mui, noi, maxstbl;
	uint8_t version, reserved;
	uint16_t imaxstbl;
} __attribute__((packed)) group = {
	.dasm = 0xffffffffffff0000,
	.msi_addr = 0xfe00000000000000,
	.flags = VFMIG_ZPCI_REFRESH,
	.mui = 4000,
	.noi = 2048,
	.maxstbl = 128,
	.version = 1,
	.imaxstbl = 128,
};

/* "LOOKALIKE 1" in EBCDIC. */
static const struct {
	uint32_t size;
	uint8_t text[16];
} __attribute__((packed)) util = {
	16,
	{0xd3, 0xd6, 0xd6, 0xd2, 0xc1, 0xd3, 0xc9, 0xd2, 0xc5, 0x40, 0xf1, 0x40, 0x40, 0x40, 0x40,
	 0x40},
};

static const struct {
	uint32_t size;
	uint8_t path[4];
} __attribute__((packed)) pfip = {4, {0x20, 0x05, 0x00, 0x01}};

static const struct vfmig_info_cap zpci[] = {
	{VFMIG_DEVICE_CAP_ZPCI_BASE, 2, &base, VFMIG_ZPCI_BASE_V2 - 8},
	{VFMIG_DEVICE_CAP_ZPCI_GROUP, 2, &group, VFMIG_ZPCI_GROUP_V2 - 8},
	{VFMIG_DEVICE_CAP_ZPCI_UTIL, 1, &util, sizeof(util)},
	{VFMIG_DEVICE_CAP_ZPCI_PFIP, 1, &pfip, sizeof(pfip)},
};

static const struct vfmig_model_region ccw[] = {
	{124, RW, 0, 0},
	{8, RW, VFMIG_REGION_TYPE_CCW, VFMIG_REGION_SUBTYPE_CCW_ASYNC_CMD},
	{52, RO, VFMIG_REGION_TYPE_CCW, VFMIG_REGION_SUBTYPE_CCW_SCHIB},
	{8, RO, VFMIG_REGION_TYPE_CCW, VFMIG_REGION_SUBTYPE_CCW_CRW},
};

static const struct vfmig_model_region resources[] = {{4096, RW, 0, 0}, {4096, RW, 0, 0}};

static const struct vfmig_model_region edid[] = {
	{4096, RW, VFMIG_REGION_TYPE_GFX, VFMIG_REGION_SUBTYPE_GFX_EDID},
};

#define INTEL (VFMIG_REGION_TYPE_PCI_VENDOR | VFMIG_PCI_VENDOR_INTEL)

static const struct vfmig_model_region igd[] = {
	{8192, RO, INTEL, VFMIG_REGION_SUBTYPE_INTEL_IGD_OPREGION},
	{256, RO, INTEL, VFMIG_REGION_SUBTYPE_INTEL_IGD_HOST_CFG},
	{256, RO, INTEL, VFMIG_REGION_SUBTYPE_INTEL_IGD_LPC_CFG},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define REGIONS(own) .regions = (own), .region_count = COUNT(own)

enum { PCI, ZPCI, CCW, AP, PLATFORM, AMBA, FSL_MC, CDX, GFX, IGD };

static const char *const guises[] = {"pci",    "zpci", "ccw", "ap",  "platform", "amba",
				     "fsl-mc", "cdx",  "gfx", "igd", NULL};

static const struct vfmig_model_info info[] = {
	[PCI] = {.kind = VFMIG_DEVICE_FLAG_PCI, .msix_mappable = true},
	[ZPCI] = {.kind = VFMIG_DEVICE_FLAG_PCI, .caps = zpci, .cap_count = COUNT(zpci)},
	[CCW] = {.kind = VFMIG_DEVICE_FLAG_CCW, REGIONS(ccw), .irq_count = VFMIG_CCW_IRQ_COUNT},
	[AP] = {.kind = VFMIG_DEVICE_FLAG_AP, .irq_count = 1},
	[PLATFORM] = {.kind = VFMIG_DEVICE_FLAG_PLATFORM, REGIONS(resources), .irq_count = 2},
	[AMBA] = {.kind = VFMIG_DEVICE_FLAG_AMBA, REGIONS(resources), .irq_count = 1},
	[FSL_MC] = {.kind = VFMIG_DEVICE_FLAG_FSL_MC, REGIONS(resources), .irq_count = 1},
	[CDX] = {.kind = VFMIG_DEVICE_FLAG_CDX, REGIONS(resources), .irq_count = 1},
	[GFX] = {.kind = VFMIG_DEVICE_FLAG_PCI, REGIONS(edid)},
	[IGD] = {.kind = VFMIG_DEVICE_FLAG_PCI, REGIONS(igd)},
};

static const struct vfmig_model_info *present(void *self)
{
	const struct lookalike *l = self;

	return &info[l->as];
}

/* ---- what it does ---- */

/*
 * The memory for an access, or NULL. Regions of a PCI device come behind those that every device
 * has; BAR 0 is the first.
 */
static uint8_t *place(struct lookalike *l, unsigned region, uint64_t offset)
{
	unsigned own =
		region < VFMIG_PCI_REGION_COUNT ? region : region - VFMIG_PCI_REGION_COUNT + 1;

	return own < 4 && offset < KEPT ? &l->kept[own][offset] : NULL;
}

static uint64_t read(struct vfmig_kit *kit, void *self, unsigned region, uint64_t offset,
		     unsigned size)
{
	uint8_t *from = place(self, region, offset);
	uint64_t value = 0;

	if (from)
		memcpy(&value, from, size);
	return value;
}

static void write(struct vfmig_kit *kit, void *self, unsigned region, uint64_t offset,
		  uint64_t value, unsigned size)
{
	uint8_t *to = place(self, region, offset);

	if (to)
		memcpy(to, &value, size);
	if (!offset)
		vfmig_kit_irq(kit, region);
}

static bool rest(struct vfmig_kit *kit, void *self)
{
	return true;
}

static const struct vfmig_option options[] = {
	{
		.name = "as",
		.kind = VFMIG_OPTION_CHOICE,
		.offset = offsetof(struct lookalike, as),
		.default_text = "zpci",
		.help = "what it shows itself as",
		.choices = guises,
	},
	{.kind = VFMIG_OPTION_END},
};

static const struct vfmig_entry state[] = {
	VFMIG_FIELD(struct lookalike, kept),
	{.kind = VFMIG_ENTRY_END},
};

const struct vfmig_model vfmig_model_lookalike = {
	.name = "lookalike",
	.summary = "does next to nothing, and shows itself as any kind of device: s390's, say",
	.version = 1,
	.size = sizeof(struct lookalike),
	.options = options,
	.pci =
		{
			.vendor = 0x5646,
			.device = 0x0002,
			.subsystem_vendor = 0x5646,
			.subsystem = 0x0002,
			.class_code = 0x088000,
			.bar[0] = {.size = 4096, .width = 8},
			.msix_vectors = 2,
			.msix_bar = 4,
		},
	.state = state,
	.info = present,
	.read = read,
	.write = write,
	.sleep = rest,
};
