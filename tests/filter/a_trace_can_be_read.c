/* SPDX-License-Identifier: BSD-3-Clause */
/* A trace is lines of JSON: each request with its id, each answer with the same id, and what it brought. */
#include "tests/filter/filtered.h"
#include "tests/lib/json.h"

static char path[] = "/tmp/vfmig-trace-XXXXXX";

static struct abi_json line(FILE *f)
{
	static char *text;
	static size_t size;
	ssize_t len = getline(&text, &size, f);

	CHECK(len > 0);
	return json_open(text, (size_t)len);
}

static void expect(FILE *f, const char *event, int64_t id, const char *op, const char *key,
		   const char *value)
{
	struct abi_json o = line(f);

	CHECK_STR(json_text(&o, "event"), event);
	CHECK_STR(json_text(&o, "op"), op);
	CHECK_STR(json_text(&o, "device"), "trace(fault(fake))");
	CHECK_EQ(json_number(&o, "id"), id);
	CHECK(json_number(&o, "time_ns") > 0);
	if (key)
		CHECK_STR(json_text(&o, key), value);
}

int main(void)
{
	struct vfmig_device *d;
	struct vfmig_error err = {0};
	struct seen seen;
	char options[64];
	uint32_t value = 0x1234;
	int fd = mkstemp(path);
	FILE *f;

	CHECK(fd >= 0);
	close(fd);
	snprintf(options, sizeof(options), "file=%s", path);
	d = around(seen_new(&seen), &filter_fault, "op=reset");
	d = around(d, &filter_trace, options);
	CHECK_EQ(vfmig_device_region_write(d, 0, 16, &value, 4, NULL), 0);
	CHECK_EQ(set_state(d, VFMIG_STATE_STOP), 0);
	CHECK_EQ(vfmig_device_reset(d, NULL), -EIO); /* the sentence is traced all the same */
	vfmig_device_close(d);

	f = fopen(path, "r");
	CHECK(f);
	expect(f, "request", 1, "region-write", "value", "4660");
	expect(f, "done", 1, "region-write", "result", "4");
	expect(f, "request", 2, "feature", "state", "STOP");
	expect(f, "done", 2, "feature", "feature_name", "MIG_DEVICE_STATE");
	expect(f, "request", 3, "reset", NULL, NULL);
	expect(f, "done", 3, "reset", "error", "fault(fake): reset failed by filter fault (EIO)");
	CHECK_EQ(fgetc(f), EOF);
	fclose(f);

	/* Only what was asked for; and a hang shows as what it is. */
	CHECK_EQ(truncate(path, 0), 0);
	snprintf(options, sizeof(options), "op=reset,file=%s", path);
	d = around(seen_new(&seen), &filter_fault, "op=reset,do=hang");
	d = around(d, &filter_trace, options);
	vfmig_device_set_timeout(d, 10);
	CHECK_EQ(set_state(d, VFMIG_STATE_STOP), 0);
	CHECK_EQ(vfmig_device_reset(d, NULL), -ETIMEDOUT);
	vfmig_device_close(d);
	f = fopen(path, "r");
	CHECK(f);
	expect(f, "request", 1, "reset", NULL, NULL);
	expect(f, "cancelled", 1, "reset", NULL, NULL);
	CHECK_EQ(fgetc(f), EOF);
	fclose(f);
	unlink(path);

	/* Nowhere to go, or two places. */
	d = seen_new(&seen);
	CHECK_EQ(filter_trace.open(d, "", &d, &err), -EINVAL);
	CHECK_EQ(filter_trace.open(d, "fd=1,file=x", &d, &err), -EINVAL);
	CHECK_EQ(filter_trace.open(d, "fd=999999", &d, &err), -EBADF);
	CHECK_EQ(filter_trace.open(d, "file=/nonexistent/x", &d, &err), -ENOENT);
	CHECKF(strstr(err.text, "/nonexistent/x"), "%s", err.text);
	vfmig_device_close(d);
	return 0;
}
