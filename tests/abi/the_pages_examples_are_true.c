/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The examples in docs/device-state.md and docs/stream.md, byte by byte from the pages, are what they
 * say: the readers take them, checksums and all. Control: with one byte changed they do not.
 */
#include <ctype.h>
#include <xxhash.h>

#include "abi/device_state.h"
#include "abi/stream.h"
#include "tests/abi/refused.h"

struct bytes {
	uint8_t b[4096];
	size_t len;
};

/* A line's leading pairs of hex digits; what stands behind them says what they are. */
static void take_line(struct bytes *to, const char *line, const struct bytes *quoted)
{
	unsigned int from, n;
	int used;

	if (quoted && sscanf(line, "@ %u %u", &from, &n) == 2) {
		CHECK(from + n <= quoted->len && to->len + n <= sizeof(to->b));
		memcpy(to->b + to->len, quoted->b + from, n);
		to->len += n;
		return;
	}
	for (int column = 0; column < 16; column++) {
		if (column == 8 && line[0] == ' ') /* one more space in the middle */
			line++;
		if (!isxdigit(line[0]) || !isxdigit(line[1]) || (line[2] != ' ' && line[2] != '\n'))
			break;
		CHECK_EQ(sscanf(line, "%2x%n", &n, &used), 1);
		CHECK(to->len < sizeof(to->b));
		to->b[to->len++] = (uint8_t)n;
		line += used + (line[2] == ' ');
	}
}

/* The one ``` block of a page. */
static void take_page(struct bytes *to, const char *root, const char *page,
		      const struct bytes *quoted)
{
	char path[4096], line[512];
	bool inside = false;
	FILE *f;

	snprintf(path, sizeof(path), "%s/docs/%s", root, page);
	f = fopen(path, "r");
	CHECKF(f, "%s", path);
	to->len = 0;
	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "```", 3))
			inside = !inside;
		else if (inside)
			take_line(to, line, quoted);
	}
	fclose(f);
}

struct lamp {
	char text[17];
	uint8_t level[4];
	bool ended;
};

static const char *on_field(void *user, uint32_t index, const void *value, size_t size)
{
	CHECK_EQ(index, 0);
	memcpy(((struct lamp *)user)->level, value, size);
	return NULL;
}

static const char *on_block(void *user, uint32_t index, uint64_t at, const void *data, size_t len)
{
	CHECK_EQ(index, 1);
	memcpy(((struct lamp *)user)->text + at, data, len);
	return NULL;
}

static const char *on_zero(void *user, uint32_t index, uint64_t at, uint64_t len)
{
	CHECK_EQ(index, 1);
	memset(((struct lamp *)user)->text + at, 0, len);
	return NULL;
}

static const char *on_end(void *user)
{
	((struct lamp *)user)->ended = true;
	return NULL;
}

static const char *read_state(const uint8_t *b, size_t len, struct lamp *lamp)
{
	static const struct abi_ds_events events = {
		.field = on_field, .block = on_block, .zero = on_zero, .end = on_end};
	struct abi_ds_slot slots[8];
	struct abi_ds_reader r;

	memset(lamp, 'x', sizeof(*lamp));
	lamp->text[16] = 0;
	lamp->ended = false;
	abi_ds_reader_init(&r, &events, lamp, slots, 8);
	abi_ds_reader_feed(&r, b, len);
	return abi_ds_reader_finish(&r);
}

static uint64_t checksum(const uint8_t *header, const uint8_t *payload, size_t len)
{
	uint8_t plain[ABI_SECTION_HEADER_SIZE];
	XXH3_state_t *x = XXH3_createState();
	uint64_t sum;

	memcpy(plain, header, sizeof(plain));
	abi_section_put_checksum(plain, 0);
	XXH3_64bits_reset(x);
	XXH3_64bits_update(x, plain, sizeof(plain));
	XXH3_64bits_update(x, payload, len);
	sum = XXH3_64bits_digest(x);
	XXH3_freeState(x);
	return sum;
}

/* The device's data out of a stream; why it is not one. */
static const char *read_stream(const struct bytes *in, struct bytes *device)
{
	struct abi_stream_device devices[1];
	struct abi_stream_header h;
	struct abi_stream_check c;
	struct abi_section s;
	const char *why = abi_stream_get_header(in->b, in->len, &h);
	size_t at = ABI_STREAM_HEADER_SIZE;

	device->len = 0;
	abi_stream_check_init(&c, why ? 0 : h.flags);
	while (!why && at < in->len) {
		const uint8_t *header = in->b + at, *payload = header + ABI_SECTION_HEADER_SIZE;

		why = abi_section_get(header, in->len - at, &s);
		if (!why)
			why = abi_stream_check_section(&c, &s);
		if (why)
			break;
		at += ABI_SECTION_HEADER_SIZE;
		if (s.length > in->len - at)
			return "cut off";
		if (checksum(header, payload, s.length) != s.checksum)
			return "checksum";
		if (s.type == ABI_SECTION_HELLO)
			abi_stream_check_hello(&c, devices, 1, NULL, 0);
		if (s.type == ABI_SECTION_DEVICE_DATA) {
			memcpy(device->b + device->len, payload, s.length);
			device->len += s.length;
		}
		at += s.length;
	}
	return why ? why : abi_stream_check_finish(&c);
}

int main(int argc, char **argv)
{
	static struct bytes state, stream, device;
	struct lamp lamp;

	CHECK_EQ(argc, 2);
	take_page(&state, argv[1], "device-state.md", NULL);
	CHECK_EQ(state.len, 198);
	GOOD(read_state(state.b, state.len, &lamp));
	CHECK(lamp.ended);
	CHECK(!memcmp(lamp.text, "hello\0\0\0\0\0\0\0\0\0\0\0", 16));
	CHECK(!memcmp(lamp.level, "\x64\0\0\0", 4));

	take_page(&stream, argv[1], "stream.md", &state);
	CHECK_EQ(stream.len, 606);
	GOOD(read_stream(&stream, &device));
	CHECK_EQ(device.len, state.len);
	CHECK(!memcmp(device.b, state.b, state.len));

	for (size_t i = 0; i < stream.len; i++) {
		if (i >= 16 && i < 32)
			continue; /* the id is any */
		stream.b[i] ^= 0x10;
		CHECKF(read_stream(&stream, &device), "byte %zu", i);
		stream.b[i] ^= 0x10;
	}
	return 0;
}
