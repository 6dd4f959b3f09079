/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Large blocks that are used again. Under AddressSanitizer they cost more than all else that an input does: they are
 * mapped, their shadow is written page by page, and they lie in quarantine. The linker has calls of
 * the target and the library come here (--wrap). A free block is poisoned, so a use after free is still found.
 */
#include <sanitizer/asan_interface.h>
#include <pthread.h>
#include <stdbool.h>

#include "fuzz/property.h"

#define LARGE  (16u << 10)
#define BLOCKS 64

void *__real_aligned_alloc(size_t align, size_t size);
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void __real_free(void *ptr);
void *__wrap_aligned_alloc(size_t align, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void __wrap_free(void *ptr);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	void *ptr;
	size_t size;
	int used;
} blocks[BLOCKS];

/* A block of this size, or NULL if there are too many. */
static void *get(size_t size)
{
	void *ptr = NULL;

	pthread_mutex_lock(&lock);
	for (int i = 0; i < BLOCKS && !ptr; i++) {
		if (!blocks[i].ptr) {
			blocks[i].ptr = __real_aligned_alloc(64, (size + 63) & ~(size_t)63);
			blocks[i].size = size;
		}
		if (blocks[i].used || blocks[i].size != size)
			continue;
		blocks[i].used = 1;
		ptr = blocks[i].ptr;
		ASAN_UNPOISON_MEMORY_REGION(ptr, size);
	}
	pthread_mutex_unlock(&lock);
	return ptr;
}

void *__wrap_aligned_alloc(size_t align, size_t size)
{
	void *ptr = size >= LARGE && align <= 64 ? get(size) : NULL;

	return ptr ? ptr : __real_aligned_alloc(align, size);
}

void *__wrap_malloc(size_t size)
{
	void *ptr = size >= LARGE ? get(size) : NULL;

	return ptr ? memset(ptr, 0xbe, size) : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	size_t bytes;
	bool fits = !__builtin_mul_overflow(count, size, &bytes) && bytes >= LARGE;
	void *ptr = fits ? get(bytes) : NULL;

	return ptr ? memset(ptr, 0, bytes) : __real_calloc(count, size);
}

void __wrap_free(void *ptr)
{
	int found = 0;

	pthread_mutex_lock(&lock);
	for (int i = 0; i < BLOCKS && blocks[i].ptr && ptr && !found; i++) {
		if (blocks[i].ptr != ptr)
			continue;
		HOLDS(blocks[i].used);
		blocks[i].used = 0;
		ASAN_POISON_MEMORY_REGION(ptr, blocks[i].size);
		found = 1;
	}
	pthread_mutex_unlock(&lock);
	if (!found)
		__real_free(ptr);
}
