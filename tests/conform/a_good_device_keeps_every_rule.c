/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The conformance suite over our own devices: in this process and behind a socket, with each set of optional states.
 * No rule is broken, none could not be looked at, and each was looked at on some device.
 */
#include <unistd.h>

#include <vfmig/export.h>
#include <vfmig/open.h>

#include "conform/conform.h"
#include "tests/lib/check.h"
#include "tests/v1/strict_device.h"

static const struct conform_check *checks[CONFORM_CHECKS_MAX];
static size_t check_count;

struct received {
	const char *name;
	unsigned broken;
	bool *kept;
};

static size_t place(const struct conform_check *check)
{
	size_t i = 0;

	while (checks[i] != check)
		i++;
	return i;
}

static void hear(void *context, const struct conform_result *r)
{
	struct received *received = context;

	if (r->verdict == CONFORM_PASS) {
		received->kept[place(r->check)] = true;
	} else if (r->verdict != CONFORM_NA) {
		received->broken++;
		fprintf(stderr, "%s: %s %s: %s\n", received->name, conform_word(r->verdict),
			r->check->id, r->seen);
	}
}

static void look(struct vfmig_device *device, const char *name, const char *const *rules,
		 size_t rule_count, bool *kept)
{
	const struct conform_options how = {
		.rules = rules,
		.rule_count = rule_count,
		.settle_ms = 1,
	};
	struct received received = {.name = name, .kept = kept};
	const struct conform_report report = {.result = hear, .context = &received};
	unsigned count[CONFORM_VERDICTS];
	struct vfmig_error err = {0};

	CHECKF(!conform_run(device, &how, &report, count, &err), "%s: %s", name, err.text);
	CHECK_EQ(received.broken, 0);
	CHECK(count[CONFORM_PASS] > 0);
	CHECK(!rule_count || count[CONFORM_PASS] == rule_count);
}

static void in_process(const char *name, bool *kept)
{
	struct vfmig_device *device;
	struct vfmig_error err = {0};

	CHECKF(!vfmig_open(name, &device, &err), "%s", err.text);
	look(device, name, NULL, 0, kept);
	vfmig_device_close(device);
}

static void by_vfio_user(const char *name, bool plain, bool *kept)
{
	struct vfmig_export_options config = {.struct_size = sizeof(struct vfmig_export_options),
					      .no_extensions = plain};
	char dir[] = "/tmp/vfmig-conform-XXXXXX", path[64], url[96];
	struct vfmig_device *device, *client;
	struct vfmig_export *server;
	struct vfmig_error err = {0};

	CHECK(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/socket", dir);
	snprintf(url, sizeof(url), "vfio-user:%s", path);
	config.socket_path = path;
	CHECKF(!vfmig_open(name, &device, &err), "%s", err.text);
	CHECKF(!vfmig_export_open_vfio_user(device, &config, &server, &err), "%s", err.text);
	CHECKF(!vfmig_export_start(server, &err), "%s", err.text);
	CHECKF(!vfmig_open(url, &client, &err), "%s", err.text);
	look(client, name, NULL, 0, kept);
	vfmig_device_close(client);
	vfmig_export_close(server);
	vfmig_device_close(device);
	CHECK_EQ(rmdir(dir), 0);
}

/*
 * A stranger's v1 device, strict about the order of accesses. It ends the test if it is asked what the text does not
 * allow a user to ask; so it is asked about the rules that need nothing of the kind.
 */
static void a_stranger(bool *kept)
{
	static const char *const rules[] = {"V1-13", "V1-18", "V1-19", "V1-20", "V1-21",
					    "V1-22", "V1-23", "V1-24", "V1-31", "V1-37",
					    "V1-43", "V1-44", "V1-45", "V1-54"};
	static const size_t sizes[] = {100, 7, 4096, 10000, 1, 0x8000};
	const size_t rule_count = sizeof(rules) / sizeof(rules[0]);
	struct strict *s = strict_new(sizes, sizeof(sizes) / sizeof(sizes[0]), 2);

	look(&s->device, "a stranger's v1 device", rules, rule_count, kept);
	CHECK(s->nwrites >= rule_count);
	vfmig_device_close(&s->device);
}

int main(void)
{
	static const char *const devices[] = {
		"model:copier,size=64K",
		"model:copier,size=64K,migration=p2p",
		"model:copier,size=64K,migration=pre_copy",
		"model:copier,size=64K,migration=stop_copy,logging=off",
		"model:copier,size=64K,migration=off",
		"model:copier,size=64K,protocol=v1,transaction=512",
		"model:copier,size=64K,protocol=v1,data=mapped,tell=off",
		"model:copier,size=64K,protocol=v2+v1,data=partly,transaction=8K",
		"model:copier,size=64K,protocol=pfn,transaction=512",
		"model:copier,size=64K,protocol=pfn,data=mapped,bitmap=apart",
	};
	bool kept[CONFORM_CHECKS_MAX] = {false};
	unsigned never = 0;

	check_count = conform_checks(checks);
	for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++)
		in_process(devices[i], kept);
	a_stranger(kept);
	by_vfio_user(devices[0], false, kept);
	by_vfio_user(devices[0], true, kept);
	by_vfio_user(devices[2], false, kept);
	by_vfio_user(devices[6], false, kept);
	by_vfio_user(devices[9], false, kept);
	for (size_t i = 0; i < check_count; i++) {
		if (!kept[i])
			fprintf(stderr, "%s was never looked at\n", checks[i]->id);
		never += !kept[i];
	}
	CHECK_EQ(never, 0);
	return 0;
}
