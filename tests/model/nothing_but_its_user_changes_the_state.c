/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * V2-10 V2-23 V2-59: a device stays in the state that its user asked for, whatever else is done to it: registers, memory,
 * configuration space, MSI-X, interrupts, maps, another address space, logging, low power, data to its end, questions,
 * work. In the states that are stopped it goes on answering, and changes nothing: what it saves is the same.
 */
#include "tests/model/sleeper.h"

static struct vfmig_device *device;
static struct vfmig_session *session;
static struct vfmig_space *space;
static enum vfmig_state state;

#define STAYS(call)                                                                                \
	do {                                                                                       \
		(void)(call);                                                                      \
		CHECK_OK(vfmig_device_process(device, &test_err));                                 \
		CHECKF(test_device_state_of(session) == state, "%s in %s led to %s", #call,        \
		       vfmig_state_name(state), vfmig_state_name(test_device_state_of(session)));  \
	} while (0)

static bool stopped(void)
{
	return state == VFMIG_STATE_STOP || state == VFMIG_STATE_STOP_COPY ||
	       state == VFMIG_STATE_RESUMING;
}

static void read_all(void)
{
	uint8_t bytes[4096];

	while (vfmig_session_read(session, bytes, sizeof(bytes), NULL) > 0)
		;
}

static void log_dma(void)
{
	struct vfmig_dma_logging_range range = {0, 1 << 20};
	struct vfmig_feature_dma_logging_control start = {
		.page_size = 4096, .num_ranges = 1, .ranges = (uintptr_t)&range};
	uint64_t bits[4] = {0};
	struct vfmig_feature_dma_logging_report report = {
		.length = 1 << 20, .page_size = 4096, .bitmap = (uintptr_t)bits};

	STAYS(vfmig_device_call_feature(device, VFMIG_FEATURE_SET | VFMIG_FEATURE_DMA_LOGGING_START,
					&start, sizeof(start), NULL));
	STAYS(vfmig_device_call_feature(device,
					VFMIG_FEATURE_GET | VFMIG_FEATURE_DMA_LOGGING_REPORT,
					&report, sizeof(report), NULL));
	if (stopped()) /* nothing was written since */
		CHECK(!bits[0] && !bits[1] && !bits[2] && !bits[3]);
	STAYS(vfmig_device_call_feature(device, VFMIG_FEATURE_SET | VFMIG_FEATURE_DMA_LOGGING_STOP,
					NULL, 0, NULL));
}

static void everything(void)
{
	int event = eventfd(0, EFD_NONBLOCK);
	struct vfmig_space *other = vfmig_space_new();
	struct vfmig_feature_mig_state get = {0};
	struct vfmig_precopy_info info;
	uint16_t command = 0x0406;
	uint32_t word, address = 0xfee00000;
	uint64_t size;

	/* configuration space and MSI-X answer, and keep what is written */
	STAYS(vfmig_device_region_write(device, VFMIG_PCI_REGION_CONFIG, 4, &command, 2, NULL));
	CHECK_OK(vfmig_device_region_read(device, VFMIG_PCI_REGION_CONFIG, 0, &word, 4, &test_err));
	CHECK_EQ(word, 0x56781234);
	CHECK_OK(vfmig_device_region_read(device, VFMIG_PCI_REGION_CONFIG, 4, &word, 2, &test_err));
	CHECK_EQ(word & 0xffff, command);
	STAYS(vfmig_device_region_write(device, 4, 0, &address, 4, NULL));
	CHECK_OK(vfmig_device_region_read(device, 4, 0, &word, 4, &test_err));
	CHECK_EQ(word, address);
	CHECK_OK(
		vfmig_device_set_irq_eventfds(device, VFMIG_PCI_IRQ_MSIX, 0, 1, &event, &test_err));
	STAYS(test_device_set(device, TEST_DEVICE_VECTOR, 0));
	if (stopped()) /* it is kept for later */
		CHECK_EQ(test_device_signals(event), 0);
	STAYS(vfmig_device_set_irq_eventfds(device, VFMIG_PCI_IRQ_MSIX, 0, 1, &(int32_t){-1},
					    NULL));
	/* registers, memory, and work that they ask for */
	STAYS(test_device_set(device, TEST_DEVICE_LEN, 8));
	STAYS(test_device_set(device, TEST_DEVICE_GO, 1));
	STAYS(test_device_poke(device, 5, 5));
	STAYS(test_device_peek(device, 5));
	STAYS(test_device_set(device, TEST_DEVICE_REINIT, 1));
	/* its memory */
	STAYS(test_device_memory(space, 1 << 24, 4096));
	STAYS(vfmig_space_unmap(space, 1 << 24, 4096, NULL));
	STAYS(vfmig_space_detach(space, device, NULL));
	STAYS(vfmig_space_attach(other, device, NULL));
	STAYS(vfmig_space_detach(other, device, NULL));
	STAYS(vfmig_space_attach(space, device, NULL));
	/* what else it has */
	log_dma();
	STAYS(sleeper_enter(device));
	STAYS(sleeper_enter_wake(device, event));
	STAYS(sleeper_exit(device));
	STAYS(vfmig_session_get_data_size(session, &size, NULL));
	STAYS(vfmig_session_get_precopy_info(session, &info, NULL));
	STAYS(read_all());
	STAYS(vfmig_session_write(session, "nonsense", 8, NULL));
	STAYS(vfmig_session_set_state(session, VFMIG_STATE_ERROR, NULL));
	/* and asked for the state that it is in, it is in it */
	STAYS(vfmig_session_set_state(session, state, NULL));
	CHECK_OK(vfmig_device_call_feature(device, VFMIG_FEATURE_GET | VFMIG_FEATURE_MIG_STATE,
					   &get, sizeof(get), &test_err));
	CHECK_EQ(get.data_fd, -1);
	vfmig_space_free(other);
	close(event);
}

/* In STOP: what came of the accesses is there, and nothing has come of itself. */
static void stop_is_still(void)
{
	struct test_device_stream a, b;

	CHECK_OK(vfmig_device_reset(device, &test_err));
	test_device_set(device, TEST_DEVICE_LEN, 8);
	test_device_go(session, VFMIG_STATE_STOP);
	test_device_set(device, TEST_DEVICE_GO, 3); /* work that it must leave alone */
	a = test_device_save(session);
	for (int i = 0; i < 100; i++)
		CHECK_OK(vfmig_device_process(device, &test_err));
	CHECK_EQ(test_device_get(device, TEST_DEVICE_DONE), 0);
	b = test_device_save(session);
	CHECK(a.len == b.len && !memcmp(a.bytes, b.bytes, a.len));
	free(a.bytes);
	free(b.bytes);
	test_device_go(session, VFMIG_STATE_RUNNING);
	test_device_work(device, 3);
}

int main(void)
{
	struct vfmig_model model = sleeper_model();
	void *memory;

	device = test_device_open_as(&model, NULL);
	session = test_device_session(device);
	space = vfmig_space_new();
	memory = test_device_memory(space, 0, 1 << 20);
	CHECK_OK(vfmig_space_attach(space, device, &test_err));
	for (int s = VFMIG_STATE_STOP; s < VFMIG_STATE_COUNT; s++) {
		CHECK_OK(vfmig_device_reset(device, &test_err));
		if (s == VFMIG_STATE_PRE_COPY_P2P)
			test_device_go(session, VFMIG_STATE_PRE_COPY);
		state = (enum vfmig_state)s;
		test_device_go(session, state);
		RUN(everything());
	}
	RUN(stop_is_still());
	CHECK(!sleeper.reached_asleep);
	vfmig_session_close(session);
	vfmig_device_close(device);
	vfmig_space_free(space);
	munmap(memory, 1 << 20);
	return 0;
}
