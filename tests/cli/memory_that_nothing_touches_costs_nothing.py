# SPDX-License-Identifier: BSD-3-Clause
"""Memory that nothing touches is allocated at neither end, by migrate, send, receive, save and load."""
import os
import resource
import subprocess

from command import SMALL, check, finish, path, run, start, wait_for

MEMORY = ["--memory", "8G"]
MOST = 256 << 10  # KiB that a command may have resident: a small part of the memory, under any sanitizer


def most():
    """Of all commands that have ended, the one that had the most."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss


ran = run("migrate", SMALL, SMALL, *MEMORY, "--json")
done = ran.events("done")
check(len(done) == 2 and all(e["zero_pages"] == 8 << 18 for e in done), ran.text())
check(all(e["memory_bytes"] == 0 for e in done), ran.text())
check(most() < MOST, "migrate:", most(), "KiB")

receiver = start("receive", SMALL, *MEMORY, "--listen", "unix:" + path("s"), stdout=subprocess.PIPE)
wait_for(lambda: os.path.exists(path("s")), receiver)
run("send", SMALL, *MEMORY, "--connect", "unix:" + path("s"))
receiver.communicate(timeout=60)
check(receiver.returncode == 0, receiver.returncode)
check(most() < MOST, "send and receive:", most(), "KiB")

run("save", SMALL, "-o", path("saved"), *MEMORY)
check(os.path.getsize(path("saved")) < 4 << 20, os.path.getsize(path("saved")))
run("load", path("saved"), SMALL, *MEMORY)
check(most() < MOST, "save and load:", most(), "KiB")
finish()
