/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Feature headers and payloads come back as they were put, are refused when they are cut short, and
 * the argsz rule of the uAPI holds for every operation.
 *
 * Rules: V2-01, V2-02, V2-54.
 */
#include "abi/feature.h"
#include "tests/abi/refused.h"

#define GET   VFMIG_FEATURE_GET
#define SET   VFMIG_FEATURE_SET
#define PROBE VFMIG_FEATURE_PROBE

static void header(void)
{
	static const struct {
		uint32_t flags;
		const char *why;
	} cases[] = {
		{GET | 1, NULL},
		{SET | 2, NULL},
		{PROBE | 6, NULL},
		{PROBE | GET | SET | 6, NULL},
		{GET | VFMIG_FEATURE_MASK, NULL},
		{1, "a device feature must be got, set or probed"},
		{0, "a device feature must be got, set or probed"},
		{GET | SET | 2, "a device feature cannot be got and set at once"},
		{GET | 1U << 19, "a device feature has unknown flags"},
		{GET | 1U << 31, "a device feature has unknown flags"},
	};
	uint8_t buf[8];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vfmig_device_feature in = {.argsz = 77, .flags = cases[i].flags}, out;

		CHECK_EQ(abi_feature_put(buf, 8, &in), 8);
		CHECK_EQ(abi_feature_put(buf, 7, &in), 0);
		REFUSED(abi_feature_get(fenced(buf, 8), 8, &out), cases[i].why);
		CHECK_EQ(out.argsz, 77);
		CHECK_EQ(out.flags, cases[i].flags);
		for (size_t len = 0; len < 8; len++)
			REFUSED(abi_feature_get(fenced(buf, len), len, &out),
				"a device feature needs 8 bytes of header");
	}
}

static void argsz(void)
{
	static const char no_op[] = "the device feature does not have that operation";
	static const char no_room[] = "argsz leaves no room for the feature's payload";
	static const char nothing[] = "a device feature must be got, set or probed";
	static const struct {
		uint32_t argsz, flags, ops;
		size_t size;
		int run; /* -1: refused */
		const char *why;
	} cases[] = {
		{16, GET, GET, 8, 1, NULL},
		{17, GET, GET, 8, 1, NULL},
		{15, GET, GET, 8, -1, no_room},
		{8, GET, GET, 8, -1, no_room},
		{7, GET, GET, 0, -1, no_room},
		{0, SET, SET, 0, -1, no_room},
		{8, SET, SET, 0, 1, NULL},
		{UINT32_MAX, SET, SET | GET, 8, 1, NULL},
		{16, SET, GET, 8, -1, no_op},
		{16, GET, SET, 8, -1, no_op},
		{16, GET, 0, 8, -1, no_op},
		{16, 0, GET, 8, -1, nothing},
		/* A probe needs no room, and asks for all that it names. */
		{8, PROBE, GET, 8, 0, NULL},
		{0, PROBE, GET, 8, 0, NULL},
		{8, PROBE | GET, GET, 8, 0, NULL},
		{8, PROBE | GET | SET, GET | SET, 8, 0, NULL},
		{8, PROBE | GET | SET, GET, 8, -1, no_op},
		{8, PROBE | SET, GET, 8, -1, no_op},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vfmig_device_feature f = {cases[i].argsz, cases[i].flags};
		bool run = false;

		REFUSED(abi_feature_check(&f, cases[i].ops, cases[i].size, &run), cases[i].why);
		if (cases[i].run >= 0)
			CHECK_EQ(run, cases[i].run);
		/* As a request it has its flags and its room apart. */
		if (cases[i].argsz >= 8)
			REFUSED(abi_feature_asked(cases[i].flags, cases[i].argsz - 8, cases[i].ops,
						  cases[i].size, &run),
				cases[i].why);
	}
	bool run;

	REFUSED(abi_feature_asked(GET | 1U << 19 | 1, 8, GET, 8, &run),
		"a device feature has unknown flags");
	REFUSED(abi_feature_asked(GET | SET | 2, 8, GET | SET, 8, &run),
		"a device feature cannot be got and set at once");
	REFUSED(abi_feature_asked(PROBE | GET | SET | 2, 0, GET | SET, 8, &run), NULL);
	CHECK(!run);
	REFUSED(abi_feature_asked(GET | 1, SIZE_MAX, GET, 8, &run), NULL);
	CHECK(run);
}

static void kinds(void)
{
	for (uint32_t i = 0; i < VFMIG_FEATURE_COUNT; i++) {
		const struct abi_feature_kind *k = abi_feature_find_kind(i);

		CHECK(k && k->name);
		CHECK(k->ops && !(k->ops & ~(GET | SET)));
	}
	CHECK_EQ(abi_feature_find_kind(VFMIG_FEATURE_MIG_STATE)->ops, GET | SET);
	CHECK_EQ(abi_feature_find_kind(VFMIG_FEATURE_USER_PRECOPY_INFO)->size, 24);
	CHECK_EQ(abi_feature_find_kind(VFMIG_FEATURE_USER_REPORT_RUNS)->size, 24);
	CHECK(!abi_feature_find_kind(VFMIG_FEATURE_COUNT));
	CHECK(!abi_feature_find_kind(UINT32_MAX));
}

/* Each fixed payload: puts itself, or gets itself back; the same functions for all of them. */
union payload {
	uint64_t flags;
	uint32_t op;
	struct vfmig_feature_mig_state state;
	struct vfmig_precopy_info info;
	struct vfmig_feature_low_power_wake wake;
};

static size_t put_migration(void *b, size_t c, const union payload *p)
{
	return abi_feature_put_migration(b, c, p->flags);
}
static size_t put_state(void *b, size_t c, const union payload *p)
{
	return abi_feature_put_mig_state(b, c, &p->state);
}
static size_t put_size(void *b, size_t c, const union payload *p)
{
	return abi_feature_put_data_size(b, c, p->flags);
}
static size_t put_info(void *b, size_t c, const union payload *p)
{
	return abi_feature_put_precopy_info(b, c, &p->info);
}
static size_t put_wake(void *b, size_t c, const union payload *p)
{
	return abi_feature_put_low_power_wake(b, c, &p->wake);
}
static size_t put_master(void *b, size_t c, const union payload *p)
{
	return abi_feature_put_bus_master(b, c, p->op);
}
static const char *get_migration(const void *b, size_t l, union payload *p)
{
	return abi_feature_get_migration(b, l, &p->flags);
}
static const char *get_state(const void *b, size_t l, union payload *p)
{
	return abi_feature_get_mig_state(b, l, &p->state);
}
static const char *get_size(const void *b, size_t l, union payload *p)
{
	return abi_feature_get_data_size(b, l, &p->flags);
}
static const char *get_info(const void *b, size_t l, union payload *p)
{
	return abi_feature_get_precopy_info(b, l, &p->info);
}
static const char *get_wake(const void *b, size_t l, union payload *p)
{
	return abi_feature_get_low_power_wake(b, l, &p->wake);
}
static const char *get_master(const void *b, size_t l, union payload *p)
{
	return abi_feature_get_bus_master(b, l, &p->op);
}

static void payloads(void)
{
	static const struct {
		size_t size;
		size_t (*put)(void *, size_t, const union payload *);
		const char *(*get)(const void *, size_t, union payload *);
		union payload value;
		const char *why;
		const char *cut;
	} cases[] = {
		{8,
		 put_migration,
		 get_migration,
		 {.flags = 0x0102030405060708},
		 NULL,
		 "MIGRATION needs 8 bytes"},
		{8,
		 put_state,
		 get_state,
		 {.state = {7, -1}},
		 NULL,
		 "MIG_DEVICE_STATE needs 8 bytes"},
		{8,
		 put_state,
		 get_state,
		 {.state = {8, 0}},
		 "there is no migration state of that number",
		 "MIG_DEVICE_STATE needs 8 bytes"},
		{8, put_size, get_size, {.flags = UINT64_MAX}, NULL, "MIG_DATA_SIZE needs 8 bytes"},
		{24,
		 put_info,
		 get_info,
		 {.info = {24, 1, 1ULL << 40, 3}},
		 NULL,
		 "pre-copy info needs 24 bytes"},
		{24,
		 put_info,
		 get_info,
		 {.info = {23, 0, 1, 2}},
		 "the argsz of pre-copy info is below its 24 bytes",
		 "pre-copy info needs 24 bytes"},
		{24,
		 put_info,
		 get_info,
		 {.info = {24, 2, 1, 2}},
		 "pre-copy info has unknown flags",
		 "pre-copy info needs 24 bytes"},
		{8,
		 put_wake,
		 get_wake,
		 {.wake = {-3, 0}},
		 NULL,
		 "LOW_POWER_ENTRY_WITH_WAKEUP needs 8 bytes"},
		{8,
		 put_wake,
		 get_wake,
		 {.wake = {3, 1}},
		 "LOW_POWER_ENTRY_WITH_WAKEUP has a reserved word that is not zero",
		 "LOW_POWER_ENTRY_WITH_WAKEUP needs 8 bytes"},
		{4, put_master, get_master, {.op = 1}, NULL, "BUS_MASTER needs 4 bytes"},
		{4,
		 put_master,
		 get_master,
		 {.op = 2},
		 "BUS_MASTER knows only clear and set",
		 "BUS_MASTER needs 4 bytes"},
	};
	uint8_t buf[32];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		union payload out;

		memset(&out, 0, sizeof(out));
		CHECK_EQ(cases[i].put(buf, cases[i].size - 1, &cases[i].value), 0);
		CHECK_EQ(cases[i].put(buf, sizeof(buf), &cases[i].value), cases[i].size);
		REFUSED(cases[i].get(fenced(buf, cases[i].size), cases[i].size, &out),
			cases[i].why);
		if (!cases[i].why)
			CHECK(!memcmp(&out, &cases[i].value, cases[i].size));
		for (size_t len = 0; len < cases[i].size; len++)
			REFUSED(cases[i].get(fenced(buf, len), len, &out), cases[i].cut);
	}
	/* little endian, byte by byte */
	abi_feature_put_migration(buf, 8, 0x0102030405060708);
	CHECK(!memcmp(buf, "\x08\x07\x06\x05\x04\x03\x02\x01", 8));
}

int main(void)
{
	RUN(header());
	RUN(argsz());
	RUN(kinds());
	RUN(payloads());
	return 0;
}
