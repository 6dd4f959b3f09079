/* SPDX-License-Identifier: BSD-3-Clause */
/* One end of a migration: see endpoint.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vfmig/space.h>

#include "endpoint.h"
#include "result.h"
#include "history.h"

uint64_t cli_memory;
bool cli_start, cli_strict_downtime;

static int make_memory(struct cli_endpoint *end)
{
	struct vfmig_map map = {.prot = VFMIG_PROT_READ | VFMIG_PROT_WRITE,
				.kind = VFMIG_MAP_MEMORY};
	struct vfmig_error err = {0};

	if (cli_memory % VFMIG_PAGE_SIZE)
		return cli_usage("--memory must be a multiple of %u", VFMIG_PAGE_SIZE);
	end->memory_fd = memfd_create("vfmig-memory", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (end->memory_fd < 0 || ftruncate(end->memory_fd, (off_t)cli_memory) ||
	    fcntl(end->memory_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW))
		return cli_failf("--memory: allocation of %llu bytes: %s",
				 (unsigned long long)cli_memory, strerror(errno));
	end->memory = mmap(NULL, cli_memory, PROT_READ | PROT_WRITE, MAP_SHARED, end->memory_fd, 0);
	if (end->memory == MAP_FAILED) {
		end->memory = NULL;
		return cli_failf("--memory: allocation of %llu bytes: %s",
				 (unsigned long long)cli_memory, strerror(errno));
	}
	end->memory_bytes = cli_memory;
	end->space = vfmig_space_new();
	map.size = cli_memory;
	map.ptr = end->memory;
	map.fd = end->memory_fd;
	if (!end->space)
		return cli_failf("no memory for a space");
	if (vfmig_space_map(end->space, &map, &err))
		return cli_fail(&err);
	vfmig_space_set_no_cpu_writes(end->space);
	return 0;
}

/* Split "disk=model:copier" into id and device name. The id may be absent. */
static const char *split(const char *text, size_t index, char *id, size_t size)
{
	size_t len = strcspn(text, "=:,");

	if (text[len] == '=' && len && len < size) {
		memcpy(id, text, len);
		id[len] = 0;
		return text + len + 1;
	}
	snprintf(id, size, "dev%zu", index);
	return text;
}

/*
 * A source must run. Start it with --start if its last client left it stopped and no copy of it can
 * run.
 */
static int check_source(struct vfmig_session *session, const struct cli_history *past)
{
	char text[CLI_MESSAGE], next[CLI_MESSAGE];
	struct vfmig_error err = {0};
	const char *state = vfmig_state_name(past->state);

	if (past->state == VFMIG_STATE_RUNNING)
		return 0;
	cli_history_next(past, next);
	if (cli_history_obstacle(past))
		return cli_failf("%s: %s; %s", past->name, cli_history_obstacle(past), next);
	if (cli_history_in_doubt(past))
		return cli_failf("%s is in %s: %s; %s", past->name, state,
				 cli_history_text(past, text), next);
	if (!cli_start)
		return cli_failf(
			"%s is in %s because its last client disconnected; use --start to start it first",
			past->name, state);
	if (vfmig_session_set_state(session, VFMIG_STATE_RUNNING, &err))
		return cli_fail(&err);
	return 0;
}

/* Loading a destination discards its state, so it must not be the only copy. */
static int check_destination(const struct cli_history *past)
{
	char text[CLI_MESSAGE], next[CLI_MESSAGE];

	if (past->state == VFMIG_STATE_RUNNING ||
	    (past->state == VFMIG_STATE_STOP && !cli_history_only_copy(past)))
		return 0;
	return cli_failf("%s is in %s and cannot be loaded: %s; %s", past->name,
			 vfmig_state_name(past->state),
			 past->state == VFMIG_STATE_ERROR ? "only a reset leads out of it"
							  : cli_history_text(past, text),
			 cli_history_next(past, next));
}

static int check(const struct cli_endpoint *end, struct vfmig_session *session, const char *name)
{
	struct cli_history past;
	int ret = cli_history_read(session, name, &past);

	if (ret)
		return ret;
	return end->role == VFMIG_ROLE_SOURCE ? check_source(session, &past)
					      : check_destination(&past);
}

static int add_device(struct cli_endpoint *end, const char *text, const struct cli_list *filters)
{
	char id[VFMIG_MIGRATION_ID_MAX + 1];
	const char *name = split(text, end->devices, id, sizeof(id));
	struct vfmig_session **session = &end->session[end->devices];
	struct vfmig_device **device = &end->device[end->devices];
	struct vfmig_error err = {0};
	int ret = cli_open(name, filters, device);

	if (ret)
		return ret;
	end->name[end->devices++] = name;
	if (end->space && vfmig_space_attach(end->space, *device, &err))
		return cli_fail(&err);
	if (vfmig_session_open(*device, cli.protocol, session, &err))
		return cli_fail(&err);
	ret = check(end, *session, name);
	if (!ret && vfmig_migration_add_session(end->migration, id, *session, &err))
		ret = cli_fail(&err);
	return ret;
}

int cli_endpoint_open(struct cli_endpoint *end, enum vfmig_role role, const char *const *names,
		      size_t count, const struct cli_list *filters)
{
	struct vfmig_error err = {0};
	int ret;

	memset(end, 0, sizeof(*end));
	end->memory_fd = -1;
	end->place = "an unnamed destination";
	if (count > VFMIG_MIGRATION_DEVICES_MAX)
		return cli_usage("%zu devices; a migration can have %u", count,
				 VFMIG_MIGRATION_DEVICES_MAX);
	end->role = role;
	vfmig_migration_options_init(&end->options);
	if (vfmig_options_parse(vfmig_migration_option_table(), cli.migration, &end->options, &err))
		return cli_usage("%s", err.text);
	/* Report progress more often for people than for logs and programs. */
	if (!cli.json && (!cli.migration || !strstr(cli.migration, "progress=")))
		end->options.progress_bytes = 1 << 20;
	if (vfmig_migration_new(role, &end->options, &end->migration, &err))
		return cli_fail(&err);
	ret = cli_memory ? make_memory(end) : 0;
	for (size_t i = 0; !ret && i < count; i++)
		ret = add_device(end, names[i], filters);
	if (!ret && end->space && vfmig_migration_add_space(end->migration, end->space, &err))
		ret = cli_fail(&err);
	return ret;
}

void cli_endpoint_close(struct cli_endpoint *end)
{
	vfmig_migration_free(end->migration);
	for (size_t i = 0; i < end->devices; i++) {
		vfmig_session_close(end->session[i]);
		vfmig_device_close(end->device[i]);
	}
	vfmig_space_free(end->space);
	if (end->memory)
		munmap(end->memory, end->memory_bytes);
	if (end->memory_fd >= 0)
		close(end->memory_fd);
}

void cli_endpoint_cancel(void *context)
{
	vfmig_migration_cancel(((struct cli_endpoint *)context)->migration);
}

static void row(const char *name, const char *value, const char *rest)
{
	printf("  %-10s %10s   %s\n", name, value, rest);
}

/* The parts of the downtime: a row of names and a row of values. */
static void split_rows(const struct vfmig_downtime *d)
{
	const struct {
		const char *name;
		uint64_t ns;
	} part[] = {{"pause", d->pause},   {"quiesce", d->quiesce}, {"stop", d->stop},
		    {"memory", d->memory}, {"state", d->state},	    {"load", d->load},
		    {"commit", d->commit}, {"run", d->run}};
	char names[128] = "", values[128] = "", time[CLI_NUMBER];
	size_t used = 0;

	for (size_t i = 0; i < sizeof(part) / sizeof(part[0]); i++) {
		if (part[i].ns < 500)
			continue;
		cli_time(time, part[i].ns);
		snprintf(names + used, sizeof(names) - used, "%9s", part[i].name);
		used += (size_t)snprintf(values + used, sizeof(values) - used, "%9s", time);
	}
	row("downtime", cli_time(time, d->total), names);
	if (used)
		row("", "", values);
}

static void print_table(const struct vfmig_migration_result *r, const struct cli_endpoint *end)
{
	bool received = end->role == VFMIG_ROLE_DESTINATION;
	size_t devices = end->devices;
	char a[CLI_NUMBER], b[CLI_NUMBER], c[CLI_NUMBER], rest[256];
	uint64_t rate = r->total_ns ? (uint64_t)((double)r->bytes * 1e9 / (double)r->total_ns) : 0;

	snprintf(rest, sizeof(rest), "%zu device%s", devices, devices == 1 ? "" : "s");
	if (r->memory_bytes || r->zero_pages)
		strcat(rest, " and memory");
	putchar('\n');
	row("total", cli_time(a, r->total_ns), rest);
	if (r->downtime.total)
		split_rows(&r->downtime);
	if (r->over_limit) {
		cli_time(a, end->options.downtime_ms * 1000000);
		snprintf(rest, sizeof(rest), "exceeds the limit of %s", a);
		row("", "", rest);
	}
	snprintf(rest, sizeof(rest), "%s/s; devices %s, memory %s", cli_bytes(a, rate),
		 cli_bytes(b, r->device_bytes), cli_bytes(c, r->memory_bytes));
	if (r->zero_pages)
		snprintf(rest + strlen(rest), sizeof(rest) - strlen(rest), ", %s zero pages",
			 cli_count(a, r->zero_pages));
	row(received ? "received" : "sent", cli_bytes(b, r->bytes), rest);
	if (received)
		return; /* only the source has rounds */
	snprintf(rest, sizeof(rest), "%s pages sent again; %s during the downtime",
		 cli_count(a, r->dirty_pages), cli_bytes(b, r->stop_bytes));
	row("rounds", cli_count(c, r->rounds), rest);
}

/*
 * Time limit for a server to record that its device was migrated. The migration is complete, so a
 * server that hangs is no failure.
 */
#define MOVED_MS 2000

/*
 * Record at the source's server that the device was migrated, so that later commands do not run it.
 * Servers without a history ignore it.
 */
static void remember(struct cli_endpoint *end, struct cli_endpoint *other)
{
	uint64_t ms = 0;

	if (end->role != VFMIG_ROLE_SOURCE)
		return;
	cli_timeout_ms(&ms);
	for (size_t i = 0; i < end->devices; i++) {
		if (ms > MOVED_MS || !ms)
			vfmig_device_set_timeout(end->device[i], MOVED_MS);
		vfmig_device_set_moved(end->device[i],
				       other ? vfmig_device_name(other->device[i]) : end->place,
				       NULL);
	}
}

int cli_endpoint_report(struct cli_endpoint *end, struct cli_endpoint *other, int ret,
			const struct vfmig_error *err)
{
	struct vfmig_migration_result r, o = {0};
	int code;

	vfmig_migration_get_result(end->migration, &r);
	if (other)
		vfmig_migration_get_result(other->migration, &o);
	if (r.outcome == VFMIG_OUTCOME_DONE && !r.running)
		remember(end, other);
	code = cli_exit_code(r.outcome, r.lost_devices || o.lost_devices, r.code == -ECANCELED);
	if (ret && !code)
		code = CLI_FAILED; /* the devices were migrated, and a later step failed */
	if (!code && r.over_limit && cli_strict_downtime)
		code = CLI_OVER_LIMIT;
	cli_signals_code(code);
	if (!cli.json && !cli.quiet && r.outcome == VFMIG_OUTCOME_DONE)
		print_table(&r, end);
	if (ret)
		cli_fail(err);
	if (code == CLI_OVER_LIMIT)
		cli_failf(
			"the devices were migrated, but the downtime exceeded its limit of %llu ms",
			(unsigned long long)end->options.downtime_ms);
	else if (code)
		cli_print_next(end, other);
	fflush(stdout);
	return code;
}
