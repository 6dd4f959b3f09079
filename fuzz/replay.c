/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A main for a fuzz target where there is no libFuzzer: feeds it the files that it is given, and
 * those in the folders that it is given, so that a crash once found stays a test of every build.
 *
 * A folder that does not exist is an empty corpus. The empty input, and a few plain ones, come first.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In a block of its own size, so that a sanitizer sees the first byte read past the end. */
static void feed(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		abort();
	if (size)
		memcpy(copy, data, size);
	/* malloc(0) has no portable edge: for nothing, hand over the end of one byte. */
	LLVMFuzzerTestOneInput(size ? copy : copy + 1, size);
	free(copy);
}

static void feed_plain(void)
{
	uint8_t bytes[4096];

	feed(NULL, 0);
	for (int fill = 0; fill < 256; fill += 85) {
		memset(bytes, fill, sizeof(bytes));
		for (size_t size = 1; size <= sizeof(bytes); size *= 2)
			feed(bytes, size);
	}
}

static void feed_file(const char *path, off_t size)
{
	FILE *file = fopen(path, "rb");
	uint8_t *bytes = malloc((size_t)size + 1);

	if (!file || !bytes || fread(bytes, 1, (size_t)size, file) != (size_t)size) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(1);
	}
	fclose(file);
	/* The last line of a run that crashed names the input that did it. */
	fprintf(stderr, "%s\n", path);
	feed(bytes, (size_t)size);
	free(bytes);
}

static void feed_path(const char *path)
{
	struct stat st;
	struct dirent *entry;
	DIR *dir;

	if (stat(path, &st))
		return;
	if (!S_ISDIR(st.st_mode)) {
		feed_file(path, st.st_size);
		return;
	}
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		char *inside;

		if (entry->d_name[0] == '.')
			continue;
		if (asprintf(&inside, "%s/%s", path, entry->d_name) < 0)
			abort();
		feed_path(inside);
		free(inside);
	}
	if (dir)
		closedir(dir);
}

int main(int argc, char **argv)
{
	feed_plain();
	for (int i = 1; i < argc; i++)
		feed_path(argv[i]);
	return 0;
}
