/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A stranger's state, loaded into a card (see tests/model/card.h). The first byte says in what slices. If it
 * is even, the rest is the stream; if odd, the rest spoils a good one: three bytes each time, where and
 * what with. Whatever comes of it: what was accepted can run, and saves as something that loads again; and
 * after a reset the card is as new.
 */
#include "fuzz/property.h"
#include "tests/lib/test_device.h"

static struct vfmig_device *device;
static struct vfmig_session *session;
static struct vfmig_space *space;
static struct test_device_stream good;

static void set_up(void)
{
	struct vfmig_device *from = test_device_open("memory=8K");
	struct vfmig_session *source = test_device_session(from);

	test_device_poke(from, 5000, 1);
	test_device_set(from, TEST_DEVICE_LEN, 8);
	test_device_set(from, TEST_DEVICE_GO, 1);
	good = test_device_save(source);
	vfmig_session_close(source);
	vfmig_device_close(from);
	device = test_device_open("memory=8K");
	session = test_device_session(device);
	space = vfmig_space_new();
	test_device_memory(space, 0, 65536);
	CHECK_OK(vfmig_space_attach(space, device, &test_err));
}

static bool takes(const uint8_t *bytes, size_t len, size_t slice)
{
	struct vfmig_error err = {0};
	int ret = test_device_load(session, bytes, len, slice, &err);

	HOLDS(!ret || (ret == -EINVAL && err.text[0]));
	HOLDS(test_device_state_of(session) == (!ret ? VFMIG_STATE_STOP
						: strstr(err.text, "reset")
							? VFMIG_STATE_ERROR
							: VFMIG_STATE_RESUMING));
	return !ret;
}

static void works_and_saves(void)
{
	struct test_device_stream again;
	uint64_t len;

	test_device_go(session, VFMIG_STATE_RUNNING);
	for (int i = 0; i < 3; i++)
		CHECK_OK(vfmig_device_process(device, &test_err));
	len = test_device_get(device, TEST_DEVICE_LEN);
	HOLDS(len <= TEST_DEVICE_COPY_BYTES);
	again = test_device_save(session);
	HOLDS(takes(again.bytes, again.len, 1000));
	HOLDS(test_device_get(device, TEST_DEVICE_LEN) == len);
	free(again.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t slice;

	if (!device)
		set_up();
	if (!size)
		return 0;
	slice = 1 + data[0] / 2;
	if (data[0] % 2) {
		uint8_t *spoiled = malloc(good.len);

		memcpy(spoiled, good.bytes, good.len);
		for (size_t i = 1; i + 3 <= size; i += 3)
			spoiled[(data[i] | data[i + 1] << 8) % good.len] ^= data[i + 2];
		if (takes(spoiled, good.len, slice * 8))
			works_and_saves();
		free(spoiled);
	} else if (takes(data + 1, size - 1, slice)) {
		works_and_saves();
	}
	CHECK_OK(vfmig_device_reset(device, &test_err));
	HOLDS(test_device_state_of(session) == VFMIG_STATE_RUNNING);
	HOLDS(test_device_get(device, TEST_DEVICE_LEN) == 0 && test_device_peek(device, 5000) == 0);
	return 0;
}
