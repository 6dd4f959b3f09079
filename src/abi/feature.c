/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Device features: the header, the fixed payloads, and the uAPI's argsz rule. DMA logging, which
 * has rules of its own, is in logging.c.
 */
#include <vfmig/abi_history.h>

#include "abi/feature.h"
#include "abi/le.h"

#define OPERATIONS (VFMIG_FEATURE_GET | VFMIG_FEATURE_SET | VFMIG_FEATURE_PROBE)

_Static_assert(sizeof(struct vfmig_device_feature) == ABI_FEATURE_HEADER_SIZE, "packed");
_Static_assert(sizeof(struct vfmig_feature_mig_state) == 8, "packed");
_Static_assert(sizeof(struct vfmig_precopy_info) == 24, "packed");
_Static_assert(sizeof(struct vfmig_feature_low_power_wake) == 8, "packed");
_Static_assert(sizeof(struct vfmig_feature_history) == 256, "packed");

static const struct abi_feature_kind kinds[VFMIG_FEATURE_COUNT] = {
	[VFMIG_FEATURE_PCI_VF_TOKEN] = {"PCI_VF_TOKEN", VFMIG_FEATURE_SET, 16},
	[VFMIG_FEATURE_MIGRATION] = {"MIGRATION", VFMIG_FEATURE_GET, 8, ABI_FEATURE_ALL},
	[VFMIG_FEATURE_MIG_STATE] = {"MIG_DEVICE_STATE", VFMIG_FEATURE_GET | VFMIG_FEATURE_SET, 8,
				     ABI_FEATURE_ALL},
	[VFMIG_FEATURE_LOW_POWER_ENTRY] = {"LOW_POWER_ENTRY", VFMIG_FEATURE_SET, 0,
					   ABI_FEATURE_EXTENSION_1},
	[VFMIG_FEATURE_LOW_POWER_ENTRY_WAKE] = {"LOW_POWER_ENTRY_WITH_WAKEUP", VFMIG_FEATURE_SET, 8,
						ABI_FEATURE_EXTENSION_1},
	[VFMIG_FEATURE_LOW_POWER_EXIT] = {"LOW_POWER_EXIT", VFMIG_FEATURE_SET, 0,
					  ABI_FEATURE_EXTENSION_1},
	[VFMIG_FEATURE_DMA_LOGGING_START] = {"DMA_LOGGING_START", VFMIG_FEATURE_SET,
					     ABI_LOGGING_START_SIZE, ABI_FEATURE_ALL},
	[VFMIG_FEATURE_DMA_LOGGING_STOP] = {"DMA_LOGGING_STOP", VFMIG_FEATURE_SET, 0,
					    ABI_FEATURE_ALL},
	[VFMIG_FEATURE_DMA_LOGGING_REPORT] = {"DMA_LOGGING_REPORT", VFMIG_FEATURE_GET,
					      ABI_LOGGING_REPORT_SIZE, ABI_FEATURE_ALL},
	[VFMIG_FEATURE_MIG_DATA_SIZE] = {"MIG_DATA_SIZE", VFMIG_FEATURE_GET, 8,
					 ABI_FEATURE_EXTENSION_1},
	[VFMIG_FEATURE_BUS_MASTER] = {"BUS_MASTER", VFMIG_FEATURE_SET, 4, ABI_FEATURE_EXTENSION_1},
	[VFMIG_FEATURE_DMA_BUF] = {"DMA_BUF", VFMIG_FEATURE_GET, 16},
	[VFMIG_FEATURE_MIG_PRECOPY_INFO_V2] = {"MIG_PRECOPY_INFOv2", VFMIG_FEATURE_SET, 0,
					       ABI_FEATURE_EXTENSION_1},
};

static const struct abi_feature_kind user_precopy_info = {"USER_PRECOPY_INFO", VFMIG_FEATURE_GET,
							  24, ABI_FEATURE_EXTENSION_1};
static const struct abi_feature_kind user_report_runs = {
	"USER_REPORT_RUNS", VFMIG_FEATURE_GET, ABI_LOGGING_REPORT_SIZE, ABI_FEATURE_EXTENSION_2};
static const struct abi_feature_kind user_history = {
	"USER_HISTORY", VFMIG_FEATURE_GET | VFMIG_FEATURE_SET, sizeof(struct vfmig_feature_history),
	ABI_FEATURE_EXTENSION_2};

const struct abi_feature_kind *abi_feature_find_kind(uint32_t index)
{
	if (index == VFMIG_FEATURE_USER_PRECOPY_INFO)
		return &user_precopy_info;
	if (index == VFMIG_FEATURE_USER_REPORT_RUNS)
		return &user_report_runs;
	if (index == VFMIG_FEATURE_USER_HISTORY)
		return &user_history;
	return index < VFMIG_FEATURE_COUNT ? &kinds[index] : NULL;
}

bool abi_feature_in_vfio_user(uint32_t index, uint32_t extension)
{
	const struct abi_feature_kind *kind = abi_feature_find_kind(index);

	return kind && kind->since != ABI_FEATURE_KERNEL &&
	       extension >= (uint32_t)kind->since - ABI_FEATURE_ALL;
}

bool abi_state_is_p2p(uint32_t state)
{
	return state == VFMIG_STATE_RUNNING_P2P || state == VFMIG_STATE_PRE_COPY_P2P;
}

const char *vfmig_feature_name(uint32_t index)
{
	const struct abi_feature_kind *kind = abi_feature_find_kind(index);

	return kind ? kind->name : "?";
}

size_t abi_feature_put(void *buf, size_t cap, const struct vfmig_device_feature *f)
{
	return abi_pack(buf, cap, "44", f);
}

const char *abi_feature_get(const void *buf, size_t len, struct vfmig_device_feature *f)
{
	uint32_t ops;

	if (!abi_unpack(buf, len, "44", f))
		return "a device feature needs 8 bytes of header";
	ops = f->flags & OPERATIONS;
	if (f->flags & ~(VFMIG_FEATURE_MASK | OPERATIONS))
		return "a device feature has unknown flags";
	if (!ops)
		return "a device feature must be got, set or probed";
	if (ops == (VFMIG_FEATURE_GET | VFMIG_FEATURE_SET))
		return "a device feature cannot be got and set at once";
	return NULL;
}

const char *abi_feature_check(const struct vfmig_device_feature *f, uint32_t ops, size_t size,
			      bool *run)
{
	if (f->flags & (VFMIG_FEATURE_GET | VFMIG_FEATURE_SET) & ~ops)
		return "the device feature does not have that operation";
	*run = !(f->flags & VFMIG_FEATURE_PROBE);
	if (!*run)
		return NULL;
	if (!(f->flags & (VFMIG_FEATURE_GET | VFMIG_FEATURE_SET)))
		return "a device feature must be got, set or probed";
	if (f->argsz < ABI_FEATURE_HEADER_SIZE || f->argsz - ABI_FEATURE_HEADER_SIZE < size)
		return "argsz leaves no room for the feature's payload";
	return NULL;
}

const char *abi_feature_asked(uint32_t flags, size_t capacity, uint32_t ops, size_t size,
			      bool *perform)
{
	const size_t most = UINT32_MAX - ABI_FEATURE_HEADER_SIZE;
	struct vfmig_device_feature head = {.flags = flags};
	const char *why;

	*perform = false;
	if (flags & ~(VFMIG_FEATURE_MASK | OPERATIONS))
		return "a device feature has unknown flags";
	head.argsz = (uint32_t)((capacity < most ? capacity : most) + ABI_FEATURE_HEADER_SIZE);
	why = abi_feature_check(&head, ops, size, perform);
	if (!why && *perform && (flags & VFMIG_FEATURE_GET) && (flags & VFMIG_FEATURE_SET))
		return "a device feature cannot be got and set at once";
	return why;
}

size_t abi_feature_put_migration(void *buf, size_t cap, uint64_t flags)
{
	return abi_pack(buf, cap, "8", &flags);
}

const char *abi_feature_get_migration(const void *buf, size_t len, uint64_t *flags)
{
	return abi_unpack(buf, len, "8", flags) ? NULL : "MIGRATION needs 8 bytes";
}

size_t abi_feature_put_mig_state(void *buf, size_t cap, const struct vfmig_feature_mig_state *s)
{
	return abi_pack(buf, cap, "44", s);
}

const char *abi_feature_get_mig_state(const void *buf, size_t len,
				      struct vfmig_feature_mig_state *s)
{
	if (!abi_unpack(buf, len, "44", s))
		return "MIG_DEVICE_STATE needs 8 bytes";
	if (s->device_state >= VFMIG_STATE_COUNT)
		return "there is no migration state of that number";
	return NULL;
}

size_t abi_feature_put_data_size(void *buf, size_t cap, uint64_t stop_copy_length)
{
	return abi_pack(buf, cap, "8", &stop_copy_length);
}

const char *abi_feature_get_data_size(const void *buf, size_t len, uint64_t *stop_copy_length)
{
	return abi_unpack(buf, len, "8", stop_copy_length) ? NULL : "MIG_DATA_SIZE needs 8 bytes";
}

size_t abi_feature_put_precopy_info(void *buf, size_t cap, const struct vfmig_precopy_info *p)
{
	return abi_pack(buf, cap, "4488", p);
}

const char *abi_feature_get_precopy_info(const void *buf, size_t len, struct vfmig_precopy_info *p)
{
	if (!abi_unpack(buf, len, "4488", p))
		return "pre-copy info needs 24 bytes";
	if (p->argsz < sizeof(*p))
		return "the argsz of pre-copy info is below its 24 bytes";
	if (p->flags & ~VFMIG_PRECOPY_INFO_REINIT)
		return "pre-copy info has unknown flags";
	return NULL;
}

size_t abi_feature_put_low_power_wake(void *buf, size_t cap,
				      const struct vfmig_feature_low_power_wake *w)
{
	return abi_pack(buf, cap, "44", w);
}

const char *abi_feature_get_low_power_wake(const void *buf, size_t len,
					   struct vfmig_feature_low_power_wake *w)
{
	if (!abi_unpack(buf, len, "44", w))
		return "LOW_POWER_ENTRY_WITH_WAKEUP needs 8 bytes";
	if (w->reserved)
		return "LOW_POWER_ENTRY_WITH_WAKEUP has a reserved word that is not zero";
	return NULL;
}

size_t abi_feature_put_bus_master(void *buf, size_t cap, uint32_t op)
{
	return abi_pack(buf, cap, "4", &op);
}

const char *abi_feature_get_bus_master(const void *buf, size_t len, uint32_t *op)
{
	if (!abi_unpack(buf, len, "4", op))
		return "BUS_MASTER needs 4 bytes";
	if (*op > VFMIG_BUS_MASTER_SET)
		return "BUS_MASTER knows only clear and set";
	return NULL;
}
