/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The rules of the ioctls that need numbers only: VFIO's argsz, SET_IRQS, and iommufd's size, flags and reserved
 * words. Each refusal is provoked; what is just right is taken.
 */
#include "abi/ioctl.h"
#include "tests/abi/refused.h"

static void argsz_is_at_least_the_first_structure(void)
{
	uint32_t words[16] = {0};
	size_t take = 99;

	REFUSED(abi_ioctl_check(99, words, 8, &take), "there is no such ioctl with a structure");
	REFUSED(abi_ioctl_check(ABI_IOCTL_GROUP_GET_DEVICE_FD, words, 8, &take),
		"there is no such ioctl with a structure");
	REFUSED(abi_ioctl_check(UINT32_MAX, words, 8, &take),
		"there is no such ioctl with a structure");
	CHECK(take == 99);
	for (uint32_t nr = 100; nr < 256; nr++) {
		const struct abi_ioctl_kind *kind = abi_ioctl_find_kind(nr);

		if (!kind)
			continue;
		CHECK(kind->min >= 8 && kind->min <= kind->size);
		CHECK(kind->size <= ABI_IOCTL_MAX_FIXED);
		words[1] = 0;
		words[0] = kind->min;
		REFUSED(abi_ioctl_check(nr, fenced(words, 7), 7, &take),
			"not even argsz and flags are there");
		GOOD(abi_ioctl_check(nr, fenced(words, 8), 8, &take));
		CHECK(take == kind->min);
		words[0] = kind->min - 1;
		REFUSED(abi_ioctl_check(nr, fenced(words, 8), 8, &take),
			"argsz is below the structure's first size");
		words[0] = UINT32_MAX; /* a caller who knows more than we do */
		GOOD(abi_ioctl_check(nr, fenced(words, 8), 8, &take));
		CHECK(take == kind->size);
		words[1] = 1;
		if (kind->no_flags)
			REFUSED(abi_ioctl_check(nr, fenced(words, 8), 8, &take),
				"flags that must be zero are not");
		else
			GOOD(abi_ioctl_check(nr, fenced(words, 8), 8, &take));
	}
	CHECK(abi_ioctl_find_kind(ABI_IOCTL_DEVICE_BIND_IOMMUFD)->no_flags);
}

static void interrupts_are_set_in_one_way(void)
{
	const uint32_t trigger = VFMIG_IRQ_SET_ACTION_TRIGGER;
	const struct vfmig_irq_set good = {
		.argsz = 20 + 3 * 4,
		.flags = VFMIG_IRQ_SET_DATA_EVENTFD | trigger,
		.start = 1,
		.count = 3,
	};
	struct vfmig_irq_set set = good;
	size_t bytes = 99;

	GOOD(abi_irq_set_check(&set, &bytes));
	CHECK(bytes == 12);
	set.argsz--;
	REFUSED(abi_irq_set_check(&set, &bytes),
		"the argsz of SET_IRQS leaves no room for its data");
	set.argsz = 19;
	set.count = 0;
	REFUSED(abi_irq_set_check(&set, &bytes),
		"the argsz of SET_IRQS leaves no room for its data");

	set = good;
	set.flags = VFMIG_IRQ_SET_DATA_BOOL | trigger;
	set.argsz = 23;
	GOOD(abi_irq_set_check(&set, &bytes));
	CHECK(bytes == 3);
	set.flags = VFMIG_IRQ_SET_DATA_NONE | trigger;
	set.argsz = 20;
	GOOD(abi_irq_set_check(&set, &bytes));
	CHECK(bytes == 0);

	set.flags = VFMIG_IRQ_SET_DATA_NONE | trigger | 1U << 31;
	REFUSED(abi_irq_set_check(&set, &bytes), "SET_IRQS has unknown flags");
	set.flags = trigger;
	REFUSED(abi_irq_set_check(&set, &bytes), "SET_IRQS has not one kind of data");
	set.flags = VFMIG_IRQ_SET_DATA_NONE | VFMIG_IRQ_SET_DATA_BOOL | trigger;
	REFUSED(abi_irq_set_check(&set, &bytes), "SET_IRQS has not one kind of data");
	set.flags = VFMIG_IRQ_SET_DATA_NONE;
	REFUSED(abi_irq_set_check(&set, &bytes), "SET_IRQS has not one action");
	set.flags = VFMIG_IRQ_SET_DATA_NONE | trigger | VFMIG_IRQ_SET_ACTION_MASK;
	REFUSED(abi_irq_set_check(&set, &bytes), "SET_IRQS has not one action");

	set.flags = VFMIG_IRQ_SET_DATA_NONE | trigger;
	set.count = ABI_IRQS_MAX;
	GOOD(abi_irq_set_check(&set, &bytes));
	set.count++;
	REFUSED(abi_irq_set_check(&set, &bytes),
		"SET_IRQS names more interrupts than there can be");
	set.count = 2;
	set.start = UINT32_MAX - 1;
	REFUSED(abi_irq_set_check(&set, &bytes),
		"SET_IRQS names more interrupts than there can be");
	set.start--;
	GOOD(abi_irq_set_check(&set, &bytes));
}

/* Any call of iommufd: as it was first, with the unknown behind it zero or not, and too small. */
static void sizes_of_iommufd(void)
{
	uint8_t buf[ABI_IOMMUFD_MAX] = {0};
	unsigned int known = 0;

	for (uint32_t nr = 0; nr < 256; nr++) {
		size_t size = abi_iommufd_known(nr);

		CHECK(size <= sizeof(buf));
		if (!size) {
			CHECK(abi_iommufd_check(nr, buf, 64, true) == ABI_IOMMUFD_UNKNOWN);
			continue;
		}
		known++;
		CHECK(abi_iommufd_check(nr, buf, 7, true) == ABI_IOMMUFD_TOO_SMALL);
		CHECK(abi_iommufd_check(nr, buf, (uint32_t)size, true) == ABI_IOMMUFD_FINE);
		CHECK(abi_iommufd_check(nr, buf, 4096, true) == ABI_IOMMUFD_FINE);
		CHECK(abi_iommufd_check(nr, buf, 4096, false) == ABI_IOMMUFD_NEWER);
	}
	CHECK(known == 10);
}

static void flags_of_iommufd(void)
{
	struct abi_iommufd_map map = {.size = 40, .flags = 7};
	struct abi_iommufd_set_dirty dirty = {.size = 16, .flags = 1};
	struct abi_iommufd_get_dirty get = {.size = 48, .flags = ABI_IOMMUFD_DIRTY_NO_CLEAR};

#define VERDICT(nr, s) abi_iommufd_check(nr, &(s), sizeof(s), true)
	CHECK(VERDICT(ABI_IOMMUFD_IOAS_MAP, map) == ABI_IOMMUFD_FINE);
	map.flags = 8;
	CHECK(VERDICT(ABI_IOMMUFD_IOAS_MAP, map) == ABI_IOMMUFD_WRONG);
	map.flags = 7;
	map.reserved = 1;
	CHECK(VERDICT(ABI_IOMMUFD_IOAS_MAP, map) == ABI_IOMMUFD_WRONG);
	CHECK(VERDICT(ABI_IOMMUFD_SET_DIRTY_TRACKING, dirty) == ABI_IOMMUFD_FINE);
	dirty.flags = 2;
	CHECK(VERDICT(ABI_IOMMUFD_SET_DIRTY_TRACKING, dirty) == ABI_IOMMUFD_WRONG);
	CHECK(VERDICT(ABI_IOMMUFD_GET_DIRTY_BITMAP, get) == ABI_IOMMUFD_FINE);
	get.reserved = 1;
	CHECK(VERDICT(ABI_IOMMUFD_GET_DIRTY_BITMAP, get) == ABI_IOMMUFD_WRONG);
	get.reserved = 0;
	get.flags = 2;
	CHECK(VERDICT(ABI_IOMMUFD_GET_DIRTY_BITMAP, get) == ABI_IOMMUFD_WRONG);
#undef VERDICT
}

int main(void)
{
	RUN(argsz_is_at_least_the_first_structure());
	RUN(interrupts_are_set_in_one_way());
	RUN(sizes_of_iommufd());
	RUN(flags_of_iommufd());
	return 0;
}
