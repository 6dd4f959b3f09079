/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The migration stream: what two engines send to each other, or one to a file.
 *
 * docs/stream.md is the specification. Each direction is a header of 32 bytes, then sections: 48
 * bytes of header, and a payload. Forward (source to destination):
 *
 *     HELLO  ( MEM_PAGES | MEM_ZERO | DEVICE_DATA | DEVICE_END | ROUND | SYNC )*  STOPPED
 *            ( the same without ROUND and SYNC )*  END  COMMIT   CANCEL after HELLO at any time
 *
 * and backward, on a socket:
 *
 *     ACCEPT LOADED* READY RUNNING  or, at any time, REFUSE (before ACCEPT), FAILED (after it)
 *
 * The checksum is XXH3-64 of the section's header, its checksum field taken as zero, and its
 * payload. The caller computes it: this code does not contain the hash.
 *
 * abi_section_get() checks whether a section is well formed on its own; struct abi_stream_check
 * checks whether it may come here. The reader must do both before it acts on a section.
 */
#ifndef ABI_STREAM_H
#define ABI_STREAM_H

#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>

/* ---- Stream header -------------------------------------------------------------------------- */

#define ABI_STREAM_MAGIC       "vfmig\0\r\n" /* 8 bytes; the last two reveal a mangled transfer */
#define ABI_STREAM_VERSION     2U
#define ABI_STREAM_VERSION_MIN 1U /* has no SYNC and no LOADED; otherwise the same */
#define ABI_STREAM_HEADER_SIZE 32U

#define ABI_STREAM_FLAG_REPLY 1U /* the backward direction */
#define ABI_STREAM_FLAG_FILE  2U /* no peer answers: ends with END, no COMMIT */

struct abi_stream_header {
	uint16_t version;
	uint32_t flags; /* ABI_STREAM_FLAG_ */
	uint8_t id[16]; /* of the migration: random, and the same in both directions */
};

size_t abi_stream_put_header(void *buf, size_t cap, const struct abi_stream_header *h);
/*
 * Refuses another magic, versions outside of VERSION_MIN to VERSION, unknown flags, REPLY with
 * FILE.
 */
const char *abi_stream_get_header(const void *buf, size_t len, struct abi_stream_header *h);

/* ---- Sections ------------------------------------------------------------------------------- */

#define ABI_SECTION_HEADER_SIZE 48U

/* Caps on the payload. */
#define ABI_SECTION_DATA_MAX	 (1U << 20) /* MEM_PAGES, DEVICE_DATA, SYNC */
#define ABI_SECTION_HELLO_MAX	 (1U << 20) /* JSON */
#define ABI_SECTION_SENTENCE_MAX 1024U	    /* REFUSE, FAILED, CANCEL */
#define ABI_STREAM_PAGE		 4096U	    /* unit of memory's offsets and lengths */

/* Those of the backward direction have bit 7 set. */
enum abi_section_type {
	ABI_SECTION_HELLO = 1,	     /* payload: JSON that describes devices and memory */
	ABI_SECTION_MEM_PAGES = 2,   /* index: region; offset in it; payload: whole pages */
	ABI_SECTION_MEM_ZERO = 3,    /* index: region; offset; arg: bytes, whole pages */
	ABI_SECTION_ROUND = 4,	     /* end of a pre-copy round; arg: its number, from 1 */
	ABI_SECTION_DEVICE_DATA = 5, /* index: device; offset: its bytes so far; payload: data */
	ABI_SECTION_DEVICE_END = 6,  /* index: device; offset: its bytes; arg: its chunks */
	ABI_SECTION_STOPPED = 7,     /* the source has stopped; offset, arg: as in END */
	ABI_SECTION_END = 8,	     /* all is sent; offset: sections, arg: payload bytes so far */
	ABI_SECTION_COMMIT = 9,	     /* the source will never run again: run */
	ABI_SECTION_CANCEL = 10,     /* give up; payload: a sentence, or nothing */
	ABI_SECTION_SYNC = 11, /* answer LOADED once all before it is loaded; payload: ignored */

	ABI_SECTION_ACCEPT = 0x81,  /* HELLO fits: send; arg: ABI_ACCEPT_ */
	ABI_SECTION_REFUSE = 0x82,  /* HELLO does not fit; payload: a sentence */
	ABI_SECTION_READY = 0x83,   /* all is loaded and checked: commit */
	ABI_SECTION_RUNNING = 0x84, /* the devices run */
	ABI_SECTION_FAILED = 0x85,  /* payload: a sentence; arg: devices that could not be reset */
	ABI_SECTION_LOADED = 0x86,  /* arg: sequence number of the SYNC that it answers */
};
#define ABI_SECTION_BACKWARD 0x80U

/* Flags of DEVICE_DATA: this payload begins, ends a chunk of the device's data. */
#define ABI_SECTION_FIRST 1U
#define ABI_SECTION_LAST  2U

/* Argument of ACCEPT: a device checks its loaded state by running for a moment, before READY. */
#define ABI_ACCEPT_RUNS 1U

struct abi_section {
	uint16_t type; /* enum abi_section_type */
	uint16_t flags;
	uint32_t index;
	uint64_t offset;
	uint64_t arg;
	uint32_t length;   /* of the payload, bytes */
	uint64_t seq;	   /* from 0 in each direction, HELLO and ACCEPT included */
	uint64_t checksum; /* XXH3-64 */
};

/* Encode the header of a section. Fields that its type does not use must be zero. */
size_t abi_section_put(void *buf, size_t cap, const struct abi_section *s);

/* Put the checksum into a header that was encoded with zero for it. */
void abi_section_put_checksum(void *header, uint64_t checksum);

/*
 * Decode the header of a section and check everything that does not depend on other sections:
 * type, flags, length under its cap, fields that must be zero, alignment and end of the range that
 * it addresses.
 */
const char *abi_section_get(const void *buf, size_t len, struct abi_section *s);

/*
 * Whether the payload of REFUSE, FAILED or CANCEL can be printed: no control characters.
 */
const char *abi_section_sentence(const void *payload, size_t len);

/* "HELLO", "MEM_PAGES" …; "?" for an unknown type. Static. */
const char *abi_section_name(uint32_t type);

/* ---- The order of sections ------------------------------------------------------------------ */

/* The check's record of a device of the stream, in memory of the caller. */
struct abi_stream_device {
	uint64_t bytes;
	uint64_t chunks;
	bool open; /* a chunk has begun and not ended */
	bool ended;
};

/* The order of one direction. Callers may read sections and payload. */
struct abi_stream_check {
	uint64_t sections; /* taken so far, and so the next sequence number */
	uint64_t payload;  /* bytes in them */

	uint64_t round;
	uint32_t flags; /* of the stream header */
	uint8_t phase;
	struct abi_stream_device *devices;
	uint32_t device_count;
	uint32_t devices_ended;
	const uint64_t *region_sizes;
	uint32_t region_count;
};

/* flags: of the stream header, which has the direction. */
void abi_stream_check_init(struct abi_stream_check *c, uint32_t flags);

/*
 * The content of HELLO, before any later section: the number of devices (an array that is kept,
 * and is cleared here) and the sizes of the memory regions in bytes (kept).
 */
void abi_stream_check_hello(struct abi_stream_check *c, struct abi_stream_device *devices,
			    uint32_t device_count, const uint64_t *region_sizes,
			    uint32_t region_count);

/*
 * Whether this section may come now; if so, counts it. A writer may check its own sections in the
 * same way before it sends them. After a refusal the stream cannot be used any more.
 */
const char *abi_stream_check_section(struct abi_stream_check *c, const struct abi_section *s);

/* The end of the bytes: refuses unless the last section may be the last. */
const char *abi_stream_check_finish(const struct abi_stream_check *c);

#endif
