# SPDX-License-Identifier: BSD-3-Clause
"""serve --user and --sandbox: what the kernel says of the process, and that it serves as before."""
import os
import pathlib
import pwd
import shutil
import subprocess

import command
from command import SMALL, check, finish, path, run, serve, stop


def status(process):
    """The lines of each thread's status file."""
    for task in pathlib.Path(f"/proc/{process.pid}/task").iterdir():
        yield dict(line.split(":\t", 1) for line in (task / "status").read_text().splitlines() if ":\t" in line)


def all_of(process, key):
    """A field's values, each one once."""
    return {" ".join(s[key].split()) for s in status(process)}


def serves(name):
    check("Migration    v2" in run("info", name).out)
    run("check", name, "--rule", "V2-01", "--rule", "DMA")
    run("migrate", name, SMALL, "--start", "--memory", "1M")


# As ever: the rights of the caller, and every system call.
server, name = serve("a")
run("info", name)
check(all_of(server, "Seccomp") == {"0"} and all_of(server, "Uid") == {" ".join([str(os.getuid())] * 4)})
stop(server)

server, name = serve("b", SMALL, "--sandbox")
run("info", name)  # it serves, so it has given up what it was to
check(all_of(server, "Seccomp") == {"2"} and all_of(server, "NoNewPrivs") == {"1"})
serves(name)
stop(server)
check(not os.path.exists(path("b")))

# So does what it is put together of: another server's device, threads, timers, a file, another revision.
inner, behind = serve("inner", SMALL + ",protocol=v1", "--sandbox")
server, name = serve("outer", behind, "--sandbox", "--filter", "delay,latency-us=10", "--filter",
                     "trace,file=" + path("trace"), "--filter", "translate,protocol=v2")
serves(name)
stop(server)
stop(inner)
check(os.path.getsize(path("trace")))

# A mediator is a shared object that may do anything.
ran = run("serve", SMALL, "-s", path("c"), "--sandbox", "--filter", "mediate,object=x.so", code=2)
check("mediate" in ran.err, ran.text())
check(not os.path.exists(path("c")))

ran = run("serve", SMALL, "-s", path("c"), "--user", "no such user", code=2)
check("no such user" in ran.err, ran.text())

if os.getuid():
    ran = run("serve", SMALL, "-s", path("c"), "--user", "root", code=1)
    check("root" in ran.err and not os.path.exists(path("c")), ran.text())
    finish()

# By root: the user, its groups, no capabilities; the socket is the user's, and removed where it may remove it.
os.chmod(command.DIR, 0o777)
nobody = pwd.getpwnam("nobody")
for sandbox in [], ["--sandbox"]:
    server, name = serve("d", SMALL, "--user", "nobody", *sandbox)
    run("info", name)
    check(all_of(server, "Uid") == {" ".join([str(nobody.pw_uid)] * 4)}, all_of(server, "Uid"))
    check(all_of(server, "Gid") == {" ".join([str(nobody.pw_gid)] * 4)}, all_of(server, "Gid"))
    check(all_of(server, "Groups") <= {"", str(nobody.pw_gid)}, all_of(server, "Groups"))
    check(all_of(server, "CapEff") == {"0000000000000000"} == all_of(server, "CapPrm"))
    check(os.stat(path("d")).st_uid == nobody.pw_uid)
    serves(name)
    stop(server)
    check(not os.path.exists(path("d")))

# By a user who is not root: refused, and nothing left behind.
vfmig = shutil.copy(command.VFMIG, path("vfmig"))
os.chmod(vfmig, 0o755)
done = subprocess.run([vfmig, "serve", SMALL, "-s", path("e"), "--user", "daemon"], user=nobody.pw_uid,
                      group=nobody.pw_gid, extra_groups=[], capture_output=True, text=True, timeout=60, check=False)
check(done.returncode == 1 and "needs root" in done.stderr, done)
check(not os.path.exists(path("e")))
finish()
