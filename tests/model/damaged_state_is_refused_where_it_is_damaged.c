/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A stream that is cut, spoiled, out of order or of another device is refused while it is written or, at the
 * latest, on leaving RESUMING; the device stays there, says so again, and a reset makes it as new. What was
 * only cut can be completed.
 *
 * Rules: V2-28, V2-29, V2-30, V2-38, V2-56.
 */
#include "abi/device_state.h"
#include "abi/le.h"
#include "tests/lib/test_device.h"

static struct vfmig_device *device;
static struct vfmig_session *session;
static struct test_device_stream good;

static void make_good(void)
{
	struct vfmig_device *from = test_device_open("memory=16K");
	struct vfmig_session *source = test_device_session(from);

	test_device_set(from, TEST_DEVICE_SRC, 0x1122334455667788);
	test_device_poke(from, 100, 1);
	test_device_poke(from, 9000, 2);
	good = test_device_save(source);
	vfmig_session_close(source);
	vfmig_device_close(from);
}

static void is_as_new(void)
{
	CHECK_OK(vfmig_device_reset(device, &test_err));
	CHECK_EQ(test_device_state_of(session), VFMIG_STATE_RUNNING);
	CHECK_EQ(test_device_get(device, TEST_DEVICE_SRC), 0);
	CHECK_EQ(test_device_peek(device, 100), 0);
}

static void is_refused(const uint8_t *bytes, size_t len, const char *why)
{
	struct vfmig_error err = {0};
	int ret = test_device_load(session, bytes, len, 333, &err);

	CHECK_EQ(ret, -EINVAL);
	CHECKF(strstr(err.text, why), "\"%s\" does not say \"%s\"", err.text, why);
	CHECK_EQ(test_device_state_of(session), VFMIG_STATE_RESUMING);
	/* It will not forget. */
	CHECK_EQ(vfmig_session_set_state(session, VFMIG_STATE_RUNNING, &err), -EINVAL);
	CHECKF(strstr(err.text, why), "\"%s\" does not say \"%s\"", err.text, why);
	is_as_new();
}

static void cut_short(void)
{
	for (size_t len = 0; len < good.len; len++) {
		struct vfmig_error err = {0};

		CHECK_EQ(test_device_load(session, good.bytes, len, 4096, &err), -EINVAL);
		CHECK(strstr(err.text, "not complete"));
		CHECK_EQ(test_device_state_of(session), VFMIG_STATE_RESUMING);
		if (len % 97 == 0) {
			/* The rest, and all is well. */
			CHECK_OK(vfmig_session_write(session, good.bytes + len, good.len - len,
						     &test_err));
			test_device_go(session, VFMIG_STATE_STOP);
			CHECK_EQ(test_device_get(device, TEST_DEVICE_SRC), 0x1122334455667788);
			CHECK_EQ(test_device_peek(device, 9000), 2);
		}
		is_as_new();
	}
}

static void more_than_all(void)
{
	uint8_t *longer = malloc(good.len + 1);

	memcpy(longer, good.bytes, good.len);
	longer[good.len] = 0;
	is_refused(longer, good.len + 1, "behind END");
	free(longer);
}

/* Every byte, one bit of it: refused, or a value that is as good as another. */
static void spoiled(void)
{
	uint8_t *bad = malloc(good.len);
	unsigned refused = 0;

	for (size_t i = 0; i < good.len; i++) {
		int ret;

		memcpy(bad, good.bytes, good.len);
		bad[i] ^= (uint8_t)(1u << i % 8);
		ret = test_device_load(session, bad, good.len, 4096, NULL);
		CHECK(!ret || ret == -EINVAL);
		refused += ret != 0;
		CHECK_OK(vfmig_device_reset(device, &test_err));
	}
	/* All but the contents of fields and memory: well over the schema. */
	CHECKF(refused > 600, "%u of %zu", refused, good.len);
	is_as_new();
	free(bad);
}

struct frame {
	size_t at, len;
	uint16_t type;
};

static size_t frames_of(const uint8_t *bytes, size_t len, struct frame *frames, size_t max)
{
	size_t at = ABI_DS_PREAMBLE_SIZE, n = 0;

	while (at < len) {
		CHECK(n < max);
		frames[n].at = at;
		frames[n].type = abi_get16(bytes + at);
		frames[n].len = ABI_DS_HEADER_SIZE + abi_get32(bytes + at + 4);
		at += frames[n++].len;
	}
	CHECK_EQ(at, len);
	return n;
}

/* The same frames in another order, one left out, one twice. */
static void reordered(void)
{
	struct frame frames[64];
	size_t n = frames_of(good.bytes, good.len, frames, 64);
	uint8_t *bad = malloc(good.len * 2);
	size_t len;

	CHECK(frames[0].type == ABI_DS_SCHEMA && frames[n - 1].type == ABI_DS_END);
	CHECK(frames[1].type == ABI_DS_BLOCK || frames[1].type == ABI_DS_ZERO);
	for (size_t i = 0; i + 1 < n; i++) {
		const struct frame *a = &frames[i], *b = &frames[i + 1];
		bool fields = a->type == ABI_DS_FIELD && b->type == ABI_DS_FIELD;

		memcpy(bad, good.bytes, good.len);
		memcpy(bad + a->at, good.bytes + b->at, b->len);
		memcpy(bad + a->at + b->len, good.bytes + a->at, a->len);
		if (fields || (b->type == ABI_DS_FIELD && i))
			CHECK_OK(test_device_load(session, bad, good.len, 4096, &test_err));
		else if (!i)
			is_refused(bad, good.len, "schema");
		else if (i + 2 == n)
			is_refused(bad, good.len, "END");
		else
			is_refused(bad, good.len, "gap");
		CHECK_OK(vfmig_device_reset(device, &test_err));
		/* One frame missing. */
		len = a->at;
		memcpy(bad, good.bytes, len);
		memcpy(bad + len, good.bytes + b->at, good.len - b->at);
		is_refused(bad, good.len - a->len, i ? "" : "schema");
		/* One frame twice; END counts. */
		len = a->at + a->len;
		memcpy(bad, good.bytes, len);
		memcpy(bad + len, good.bytes + a->at, good.len - a->at);
		is_refused(bad, good.len + a->len, i ? "" : "second schema");
	}
	free(bad);
}

/* Put a value into the field of that name, by the schema's own word for where it is. */
static void put_field(uint8_t *bytes, uint32_t id, const void *value, size_t size)
{
	struct frame frames[64];
	size_t n = frames_of(bytes, good.len, frames, 64);

	for (size_t i = 0; i < n; i++)
		if (frames[i].type == ABI_DS_FIELD &&
		    abi_get32(bytes + frames[i].at + ABI_DS_HEADER_SIZE) == id) {
			memcpy(bytes + frames[i].at + ABI_DS_HEADER_SIZE + ABI_DS_FIELD_FIXED,
			       value, size);
			return;
		}
	CHECK(!"the field is there");
}

static uint32_t id_of(const char *name)
{
	const uint8_t *at = good.bytes + ABI_DS_PREAMBLE_SIZE + ABI_DS_HEADER_SIZE;
	uint32_t entries = abi_get32(at + 4);

	at += ABI_DS_SCHEMA_FIXED + abi_get16(at + 10);
	while (entries--) {
		if (at[17] == strlen(name) && !memcmp(at + ABI_DS_ENTRY_FIXED, name, at[17]))
			return abi_get32(at);
		at += ABI_DS_ENTRY_FIXED + at[17];
	}
	return 0;
}

static void values_that_cannot_be(void)
{
	uint8_t *bad = malloc(good.len), config[256], bits[16] = {0};
	uint64_t len = TEST_DEVICE_COPY_BYTES + 1;
	ssize_t n;

	memcpy(bad, good.bytes, good.len);
	put_field(bad, id_of("len"), &len, 8);
	is_refused(bad, good.len, "field len is 0x1001, and must be from 0x0 to 0x1000");

	memcpy(bad, good.bytes, good.len);
	n = vfmig_model_get_field(device, "pci.config", config, sizeof(config), &test_err);
	CHECK_EQ(n, 256);
	config[2] ^= 1;
	put_field(bad, id_of("pci.config"), config, sizeof(config));
	is_refused(bad, good.len, "field pci.config: byte 0x02 is 0x79, and 0x78");

	memcpy(bad, good.bytes, good.len);
	bits[9] = 0x80;
	put_field(bad, id_of("pci.msix_pending"), bits, sizeof(bits));
	is_refused(bad, good.len, "field pci.msix_pending: vector 79 is pending, of 70");
	free(bad);
}

/* A schema that no kit would write. */
static void schema_of(const struct abi_ds_entry *entries, uint32_t count, const char *why)
{
	struct abi_ds_model card = {.name = "card", .name_len = 4, .version = 1, .entries = count};
	struct abi_ds_writer writer = {0};
	uint8_t bytes[1024];
	size_t len = abi_ds_put_preamble(&writer, bytes, sizeof(bytes));

	len += abi_ds_put_schema(&writer, bytes + len, sizeof(bytes) - len, &card, entries);
	CHECK(len > ABI_DS_PREAMBLE_SIZE);
	is_refused(bytes, len, why);
}

static void schemas_that_cannot_be(void)
{
	const struct abi_ds_entry src = {.id = 1,
					 .version = 1,
					 .size = 8,
					 .kind = ABI_DS_KIND_FIELD,
					 .name_len = 3,
					 .name = "src"};
	struct abi_ds_entry two[2] = {src, src};

	two[1].id = 2;
	schema_of(two, 2, "src is in the schema twice");
	two[1].name = "memory-of-another-kind";
	two[1].name_len = (uint8_t)strlen(two[1].name);
	schema_of(two, 2, "has nothing that is called memory-of-another-kind");
	two[0].kind = ABI_DS_KIND_BLOCK;
	schema_of(two, 2, "src is a field here, and something else in the stream");
	two[0] = src;
	two[0].size = 4;
	schema_of(two, 2, "src has 8 bytes here, and 4 in the stream");
}

static void of_another_device(void)
{
	static const struct vfmig_entry no_state[] = {{.kind = VFMIG_ENTRY_END}};
	struct vfmig_model other = test_device_model;
	struct vfmig_device *from;
	struct vfmig_session *source;
	struct test_device_stream stream;

	from = test_device_open("memory=32K");
	source = test_device_session(from);
	stream = test_device_save(source);
	is_refused(stream.bytes, stream.len,
		   "memory has 16384 bytes here, and 32768 in the stream");
	free(stream.bytes);
	vfmig_session_close(source);
	vfmig_device_close(from);

	other.name = "cart";
	other.state = no_state;
	other.options = NULL;
	other.pci.bar[2].memory = NULL;
	other.reset = NULL;
	from = test_device_open_as(&other, NULL);
	source = test_device_session(from);
	stream = test_device_save(source);
	is_refused(stream.bytes, stream.len, "state of model cart, and the device is a card");
	free(stream.bytes);
	vfmig_session_close(source);
	vfmig_device_close(from);

	other.name = "card";
	from = test_device_open_as(&other, NULL);
	source = test_device_session(from);
	stream = test_device_save(source);
	is_refused(stream.bytes, stream.len, "it lacks src");
	free(stream.bytes);
	vfmig_session_close(source);
	vfmig_device_close(from);
}

int main(void)
{
	make_good();
	device = test_device_open("memory=16K");
	session = test_device_session(device);
	RUN(cut_short());
	RUN(more_than_all());
	RUN(spoiled());
	RUN(reordered());
	RUN(values_that_cannot_be());
	RUN(schemas_that_cannot_be());
	RUN(of_another_device());
	/* And after all that, the good one. */
	CHECK_OK(test_device_load(session, good.bytes, good.len, 1000, &test_err));
	CHECK_EQ(test_device_get(device, TEST_DEVICE_SRC), 0x1122334455667788);
	free(good.bytes);
	vfmig_session_close(session);
	vfmig_device_close(device);
	return 0;
}
