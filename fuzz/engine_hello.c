/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * HELLO: JSON of a peer's. What is taken can be written, read again, and fits itself.
 */
#include <stdlib.h>

#include "engine/negotiation/negotiation.h"
#include "tests/lib/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t order[VFMIG_MIGRATION_DEVICES_MAX];
	struct negotiation *negotiation, *again;
	struct vfmig_error err = {0};
	size_t len;
	char *json;

	if (negotiation_decode((const char *)data, size, &negotiation, &err)) {
		CHECK(err.text[0]);
		return 0;
	}
	json = negotiation_encode(negotiation, &len);
	CHECK(json);
	CHECKF(!negotiation_decode(json, len, &again, &err), "%s", err.text);
	CHECKF(!negotiation_fits(negotiation, again, order, &err), "%s", err.text);
	negotiation_free(negotiation);
	negotiation_free(again);
	free(json);
	return 0;
}
