/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whatever a descriptor says, it is completed: with the status that the data sheet gives it, without touching
 * anything where it says so, and the next one is worked on as ever.
 */
#include "tests/copier/setup.h"

#define BOARD (1u << 20)

struct hostile {
	const char *what;
	enum cp_status status;
	struct cp_descriptor d;
};

#define D(...) ((struct cp_descriptor){__VA_ARGS__})

static uint64_t in; /* an IOVA with memory behind it */

static void expect(struct setup *setup, const char *what, struct cp_descriptor d,
		   enum cp_status status, uint64_t result)
{
	struct cp_completion c = setup_do(setup, d);

	CHECKF(c.status == status && c.result == result, "%s: status %u, result 0x%llx", what,
	       c.status, (unsigned long long)c.result);
}

int main(void)
{
	uint64_t end, failures = 0;
	struct setup setup;
	uint8_t *before;

	setup_open(&setup, "size=1M", 4u << 20, 4);
	setup_noise(setup.data, setup.data_size, 3);
	in = setup.data_iova;
	end = SETUP_IOVA + setup.size;
	before = malloc(setup.data_size);
	CHECK(before);
	memcpy(before, setup.data, setup.data_size);
	{
		const struct hostile all[] = {
			{"nothing", CP_BAD_OPERATION, D(.length = 0)},
			{"operation 5", CP_BAD_OPERATION, D(.operation = 5, .length = 8)},
			{"operation 255", CP_BAD_OPERATION, D(.operation = 255, .flags = 0xff)},
			{"an unknown flag", CP_BAD_FLAGS,
			 D(.operation = CP_FILL, .flags = 8, .destination = in, .length = 8)},
			{"a field that is not 0", CP_BAD_FLAGS,
			 D(.operation = CP_FILL, .zero1[5] = 1, .destination = in, .length = 8)},
			{"another", CP_BAD_FLAGS,
			 D(.operation = CP_FILL, .destination = in, .length = 8, .zero2[1] = 1)},
			{"FILL from somewhere", CP_BAD_FLAGS,
			 D(.operation = CP_FILL, .source = in, .destination = in, .length = 8)},
			{"FILL from the board", CP_BAD_FLAGS,
			 D(.operation = CP_FILL, .flags = CP_FROM_BOARD, .destination = in,
			   .length = 8)},
			{"CHECKSUM to somewhere", CP_BAD_FLAGS,
			 D(.operation = CP_CHECKSUM, .source = in, .destination = 8, .length = 8)},
			{"COPY of a value", CP_BAD_FLAGS,
			 D(.operation = CP_COPY, .source = in, .destination = in + 64, .length = 8,
			   .value = 1)},
			{"no length", CP_BAD_LENGTH,
			 D(.operation = CP_FILL, .destination = in, .length = 0)},
			{"too much", CP_BAD_LENGTH,
			 D(.operation = CP_FILL, .destination = in, .length = CP_MAX_LENGTH + 1)},
			{"all there is", CP_BAD_LENGTH,
			 D(.operation = CP_FILL, .destination = in, .length = UINT64_MAX)},
			{"CHECKSUM of 6", CP_BAD_LENGTH,
			 D(.operation = CP_CHECKSUM, .source = in, .length = 6)},
			{"ADD of 12", CP_BAD_LENGTH,
			 D(.operation = CP_ADD, .source = in, .destination = in + 64,
			   .length = 12)},
			{"beyond the board", CP_BAD_ADDRESS,
			 D(.operation = CP_FILL, .flags = CP_TO_BOARD, .destination = BOARD,
			   .length = 1)},
			{"over the board's end", CP_BAD_ADDRESS,
			 D(.operation = CP_CHECKSUM, .flags = CP_FROM_BOARD, .source = BOARD - 4,
			   .length = 8)},
			{"far beyond the board", CP_BAD_ADDRESS,
			 D(.operation = CP_FILL, .flags = CP_TO_BOARD, .destination = UINT64_MAX,
			   .length = 8)},
			{"past 2^64", CP_BAD_ADDRESS,
			 D(.operation = CP_FILL, .destination = UINT64_MAX - 6, .length = 8)},
			{"onto itself", CP_OVERLAP,
			 D(.operation = CP_COPY, .source = in, .destination = in, .length = 8)},
			{"one byte over itself", CP_OVERLAP,
			 D(.operation = CP_COPY, .flags = CP_FROM_BOARD | CP_TO_BOARD, .source = 0,
			   .destination = 99, .length = 100)},
			{"the other way round", CP_OVERLAP,
			 D(.operation = CP_ADD, .source = in + 8, .destination = in, .length = 16)},
			{"to nowhere", CP_WRITE_FAULT,
			 D(.operation = CP_FILL, .destination = 0, .length = 8)},
			{"to the last byte there is", CP_WRITE_FAULT,
			 D(.operation = CP_FILL, .destination = UINT64_MAX - 7, .length = 8)},
			{"from nowhere", CP_READ_FAULT,
			 D(.operation = CP_CHECKSUM, .source = end, .length = 8)},
			{"ADD to nowhere", CP_READ_FAULT,
			 D(.operation = CP_ADD, .source = in, .destination = end, .length = 8)},
		};

		for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
			expect(&setup, all[i].what, all[i].d, all[i].status, 0);
			failures++;
		}
	}
	CHECK(!memcmp(before, setup.data, setup.data_size));
	CHECK_EQ(setup_reg(&setup, CP_REG_BYTES), 0);

	/* In the middle: what was done before is done, and said. */
	expect(&setup, "over the end",
	       D(.operation = CP_FILL, .destination = end - 131072, .length = 1u << 20),
	       CP_WRITE_FAULT, 131072);
	expect(&setup, "from over the end",
	       D(.operation = CP_COPY, .flags = CP_TO_BOARD, .source = end - 65536,
		 .length = 1u << 20),
	       CP_READ_FAULT, 65536);
	failures += 2;

	/* Next to each other is not on top of each other, and the board's last byte is on board. */
	expect(&setup, "side by side",
	       D(.operation = CP_COPY, .source = in, .destination = in + 100, .length = 100), CP_OK,
	       100);
	expect(&setup, "the last byte",
	       D(.operation = CP_FILL, .flags = CP_TO_BOARD, .destination = BOARD - 1, .length = 1),
	       CP_OK, 1);
	expect(&setup, "the same place, there and here",
	       D(.operation = CP_COPY, .flags = CP_TO_BOARD, .source = in, .length = 8), CP_OK, 8);

	CHECK_EQ(setup_reg(&setup, CP_REG_FAILURES), failures);
	CHECK_EQ(setup_reg(&setup, CP_REG_STATUS), CP_STATUS_ENABLED);
	free(before);
	setup_close(&setup);
	return 0;
}
