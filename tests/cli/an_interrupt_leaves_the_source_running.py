# SPDX-License-Identifier: BSD-3-Clause
"""SIGINT and SIGTERM end a migration with exit code 4, the source runs on, and it can be moved again."""
import json
import os
import signal
import subprocess

from command import SMALL, check, finish, listens, path, run, serve, start, wait_for

server, name = serve("a")
# It never gets further than this by itself.
stuck = ["--filter", "fault,op=data-read,do=hang", "--request-timeout", "600s"]


def until_round(process):
    """It is under way."""
    for line in process.stdout:
        if json.loads(line)["event"] == "accepted":
            return
    check(False, "it has ended before it was interrupted")


for number in (signal.SIGINT, signal.SIGTERM):
    mover = start("migrate", name, SMALL, "--start", *stuck, "--json",
                  stdout=subprocess.PIPE)
    until_round(mover)
    mover.send_signal(number)
    events = [json.loads(line) for line in mover.stdout]
    check(mover.wait(300) == 4, mover.returncode, events)
    check([e for e in events if e["event"] == "cancelled" and e["role"] == "source"], events)
run("migrate", name, SMALL, "--start", "--quiet")

# While it waits for somebody to come.
for command in ("send", "receive"):
    process = start(command, SMALL, "--listen", path("s"), "--quiet")
    wait_for(lambda: listens("s"), process)
    process.send_signal(signal.SIGINT)
    check(process.wait(300) == 4, process.returncode)
    check(not os.path.exists(path("s")))

# An interrupted save leaves no file.
saver = start("save", SMALL, *stuck, "-o", path("file"), "--json",
              stdout=subprocess.PIPE)
for line in saver.stdout:
    if json.loads(line)["event"] in ("device", "accepted"):
        break
saver.send_signal(signal.SIGINT)
saver.stdout.read()
check(saver.wait(300) == 4, saver.returncode)
check([f for f in os.listdir(path("")) if f.startswith("file")] == [])
finish()
