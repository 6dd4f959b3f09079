/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Blocks: a device's own memory, which others can map.
 *
 * A block is shared memory with a descriptor, sealed at its size, so that a process that maps it
 * cannot shrink it. Untouched pages take no memory, are never read, and are saved as one run of
 * zeros.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/range.h"
#include "model/kit.h"

int kit_block_open(struct kit_block *block, const char *name, uint64_t size, uint64_t front,
		   struct vfmig_error *err)
{
	struct dirty_config config = {.size = size};
	void *bytes;
	int ret;

	block->name = name;
	block->front = front;
	block->fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (block->fd < 0)
		return vfmig_err(err, -errno, "block %s: no memory descriptor: %s", name,
				 strerror(errno));
	if (ftruncate(block->fd, (off_t)(front + size)) ||
	    fcntl(block->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		return vfmig_err(err, -errno, "block %s of %llu bytes: %s", name,
				 (unsigned long long)size, strerror(errno));
	bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, block->fd, (off_t)front);
	if (bytes == MAP_FAILED)
		return vfmig_err(err, -errno, "block %s of %llu bytes cannot be mapped: %s", name,
				 (unsigned long long)size, strerror(errno));
	block->block.bytes = bytes;
	block->block.size = size;
	ret = dirty_create(&block->dirty, &config);
	return ret ? vfmig_err(err, ret, "block %s: no memory for its map of pages", name) : 0;
}

void kit_block_close(struct kit_block *block)
{
	dirty_free(block->dirty);
	if (block->block.bytes)
		munmap(block->block.bytes, block->block.size);
	if (block->fd >= 0)
		close(block->fd);
}

void vfmig_block_mark(struct vfmig_block *block, uint64_t offset, uint64_t len)
{
	vfmig_dirty_mark(((struct kit_block *)block)->dirty, offset, len);
}

void vfmig_block_clear(struct vfmig_block *block)
{
	kit_block_zero((struct kit_block *)block, 0, block->size);
	vfmig_block_mark(block, 0, block->size);
}

void kit_block_zero(struct kit_block *block, uint64_t offset, uint64_t len)
{
	uint64_t first = abi_pages(offset, KIT_PAGE) * KIT_PAGE;
	uint64_t end = abi_sum(offset, len), last = end & ~(uint64_t)(KIT_PAGE - 1);
	uint8_t *bytes = block->block.bytes;

	if (first >= last) {
		memset(bytes + offset, 0, len);
		return;
	}
	if (fallocate(block->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		      (off_t)(block->front + first), (off_t)(last - first)))
		memset(bytes + first, 0, last - first);
	if (first > offset)
		memset(bytes + offset, 0, first - offset);
	if (end > last)
		memset(bytes + last, 0, end - last);
}

/*
 * Write to untouched pages through the file: the kernel then allocates and fills each page in one
 * go. That takes half the time of a fault, a zeroed page and a copy, and a lack of memory is
 * reported as an error.
 */
int kit_block_fill(struct kit_block *block, uint64_t offset, const void *data, size_t len)
{
	const uint8_t *from = data;

	while (len) {
		ssize_t n = pwrite(block->fd, from, len, (off_t)(block->front + offset));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		from += n;
		offset += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

/* A file without holes reports that immediately; a seek for a hole in it visits each page. */
static bool has_holes(const struct kit_block *block)
{
	struct stat st;

	return fstat(block->fd, &st) || (uint64_t)st.st_blocks * 512 < (uint64_t)st.st_size;
}

uint64_t kit_block_extent(const struct kit_block *block, uint64_t offset, bool *data)
{
	off_t at = (off_t)(block->front + offset), end = (off_t)(block->front + block->block.size);
	off_t next;

	if (!has_holes(block)) {
		*data = true;
		return block->block.size;
	}
	next = lseek(block->fd, at, SEEK_DATA);
	if (next < 0 && errno == ENXIO)
		next = end; /* a hole until the end */
	else if (next < 0)
		next = at; /* unknown: treat it as data */
	*data = next == at;
	if (*data) {
		next = lseek(block->fd, at, SEEK_HOLE);
		if (next <= at)
			next = end;
	}
	return (uint64_t)(next < end ? next : end) - block->front;
}

uint64_t kit_block_used(const struct kit_block *block)
{
	struct stat st;
	uint64_t used;

	if (fstat(block->fd, &st))
		return block->block.size;
	used = (uint64_t)st.st_blocks * 512;
	return used < block->block.size ? used : block->block.size;
}

/*
 * The model may write device memory while it is saved. A torn page is marked and saved again, so
 * the race is intended. ThreadSanitizer gets a copy of its own that it does not instrument.
 */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define LOOKS_FOR_RACES 1
#endif
#endif
#if defined(__SANITIZE_THREAD__) || defined(LOOKS_FOR_RACES)
const bool kit_lends = false;

__attribute__((no_sanitize("thread"))) void kit_copy(void *to, const void *from, size_t len)
{
	volatile unsigned char *t = to;
	const volatile unsigned char *f = from;

	while (len--)
		*t++ = *f++;
}

__attribute__((no_sanitize("thread"))) bool kit_all_zero(const void *bytes, size_t len)
{
	const volatile unsigned char *b = bytes;

	while (len && !*b)
		b++, len--;
	return !len;
}
#else
const bool kit_lends = true;

void kit_copy(void *to, const void *from, size_t len)
{
	memcpy(to, from, len);
}

bool kit_all_zero(const void *bytes, size_t len)
{
	const unsigned char *b = bytes;

	/*
	 * A non-zero page usually differs in its first bytes; otherwise compare the page with
	 * itself, one byte on.
	 */
	return !len || (!b[0] && !memcmp(b, b + 1, len - 1));
}
#endif
