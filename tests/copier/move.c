/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/copier/move.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vfmig/open.h>

#include "examples/demo/steps.h"
#include "filter/filters.h"
#include "tests/lib/check.h"

#define OK(move, call)                                                                             \
	do {                                                                                       \
		long long ok_ = (call);                                                            \
		CHECKF(ok_ >= 0, "%s is %lld: %s", #call, ok_, (move)->error.text);                \
	} while (0)

/* ---- the sides ---- */

static void add_filters(struct move *move, struct vfmig_device **device, const char *filters)
{
	char *copy = filters ? strdup(filters) : NULL, *rest = copy, *filter;

	while ((filter = strsep(&rest, " ")))
		OK(move, vfmig_device_add_filter(device, filter, &move->error));
	free(copy);
}

static void open_device(struct move *move, struct move_side *side, const struct vfmig_model *model,
			const char *more, const char *filter)
{
	char options[256], dir[] = "/tmp/vfmig-move-XXXXXX", path[64], name[96];
	struct vfmig_export_options config = {.struct_size = sizeof(struct vfmig_export_options),
					      .socket_path = path};

	snprintf(options, sizeof(options), "size=%u%s%s", MOVE_BOARD, more ? "," : "",
		 more ? more : "");
	OK(move, vfmig_model_open(model ? model : &vfmig_model_copier, options, &side->inner,
				  &move->error));
	add_filters(move, &side->inner, filter);
	side->device = side->inner;
	if (!move->remote)
		return;
	CHECK(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/s", dir);
	snprintf(name, sizeof(name), "vfio-user:%s", path);
	OK(move, vfmig_export_open_vfio_user(side->inner, &config, &side->server, &move->error));
	OK(move, vfmig_export_start(side->server, &move->error));
	OK(move, vfmig_open(name, &side->device, &move->error));
	unlink(path);
	rmdir(dir);
}

static void open_side(struct move *move, struct move_side *side, const struct vfmig_model *model,
		      const char *options, const char *filter, const char *host_filter)
{
	struct vfmig_map map = {
		.iova = MOVE_IOVA,
		.size = MOVE_GUEST,
		.prot = VFMIG_PROT_READ | VFMIG_PROT_WRITE,
		.kind = VFMIG_MAP_MEMORY,
	};

	open_device(move, side, model, options, filter);
	if (host_filter) {
		bool local = side->device == side->inner;

		add_filters(move, &side->device, host_filter);
		if (local)
			side->inner = side->device;
	}
	if (move->enclose && side == &move->source) {
		bool local = side->device == side->inner;

		side->device = move->enclose(move, side->device);
		if (local)
			side->inner = side->device;
	}
	side->fd = memfd_create("guest", MFD_CLOEXEC);
	CHECK(side->fd >= 0 && !ftruncate(side->fd, MOVE_GUEST));
	side->guest = mmap(NULL, MOVE_GUEST, PROT_READ | PROT_WRITE, MAP_SHARED, side->fd, 0);
	CHECK(side->guest != MAP_FAILED);
	map.ptr = side->guest;
	map.fd = side->fd;
	side->space = vfmig_space_new();
	CHECK(side->space);
	OK(move, vfmig_space_map(side->space, &map, &move->error));
	OK(move, vfmig_space_attach(side->space, side->device, &move->error));
	OK(move, vfmig_device_start(side->device, &move->error));
}

static void close_side(struct move_side *side)
{
	if (side->has_workload)
		workload_stop(&side->workload);
	vfmig_device_stop(side->device);
	vfmig_space_free(side->space);
	if (side->device != side->inner)
		vfmig_device_close(side->device);
	vfmig_export_close(side->server);
	vfmig_device_close(side->inner);
	munmap(side->guest, MOVE_GUEST);
	close(side->fd);
}

/* ---- the workload ---- */

/*
 * Whether half of the file is on board and half of it in guest memory, so that it shows which of the two is stale: a memory that
 * nobody needs any more may be what it was long ago. A turn, of MOVE_DEPTH steps at the most, does not pass over it.
 */
static bool half_way(const struct workload *w)
{
	uint64_t chunks = workload_chunks(w), at = w->state->begun % chunks;

	return at >= (chunks - MOVE_DEPTH) / 2 && at <= (chunks + MOVE_DEPTH) / 2;
}

/*
 * A move that is broken has its workload go by what is agreed on, and not by how fast the machine is: places repeat after
 * as many rounds as there are chunks, and memory that is stale by just so many is right again.
 */
static void keep_step(struct move *move)
{
	while (move->broken && !move->stop && move->steps >= move->may)
		pthread_cond_wait(&move->moved, &move->lock);
}

static void *work(void *context)
{
	struct move *move = context;
	bool stop = false;
	int ret = 0;

	while (ret >= 0 && !stop) {
		struct workload *w = move->at_work;

		ret = workload_turn(w, move->until, &move->failure);
		/* Towards the end, and with nothing left to put in: wait in earnest. */
		if (ret >= 0 && move->until != UINT64_MAX)
			ret = workload_run(w, move->until, 10000, &move->failure);
		pthread_mutex_lock(&move->lock);
		move->steps = workload_steps(w);
		move->failed = ret < 0 ? ret : 0;
		stop = (move->stop && (!move->broken || half_way(w))) || move->steps >= move->until;
		pthread_cond_broadcast(&move->moved);
		if (!stop)
			keep_step(move);
		pthread_mutex_unlock(&move->lock);
		if (ret >= 0 && !stop)
			ret = workload_wait(w, 5, &move->failure);
	}
	return NULL;
}

static int start_work(struct move *move, struct workload *workload, uint64_t until)
{
	move->at_work = workload;
	move->steps = workload_steps(workload);
	move->until = until;
	move->may = until == UINT64_MAX ? 2 * workload_chunks(workload) : until;
	move->stop = false;
	workload->driver.works_device = false;
	CHECK(!pthread_create(&move->thread, NULL, work, move));
	move->thread_runs = true;
	return 0;
}

static void join_work(struct move *move)
{
	if (move->thread_runs)
		pthread_join(move->thread, NULL);
	move->thread_runs = false;
}

static int pause_work(void *context, int64_t deadline, struct vfmig_error *err)
{
	struct move *move = context;

	pthread_mutex_lock(&move->lock);
	move->stop = true;
	pthread_cond_broadcast(&move->moved);
	pthread_mutex_unlock(&move->lock);
	join_work(move);
	return move->failed ? vfmig_err(err, move->failed, "%s", move->failure.text) : 0;
}

/* At the source, after a migration that failed: on to where the file is at home. */
static int resume_here(void *context, struct vfmig_error *err)
{
	struct move *move = context;
	struct workload *w = &move->source.workload;

	return start_work(move, w, workload_home(w, move->steps + 1));
}

/* At the destination: the same, once more through the board. */
static int resume_there(void *context, struct vfmig_error *err)
{
	struct move *move = context;
	struct move_side *side = &move->destination;
	struct workload *w = &side->workload;
	int ret;

	if (move->spoil)
		move->spoil(move);
	ret = workload_adopt(w, side->device, side->guest, true, err);
	if (ret) {
		move->failed = vfmig_err(&move->failure, ret, "%s", err ? err->text : "adopt");
		return ret;
	}
	side->has_workload = true;
	return start_work(move, w, workload_home(w, workload_steps(w) + 2 * workload_chunks(w)));
}

/*
 * Between two rounds: let the workload take all of the file to the board and back, so that each place where some of it
 * is has been written by the device meanwhile, whichever way it was going.
 */
static void on_event(void *context, const struct vfmig_event *event)
{
	struct move *move = context;
	uint64_t goal;

	if (strcmp(event->name, "round") || !move->thread_runs)
		return;
	pthread_mutex_lock(&move->lock);
	goal = move->may = move->steps + 2 * workload_chunks(&move->source.workload);
	pthread_cond_broadcast(&move->moved);
	while (move->steps < goal && !move->failed && !move->stop)
		pthread_cond_wait(&move->moved, &move->lock);
	pthread_mutex_unlock(&move->lock);
}

/* ---- the CPU's writes: all in front of the file, and any of it may be written at any time ---- */

static int read_clear(void *context, uint64_t iova, uint64_t size, struct vfmig_dirty *into,
		      struct vfmig_error *err)
{
	struct move *move = context;

	if (move->collects++ && move->forget)
		return 0;
	vfmig_dirty_mark(into, MOVE_IOVA, workload_file_offset());
	return 0;
}

/* ---- moving ---- */

static void begin(struct move *move)
{
	struct workload_plan plan = {
		.guest = move->source.guest,
		.iova = MOVE_IOVA,
		.guest_size = MOVE_GUEST,
		.chunk = MOVE_CHUNK,
		.file_size = MOVE_FILE,
		.ballast = true,
		.depth = MOVE_DEPTH,
	};
	uint64_t seed = 88172645463325252ull;

	move->file = malloc(MOVE_FILE);
	CHECK(move->file);
	for (size_t i = 0; i < MOVE_FILE; i++) {
		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		move->file[i] = (uint8_t)seed;
	}
	memcpy(move->source.guest + workload_file_offset(), move->file, MOVE_FILE);
	OK(move,
	   workload_start(&move->source.workload, move->source.device, &plan, true, &move->error));
	move->source.has_workload = true;
	start_work(move, &move->source.workload, UINT64_MAX);
}

static void migrate(struct move *move)
{
	const struct vfmig_migration_user source = {pause_work, resume_here, move};
	const struct vfmig_migration_user destination = {.resume = resume_there, .context = move};
	const struct vfmig_events events = {on_event, move};
	struct vfmig_migration_options options;
	struct vfmig_migration *from, *to;

	vfmig_migration_options_init(&options);
	options.downtime_ms = 1;
	options.max_rounds = move->max_rounds;
	options.unconverged = VFMIG_UNCONVERGED_SWITCH;
	options.precopy = !move->no_precopy;
	OK(move, vfmig_migration_new(VFMIG_ROLE_SOURCE, &options, &from, &move->error));
	OK(move, vfmig_migration_new(VFMIG_ROLE_DESTINATION, NULL, &to, &move->error));
	OK(move, vfmig_migration_add_device(from, "c", move->source.device, move->protocol,
					    &move->error));
	OK(move, vfmig_migration_add_device(to, "c", move->destination.device, move->protocol,
					    &move->error));
	OK(move, vfmig_migration_add_space(from, move->source.space, &move->error));
	OK(move, vfmig_migration_add_space(to, move->destination.space, &move->error));
	vfmig_migration_set_user(from, &source);
	vfmig_migration_set_user(to, &destination);
	vfmig_migration_set_events(from, &events);
	move->migrated = vfmig_migration_run_local(from, to, &move->error);
	vfmig_migration_get_result(from, &move->result);
	vfmig_migration_free(from);
	vfmig_migration_free(to);
}

struct reader {
	const uint8_t *at;
	bool differs;
};

static int compare(void *context, const void *bytes, size_t len)
{
	struct reader *r = context;

	r->differs |= memcmp(r->at, bytes, len);
	r->at += len;
	return 0;
}

static void prove(struct move *move)
{
	struct reader reader = {.at = move->file};
	struct workload *w = move->at_work;

	if (move->failed) {
		move->proven = vfmig_err(&move->error, move->failed, "%s", move->failure.text);
		return;
	}
	move->proven = workload_prove(w, &move->proof, &move->error);
	if (move->proven)
		return;
	workload_file(w, compare, &reader);
	if (reader.differs || reader.at != move->file + MOVE_FILE)
		move->proven = vfmig_err(&move->error, -EBADE, "the file is not what it was");
}

void move_run(struct move *move)
{
	pthread_mutex_init(&move->lock, NULL);
	pthread_cond_init(&move->moved, NULL);
	move->tracker = (struct vfmig_tracker){
		.name = "the workload's CPU", .read_clear = read_clear, .context = move};
	open_side(move, &move->source, move->source_model, move->options, move->filter,
		  move->host_filter);
	open_side(move, &move->destination, move->destination_model,
		  move->destination_options ? move->destination_options : move->options,
		  move->destination_filter, move->destination_host_filter);
	OK(move, vfmig_space_add_tracker(move->source.space, &move->tracker, &move->error));
	if (move->speaks)
		OK(move, vfmig_space_add_tracker(move->source.space, move->speaks, &move->error));
	begin(move);
	migrate(move);
	/* If it failed before the source was paused, the workload has not even noticed. */
	if (move->migrated && move->thread_runs && !pause_work(move, 0, NULL))
		resume_here(move, NULL);
	join_work(move);
	prove(move);
	vfmig_space_remove_tracker(move->source.space, &move->tracker);
	if (move->speaks)
		vfmig_space_remove_tracker(move->source.space, move->speaks);
	close_side(&move->source);
	close_side(&move->destination);
	free(move->file);
	pthread_cond_destroy(&move->moved);
	pthread_mutex_destroy(&move->lock);
}

void move_expect_good(const char *what, struct move *move)
{
	move_run(move);
	CHECKF(!move->migrated, "%s: %s", what, move->error.text);
	CHECKF(!move->proven, "%s: %s", what, move->error.text);
	CHECKF(move->at_work == &move->destination.workload, "%s", what);
	printf("%s: %llu descriptors, %llu rounds, downtime %.2f ms\n", what,
	       (unsigned long long)move->proof.descriptors, (unsigned long long)move->result.rounds,
	       (double)move->result.downtime.total / 1e6);
}

void move_expect_caught(const char *what, struct move *move)
{
	move->broken = true;
	move_run(move);
	CHECKF(!move->migrated, "%s: it was caught before the proof: %s", what, move->error.text);
	CHECKF(move->proven, "%s: nobody noticed", what);
	printf("%s: %s\n", what, move->error.text);
}

void move_expect_good_in_every_way(bool remote)
{
	static const struct {
		const char *what, *options;
		bool no_precopy;
		uint64_t max_rounds;
	} how[] = {
		{"pre-copy and P2P", "migration=all", false, 3},
		{"pre-copy, no P2P", "migration=pre_copy", false, 3},
		{"P2P, no pre-copy", "migration=p2p", false, 3},
		{"neither", "migration=stop_copy", false, 3},
		{"pre-copy that is not used", "migration=all", true, 3},
		{"all at the stop", "migration=all", true, 0},
	};

	for (size_t i = 0; i < sizeof(how) / sizeof(how[0]); i++) {
		struct move move = {
			.options = how[i].options,
			.remote = remote,
			.no_precopy = how[i].no_precopy,
			.max_rounds = how[i].max_rounds,
		};

		move_expect_good(how[i].what, &move);
	}
}
