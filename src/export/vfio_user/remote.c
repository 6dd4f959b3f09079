/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DMA to memory that the client does not share: DMA_READ and DMA_WRITE, from server to client.
 *
 * The device's thread waits here for the client. Meanwhile the client may send commands of its own,
 * and may even wait for their replies before it answers: so a waiting thread receives all messages,
 * and queues the commands among them. Of several waiting threads, one polls for all.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "device/device.h"
#include "export/vfio_user/client.h"
#include "export/vfio_user/command.h"
#include "export/vfio_user/memory.h"
#include "export/vfio_user/server.h"

struct export_dma {
	struct wire_ask ask;
	uint64_t iova;
	size_t len;
	bool done;
	struct export_dma *next;
};

static struct export_dma *dma_of(struct wire_ask *ask)
{
	return (struct export_dma *)((char *)ask - offsetof(struct export_dma, ask));
}

static void dma_free(struct export_client *client, struct export_dma *dma)
{
	dma->next = client->dma_unused;
	client->dma_unused = dma;
}

void export_remote_answer(struct export_client *client, struct wire_ask *ask)
{
	struct export_dma *dma = dma_of(ask);
	uint64_t one = 1;
	ssize_t n;

	wire_close_fds(ask->fds, &ask->nfds);
	if (ask->abandoned) {
		dma_free(client, dma);
		return;
	}
	dma->done = true;
	pthread_cond_broadcast(&client->changed);
	if (client->dma_polls) {
		n = write(client->dma_wake, &one, sizeof(one));
		(void)n; /* it can only be kicked already */
	}
}

void export_remote_free(struct export_client *client)
{
	while (client->dma_unused) {
		struct export_dma *dma = client->dma_unused;

		client->dma_unused = dma->next;
		free(dma);
	}
}

/* ---- one access ---- */

struct access {
	struct export_client *client;
	enum wire_end end;
	uint64_t iova;
	char *buf;
	size_t len, asked;
	bool write;
	struct vfmig_error *err;
	int64_t deadline;
	struct export_dma *first, **last; /* under way, in order */
	unsigned count;
};

/* Ask for the next piece. 0, -EBUSY: not now, or the end of it. */
static int ask_next(struct access *a)
{
	struct export_client *client = a->client;
	struct vfmig_user_dma_access message = {.addr = a->iova + a->asked};
	struct export_dma *dma = client->dma_unused;
	int ret;

	message.count = a->len - a->asked < client->xfer ? a->len - a->asked : client->xfer;
	if (dma)
		client->dma_unused = dma->next;
	else
		dma = malloc(sizeof(*dma));
	if (!dma)
		return vfmig_err(a->err, -ENOMEM, "no memory for a DMA message");
	*dma = (struct export_dma){.iova = message.addr, .len = message.count};
	dma->ask.out.head_len = ABI_MSG_HEADER_SIZE +
				abi_msg_put_dma_access(dma->ask.out.head + ABI_MSG_HEADER_SIZE,
						       EXPORT_FIXED_ROOM, &message);
	dma->ask.fixed = ABI_MSG_DMA_ACCESS_SIZE;
	if (a->write) {
		dma->ask.out.body = a->buf + a->asked;
		dma->ask.out.body_len = message.count;
		/* Some echo what they were sent. */
		dma->ask.slack = message.count;
	} else {
		dma->ask.data = a->buf + a->asked;
		dma->ask.data_max = message.count;
	}
	*a->last = dma;
	ret = wire_send_command(&client->wire, a->end,
				a->write ? VFMIG_USER_DMA_WRITE : VFMIG_USER_DMA_READ, &dma->ask);
	if (ret) {
		*a->last = NULL;
		dma_free(client, dma);
		if (ret == -ENOTCONN)
			vfmig_err(a->err, ret, "the client that owns the memory has disconnected");
		return ret;
	}
	a->last = &dma->next;
	a->count++;
	a->asked += message.count;
	return 0;
}

/* The answer to the oldest piece. */
static int check_answer(struct access *a, const struct export_dma *dma)
{
	const struct wire_ask *ask = &dma->ask;
	struct vfmig_user_dma_access reported;
	const char *why;

	if (ask->error)
		return vfmig_err(
			a->err, ask->error,
			"DMA %s of %zu bytes at IOVA 0x%llx: the client replied with an error",
			a->write ? "write" : "read", dma->len, (unsigned long long)dma->iova);
	if (a->write)
		why = abi_msg_get_dma_written(ask->reply, ask->reply_len, &reported);
	else
		why = abi_msg_get_dma_access(ask->reply, ask->reply_len + ask->data_len, dma->len,
					     true, &reported);
	if (!why && (reported.addr != dma->iova || reported.count != dma->len))
		why = "the client's DMA reply has another address or size than the request";
	return why ? vfmig_err(a->err, -EIO, "DMA at IOVA 0x%llx: %s",
			       (unsigned long long)dma->iova, why)
		   : 0;
}

/* ---- waiting ---- */

static void sleep_until(struct export_client *client, int64_t deadline)
{
	struct timespec ts = {.tv_sec = deadline / 1000000000, .tv_nsec = deadline % 1000000000};

	pthread_cond_timedwait(&client->changed, &client->wire.lock, &ts);
}

static void poll_ends(struct export_client *client, enum wire_end end, int64_t deadline)
{
	struct wire *wire = &client->wire;
	struct pollfd fds[2] = {
		{.fd = client->dma_wake, .events = POLLIN},
		{.fd = wire->ends[end].fd, .events = POLLIN},
	};
	int64_t left = (deadline - device_now() + 999999) / 1000000;
	uint64_t count;
	ssize_t n;

	if (wire->ends[end].first)
		fds[1].events |= POLLOUT;
	client->dma_polls = true;
	pthread_mutex_unlock(&wire->lock);
	poll(fds, 2, left < 0 ? 0 : left > 60000 ? 60000 : (int)left);
	pthread_mutex_lock(&wire->lock);
	client->dma_polls = false;
	if (fds[0].revents) {
		n = read(client->dma_wake, &count, sizeof(count));
		(void)n;
	}
	wire_flush(wire, end);
}

/* Wait until something has come, under the lock that is let go meanwhile. */
static void wait_some(struct access *a)
{
	struct export_client *client = a->client;
	unsigned before = client->count;

	if (client->dma_led) {
		sleep_until(client, a->deadline);
		return;
	}
	client->dma_led = true;
	if (!wire_recv(&client->wire, a->end) && !a->first->done && !client->wire.lost)
		poll_ends(client, a->end, a->deadline);
	client->dma_led = false;
	/* Commands that came are for the working thread, which will not hear of them from the socket. */
	if (client->count != before || client->wire.lost)
		export_wake(client->server);
	pthread_cond_broadcast(&client->changed);
}

static int transfer(struct access *a)
{
	struct export_dma *dma;
	int ret = 0;

	while (a->asked < a->len || a->first) {
		while (a->asked < a->len && a->count < EXPORT_DMA_PIECES && !ret)
			ret = ask_next(a);
		if (ret && ret != -EBUSY)
			return ret;
		dma = a->first;
		if (!dma || !dma->done) {
			if (device_now() >= a->deadline)
				return vfmig_err(
					a->err, -ETIMEDOUT,
					"DMA at IOVA 0x%llx: no reply from the client within the time limit",
					(unsigned long long)(a->iova));
			if (dma)
				wait_some(a);
			else /* all places are taken by others */
				sleep_until(a->client, a->deadline);
			ret = 0;
			continue;
		}
		ret = check_answer(a, dma);
		a->first = dma->next;
		if (!a->first)
			a->last = &a->first;
		a->count--;
		dma_free(a->client, dma);
		if (ret)
			return ret;
	}
	return 0;
}

int export_remote(void *context, uint64_t iova, void *buf, size_t len, bool write,
		  struct vfmig_error *err)
{
	struct export_client *client = context;
	struct wire *wire = &client->wire;
	struct access a = {
		.client = client,
		.end = wire->ends[WIRE_TWIN].fd >= 0 ? WIRE_TWIN : WIRE_MAIN,
		.iova = iova,
		.buf = buf,
		.len = len,
		.write = write,
		.err = err,
	};
	bool behind_commands = a.end == WIRE_MAIN;
	struct export_dma *dma;
	int ret;

	a.last = &a.first;
	a.deadline = device_now() + (int64_t)client->server->config.timeout_ms * 1000000;
	pthread_mutex_lock(&wire->lock);
	client->dma_waits += behind_commands;
	if (behind_commands)
		wire_reads(wire, WIRE_MAIN, true);
	ret = transfer(&a);
	/* After a failure: what is still under way is not waited for. */
	while ((dma = a.first)) {
		a.first = dma->next;
		if (dma->done || wire_abandon(wire, &dma->ask))
			dma_free(client, dma);
	}
	client->dma_waits -= behind_commands;
	pthread_mutex_unlock(&wire->lock);
	return ret;
}
