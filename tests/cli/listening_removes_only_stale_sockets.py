# SPDX-License-Identifier: BSD-3-Clause
"""receive -l at a path that is taken: files, links and live sockets are left alone; a stale socket is replaced."""
import os
import socket
import stat

from command import SMALL, check, finish, path, run, start, wait_for

FILE, LINK, DANGLING, LIVE, STALE = map(path, ("file", "link", "dangling", "live", "stale"))
with open(FILE, "w") as f:
    f.write("precious")
os.symlink(FILE, LINK)
os.symlink(path("nothing"), DANGLING)
live, stale = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
live.bind(LIVE)
live.listen()
stale.bind(STALE)
stale.close()

before = sorted(os.listdir(os.path.dirname(FILE)))
for taken in FILE, LINK, DANGLING, LIVE:
    was = os.lstat(taken)
    ran = run("receive", SMALL, "-l", "unix:" + taken, "--setup-timeout", "300", code=1)
    now = os.lstat(taken)
    check("setup-timeout" not in ran.err and taken in ran.err, ran.text())
    check((was.st_ino, was.st_mode) == (now.st_ino, now.st_mode), taken, ran.text())
check(open(FILE).read() == "precious")
check(sorted(os.listdir(os.path.dirname(FILE))) == before)

receiver = start("receive", SMALL, "-l", "unix:" + STALE, "-q")
wait_for(lambda: os.path.exists(STALE) and stat.S_IMODE(os.lstat(STALE).st_mode) == 0o600 and
         not run("send", SMALL, "-c", "unix:" + STALE, "-q", code=None).code, receiver)
check(receiver.wait(60) == 0)
check(not os.path.exists(STALE), "its socket is left")
finish()
