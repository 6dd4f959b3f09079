/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device that is nothing but what the tests of vfio-user need of one: it does what it is told at once, in the open,
 * and can be made to hold what it is asked, to fail, and to do DMA.
 */
#ifndef TESTS_LIB_FAKE_DEVICE_H
#define TESTS_LIB_FAKE_DEVICE_H

#include <stdatomic.h>

#include <vfmig/space.h>

#include "device/device.h"
#include "tests/lib/requests.h"

/* Regions: 0 trapped, 2 trapped with a part that can be mapped, 7 configuration space. */
#define FAKE_DEVICE_BAR0      65536u
#define FAKE_DEVICE_BAR2      65536u
#define FAKE_DEVICE_BAR2_FROM 4096u /* the part of it that can be mapped */
#define FAKE_DEVICE_BAR2_LEN  8192u
#define FAKE_DEVICE_CONFIG    256u
#define FAKE_DEVICE_VECTORS   128u
/* Writing here (in region 0) has the device do the DMA that fake.doorbell says, when it is next worked. */
#define FAKE_DEVICE_DOORBELL 0x1000u
#define FAKE_DEVICE_LOG	     4096u

struct fake_device;

struct fake_device {
	struct vfmig_device device;
	uint64_t flags; /* VFMIG_MIGRATION_ */
	pthread_mutex_t lock;

	uint8_t bar0[FAKE_DEVICE_BAR0];
	uint8_t config[FAKE_DEVICE_CONFIG];
	int bar2_fd;
	uint8_t *bar2;
	int irqs[FAKE_DEVICE_VECTORS]; /* MSI-X; -1: none */
	uint32_t last_action;	       /* the flags of the last SET_IRQS */

	enum vfmig_state state;
	uint8_t *data; /* migration data: what is read, or was written */
	size_t data_len, data_at, data_room;
	size_t piece; /* most that one read gives; 0: as much as is asked */
	unsigned resets;

	struct vfmig_space *space;
	unsigned maps;
	bool logs;
	uint64_t log_page;
	uint32_t log_ranges;
	struct vfmig_dirty *dirty;

	int wake; /* the device's fd */
	void (*doorbell)(struct fake_device *fake);
	void (*on_write)(struct fake_device *fake); /* in the middle of a write to region 7 */
	atomic_bool rung;
	int fail;	  /* what every request comes to, if not 0 */
	atomic_bool hold; /* requests are kept until fake_device_release() */
	struct request_list held;
	atomic_uint nheld;
	void *user;
	uint8_t order[FAKE_DEVICE_LOG]; /* operations as they came */
	atomic_uint norder;
};

struct fake_device *fake_device_new(uint64_t flags);
/* Have the device do what it kept; 0: all of it, else as many. */
void fake_device_release(struct fake_device *fake, unsigned count);
/* DMA as the device does it: logged. */
int fake_device_dma(struct fake_device *fake, uint64_t iova, void *buf, size_t len, bool write);
/* Have the doorbell rung from outside. */
void fake_device_ring(struct fake_device *fake);
/* The migration data that there is to read. */
void fake_device_set_data(struct fake_device *fake, const void *data, size_t len);

#endif
