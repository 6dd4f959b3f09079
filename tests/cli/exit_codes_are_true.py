# SPDX-License-Identifier: BSD-3-Clause
"""Exit codes where two things are so together: in doubt and lost, cancelled there, over and interrupted."""
import fcntl
import json
import os
import signal
import subprocess

from command import SMALL, VFMIG, check, finish, path, run, serve, start, wait_for

# In doubt is what counts, also if the destination could not be reset.
server_a, A = serve("a")
server_b, B = serve("b")
ran = run("migrate", A, B, "--to-filter", "fault,arc=stop:running_p2p,times=0", "--to-filter",
          "fault,op=reset,times=0", code=3)
check(f"vfmig reset {B}" in ran.err and f"vfmig resume --yes {A}" in ran.err, ran.text())
run("reset", B)
run("resume", "--yes", A)

# A receiver that the sender cancels was not interrupted itself.
receiver = start("receive", B, "--listen", "unix:" + path("s"), "--json", stdout=subprocess.PIPE,
                 stderr=subprocess.PIPE)
json.loads(receiver.stdout.readline())
sender = start("send", A, "--start", "--connect", "unix:" + path("s"), "--json", "--filter",
               "fault,op=data-read,do=hang", "--request-timeout", "600s", stdout=subprocess.PIPE)
for line in sender.stdout:
    if json.loads(line)["event"] == "accepted":
        break
sender.send_signal(signal.SIGINT)
sender.stdout.read()
out, err = receiver.communicate()
check(sender.wait() == 4, sender.returncode)
check(receiver.returncode == 1 and "the source gave up" in err, receiver.returncode, err)

# All is over, and only the table is not read yet: a signal changes nothing.
for number in (signal.SIGINT, signal.SIGTERM):
    read_end, write_end = os.pipe()
    size = fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, 4096)
    os.write(write_end, b"x" * size)
    mover = subprocess.Popen([VFMIG, "migrate", A, B, "--start"], stdout=write_end,
                             stderr=subprocess.DEVNULL)
    os.close(write_end)

    def writes():
        try:
            with open(f"/proc/{mover.pid}/syscall") as call:
                return call.read().split()[:2] == ["1", "0x1"]
        except OSError:
            print("another process's system call cannot be seen")
            mover.kill()
            finish(77)

    wait_for(writes)
    mover.send_signal(number)
    check(mover.wait(60) == 0, number, mover.returncode)
    os.close(read_end)
    run("reset", A)
    A, B = B, A

# Data that does not begin as ours does is another's, and no damage.
run("save", SMALL, "--precopy=off", "--filter", "fault,op=data-read,do=corrupt,bit=0", "-o",
    path("another's"), "--quiet")
ran = run("inspect", path("another's"))
check("without a description" in ran.out and "All checksums match" in ran.out, ran.text())
finish()
