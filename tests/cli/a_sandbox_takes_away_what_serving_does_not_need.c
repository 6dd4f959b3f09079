/* SPDX-License-Identifier: BSD-3-Clause */
/* The sandbox: files, programs, processes, connections and code are out of reach, also of threads that ran before it. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/sandbox.h"
#include "tests/lib/check.h"

int cli_failf(const char *fmt, ...)
{
	CHECKF(false, "%s", fmt);
	return 1;
}

int cli_usage(const char *fmt, ...)
{
	return cli_failf("%s", fmt);
}

/* 0 if it may be done, else the errno. */
static int result(long ret)
{
	return ret < 0 ? errno : 0;
}

static int process(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	return pid < 0 ? errno : (waitpid(pid, NULL, 0), 0);
}

static int code(int prot)
{
	void *at = mmap(NULL, 4096, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return at == MAP_FAILED ? errno : (munmap(at, 4096), 0);
}

static void may(int expected)
{
	static char *const none[] = {NULL};

	CHECK_EQ(result(open("/dev/null", O_RDONLY | O_CLOEXEC)), expected);
	CHECK_EQ(result(socket(AF_UNIX, SOCK_STREAM, 0)), expected);
	CHECK_EQ(process(), expected);
	CHECK_EQ(code(PROT_READ | PROT_EXEC), expected);
	CHECK_EQ(result(execve("/nonexistent", none, none)), expected ? expected : ENOENT);
}

static int begun[2], go_on[2];

static void *before(void *unused)
{
	char c = 0;

	CHECK_EQ(write(begun[1], &c, 1), 1);
	CHECK_EQ(read(go_on[0], &c, 1), 1);
	may(EPERM);
	return NULL;
}

static void *after(void *unused)
{
	CHECK_EQ(code(PROT_READ | PROT_WRITE), 0);
	CHECK_EQ(result(eventfd(0, 0)), 0);
	CHECK_EQ(result(memfd_create("x", 0)), 0);
	return unused;
}

int main(void)
{
	pthread_t old, new;
	char c = 0;

	may(0);
	CHECK_EQ(pipe(begun), 0);
	CHECK_EQ(pipe(go_on), 0);
	CHECK_EQ(pthread_create(&old, NULL, before, NULL), 0);
	CHECK_EQ(read(begun[0], &c, 1), 1);
	CHECK_EQ(cli_sandbox(), 0);
	may(EPERM);
	CHECK_EQ(write(go_on[1], &c, 1), 1);
	CHECK_EQ(pthread_join(old, NULL), 0);
	CHECK_EQ(pthread_create(&new, NULL, after, NULL), 0);
	CHECK_EQ(pthread_join(new, NULL), 0);
	return 0;
}
