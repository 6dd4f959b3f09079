/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Device features. The first byte picks a decoder; what it takes, the encoder gives back byte by
 * byte, and what it promised holds.
 */
#include "abi/feature.h"
#include "fuzz/property.h"

#define RANGES 300

static uint8_t back[16 + 16 * RANGES];

static void same(const uint8_t *data, size_t n)
{
	HOLDS(n);
	HOLDS(!memcmp(back, data, n));
}

static void header(const uint8_t *data, size_t size)
{
	struct vfmig_device_feature f;
	bool run = false;

	if (abi_feature_get(data, size, &f))
		return;
	same(data, abi_feature_put(back, sizeof(back), &f));
	for (uint32_t index = 0; index < VFMIG_FEATURE_COUNT; index++) {
		const struct abi_feature_kind *k = abi_feature_find_kind(index);

		if (!abi_feature_check(&f, k->ops, k->size, &run) && run)
			HOLDS(f.argsz >= ABI_FEATURE_HEADER_SIZE + k->size);
	}
}

static void start(const uint8_t *data, size_t size)
{
	struct vfmig_dma_logging_range r[RANGES];
	uint64_t page;
	uint32_t n;

	if (abi_logging_get_start(data, size, &page, r, size & 1 ? RANGES : 4, &n))
		return;
	HOLDS(n <= ABI_LOGGING_RANGES_MAX && page && !(page & (page - 1)));
	for (uint32_t i = 0; i < n; i++) {
		HOLDS(r[i].length && r[i].iova + r[i].length > r[i].iova);
		for (uint32_t k = 0; k < i; k++)
			HOLDS(r[i].iova >= r[k].iova + r[k].length ||
			      r[k].iova >= r[i].iova + r[i].length);
	}
	same(data, abi_logging_put_start(back, sizeof(back), page, r, n));
}

static void report(const uint8_t *data, size_t size)
{
	struct abi_logging_report r;
	uint64_t bytes;

	if (abi_logging_get_report(data, size, &r, &bytes))
		return;
	HOLDS(bytes && bytes % 8 == 0 && bytes <= ABI_BITMAP_BYTES_MAX);
	HOLDS(bytes * 8 >= r.length / r.page_size);
	HOLDS(r.iova + r.length > r.iova);
	same(data, abi_logging_put_report(back, sizeof(back), &r));
}

/* What the head says is there, and the runs are what the encoder makes of the bitmap that they set. */
static void runs(const uint8_t *data, size_t size)
{
	static uint64_t bitmap[1024];
	uint8_t again[4096];
	struct abi_logging_runs r;
	uint64_t bytes;
	uint32_t count;
	size_t len;

	if (!abi_logging_get_runs(data, size, &r, &bytes)) {
		HOLDS(bytes <= ABI_BITMAP_BYTES_MAX && r.count <= bytes * 8);
		same(data, abi_logging_put_runs(back, sizeof(back), &r));
	}
	count = (uint32_t)(size / ABI_RUN_SIZE);
	if (size > sizeof(again) || abi_runs_check(data, size, count, sizeof(bitmap) * 8))
		return;
	memset(bitmap, 0, sizeof(bitmap));
	abi_runs_set(data, count, bitmap);
	len = abi_runs_put(again, sizeof(again), bitmap, 1024, &count);
	HOLDS(len <= size && len == count * ABI_RUN_SIZE);
	HOLDS(!abi_runs_check(again, len, count, sizeof(bitmap) * 8));
	abi_runs_clear(again, count, bitmap);
	for (unsigned i = 0; i < 1024; i++)
		HOLDS(!bitmap[i]);
}

/* get into v, and put back. */
#define ROUND(name, type, by)                                                                      \
	do {                                                                                       \
		type v;                                                                            \
                                                                                                   \
		if (!abi_feature_get_##name(data, size, &v))                                       \
			same(data, abi_feature_put_##name(back, sizeof(back), by v));              \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t which = size ? data[0] : 0;

	if (size) {
		data++;
		size--;
	}
	switch (which % 10) {
	case 0:
		header(data, size);
		break;
	case 1:
		start(data, size);
		break;
	case 2:
		report(data, size);
		break;
	case 3:
		ROUND(migration, uint64_t, );
		break;
	case 4:
		ROUND(mig_state, struct vfmig_feature_mig_state, &);
		break;
	case 5:
		ROUND(data_size, uint64_t, );
		break;
	case 6:
		ROUND(precopy_info, struct vfmig_precopy_info, &);
		break;
	case 7:
		ROUND(low_power_wake, struct vfmig_feature_low_power_wake, &);
		break;
	case 8:
		runs(data, size);
		break;
	default:
		ROUND(bus_master, uint32_t, );
		break;
	}
	return 0;
}
