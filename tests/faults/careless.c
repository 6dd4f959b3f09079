/* SPDX-License-Identifier: BSD-3-Clause */
/* careless WAY: a program that takes one failed call badly, for the control of every_failure_ends_well.py. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void failed(const char *way)
{
	if (!strcmp(way, "hangs"))
		pause();
	if (!strcmp(way, "lies"))
		printf("something else\n");
	if (!strcmp(way, "is-silent"))
		exit(1);
	if (!strcmp(way, "says-success"))
		fprintf(stderr, "vfmig: memory: Success\n");
	if (!strcmp(way, "is-right") || !strcmp(way, "leaves"))
		fprintf(stderr, "vfmig: no memory\n");
	if (strcmp(way, "lies"))
		exit(1);
}

int main(int argc, char **argv)
{
	const char *way = argc > 1 ? argv[1] : "";
	char path[512], c;
	char *memory;
	int fds[2];

	snprintf(path, sizeof(path), "%s/left", getenv("TMPDIR"));
	close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	memory = malloc(1 << 20);
	if (strcmp(way, "leaves") || memory)
		unlink(path);
	if (!memory && strcmp(way, "crashes"))
		failed(way);
	if (!strcmp(way, "crashes"))
		memset(memory, 0, 1 << 20);
	if (pipe2(fds, O_CLOEXEC) || fcntl(fds[1], F_SETPIPE_SZ, 4096) < 0) {
		fprintf(stderr, "vfmig: no pipe: %s\n", strerror(errno));
		return 1;
	}
	close(fds[1]); /* nothing to read */
	while (read(fds[0], &c, 1) != 0)
		if (errno != EINTR || !strcmp(way, "gives-up")) {
			fprintf(stderr, "vfmig: read: %s\n", strerror(errno));
			return 1;
		}
	printf("done\n");
	free(memory);
	return 0;
}
