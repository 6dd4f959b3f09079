# SPDX-License-Identifier: BSD-3-Clause
"""serve: a socket that comes and goes with it, one client after another, SIGTERM, --fd, a description."""
import json
import os
import signal
import socket
import stat
import subprocess

from command import SMALL, check, finish, listens, path, run, serve, start, stop, wait_for

# The socket is its owner's alone; clients come and go; it ends well and takes the socket with it.
server, name = serve("a")
check(stat.S_IMODE(os.stat(path("a")).st_mode) == 0o600)
first = run("info", name).out
check("Migration    v2" in first, first)
run("info", name)
run("info", name, "--json").events("region")
stop(server)
check(not os.path.exists(path("a")))

# SIGINT is as good; and what a killed server leaves behind is not in the way of the next one.
server, name = serve("a")
stop(server, number=signal.SIGINT)
check(not os.path.exists(path("a")))
server, name = serve("a")
stop(server, number=signal.SIGKILL, code=-signal.SIGKILL)
check(os.path.exists(path("a")))
server = start("serve", SMALL, "--socket-path", path("a"), "--json", stdout=subprocess.PIPE)
event = json.loads(server.stdout.readline())
check(event["event"] == "serving" and event["socket"] == path("a"), event)
run("info", name)
event = json.loads(server.stdout.readline())
check(event["event"] == "client", event)

# Where somebody serves already, a second one is refused and does no harm.
ran = run("serve", SMALL, "--socket-path", path("a"), code=1)
check(path("a") in ran.err, ran.text())
run("info", name)
stop(server)

# A socket's permissions.
server = start("serve", SMALL, "-s", path("b"), "--socket-mode", "660")
wait_for(lambda: listens("b"), server)
check(stat.S_IMODE(os.stat(path("b")).st_mode) == 0o660)
stop(server)

# One client, there already: the server ends with it.
ours, theirs = socket.socketpair()
server = start("serve", SMALL, "--fd", str(theirs.fileno()), pass_fds=[theirs.fileno()])
theirs.close()
ours.close()
check(server.wait(300) == 0, server.returncode)
run("serve", SMALL, "--fd", "77", code=1)

# What it is, without a device.
described = json.loads(run("serve", "--print-capabilities").out)
check(described["type"] == "vfio-user", described)

# A client that says nothing, or nonsense, is sent away or waited for, and others come after it.
server, name = serve("c", SMALL)
with socket.socket(socket.AF_UNIX) as rude:
    rude.connect(path("c"))
    rude.sendall(b"GET / HTTP/1.0\r\n\r\n")
with socket.socket(socket.AF_UNIX) as short:
    short.connect(path("c"))
    short.sendall(b"\0\0")
run("info", name)
stop(server)

# A device behind a device: filters and servers stack.
inner, behind = serve("d")
outer, name = serve("e", behind, "--filter", "fault,op=reset")
check("Migration    v2" in run("info", name).out)
stop(outer)
stop(inner)
finish()
