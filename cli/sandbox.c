/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Drop the privileges of a server: --user and --sandbox.
 *
 * The sandbox is a list of the system calls that serving needs. All others fail with EPERM instead
 * of killing the process, so a call that a later C library makes is an error that the server
 * reports.
 */
#include <errno.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pwd.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli.h"
#include "sandbox.h"

int cli_user_find(const char *name, struct cli_user *user)
{
	struct passwd *found;
	char *end;
	unsigned long uid = strtoul(name, &end, 10);

	errno = 0;
	found = *name >= '0' && *name <= '9' && !*end ? getpwuid((uid_t)uid) : getpwnam(name);
	if (!found && (errno == ENOMEM || errno == EMFILE || errno == ENFILE || errno == EIO))
		return cli_failf("--user: lookup of '%s': %s", name, strerror(errno));
	if (!found)
		return cli_usage("--user: unknown user '%s'", name);
	*user = (struct cli_user){name, found->pw_uid, found->pw_gid};
	return 0;
}

int cli_user_become(const struct cli_user *user, const char *socket)
{
	if (socket && lchown(socket, user->uid, user->gid))
		return cli_failf("--user: chown of %s to user %s: %s (needs root)", socket,
				 user->name, strerror(errno));
	if (initgroups(user->name, user->gid) || setresgid(user->gid, user->gid, user->gid) ||
	    setresuid(user->uid, user->uid, user->uid))
		return cli_failf("--user: setuid to %s: %s (needs root)", user->name,
				 strerror(errno));
	/* Check that root privileges cannot be regained. */
	if (user->uid && (!setuid(0) || !setgid(0)))
		return cli_failf("--user: the process still has root privileges after setuid to %s",
				 user->name);
	return 0;
}

/* ---- the sandbox ---- */

/* Calls that use open descriptors, wait, allocate memory, create threads, and remove the socket. */
static const int allowed[] = {
	SYS_read,
	SYS_write,
	SYS_readv,
	SYS_writev,
	SYS_pread64,
	SYS_pwrite64,
	SYS_preadv,
	SYS_pwritev,
	SYS_preadv2,
	SYS_pwritev2,
	SYS_recvmsg,
	SYS_sendmsg,
	SYS_recvfrom,
	SYS_sendto,
	SYS_sendfile,
	SYS_accept4,
	SYS_shutdown,
	SYS_socketpair,
	SYS_getsockopt,
	SYS_setsockopt,
	SYS_getsockname,
	SYS_ppoll,
	SYS_epoll_create1,
	SYS_epoll_ctl,
	SYS_epoll_pwait,
	SYS_eventfd2,
	SYS_timerfd_create,
	SYS_timerfd_settime,
	SYS_timerfd_gettime,
	SYS_memfd_create,
	SYS_pipe2,
	SYS_dup,
	SYS_dup3,
	SYS_close,
	SYS_fcntl,
	SYS_fstat,
	SYS_newfstatat,
	SYS_statx,
	SYS_fstatfs,
	SYS_lseek,
	SYS_ftruncate,
	SYS_fallocate,
	SYS_fsync,
	SYS_fadvise64,
	SYS_readlinkat,
	SYS_unlinkat,
	SYS_munmap,
	SYS_mremap,
	SYS_madvise,
	SYS_mincore,
	SYS_mlock,
	SYS_munlock,
	SYS_brk,
	SYS_exit,
	SYS_exit_group,
	SYS_futex,
	SYS_set_robust_list,
	SYS_rseq,
	SYS_membarrier,
	SYS_sched_yield,
	SYS_sched_getaffinity,
	SYS_gettid,
	SYS_getpid,
	SYS_getuid,
	SYS_geteuid,
	SYS_getgid,
	SYS_getegid,
	SYS_tgkill,
	SYS_rt_sigaction,
	SYS_rt_sigprocmask,
	SYS_rt_sigpending,
	SYS_rt_sigtimedwait,
	SYS_rt_sigreturn,
	SYS_sigaltstack,
	SYS_restart_syscall,
	SYS_clock_gettime,
	SYS_clock_getres,
	SYS_clock_nanosleep,
	SYS_nanosleep,
	SYS_gettimeofday,
	SYS_getrandom,
	SYS_sysinfo,
	SYS_uname,
	SYS_prlimit64,
	SYS_getrusage,
#ifdef __x86_64__ /* newer architectures do not have these */
	SYS_poll,
	SYS_epoll_wait,
	SYS_stat,
	SYS_lstat,
	SYS_readlink,
	SYS_unlink,
	SYS_arch_prctl,
#endif
};

/* Calls that depend on a flag: threads but no processes, memory but no executable memory. */
static const struct {
	int call;
	unsigned argument;
	unsigned long mask;
	bool wants;
} by_flag[] = {
	{SYS_clone, 0, CLONE_THREAD, true},
	{SYS_mmap, 2, PROT_EXEC, false},
	{SYS_mprotect, 2, PROT_EXEC, false},
};

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#define ARCHITECTURE 0
#endif

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define DENY	     (SECCOMP_RET_ERRNO | EPERM)

#define LOAD(field)                                                                                \
	{                                                                                          \
		BPF_LD | BPF_W | BPF_ABS, 0, 0, (unsigned)offsetof(struct seccomp_data, field)     \
	}
#define RETURN(what)                                                                               \
	{                                                                                          \
		BPF_RET | BPF_K, 0, 0, what                                                        \
	}
#define UNLESS(test, k, skip)                                                                      \
	{                                                                                          \
		BPF_JMP | (test) | BPF_K, 0, skip, (unsigned)(k)                                   \
	} /* continue, or skip the call's rule */

int cli_sandbox(void)
{
	const struct sock_filter head[] = {
		/* System call numbers differ between architectures. */
		LOAD(arch),
		{BPF_JMP | BPF_JEQ | BPF_K, 1, 0, ARCHITECTURE},
		RETURN(SECCOMP_RET_KILL_PROCESS),
		LOAD(nr),
		/*
		 * A filter cannot read the flags of clone3(). With ENOSYS the C library uses
		 * clone().
		 */
		UNLESS(BPF_JEQ, SYS_clone3, 1),
		RETURN(SECCOMP_RET_ERRNO | ENOSYS),
	};
	struct sock_filter filter[COUNT(head) + 2 * COUNT(allowed) + 5 * COUNT(by_flag) + 1];
	struct sock_fprog program = {.filter = filter};
	size_t n = COUNT(head);

	if (!ARCHITECTURE)
		return cli_failf("--sandbox: not supported on this architecture");
	memcpy(filter, head, sizeof(head));
	for (size_t i = 0; i < COUNT(allowed); i++, n += 2)
		memcpy(&filter[n],
		       (struct sock_filter[]){UNLESS(BPF_JEQ, allowed[i], 1),
					      RETURN(SECCOMP_RET_ALLOW)},
		       2 * sizeof(*filter));
	for (size_t i = 0; i < COUNT(by_flag); i++, n += 5)
		memcpy(&filter[n],
		       (struct sock_filter[]){UNLESS(BPF_JEQ, by_flag[i].call, 4),
					      LOAD(args[by_flag[i].argument]),
					      UNLESS(BPF_JSET, by_flag[i].mask, 1),
					      RETURN(by_flag[i].wants ? SECCOMP_RET_ALLOW : DENY),
					      RETURN(by_flag[i].wants ? DENY : SECCOMP_RET_ALLOW)},
		       5 * sizeof(*filter));
	filter[n++] = (struct sock_filter)RETURN(DENY);
	program.len = (unsigned short)n;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program))
		return cli_failf("--sandbox: the kernel rejected the seccomp filter: %s",
				 strerror(errno));
	return 0;
}
