/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The test device; see test_device.h.
 */
#include "tests/lib/test_device.h"

int test_device_quiesce_fails, test_device_stop_fails, test_device_resume_fails,
	test_device_loaded_fails;

uint64_t test_device_read(struct vfmig_kit *kit, void *self, unsigned bar, uint64_t offset,
			  unsigned size)
{
	struct test_device *card = (struct test_device *)self;

	if (bar)
		return 0;
	switch (offset) {
	case TEST_DEVICE_ID:
		return TEST_DEVICE_MAGIC;
	case TEST_DEVICE_SRC:
		return card->src;
	case TEST_DEVICE_DST:
		return card->dst;
	case TEST_DEVICE_LEN:
		return card->len;
	case TEST_DEVICE_GO:
		return card->todo;
	case TEST_DEVICE_DONE:
		return card->done;
	case TEST_DEVICE_PIN:
		return card->pin;
	default:
		return 0;
	}
}

void test_device_write(struct vfmig_kit *kit, void *self, unsigned bar, uint64_t offset,
		       uint64_t value, unsigned size)
{
	struct test_device *card = (struct test_device *)self;

	if (bar)
		return;
	switch (offset) {
	case TEST_DEVICE_SRC:
		card->src = value;
		break;
	case TEST_DEVICE_DST:
		card->dst = value;
		break;
	case TEST_DEVICE_LEN:
		card->len = value < TEST_DEVICE_COPY_BYTES ? value : TEST_DEVICE_COPY_BYTES;
		break;
	case TEST_DEVICE_GO:
		card->todo += value;
		vfmig_kit_wake(kit);
		break;
	case TEST_DEVICE_POKE:
	case TEST_DEVICE_POKE_SILENT:
		if (value >> 8 >= card->memory->size)
			break;
		card->memory->bytes[value >> 8] = (uint8_t)value;
		if (offset == TEST_DEVICE_POKE)
			vfmig_block_mark(card->memory, value >> 8, 1);
		break;
	case TEST_DEVICE_PIN:
		card->pin = value & 1;
		vfmig_kit_intx(kit, card->pin);
		break;
	case TEST_DEVICE_REINIT:
		vfmig_kit_reinit(kit);
		break;
	case TEST_DEVICE_VECTOR:
		vfmig_kit_irq(kit, (unsigned)value);
		break;
	case TEST_DEVICE_FETCH:
		card->fetch = value <= card->memory->size - TEST_DEVICE_COPY_BYTES;
		card->fetch_to = value;
		vfmig_kit_wake(kit);
		break;
	default:
		break;
	}
}

bool test_device_run(struct vfmig_kit *kit, void *self)
{
	struct test_device *card = (struct test_device *)self;
	uint64_t first;

	if (card->fetch)
		vfmig_kit_dma_read(kit, card->src, card->memory->bytes + card->fetch_to, card->len,
				   NULL);
	card->fetch = false;
	if (!card->todo)
		return false;
	if (!vfmig_kit_dma_read(kit, card->src, card->bounce, card->len, NULL)) {
		memcpy(&first, card->bounce, sizeof(first));
		first++;
		memcpy(card->bounce, &first, sizeof(first));
		vfmig_kit_dma_write(kit, card->dst, card->bounce, card->len, NULL);
	}
	card->todo--;
	card->done++;
	vfmig_kit_irq(kit, 0);
	return card->todo != 0;
}

int test_device_quiesce(struct vfmig_kit *kit, void *self, struct vfmig_error *err)
{
	return test_device_quiesce_fails
		       ? vfmig_err(err, test_device_quiesce_fails, "the card does not quiesce")
		       : 0;
}

int test_device_stop(struct vfmig_kit *kit, void *self, struct vfmig_error *err)
{
	return test_device_stop_fails
		       ? vfmig_err(err, test_device_stop_fails, "the card does not stop")
		       : 0;
}

int test_device_resume(struct vfmig_kit *kit, void *self, struct vfmig_error *err)
{
	return test_device_resume_fails
		       ? vfmig_err(err, test_device_resume_fails, "the card does not resume")
		       : 0;
}

int test_device_loaded(struct vfmig_kit *kit, void *self, uint32_t version, struct vfmig_error *err)
{
	struct test_device *card = (struct test_device *)self;

	if (test_device_loaded_fails)
		return vfmig_err(err, test_device_loaded_fails, "the card does not want it");
	if (card->todo && !card->len)
		return vfmig_err(err, -EINVAL, "copies to do, of no bytes");
	return 0;
}

void test_device_reset(struct vfmig_kit *kit, void *self)
{
	struct test_device *card = (struct test_device *)self;

	vfmig_kit_intx(kit, false);
	vfmig_block_clear(card->memory);
}

const struct vfmig_option test_device_options[] = {
	{.name = "memory",
	 .kind = VFMIG_OPTION_SIZE,
	 .offset = offsetof(struct test_device, memory_size),
	 .default_text = "256K",
	 .min = 4096},
	{.kind = VFMIG_OPTION_END},
};

const struct vfmig_entry test_device_state[] = {
	VFMIG_FIELD(struct test_device, src),
	VFMIG_FIELD(struct test_device, dst),
	VFMIG_FIELD(struct test_device, len, .max = TEST_DEVICE_COPY_BYTES),
	VFMIG_FIELD(struct test_device, todo),
	VFMIG_FIELD(struct test_device, done),
	VFMIG_FIELD(struct test_device, pin, .max = 1),
	VFMIG_BLOCK(struct test_device, memory,
		    .size_at = offsetof(struct test_device, memory_size)),
	{.kind = VFMIG_ENTRY_END},
};

const struct vfmig_model test_device_model = {
	.name = "card",
	.summary = "copies, for tests",
	.version = 1,
	.size = sizeof(struct test_device),
	.options = test_device_options,
	.pci =
		{
			.vendor = 0x1234,
			.device = 0x5678,
			.subsystem_vendor = 0x9abc,
			.subsystem = 0xdef0,
			.revision = 3,
			.class_code = 0x088001,
			.bar =
				{
					[0] = {.size = 4096, .width = 8},
					[2] = {.memory = "memory",
					       .memory_at = TEST_DEVICE_MEMORY_AT,
					       .flags = VFMIG_BAR_64 | VFMIG_BAR_PREFETCH |
							VFMIG_BAR_MAPPABLE},
				},
			.msix_vectors = TEST_DEVICE_VECTORS,
			.msix_bar = 4,
			.intx = true,
		},
	.state = test_device_state,
	.reset = test_device_reset,
	.read = test_device_read,
	.write = test_device_write,
	.run = test_device_run,
	.quiesce = test_device_quiesce,
	.stop = test_device_stop,
	.resume = test_device_resume,
	.loaded = test_device_loaded,
};

struct vfmig_device *test_device_open_as(const struct vfmig_model *model, const char *options)
{
	struct vfmig_device *device;

	CHECK_OK(vfmig_model_open(model, options, &device, &test_err));
	return device;
}

struct vfmig_device *test_device_open(const char *options)
{
	return test_device_open_as(&test_device_model, options);
}

struct vfmig_session *test_device_session(struct vfmig_device *device)
{
	struct vfmig_session *session;

	CHECK_OK(vfmig_session_open(device, NULL, &session, &test_err));
	return session;
}

uint64_t test_device_get(struct vfmig_device *device, uint64_t reg)
{
	uint64_t value;

	CHECK_OK(vfmig_device_region_read(device, 0, reg, &value, 8, &test_err));
	return value;
}

void test_device_set(struct vfmig_device *device, uint64_t reg, uint64_t value)
{
	CHECK_OK(vfmig_device_region_write(device, 0, reg, &value, 8, &test_err));
}

void test_device_go(struct vfmig_session *session, enum vfmig_state state)
{
	CHECK_OK(vfmig_session_set_state(session, state, &test_err));
}

enum vfmig_state test_device_state_of(struct vfmig_session *session)
{
	enum vfmig_state state;

	CHECK_OK(vfmig_session_get_state(session, &state, &test_err));
	return state;
}

void test_device_poke(struct vfmig_device *device, uint64_t offset, uint8_t byte)
{
	test_device_set(device, TEST_DEVICE_POKE, offset << 8 | byte);
}

uint8_t test_device_peek(struct vfmig_device *device, uint64_t offset)
{
	uint8_t byte;

	CHECK_OK(vfmig_device_region_read(device, 2, TEST_DEVICE_MEMORY_AT + offset, &byte, 1,
					  &test_err));
	return byte;
}

void *test_device_memory(struct vfmig_space *space, uint64_t iova, size_t size)
{
	struct vfmig_map map = {
		.iova = iova,
		.size = size,
		.prot = VFMIG_PROT_READ | VFMIG_PROT_WRITE,
		.kind = VFMIG_MAP_MEMORY,
		.fd = -1,
	};

	map.ptr = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(map.ptr != MAP_FAILED);
	CHECK_OK(vfmig_space_map(space, &map, &test_err));
	return map.ptr;
}

void test_device_work(struct vfmig_device *device, uint64_t copies)
{
	while (test_device_get(device, TEST_DEVICE_DONE) < copies)
		CHECK_OK(vfmig_device_process(device, &test_err));
}

size_t test_device_pull(struct vfmig_session *session, struct test_device_stream *stream,
			size_t piece)
{
	size_t before = stream->len;
	ssize_t n;

	do {
		stream->bytes = (uint8_t *)realloc(stream->bytes, stream->len + piece);
		CHECK(stream->bytes);
		n = vfmig_session_read(session, stream->bytes + stream->len, piece, &test_err);
		CHECKF(n >= 0 || n == -ENOMSG, "%zd: %s", n, test_err.text);
		if (n > 0)
			stream->len += (size_t)n;
	} while (n > 0);
	return stream->len - before;
}

struct test_device_stream test_device_save(struct vfmig_session *session)
{
	struct test_device_stream stream = {NULL, 0};

	test_device_go(session, VFMIG_STATE_STOP_COPY);
	test_device_pull(session, &stream, 65536);
	test_device_go(session, VFMIG_STATE_STOP);
	return stream;
}

int test_device_load(struct vfmig_session *session, const uint8_t *bytes, size_t len, size_t piece,
		     struct vfmig_error *err)
{
	int ret = vfmig_session_set_state(session, VFMIG_STATE_RESUMING, err);

	for (size_t at = 0; !ret && at < len; at += piece)
		ret = vfmig_session_write(session, bytes + at, len - at < piece ? len - at : piece,
					  err);
	return ret ? ret : vfmig_session_set_state(session, VFMIG_STATE_STOP, err);
}

uint64_t test_device_signals(int eventfd_)
{
	uint64_t count = 0;

	if (read(eventfd_, &count, sizeof(count)) != sizeof(count))
		CHECK(errno == EAGAIN);
	return count;
}
