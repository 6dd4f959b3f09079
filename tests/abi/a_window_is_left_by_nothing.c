/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * WINDOW and the pieces in it: what could reach beyond the memory that is shared, or is too large to be copied, is refused,
 * near 2^64 as elsewhere.
 */
#include "abi/vfio_user.h"
#include "tests/abi/refused.h"
#include "tests/lib/check.h"

#define MIB (1ull << 20)

static void windows(void)
{
	static const char fds[] = "WINDOW came without a descriptor";
	static const struct {
		struct vfmig_user_window w;
		size_t nfds;
		const char *why;
	} cases[] = {
		{{16, 0, 4096}, 1, NULL},
		{{16, 0, 64 * MIB}, 1, NULL},
		{{16, 0, 0}, 0, NULL},
		{{16, 0, 0}, 1, NULL},
		{{16, 0, 4096}, 0, fds},
		{{16, 0, 4096}, 2, NULL},
		{{16, 1, 4096}, 1, "WINDOW has flags, of which there are none"},
		{{16, 0, 4097}, 1, "a window is not a whole number of pages"},
		{{16, 0, 64 * MIB + 4096}, 1, "a window is larger than 64 MiB"},
		{{16, 0, UINT64_MAX - 4095}, 1, "a window is larger than 64 MiB"},
	};
	struct vfmig_user_window out;
	uint8_t buf[16];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CHECK_EQ(abi_msg_put_window(buf, 15, &cases[i].w), 0);
		CHECK_EQ(abi_msg_put_window(buf, 16, &cases[i].w), 16);
		REFUSED(abi_msg_get_window(fenced(buf, 16), 16, cases[i].nfds, &out), cases[i].why);
		CHECK(!memcmp(&out, &cases[i].w, sizeof(out)));
	}
	for (size_t len = 0; len < 16; len++)
		REFUSED(abi_msg_get_window(fenced(buf, len), len, 1, &out),
			"WINDOW needs 16 bytes");
}

static void pieces(void)
{
	static const char leaves[] = "a piece leaves the window";
	static const struct {
		struct vfmig_user_window_piece p;
		uint64_t window;
		const char *why;
	} cases[] = {
		{{24, 0, 0, 0}, 0, NULL},
		{{24, 1, 0, 0}, 0, leaves},
		{{24, MIB, 0, 5}, MIB, NULL},
		{{24, MIB, 1, 5}, MIB, leaves},
		{{24, 1, MIB - 1, 5}, MIB, NULL},
		{{24, 1, MIB, 5}, MIB, leaves},
		{{24, 0, MIB, 5}, MIB, NULL},
		{{24, 0, MIB + 1, 5}, MIB, leaves},
		{{24, MIB + 1, 0, 5}, 4 * MIB, "a piece in a window is larger than 1 MiB"},
		{{24, UINT32_MAX, 0, 5}, 4 * MIB, "a piece in a window is larger than 1 MiB"},
		{{24, 4096, UINT64_MAX, 5}, 4 * MIB, leaves},
		{{24, 4096, UINT64_MAX - 4095, 5}, 4 * MIB, leaves},
		{{24, 4096, 1ull << 63, 5}, 4 * MIB, leaves},
	};
	struct vfmig_user_window_piece out;
	uint8_t buf[24];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CHECK_EQ(abi_msg_put_window_piece(buf, 23, &cases[i].p), 0);
		CHECK_EQ(abi_msg_put_window_piece(buf, 24, &cases[i].p), 24);
		REFUSED(abi_msg_get_window_piece(fenced(buf, 24), 24, cases[i].window, &out),
			cases[i].why);
		CHECK(!memcmp(&out, &cases[i].p, sizeof(out)));
	}
	for (size_t len = 0; len < 24; len++)
		REFUSED(abi_msg_get_window_piece(fenced(buf, len), len, MIB, &out),
			"a piece in a window needs 24 bytes");
}

int main(void)
{
	RUN(windows());
	RUN(pieces());
	CHECK(abi_msg_find_kind(VFMIG_USER_WINDOW)->request_min == 16);
	CHECK(abi_msg_find_kind(VFMIG_USER_WINDOW_READ)->reply_min == 24);
	CHECK(abi_msg_find_kind(VFMIG_USER_WINDOW_WRITE)->request_min == 24);
	CHECK(!abi_msg_find_kind(VFMIG_USER_WINDOW - 1));
	CHECK(!abi_msg_find_kind(VFMIG_USER_WINDOW_WRITE + 1));
	return 0;
}
