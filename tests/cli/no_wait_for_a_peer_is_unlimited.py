# SPDX-License-Identifier: BSD-3-Clause
"""Meeting the other end, and a server that stops: each wait ends at its time limit, and at the first SIGINT."""
import os
import signal
import socket
import subprocess
import threading

from command import SMALL, check, finish, path, run, serve, start, wait_for

# A limit that is over soon, and what a limit that was forgotten would take at the least.
SOON, FORGOTTEN = ["--setup-timeout", "300"], 25


def busy(name, backlog=0):
    """A listener that takes no connection, its backlog full."""
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path(name))
    listening.listen(backlog)
    waiting = []
    while backlog == 0:
        client = socket.socket(socket.AF_UNIX)
        client.setblocking(False)
        waiting.append(client)
        if client.connect_ex(path(name)):
            break
    return listening, waiting


def interrupted(*args):
    """The first SIGINT ends it, from when it takes signals as a request to cancel."""
    process = start(*args, stderr=subprocess.PIPE)

    def blocks_sigint():
        line = [s for s in open(f"/proc/{process.pid}/status") if s.startswith("SigBlk")][0]
        return int(line.split()[1], 16) & 1 << (signal.SIGINT - 1)
    wait_for(blocks_sigint, process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    check(process.returncode == 4 and "cancelled" in err, args, process.returncode, err)


full, mute = busy("full"), busy("mute", 9)
for args in (["receive", SMALL, "-l", "unix:" + path("r")], ["receive", SMALL, "-l", "tcp:127.0.0.1:0"],
             ["send", SMALL, "-l", path("r")], ["send", SMALL, "-c", path("full")],
             ["send", SMALL, "-c", path("mute")]):
    ran = run(*args, *SOON, code=1, timeout=FORGOTTEN)
    check("setup-timeout" in ran.err, ran.text())
    ran = run(*args, "--setup-timeout", "0", "--total-timeout", "300", code=1, timeout=FORGOTTEN)
    interrupted(*args, "--setup-timeout", "0")
check(not os.path.exists(path("r")))
for name in "full", "mute":
    ran = run("info", "vfio-user:" + path(name), "--timeout", "300", code=1, timeout=FORGOTTEN)
    check(path(name) in ran.err, ran.text())
    run("migrate", SMALL, "vfio-user:" + path(name), "--timeout", "300", code=1, timeout=FORGOTTEN)


def stopped(which, role, at, *more):
    """One of the servers stops when the migration comes there; the limits do not add up."""
    servers = [serve(n) for n in "ab"]
    process = start("migrate", servers[0][1], servers[1][1], "--json", "--switchover-timeout", "500",
                    "--request-timeout", "60000", "--channel-timeout", "60000", "--timeout", "60000", *more,
                    stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    late = threading.Timer(FORGOTTEN, process.kill)
    late.start()
    for line in process.stdout:
        if f'"role":"{role}"' in line and f'"state":"{at}"' in line:
            servers[which][0].send_signal(signal.SIGSTOP)
    check(process.wait() >= 0, "it hangs with server", which, "stopped at", at, *more)
    late.cancel()
    for (server, _), name in zip(servers, "ab"):
        server.kill()
        server.wait()
        os.unlink(path(name))


for at in "SRC_PAUSE", "SRC_STOP", "SRC_READY":
    stopped(0, "source", at, "--memory", "1M")
    stopped(1, "source", at)
for at in "DST_CHECK", "DST_QUIET", "DST_RUN":
    stopped(1, "destination", at, "--memory", "1M")
finish()
