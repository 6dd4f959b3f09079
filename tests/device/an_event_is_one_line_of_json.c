/* SPDX-License-Identifier: BSD-3-Clause */
/* Whatever is in an event's fields, its line is JSON that any parser takes, and is cut but never overflows. */
#include <json-c/json.h>
#include <math.h>

#include <vfmig/event.h>

#include "tests/check.h"

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
	struct json_tokener *tok = json_tokener_new();
	struct json_object *o;
	size_t len = vfmig_event_json(&event, buf, sizeof(buf));

	CHECK_EQ(len, strlen(buf));
	CHECK(!strchr(buf, '\n'));
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT);
	o = json_tokener_parse_ex(tok, buf, (int)len + 1);
	CHECKF(o, "%s: %s", buf, json_tokener_error_desc(json_tokener_get_error(tok)));
	CHECK_STR(json_object_get_string(json_object_object_get(o, "event")), "round");
	CHECK_EQ(json_object_get_int64(json_object_object_get(o, "time_ns")), 123456789);
	CHECK(json_object_get_uint64(json_object_object_get(o, "bytes")) == UINT64_MAX);
	CHECK(json_object_get_double(json_object_object_get(o, "rate")) == 1.5);
	CHECK(!json_object_object_get(o, "odd"));
	CHECK_STR(json_object_get_string(json_object_object_get(o, "text")), fields[3].text);
	CHECK_STR(json_object_get_string(json_object_object_get(o, "bad")),
		  "\ufffd\ufffd\ufffd\ufffd\ufffd\ufffdx\ufffd\ufffd");
	CHECK_STR(json_object_get_string(json_object_object_get(o, "none")), "");
	json_object_put(o);
	json_tokener_free(tok);

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
