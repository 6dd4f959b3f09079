# SPDX-License-Identifier: BSD-3-Clause
"""What the tests of the command share: run it, look at what it said, and leave nothing behind."""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

VFMIG = os.environ["VFMIG"]
SMALL = "model:copier,size=1M"
_directory = tempfile.TemporaryDirectory(prefix="vfmig-test-")
DIR = _directory.name
_started = []


def check(what, *why):
    if not what:
        frame = sys._getframe(1)
        while frame.f_code.co_filename == __file__:
            frame = frame.f_back
        print(f"{frame.f_code.co_filename}:{frame.f_lineno}: not so:", *why, file=sys.stderr)
        finish(1)


def path(name):
    return os.path.join(DIR, name)


class Ran:
    def __init__(self, done, args):
        self.code, self.out, self.err, self.args = done.returncode, done.stdout, done.stderr, args

    def text(self):
        return f"vfmig {' '.join(self.args)}: exit {self.code}\n{self.out}{self.err}"

    def events(self, name=None):
        """Each line of standard output as an event; every one must be JSON."""
        events = []
        for line in self.out.splitlines():
            try:
                event = json.loads(line)
            except ValueError:
                check(False, "no JSON:", line)
            check(isinstance(event, dict) and "event" in event and "time_ns" in event, line)
            events.append(event)
        return [e for e in events if not name or e["event"] == name]


def patient(args):
    """Whether a migration ends must not depend on how fast the machine is just now."""
    patience = ("--downtime", "60s") if args and args[0] in ("migrate", "send", "save") else ()
    return (*args, *(() if "--downtime" in args else patience))


def run(*args, code=0, timeout=300, **more):
    """Run it and expect an exit code (None: any). Errors are sentences; nothing may ever end by a signal."""
    more.setdefault("stdin", subprocess.DEVNULL)
    args = patient(args)
    ran = Ran(subprocess.run([VFMIG, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             text=True, timeout=timeout, **more), args)
    check(ran.code == code if code is not None else ran.code >= 0, f"expected exit code {code}:", ran.text())
    if ran.code:
        check("vfmig: " in ran.err, "no sentence:", ran.text())
    return ran


def start(*args, **more):
    process = subprocess.Popen([VFMIG, *patient(args)], text=True, **more)
    _started.append(process)
    return process


def wait_for(what, process=None):
    """Until something is so; the limit only keeps a broken test from hanging."""
    end = time.monotonic() + 300
    while not what():
        check(process is None or process.poll() is None, "it has ended:", process and process.args)
        check(time.monotonic() < end, "it never came to be")
        time.sleep(0.005)


def listens(name):
    """A socket has its name a moment before its permissions, and these a moment before it listens (SO_ACCEPTCON)."""
    with open("/proc/net/unix", encoding="utf-8") as sockets:
        return any(line.split()[3] == "00010000" and line.endswith(f" {path(name)}\n") for line in sockets)


def serve(name, device=SMALL, *more):
    """A server; gives (process, the device's name behind the socket)."""
    process = start("serve", device, "--socket-path", path(name), *more)
    wait_for(lambda: listens(name), process)
    return process, "vfio-user:" + path(name)


def stop(process, code=0, number=signal.SIGTERM):
    process.send_signal(number)
    check(process.wait(300) == code, process.args, "ended with", process.returncode)


def finish(code=0):
    for process in _started:
        if process.poll() is None:
            process.kill()
            process.wait()
    _directory.cleanup()
    os._exit(code) if code else sys.exit(code)
