/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device says of which file the bytes are that it lends. From a file that the system does not send pages of, the client
 * gets the bytes all the same.
 */
#include "device/filter.h"
#include "model/kit.h"
#include "tests/vfio-user/lent.h"

static int not_sendable;
static unsigned spoiled;

static void lent_from_there(struct inner *inner)
{
	struct vfmig_lent *lent = inner->request.data.lent;
	ssize_t result = inner->request.result;

	for (unsigned i = 0; result > 0 && lent && i < lent->count; i++) {
		spoiled += lent->file[i].fd >= 0;
		lent->file[i].fd = lent->file[i].fd < 0 ? -1 : not_sendable;
	}
	inner_end(inner, result);
}

static void submit(struct vfmig_device *device, struct vfmig_request *request)
{
	if (request->op == VFMIG_OP_DATA_READ)
		filter_forward(device, request, lent_from_there);
	else
		vfmig_submit(device->inner, request);
}

static const struct device_ops ops = {
	.handles = DEVICE_HANDLES_ZERO_COPY,
	.submit = submit,
	.cancel = filter_cancel,
	.fd = filter_fd,
	.process = filter_process,
	.close = filter_close,
};

static void read_from(int fd, struct vfmig_device *card)
{
	struct vfmig_device *filter = calloc(1, sizeof(*filter));
	struct vfmig_export *server;
	int client;

	CHECK(filter && fd >= 0);
	CHECK_OK(filter_init(filter, &ops, card, "elsewhere", &test_err));
	not_sendable = fd;
	client = lent_serve(filter, &server);
	lent_ask(client, LENT_READS, LENT_PIECE);
	CHECK_OK(vfmig_export_start(server, &test_err));
	lent_take(client, LENT_READS);
	close(client);
	vfmig_export_close(server);
	vfmig_device_close(filter);
	close(fd);
}

int main(void)
{
	int fds[2];

	lent_expect();
	CHECK(!pipe(fds));
	read_from(fds[0], lent_card());
	read_from(eventfd(1, EFD_CLOEXEC), lent_card());
	CHECK(spoiled || !kit_lends);
	close(fds[1]);
	return 0;
}
