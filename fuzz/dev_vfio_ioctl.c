/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a VMM asks of /dev/vfio, any of it, in any order, with structures of any content: refused or done, never more.
 */
#include "fuzz/dev_vfio_calls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dev_vfio *view = new_view();

	if (view)
		calls(view, data, size);
	dev_vfio_free(view);
	return 0;
}
