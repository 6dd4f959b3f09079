/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * PWR-01 PWR-02 PWR-03 PWR-04 PWR-05 PWR-16: after LOW_POWER_ENTRY a device may sleep; every access by a call or by read and write
 * wakes it before it is done; after the access it may sleep again; after LOW_POWER_EXIT it may not.
 */
#include "tests/model/sleeper.h"

static struct vfmig_device *device;
static struct vfmig_space *space;

/* A sleeping device is touched: awake before, asleep again after. Returns what the touch said. */
#define TOUCH(call)                                                                                \
	do {                                                                                       \
		unsigned sleeps_ = sleeper.sleeps, wakes_ = sleeper.wakes;                         \
		CHECK(sleeper.asleep);                                                             \
		call;                                                                              \
		CHECKF(sleeper.wakes == wakes_ + 1, "%s", #call);                                  \
		CHECKF(sleeper.sleeps == sleeps_ + 1, "%s", #call);                                \
		CHECK(!sleeper.reached_asleep);                                                    \
	} while (0)

static void each_access_wakes(void)
{
	struct vfmig_device_info info;
	struct vfmig_region region;
	struct vfmig_irq_info irq;
	struct vfmig_feature_mig_state state;
	uint32_t word;
	int fd = eventfd(0, EFD_NONBLOCK);

	TOUCH(test_device_get(device, TEST_DEVICE_ID));
	TOUCH(test_device_set(device, TEST_DEVICE_SRC, 1));
	TOUCH(test_device_poke(device, 0, 5));
	/* what the kit answers without the model: memory, configuration space, MSI-X */
	TOUCH(CHECK_EQ(test_device_peek(device, 0), 5));
	TOUCH(CHECK_OK(
		vfmig_device_region_read(device, VFMIG_PCI_REGION_CONFIG, 0, &word, 4, &test_err)));
	TOUCH(CHECK_OK(vfmig_device_region_read(device, 4, 0, &word, 4, &test_err)));
	TOUCH(CHECK_OK(vfmig_device_region_write(device, 4, 0, &word, 4, &test_err)));
	/* and every ioctl, also one that only asks, and one that is refused */
	TOUCH(CHECK_OK(vfmig_device_get_info(device, &info, &test_err)));
	TOUCH(CHECK_OK(vfmig_device_get_region_info(device, 0, &region, &test_err)));
	TOUCH(CHECK_OK(vfmig_device_get_irq_info(device, 2, &irq, &test_err)));
	TOUCH(CHECK_OK(
		vfmig_device_set_irq_eventfds(device, VFMIG_PCI_IRQ_MSIX, 0, 1, &fd, &test_err)));
	TOUCH(CHECK_OK(vfmig_device_call_feature(device,
						 VFMIG_FEATURE_GET | VFMIG_FEATURE_MIG_STATE,
						 &state, sizeof(state), &test_err)));
	TOUCH(CHECK_OK(vfmig_device_call_feature(
		device, VFMIG_FEATURE_PROBE | VFMIG_FEATURE_MIGRATION, NULL, 0, &test_err)));
	TOUCH(CHECK_EQ(vfmig_device_call_feature(device, VFMIG_FEATURE_SET | 99, NULL, 0, NULL),
		       -ENOTTY));
	TOUCH(CHECK_EQ(vfmig_device_region_read(device, 0, 1 << 20, &word, 4, NULL), -EINVAL));
	TOUCH(CHECK_OK(vfmig_device_reset(device, &test_err));
	      /* After it there may be something to do: it is worked before it rests. */
	      CHECK_OK(vfmig_device_process(device, &test_err)));
	close(fd);
}

/* A map is the space's and no access; DMA by somebody else into the same memory neither. */
static void a_map_is_no_access(void)
{
	CHECK(sleeper.asleep);
	test_device_memory(space, 1 << 24, 65536);
	CHECK_OK(vfmig_space_unmap(space, 1 << 24, 65536, &test_err));
	CHECK(sleeper.asleep);
}

/* Work keeps it awake until it is done; a migration goes on step by step, between two naps each. */
static void it_works_in_between(void)
{
	uint64_t *memory = test_device_memory(space, 0, 8192);
	struct vfmig_session *session = test_device_session(device);
	struct test_device_stream stream;
	unsigned wakes;

	memory[0] = 41;
	test_device_set(device, TEST_DEVICE_SRC, 0);
	test_device_set(device, TEST_DEVICE_DST, 4096);
	test_device_set(device, TEST_DEVICE_LEN, 8);
	CHECK(sleeper.asleep);
	test_device_set(device, TEST_DEVICE_GO, 2);
	CHECK(!sleeper.asleep); /* there is something to do */
	test_device_work(device, 2);
	CHECK_OK(vfmig_device_process(device, &test_err));
	CHECK(sleeper.asleep);
	CHECK_EQ(memory[512], 42);

	test_device_go(session, VFMIG_STATE_PRE_COPY);
	CHECK_EQ(test_device_state_of(session), VFMIG_STATE_PRE_COPY);
	wakes = sleeper.wakes;
	stream = test_device_save(session);
	CHECK(sleeper.wakes > wakes + 2);
	CHECK(sleeper.asleep && stream.len > 100);
	CHECK_EQ(test_device_state_of(session), VFMIG_STATE_STOP);
	CHECK_OK(test_device_load(session, stream.bytes, stream.len, 1000, &test_err));
	test_device_go(session, VFMIG_STATE_RUNNING);
	CHECK_EQ(test_device_get(device, TEST_DEVICE_DONE), 2);
	CHECK_OK(vfmig_device_process(device, &test_err));
	free(stream.bytes);
	vfmig_session_close(session);
}

static void it_may_not_any_more(void)
{
	unsigned sleeps;

	CHECK(sleeper.asleep);
	CHECK_EQ(sleeper_enter(device), -EINVAL); /* allowed already, and woken by the question */
	CHECK(sleeper.asleep);
	CHECK_OK(sleeper_exit(device));
	CHECK(!sleeper.asleep);
	sleeps = sleeper.sleeps;
	test_device_get(device, TEST_DEVICE_ID);
	CHECK_OK(vfmig_device_process(device, &test_err));
	CHECK_EQ(sleeper.sleeps, sleeps);
	CHECK_OK(sleeper_exit(device)); /* no harm */
	/* A model that is not idle is asked, and asked again. */
	sleeper.restless = true;
	CHECK_OK(sleeper_enter(device));
	CHECK(!sleeper.asleep);
	test_device_get(device, TEST_DEVICE_ID);
	CHECK(!sleeper.asleep);
	sleeper.restless = false;
	test_device_get(device, TEST_DEVICE_ID);
	CHECK(sleeper.asleep);
}

/* The control: a device that was not woken is noticed. */
static void a_touch_asleep_would_be_seen(void)
{
	sleeper.oversleeps = true;
	test_device_get(device, TEST_DEVICE_ID);
	CHECK_EQ(sleeper.reached_asleep, 1);
}

int main(void)
{
	struct vfmig_model model = sleeper_model(), plain = test_device_model;
	struct vfmig_device *other;

	device = test_device_open_as(&model, NULL);
	space = vfmig_space_new();
	CHECK_OK(vfmig_space_attach(space, device, &test_err));
	test_device_get(device, TEST_DEVICE_ID);
	CHECK_EQ(sleeper.sleeps, 0);
	for (uint32_t i = VFMIG_FEATURE_LOW_POWER_ENTRY; i <= VFMIG_FEATURE_LOW_POWER_EXIT; i++) {
		CHECK_OK(vfmig_device_call_feature(device, VFMIG_FEATURE_PROBE | i, NULL, 0,
						   &test_err));
		CHECK_EQ(vfmig_device_call_feature(device, VFMIG_FEATURE_GET | i, NULL, 0, NULL),
			 -EINVAL);
	}
	CHECK_OK(vfmig_device_process(device, &test_err));
	CHECK_OK(sleeper_enter(device));
	CHECK(sleeper.asleep && sleeper.sleeps == 1 && !sleeper.wakes);
	RUN(each_access_wakes());
	RUN(a_map_is_no_access());
	RUN(it_works_in_between());
	RUN(it_may_not_any_more());
	CHECK(!sleeper.reached_asleep);
	RUN(a_touch_asleep_would_be_seen());
	vfmig_device_close(device);
	vfmig_space_free(space);

	other = test_device_open_as(&plain, NULL);
	CHECK_EQ(sleeper_enter(other), -ENOTTY);
	vfmig_device_close(other);
	return 0;
}
