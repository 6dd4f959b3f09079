/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * HELLO: JSON of a peer's. What is taken can be written, read again, and fits itself.
 */
#include <stdlib.h>

#include "engine/hello/hello.h"
#include "tests/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t order[VFMIG_MIGRATION_DEVICES_MAX];
	struct negotiation *hello, *again;
	struct vfmig_error err = {0};
	size_t len;
	char *json;

	if (negotiation_decode((const char *)data, size, &hello, &err)) {
		CHECK(err.text[0]);
		return 0;
	}
	json = negotiation_encode(hello, &len);
	CHECK(json);
	CHECKF(!negotiation_decode(json, len, &again, &err), "%s", err.text);
	CHECKF(!negotiation_fits(hello, again, order, &err), "%s", err.text);
	negotiation_free(hello);
	negotiation_free(again);
	free(json);
	return 0;
}
