/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A source, answered by any peer at all.
 *
 * The first byte chooses what the peer sends: the rest as it is, or a header and an ACCEPT that fit, and behind them
 * the sections that the rest describes (type, argument, length, payload), with sequence numbers and checksums that are
 * right. The device runs afterwards, unless the source has said COMMIT: then it never does.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "engine/channel/channel.h"
#include "tests/lib/migration_pair.h"

#define ROOM (64u << 10)

static struct migration_pair_end source;
static uint8_t stream[ROOM];
static int in, out;

/* The id of a migration is random, and a peer has to repeat it. */
ssize_t getrandom(void *buf, size_t len, unsigned int flags)
{
	memset(buf, 0, len);
	return (ssize_t)len;
}

static void begin(void)
{
	in = memfd_create("input", MFD_CLOEXEC);
	out = open("/dev/null", O_WRONLY | O_CLOEXEC);
	CHECK(in >= 0 && out >= 0);
	migration_pair_end_init(&source, 1, "memory=16K", 64 << 10);
	CHECK_OK(vfmig_space_attach(source.space, source.card[0], &test_err));
}

static size_t add(struct channel_out *to, size_t at, struct abi_section *s, const void *payload)
{
	if (s->length > ROOM - ABI_SECTION_HEADER_SIZE - at)
		return at;
	memcpy(stream + at + ABI_SECTION_HEADER_SIZE, payload, s->length);
	channel_out_seal(to, stream + at, s);
	return at + ABI_SECTION_HEADER_SIZE + s->length;
}

static size_t answers(const uint8_t *data, size_t size, bool runs)
{
	const struct abi_stream_header header = {.version = ABI_STREAM_VERSION,
						 .flags = ABI_STREAM_FLAG_REPLY};
	struct abi_section s = {.type = ABI_SECTION_ACCEPT, .arg = runs ? ABI_ACCEPT_RUNS : 0};
	struct channel_out to = {.sections = 0};
	size_t at = abi_stream_put_header(stream, ROOM, &header);

	at = add(&to, at, &s, "");
	while (size >= 3 && at < ROOM - 1024) {
		s = (struct abi_section){.type = ABI_SECTION_BACKWARD | data[0] % 8,
					 .arg = data[1],
					 .length = data[2]};
		if (s.length > size - 3)
			s.length = (uint32_t)size - 3;
		at = add(&to, at, &s, data + 3);
		data += 3 + s.length;
		size -= 3 + s.length;
	}
	return at;
}

static void migrate(void)
{
	struct vfmig_migration_result result;
	struct vfmig_error err = {0};
	enum vfmig_state state;

	CHECK(!vfmig_migration_new(VFMIG_ROLE_SOURCE, &source.options, &source.m, NULL));
	CHECK(!vfmig_migration_add_device(source.m, "card0", source.card[0], NULL, NULL));
	CHECK(!vfmig_migration_add_space(source.m, source.space, NULL));
	vfmig_migration_set_user(source.m, &source.user);
	source.paused = source.resumed = 0;
	if (vfmig_migration_run(source.m, in, out, &err))
		CHECK(err.text[0]);
	result = migration_pair_result(&source);
	state = migration_pair_state(&source, 0);
	CHECK_EQ(result.lost_devices, 0);
	CHECK_EQ(result.running, state == VFMIG_STATE_RUNNING);
	CHECK_EQ(source.paused - source.resumed, !result.running);
	CHECK(!(result.committed && result.running));
	if (result.outcome == VFMIG_OUTCOME_FAILED || result.outcome == VFMIG_OUTCOME_CANCELLED)
		CHECK(result.running);
	else
		CHECK(!result.running);
	vfmig_migration_free(source.m);
	CHECK_OK(vfmig_device_reset(source.card[0], &test_err));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t len;

	if (!in)
		begin();
	if (!size || size > ROOM)
		return 0;
	if (data[0] & 1) {
		len = answers(data + 1, size - 1, data[0] & 2);
	} else {
		len = size - 1;
		memcpy(stream, data + 1, len);
	}
	CHECK(!ftruncate(in, 0) && pwrite(in, stream, len, 0) == (ssize_t)len);
	CHECK(lseek(in, 0, SEEK_SET) == 0);
	migrate();
	return 0;
}
