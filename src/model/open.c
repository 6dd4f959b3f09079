/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Creating a device of a model, and destroying it.
 *
 * The kit's options and the model's are parsed as one table into one piece of memory: the kit's
 * structure, followed by the instance.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "model/kit.h"

/* Aligned for any type in an instance. */
#define INSTANCE_AT ((sizeof(struct kit_options) + 63) & ~(size_t)63)

enum { ALL, STOP_COPY, P2P, PRE_COPY, OFF };

static const char *const migrations[] = {"all", "stop_copy", "p2p", "pre_copy", "off", NULL};

static const struct vfmig_option common_options[] = {
	{.name = "migration",
	 .kind = VFMIG_OPTION_CHOICE,
	 .offset = offsetof(struct kit_options, migration),
	 .default_text = "all",
	 .help = "which optional migration states the device has (off: no migration)",
	 .choices = migrations},
	{.name = "logging",
	 .kind = VFMIG_OPTION_BOOL,
	 .offset = offsetof(struct kit_options, logging),
	 .default_text = "on",
	 .help = "whether it can tell which pages it wrote"},
	EXPOSE_OPTIONS(offsetof(struct kit_options, show)),
	{.kind = VFMIG_OPTION_END},
};

const struct vfmig_option *vfmig_model_common_options(void)
{
	return common_options;
}

static size_t table_len(const struct vfmig_option *table)
{
	size_t n = 0;

	while (table && table[n].kind != VFMIG_OPTION_END)
		n++;
	return n;
}

static int parse(struct vfmig_kit *kit, const char *text, struct vfmig_error *err)
{
	const struct vfmig_option *theirs = kit->model->options;
	size_t ours = table_len(common_options), n = table_len(theirs);

	kit->option_table = calloc(ours + n + 1, sizeof(*kit->option_table));
	kit->options = aligned_alloc(64, (INSTANCE_AT + kit->model->size + 63) & ~(size_t)63);
	if (!kit->option_table || !kit->options)
		return vfmig_err(err, -ENOMEM, "no memory for an instance");
	memset(kit->options, 0, INSTANCE_AT + kit->model->size);
	kit->self = (uint8_t *)kit->options + INSTANCE_AT;
	memcpy(kit->option_table, common_options, ours * sizeof(*theirs));
	for (size_t i = 0; i < n; i++) {
		kit->option_table[ours + i] = theirs[i];
		kit->option_table[ours + i].offset += INSTANCE_AT;
	}
	kit->option_table[ours + n].kind = VFMIG_OPTION_END;
	return vfmig_options_parse(kit->option_table, text, kit->options, err);
}

static uint64_t migration_flags(uint64_t choice)
{
	uint64_t flags = VFMIG_MIGRATION_STOP_COPY;

	if (choice == ALL || choice == P2P)
		flags |= VFMIG_MIGRATION_P2P;
	if (choice == ALL || choice == PRE_COPY)
		flags |= VFMIG_MIGRATION_PRE_COPY;
	return flags;
}

static int open_fds(struct vfmig_kit *kit, struct vfmig_error *err)
{
	struct epoll_event event = {.events = EPOLLIN};

	kit->work_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	kit->poll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (kit->work_fd < 0 || kit->poll_fd < 0 ||
	    epoll_ctl(kit->poll_fd, EPOLL_CTL_ADD, kit->work_fd, &event))
		return vfmig_err(err, -errno, "no descriptor to poll: %s", strerror(errno));
	return 0;
}

static int open_parts(struct vfmig_kit *kit, const char *options, struct vfmig_error *err)
{
	int ret = parse(kit, options, err);
	const struct region_log log = {.logger = &kit->log.logger};
	bool migrates;

	if (!ret)
		ret = kit_info_open(kit, err);
	if (!ret)
		ret = open_fds(kit, err);
	if (!ret)
		ret = kit_blocks_open(kit, err);
	if (!ret)
		ret = kit_pci_open(kit, err);
	if (!ret)
		ret = kit_irqs_open(kit, err);
	if (!ret)
		ret = kit_entries_open(kit, err);
	if (!ret && kit->options->logging)
		ret = page_log_init(&kit->log, err);
	if (ret)
		return ret;
	migrates = (kit->model->state || kit->model->save) && kit->options->migration != OFF;
	kit->session.ops = &kit_session_ops;
	kit->session.flags = migration_flags(kit->options->migration);
	kit->state = VFMIG_STATE_RUNNING;
	atomic_store(&kit->level, KIT_QUIESCED);
	kit_apply_defaults(kit);
	ret = expose_open(&kit->show, migrates ? &kit->session : NULL, kit->log.map ? &log : NULL,
			  &kit->options->show, kit->region_count, true, err);
	if (ret)
		return ret;
	ret = kit->model->create ? kit->model->create(kit, kit->self, err) : 0;
	if (ret)
		return ret;
	kit->created = true;
	kit_power_up(kit);
	return 0;
}

static const char *bad_model(const struct vfmig_model *model)
{
	if (!model || !model->name || !*model->name)
		return "it has no name";
	if (strlen(model->name) > 64 || strpbrk(model->name, " ,"))
		return "its name is not one short word";
	if (!model->version)
		return "its version must be 1 or more";
	if (!model->save != !model->load)
		return "it can save and not load, or the other way round";
	return NULL;
}

void kit_free(struct vfmig_kit *kit)
{
	if (kit->created && kit->model->destroy)
		kit->model->destroy(kit, kit->self);
	expose_fini(&kit->show);
	kit_save_close(kit->save);
	kit_load_close(kit->load);
	page_log_fini(&kit->log);
	kit_irqs_close(kit);
	kit_power_close(kit);
	kit_entries_close(kit);
	if (kit->work_fd >= 0)
		close(kit->work_fd);
	if (kit->poll_fd >= 0)
		close(kit->poll_fd);
	if (kit->options && kit->option_table)
		vfmig_options_free(kit->option_table, kit->options);
	free(kit->options);
	free(kit->option_table);
	pthread_mutex_destroy(&kit->gate_lock);
	inner_list_fini(&kit->gate_queue);
	pthread_mutex_destroy(&kit->session_lock);
	device_fini(&kit->device);
	free(kit);
}

int vfmig_model_open(const struct vfmig_model *model, const char *options,
		     struct vfmig_device **device, struct vfmig_error *err)
{
	const char *why = bad_model(model);
	struct vfmig_kit *kit;
	char name[256];
	int ret;

	if (why)
		return vfmig_err(err, -EINVAL, "a model cannot be opened: %s", why);
	kit = calloc(1, sizeof(*kit));
	if (!kit)
		return vfmig_err(err, -ENOMEM, "no memory for a device of model %s", model->name);
	kit->model = model;
	snprintf(name, sizeof(name), "model:%s%s%s", model->name, options && *options ? "," : "",
		 options ? options : "");
	ret = device_init(&kit->device, &kit_ops, name, err);
	if (ret) {
		free(kit);
		return ret;
	}
	kit->work_fd = kit->poll_fd = -1;
	pthread_mutex_init(&kit->gate_lock, NULL);
	inner_list_init(&kit->gate_queue);
	pthread_mutex_init(&kit->session_lock, NULL);
	pthread_mutex_init(&kit->irq.lock, NULL);
	expose_init(&kit->show);
	kit_power_open(kit);
	kit->irq.intx_fd = kit->irq.unmask_fd = kit->irq.req_fd = -1;
	ret = open_parts(kit, options, err);
	if (ret) {
		kit_free(kit);
		return vfmig_err_at(err, ret, "model %s", model->name);
	}
	*device = &kit->device;
	return 0;
}
