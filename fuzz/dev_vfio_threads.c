/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two threads of a VMM that ask anything of /dev/vfio together, each one half of the input, and share their files: one
 * closes what the other uses. The order is not the input's, so a crash may take several runs to see again.
 */
#include "fuzz/dev_vfio_calls.h"

struct half {
	struct dev_vfio *view;
	const uint8_t *data;
	size_t size;
};

static void *work(void *context)
{
	const struct half *half = context;

	calls(half->view, half->data, half->size);
	return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dev_vfio *view = new_view();
	struct half first = {view, data, size / 2},
		    second = {view, data + size / 2, size - size / 2};
	pthread_t thread;

	if (!view)
		return 0;
	/* What both share is there before they begin. */
	open_container(view);
	open_iommufd(view);
	if (!pthread_create(&thread, NULL, work, &first)) {
		work(&second);
		pthread_join(thread, NULL);
	}
	dev_vfio_free(view);
	return 0;
}
