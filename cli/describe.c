/* SPDX-License-Identifier: BSD-3-Clause */
/* Describe a device: see describe.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <vfmig/abi_region.h>
#include <vfmig/space.h>
#include <vfmig/type1.h>

#include "cli.h"
#include "describe.h"

#define HEX_MAX (2 * VFMIG_ZPCI_STRING_MAX + 1)

const char *describe_words(uint64_t bits, const char *const *word, size_t count, char *out,
			   size_t size)
{
	size_t used = 0;

	out[0] = 0;
	for (size_t i = 0; i < count && used < size; i++)
		if (bits >> i & 1 && word[i])
			used += (size_t)snprintf(out + used, size - used, "%s%s", used ? ", " : "",
						 word[i]);
	return out;
}

/* Hexadecimal text: JSON readers may lose digits of numbers above 2^53. */
static const char *hex(uint64_t value, char out[CLI_NUMBER])
{
	snprintf(out, CLI_NUMBER, "0x%llx", (unsigned long long)value);
	return out;
}

static const char *hex_bytes(const uint8_t *bytes, size_t len, char out[HEX_MAX])
{
	out[0] = 0;
	for (size_t i = 0; i < len; i++)
		snprintf(out + 2 * i, HEX_MAX - 2 * i, "%02x", bytes[i]);
	return out;
}

static const char *numbers(const uint16_t *ids, uint32_t count, char *out, size_t size)
{
	size_t used = 0;

	out[0] = 0;
	for (uint32_t i = 0; i < count && used < size; i++)
		used += (size_t)snprintf(out + used, size - used, "%s%u", used ? ", " : "", ids[i]);
	return out;
}

/* ---- the device ---- */

static void device_flags(uint32_t flags, char *out, size_t size)
{
	const char *words[32];

	for (unsigned bit = 0; bit < 32; bit++) {
		words[bit] = vfmig_device_flag_name(bit);
		if (!words[bit])
			words[bit] = "unknown";
	}
	describe_words(flags, words, 32, out, size);
}

static int describe_pci(struct vfmig_device *device)
{
	uint8_t c[64];
	char ids[64], subsystem[32];
	struct vfmig_error err = {0};

	if (vfmig_device_region_read(device, VFMIG_PCI_REGION_CONFIG, 0, c, sizeof(c), &err))
		return cli_fail(&err);
	snprintf(ids, sizeof(ids), "%02x%02x:%02x%02x", c[1], c[0], c[3], c[2]);
	snprintf(subsystem, sizeof(subsystem), "%02x%02x:%02x%02x", c[0x2d], c[0x2c], c[0x2f],
		 c[0x2e]);
	if (cli.json)
		vfmig_event(&cli_json_events, "pci", VFMIG_TEXT("id", ids),
			    VFMIG_TEXT("subsystem", subsystem), VFMIG_U64("revision", c[8]),
			    VFMIG_U64("class", c[11] << 16 | c[10] << 8 | c[9]));
	else
		printf("  PCI          %s, subsystem %s, revision %u, class %02x%02x%02x\n", ids,
		       subsystem, c[8], c[11], c[10], c[9]);
	return 0;
}

static void describe_base(const struct vfmig_zpci_base *b)
{
	char start[CLI_NUMBER], end[CLI_NUMBER];

	hex(b->start_dma, start);
	hex(b->end_dma, end);
	if (cli.json) {
		vfmig_event(&cli_json_events, "zpci-base", VFMIG_U64("version", b->header.version),
			    VFMIG_TEXT("start_dma", start), VFMIG_TEXT("end_dma", end),
			    VFMIG_U64("pchid", b->pchid), VFMIG_U64("vfn", b->vfn),
			    VFMIG_U64("fmb_length_bytes", b->fmb_length), VFMIG_U64("pft", b->pft),
			    VFMIG_U64("gid", b->gid), VFMIG_U64("fh", b->fh));
		return;
	}
	printf("  zPCI         function of type %u in group %u, channel %04x, virtual function %u\n",
	       b->pft, b->gid, b->pchid, b->vfn);
	printf("               DMA from %s to %s, measurement block of %u bytes\n", start, end,
	       b->fmb_length);
	if (b->header.version > 1)
		printf("               function handle %08x\n", b->fh);
}

static void describe_group(const struct vfmig_zpci_group *g)
{
	char mask[CLI_NUMBER], msi[CLI_NUMBER], flags[CLI_NUMBER];

	hex(g->dasm, mask);
	hex(g->msi_addr, msi);
	hex(g->flags, flags);
	if (cli.json) {
		vfmig_event(&cli_json_events, "zpci-group", VFMIG_U64("version", g->header.version),
			    VFMIG_TEXT("dma_mask", mask), VFMIG_TEXT("msi_addr", msi),
			    VFMIG_TEXT("flags", flags), VFMIG_U64("mui", g->mui),
			    VFMIG_U64("msis", g->noi), VFMIG_U64("store_block_bytes", g->maxstbl),
			    VFMIG_U64("pci_version", g->version),
			    VFMIG_U64("interpreted_store_block_bytes", g->imaxstbl));
		return;
	}
	printf("  zPCI group   PCI version %u, DMA mask %s, %u MSIs at %s%s\n", g->version, mask,
	       g->noi, msi, g->flags & VFMIG_ZPCI_REFRESH ? ", refresh of translations" : "");
	printf("               blocks of %u bytes stored", g->maxstbl);
	if (g->header.version > 1)
		printf(" (%u interpreted)", g->imaxstbl);
	printf(", measured each %u ms\n", g->mui);
}

static void describe_caps(const struct vfmig_device_details *about)
{
	char text[VFMIG_ZPCI_STRING_MAX + 1], raw[HEX_MAX], ids[128];

	if (about->has_base)
		describe_base(&about->base);
	if (about->has_group)
		describe_group(&about->group);
	vfmig_ebcdic_text(about->util, about->util_size, text, sizeof(text));
	hex_bytes(about->util, about->util_size, raw);
	if (about->has_util && cli.json)
		vfmig_event(&cli_json_events, "zpci-util", VFMIG_TEXT("text", text),
			    VFMIG_TEXT("bytes", raw));
	else if (about->has_util)
		printf("  zPCI util    \"%s\"\n", text);
	hex_bytes(about->pfip, about->pfip_size, raw);
	if (about->has_pfip && cli.json)
		vfmig_event(&cli_json_events, "zpci-path", VFMIG_TEXT("bytes", raw));
	else if (about->has_pfip)
		printf("  zPCI path    %s\n", raw);
	numbers(about->unknown, about->unknown_count, ids, sizeof(ids));
	if (about->unknown_count && cli.json)
		vfmig_event(&cli_json_events, "unknown-capabilities", VFMIG_TEXT("of", "device"),
			    VFMIG_TEXT("ids", ids));
	else if (about->unknown_count)
		printf("  Unknown      capabilities %s\n", ids);
}

int describe_device(struct vfmig_device *device, const struct vfmig_device_details *about)
{
	char flags[256];
	int ret = 0;

	device_flags(about->flags, flags, sizeof(flags));
	if (cli.json)
		vfmig_event(&cli_json_events, "device",
			    VFMIG_TEXT("name", vfmig_device_name(device)),
			    VFMIG_TEXT("flags", flags), VFMIG_U64("flag_bits", about->flags),
			    VFMIG_U64("regions", about->num_regions),
			    VFMIG_U64("irqs", about->num_irqs));
	else
		printf("%s\n\n  Flags        %s\n", vfmig_device_name(device), flags);
	if (about->flags & VFMIG_DEVICE_FLAG_PCI)
		ret = describe_pci(device);
	describe_caps(about);
	return ret;
}

/* ---- regions ---- */

/* The migration regions of v1 and pfn have the same type. */
static const char *revision_of(const struct vfmig_region *r)
{
	if (r->type != VFMIG_REGION_TYPE_MIGRATION)
		return "";
	return r->revision == VFMIG_REGION_V1 ? "v1" : r->revision ? "pfn" : "v1 or pfn";
}

static const char *type_text(const struct vfmig_region *r, char *out, size_t size)
{
	const char *name = r->type ? vfmig_region_type_name(r->type, r->subtype) : NULL;
	uint32_t vendor = r->type & VFMIG_REGION_TYPE_PCI_VENDOR_MASK;

	out[0] = 0;
	if (!r->type)
		return out;
	if (r->type == VFMIG_REGION_TYPE_MIGRATION)
		snprintf(out, size, "migration (%s)", revision_of(r));
	else if (r->type & VFMIG_REGION_TYPE_PCI_VENDOR)
		snprintf(out, size, "%s (vendor %04x, subtype %u)", name, vendor, r->subtype);
	else
		snprintf(out, size, "%s (type %u, subtype %u)", name ? name : "unknown", r->type,
			 r->subtype);
	return out;
}

static void region_event(const char *name, const char *access, const struct vfmig_region *r,
			 uint64_t mappable)
{
	const char *what = r->type ? vfmig_region_type_name(r->type, r->subtype) : "";
	char ids[128];

	vfmig_event(&cli_json_events, "region", VFMIG_U64("index", r->index),
		    VFMIG_TEXT("name", name), VFMIG_U64("size_bytes", r->size),
		    VFMIG_TEXT("access", access), VFMIG_U64("areas", r->areas),
		    VFMIG_U64("mappable_bytes", mappable), VFMIG_U64("type", r->type),
		    VFMIG_U64("subtype", r->subtype), VFMIG_TEXT("what", what ? what : "unknown"),
		    VFMIG_TEXT("revision", revision_of(r)),
		    VFMIG_U64("msix_mappable", r->msix_mappable));
	for (uint32_t i = 0; i < r->areas; i++)
		vfmig_event(&cli_json_events, "area", VFMIG_U64("region", r->index),
			    VFMIG_U64("offset_bytes", r->area[i].offset),
			    VFMIG_U64("size_bytes", r->area[i].size));
	if (r->unknown_count)
		vfmig_event(
			&cli_json_events, "unknown-capabilities", VFMIG_TEXT("of", "region"),
			VFMIG_U64("region", r->index),
			VFMIG_TEXT("ids", numbers(r->unknown, r->unknown_count, ids, sizeof(ids))));
}

/* Append a property of a region to its line. */
static void region_more(const struct vfmig_region *r, uint64_t mappable)
{
	char text[160], size[CLI_NUMBER], at[CLI_NUMBER];

	if (*type_text(r, text, sizeof(text)))
		printf("  %s", text);
	if (mappable && mappable == r->size)
		printf("  mappable");
	else if (r->areas)
		printf("  %s mappable, in %u area%s", cli_bytes(size, mappable), r->areas,
		       r->areas == 1 ? "" : "s");
	if (r->msix_mappable)
		printf("  MSI-X table mappable");
	if (r->unknown_count)
		printf("  unknown capabilities %s",
		       numbers(r->unknown, r->unknown_count, text, sizeof(text)));
	putchar('\n');
	for (uint32_t i = 0; mappable != r->size && i < r->areas; i++)
		printf("                            %s at %s\n", cli_bytes(size, r->area[i].size),
		       hex(r->area[i].offset, at));
}

static void describe_region(const struct vfmig_region *r, uint32_t flags)
{
	const char *name = vfmig_region_name(flags, r->index);
	char size[CLI_NUMBER];
	uint64_t mappable = 0;
	char access[3] = {r->flags & VFMIG_REGION_FLAG_READ ? 'r' : '-',
			  r->flags & VFMIG_REGION_FLAG_WRITE ? 'w' : '-', 0};

	for (uint32_t i = 0; i < r->areas; i++)
		mappable += r->area[i].size;
	if (cli.json) {
		region_event(name ? name : "", access, r, mappable);
		return;
	}
	printf("    %2u  %-7s %8s  %s", r->index, name ? name : "", cli_bytes(size, r->size),
	       access);
	region_more(r, mappable);
}

int describe_regions(struct vfmig_device *device, const struct vfmig_device_details *about)
{
	struct vfmig_error err = {0};
	struct vfmig_region region;
	bool title = false;

	for (uint32_t i = 0; i < about->num_regions; i++) {
		int ret = vfmig_device_get_region_info(device, i, &region, &err);

		/* Linux rejects the index of an absent VGA region with EINVAL. */
		if (ret && ret != -EINVAL)
			return cli_fail(&err);
		if (ret || !region.size)
			continue;
		if (!title && !cli.json)
			puts("\n  Regions");
		title = true;
		describe_region(&region, about->flags);
	}
	return 0;
}

/* ---- interrupts ---- */

int describe_irqs(struct vfmig_device *device, const struct vfmig_device_details *about)
{
	static const char *const words[] = {"eventfd", "maskable", "automasked", "noresize"};
	struct vfmig_error err = {0};
	struct vfmig_irq_info irq;
	bool title = false;
	char text[64];

	for (uint32_t i = 0; i < about->num_irqs; i++) {
		const char *name = vfmig_irq_name(about->flags, i);

		int ret = vfmig_device_get_irq_info(device, i, &irq, &err);

		if (ret && ret != -EINVAL)
			return cli_fail(&err);
		if (ret || !irq.count)
			continue;
		if (!title && !cli.json)
			puts("\n  Interrupts");
		title = true;
		describe_words(irq.flags, words, 4, text, sizeof(text));
		if (cli.json)
			vfmig_event(&cli_json_events, "irq", VFMIG_U64("index", i),
				    VFMIG_TEXT("name", name ? name : ""),
				    VFMIG_U64("count", irq.count), VFMIG_TEXT("flags", text));
		else
			printf("    %2u  %-7s %8u  %s\n", i, name ? name : "", irq.count, text);
	}
	return 0;
}

/* ---- the IOMMU ---- */

static const char *page_sizes(uint64_t bits, char *out, size_t size)
{
	char one[CLI_NUMBER];
	size_t used = 0;
	unsigned n = 0;

	out[0] = 0;
	for (unsigned bit = 0; bit < 64 && used < size; bit++) {
		if (!(bits >> bit & 1) || n++ >= 4)
			continue;
		used += (size_t)snprintf(out + used, size - used, "%s%s", used ? ", " : "",
					 cli_bytes(one, 1ull << bit));
	}
	if (n > 4 && used < size)
		snprintf(out + used, size - used, " and %u more", n - 4);
	return out;
}

static void tell_iommu(const struct vfmig_iommu_details *iommu)
{
	char pages[128], dirty[128], size[CLI_NUMBER], from[CLI_NUMBER], to[CLI_NUMBER];

	if (cli.json) {
		vfmig_event(&cli_json_events, "iommu",
			    VFMIG_TEXT("page_sizes", hex(iommu->pgsizes, from)),
			    VFMIG_U64("migration", iommu->has_migration),
			    VFMIG_TEXT("dirty_page_sizes", hex(iommu->dirty_pgsizes, to)),
			    VFMIG_U64("dirty_bitmap_max_bytes", iommu->dirty_bitmap_max),
			    VFMIG_U64("has_dma_avail", iommu->has_dma_avail),
			    VFMIG_U64("dma_avail", iommu->dma_avail),
			    VFMIG_U64("iova_ranges", iommu->range_count));
	} else {
		printf("\n  IOMMU        pages of %s\n",
		       page_sizes(iommu->pgsizes, pages, sizeof(pages)));
		if (iommu->has_migration)
			printf("    dirty log  pages of %s, bitmaps up to %s\n",
			       page_sizes(iommu->dirty_pgsizes, dirty, sizeof(dirty)),
			       cli_bytes(size, iommu->dirty_bitmap_max));
		if (iommu->has_dma_avail)
			printf("    maps       %u available\n", iommu->dma_avail);
	}
	for (uint32_t i = 0; i < iommu->range_count; i++) {
		hex(iommu->range[i].start, from);
		hex(iommu->range[i].end, to);
		if (cli.json)
			vfmig_event(&cli_json_events, "iova-range", VFMIG_TEXT("start", from),
				    VFMIG_TEXT("end", to));
		else
			printf("    %-10s %s to %s\n", i ? "" : "addresses", from, to);
	}
}

#define IOMMU_INFO_MAX (16u << 10)

static int ask_iommu(struct vfmig_space *space, struct vfmig_device *device)
{
	static uint8_t answer[IOMMU_INFO_MAX];
	static struct vfmig_iommu_details iommu;
	struct vfmig_type1 *container;
	struct vfmig_error err = {0};
	ssize_t len;

	if (vfmig_space_attach(space, device, &err) ||
	    vfmig_type1_new(space, NULL, &container, &err))
		return cli_fail(&err);
	len = vfmig_type1_get_info(container, sizeof(answer), answer, sizeof(answer));
	vfmig_type1_free(container);
	if (len < 0)
		return cli_failf("the container rejected GET_INFO: %s", strerror((int)-len));
	if (vfmig_iommu_get_details(answer, (size_t)len, &iommu, &err))
		return cli_fail(&err);
	tell_iommu(&iommu);
	return 0;
}

int describe_iommu(struct vfmig_device *device)
{
	struct vfmig_space *space = vfmig_space_new();
	int ret = space ? ask_iommu(space, device) : cli_failf("no memory for an address space");

	vfmig_space_free(space);
	return ret;
}
