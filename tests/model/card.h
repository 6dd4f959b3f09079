/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A small device for the kit's tests, and what they all do with one.
 *
 * The card copies LEN bytes from SRC to DST in its user's memory as often as GO says, adds one to the first
 * 8 of them each time, and raises vector 0. It has memory, half hidden behind registers in BAR 2, which POKE
 * writes a byte of; POKE_SILENT is the same without telling the kit. FETCH reads into it by DMA.
 */
#ifndef TESTS_MODEL_CARD_H
#define TESTS_MODEL_CARD_H

#include <errno.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vfmig/model.h>
#include <vfmig/session.h>
#include <vfmig/space.h>

#include "tests/check.h"

enum {
	CARD_ID = 0x00,
	CARD_SRC = 0x08,
	CARD_DST = 0x10,
	CARD_LEN = 0x18,
	CARD_GO = 0x20,
	CARD_DONE = 0x28,
	CARD_POKE = 0x30, /* offset << 8 | byte */
	CARD_POKE_SILENT = 0x38,
	CARD_PIN = 0x40,
	CARD_REINIT = 0x48,
	CARD_VECTOR = 0x50,
	CARD_FETCH = 0x58, /* once, read LEN bytes at SRC into the memory at this offset */
};

#define CARD_MAGIC	0x64726163u
#define CARD_MEMORY_AT	0x2000u
#define CARD_COPY_BYTES 4096u
#define CARD_VECTORS	70u

struct card {
	uint64_t memory_size;
	struct vfmig_block *memory;
	uint64_t src, dst, len, todo, done;
	uint8_t pin;
	bool fetch; /* for tests that do not move it before it is done */
	uint64_t fetch_to;
	uint8_t bounce[CARD_COPY_BYTES];
};

/* What the next call of a callback is to fail with; the tests set it. */
static int card_quiesce_fails, card_stop_fails, card_resume_fails, card_loaded_fails;

static inline uint64_t card_read(struct vfmig_kit *kit, void *self, unsigned bar, uint64_t offset,
				 unsigned size)
{
	struct card *card = (struct card *)self;

	if (bar)
		return 0;
	switch (offset) {
	case CARD_ID:
		return CARD_MAGIC;
	case CARD_SRC:
		return card->src;
	case CARD_DST:
		return card->dst;
	case CARD_LEN:
		return card->len;
	case CARD_GO:
		return card->todo;
	case CARD_DONE:
		return card->done;
	case CARD_PIN:
		return card->pin;
	default:
		return 0;
	}
}

static inline void card_write(struct vfmig_kit *kit, void *self, unsigned bar, uint64_t offset,
			      uint64_t value, unsigned size)
{
	struct card *card = (struct card *)self;

	if (bar)
		return;
	switch (offset) {
	case CARD_SRC:
		card->src = value;
		break;
	case CARD_DST:
		card->dst = value;
		break;
	case CARD_LEN:
		card->len = value < CARD_COPY_BYTES ? value : CARD_COPY_BYTES;
		break;
	case CARD_GO:
		card->todo += value;
		vfmig_kit_wake(kit);
		break;
	case CARD_POKE:
	case CARD_POKE_SILENT:
		if (value >> 8 >= card->memory->size)
			break;
		card->memory->bytes[value >> 8] = (uint8_t)value;
		if (offset == CARD_POKE)
			vfmig_block_mark(card->memory, value >> 8, 1);
		break;
	case CARD_PIN:
		card->pin = value & 1;
		vfmig_kit_intx(kit, card->pin);
		break;
	case CARD_REINIT:
		vfmig_kit_reinit(kit);
		break;
	case CARD_VECTOR:
		vfmig_kit_irq(kit, (unsigned)value);
		break;
	case CARD_FETCH:
		card->fetch = value <= card->memory->size - CARD_COPY_BYTES;
		card->fetch_to = value;
		vfmig_kit_wake(kit);
		break;
	default:
		break;
	}
}

static inline bool card_run(struct vfmig_kit *kit, void *self)
{
	struct card *card = (struct card *)self;
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

static inline int card_quiesce(struct vfmig_kit *kit, void *self, struct vfmig_error *err)
{
	return card_quiesce_fails ? vfmig_err(err, card_quiesce_fails, "the card does not quiesce")
				  : 0;
}

static inline int card_stop(struct vfmig_kit *kit, void *self, struct vfmig_error *err)
{
	return card_stop_fails ? vfmig_err(err, card_stop_fails, "the card does not stop") : 0;
}

static inline int card_resume(struct vfmig_kit *kit, void *self, struct vfmig_error *err)
{
	return card_resume_fails ? vfmig_err(err, card_resume_fails, "the card does not resume")
				 : 0;
}

static inline int card_loaded(struct vfmig_kit *kit, void *self, uint32_t version,
			      struct vfmig_error *err)
{
	struct card *card = (struct card *)self;

	if (card_loaded_fails)
		return vfmig_err(err, card_loaded_fails, "the card does not want it");
	if (card->todo && !card->len)
		return vfmig_err(err, -EINVAL, "copies to do, of no bytes");
	return 0;
}

static inline void card_reset(struct vfmig_kit *kit, void *self)
{
	struct card *card = (struct card *)self;

	vfmig_kit_intx(kit, false);
	vfmig_block_clear(card->memory);
}

static const struct vfmig_option card_options[] = {
	{.name = "memory",
	 .kind = VFMIG_OPTION_SIZE,
	 .offset = offsetof(struct card, memory_size),
	 .default_text = "256K",
	 .min = 4096},
	{.kind = VFMIG_OPTION_END},
};

static const struct vfmig_entry card_state[] = {
	VFMIG_FIELD(struct card, src),
	VFMIG_FIELD(struct card, dst),
	VFMIG_FIELD(struct card, len, .max = CARD_COPY_BYTES),
	VFMIG_FIELD(struct card, todo),
	VFMIG_FIELD(struct card, done),
	VFMIG_FIELD(struct card, pin, .max = 1),
	VFMIG_BLOCK(struct card, memory, .size_at = offsetof(struct card, memory_size)),
	{.kind = VFMIG_ENTRY_END},
};

static const struct vfmig_model card_model = {
	.name = "card",
	.summary = "copies, for tests",
	.version = 1,
	.size = sizeof(struct card),
	.options = card_options,
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
					       .memory_at = CARD_MEMORY_AT,
					       .flags = VFMIG_BAR_64 | VFMIG_BAR_PREFETCH |
							VFMIG_BAR_MAPPABLE},
				},
			.msix_vectors = CARD_VECTORS,
			.msix_bar = 4,
			.intx = true,
		},
	.state = card_state,
	.reset = card_reset,
	.read = card_read,
	.write = card_write,
	.run = card_run,
	.quiesce = card_quiesce,
	.stop = card_stop,
	.resume = card_resume,
	.loaded = card_loaded,
};

/* ---- what tests do ---- */

#define CARD_OK(call)                                                                              \
	do {                                                                                       \
		struct vfmig_error *e_ = &card_err;                                                \
		int ret_ = (int)(call);                                                            \
		CHECKF(ret_ >= 0, "%d: %s", ret_, e_->text);                                       \
	} while (0)

static __thread struct vfmig_error card_err;

static inline struct vfmig_device *card_open_as(const struct vfmig_model *model,
						const char *options)
{
	struct vfmig_device *device;

	CARD_OK(vfmig_model_open(model, options, &device, &card_err));
	return device;
}

static inline struct vfmig_device *card_open(const char *options)
{
	return card_open_as(&card_model, options);
}

static inline struct vfmig_session *card_session(struct vfmig_device *device)
{
	struct vfmig_session *session;

	CARD_OK(vfmig_session_open(device, NULL, &session, &card_err));
	return session;
}

static inline uint64_t card_get(struct vfmig_device *device, uint64_t reg)
{
	uint64_t value;

	CARD_OK(vfmig_device_region_read(device, 0, reg, &value, 8, &card_err));
	return value;
}

static inline void card_set(struct vfmig_device *device, uint64_t reg, uint64_t value)
{
	CARD_OK(vfmig_device_region_write(device, 0, reg, &value, 8, &card_err));
}

static inline void card_go(struct vfmig_session *session, enum vfmig_state state)
{
	CARD_OK(vfmig_session_set_state(session, state, &card_err));
}

static inline enum vfmig_state card_state_of(struct vfmig_session *session)
{
	enum vfmig_state state;

	CARD_OK(vfmig_session_get_state(session, &state, &card_err));
	return state;
}

static inline void card_poke(struct vfmig_device *device, uint64_t offset, uint8_t byte)
{
	card_set(device, CARD_POKE, offset << 8 | byte);
}

static inline uint8_t card_peek(struct vfmig_device *device, uint64_t offset)
{
	uint8_t byte;

	CARD_OK(vfmig_device_region_read(device, 2, CARD_MEMORY_AT + offset, &byte, 1, &card_err));
	return byte;
}

/* A space with one piece of memory at an IOVA. */
static inline void *card_memory(struct vfmig_space *space, uint64_t iova, size_t size)
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
	CARD_OK(vfmig_space_map(space, &map, &card_err));
	return map.ptr;
}

/* Work the device until it has done that many copies. */
static inline void card_work(struct vfmig_device *device, uint64_t copies)
{
	while (card_get(device, CARD_DONE) < copies)
		CARD_OK(vfmig_device_process(device, &card_err));
}

/* Bytes of state, as a session gives them. */
struct card_stream {
	uint8_t *bytes;
	size_t len;
};

/* Read until the end, or the end for now; in pieces of at most piece bytes. Returns how many came. */
static inline size_t card_pull(struct vfmig_session *session, struct card_stream *stream,
			       size_t piece)
{
	size_t before = stream->len;
	ssize_t n;

	do {
		stream->bytes = (uint8_t *)realloc(stream->bytes, stream->len + piece);
		CHECK(stream->bytes);
		n = vfmig_session_read(session, stream->bytes + stream->len, piece, &card_err);
		CHECKF(n >= 0 || n == -ENOMSG, "%zd: %s", n, card_err.text);
		if (n > 0)
			stream->len += (size_t)n;
	} while (n > 0);
	return stream->len - before;
}

/* All of a stopped device's state. */
static inline struct card_stream card_save(struct vfmig_session *session)
{
	struct card_stream stream = {NULL, 0};

	card_go(session, VFMIG_STATE_STOP_COPY);
	card_pull(session, &stream, 65536);
	card_go(session, VFMIG_STATE_STOP);
	return stream;
}

/* 0, or what RESUMING, the data or STOP said. */
static inline int card_load(struct vfmig_session *session, const uint8_t *bytes, size_t len,
			    size_t piece, struct vfmig_error *err)
{
	int ret = vfmig_session_set_state(session, VFMIG_STATE_RESUMING, err);

	for (size_t at = 0; !ret && at < len; at += piece)
		ret = vfmig_session_write(session, bytes + at, len - at < piece ? len - at : piece,
					  err);
	return ret ? ret : vfmig_session_set_state(session, VFMIG_STATE_STOP, err);
}

static inline uint64_t card_signals(int eventfd_)
{
	uint64_t count = 0;

	if (read(eventfd_, &count, sizeof(count)) != sizeof(count))
		CHECK(errno == EAGAIN);
	return count;
}

#endif
