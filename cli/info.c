/* SPDX-License-Identifier: BSD-3-Clause */
/* vfmig info: what a device is, and how it can migrate. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <vfmig/abi_region.h>
#include <vfmig/session.h>

#include "cli.h"

/* "a, b" of the words whose bit is set. */
static const char *words_of(uint64_t bits, const char *const *word, size_t count, char *out,
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

static const char *const device_flags[] = {"reset", "PCI"};
static const char *const irq_flags[] = {"eventfd", "maskable", "automasked", "noresize"};
static const char *const states[] = {"STOP_COPY", "P2P", "PRE_COPY"};
static const char *const regions[] = {"BAR0", "BAR1", "BAR2",	"BAR3", "BAR4",
				      "BAR5", "ROM",  "config", "VGA"};
static const char *const irqs[] = {"INTx", "MSI", "MSI-X", "ERR", "REQ"};

static void show_pci(struct vfmig_device *device)
{
	uint8_t c[64];
	char ids[64], subsystem[32];

	if (vfmig_region_read(device, VFMIG_PCI_REGION_CONFIG, 0, c, sizeof(c), NULL))
		return;
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
}

/* A migration region of v1 looks like one of pfn. */
static const char *revision_of(const struct vfmig_region *r)
{
	if (r->type != VFMIG_REGION_TYPE_MIGRATION)
		return "";
	return r->revision == VFMIG_REGION_V1 ? "v1" : r->revision ? "pfn" : "v1 or pfn";
}

static void show_region(uint32_t index, bool pci, const struct vfmig_region *r)
{
	const char *name = pci && index < VFMIG_PCI_REGION_COUNT ? regions[index] : "";
	char size[CLI_NUMBER], mapped[64] = "", type[64] = "";
	uint64_t bytes = 0;
	char access[3] = {r->flags & VFMIG_REGION_FLAG_READ ? 'r' : '-',
			  r->flags & VFMIG_REGION_FLAG_WRITE ? 'w' : '-', 0};

	for (uint32_t i = 0; i < r->areas; i++)
		bytes += r->area[i].size;
	if (cli.json) {
		vfmig_event(&cli_json_events, "region", VFMIG_U64("index", index),
			    VFMIG_TEXT("name", name), VFMIG_U64("size_bytes", r->size),
			    VFMIG_TEXT("access", access), VFMIG_U64("areas", r->areas),
			    VFMIG_U64("mappable_bytes", bytes), VFMIG_U64("type", r->type),
			    VFMIG_U64("subtype", r->subtype),
			    VFMIG_TEXT("revision", revision_of(r)));
		return;
	}
	if (bytes && bytes == r->size)
		snprintf(mapped, sizeof(mapped), "can be mapped");
	else if (r->areas)
		snprintf(mapped, sizeof(mapped), "%s can be mapped, in %u part%s",
			 cli_bytes(size, bytes), r->areas, r->areas == 1 ? "" : "s");
	if (r->type == VFMIG_REGION_TYPE_MIGRATION)
		snprintf(type, sizeof(type), "  migration (%s)", revision_of(r));
	else if (r->type)
		snprintf(type, sizeof(type), "  type %u.%u", r->type, r->subtype);
	printf("    %2u  %-7s %8s  %s%s%s%s\n", index, name, cli_bytes(size, r->size), access, type,
	       *mapped ? "  " : "", mapped);
}

static int show_regions(struct vfmig_device *device, const struct vfmig_device_info *info)
{
	struct vfmig_error err = {0};
	struct vfmig_region region;
	bool pci = info->flags & VFMIG_DEVICE_FLAG_PCI, title = false;

	for (uint32_t i = 0; i < info->num_regions; i++) {
		if (vfmig_device_region(device, i, &region, &err))
			return cli_fail(&err);
		if (!region.size)
			continue;
		if (!title && !cli.json)
			puts("\n  Regions");
		title = true;
		show_region(i, pci, &region);
	}
	return 0;
}

static int show_irqs(struct vfmig_device *device, const struct vfmig_device_info *info)
{
	bool pci = info->flags & VFMIG_DEVICE_FLAG_PCI, title = false;
	struct vfmig_error err = {0};
	struct vfmig_irq_info irq;
	char text[64];

	for (uint32_t i = 0; i < info->num_irqs; i++) {
		const char *name = pci && i < VFMIG_PCI_IRQ_COUNT ? irqs[i] : "";

		if (vfmig_device_irq(device, i, &irq, &err))
			return cli_fail(&err);
		if (!irq.count)
			continue;
		if (!title && !cli.json)
			puts("\n  Interrupts");
		title = true;
		words_of(irq.flags, irq_flags, 4, text, sizeof(text));
		if (cli.json)
			vfmig_event(&cli_json_events, "irq", VFMIG_U64("index", i),
				    VFMIG_TEXT("name", name), VFMIG_U64("count", irq.count),
				    VFMIG_TEXT("flags", text));
		else
			printf("    %2u  %-7s %8u  %s\n", i, name, irq.count, text);
	}
	return 0;
}

/* Which features the device says that it has, and how many there are. */
static void features(struct vfmig_device *device, char *out, size_t size)
{
	size_t used = 0;

	out[0] = 0;
	for (uint32_t i = 0; i < VFMIG_FEATURE_COUNT && used < size; i++)
		if (!vfmig_device_feature(device, VFMIG_FEATURE_PROBE | i, NULL, 0, NULL))
			used += (size_t)snprintf(out + used, size - used, "%s%s", used ? " " : "",
						 vfmig_feature_name(i));
}

static void show_session(struct vfmig_session *session, const char *probed)
{
	char flags[64], size[CLI_NUMBER] = "";
	const char *state_name = "unknown";
	enum vfmig_state state;
	uint64_t bytes = 0;
	int sized = vfmig_session_data_size(session, &bytes, NULL);

	if (!vfmig_session_state(session, &state, NULL))
		state_name = vfmig_state_name(state);
	words_of(vfmig_session_flags(session), states, 3, flags, sizeof(flags));
	if (cli.json) {
		vfmig_event(&cli_json_events, "migration",
			    VFMIG_TEXT("protocol", vfmig_session_protocol(session)),
			    VFMIG_TEXT("flags", flags), VFMIG_TEXT("state", state_name),
			    VFMIG_TEXT("features", probed),
			    sized ? VFMIG_TEXT("data_bytes", "unknown")
				  : VFMIG_U64("data_bytes", bytes));
		return;
	}
	printf("\n  Migration    %s with %s; the device is in %s\n",
	       vfmig_session_protocol(session), flags, state_name);
	printf("    data       %s\n",
	       sized ? "of a size that it does not tell" : cli_bytes(size, bytes));
	printf("    features   ");
	cli_wrap(*probed ? probed : "none", 15, 100);
}

static int show_migration(struct vfmig_device *device)
{
	struct vfmig_error err = {0};
	struct vfmig_session *session;
	char probed[512];
	int ret;

	features(device, probed, sizeof(probed));
	ret = vfmig_session_open(device, cli.protocol, &session, &err);
	if (ret == -EOPNOTSUPP && !cli.protocol) {
		if (cli.json)
			vfmig_event(&cli_json_events, "migration", VFMIG_TEXT("protocol", "none"),
				    VFMIG_TEXT("sentence", err.text));
		else
			printf("\n  Migration    none: %s\n", err.text);
		return 0;
	}
	if (ret)
		return cli_fail(&err);
	show_session(session, probed);
	vfmig_session_close(session);
	return 0;
}

static int show(struct vfmig_device *device)
{
	struct vfmig_device_info info;
	struct vfmig_error err = {0};
	char flags[64];
	int ret;

	if (vfmig_device_info(device, &info, &err))
		return cli_fail(&err);
	words_of(info.flags, device_flags, 2, flags, sizeof(flags));
	if (cli.json)
		vfmig_event(&cli_json_events, "device",
			    VFMIG_TEXT("name", vfmig_device_name(device)),
			    VFMIG_TEXT("flags", flags), VFMIG_U64("regions", info.num_regions),
			    VFMIG_U64("irqs", info.num_irqs));
	else
		printf("%s\n\n  Flags        %s\n", vfmig_device_name(device), flags);
	if (info.flags & VFMIG_DEVICE_FLAG_PCI)
		show_pci(device);
	ret = show_regions(device, &info);
	if (!ret)
		ret = show_irqs(device, &info);
	if (!ret)
		ret = show_migration(device);
	return ret;
}

static int run(const struct cli_list *words)
{
	struct vfmig_device *device;
	int ret = cli_open(words->item[0], &cli.filters, &device);

	if (ret)
		return ret;
	ret = show(device);
	vfmig_device_close(device);
	return ret;
}

const struct cli_command cli_info = {
	.name = "info",
	.usage = "DEVICE",
	.summary = "Show what a device is, and how it can migrate",
	.takes = CLI_TAKES_DEVICES | CLI_DRIVES | CLI_TAKES_JSON,
	.words = {1, 1},
	.text = "Regions, interrupts, the revision of the migration protocol and its states, how much data\n"
		"there is to move. Nothing in the device is changed; but one behind a socket is stopped, as\n"
		"always when its client leaves, and goes on when the next one starts or resets it.\n",
	.examples = "  vfmig info model:copier,size=64M\n"
		    "  vfmig info vfio-user:/run/copier.sock --json\n",
	.run = run,
};
