/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Handle SIGINT, SIGTERM and SIGHUP in a thread that waits for them, instead of in a signal
 * handler.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cli.h"

static struct {
	pthread_t thread;
	int signals, end, reported;
	void (*stop)(void *context);
	void *context;
	bool runs, came;
	volatile sig_atomic_t code;
} state = {.reported = -1, .code = -1};

/* The result is final: exit with its code. */
static void leave(int number)
{
	_exit(state.code);
}

/* SIGHUP only if it is not ignored (nohup). */
static void set_of(sigset_t *set)
{
	struct sigaction now;

	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	if (!sigaction(SIGHUP, NULL, &now) && now.sa_handler != SIG_IGN)
		sigaddset(set, SIGHUP);
}

void cli_signals_hold(void)
{
	sigset_t set;

	set_of(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static void *wait_for_signal(void *unused)
{
	struct pollfd fds[2] = {{.fd = state.signals, .events = POLLIN},
				{.fd = state.end, .events = POLLIN}};
	struct signalfd_siginfo info;
	uint64_t one = 1;

	for (;;) {
		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[1].revents)
			return NULL;
		if (read(state.signals, &info, sizeof(info)) != sizeof(info))
			continue;
		if (state.code >= 0)
			leave(0);
		if (state.came) {
			sigset_t set;

			set_of(&set);
			signal((int)info.ssi_signo, SIG_DFL);
			pthread_sigmask(SIG_UNBLOCK, &set, NULL);
			raise((int)info.ssi_signo);
		}
		state.came = true;
		if (write(state.reported, &one, sizeof(one)) == sizeof(one))
			state.stop(state.context);
	}
}

int cli_signals_begin(void (*stop)(void *context), void *context)
{
	sigset_t set;
	int ret;

	cli_signals_hold();
	set_of(&set);
	state.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	state.end = eventfd(0, EFD_CLOEXEC);
	state.reported = eventfd(0, EFD_CLOEXEC);
	state.stop = stop;
	state.context = context;
	if (state.signals < 0 || state.end < 0 || state.reported < 0)
		return cli_failf("signalfd or eventfd: %s", strerror(errno));
	ret = pthread_create(&state.thread, NULL, wait_for_signal, NULL);
	if (ret)
		return cli_failf("no thread for signals: %s", strerror(ret));
	state.runs = true;
	return 0;
}

void cli_signals_code(int code)
{
	state.code = code;
}

int cli_signals_fd(void)
{
	return state.reported;
}

bool cli_signals_end(void)
{
	uint64_t one = 1;
	sigset_t set;

	if (!state.runs)
		return false;
	if (write(state.end, &one, sizeof(one)) == sizeof(one))
		pthread_join(state.thread, NULL);
	/*
	 * The remaining work may hang, and the thread that handles signals has ended, so install
	 * a handler that exits.
	 */
	set_of(&set);
	for (int number = 1; state.code >= 0 && number < NSIG; number++)
		if (sigismember(&set, number) == 1)
			signal(number, leave);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	close(state.signals);
	close(state.end);
	close(state.reported);
	state.reported = -1;
	state.runs = false;
	return state.came;
}
