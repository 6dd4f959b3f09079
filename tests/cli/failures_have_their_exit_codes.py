# SPDX-License-Identifier: BSD-3-Clause
"""What fails before COMMIT leaves the source running (1); a lost answer after it is in doubt (3)."""
from command import SMALL, check, finish, run, serve, stop

server, name = serve("a")


def fails(*args, code=1, word=""):
    ran = run("migrate", name, SMALL, "--start", *args, code=code)
    check(word in ran.err, word, ran.text())
    return ran


# Each of these breaks something else; each time the source can still move afterwards.
fails("--filter", "fault,arc=any:stop_copy,error=EBUSY", word="EBUSY")
fails("--filter", "fault,op=data-read,nth=2", word="EIO")
fails("--filter", "fault,feature=mig-device-state,nth=4")
fails("--to-filter", "fault,op=data-write,error=ENOSPC", word="ENOSPC")
fails("--to-filter", "fault,op=data-write,do=corrupt,nth=2,bit=100")
fails("--to-filter", "fault,op=data-write,do=drop,nth=2")
fails("--to-filter", "fault,arc=stop:resuming")
fails("--to-filter", "fault,arc=resuming:stop")
fails("--filter", "fault,op=data-read,do=hang", "--request-timeout", "2000")
fails("--to-filter", "fault,op=data-write,do=hang", "--request-timeout", "2000")

# A device that cannot be put back is worth an exit code of its own.
fails("--to-filter", "fault,op=data-write", "--to-filter", "fault,op=reset,times=0", code=5)

# Handed over, and no good answer: nobody knows, and the source must not run.
ran = run("migrate", SMALL, SMALL, "--to-filter", "fault,arc=running_p2p:running", code=3)
check("in doubt" in ran.err, ran.text())

events = run("migrate", name, SMALL, "--start", "--filter", "fault,op=data-read,nth=2", "--json",
             code=1).events()
check([e["event"] for e in events[-2:]] == ["error", "next"] and events[-2]["code"] > 0, events[-2:])
check([e for e in events if e["event"] == "failed" and e["role"] == "source"], events)

run("migrate", name, SMALL, "--start")
stop(server)
finish()
