# SPDX-License-Identifier: BSD-3-Clause
"""Whatever fails when a file is put in its place: the devices run on, or the file has them; and what is said is so."""
import os
import re
import signal
import stat

from command import DIR, SMALL, check, finish, path, run, start, wait_for

FILE = path("saved")
BEFORE = {**os.environ, "LD_PRELOAD": os.environ["FAIL_CALL_SO"],
          "ASAN_OPTIONS": "verify_asan_link_order=0:" + os.environ.get("ASAN_OPTIONS", "")}


def save(code, call=None, nth=1, *more):
    env = {**BEFORE, "FAIL_CALL": call, "FAIL_NTH": str(nth)} if call else None
    ran = run("save", SMALL, "-o", FILE, "--json", *more, code=code, env=env)
    arcs = [e for e in ran.events("arc") if not e["result"]]
    return ran, arcs[-1]["to"] == "RUNNING"


def left():
    return sorted(os.listdir(DIR))


# Before there is a name nothing is left, and what was there is kept.
for call in ("fsync", "linkat"):
    ran, runs = save(1, call)
    check(runs and not left(), call, left(), ran.text())
ran, _ = save(0)
check(left() == ["saved"] and stat.S_IMODE(os.stat(FILE).st_mode) == 0o600, left(), os.stat(FILE))
downtime = ran.events("downtime")[-1]
check(downtime["commit_ns"] and not downtime["run_ns"], "nothing was run:", downtime)
old = open(FILE, "rb").read()
save(1, "fsync")
check(open(FILE, "rb").read() == old and left() == ["saved"], left())

# The last step: the complete file stays, and has the name that the sentence gives.
ran, runs = save(1, "rename")
other = re.search(re.escape(FILE) + r"\.[0-9a-f]+", ran.err)
check(runs and other and "run on" in ran.err, ran.text())
check(open(FILE, "rb").read() == old and os.path.exists(other[0]), left(), ran.text())
run("load", other[0], SMALL)
os.unlink(other[0])
os.unlink(FILE)
ran, runs = save(1, "fsync", 2)
check(runs and "directory" in ran.err and "run on" in ran.err, ran.text())
run("load", FILE, SMALL)

# A file system that has no files without a name.
os.unlink(FILE)
ran, _ = save(0, "tmpfile")
check(left() == ["saved"], left())
run("load", FILE, SMALL)

# A copy: the time until the device runs again is downtime, too.
ran, runs = save(0, None, 1, "--run-on")
check(runs and ran.events("downtime")[-1]["run_ns"], ran.text())

# A copy was wanted, and the device could not go on: it is in the file, and that is not a success.
os.unlink(FILE)
ran, runs = save(5, None, 1, "--run-on", "--filter", "fault,arc=stop:running_p2p,times=0")
check(not runs and "could not be resumed" in ran.err, ran.text())
run("load", FILE, SMALL)

# A trace says what a device was asked, and is for its owner alone, too.
trace = path("trace")
run("save", SMALL, "-o", FILE, "--filter", "trace,file=" + trace)
check(stat.S_IMODE(os.stat(trace).st_mode) == 0o600, oct(os.stat(trace).st_mode))

# Killed in the middle, it leaves nothing.
os.unlink(FILE)
process = start("save", SMALL, "-o", FILE, "--filter", "trace,file=" + path("asked"), "--filter",
                "fault,op=data-read,do=hang", "--request-timeout", "0")
wait_for(lambda: os.path.exists(path("asked")) and "PRE_COPY" in open(path("asked")).read(), process)
process.send_signal(signal.SIGKILL)
process.wait()
check(left() == ["asked", "trace"], left())
finish()
