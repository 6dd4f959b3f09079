/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A stranger's state, loaded into a card (see tests/model/card.h). The first byte says in what slices. If it
 * is even, the rest is the stream; if odd, the rest spoils a good one: three bytes each time, where and
 * what with. Whatever comes of it: what was accepted can run, and saves as something that loads again; and
 * after a reset the card is as new.
 */
#include "fuzz/property.h"
#include "tests/model/card.h"

static struct vfmig_device *device;
static struct vfmig_session *session;
static struct vfmig_space *space;
static struct card_stream good;

static void set_up(void)
{
	struct vfmig_device *from = card_open("memory=8K");
	struct vfmig_session *source = card_session(from);

	card_poke(from, 5000, 1);
	card_set(from, CARD_LEN, 8);
	card_set(from, CARD_GO, 1);
	good = card_save(source);
	vfmig_session_close(source);
	vfmig_device_close(from);
	device = card_open("memory=8K");
	session = card_session(device);
	space = vfmig_space_new();
	card_memory(space, 0, 65536);
	CARD_OK(vfmig_space_attach(space, device, &card_err));
}

static bool takes(const uint8_t *bytes, size_t len, size_t slice)
{
	struct vfmig_error err = {0};
	int ret = card_load(session, bytes, len, slice, &err);

	HOLDS(!ret || (ret == -EINVAL && err.text[0]));
	HOLDS(card_state_of(session) == (!ret			     ? VFMIG_STATE_STOP
					 : strstr(err.text, "reset") ? VFMIG_STATE_ERROR
								     : VFMIG_STATE_RESUMING));
	return !ret;
}

static void works_and_saves(void)
{
	struct card_stream again;
	uint64_t len;

	card_go(session, VFMIG_STATE_RUNNING);
	for (int i = 0; i < 3; i++)
		CARD_OK(vfmig_device_process(device, &card_err));
	len = card_get(device, CARD_LEN);
	HOLDS(len <= CARD_COPY_BYTES);
	again = card_save(session);
	HOLDS(takes(again.bytes, again.len, 1000));
	HOLDS(card_get(device, CARD_LEN) == len);
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
	CARD_OK(vfmig_device_reset(device, &card_err));
	HOLDS(card_state_of(session) == VFMIG_STATE_RUNNING);
	HOLDS(card_get(device, CARD_LEN) == 0 && card_peek(device, 5000) == 0);
	return 0;
}
