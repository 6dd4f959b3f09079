/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reports of the pages that the device's DMA wrote: as a bitmap, or as runs of pages to a client
 * that requests runs.
 *
 * A device that supports runs reports them directly. Any other device, or one with more runs than
 * the message has space for, gives a bitmap. Converting a bitmap to runs clears it, and it is kept
 * for the next report: a new large bitmap costs a page fault for each of its pages, more than all
 * other work of a report with few runs.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "abi/feature.h"
#include "abi/le.h"
#include "abi/range.h"
#include "export/vfio_user/client.h"
#include "export/vfio_user/command.h"

/* The largest bitmap that is kept. */
#define KEEP (8u << 20)
/*
 * Runs are sent if they need no more than this part of the bitmap's size, in one buffer: else the
 * bitmap is faster.
 */
#define PART 8u
#define MOST ABI_MSG_XFER_DEFAULT

static size_t runs_room(const struct export_command *command)
{
	size_t part = command->out.body_len / PART;

	return part < MOST ? part : MOST;
}

static uint64_t *take_zeros(struct export_command *command, size_t bytes)
{
	struct export_client *client = command->client;

	pthread_mutex_lock(&client->wire.lock);
	if (client->zeros && client->zeros_len >= bytes) {
		command->memory = client->zeros;
		command->memory_len = client->zeros_len;
		client->zeros = NULL;
	}
	pthread_mutex_unlock(&client->wire.lock);
	if (!command->memory) {
		command->memory = calloc(1, bytes);
		command->memory_len = bytes;
	}
	return command->memory;
}

static void keep_zeros(struct export_command *command)
{
	struct export_client *client = command->client;

	if (command->memory_len > KEEP)
		return;
	pthread_mutex_lock(&client->wire.lock);
	if (!client->zeros) {
		client->zeros = command->memory;
		client->zeros_len = command->memory_len;
		command->memory = NULL;
	}
	pthread_mutex_unlock(&client->wire.lock);
}

static void tell_bits(struct export_command *command)
{
	export_put_feature(command, command->msg->payload + ABI_FEATURE_HEADER_SIZE,
			   ABI_LOGGING_REPORT_SIZE);
}

/* Runs as they are in a message, in their place. */
static void put_runs(const struct vfmig_page_runs *runs)
{
	uint8_t *at = (uint8_t *)runs->run;

	for (uint32_t i = 0; i < runs->count; i++, at += ABI_RUN_SIZE) {
		struct vfmig_page_run run = runs->run[i];

		abi_put32(at, run.skip);
		abi_put32(at + 4, run.pages);
	}
}

static void tell_runs(struct export_command *command)
{
	const struct vfmig_feature_dma_logging_report *r = &command->payload.report;
	struct abi_logging_runs head = {
		.iova = r->iova, .length = r->length, .page_size = r->page_size};
	uint8_t payload[ABI_LOGGING_RUNS_SIZE], *capacity = command->answer->payload;
	size_t len;

	if (command->runs.reported) {
		put_runs(&command->runs);
		head.count = command->runs.count;
		len = (size_t)head.count * ABI_RUN_SIZE;
	} else {
		len = abi_runs_put(capacity, runs_room(command), command->memory,
				   command->out.body_len / 8, &head.count);
		if (len != SIZE_MAX)
			abi_runs_clear(capacity, head.count, command->memory);
	}
	/* Then the next report begins as a bitmap: trying so many runs twice is the slowest way. */
	command->client->many_runs = len == SIZE_MAX;
	if (len == SIZE_MAX) {
		head.form = ABI_RUNS_ARE_BITS;
		head.count = 0;
	} else {
		keep_zeros(command);
		command->out.body = capacity;
		command->out.body_len = len;
	}
	abi_logging_put_runs(payload, sizeof(payload), &head);
	export_put_feature(command, payload, sizeof(payload));
}

/*
 * The specification has no smallest page, and devices log none below 4 KiB. Of a report in smaller ones each bit of the
 * device's, which is behind the client's, stands for several.
 */
static void spread(struct export_command *command, const struct abi_logging_report *asked)
{
	uint64_t pages = asked->length / asked->page_size;
	uint64_t parts = ABI_LOGGING_PAGE_MIN / asked->page_size;
	const uint8_t *from = (const uint8_t *)command->memory + command->out.body_len;

	for (uint64_t n = 0; n < pages; n++)
		if (from[n / parts / 8] >> n / parts % 8 & 1)
			abi_bitmap_set(command->memory, n);
}

/*
 * Returns whether a request is for such pages, and in @device the request for the device, in whole
 * pages of its own.
 */
static bool small_pages(const uint8_t *data, size_t len, struct abi_logging_report *asked,
			struct abi_logging_report *device)
{
	if (!abi_unpack(data, len, "888", asked) || !abi_power_of_two(asked->page_size) ||
	    asked->page_size >= ABI_LOGGING_PAGE_MIN || asked->length % asked->page_size)
		return false;
	*device = (struct abi_logging_report){
		.iova = asked->iova,
		.length = abi_product(abi_pages(asked->length, ABI_LOGGING_PAGE_MIN),
				      ABI_LOGGING_PAGE_MIN),
		.page_size = ABI_LOGGING_PAGE_MIN,
	};
	return true;
}

static void report_back(struct export_command *command, ssize_t result)
{
	struct abi_logging_report asked, device;
	uint32_t flags;

	memcpy(&flags, command->msg->payload + sizeof(flags), sizeof(flags));
	if (result < 0)
		export_failed(command, (int)result);
	else if ((flags & VFMIG_FEATURE_MASK) == VFMIG_FEATURE_USER_REPORT_RUNS)
		tell_runs(command);
	else {
		if (small_pages(command->msg->payload + ABI_FEATURE_HEADER_SIZE,
				command->msg->len - ABI_FEATURE_HEADER_SIZE, &asked, &device))
			spread(command, &asked);
		tell_bits(command);
	}
}

void export_report(struct export_command *command, const struct vfmig_device_feature *f,
		   const uint8_t *data, size_t len)
{
	bool runs = (f->flags & VFMIG_FEATURE_MASK) == VFMIG_FEATURE_USER_REPORT_RUNS;
	struct vfmig_feature_dma_logging_report *r = &command->payload.report;
	struct abi_logging_report asked, device;
	uint64_t bytes, more = 0;
	const char *why;

	if (!runs && small_pages(data, len, &asked, &device)) {
		why = abi_logging_report_check(&device, &more);
		bytes = abi_bitmap_bytes(asked.length, asked.page_size);
		if (!why && bytes > ABI_BITMAP_BYTES_MAX)
			why = "DMA_LOGGING_REPORT: the bitmap would exceed 256 MiB; request a smaller range";
	} else {
		why = abi_logging_get_report(data, len, &asked, &bytes);
		device = asked;
	}
	if (!why && f->argsz < ABI_FEATURE_HEADER_SIZE +
				       (runs ? ABI_LOGGING_RUNS_SIZE : ABI_LOGGING_REPORT_SIZE) +
				       bytes)
		why = "DMA_LOGGING_REPORT: argsz is too small for the bitmap";
	if (why) {
		export_refuse(command, -EINVAL, "%s", why);
		return;
	}
	/* The limit is 256 MiB, and one at a time. */
	if (!take_zeros(command, bytes + more)) {
		export_refuse(command, -ENOMEM, "no memory for a bitmap of %llu bytes",
			      (unsigned long long)bytes);
		return;
	}
	*r = (struct vfmig_feature_dma_logging_report){
		.iova = device.iova,
		.length = device.length,
		.page_size = device.page_size,
		.bitmap = (uintptr_t)command->memory + (more ? bytes : 0),
	};
	command->out.body = command->memory;
	command->out.body_len = bytes;
	if (runs) {
		if (!export_room(command, runs_room(command)))
			return;
		/* A device that supports runs reports them directly, and touches no bitmap. */
		command->runs = (struct vfmig_page_runs){
			.run = (struct vfmig_page_run *)command->answer->payload,
			.capacity = (uint32_t)(runs_room(command) / ABI_RUN_SIZE)};
		if (!command->client->many_runs)
			command->request.feature.runs = &command->runs;
	}
	command->request.feature.flags = VFMIG_FEATURE_DMA_LOGGING_REPORT | VFMIG_FEATURE_GET;
	command->request.feature.data = r;
	command->request.feature.size = sizeof(*r);
	export_ask(command, VFMIG_OP_FEATURE, report_back);
}
