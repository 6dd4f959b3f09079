/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Three versions of a model. A newer one loads the stream of an older one: fields that came later take their
 * presets, fields that went are dropped or put where the model makes their new form of them, a field that
 * changed its meaning is told apart from the one that had its name before. An older one refuses a newer
 * stream, and says so. There and back again only works where nothing has changed.
 */
#include "tests/lib/test_device.h"

struct lamp {
	struct vfmig_kit *kit;
	uint32_t level; /* since 1; since 3 in promille */
	uint32_t old_level;
	uint32_t color;	 /* since 2 */
	uint16_t legacy; /* 1 to 2 */
	uint64_t hours;	 /* since 1 */
	uint32_t loaded_version;
	struct vfmig_block *map; /* since 3 */
};

static const uint32_t white = 0xffffff;

static int lamp_loaded(struct vfmig_kit *kit, void *self, uint32_t version, struct vfmig_error *err)
{
	struct lamp *lamp = self;

	lamp->loaded_version = version;
	return 0;
}

static int lamp3_loaded(struct vfmig_kit *kit, void *self, uint32_t version,
			struct vfmig_error *err)
{
	struct lamp *lamp = self;

	if (version < 3)
		lamp->level = lamp->old_level * 10;
	return lamp_loaded(kit, self, version, err);
}

static uint64_t lamp_read(struct vfmig_kit *kit, void *self, unsigned bar, uint64_t offset,
			  unsigned size)
{
	struct lamp *lamp = self;

	switch (offset) {
	case 0:
		return lamp->level;
	case 8:
		return lamp->color;
	case 16:
		return lamp->hours;
	case 24:
		return lamp->loaded_version;
	case 32:
		return lamp->legacy;
	default:
		return 0;
	}
}

static void lamp_write(struct vfmig_kit *kit, void *self, unsigned bar, uint64_t offset,
		       uint64_t value, unsigned size)
{
	struct lamp *lamp = self;

	if (offset == 0)
		lamp->level = (uint32_t)value;
	else if (offset == 8)
		lamp->color = (uint32_t)value;
	else if (offset == 16)
		lamp->hours = value;
	else if (offset == 32)
		lamp->legacy = (uint16_t)value;
}

#define END                                                                                        \
	{                                                                                          \
		.kind = VFMIG_ENTRY_END                                                            \
	}

static const struct vfmig_entry state1[] = {
	VFMIG_FIELD(struct lamp, level, .max = 100),
	VFMIG_FIELD(struct lamp, legacy),
	VFMIG_FIELD(struct lamp, hours),
	END,
};
static const struct vfmig_entry state2[] = {
	VFMIG_FIELD(struct lamp, level, .max = 100),
	VFMIG_FIELD(struct lamp, legacy),
	VFMIG_FIELD(struct lamp, hours),
	VFMIG_FIELD(struct lamp, color, .since = 2, .default_text = &white),
	END,
};
static const struct vfmig_entry state3[] = {
	{.name = "level",
	 .kind = VFMIG_ENTRY_OLD,
	 .offset = offsetof(struct lamp, old_level),
	 .size = 4,
	 .until = 2,
	 .max = 100},
	VFMIG_FIELD(struct lamp, level, .since = 3, .max = 1000),
	{.name = "legacy",
	 .kind = VFMIG_ENTRY_OLD,
	 .offset = VFMIG_ENTRY_NOWHERE,
	 .size = 2,
	 .until = 2},
	VFMIG_FIELD(struct lamp, hours),
	VFMIG_FIELD(struct lamp, color, .since = 2, .default_text = &white),
	VFMIG_BLOCK(struct lamp, map, .size = 8192, .since = 3),
	END,
};
/* The same as the last one, but for the block. */
static const struct vfmig_entry state3_flat[] = {
	VFMIG_FIELD(struct lamp, level, .since = 3, .max = 1000),
	VFMIG_FIELD(struct lamp, hours),
	VFMIG_FIELD(struct lamp, color, .since = 2, .default_text = &white),
	END,
};
/* The same version, and another idea of what it holds. */
static const struct vfmig_entry state2_other[] = {
	VFMIG_FIELD(struct lamp, level, .max = 100),
	VFMIG_FIELD(struct lamp, legacy),
	VFMIG_FIELD(struct lamp, hours),
	VFMIG_FIELD(struct lamp, color),
	END,
};

static struct vfmig_model model(uint32_t version, const struct vfmig_entry *state)
{
	return (struct vfmig_model){
		.name = "lamp",
		.version = version,
		.size = sizeof(struct lamp),
		.pci = {.bar = {{.size = 64, .width = 8}}},
		.state = state,
		.read = lamp_read,
		.write = lamp_write,
		.loaded = version == 3 ? lamp3_loaded : lamp_loaded,
	};
}

static struct test_device_stream saved_by(const struct vfmig_model *which)
{
	struct vfmig_device *device = test_device_open_as(which, NULL);
	struct vfmig_session *session = test_device_session(device);
	struct test_device_stream stream;

	test_device_set(device, 0, 42);
	test_device_set(device, 8, 0xff0000);
	test_device_set(device, 16, 123456);
	test_device_set(device, 32, 77);
	stream = test_device_save(session);
	vfmig_session_close(session);
	vfmig_device_close(device);
	return stream;
}

static void loads(const struct vfmig_model *from, const struct vfmig_model *to, uint64_t level,
		  uint64_t color, uint64_t legacy)
{
	struct test_device_stream stream = saved_by(from);
	struct vfmig_device *device = test_device_open_as(to, NULL);
	struct vfmig_session *session = test_device_session(device);

	if (to->version > 1)
		test_device_set(device, 8,
				0x123456); /* what was there before does not shine through */
	CHECK_OK(test_device_load(session, stream.bytes, stream.len, 100, &test_err));
	CHECK_EQ(test_device_get(device, 0), level);
	CHECK_EQ(test_device_get(device, 8), color);
	CHECK_EQ(test_device_get(device, 16), 123456);
	CHECK_EQ(test_device_get(device, 24), from->version);
	CHECK_EQ(test_device_get(device, 32), legacy);
	free(stream.bytes);
	vfmig_session_close(session);
	vfmig_device_close(device);
}

static void refuses(const struct vfmig_model *from, const struct vfmig_model *to, const char *why)
{
	struct test_device_stream stream = saved_by(from);
	struct vfmig_device *device = test_device_open_as(to, NULL);
	struct vfmig_session *session = test_device_session(device);
	struct vfmig_error err = {0};

	CHECK_EQ(test_device_load(session, stream.bytes, stream.len, 100, &err), -EINVAL);
	CHECKF(strstr(err.text, why), "\"%s\" does not say \"%s\"", err.text, why);
	free(stream.bytes);
	vfmig_session_close(session);
	vfmig_device_close(device);
}

int main(void)
{
	struct vfmig_model v1 = model(1, state1), v2 = model(2, state2), v3 = model(3, state3);
	struct vfmig_model other = model(2, state2_other), same = model(3, state2),
			   flat = model(3, state3_flat);

	loads(&v1, &v1, 42, 0, 77);
	loads(&v1, &v2, 42, 0xffffff, 77);
	loads(&v1, &v3, 420, 0xffffff, 0);
	loads(&v2, &v2, 42, 0xff0000, 77);
	loads(&v2, &v3, 420, 0xff0000, 0);
	loads(&v3, &v3, 42, 0xff0000, 0);
	refuses(&v2, &v1, "saved by version 2 of model lamp, which is newer than version 1 here");
	refuses(&v3, &v1, "saved by version 3 of model lamp");
	refuses(&v3, &v2, "saved by version 3 of model lamp");
	refuses(&v2, &other, "color is of version 1 here, and of version 2 in the stream");
	refuses(&other, &v2, "color is of version 2 here, and of version 1 in the stream");
	refuses(&v1, &other, "it lacks color, which version 1 of model lamp has");
	/* A table that says nothing of what changed does not load what had it. */
	refuses(&v3, &flat, "version 3 of model lamp has nothing that is called map");
	refuses(&same, &v3, "level is of version 3 here, and of version 1 in the stream");
	return 0;
}
