/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vfio-user messages that are not about regions: header, version, DMA, interrupts, migration data.
 */
#include "abi/vfio_user.h"
#include "abi/feature.h"
#include "abi/le.h"
#include "abi/range.h"

_Static_assert(sizeof(struct vfmig_user_header) == ABI_MSG_HEADER_SIZE, "packed");
_Static_assert(sizeof(struct vfmig_user_dma_map) == ABI_MSG_DMA_MAP_SIZE, "packed");
_Static_assert(sizeof(struct vfmig_user_dma_unmap) == ABI_MSG_DMA_UNMAP_SIZE, "packed");
_Static_assert(sizeof(struct vfmig_user_bitmap) == ABI_MSG_BITMAP_SIZE, "packed");
_Static_assert(sizeof(struct vfmig_user_dma_access) == ABI_MSG_DMA_ACCESS_SIZE, "packed");
_Static_assert(sizeof(struct vfmig_irq_info) == ABI_MSG_IRQ_INFO_SIZE, "packed");
_Static_assert(sizeof(struct vfmig_irq_set) == ABI_MSG_IRQ_SET_SIZE, "packed");
_Static_assert(sizeof(struct vfmig_user_mig_data) == ABI_MSG_MIG_DATA_SIZE, "packed");

static const struct abi_msg_kind kinds[VFMIG_USER_COMMAND_COUNT] = {
	[VFMIG_USER_VERSION] = {"VERSION", false, ABI_MSG_VERSION_SIZE},
	[VFMIG_USER_DMA_MAP] = {"DMA_MAP", false, ABI_MSG_DMA_MAP_SIZE},
	[VFMIG_USER_DMA_UNMAP] = {"DMA_UNMAP", false, ABI_MSG_DMA_UNMAP_SIZE},
	[VFMIG_USER_DEVICE_GET_INFO] = {"DEVICE_GET_INFO", false, ABI_MSG_DEVICE_INFO_SIZE},
	[VFMIG_USER_DEVICE_GET_REGION_INFO] = {"DEVICE_GET_REGION_INFO", false,
					       ABI_MSG_REGION_INFO_SIZE},
	[VFMIG_USER_DEVICE_GET_REGION_IO_FDS] = {"DEVICE_GET_REGION_IO_FDS", false,
						 ABI_MSG_IO_FDS_SIZE},
	[VFMIG_USER_DEVICE_GET_IRQ_INFO] = {"DEVICE_GET_IRQ_INFO", false, ABI_MSG_IRQ_INFO_SIZE},
	[VFMIG_USER_DEVICE_SET_IRQS] = {"DEVICE_SET_IRQS", false, ABI_MSG_IRQ_SET_SIZE},
	[VFMIG_USER_REGION_READ] = {"REGION_READ", false, ABI_MSG_REGION_ACCESS_SIZE},
	[VFMIG_USER_REGION_WRITE] = {"REGION_WRITE", false, ABI_MSG_REGION_ACCESS_SIZE},
	[VFMIG_USER_DMA_READ] = {"DMA_READ", true, ABI_MSG_DMA_ACCESS_SIZE},
	[VFMIG_USER_DMA_WRITE] = {"DMA_WRITE", true, ABI_MSG_DMA_ACCESS_SIZE},
	[VFMIG_USER_DEVICE_RESET] = {"DEVICE_RESET", false, 0},
	[VFMIG_USER_DIRTY_PAGES] = {"DIRTY_PAGES", false, ABI_MSG_DIRTY_PAGES_SIZE},
	[VFMIG_USER_REGION_WRITE_MULTI] = {"REGION_WRITE_MULTI", false, ABI_MSG_WRITE_MULTI_SIZE},
	[VFMIG_USER_DEVICE_FEATURE] = {"DEVICE_FEATURE", false, ABI_FEATURE_HEADER_SIZE},
	[VFMIG_USER_MIG_DATA_READ] = {"MIG_DATA_READ", false, ABI_MSG_MIG_DATA_SIZE},
	[VFMIG_USER_MIG_DATA_WRITE] = {"MIG_DATA_WRITE", false, ABI_MSG_MIG_DATA_SIZE},
};

const struct abi_msg_kind *abi_msg_find_kind(uint32_t cmd)
{
	if (cmd >= VFMIG_USER_COMMAND_COUNT || !kinds[cmd].name)
		return NULL;
	return &kinds[cmd];
}

size_t abi_msg_put_header(void *buf, size_t cap, const struct vfmig_user_header *h)
{
	return abi_pack(buf, cap, "22444", h);
}

const char *abi_msg_get_header(const void *buf, size_t len, uint32_t max_size,
			       struct vfmig_user_header *h)
{
	const uint32_t known =
		VFMIG_USER_FLAG_TYPE_MASK | VFMIG_USER_FLAG_NO_REPLY | VFMIG_USER_FLAG_ERROR;
	uint32_t type;

	if (!abi_unpack(buf, len, "22444", h))
		return "a message needs 16 bytes of header";
	type = h->flags & VFMIG_USER_FLAG_TYPE_MASK;
	if (h->msg_size < ABI_MSG_HEADER_SIZE)
		return "a message says that it is smaller than its header";
	if (h->msg_size > max_size)
		return "a message is larger than was agreed";
	if (h->flags & ~known)
		return "a message has unknown flags";
	if (type != VFMIG_USER_FLAG_TYPE_COMMAND && type != VFMIG_USER_FLAG_TYPE_REPLY)
		return "a message is neither command nor reply";
	if (type == VFMIG_USER_FLAG_TYPE_COMMAND && (h->flags & VFMIG_USER_FLAG_ERROR))
		return "a command has the error flag";
	return NULL;
}

size_t abi_msg_put_version(void *buf, size_t cap, const struct abi_msg_version *v)
{
	size_t json = v->json ? v->json_len + 1 : 0;
	uint8_t *bytes = buf;

	if (json > ABI_MSG_JSON_MAX || cap < ABI_MSG_VERSION_SIZE + json)
		return 0;
	abi_put16(bytes, v->major);
	abi_put16(bytes + 2, v->minor);
	if (json) {
		memcpy(bytes + ABI_MSG_VERSION_SIZE, v->json, json - 1);
		bytes[ABI_MSG_VERSION_SIZE + json - 1] = 0;
	}
	return ABI_MSG_VERSION_SIZE + json;
}

const char *abi_msg_get_version(const void *buf, size_t len, struct abi_msg_version *v)
{
	const uint8_t *bytes = buf;
	size_t json;

	if (len < ABI_MSG_VERSION_SIZE)
		return "VERSION needs 4 bytes";
	json = len - ABI_MSG_VERSION_SIZE;
	v->major = abi_get16(bytes);
	v->minor = abi_get16(bytes + 2);
	v->json = NULL;
	v->json_len = 0;
	if (!json)
		return NULL;
	if (json > ABI_MSG_JSON_MAX)
		return "the JSON of VERSION is over 16 KiB";
	bytes += ABI_MSG_VERSION_SIZE;
	if (bytes[json - 1])
		return "the JSON of VERSION does not end with a NUL";
	for (size_t i = 0; i < json - 1; i++)
		if (!bytes[i])
			return "the JSON of VERSION has a NUL before its end";
	v->json = (const char *)bytes;
	v->json_len = json - 1;
	return NULL;
}

size_t abi_msg_put_dma_map(void *buf, size_t cap, const struct vfmig_user_dma_map *m)
{
	return abi_pack(buf, cap, "44888", m);
}

const char *abi_msg_get_dma_map(const void *buf, size_t len, struct vfmig_user_dma_map *m)
{
	const uint32_t known = VFMIG_USER_DMA_MAP_READ | VFMIG_USER_DMA_MAP_WRITE |
			       VFMIG_USER_DMA_MAP_MMAP | VFMIG_USER_DMA_MAP_FILE_IO;

	if (!abi_unpack(buf, len, "44888", m))
		return "DMA_MAP needs 32 bytes";
	if (m->argsz < ABI_MSG_DMA_MAP_SIZE)
		return "the argsz of DMA_MAP is below its 32 bytes";
	if (m->flags & ~known)
		return "DMA_MAP has unknown flags";
	if (!m->size)
		return "DMA_MAP of nothing";
	if (abi_passes_the_end(m->addr, m->size))
		return "DMA_MAP passes the end of the address space";
	if (abi_passes_the_end(m->offset, m->size))
		return "DMA_MAP passes the end of any file";
	return NULL;
}

size_t abi_msg_put_dma_unmap(void *buf, size_t cap, const struct vfmig_user_dma_unmap *u,
			     const struct vfmig_user_bitmap *bitmap)
{
	bool with = u->flags & VFMIG_DMA_UNMAP_GET_DIRTY_BITMAP;
	size_t size = ABI_MSG_DMA_UNMAP_SIZE + (with ? ABI_MSG_BITMAP_SIZE : 0);

	if (cap < size)
		return 0;
	abi_pack(buf, cap, "4488", u);
	if (with)
		abi_pack((uint8_t *)buf + ABI_MSG_DMA_UNMAP_SIZE, ABI_MSG_BITMAP_SIZE, "88",
			 bitmap);
	return size;
}

const char *abi_msg_get_dma_unmap(const void *buf, size_t len, struct vfmig_user_dma_unmap *u,
				  struct vfmig_user_bitmap *bitmap)
{
	uint64_t reply = ABI_MSG_DMA_UNMAP_SIZE, bytes;

	memset(bitmap, 0, sizeof(*bitmap));
	if (!abi_unpack(buf, len, "4488", u))
		return "DMA_UNMAP needs 24 bytes";
	switch (u->flags) {
	case 0:
	case VFMIG_DMA_UNMAP_GET_DIRTY_BITMAP:
		if (!u->size)
			return "DMA_UNMAP of nothing";
		if (abi_passes_the_end(u->addr, u->size))
			return "DMA_UNMAP passes the end of the address space";
		break;
	case VFMIG_DMA_UNMAP_ALL:
		if (u->addr || u->size)
			return "DMA_UNMAP of everything gives a range as well";
		break;
	default:
		return "DMA_UNMAP has flags that are unknown or exclude each other";
	}
	if (u->flags == VFMIG_DMA_UNMAP_GET_DIRTY_BITMAP) {
		if (!abi_unpack((const uint8_t *)buf + ABI_MSG_DMA_UNMAP_SIZE,
				len - ABI_MSG_DMA_UNMAP_SIZE, "88", bitmap))
			return "DMA_UNMAP with a bitmap needs 40 bytes";
		bytes = abi_bitmap_bytes(u->size, bitmap->pgsize);
		if (!bytes || bitmap->pgsize < ABI_LOGGING_PAGE_MIN)
			return "DMA_UNMAP: the bitmap's page size is no power of two from 4 KiB on";
		if (bitmap->size < bytes || bitmap->size > ABI_BITMAP_BYTES_MAX)
			return "DMA_UNMAP: the bitmap is too small for the range, or over 256 MiB";
		reply += ABI_MSG_BITMAP_SIZE + bitmap->size;
	}
	if (u->argsz < reply)
		return "the argsz of DMA_UNMAP leaves no room for the reply";
	return NULL;
}

const char *abi_msg_get_dma_unmap_reply(const void *buf, size_t len,
					const struct vfmig_user_dma_unmap *u,
					const struct vfmig_user_bitmap *bitmap,
					const uint8_t **bits)
{
	const uint8_t *bytes = buf;
	struct vfmig_user_dma_unmap echo;
	struct vfmig_user_bitmap map;

	*bits = NULL;
	if (!abi_unpack(buf, len, "4488", &echo))
		return "the reply to DMA_UNMAP needs 24 bytes";
	if (echo.addr != u->addr || (echo.size != u->size && !(u->flags & VFMIG_DMA_UNMAP_ALL)))
		return "the reply to DMA_UNMAP is about another range";
	if (!(u->flags & VFMIG_DMA_UNMAP_GET_DIRTY_BITMAP))
		return NULL;
	bytes += ABI_MSG_DMA_UNMAP_SIZE;
	len -= ABI_MSG_DMA_UNMAP_SIZE;
	if (!abi_unpack(bytes, len, "88", &map))
		return "the reply to DMA_UNMAP has no bitmap";
	if (map.pgsize != bitmap->pgsize || map.size != bitmap->size)
		return "the reply to DMA_UNMAP has another bitmap than was asked for";
	if (len - ABI_MSG_BITMAP_SIZE < map.size)
		return "the reply to DMA_UNMAP is too short for its bitmap";
	*bits = bytes + ABI_MSG_BITMAP_SIZE;
	return NULL;
}

size_t abi_msg_put_dma_access(void *buf, size_t cap, const struct vfmig_user_dma_access *a)
{
	return abi_pack(buf, cap, "88", a);
}

const char *abi_msg_get_dma_access(const void *buf, size_t len, uint64_t max, bool data,
				   struct vfmig_user_dma_access *a)
{
	if (!abi_unpack(buf, len, "88", a))
		return "a DMA access needs 16 bytes";
	if (a->count > max)
		return "a DMA access is larger than was agreed";
	if (abi_passes_the_end(a->addr, a->count))
		return "a DMA access passes the end of the address space";
	if (data && len - ABI_MSG_DMA_ACCESS_SIZE != a->count)
		return "a DMA access has another amount of data than it says";
	return NULL;
}

const char *abi_msg_get_dma_written(const void *buf, size_t len, struct vfmig_user_dma_access *a)
{
	const uint8_t *bytes = buf;

	if (len < 12)
		return "the reply to DMA_WRITE needs 12 bytes";
	a->addr = abi_get64(bytes);
	a->count = len < 16 ? abi_get32(bytes + 8) : abi_get64(bytes + 8);
	return NULL;
}

size_t abi_msg_put_device_info(void *buf, size_t cap, const struct vfmig_device_info *i)
{
	return abi_pack(buf, cap, "4444", i);
}

const char *abi_msg_get_device_info(const void *buf, size_t len, struct vfmig_device_info *i)
{
	memset(i, 0, sizeof(*i));
	if (!abi_unpack(buf, len, "4444", i))
		return "device info needs 16 bytes";
	if (i->argsz < ABI_MSG_DEVICE_INFO_SIZE)
		return "the argsz of device info is below its 16 bytes";
	if (i->num_regions > ABI_MSG_REGIONS_MAX)
		return "device info has more than 1024 regions";
	if (i->num_irqs > ABI_MSG_IRQ_KINDS_MAX)
		return "device info has more than 64 interrupt indexes";
	return NULL;
}

size_t abi_msg_put_irq_info(void *buf, size_t cap, const struct vfmig_irq_info *i)
{
	return abi_pack(buf, cap, "4444", i);
}

const char *abi_msg_get_irq_info(const void *buf, size_t len, struct vfmig_irq_info *i)
{
	if (!abi_unpack(buf, len, "4444", i))
		return "interrupt info needs 16 bytes";
	if (i->argsz < ABI_MSG_IRQ_INFO_SIZE)
		return "the argsz of interrupt info is below its 16 bytes";
	if (i->count > ABI_MSG_IRQS_MAX)
		return "interrupt info has more than 2048 interrupts in one index";
	return NULL;
}

size_t abi_msg_put_irq_set(void *buf, size_t cap, const struct vfmig_irq_set *s,
			   const uint8_t *data)
{
	size_t bools = s->flags & VFMIG_IRQ_SET_DATA_BOOL ? s->count : 0;

	if (bools > ABI_MSG_IRQS_MAX || cap < ABI_MSG_IRQ_SET_SIZE + bools)
		return 0;
	abi_pack(buf, cap, "44444", s);
	if (bools)
		memcpy((uint8_t *)buf + ABI_MSG_IRQ_SET_SIZE, data, bools);
	return ABI_MSG_IRQ_SET_SIZE + bools;
}

const char *abi_msg_get_irq_set(const void *buf, size_t len, size_t nfds, struct vfmig_irq_set *s,
				const uint8_t **bools)
{
	uint32_t data, action;
	size_t rest;

	*bools = NULL;
	if (!abi_unpack(buf, len, "44444", s))
		return "SET_IRQS needs 20 bytes";
	rest = len - ABI_MSG_IRQ_SET_SIZE;
	data = s->flags & VFMIG_IRQ_SET_DATA_TYPES;
	action = s->flags & VFMIG_IRQ_SET_ACTION_TYPES;
	if (s->argsz < ABI_MSG_IRQ_SET_SIZE)
		return "the argsz of SET_IRQS is below its 20 bytes";
	if (s->flags & ~(VFMIG_IRQ_SET_DATA_TYPES | VFMIG_IRQ_SET_ACTION_TYPES))
		return "SET_IRQS has unknown flags";
	if (!data || (data & (data - 1)))
		return "SET_IRQS must have one kind of data";
	if (!action || (action & (action - 1)))
		return "SET_IRQS must have one action";
	if (s->start > ABI_MSG_IRQS_MAX || s->count > ABI_MSG_IRQS_MAX - s->start)
		return "SET_IRQS is about more than 2048 interrupts";
	if (!s->count &&
	    (data != VFMIG_IRQ_SET_DATA_NONE || action != VFMIG_IRQ_SET_ACTION_TRIGGER || s->start))
		return "SET_IRQS of no interrupts";
	if (data == VFMIG_IRQ_SET_DATA_BOOL ? rest != s->count : rest != 0)
		return "SET_IRQS has another amount of data than it says";
	if (data == VFMIG_IRQ_SET_DATA_EVENTFD && nfds && nfds < s->count)
		return "SET_IRQS came with fewer descriptors than it says";
	if (data == VFMIG_IRQ_SET_DATA_BOOL)
		*bools = (const uint8_t *)buf + ABI_MSG_IRQ_SET_SIZE;
	return NULL;
}

size_t abi_msg_put_mig_data(void *buf, size_t cap, const struct vfmig_user_mig_data *m)
{
	return abi_pack(buf, cap, "44", m);
}

const char *abi_msg_get_mig_data(const void *buf, size_t len, uint32_t max, bool data,
				 struct vfmig_user_mig_data *m)
{
	if (!abi_unpack(buf, len, "44", m))
		return "migration data needs 8 bytes";
	if (m->size > max)
		return "a piece of migration data is larger than was agreed";
	/* A server in the field answers a short read in a message of the full size. */
	if (data && len - ABI_MSG_MIG_DATA_SIZE < m->size)
		return "a piece of migration data is shorter than it says";
	if (!data &&
	    (m->argsz < ABI_MSG_MIG_DATA_SIZE || m->argsz - ABI_MSG_MIG_DATA_SIZE < m->size))
		return "the argsz of MIG_DATA_READ leaves no room for the reply";
	return NULL;
}
