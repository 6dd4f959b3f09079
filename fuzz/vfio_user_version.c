/* SPDX-License-Identifier: BSD-3-Clause */
/* VERSION and its JSON: decoded, or refused with a sentence; what is decoded can be said again, and means the same. */
#include <stdlib.h>
#include <string.h>

#include "fuzz/property.h"
#include "wire/version.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_caps caps, again;
	struct vfmig_error err = {0};
	void *payload;
	size_t len;

	if (wire_caps_decode(data, size, &caps, &err)) {
		HOLDS(err.code && err.text[0]);
		return 0;
	}
	HOLDS(caps.max_data_xfer_size >= WIRE_XFER_MIN);
	HOLDS(caps.max_msg_fds <= WIRE_FDS);
	HOLDS(caps.twin_fd >= -1 && caps.twin_fd < (int)WIRE_FDS);
	payload = wire_caps_encode(&caps, &len);
	HOLDS(payload);
	HOLDS(!wire_caps_decode(payload, len, &again, &err));
	HOLDS(again.max_msg_fds == caps.max_msg_fds && again.vfmig == caps.vfmig &&
	      again.max_data_xfer_size == caps.max_data_xfer_size &&
	      again.max_dma_maps == caps.max_dma_maps && again.pgsizes == caps.pgsizes &&
	      again.twin_socket == caps.twin_socket);
	free(payload);
	return 0;
}
