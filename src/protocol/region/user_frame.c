/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Transactions in frames: the beginning of a stream of them, and the callbacks of its reader.
 *
 * The stream is that of docs/device-state.md: a schema without entries, whose model name marks the
 * transactions of a third-party device; each transaction as CHUNKs, in as many frames as it takes;
 * END.
 */
#include <string.h>

#include "protocol/region/user.h"

static const struct abi_ds_model model = {
	.name = ABI_DS_TRANSACTIONS,
	.name_len = sizeof(ABI_DS_TRANSACTIONS) - 1,
	.version = 1,
};

_Static_assert(ABI_DS_PREAMBLE_SIZE + ABI_DS_HEADER_SIZE + ABI_DS_SCHEMA_FIXED +
			       sizeof(ABI_DS_TRANSACTIONS) - 1 <=
		       REGION_USER_PREFIX,
	       "the prefix fits");

size_t region_user_prefix(uint8_t *buf, struct abi_ds_writer *writer)
{
	size_t len;

	memset(writer, 0, sizeof(*writer));
	len = abi_ds_put_preamble(writer, buf, REGION_USER_PREFIX);
	return len + abi_ds_put_schema(writer, buf + len, REGION_USER_PREFIX - len, &model, NULL);
}

/* The reader's callbacks only record events: acting on them takes accesses. */

static const char *chunk_begin(void *user)
{
	struct region_user_write *write = user;

	write->begin = true;
	return NULL;
}

static const char *chunk(void *user, const void *data, size_t len)
{
	struct region_user_write *write = user;

	write->data = data;
	write->len = len;
	return NULL;
}

static const char *chunk_end(void *user)
{
	struct region_user_write *write = user;

	write->end = true;
	return NULL;
}

static const char *opaque(void *user, const void *data, size_t len)
{
	return "the stream has data that is not a transaction";
}

static const char *end(void *user)
{
	struct region_user_write *write = user;

	write->ended = true;
	return NULL;
}

const struct abi_ds_events region_user_events = {
	.chunk_begin = chunk_begin,
	.chunk = chunk,
	.chunk_end = chunk_end,
	.opaque = opaque,
	.end = end,
};
