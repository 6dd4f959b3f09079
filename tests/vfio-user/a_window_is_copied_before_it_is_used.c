/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The window: data goes through memory that is shared, whose other users may change it at any moment. What a server takes
 * is what it has summed; what is no window, or no place in it, is refused; and there is none for who has not agreed
 * to it.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <xxhash.h>

#include "source/vfio_user.h"
#include "tests/vfio-user/hostile.h"

#define SIZE  (2u << 20)
#define PIECE (1u << 20)
#define V2    "{\"capabilities\":{\"max_msg_fds\":8,\"vfmig\":{\"version\":2}}}"

static uint8_t *window;
static int window_fd = -1;

static int make_file(uint64_t size, int seals)
{
	int fd = memfd_create("window", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	CHECK(fd >= 0 && !ftruncate(fd, (off_t)size));
	CHECK(!seals || !fcntl(fd, F_ADD_SEALS, seals));
	return fd;
}

static int negotiation(void)
{
	int fd = hostile_connect();

	CHECK_EQ(raw_hello(fd, V2), 0);
	return fd;
}

static int give(int fd, uint64_t size, uint32_t flags, int file)
{
	struct vfmig_user_window w = {16, flags, size};

	return raw_call(fd, VFMIG_USER_WINDOW, &w, 16, &file, file >= 0, NULL, 0, NULL);
}

static int read_piece(int fd, uint64_t offset, uint32_t size,
		      struct vfmig_user_window_piece *reported)
{
	struct vfmig_user_window_piece p = {24, size, offset, 0};
	size_t got;
	int ret = raw_call(fd, VFMIG_USER_WINDOW_READ, &p, 24, NULL, 0, reported, sizeof(*reported),
			   &got);

	CHECK(ret || got == 24);
	return ret;
}

static int write_piece(int fd, uint64_t offset, uint32_t size, uint64_t sum)
{
	struct vfmig_user_window_piece p = {24, size, offset, sum};

	return raw_call(fd, VFMIG_USER_WINDOW_WRITE, &p, 24, NULL, 0, NULL, 0, NULL);
}

static int with_window(void)
{
	int fd = negotiation();

	CHECK_EQ(give(fd, SIZE, 0, window_fd), 0);
	return fd;
}

static void refused_file(int fd, int file, uint64_t size, int expected)
{
	CHECK_EQ(give(fd, size, 0, file), expected);
	close(file);
}

/* ---- what is no window ---- */

static void no_windows(void)
{
	struct vfmig_user_window_piece p;
	char name[64];
	int fd = negotiation(), two[2] = {window_fd, window_fd};
	struct vfmig_user_window w = {16, 0, SIZE};

	snprintf(name, sizeof(name), "/proc/self/fd/%d", window_fd);
	/* Cut off at any moment it would end the server. */
	refused_file(fd, make_file(SIZE, 0), SIZE, -EPERM);
	refused_file(fd, make_file(SIZE, F_SEAL_GROW), SIZE, -EPERM);
	refused_file(fd, make_file(SIZE, F_SEAL_SHRINK | F_SEAL_WRITE), SIZE, -EACCES);
	refused_file(fd, make_file(SIZE, F_SEAL_SHRINK | F_SEAL_FUTURE_WRITE), SIZE, -EACCES);
	refused_file(fd, make_file(SIZE - 4096, F_SEAL_SHRINK), SIZE, -EINVAL);
	refused_file(fd, make_file(0, F_SEAL_SHRINK), 4096, -EINVAL);
	refused_file(fd, open(name, O_RDONLY | O_CLOEXEC), SIZE, -EACCES);
	refused_file(fd, open("/dev/zero", O_RDWR | O_CLOEXEC), SIZE, -EINVAL);
	refused_file(fd, socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), SIZE, -EINVAL);
	CHECK_EQ(give(fd, SIZE - 1, 0, window_fd), -EINVAL);
	CHECK_EQ(give(fd, UINT64_MAX - 4095, 0, window_fd), -EINVAL);
	CHECK_EQ(give(fd, 1ull << 63, 0, window_fd), -EINVAL);
	CHECK_EQ(give(fd, SIZE, 1, window_fd), -EINVAL);
	CHECK_EQ(give(fd, SIZE, 0, -1), -EINVAL);
	/* A descriptor too many is closed. */
	CHECK_EQ(raw_call(fd, VFMIG_USER_WINDOW, &w, 16, two, 2, NULL, 0, NULL), 0);
	CHECK_EQ(give(fd, 0, 0, window_fd), 0);
	CHECK_EQ(raw_call(fd, VFMIG_USER_WINDOW, &w, 15, &window_fd, 1, NULL, 0, NULL), -EINVAL);
	/* A piece of no bytes is in no window. */
	CHECK_EQ(give(fd, 0, 0, -1), 0);
	CHECK_EQ(raw_set_state(fd, VFMIG_STATE_RESUMING), 0);
	CHECK_EQ(write_piece(fd, 0, 0, XXH3_64bits("", 0)), 0);
	CHECK_EQ(raw_set_state(fd, VFMIG_STATE_RUNNING), 0);
	/* None of them is one. */
	fake_device_set_data(hostile_fake, "three", 5);
	CHECK_EQ(raw_set_state(fd, VFMIG_STATE_STOP_COPY), 0);
	CHECK_EQ(read_piece(fd, 0, 1, &p), -EINVAL);
	/* One that was there is gone after a bad one, and after none. */
	CHECK_EQ(give(fd, SIZE, 0, window_fd), 0);
	CHECK_EQ(read_piece(fd, SIZE - 1, 1, &p), 0);
	CHECK_EQ(give(fd, 0, 0, -1), 0);
	CHECK_EQ(read_piece(fd, SIZE - 1, 1, &p), -EINVAL);
	close(fd);
}

static void not_agreed(void)
{
	struct vfmig_user_window_piece p;
	int fd = hostile_connect();

	CHECK_EQ(raw_hello(fd, "{\"capabilities\":{\"max_msg_fds\":8,\"vfmig\":{\"version\":1}}}"),
		 0);
	CHECK_EQ(give(fd, SIZE, 0, window_fd), -EINVAL);
	CHECK_EQ(read_piece(fd, 0, 1, &p), -EINVAL);
	CHECK_EQ(write_piece(fd, 0, 1, 0), -EINVAL);
	close(fd);
}

/* ---- no places in it ---- */

static void places(void)
{
	static const struct {
		uint64_t offset;
		uint32_t size;
	} bad[] = {
		{0, PIECE + 1},
		{0, UINT32_MAX},
		{SIZE, 1},
		{SIZE - 1, 2},
		{SIZE + 1, 0},
		{UINT64_MAX, 1},
		{UINT64_MAX, 0},
		{1ull << 63, 4096},
		{UINT64_MAX - 4095, 4096},
		{UINT64_MAX - 4095, 8192},
	};
	struct vfmig_user_window_piece p;
	int fd = with_window();
	uint8_t short_one[23] = {0};

	fake_device_set_data(hostile_fake, "three", 5);
	CHECK_EQ(raw_set_state(fd, VFMIG_STATE_STOP_COPY), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK_EQ(read_piece(fd, bad[i].offset, bad[i].size, &p), -EINVAL);
		CHECK_EQ(write_piece(fd, bad[i].offset, bad[i].size, 0), -EINVAL);
	}
	CHECK_EQ(raw_call(fd, VFMIG_USER_WINDOW_READ, short_one, 23, NULL, 0, NULL, 0, NULL),
		 -EINVAL);
	CHECK_EQ(raw_call(fd, VFMIG_USER_WINDOW_WRITE, short_one, 23, NULL, 0, NULL, 0, NULL),
		 -EINVAL);
	CHECK_EQ(read_piece(fd, 0, PIECE, &p), 0);
	CHECK_EQ(raw_set_state(fd, VFMIG_STATE_RUNNING), 0);
	close(fd);
}

/* ---- what goes through ---- */

static uint8_t data[3 * PIECE + 777];

static void reads(void)
{
	struct vfmig_user_window_piece p;
	int fd = with_window();
	size_t at = 0;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 2654435761u >> 13);
	fake_device_set_data(hostile_fake, data, sizeof(data));
	CHECK_EQ(raw_set_state(fd, VFMIG_STATE_STOP_COPY), 0);
	do {
		uint64_t offset = at & PIECE ? 4096 : PIECE;

		memset(window, 0xee, SIZE);
		CHECK_EQ(read_piece(fd, offset, PIECE - 4096, &p), 0);
		CHECK_EQ(p.argsz, 24);
		CHECK_EQ(p.offset, offset);
		CHECK_EQ(p.size,
			 sizeof(data) - at < PIECE - 4096 ? sizeof(data) - at : PIECE - 4096);
		CHECK(!memcmp(window + offset, data + at, p.size));
		CHECK_EQ(p.sum, XXH3_64bits(data + at, p.size));
		/* And nothing beside it. */
		CHECK(window[offset - 1] == 0xee);
		CHECK(offset + p.size == SIZE || window[offset + p.size] == 0xee);
		at += p.size;
	} while (p.size);
	CHECK_EQ(at, sizeof(data));
	CHECK_EQ(raw_set_state(fd, VFMIG_STATE_RUNNING), 0);
	close(fd);
}

static void writes(void)
{
	int fd = with_window();

	CHECK_EQ(raw_set_state(fd, VFMIG_STATE_STOP), 0);
	CHECK_EQ(raw_set_state(fd, VFMIG_STATE_RESUMING), 0);
	memcpy(window + 4096, data, PIECE);
	/* The control: a sum that is wrong, and one byte that is, are found, and nothing comes to the device. */
	CHECK_EQ(write_piece(fd, 4096, PIECE, XXH3_64bits(data, PIECE) ^ 1), -EBADMSG);
	window[4096 + PIECE - 1] ^= 1;
	CHECK_EQ(write_piece(fd, 4096, PIECE, XXH3_64bits(data, PIECE)), -EBADMSG);
	window[4096 + PIECE - 1] ^= 1;
	CHECK_EQ(hostile_fake->data_len, 0);
	CHECK_EQ(write_piece(fd, 4096, PIECE, XXH3_64bits(data, PIECE)), 0);
	CHECK_EQ(write_piece(fd, 5096, 1, XXH3_64bits(data + 1000, 1)), 0);
	CHECK_EQ(write_piece(fd, 0, 0, 0x1234), -EBADMSG);
	CHECK_EQ(hostile_fake->data_len, PIECE + 1);
	CHECK(!memcmp(hostile_fake->data, data, PIECE));
	CHECK_EQ(hostile_fake->data[PIECE], data[1000]);
	/* It cannot be cut off; a hole is zeros, which have another sum. */
	CHECK(ftruncate(window_fd, 4096));
	CHECK(!fallocate(window_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, SIZE));
	CHECK_EQ(write_piece(fd, 4096, PIECE, XXH3_64bits(data, PIECE)), -EBADMSG);
	close(fd);
}

/* ---- while somebody else writes to it ---- */

static atomic_bool over;

static void *scribble(void *context)
{
	volatile uint8_t *at = window + (size_t)(PIECE / 2);

	for (uint8_t n = 0; !atomic_load(&over); n ^= 1)
		*at = n;
	return NULL;
}

/* There are two things that can be read there; what has the sum of the one is the one. */
static void changes(void)
{
	pthread_t thread;
	int fd = with_window();
	uint64_t sum;
	unsigned taken = 0;

	CHECK_EQ(raw_set_state(fd, VFMIG_STATE_STOP), 0);
	CHECK_EQ(raw_set_state(fd, VFMIG_STATE_RESUMING), 0);
	memcpy(window, data, PIECE);
	memcpy(data + PIECE, data, PIECE);
	data[PIECE + PIECE / 2] = 1;
	sum = XXH3_64bits(data + PIECE, PIECE);
	atomic_store(&over, false);
	CHECK(!pthread_create(&thread, NULL, scribble, NULL));
	for (unsigned i = 0; i < 200; i++) {
		int ret = write_piece(fd, 0, PIECE, sum);

		CHECK(!ret || ret == -EBADMSG);
		taken += !ret;
		CHECK_EQ(hostile_fake->data_len, taken * PIECE);
		if (!ret)
			CHECK(!memcmp(hostile_fake->data + (size_t)(taken - 1) * PIECE,
				      data + PIECE, PIECE));
		if (taken == 20)
			break;
	}
	atomic_store(&over, true);
	pthread_join(thread, NULL);
	close(fd);
}

/* ---- a server that answers with nonsense ---- */

static void done(struct vfmig_request *request)
{
	*(bool *)request->user = true;
}

static bool ended(void *context)
{
	return *(bool *)context;
}

static ssize_t asked(struct vfmig_device *device, int server, struct vfmig_request *request,
		     const void *answer, size_t len)
{
	struct vfmig_user_header h;
	bool answered = false;

	request->done = done;
	request->user = &answered;
	vfmig_submit(device, request);
	if (!answered) {
		int fds[RAW_FDS];
		unsigned nfds = 0;

		CHECK(raw_recv(server, &h, NULL, 0, fds, &nfds) >= 0);
		for (unsigned i = 0; i < nfds; i++)
			close(fds[i]);
		raw_send(server, h.msg_id, h.cmd, 1, 0, answer, len, NULL, 0);
		vfmig_device_wait(device, ended, &answered, device_now() + 120000000000);
	}
	CHECK(answered);
	return request->result;
}

static ssize_t answered_with(struct vfmig_user_window_piece reported, size_t len)
{
	static const char version[] = "\0\0\1\0" V2;
	struct vfmig_request request = {.op = VFMIG_OP_WINDOW};
	struct vfmig_window_piece piece = {.offset = 4096};
	struct vfmig_user_header h;
	struct vfmig_device *device;
	ssize_t ret;
	int pair[2];

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	raw_send(pair[0], 0, VFMIG_USER_VERSION, 1, 0, version, sizeof(version), NULL, 0);
	CHECK(!vfio_user_adopt(pair[1], "hostile", NULL, &device, NULL));
	raw_recv(pair[0], &h, NULL, 0, NULL, NULL);
	request.window.fd = window_fd;
	request.window.size = SIZE;
	CHECK_EQ(asked(device, pair[0], &request, NULL, 0), 0);
	request = (struct vfmig_request){.op = VFMIG_OP_DATA_READ};
	request.data.len = 8192;
	request.data.window = &piece;
	ret = asked(device, pair[0], &request, &reported, len);
	CHECK(ret < 0 || piece.sum == reported.sum);
	/* What would leave the window is not even asked. */
	piece.offset = SIZE - 4096;
	request = (struct vfmig_request){.op = VFMIG_OP_DATA_WRITE};
	request.data.len = 8192;
	request.data.window = &piece;
	if (ret >= 0)
		CHECK_EQ(asked(device, pair[0], &request, NULL, 0), -EINVAL);
	vfmig_device_close(device);
	close(pair[0]);
	return ret;
}

static void hostile_servers(void)
{
	struct vfmig_user_window_piece good = {24, 8192, 4096, 99}, bad;

	CHECK_EQ(answered_with(good, 24), 8192);
	CHECK_EQ(answered_with(good, 23), -EPROTO);
	CHECK_EQ(answered_with(good, 0), -EPROTO);
	bad = good;
	bad.size = 8193;
	CHECK_EQ(answered_with(bad, 24), -EPROTO);
	bad.size = UINT32_MAX;
	CHECK_EQ(answered_with(bad, 24), -EPROTO);
	bad = good;
	bad.offset = 0;
	CHECK_EQ(answered_with(bad, 24), -EPROTO);
	bad.offset = UINT64_MAX;
	CHECK_EQ(answered_with(bad, 24), -EPROTO);
}

int main(void)
{
	static void (*const tests[])(void) = {no_windows, not_agreed, places,
					      reads,	  writes,     changes};

	window_fd = make_file(SIZE, F_SEAL_SHRINK | F_SEAL_GROW);
	window = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, window_fd, 0);
	CHECK(window != MAP_FAILED);
	hostile_run(tests, sizeof(tests) / sizeof(tests[0]));
	hostile_servers();
	munmap(window, SIZE);
	close(window_fd);
	return 0;
}
