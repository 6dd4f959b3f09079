/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * State changes by ioctl, and their data by file: which of them bring a file, what it answers, that its end is not the state's,
 * and that a failed change says what it should. A device's state goes from one to the other.
 *
 * Rules: V2-13, V2-14.
 */
#include "tests/dev-vfio/setup.h"

static int a, b;

static ssize_t rest(int from, uint8_t *buf, size_t size)
{
	size_t len = 0;
	ssize_t n;

	while ((n = dev_vfio_read(view, from, buf + len, size - len)) > 0)
		len += (size_t)n;
	CHECK_EQ(n, 0);
	return (ssize_t)len;
}

static void save_and_load(void)
{
	static uint8_t state[4 << 20];
	struct vfmig_precopy_info info = {.argsz = sizeof(info)};
	struct vfmig_feature_mig_data_size size = {0};
	ssize_t len, n = 0;
	int file, other;

	setup_set(a, COPIER_REG_RING_SIZE, 64, 4);
	CHECK_EQ(setup_go(a, VFMIG_STATE_RUNNING_P2P), -1);
	CHECK_EQ(setup_go(a, VFMIG_STATE_RUNNING), -1);
	file = (int)setup_go(a, VFMIG_STATE_PRE_COPY);
	CHECK(file >= 0);
	CHECK_EQ(setup_ioctl(file, VFMIG_IOCTL_MIG_GET_PRECOPY_INFO, &info), 0);
	CHECK_EQ(info.argsz, sizeof(info));
	info.argsz--;
	CHECK_EQ(setup_ioctl(file, VFMIG_IOCTL_MIG_GET_PRECOPY_INFO, &info), -EINVAL);
	CHECK_EQ(setup_ioctl(file, VFMIG_IOCTL_MIG_GET_PRECOPY_INFO, (void *)8), -EFAULT);
	CHECK_EQ(setup_ioctl(file, VFMIG_IOCTL_DEVICE_RESET, NULL), -ENOTTY);
	CHECK_EQ(dev_vfio_pread(view, file, state, 1, 0), -ESPIPE);
	for (len = 0; (n = dev_vfio_read(view, file, state + len, 1 << 20)) > 0; len += n)
		;
	CHECK_EQ(n, -ENOMSG);
	CHECK_EQ(setup_feature(a, VFMIG_FEATURE_GET | VFMIG_FEATURE_MIG_DATA_SIZE, &size,
			       sizeof(size)),
		 0);
	/* The same data goes on. */
	CHECK_EQ(setup_go(a, VFMIG_STATE_STOP_COPY), -1);
	len += rest(file, state + len, sizeof(state) - (size_t)len);
	/* Several arcs at once, the last of which begins to load. */
	other = (int)setup_go(b, VFMIG_STATE_RESUMING);
	CHECK(other >= 0);
	CHECK_EQ(dev_vfio_write(view, other, state, (size_t)len), len);
	/* Closing the file is not the end of what was written to it. */
	setup_close(other);
	CHECK_EQ(setup_go(b, VFMIG_STATE_RUNNING_P2P), -1);
	CHECK_EQ(setup_go(b, VFMIG_STATE_RUNNING), -1);
	CHECK_EQ(setup_get(b, COPIER_REG_RING_SIZE, 4), 64);
	/* The session is over. */
	CHECK_EQ(setup_go(a, VFMIG_STATE_STOP), -1);
	CHECK_EQ(dev_vfio_read(view, file, state, 1), -ENODEV);
	CHECK_EQ(setup_go(a, VFMIG_STATE_RUNNING), -1);
	CHECK_EQ(dev_vfio_read(view, file, state, 1), -ENODEV);
	setup_close(file);
}

static void refused(void)
{
	struct vfmig_feature_mig_state state = {VFMIG_STATE_STOP_COPY, 77};
	int file, again;
	char byte = 0;

	CHECK_EQ(setup_go(a, (enum vfmig_state)8), -EINVAL - 1000);
	CHECK_EQ(setup_go(a, VFMIG_STATE_ERROR), -EINVAL - 1000);
	/* The filter fails the first time that it is stopped for copying. */
	CHECK_EQ(setup_feature(b, VFMIG_FEATURE_SET | VFMIG_FEATURE_MIG_STATE, &state,
			       sizeof(state)),
		 -EBUSY);
	CHECK_EQ(state.device_state, VFMIG_STATE_STOP_COPY);
	CHECK_EQ(state.data_fd, -1);
	CHECK(strstr(setup_said, "STOP_COPY"));
	CHECK_EQ(setup_feature(b, VFMIG_FEATURE_GET | VFMIG_FEATURE_MIG_STATE, &state,
			       sizeof(state)),
		 0);
	CHECK(state.device_state != VFMIG_STATE_STOP_COPY);
	/* A reset ends whatever there was. */
	CHECK_EQ(setup_ioctl(b, VFMIG_IOCTL_DEVICE_RESET, NULL), 0);
	file = (int)setup_go(b, VFMIG_STATE_RESUMING);
	CHECK(file >= 0);
	CHECK_EQ(setup_ioctl(b, VFMIG_IOCTL_DEVICE_RESET, NULL), 0);
	CHECK_EQ(dev_vfio_write(view, file, &byte, 1), -ENODEV);
	again = (int)setup_go(b, VFMIG_STATE_RESUMING);
	CHECK(again >= 0 && again != file);
	/* What is wrong is told as it is written, not when it is too late. */
	while (dev_vfio_write(view, again, &byte, 1) == 1)
		;
	CHECK(dev_vfio_write(view, again, &byte, 1) < 0);
	CHECK(setup_go(b, VFMIG_STATE_RUNNING) < -1);
	CHECK_EQ(setup_ioctl(b, VFMIG_IOCTL_DEVICE_RESET, NULL), 0);
	setup_close(file);
	setup_close(again);
}

static void features(void)
{
	struct vfmig_feature_migration migration = {0};
	uint8_t token[16] = {0};

	CHECK_EQ(setup_feature(a, VFMIG_FEATURE_GET | VFMIG_FEATURE_MIGRATION, &migration, 8), 0);
	CHECK_EQ(migration.flags, 7);
	CHECK_EQ(setup_feature(a, VFMIG_FEATURE_GET | VFMIG_FEATURE_MIGRATION, &migration, 4),
		 -EINVAL);
	CHECK_EQ(setup_feature(a, VFMIG_FEATURE_SET | VFMIG_FEATURE_MIGRATION, &migration, 8),
		 -EINVAL);
	CHECK_EQ(setup_feature(a, VFMIG_FEATURE_MIGRATION, &migration, 8), -EINVAL);
	CHECK_EQ(setup_feature(a,
			       VFMIG_FEATURE_PROBE | VFMIG_FEATURE_GET | VFMIG_FEATURE_SET |
				       VFMIG_FEATURE_MIG_STATE,
			       NULL, 0),
		 0);
	CHECK_EQ(setup_feature(a, 1u << 19 | VFMIG_FEATURE_GET | VFMIG_FEATURE_MIGRATION,
			       &migration, 8),
		 -EINVAL);
	CHECK_EQ(setup_feature(a, VFMIG_FEATURE_SET | VFMIG_FEATURE_PCI_VF_TOKEN, token, 16),
		 -ENOTTY);
	CHECK_EQ(setup_feature(a, VFMIG_FEATURE_GET | 0x7f01, token, 16), -ENOTTY);
	CHECK_EQ(setup_feature(a, VFMIG_FEATURE_GET | 500, token, 16), -ENOTTY);
}

int main(void)
{
	int container, groups[2];

	setup_filter = "fault,arc=any:stop_copy,nth=2,error=EBUSY";
	setup_begin();
	container = setup_container();
	groups[0] = setup_group(container, 0);
	groups[1] = setup_group(container, 1);
	setup_iommu(container);
	a = setup_device(groups[0], 0);
	b = setup_device(groups[1], 1);
	RUN(features());
	RUN(save_and_load());
	CHECK(setup_go(b, VFMIG_STATE_STOP_COPY) >= 0);
	CHECK_EQ(setup_go(b, VFMIG_STATE_RUNNING), -1);
	RUN(refused());
	/* And with all of it open. */
	dev_vfio_free(view);
	return 0;
}
