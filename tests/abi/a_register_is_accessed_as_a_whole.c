/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The migration region: every access at every place in both revisions, against the layout written down anew:
 * a register as a whole and alone, as it allows; the data section anyhow; nothing else.
 */
#include "abi/region.h"
#include "tests/abi/refused.h"

static const struct {
	uint64_t offset, width;
	bool read, write;
} layout[] = {
	{0, 4, true, true},   /* device_state */
	{4, 4, true, true},   /* reserved */
	{8, 8, true, false},  /* pending_bytes */
	{16, 8, true, false}, /* data_offset */
	{24, 8, true, true},  /* data_size */
	{32, 8, false, true}, /* start_pfn */
	{40, 8, false, true}, /* page_size */
	{48, 8, false, true}, /* total_pfns */
	{56, 8, true, false}, /* copied_pfns */
};

static const char whole[] =
	"a register of the migration region must be accessed as a whole, and alone";
static const char gap[] = "there is nothing between the registers and the data section";
static const char leaves[] = "an access leaves the migration region";
static const char empty[] = "an access to the migration region is of no bytes";

/* The register that an access is to, 9 for the data section, or the refusal. */
static const char *oracle(const struct abi_region_layout *l, uint64_t offset, uint64_t len,
			  bool write, unsigned *reg)
{
	unsigned registers = l->revision == VFMIG_REGION_PFN ? 9 : 5;

	if (!len)
		return empty;
	if (len > l->size || offset > l->size - len)
		return leaves;
	for (*reg = 0; *reg < registers; ++*reg) {
		if (offset != layout[*reg].offset || len != layout[*reg].width)
			continue;
		if (write ? layout[*reg].write : layout[*reg].read)
			return NULL;
		return write ? "that register of the migration region can only be read"
			     : "that register of the migration region can only be written";
	}
	*reg = 9;
	if (offset < (registers == 9 ? 64 : 32))
		return whole;
	return offset < l->data_start ? gap : NULL;
}

static void everywhere(const struct abi_region_layout *l)
{
	for (uint64_t offset = 0; offset <= l->size + 2; offset++) {
		for (uint64_t len = 0; len <= 40; len++) {
			for (int write = 0; write < 2; write++) {
				enum abi_region_register reg = ABI_REG_COUNT;
				unsigned expected;
				const char *why = oracle(l, offset, len, write, &expected);

				REFUSED(abi_region_decode(l, offset, len, write, &reg), why);
				if (!why)
					CHECK_EQ(reg, expected);
			}
		}
	}
}

static void far_away(const struct abi_region_layout *l)
{
	static const uint64_t far[] = {1ull << 32, 1ull << 63, UINT64_MAX - 7, UINT64_MAX};
	enum abi_region_register reg;

	for (size_t i = 0; i < sizeof(far) / sizeof(far[0]); i++) {
		REFUSED(abi_region_decode(l, far[i], 8, false, &reg), leaves);
		REFUSED(abi_region_decode(l, 16, far[i], false, &reg), leaves);
		REFUSED(abi_region_decode(l, far[i], far[i], true, &reg), leaves);
	}
}

int main(void)
{
	static const struct abi_region_layout layouts[] = {
		{VFMIG_REGION_V1, 32, 32}, /* without a data section */
		{VFMIG_REGION_V1, 32, 100}, {VFMIG_REGION_V1, 64, 96},
		{VFMIG_REGION_PFN, 64, 64}, {VFMIG_REGION_PFN, 96, 200},
	};

	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		everywhere(&layouts[i]);
		far_away(&layouts[i]);
	}
	CHECK_EQ(abi_region_info_size(VFMIG_REGION_V1), 32);
	CHECK_EQ(abi_region_info_size(VFMIG_REGION_PFN), 64);
	return 0;
}
