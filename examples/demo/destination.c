/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The destination host: takes memory and device, goes on with the workload, and proves that nothing was
 * lost, by its own reading of the file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "examples/demo/digest.h"
#include "examples/demo/host.h"

static int take_channel(const char *path, int *channel, struct vfmig_error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd, ret = 0, len;

	/*
	 * The socket gets its final name after listen(): a client that waits for the name may
	 * connect immediately.
	 */
	len = snprintf(address.sun_path, sizeof(address.sun_path), "%s.new", path);
	if (len >= (int)sizeof(address.sun_path))
		return vfmig_err(err, -ENAMETOOLONG, "%s: too long for a socket's name", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return vfmig_err(err, -errno, "socket: %s", strerror(errno));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 1) ||
	    rename(address.sun_path, path))
		ret = vfmig_err(err, -errno, "%s: %s", path, strerror(errno));
	if (!ret) {
		*channel = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		if (*channel < 0)
			ret = vfmig_err(err, -errno, "%s: %s", path, strerror(errno));
	}
	close(fd);
	return ret;
}

/*
 * The workload's memory and its device are here: go on, through this board once more at least, until the file
 * is at home.
 */
static int resume_user(void *context, struct vfmig_error *err)
{
	struct host *host = context;
	int ret = workload_adopt(&host->workload, host->device, host->guest, true, err);

	if (ret)
		return ret;
	host->workload.driver.works_device = false;
	host->arrived = workload_steps(&host->workload);
	host->until = workload_home(&host->workload,
				    host->arrived + 2 * workload_chunks(&host->workload));
	return host_run(host, err);
}

static int receive(struct host *host, int channel, struct vfmig_error *err)
{
	const struct vfmig_migration_user user = {.resume = resume_user, .context = host};
	struct vfmig_migration *m;
	int ret = vfmig_migration_new(VFMIG_ROLE_DESTINATION, NULL, &m, err);

	if (ret)
		return ret;
	ret = vfmig_migration_add_device(m, "copier0", host->device, NULL, err);
	if (!ret)
		ret = vfmig_migration_add_space(m, host->space, err);
	vfmig_migration_set_user(m, &user);
	if (!ret)
		ret = vfmig_migration_run(m, channel, channel, err);
	vfmig_migration_free(m);
	return ret;
}

/* The sum of the file as it is on disk, or of as much of it as the workload has. */
static int sum_on_disk(const char *name, uint64_t size, char hex[DIGEST_HEX],
		       struct vfmig_error *err)
{
	static char buf[1 << 20];
	struct digest d;
	int fd = open(name, O_RDONLY | O_CLOEXEC), ret = 0, end;

	if (fd < 0)
		return vfmig_err(err, -errno, "%s: %s", name, strerror(errno));
	ret = digest_begin(&d, err);
	if (ret) {
		close(fd);
		return ret;
	}
	while (!ret && size) {
		ssize_t n = read(fd, buf, size < sizeof(buf) ? size : sizeof(buf));

		if (n <= 0)
			break;
		ret = digest_add(&d, buf, (size_t)n);
		size -= (uint64_t)n;
	}
	close(fd);
	end = digest_end(&d, hex, err);
	if (!ret && size)
		ret = vfmig_err(err, -EIO, "%s is shorter than it was", name);
	return ret ? ret : end;
}

static int add_piece(void *context, const void *bytes, size_t len)
{
	return digest_add(context, bytes, len);
}

static int sum_in_memory(const struct workload *w, char hex[DIGEST_HEX], struct vfmig_error *err)
{
	struct digest d;
	int end, ret = digest_begin(&d, err);

	if (ret)
		return ret;
	ret = workload_file(w, add_piece, &d);
	end = digest_end(&d, hex, err);
	return ret ? vfmig_err(err, ret, "sha256sum: %s", strerror(-ret)) : end;
}

static int prove(struct host *host, struct vfmig_error *err)
{
	struct workload *w = &host->workload;
	char before[DIGEST_HEX] = "", after[DIGEST_HEX] = "";
	struct workload_proof proof;
	int proven, ret = sum_in_memory(w, after, err);

	if (!ret)
		ret = sum_on_disk(host->options.file, workload_file_size(w), before, err);
	if (ret)
		return ret;
	proven = workload_prove(w, &proof, err);
	show_proof(&host->show, &proof, before, after);
	if (!proven && strcmp(before, after))
		proven = vfmig_err(err, -EBADE, "the file is not what it was");
	return proven;
}

int host_destination(struct host *host, struct vfmig_error *err)
{
	int channel = -1, ret = take_channel(host->options.channel, &channel, err);
	uint64_t chunks;

	if (!ret)
		ret = receive(host, channel, err);
	if (channel >= 0)
		close(channel);
	if (ret)
		return ret;
	chunks = workload_chunks(&host->workload);
	printf("\n  the workload goes on at the destination, from round %llu, chunk %llu …",
	       (unsigned long long)(host->arrived / chunks + 1),
	       (unsigned long long)(host->arrived % chunks));
	fflush(stdout);
	ret = host_join(host, err);
	if (ret) {
		printf("\n");
		return ret;
	}
	printf(" to the end of round %llu\n", (unsigned long long)(host->until / chunks));
	return prove(host, err);
}
