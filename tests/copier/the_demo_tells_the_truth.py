# SPDX-License-Identifier: BSD-3-Clause
"""the_demo_tells_the_truth.py ROOT BUILD: tools/demo in small.

It succeeds, with the file's real sum; it fails where the device's log is made to say nothing; and
however it ends, no process and no file of it is left.
"""
import hashlib
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

root, build = map(pathlib.Path, sys.argv[1:])
SMALL = {
    "DEMO_BOARD": "8M",
    "DEMO_SOURCE": "memory=32M,chunk=64K,pace=20M,linger=0ms",
    "DEMO_DESTINATION": "memory=32M",
}
SILENT = "fault,op=feature,feature=dma-logging-report,do=drop,times=0"


def check(condition, *what):
    if not condition:
        sys.exit("not so: " + "\n".join(map(str, what)))


def start(tmp, file, **env):
    return subprocess.Popen(
        [root / "tools/demo", build] + [file] * bool(file), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, env={**os.environ, **SMALL, "TMPDIR": tmp, **env})


def left_over(tmp):
    """What of the demo is still there: files, and processes that were given a path in its folder."""
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if tmp.encode() + b"/vfmig-demo" in path.read_bytes():
                yield path
        except OSError:
            pass
    yield from pathlib.Path(tmp).iterdir()


with tempfile.TemporaryDirectory() as tmp, tempfile.NamedTemporaryFile(suffix=", a file") as file:
    content = os.urandom(3 << 20) + b"and a bit"
    file.write(content)
    file.flush()
    digest = hashlib.sha256(content).hexdigest()

    demo = start(tmp, file.name)
    said = demo.communicate()[0]
    check(demo.returncode == 0 and "Nothing was lost." in said, demo.returncode, said)
    check(said.count(digest) == 2 and "downtime" in said and "\033" not in said, said)
    check(not list(left_over(tmp)), list(left_over(tmp)))

    demo = start(tmp, file.name, DEMO_FILTER=SILENT)
    said = demo.communicate()[0]
    check(demo.returncode == 1 and "FAILED" in said, demo.returncode, said)
    check(not list(left_over(tmp)), list(left_over(tmp)))

    # Without a file it takes the largest one that a slow machine can still send in time. One that writes faster than
    # the machine sends switches over all the same, and the demo says why the downtime is long.
    files = pathlib.Path(tmp) / "files"
    files.mkdir()
    for name, size in (("small", 1 << 20), ("chosen", 2 << 20), ("huge", 64 << 20)):
        with open(files / name, "wb") as one:
            one.write(b"x")
            one.truncate(size)
    demo = start(tmp, None, DEMO_FILES=str(files), DEMO_SOURCE=SMALL["DEMO_SOURCE"].replace(
        "pace=20M", "pace=0,downtime=1ms"))
    said = demo.communicate()[0]
    check(demo.returncode == 0 and "/chosen" in said, demo.returncode, said)
    check("writes as fast as this machine sends" in said, said)
    for name in files.iterdir():
        name.unlink()
    files.rmdir()
    check(not list(left_over(tmp)), list(left_over(tmp)))

    # It is told to end when it has hardly begun (wherever that is just then), and when the devices are at work.
    for line in ("servers",) * 8 + ("tracking",):
        demo = start(tmp, file.name, DEMO_SOURCE=SMALL["DEMO_SOURCE"] + ",linger=10s")
        heard = []
        while not heard or line not in heard[-1]:
            heard.append(demo.stdout.readline())
            check(heard[-1], "it ended before it said", line, *heard)
        demo.send_signal(signal.SIGTERM)
        said = demo.communicate()[0]
        check(demo.returncode == 143, demo.returncode, said)
        check(not list(left_over(tmp)), list(left_over(tmp)))

    # There is nothing to work on.
    demo = start(tmp, "/dev/null")
    said = demo.communicate()[0]
    check(demo.returncode == 1 and "empty" in said, demo.returncode, said)
    check(not list(left_over(tmp)), list(left_over(tmp)))
