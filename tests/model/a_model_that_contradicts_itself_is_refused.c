/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a model says of itself is looked at when it is opened, and refused with a sentence; so are options that
 * it does not take. A create() that fails leaves nothing behind.
 */
#include "tests/lib/test_device.h"

static struct vfmig_entry entries[8];
static struct vfmig_model model;

static void again(void)
{
	model = test_device_model;
	for (size_t i = 0; i < 8; i++)
		entries[i] = test_device_state[i];
	model.state = entries;
}

static void refused(const char *why)
{
	struct vfmig_device *device = NULL;
	struct vfmig_error err = {0};
	int ret = vfmig_model_open(&model, NULL, &device, &err);

	CHECKF(ret == -EINVAL, "%d for \"%s\"", ret, why);
	CHECKF(strstr(err.text, why), "\"%s\" does not say \"%s\"", err.text, why);
	again();
}

static void tables(void)
{
	entries[1].name = "src";
	refused("state \"src\": there are two of that name");
	entries[1].name = "a name";
	refused("printable characters without a space");
	entries[1].name = "";
	refused("printable characters");
	entries[1].name = "pci.config";
	refused("are the kit's");
	entries[1].offset = sizeof(struct test_device) - 4;
	refused("not in the instance");
	entries[1].offset = SIZE_MAX - 8;
	refused("not in the instance");
	entries[1].size = 0;
	refused("1 to 1024 bytes");
	entries[1].size = 1025;
	refused("1 to 1024 bytes");
	entries[1].since = 2;
	refused("came after the model's version");
	entries[1].kind = VFMIG_ENTRY_OLD;
	refused("it is old");
	entries[1].kind = (enum vfmig_entry_kind)9;
	refused("of no kind");
	entries[1].size = 24;
	entries[1].max = 1;
	refused("is no number");
	entries[6].size = 5000;
	refused("block memory of 5000 bytes");
	entries[6].size = 1ull << 60;
	refused("block memory of");
}

static void buses(void)
{
	model.pci.bar[0].size = 100;
	refused("BAR 0 has an impossible size");
	model.pci.bar[0].size = 8;
	refused("BAR 0 has an impossible size");
	model.pci.bar[0].width = 3;
	refused("BAR 0 has an impossible size");
	model.pci.bar[0].width = 16;
	refused("BAR 0 has an impossible size");
	model.pci.bar[0].size = 1ull << 32;
	refused("BAR 0 is too large for 32 bits");
	model.pci.bar[3].size = 4096;
	refused("BAR 2 is of 64 bits: the next one must be empty");
	model.pci.bar[5] = (struct vfmig_bar){.size = 4096, .flags = VFMIG_BAR_64};
	refused("BAR 5 is of 64 bits");
	model.pci.msix_bar = 3;
	refused("BAR 2 is of 64 bits");
	model.pci.msix_bar = 0;
	refused("BAR 0 has the MSI-X table");
	model.pci.msix_bar = 6;
	refused("impossible MSI-X table");
	model.pci.msix_vectors = 2049;
	refused("impossible MSI-X table");
	model.pci.bar[2].memory = "memories";
	refused("there is no block \"memories\"");
	model.pci.bar[2].size = 256u << 10;
	refused("block \"memory\" does not fit");
	model.pci.bar[2].memory_at = 100;
	refused("no page boundary");
}

static int create(struct vfmig_kit *kit, void *self, struct vfmig_error *err)
{
	return vfmig_err(err, -EINVAL, "it does not feel like it");
}

static void destroy(struct vfmig_kit *kit, void *self)
{
	CHECK(!"destroyed without being created");
}

static ssize_t never(struct vfmig_kit *kit, void *self, uint64_t offset, void *buf, size_t len,
		     struct vfmig_error *err)
{
	return 0;
}

static void options(void)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{"memori=4K", "memori"},	{"memory=4", "memory"},
		{"memory=5000", "5000"},	{"migration=some", "migration"},
		{"logging=perhaps", "logging"}, {",", ""},
	};
	struct vfmig_device *device;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct vfmig_error err = {0};
		int ret = vfmig_model_open(&test_device_model, bad[i].text, &device, &err);

		CHECKF(ret == -EINVAL || ret == -ERANGE, "%s: %d", bad[i].text, ret);
		CHECKF(strstr(err.text, bad[i].why), "\"%s\"", err.text);
	}
	device = test_device_open("logging=off,memory=8K,migration=stop_copy");
	CHECK(strstr(vfmig_device_name(device), "card"));
	vfmig_device_close(device);
}

int main(void)
{
	RUN(again());
	CHECK_EQ(vfmig_model_open(NULL, NULL, NULL, NULL), -EINVAL);
	model.name = "two words";
	RUN(refused("one short word"));
	model.name = NULL;
	RUN(refused("no name"));
	model.version = 0;
	RUN(refused("version must be"));
	model.save = never;
	RUN(refused("can save and not load"));
	RUN(tables());
	RUN(buses());
	model.create = create;
	model.destroy = destroy;
	RUN(refused("model card: it does not feel like it"));
	RUN(options());
	return 0;
}
