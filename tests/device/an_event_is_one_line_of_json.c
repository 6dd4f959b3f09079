/* SPDX-License-Identifier: BSD-3-Clause */
/* Whatever is in an event's fields, its line is JSON that any parser takes, and is cut but never overflows. */
#include <math.h>

#include <vfmig/event.h>

#include "tests/lib/json.h"

static const struct vfmig_event_field fields[] = {
	{"bytes", VFMIG_EVENT_U64, UINT64_MAX, 0, NULL},
	{"rate", VFMIG_EVENT_REAL, 0, 1.5, NULL},
	{"odd", VFMIG_EVENT_REAL, 0, INFINITY, NULL},
	{"text", VFMIG_EVENT_TEXT, 0, 0, "a \"b\" \\ \n\t\x01 é \U0001f600"},
	{"bad", VFMIG_EVENT_TEXT, 0, 0, "\xff\xc0\x80\xed\xa0\x80x\xe2\x82"},
	{"none", VFMIG_EVENT_TEXT, 0, 0, NULL},
};

int main(void)
{
	struct vfmig_event event = {"round", 123456789, fields, 6};
	char buf[512], small[512];
	struct abi_json o, v;
	size_t len = vfmig_event_json(&event, buf, sizeof(buf));

	CHECK_EQ(len, strlen(buf));
	CHECK(!strchr(buf, '\n'));
	o = json_open(buf, len);
	CHECK_STR(json_text(&o, "event"), "round");
	CHECK_EQ(json_number(&o, "time_ns"), 123456789);
	CHECK(json_number(&o, "bytes") == UINT64_MAX);
	v = abi_json_member(&o, "rate");
	CHECK(v.type == ABI_JSON_REAL && v.end - v.at == 3 && !memcmp(v.at, "1.5", 3));
	v = abi_json_member(&o, "odd");
	CHECK_EQ(v.type, ABI_JSON_NULL);
	CHECK_STR(json_text(&o, "text"), fields[3].text);
	CHECK_STR(json_text(&o, "bad"), "\ufffd\ufffd\ufffd\ufffd\ufffd\ufffdx\ufffd\ufffd");
	CHECK_STR(json_text(&o, "none"), "");

	/* Any size: what fits is there, with a NUL, and the byte behind is nobody's. */
	for (size_t size = 0; size <= len; size++) {
		memset(small, '#', sizeof(small));
		CHECK_EQ(vfmig_event_json(&event, small, size), len);
		CHECK_EQ(small[size], '#');
		if (size) {
			CHECK_EQ(small[size - 1], 0);
			CHECK(!memcmp(small, buf, size - 1));
		}
	}
	return 0;
}
