/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lib/misbehaving_priv.h"

/* It would not have survived this. */
int misbehaving_crash(struct misbehaving_server *q, const char *how)
{
	if (!q->crash[0])
		snprintf(q->crash, sizeof(q->crash), "%s", how);
	shutdown(q->fd, SHUT_RDWR);
	return -EINVAL;
}

int misbehaving_answer(struct misbehaving_message *m, const void *payload, size_t len)
{
	m->out = malloc(len + 1);
	CHECK(m->out);
	memcpy(m->out, payload, len);
	m->out_len = len;
	return 0;
}

/* ---- features ---- */

static const uint8_t steps[8][8] = {
	/* from STOP, RUNNING, STOP_COPY, RESUMING, PRE_COPY to each; 0 is refused */
	[1] = {0, 1, 2, 3, 4, 0, 2, 0}, [2] = {0, 1, 2, 1, 1, 0, 6, 0},
	[3] = {0, 1, 1, 3, 1, 0, 0, 0}, [4] = {0, 1, 1, 1, 4, 0, 1, 0},
	[6] = {0, 2, 2, 3, 2, 0, 6, 0},
};

static int set_state(struct misbehaving_server *q, struct misbehaving_message *m)
{
	uint32_t to, next;

	if (m->len < 16)
		return misbehaving_crash(q, "a SET of a state that is too short");
	memcpy(&to, m->in + 8, 4);
	if (to >= 8)
		return misbehaving_crash(q, "a state beyond the table");
	while (q->state != to) {
		next = steps[q->state][to];
		if (!next)
			return -EINVAL;
		if (next == VFMIG_STATE_RESUMING) {
			q->loaded = true;
			q->data_len = 0;
		}
		if (next == VFMIG_STATE_STOP_COPY || next == VFMIG_STATE_PRE_COPY) {
			q->data_at = 0;
			q->ended = false;
		}
		if (next == VFMIG_STATE_RUNNING && q->loaded)
			atomic_store(&q->ran_loaded, true);
		q->state = next;
	}
	return misbehaving_answer(m, m->in, m->len);
}

static int feature(struct misbehaving_server *q, struct misbehaving_message *m)
{
	struct vfmig_device_feature f;
	uint32_t index, ops, has;
	uint8_t payload[16] = {0};

	if (m->len < sizeof(f))
		return -EINVAL;
	memcpy(&f, m->in, sizeof(f));
	index = f.flags & VFMIG_FEATURE_MASK;
	ops = f.flags & ~VFMIG_FEATURE_MASK;
	has = index == 1 || index == 8	 ? VFMIG_FEATURE_GET
	      : index == 2		 ? VFMIG_FEATURE_GET | VFMIG_FEATURE_SET
	      : index == 6 || index == 7 ? VFMIG_FEATURE_SET
					 : 0;
	if (!has || (ops & ~(has | VFMIG_FEATURE_PROBE)))
		return -EINVAL;
	if (ops & VFMIG_FEATURE_PROBE)
		return misbehaving_answer(m, m->in, m->len);
	memcpy(payload, &f, sizeof(f));
	switch (index) {
	case 1:
		payload[8] = q->says_p2p ? 7 : 5;
		return f.argsz < 16 ? -EINVAL : misbehaving_answer(m, payload, 16);
	case 2:
		if (ops == VFMIG_FEATURE_SET)
			return set_state(q, m);
		payload[8] = (uint8_t)q->state;
		return f.argsz < 16 ? -EINVAL : misbehaving_answer(m, payload, 16);
	case 6:
		return misbehaving_log_start(q, m);
	case 7:
		q->log_page = 0;
		return misbehaving_answer(m, m->in, m->len);
	default:
		return misbehaving_log_report(q, m);
	}
}

/* ---- data ---- */

static int data_read(struct misbehaving_server *q, struct misbehaving_message *m)
{
	struct vfmig_user_mig_data d;
	size_t n;

	if (m->len < sizeof(d) ||
	    (q->state != VFMIG_STATE_STOP_COPY && q->state != VFMIG_STATE_PRE_COPY))
		return -EINVAL;
	memcpy(&d, m->in, sizeof(d));
	if (d.size > MISBEHAVING_XFER || d.argsz < sizeof(d) + d.size)
		return -EINVAL;
	if (q->ended)
		return -EINVAL;
	n = q->data_len - q->data_at;
	n = n > d.size ? d.size : n;
	if (q->piece && n > q->piece)
		n = q->piece;
	if (q->short_ends && n < d.size)
		q->ended = true;
	/* A message of the full size, whatever is in it. */
	m->out_len = sizeof(d) + d.size;
	m->out = calloc(1, m->out_len);
	d.argsz = (uint32_t)(sizeof(d) + n);
	d.size = (uint32_t)n;
	memcpy(m->out, &d, sizeof(d));
	memcpy(m->out + sizeof(d), q->data + q->data_at, n);
	q->data_at += n;
	return 0;
}

static int data_write(struct misbehaving_server *q, struct misbehaving_message *m)
{
	struct vfmig_user_mig_data d;

	if (m->len < sizeof(d) || q->state != VFMIG_STATE_RESUMING)
		return -EINVAL;
	memcpy(&d, m->in, sizeof(d));
	if (m->len < sizeof(d) + d.size)
		return -EINVAL;
	q->data = realloc(q->data, q->data_len + d.size + 1);
	CHECK(q->data);
	memcpy(q->data + q->data_len, m->in + sizeof(d), d.size);
	q->data_len += d.size;
	return 0;
}

/* ---- the rest ---- */

static int irqs(struct misbehaving_server *q, struct misbehaving_message *m)
{
	struct vfmig_irq_set s;

	if (m->len < sizeof(s))
		return -EINVAL;
	memcpy(&s, m->in, sizeof(s));
	if (s.index != VFMIG_PCI_IRQ_MSIX || s.start >= MISBEHAVING_VECTORS ||
	    s.count > MISBEHAVING_VECTORS - s.start)
		return -EINVAL;
	if (!m->nfds) {
		/* From start to count, where start + count was meant. */
		uint32_t end = s.count ? s.count : MISBEHAVING_VECTORS;

		for (uint32_t i = s.start; i < end; i++) {
			if (q->irqs[i] >= 0)
				close(q->irqs[i]);
			q->irqs[i] = -1;
		}
		return 0;
	}
	if (m->nfds != s.count)
		return -EINVAL;
	for (uint32_t i = 0; i < s.count; i++) {
		if (q->irqs[s.start + i] >= 0)
			close(q->irqs[s.start + i]);
		q->irqs[s.start + i] = m->fds[i];
		m->fds[i] = -1;
	}
	return 0;
}

static int region(struct misbehaving_server *q, struct misbehaving_message *m)
{
	struct vfmig_user_region_access a;
	struct misbehaving_dma d;

	if (m->len < sizeof(a))
		return -EINVAL;
	memcpy(&a, m->in, sizeof(a));
	if (q->state == VFMIG_STATE_STOP_COPY || a.region != 0)
		return -EINVAL;
	if (m->h.cmd == VFMIG_USER_REGION_WRITE && a.offset == MISBEHAVING_DOORBELL &&
	    a.count == sizeof(d)) {
		memcpy(&d, m->in + sizeof(a), sizeof(d));
		if (misbehaving_dma(q, d.iova, d.len))
			return -EIO;
	}
	m->out_len = sizeof(a) + (m->h.cmd == VFMIG_USER_REGION_READ ? a.count : 0);
	m->out = calloc(1, m->out_len + 1);
	memcpy(m->out, &a, sizeof(a));
	return 0;
}

static int info(struct misbehaving_server *q, struct misbehaving_message *m)
{
	uint32_t words[8] = {16, VFMIG_DEVICE_FLAG_PCI | VFMIG_DEVICE_FLAG_RESET, 9, 5};
	uint32_t index = 0;
	uint64_t size = 65536;

	if (m->len < 16)
		return -EINVAL;
	if (m->h.cmd == VFMIG_USER_DEVICE_GET_INFO)
		return misbehaving_answer(m, words, 16);
	memcpy(&index, m->in + 8, 4);
	words[2] = index;
	if (m->h.cmd == VFMIG_USER_DEVICE_GET_IRQ_INFO) {
		words[1] = 1;
		words[3] = MISBEHAVING_VECTORS;
		return misbehaving_answer(m, words, 16);
	}
	words[0] = 32;
	words[1] = 3;
	words[3] = 0;
	if (index == 0)
		memcpy(&words[4], &size, 8);
	return misbehaving_answer(m, words, 32);
}

static int reset(struct misbehaving_server *q)
{
	atomic_fetch_add(&q->resets, 1);
	q->loaded = false;
	if (q->resets_properly)
		q->state = VFMIG_STATE_RUNNING;
	return 0;
}

static bool stopped(const struct misbehaving_server *q)
{
	return q->state == VFMIG_STATE_STOP || q->state == VFMIG_STATE_STOP_COPY;
}

static int handle(struct misbehaving_server *q, struct misbehaving_message *m)
{
	uint16_t cmd = m->h.cmd;

	if (q->old && cmd >= VFMIG_USER_DEVICE_FEATURE)
		return misbehaving_crash(q, "a command that it does not know, with a payload");
	if (cmd == VFMIG_USER_DEVICE_RESET && q->resets_properly)
		return reset(q);
	if (stopped(q) && cmd != VFMIG_USER_REGION_READ && cmd != VFMIG_USER_REGION_WRITE &&
	    cmd != VFMIG_USER_DEVICE_FEATURE && cmd != VFMIG_USER_MIG_DATA_READ)
		return -EINVAL;
	switch (cmd) {
	case VFMIG_USER_DMA_MAP:
		return q->no_dma ? 0 : misbehaving_map(q, m);
	case VFMIG_USER_DMA_UNMAP:
		return q->no_dma ? 0 : misbehaving_unmap(q, m);
	case VFMIG_USER_DEVICE_GET_INFO:
	case VFMIG_USER_DEVICE_GET_REGION_INFO:
	case VFMIG_USER_DEVICE_GET_IRQ_INFO:
		return info(q, m);
	case VFMIG_USER_DEVICE_SET_IRQS:
		return irqs(q, m);
	case VFMIG_USER_REGION_READ:
	case VFMIG_USER_REGION_WRITE:
		return region(q, m);
	case VFMIG_USER_DEVICE_RESET:
		return reset(q);
	case VFMIG_USER_DEVICE_FEATURE:
		return q->early ? -EINVAL : feature(q, m);
	case VFMIG_USER_DIRTY_PAGES:
		return q->early ? misbehaving_dirty_pages(q, m) : -EINVAL;
	case VFMIG_USER_MIG_DATA_READ:
		return data_read(q, m);
	case VFMIG_USER_MIG_DATA_WRITE:
		return data_write(q, m);
	default:
		return -EINVAL;
	}
}

/* ---- the loop ---- */

/* One receive is taken for the whole. A message of more than 32 KiB comes in pieces, sooner or later. */
static bool receive(struct misbehaving_server *q, struct misbehaving_message *m)
{
	union {
		char bytes[CMSG_SPACE(8 * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {.iov_base = &m->h, .iov_len = sizeof(m->h)};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	struct cmsghdr *c;

	memset(m, 0, sizeof(*m));
	if (recvmsg(q->fd, &msg, MSG_CMSG_CLOEXEC) != sizeof(m->h))
		return false;
	for (c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		m->nfds = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(m->fds, CMSG_DATA(c), m->nfds * sizeof(int));
	}
	CHECK(m->h.msg_size >= sizeof(m->h));
	m->len = m->h.msg_size - sizeof(m->h);
	if (m->len > MISBEHAVING_XFER + 64) {
		misbehaving_crash(q, "a message that is too large");
		return false;
	}
	m->in = malloc(m->len + 1);
	CHECK(m->in);
	if (!m->len)
		return true;
	if (m->len > 32768 + 16 || recv(q->fd, m->in, m->len, 0) != (ssize_t)m->len) {
		misbehaving_crash(q, "a message came in pieces, and the stream lost step");
		return false;
	}
	return true;
}

static bool negotiation(struct misbehaving_server *q)
{
	char json[256], *at = json;
	struct misbehaving_message m;
	int pair[2] = {-1, -1};
	bool wanted;

	if (!receive(q, &m))
		return false;
	wanted = m.len > 4 && strstr((char *)m.in + 4, "twin_socket") && q->twin_offered;
	if (wanted)
		CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	memcpy(at, q->old ? "\0\0\0\0" : "\0\0\1\0", 4);
	at += 4;
	at += sprintf(at,
		      "{\"capabilities\":{\"max_msg_fds\":8,\"max_data_xfer_size\":1048576,"
		      "\"migration\":{\"pgsize\":4096}%s}}",
		      wanted ? ",\"twin_socket\":{\"supported\":true,\"fd_index\":0}" : "");
	raw_send(q->fd, m.h.msg_id, m.h.cmd, VFMIG_USER_FLAG_TYPE_REPLY, 0, json,
		 (size_t)(at - json) + 1, pair, wanted);
	if (wanted)
		close(pair[0]);
	q->twin = pair[1];
	free(m.in);
	return true;
}

static void *serve(void *context)
{
	struct misbehaving_server *q = context;
	struct misbehaving_message m;
	int ret;

	if (!negotiation(q))
		return NULL;
	while (receive(q, &m)) {
		ret = handle(q, &m);
		for (unsigned i = 0; i < m.nfds; i++)
			if (m.fds[i] >= 0)
				close(m.fds[i]);
		if (!q->crash[0] && !(m.h.flags & VFMIG_USER_FLAG_NO_REPLY))
			raw_send(q->fd, m.h.msg_id, m.h.cmd,
				 VFMIG_USER_FLAG_TYPE_REPLY | (ret ? VFMIG_USER_FLAG_ERROR : 0),
				 (uint32_t)-ret, m.out, ret ? 0 : m.out_len, NULL, 0);
		free(m.in);
		free(m.out);
	}
	free(m.in);
	shutdown(q->fd, SHUT_RDWR);
	return NULL;
}

int misbehaving_new(struct misbehaving_server *q)
{
	int fds[2];

	memset(q, 0, sizeof(*q));
	CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	q->fd = fds[0];
	q->twin = -1;
	q->state = VFMIG_STATE_RUNNING;
	q->twin_offered = true;
	for (unsigned i = 0; i < MISBEHAVING_VECTORS; i++)
		q->irqs[i] = -1;
	return fds[1];
}

void misbehaving_start(struct misbehaving_server *q)
{
	CHECK(!pthread_create(&q->thread, NULL, serve, q));
}

void misbehaving_end(struct misbehaving_server *q)
{
	pthread_join(q->thread, NULL);
	for (unsigned i = 0; i < q->nregions; i++) {
		if (q->regions[i].memory)
			munmap(q->regions[i].memory, q->regions[i].size);
		free(q->regions[i].bitmap);
	}
	for (unsigned i = 0; i < MISBEHAVING_VECTORS; i++)
		if (q->irqs[i] >= 0)
			close(q->irqs[i]);
	if (q->twin >= 0)
		close(q->twin);
	close(q->fd);
	free(q->data);
}
