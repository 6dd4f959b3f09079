/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The state of a device as one list: the kit's own entries, then the model's table, checked once.
 *
 * Saving, loading, resetting and looking at fields all go through this list and nothing else.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/device_state.h"
#include "model/kit.h"

#define OURS   "pci."
#define TABLE  1024u /* bytes of the MSI-X table in one field */
#define ALIGN8 7u

static const struct vfmig_entry *next_entry(const struct vfmig_entry *entry)
{
	return entry && entry->kind != VFMIG_ENTRY_END ? entry : NULL;
}

/* ---- blocks ---- */

static uint64_t block_size(const struct vfmig_kit *kit, const struct vfmig_entry *entry)
{
	uint64_t size = entry->size;

	if (!size)
		memcpy(&size, (uint8_t *)kit->self + entry->size_at, sizeof(size));
	return size;
}

/* The BAR that the block is in, and so the block's offset in its file. */
static uint64_t block_front(const struct vfmig_kit *kit, const char *name)
{
	for (unsigned i = 0; i < VFMIG_BARS; i++) {
		const struct vfmig_bar *bar = &kit->model->pci.bar[i];

		if (bar->memory && !strcmp(bar->memory, name))
			return bar->memory_at;
	}
	return 0;
}

static int open_block(struct vfmig_kit *kit, const struct vfmig_entry *entry,
		      struct vfmig_error *err)
{
	struct kit_block *block = &kit->blocks[kit->block_count];
	uint64_t size = block_size(kit, entry), front = block_front(kit, entry->name);
	struct vfmig_block **place = (struct vfmig_block **)((uint8_t *)kit->self + entry->offset);

	if (!size || size % KIT_PAGE || size > KIT_BLOCK_MAX)
		return vfmig_err(err, -EINVAL,
				 "block %s of %llu bytes: must be a multiple of %u, up to %llu",
				 entry->name, (unsigned long long)size, KIT_PAGE, KIT_BLOCK_MAX);
	if (front % KIT_PAGE || front > KIT_BLOCK_MAX)
		return vfmig_err(err, -EINVAL, "block %s begins in its BAR at no page boundary",
				 entry->name);
	block->fd = -1;
	kit->block_count++;
	*place = &block->block;
	return kit_block_open(block, entry->name, size, front, err);
}

int kit_blocks_open(struct vfmig_kit *kit, struct vfmig_error *err)
{
	const struct vfmig_entry *entry;
	unsigned count = 0;
	int ret;

	for (entry = kit->model->state; next_entry(entry); entry++)
		count += entry->kind == VFMIG_ENTRY_BLOCK;
	kit->blocks = calloc(count + 1, sizeof(*kit->blocks));
	if (!kit->blocks)
		return vfmig_err(err, -ENOMEM, "no memory for %u blocks", count);
	for (entry = kit->model->state; next_entry(entry); entry++) {
		if (entry->kind != VFMIG_ENTRY_BLOCK)
			continue;
		ret = open_block(kit, entry, err);
		if (ret)
			return ret;
	}
	return 0;
}

struct kit_block *kit_block_named(struct vfmig_kit *kit, const char *name)
{
	for (unsigned i = 0; i < kit->block_count; i++)
		if (!strcmp(kit->blocks[i].name, name))
			return &kit->blocks[i];
	return NULL;
}

/* ---- the kit's own ---- */

static struct kit_entry *add(struct vfmig_kit *kit, const char *name, void *place, size_t size)
{
	struct kit_entry *entry = &kit->entries[kit->entry_count++];

	entry->name = name;
	entry->kind = VFMIG_ENTRY_FIELD;
	entry->place = place;
	entry->size = size;
	entry->since = 1;
	entry->ours = true;
	return entry;
}

static int check_pending(struct vfmig_kit *kit, const struct kit_entry *entry, const void *value,
			 struct vfmig_error *err)
{
	const uint8_t *bits = value;

	for (unsigned v = kit->irq.vectors; v < kit->irq.pending_size * 8; v++)
		if (bits[v / 8] >> v % 8 & 1)
			return vfmig_err(err, -EINVAL,
					 "field %s: vector %u is pending, of %u that there are",
					 entry->name, v, kit->irq.vectors);
	return 0;
}

static void add_ours(struct vfmig_kit *kit)
{
	struct kit_irqs *irq = &kit->irq;

	add(kit, OURS "config", kit->config, KIT_CONFIG_SIZE)->check = kit_config_check;
	if (kit->is_pci && kit->model->pci.intx)
		add(kit, OURS "intx", &irq->intx_level, 1)->max = 1;
	if (!irq->vectors)
		return;
	for (size_t at = 0; at < irq->table_size; at += TABLE) {
		size_t rest = irq->table_size - at;
		struct kit_entry *entry =
			add(kit, NULL, irq->table + at, rest < TABLE ? rest : TABLE);

		snprintf(entry->own_name, sizeof(entry->own_name), OURS "msix_table.%u",
			 (unsigned)(at / TABLE) % 100);
		entry->name = entry->own_name;
	}
	add(kit, OURS "msix_pending", irq->pending, irq->pending_size)->check = check_pending;
}

/* ---- the model's ---- */

static bool good_name(const char *name)
{
	size_t len = name ? strlen(name) : 0;

	for (size_t i = 0; i < len; i++)
		if (name[i] <= ' ' || name[i] > '~')
			return false;
	return len && len <= ABI_DS_NAME_MAX;
}

static const char *bad_entry(const struct vfmig_kit *kit, const struct vfmig_entry *entry)
{
	uint32_t since = entry->since ? entry->since : 1;

	if (!good_name(entry->name))
		return "a name must be of 1 to 64 printable characters without a space";
	if (!strncmp(entry->name, OURS, strlen(OURS)))
		return "names with \"pci.\" are the kit's";
	if (since > kit->model->version)
		return "it came after the model's version";
	if (entry->kind == VFMIG_ENTRY_OLD &&
	    (entry->until < since || entry->until >= kit->model->version))
		return "it is old, and must have ended between its begin and the model's version";
	for (unsigned i = 0; i < kit->entry_count; i++) {
		const struct kit_entry *other = &kit->entries[i];
		bool current = other->kind != VFMIG_ENTRY_OLD && entry->kind != VFMIG_ENTRY_OLD;

		if (!strcmp(other->name, entry->name) && (current || other->since == since))
			return "there are two of that name";
	}
	if (entry->kind == VFMIG_ENTRY_BLOCK)
		return entry->offset > kit->model->size - sizeof(void *)
			       ? "it is not in the instance"
			       : NULL;
	if (entry->kind != VFMIG_ENTRY_FIELD && entry->kind != VFMIG_ENTRY_OLD)
		return "it is of no kind";
	if (!entry->size || entry->size > ABI_DS_FIELD_MAX)
		return "a field must be of 1 to 1024 bytes";
	if (entry->offset == VFMIG_ENTRY_NOWHERE && entry->kind == VFMIG_ENTRY_OLD)
		return NULL;
	if (entry->offset > kit->model->size || entry->size > kit->model->size - entry->offset)
		return "it is not in the instance";
	if (entry->max && entry->size != 1 && entry->size != 2 && entry->size != 4 &&
	    entry->size != 8)
		return "it has bounds, but is no number";
	return NULL;
}

static int add_theirs(struct vfmig_kit *kit, const struct vfmig_entry *from,
		      struct vfmig_error *err)
{
	const char *why = bad_entry(kit, from);
	struct kit_entry *entry = &kit->entries[kit->entry_count];

	if (why)
		return vfmig_err(err, -EINVAL, "state \"%s\": %s", from->name ? from->name : "",
				 why);
	entry->name = from->name;
	entry->kind = from->kind;
	entry->since = from->since ? from->since : 1;
	entry->until = from->until;
	if (from->kind == VFMIG_ENTRY_BLOCK) {
		entry->block = kit_block_named(kit, from->name);
		entry->size = entry->block->block.size;
	} else {
		if (from->offset != VFMIG_ENTRY_NOWHERE)
			entry->place = (uint8_t *)kit->self + from->offset;
		entry->size = from->size;
		entry->min = from->min;
		entry->max = from->max;
		entry->default_text = from->default_text;
	}
	kit->entry_count++;
	return 0;
}

int kit_entries_open(struct vfmig_kit *kit, struct vfmig_error *err)
{
	size_t count = 4 + kit->irq.table_size / TABLE + 1, stage = 0;
	const struct vfmig_entry *entry;
	int ret;

	for (entry = kit->model->state; next_entry(entry); entry++)
		count++;
	if (count > ABI_DS_ENTRIES_MAX)
		return vfmig_err(err, -EINVAL, "too long a state table");
	kit->entries = calloc(count, sizeof(*kit->entries));
	if (!kit->entries)
		return vfmig_err(err, -ENOMEM, "no memory for %zu fields", count);
	add_ours(kit);
	for (entry = kit->model->state; next_entry(entry); entry++) {
		ret = add_theirs(kit, entry, err);
		if (ret)
			return ret;
	}
	for (unsigned i = 0; i < kit->entry_count; i++) {
		if (kit->entries[i].kind == VFMIG_ENTRY_BLOCK)
			continue;
		kit->entries[i].stage = stage;
		stage += (kit->entries[i].size + ALIGN8) & ~(size_t)ALIGN8;
	}
	kit->stage = calloc(1, stage);
	return kit->stage ? 0 : vfmig_err(err, -ENOMEM, "no memory for %zu bytes of state", stage);
}

void kit_entries_close(struct vfmig_kit *kit)
{
	for (unsigned i = 0; i < kit->block_count; i++)
		kit_block_close(&kit->blocks[i]);
	free(kit->blocks);
	free(kit->entries);
	free(kit->stage);
}

/* ---- other uses of the list, besides saving and loading ---- */

void kit_apply_defaults(struct vfmig_kit *kit)
{
	for (unsigned i = 0; i < kit->entry_count; i++) {
		const struct kit_entry *entry = &kit->entries[i];

		if (entry->ours || !entry->place)
			continue;
		if (entry->default_text)
			memcpy(entry->place, entry->default_text, entry->size);
		else
			memset(entry->place, 0, entry->size);
	}
}

ssize_t vfmig_model_get_field(struct vfmig_device *device, const char *name, void *buf, size_t size,
			      struct vfmig_error *err)
{
	struct vfmig_kit *kit = kit_of(device);

	if (device->ops != &kit_ops)
		return vfmig_err(err, -EINVAL, "%s is not a model's device", device->name);
	for (unsigned i = 0; i < kit->entry_count; i++) {
		const struct kit_entry *entry = &kit->entries[i];

		if (entry->kind != VFMIG_ENTRY_FIELD || strcmp(entry->name, name))
			continue;
		memcpy(buf, entry->place, entry->size < size ? entry->size : size);
		return (ssize_t)entry->size;
	}
	return vfmig_err(err, -ENOENT, "%s has no field \"%s\"", device->name, name);
}
