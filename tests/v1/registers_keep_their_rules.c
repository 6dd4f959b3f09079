/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The registers: reserved reads as zero and ignores writes; what can only be read is not written and the other way
 * round; anything but a whole register is refused; bits 3 to 31 of device_state are as they were told to be.
 * What is mapped is the same as what is read, lies on whole pages, and cannot be taken away.
 *
 * Rules: V1-01, V1-02, V1-13, V1-27, V1-28, V1-29, V1-31, V1-32, V1-33, V1-34, V1-35, TLK-04, PFN-01,
 * PFN-02, PFN-06, PFN-08, PFN-11, PFN-12, PFN-13, PFN-14, PFN-19, PFN-20, PFN-35.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/v1/shown.h"

static void rules(enum vfmig_region_revision revision)
{
	struct region_options options = {.transaction = 64, .reserved = 0xabcdef08};
	struct shown *shown = shown_new(revision, FAKE_ALL, NULL, &options);
	uint64_t wide = 0xffffffffffffffff;
	uint32_t value = 99;

	CHECK_EQ(get32(shown, 4, &value), 0);
	CHECK_EQ(value, 0);
	CHECK_EQ(vfmig_device_region_write(&shown->device, SHOWN_INDEX, 4, &wide, 4, NULL), 0);
	CHECK_EQ(get32(shown, 4, &value), 0);
	CHECK_EQ(value, 0);
	CHECK_EQ(put64(shown, PENDING, 1), -EINVAL);
	CHECK_EQ(put64(shown, DATA_OFFSET, 1), -EINVAL);
	CHECK_EQ(get64(shown, 0, &wide), -EINVAL); /* two registers at once */
	CHECK_EQ(get32(shown, PENDING, &value), -EINVAL);
	CHECK_EQ(get32(shown, PENDING + 4, &value), -EINVAL);
	CHECK_EQ(state(shown), 0xabcdef09);
	CHECK_EQ(put_state(shown, 3), -EINVAL);
	CHECK_EQ(put_state(shown, 0xabcdef0b), 0);
	CHECK_EQ(state(shown), 0xabcdef0b);
	if (revision == VFMIG_REGION_PFN) {
		CHECK_EQ(get64(shown, START_PFN, &wide), -EINVAL);
		CHECK_EQ(get64(shown, PAGE_SIZE, &wide), -EINVAL);
		CHECK_EQ(get64(shown, TOTAL_PFNS, &wide), -EINVAL);
		CHECK_EQ(put64(shown, COPIED_PFNS, 1), -EINVAL);
	}
	vfmig_device_close(&shown->device);
}

static void reported(enum vfmig_region_revision revision, enum region_data place, bool mute)
{
	struct region_options options = {
		.data = place, .transaction = 100000, .framed = true, .mute = mute};
	struct shown *shown = shown_new(revision, FAKE_ALL, NULL, &options);
	struct vfmig_region region;

	CHECK_EQ(vfmig_device_get_region_info(&shown->device, SHOWN_INDEX, &region, NULL), 0);
	CHECK_EQ(region.type, VFMIG_REGION_TYPE_MIGRATION);
	CHECK_EQ(region.subtype, VFMIG_REGION_SUBTYPE_MIGRATION);
	CHECK_EQ(region.revision, mute ? 0 : revision);
	CHECK_EQ(region.revision_flags,
		 mute ? 0 : VFMIG_REGION_REVISION_FRAMED | VFMIG_REGION_REVISION_CHECKS);
	CHECK_EQ(region.revision_capacity, mute ? 0 : 100000);
	CHECK(region.size >= shown->data + 100000);
	CHECK_EQ(region.areas, place == REGION_DATA_TRAPPED ? 0 : 1);
	if (region.areas) {
		CHECK_EQ(shown->data % 4096, 0);
		CHECK_EQ(region.area[0].offset, shown->data);
		CHECK_EQ(region.area[0].size % 4096, 0);
		CHECK((region.area[0].size >= 100000) == (place == REGION_DATA_MAPPED));
	}
	vfmig_device_close(&shown->device);
}

static void mapped(enum region_data place)
{
	struct region_options options = {.data = place, .transaction = 100000};
	struct shown *shown = shown_new(VFMIG_REGION_V1, FAKE_ALL, NULL, &options);
	struct vfmig_request request = {.op = VFMIG_OP_REGION_FD,
					.region_fd = {.index = SHOWN_INDEX}};
	struct vfmig_region region;
	uint8_t byte, *at;
	void *ptr;

	CHECK_EQ(vfmig_device_get_region_info(&shown->device, SHOWN_INDEX, &region, NULL), 0);
	CHECK_EQ(vfmig_device_region_map(&shown->device, SHOWN_INDEX, region.area[0].offset,
					 region.area[0].size, &ptr, NULL),
		 0);
	at = ptr;
	fake_session_give(&shown->fake, 100000, 7, false);
	CHECK_EQ(put_state(shown, 2), 0);
	CHECK_EQ(reg64(shown, PENDING), 100000);
	CHECK_EQ(reg64(shown, DATA_OFFSET), region.area[0].offset);
	CHECK(fake_is_chunk(at, region.area[0].size < 100000 ? region.area[0].size : 100000, 7));
	fetch_chunk(shown, 100000, 7);
	at[100] ^= 0xff;
	CHECK_EQ(vfmig_device_region_read(&shown->device, SHOWN_INDEX, shown->data + 100, &byte, 1,
					  NULL),
		 0);
	CHECK_EQ(byte, at[100]);
	byte = 42;
	CHECK_EQ(vfmig_device_region_write(&shown->device, SHOWN_INDEX, shown->data + 200, &byte, 1,
					   NULL),
		 0);
	CHECK_EQ(at[200], 42);
	/* A reset leaves nothing of it behind. */
	CHECK_EQ(vfmig_device_reset(&shown->device, NULL), 0);
	CHECK_EQ(at[200], 0);
	munmap(ptr, region.area[0].size);

	CHECK_EQ(vfmig_call(&shown->device, &request), 0);
	CHECK(ftruncate(request.region_fd.fd, 0));
	CHECK(fcntl(request.region_fd.fd, F_GET_SEALS) & F_SEAL_SHRINK);
	close(request.region_fd.fd);
	vfmig_device_close(&shown->device);
}

static void not_mapped(void)
{
	struct region_options options = {.transaction = 64};
	struct shown *shown = shown_new(VFMIG_REGION_V1, FAKE_ALL, NULL, &options);
	struct vfmig_request request = {.op = VFMIG_OP_REGION_FD,
					.region_fd = {.index = SHOWN_INDEX}};

	CHECK_EQ(shown->data, 32);
	CHECK_EQ(vfmig_call(&shown->device, &request), -ENODEV);
	vfmig_device_close(&shown->device);
}

int main(void)
{
	rules(VFMIG_REGION_V1);
	rules(VFMIG_REGION_PFN);
	for (int place = REGION_DATA_TRAPPED; place <= REGION_DATA_PARTLY; place++) {
		for (int mute = 0; mute < 2; mute++) {
			reported(VFMIG_REGION_V1, (enum region_data)place, mute);
			reported(VFMIG_REGION_PFN, (enum region_data)place, mute);
		}
	}
	mapped(REGION_DATA_MAPPED);
	mapped(REGION_DATA_PARTLY);
	not_mapped();
	return 0;
}
