/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The copier as a driver sees it: numbers only. docs/models/copier.md explains them.
 */
#ifndef COPIER_REGS_H
#define COPIER_REGS_H

#include <stdint.h>

#define COPIER_PCI_VENDOR   0x5646
#define COPIER_PCI_DEVICE   0x0001
#define COPIER_PCI_REVISION 1
#define COPIER_PCI_CLASS    0x120000

enum copier_bar {
	COPIER_BAR_REGISTERS = 0,
	COPIER_BAR_WINDOW = 2,
	COPIER_BAR_MSIX = 4,
};

enum copier_vector {
	COPIER_VECTOR_COMPLETION,
	COPIER_VECTOR_ERROR,
	COPIER_VECTORS,
};

#define COPIER_REGISTERS_SIZE 0x1000

enum copier_register {
	COPIER_REG_ID = 0x000,
	COPIER_REG_VERSION = 0x004,
	COPIER_REG_OPERATIONS = 0x008,
	COPIER_REG_MAX_LENGTH = 0x00c,
	COPIER_REG_BOARD_SIZE = 0x010,
	COPIER_REG_CONTROL = 0x018,
	COPIER_REG_STATUS = 0x01c,
	COPIER_REG_ERROR = 0x020,
	COPIER_REG_ERROR_IOVA = 0x028,
	COPIER_REG_INTR_STATUS = 0x030,
	COPIER_REG_INTR_ENABLE = 0x034,
	COPIER_REG_RING_BASE = 0x040,
	COPIER_REG_DONE_BASE = 0x048,
	COPIER_REG_RING_SIZE = 0x050,
	COPIER_REG_HEAD = 0x058,
	COPIER_REG_TAIL = 0x05c,
	COPIER_REG_SEQUENCE = 0x060,
	COPIER_REG_POSITION = 0x068,
	COPIER_REG_COPIES = 0x080,
	COPIER_REG_FILLS = 0x088,
	COPIER_REG_CHECKSUMS = 0x090,
	COPIER_REG_ADDS = 0x098,
	COPIER_REG_FAILURES = 0x0a0,
	COPIER_REG_BYTES = 0x0a8,
};

#define COPIER_ID	  0x59504f43u
#define COPIER_VERSION	  0x00010000u
#define COPIER_OPERATIONS 0x0000001eu
#define COPIER_MAX_LENGTH 0x40000000u

#define COPIER_CONTROL_ENABLE (1u << 0)
#define COPIER_CONTROL_RESET  (1u << 1)

#define COPIER_STATUS_ENABLED (1u << 0)
#define COPIER_STATUS_BUSY    (1u << 1)
#define COPIER_STATUS_ERROR   (1u << 2)

#define COPIER_INTR_COMPLETION (1u << COPIER_VECTOR_COMPLETION)
#define COPIER_INTR_ERROR      (1u << COPIER_VECTOR_ERROR)

#define COPIER_RING_ALIGN 64
#define COPIER_RING_MIN	  2
#define COPIER_RING_MAX	  32768

enum copier_operation {
	COPIER_COPY = 1,
	COPIER_FILL = 2,
	COPIER_CHECKSUM = 3,
	COPIER_ADD = 4,
};

#define COPIER_FLAG_INTERRUPT		 (1u << 0)
#define COPIER_FLAG_SOURCE_ON_BOARD	 (1u << 1)
#define COPIER_FLAG_DESTINATION_ON_BOARD (1u << 2)
#define COPIER_FLAGS			 0x7u

/*
 * Both structures as they lie in host memory, little-endian, as on the machines that run this
 * code.
 */
struct copier_descriptor {
	uint8_t operation;
	uint8_t flags;
	uint8_t zero1[6];
	uint64_t source;
	uint64_t destination;
	uint64_t length;
	uint64_t value;
	uint64_t cookie;
	uint64_t zero2[2];
};

struct copier_completion {
	uint64_t sequence;
	uint64_t cookie;
	uint64_t result;
	uint32_t status;
	uint32_t index;
};

_Static_assert(sizeof(struct copier_descriptor) == 64, "descriptors are 64 bytes");
_Static_assert(sizeof(struct copier_completion) == 32, "completions are 32 bytes");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the copier's layouts are little-endian");

enum copier_status {
	COPIER_OK,
	COPIER_BAD_OPERATION,
	COPIER_BAD_FLAGS,
	COPIER_BAD_LENGTH,
	COPIER_BAD_ADDRESS,
	COPIER_OVERLAP,
	COPIER_READ_FAULT,
	COPIER_WRITE_FAULT,
};

enum copier_error {
	COPIER_ERROR_NONE,
	COPIER_ERROR_BAD_RING,
	COPIER_ERROR_BAD_TAIL,
	COPIER_ERROR_RING_FAULT,
	COPIER_ERROR_DONE_FAULT,
};

#endif
