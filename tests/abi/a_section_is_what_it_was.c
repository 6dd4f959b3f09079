/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Headers of streams and of sections come back as they were put, say the bytes that docs/stream.md
 * says, and are refused when they are cut short, are of no known kind, or use what their kind does
 * not have.
 */
#include "abi/stream.h"
#include "tests/abi/refused.h"

static uint8_t buf[64];

static void stream_header(void)
{
	static const struct {
		size_t at;
		uint8_t value;
		const char *why;
	} cases[] = {
		{0, 'V', "this is not a migration stream: the magic is another"},
		{4, 'G', "this is not a migration stream: the magic is another"},
		{6, '\n', "the migration stream was mangled, as by a transfer of text"},
		{8, 3, "the migration stream is of a version that is not known here"},
		{9, 1, "the migration stream is of a version that is not known here"},
		{10, 31, "the migration stream has a header of another size"},
		{12, 4, "the migration stream has unknown flags"},
		{15, 0x80, "the migration stream has unknown flags"},
		{12, 3, "a file cannot answer"},
		{12, 1, NULL},
		{12, 2, NULL},
		{16, 0, NULL},
		{31, 0xff, NULL},
	};
	struct abi_stream_header in = {ABI_STREAM_VERSION, ABI_STREAM_FLAG_FILE,
				       "0123456789abcdef"},
				 out;

	CHECK_EQ(abi_stream_put_header(buf, 31, &in), 0);
	CHECK_EQ(abi_stream_put_header(buf, 32, &in), 32);
	CHECK(!memcmp(buf,
		      "vfmig\0\r\n\2\0\x20\0\2\0\0\0"
		      "0123456789abcdef",
		      32));
	GOOD(abi_stream_get_header(fenced(buf, 32), 32, &out));
	CHECK_EQ(out.version, in.version);
	CHECK_EQ(out.flags, in.flags);
	CHECK(!memcmp(out.id, in.id, 16));
	for (size_t len = 0; len < 32; len++)
		REFUSED(abi_stream_get_header(fenced(buf, len), len, &out),
			"a migration stream needs 32 bytes of header");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		abi_stream_put_header(buf, 32, &in);
		buf[cases[i].at] = cases[i].value;
		REFUSED(abi_stream_get_header(buf, 32, &out), cases[i].why);
	}
}

static const char zero[] = "a section has a field that should be zero";
static const char flags[] = "a section has unknown flags";
static const char length[] = "a section has a length that its type cannot have";
static const char pages[] = "a section about memory is not of whole pages";
static const char beyond[] = "a section about memory passes the end of any region";

#define MIB (1U << 20)
#define TOP (UINT64_MAX - 4095)

static void sections(void)
{
	static const struct {
		struct abi_section s;
		const char *why;
	} cases[] = {
		/* type, flags, index, offset, arg, length, seq, checksum */
		{{ABI_SECTION_HELLO, 0, 0, 0, 0, 2, 0, 77}, NULL},
		{{ABI_SECTION_HELLO, 0, 0, 0, 0, MIB, 5, 0}, NULL},
		{{ABI_SECTION_HELLO, 0, 0, 0, 0, MIB + 1, 0, 0}, length},
		{{ABI_SECTION_HELLO, 0, 0, 0, 0, 1, 0, 0}, length},
		{{ABI_SECTION_HELLO, 1, 0, 0, 0, 2, 0, 0}, flags},
		{{ABI_SECTION_HELLO, 0, 1, 0, 0, 2, 0, 0}, zero},
		{{ABI_SECTION_MEM_PAGES, 0, 9, 8192, 0, 4096, UINT64_MAX, 1}, NULL},
		{{ABI_SECTION_MEM_PAGES, 0, 9, 0, 0, MIB, 0, 0}, NULL},
		{{ABI_SECTION_MEM_PAGES, 0, 9, TOP - 4096, 0, 4096, 0, 0}, NULL},
		{{ABI_SECTION_MEM_PAGES, 0, 0, 0, 0, 0, 0, 0}, length},
		{{ABI_SECTION_MEM_PAGES, 0, 0, 0, 0, MIB + 4096, 0, 0}, length},
		{{ABI_SECTION_MEM_PAGES, 0, 0, 0, 0, UINT32_MAX, 0, 0}, length},
		{{ABI_SECTION_MEM_PAGES, 0, 0, 1, 0, 4096, 0, 0}, pages},
		{{ABI_SECTION_MEM_PAGES, 0, 0, 0, 0, 4097, 0, 0}, pages},
		{{ABI_SECTION_MEM_PAGES, 0, 0, TOP, 0, 4096, 0, 0}, beyond},
		{{ABI_SECTION_MEM_PAGES, 0, 0, 0, 1, 4096, 0, 0}, zero},
		{{ABI_SECTION_MEM_PAGES, 1, 0, 0, 0, 4096, 0, 0}, flags},
		{{ABI_SECTION_MEM_ZERO, 0, 0, 4096, 1ULL << 40, 0, 0, 0}, NULL},
		{{ABI_SECTION_MEM_ZERO, 0, 0, 0, 0, 0, 0, 0}, "a section about memory is empty"},
		{{ABI_SECTION_MEM_ZERO, 0, 0, 0, 4097, 0, 0, 0}, pages},
		{{ABI_SECTION_MEM_ZERO, 0, 0, 4096, TOP, 0, 0, 0}, beyond},
		{{ABI_SECTION_MEM_ZERO, 0, 0, 0, 4096, 1, 0, 0}, length},
		{{ABI_SECTION_ROUND, 0, 0, 0, 3, 0, 0, 0}, NULL},
		{{ABI_SECTION_ROUND, 0, 0, 1, 3, 0, 0, 0}, zero},
		{{ABI_SECTION_DEVICE_DATA, 3, 1, 100, 0, 1, 0, 0}, NULL},
		{{ABI_SECTION_DEVICE_DATA, 0, 1, 100, 0, MIB, 0, 0}, NULL},
		{{ABI_SECTION_DEVICE_DATA, 4, 1, 100, 0, 1, 0, 0}, flags},
		{{ABI_SECTION_DEVICE_DATA, 3, 1, 100, 0, 0, 0, 0}, length},
		{{ABI_SECTION_DEVICE_DATA, 3, 1, 100, 0, MIB + 1, 0, 0}, length},
		{{ABI_SECTION_DEVICE_DATA, 3, 1, UINT64_MAX, 0, 1, 0, 0},
		 "a section of device data passes the end of any stream"},
		{{ABI_SECTION_DEVICE_END, 0, 1, 100, 5, 0, 0, 0}, NULL},
		{{ABI_SECTION_STOPPED, 0, 0, 100, 5, 0, 0, 0}, NULL},
		{{ABI_SECTION_STOPPED, 0, 1, 100, 5, 0, 0, 0}, zero},
		{{ABI_SECTION_END, 0, 0, 100, 5, 0, 0, 0}, NULL},
		{{ABI_SECTION_COMMIT, 0, 0, 0, 0, 0, 0, 0}, NULL},
		{{ABI_SECTION_COMMIT, 0, 0, 0, 0, 1, 0, 0}, length},
		{{ABI_SECTION_CANCEL, 0, 0, 0, 0, 0, 0, 0}, NULL},
		{{ABI_SECTION_CANCEL, 0, 0, 0, 0, 1024, 0, 0}, NULL},
		{{ABI_SECTION_CANCEL, 0, 0, 0, 0, 1025, 0, 0}, length},
		{{ABI_SECTION_SYNC, 0, 0, 0, 0, 0, 0, 0}, NULL},
		{{ABI_SECTION_SYNC, 0, 0, 0, 0, MIB, 0, 0}, NULL},
		{{ABI_SECTION_SYNC, 0, 0, 0, 0, MIB + 1, 0, 0}, length},
		{{ABI_SECTION_SYNC, 0, 0, 0, 1, 0, 0, 0}, zero},
		{{ABI_SECTION_LOADED, 0, 0, 0, UINT64_MAX, 0, 0, 0}, NULL},
		{{ABI_SECTION_LOADED, 0, 0, 1, 0, 0, 0, 0}, zero},
		{{ABI_SECTION_LOADED, 0, 0, 0, 0, 1, 0, 0}, length},
		{{ABI_SECTION_ACCEPT, 0, 0, 0, 0, 0, 0, 0}, NULL},
		{{ABI_SECTION_ACCEPT, 0, 0, 0, ABI_ACCEPT_RUNS, 0, 0, 0}, NULL},
		{{ABI_SECTION_ACCEPT, 0, 0, 0, 2, 0, 0, 0}, flags},
		{{ABI_SECTION_ACCEPT, 0, 0, 0, 1ULL << 32, 0, 0, 0}, flags},
		{{ABI_SECTION_ACCEPT, 0, 0, 1, 0, 0, 0, 0}, zero},
		{{ABI_SECTION_REFUSE, 0, 0, 0, 0, 20, 0, 0}, NULL},
		{{ABI_SECTION_REFUSE, 0, 0, 0, 0, 0, 0, 0}, length},
		{{ABI_SECTION_READY, 0, 0, 0, 0, 0, 0, 0}, NULL},
		{{ABI_SECTION_RUNNING, 0, 0, 0, 0, 0, 0, 0}, NULL},
		{{ABI_SECTION_FAILED, 0, 0, 0, 0, 1024, 0, 0}, NULL},
		{{ABI_SECTION_FAILED, 0, 0, 0, 3, 20, 0, 0}, NULL},
		{{ABI_SECTION_FAILED, 0, 0, 0, 0, 0, 0, 0}, length},
	};
	struct abi_section out;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct abi_section *in = &cases[i].s;

		CHECK_EQ(abi_section_put(buf, 47, in), 0);
		CHECK_EQ(abi_section_put(buf, 48, in), 48);
		REFUSED(abi_section_get(fenced(buf, 48), 48, &out), cases[i].why);
		CHECK(out.type == in->type && out.flags == in->flags && out.index == in->index &&
		      out.offset == in->offset && out.arg == in->arg && out.length == in->length &&
		      out.seq == in->seq && out.checksum == in->checksum);
		CHECK(strcmp(abi_section_name(in->type), "?"));
		for (size_t len = 0; len < 48; len++)
			REFUSED(abi_section_get(fenced(buf, len), len, &out),
				"a section needs 48 bytes of header");
		buf[28 + i % 4] = 1;
		if (!cases[i].why)
			REFUSED(abi_section_get(buf, 48, &out), zero);
	}
	for (uint32_t type = 0; type < 65536; type++) {
		struct abi_section in = {.type = (uint16_t)type};

		if ((type >= 1 && type <= 11) || (type >= 0x81 && type <= 0x86))
			continue;
		abi_section_put(buf, 48, &in);
		REFUSED(abi_section_get(buf, 48, &out), "there is no section of that type");
		CHECK_STR(abi_section_name(type), "?");
	}
	CHECK_STR(abi_section_name(ABI_SECTION_RUNNING), "RUNNING");
}

static void bytes(void)
{
	struct abi_section s = {ABI_SECTION_DEVICE_DATA, 2, 3, 0x0405, 0, 6, 7, 0};

	abi_section_put(buf, 48, &s);
	abi_section_put_checksum(buf, 0x0807060504030201);
	CHECK(!memcmp(buf,
		      "\5\0\2\0\3\0\0\0\5\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\6\0\0\0\0\0\0\0"
		      "\7\0\0\0\0\0\0\0\1\2\3\4\5\6\7\x8",
		      48));
}

/* What a peer says may end on somebody's terminal. */
static void sentences(void)
{
	static const char no[] = "the peer's sentence is not printable UTF-8";
	static const struct {
		const char *reported;
		const char *why;
	} cases[] = {
		{"", NULL},
		{"the copier's firmware is 3, not 2 (\"à\", \xe2\x82\xac, \xf0\x9f\x98\x80)", NULL},
		{"\033[2J", no},
		{"a\nb", no},
		{"tab\t", no},
		{"del\x7f", no},
		{"\xc2\x9b"
		 "2J",
		 no}, /* an escape sequence in one character */
		{"\x9b"
		 "2J",
		 no},		  /* alone */
		{"\xc0\xaf", no}, /* longer than it need be */
		{"\xe0\x80\xaf", no},
		{"\xed\xa0\x80", no},	  /* a surrogate */
		{"\xf4\x90\x80\x80", no}, /* beyond the last */
		{"\xf8\x88\x80\x80\x80", no},
		{"cut \xe2\x82", no},
		{"\xc3(", no},
		{"\xc2\xa0", NULL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len = strlen(cases[i].reported);

		REFUSED(abi_section_sentence(fenced(cases[i].reported, len), len), cases[i].why);
	}
	REFUSED(abi_section_sentence("a\0b", 3), no);
}

int main(void)
{
	RUN(stream_header());
	RUN(sections());
	RUN(bytes());
	RUN(sentences());
	return 0;
}
