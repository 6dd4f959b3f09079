/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory that this process has not touched, or that is not resident, and still has content: private mappings of
 * files, what another mapping of the file wrote, what was swapped out, what the owner's userfaultfd fills, and a map
 * that lies in mappings of two kinds. All of it arrives.
 */
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>

#include "tests/engine/kinds.h"

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif
#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif

#define SIZE (8ul << 20)

static int value(size_t i)
{
	return (int)(i / KIND_PAGE % 251 + 1);
}

static void move_and_check(struct memory *from, const char *what)
{
	struct memory to = memory_new(KIND_ANONYMOUS, SIZE);

	memory_move(from, &to);
	for (size_t i = 0; i < SIZE; i++)
		CHECKF(to.bytes[i] == value(i), "%s: byte %zu is %d", what, i, to.bytes[i]);
	memory_free(&to);
	memory_free(from);
}

static void write_all(uint8_t *bytes)
{
	for (size_t i = 0; i < SIZE; i += KIND_PAGE)
		memset(bytes + i, value(i), KIND_PAGE);
}

/* Written through another mapping, by another process. */
static void elsewhere(enum kind kind)
{
	struct memory from = memory_new(kind, SIZE);
	uint8_t *alias = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, from.fd, 0);

	CHECK(alias != MAP_FAILED);
	write_all(alias);
	munmap(alias, SIZE);
	move_and_check(&from, kind_name[kind]);
}

static size_t resident(const struct memory *memory)
{
	static unsigned char page[SIZE / KIND_PAGE];
	size_t n = 0;

	CHECK(!mincore(memory->bytes, SIZE, page));
	for (size_t i = 0; i < SIZE / KIND_PAGE; i++)
		n += page[i] & 1;
	return n;
}

static void swapped_out(enum kind kind)
{
	struct memory from = memory_new(kind, SIZE);

	write_all(from.bytes);
	/* The pages go once they are written; but the kernel need not do it. */
	for (int tries = 0; tries < 1000 && resident(&from) > SIZE / KIND_PAGE / 2; tries++)
		madvise(from.bytes, SIZE, MADV_PAGEOUT);
	printf("%s: %zu of %zu pages stay resident\n", kind_name[kind], resident(&from),
	       SIZE / KIND_PAGE);
	move_and_check(&from, "swapped out");
}

/* Anonymous memory with a private mapping of a file in the middle, of which nothing is resident. */
static void of_two_kinds(void)
{
	struct memory from = memory_new(KIND_ANONYMOUS, SIZE), file = memory_new(KIND_FILE, SIZE);

	write_all(from.bytes);
	write_all(file.bytes);
	CHECK(!msync(file.bytes, SIZE, MS_SYNC) && !madvise(file.bytes, SIZE, MADV_DONTNEED));
	CHECK(!fsync(file.fd) && !posix_fadvise(file.fd, 0, SIZE, POSIX_FADV_DONTNEED));
	CHECK(mmap(from.bytes + SIZE / 4, SIZE / 2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED,
		   file.fd, SIZE / 4) == from.bytes + SIZE / 4);
	move_and_check(&from, "of two kinds");
	memory_free(&file);
}

struct filler {
	struct memory *memory;
	int uffd;
};

static void *fill(void *context)
{
	struct filler *filler = context;
	uint8_t *bytes = filler->memory->bytes, page[KIND_PAGE];
	struct uffd_msg message;

	for (size_t filled = 0; filled < SIZE / KIND_PAGE; filled++) {
		struct uffdio_copy copy = {.src = (uintptr_t)page, .len = KIND_PAGE};

		CHECK(read(filler->uffd, &message, sizeof(message)) == sizeof(message));
		copy.dst = message.arg.pagefault.address & ~(KIND_PAGE - 1);
		memset(page, value(copy.dst - (uintptr_t)bytes), KIND_PAGE);
		CHECK(!ioctl(filler->uffd, UFFDIO_COPY, &copy));
	}
	return NULL;
}

/* As a VMM does that restores a snapshot page by page. */
static void filled_by_its_owner(enum kind kind)
{
	struct memory from = memory_new(kind, SIZE);
	struct filler filler = {.memory = &from};
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register range = {
		.range = {.start = (uintptr_t)from.bytes, .len = SIZE},
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	pthread_t thread;

	filler.uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
	if (filler.uffd < 0 || ioctl(filler.uffd, UFFDIO_API, &api)) {
		printf("no userfaultfd: without memory that is filled by it\n");
		memory_free(&from);
		return;
	}
	CHECK(!ioctl(filler.uffd, UFFDIO_REGISTER, &range));
	CHECK(!pthread_create(&thread, NULL, fill, &filler));
	move_and_check(&from, "filled by its owner");
	CHECK(!pthread_join(thread, NULL));
	close(filler.uffd);
}

int main(void)
{
	bool huge = kind_huge_pages(SIZE / KIND_HUGE);
	struct sysinfo info;

	RUN(elsewhere(KIND_MEMFD));
	RUN(elsewhere(KIND_MEMFD_PRIVATE));
	RUN(elsewhere(KIND_FILE));
	if (huge)
		RUN(elsewhere(KIND_HUGE_MEMFD));
	else
		printf("no huge pages of 2 MiB to be had: without them\n");
	RUN(of_two_kinds());
	RUN(filled_by_its_owner(KIND_ANONYMOUS));
	RUN(filled_by_its_owner(KIND_MEMFD));
	if (!sysinfo(&info) && info.totalswap) {
		RUN(swapped_out(KIND_ANONYMOUS));
		RUN(swapped_out(KIND_SHARED));
		RUN(swapped_out(KIND_MEMFD));
	} else {
		printf("no swap: without memory that is swapped out\n");
	}
	return 0;
}
