#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""every_failure_ends_well.py COMMAND [MOST]: a command whose Nth call fails, for N = 1, 2, 3 ... until there are fewer.

Each allocation fails once, each system call fails once with an error that fits it, is once interrupted, and once moves
only a part of its data. Each time the command must end by itself, with an exit code of its own and a reason, or do what it
does without a failure; it leaves no file behind. Interrupted and short calls must not be noticed at all.

MOST limits how many N are tried of each kind (spread over all of them); without it all are.

Environment: VFMIG (the command), FAULTS_LIBRARY (faults.c), SMALL_VMM (small_vmm.c), FAULTS_PRELOAD (what has to be
loaded before everything else, a sanitizer's runtime).
"""
import collections
import contextlib
import difflib
import functools
import os
import pathlib
import re
import resource
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

VFMIG, LIBRARY = os.environ["VFMIG"], os.environ["FAULTS_LIBRARY"]
DEVICE = "model:copier,size=64K"
KINDS = {"memory": 1, "system": 2, "interrupt": 3, "short": 4}
LIMIT = int(os.environ.get("FAULTS_LIMIT", 60))  # seconds; only keeps a command that hangs from hanging the test
RECORD = struct.Struct("<IIQQ32sII24Q" + "128s" * 12)
# A failure that says nothing, and what a sanitizer says.
EMPTY = re.compile(r"Success|without a reason|errno 0|error 0\b|\(null\)")
REPORT = re.compile(r"AddressSanitizer|LeakSanitizer|runtime error:|Assertion|corrupted|free\(\)")
SHARED = tempfile.TemporaryDirectory(prefix="vfmig-faults-")

Ended = collections.namedtuple("Ended", "code out err")


class Wrong(Exception):
    """What must not be."""


class Faults:
    """The file that faults.c reads and writes."""

    def __init__(self, path, kind, at):
        self.path = path
        path.write_bytes(RECORD.pack(KINDS[kind], 0, at, 0, b"", 0, 0, *[0] * 24, *[b""] * 12))

    def environment(self):
        first = os.environ.get("FAULTS_PRELOAD", "")
        more = {"FAULTS": str(self.path), "LD_PRELOAD": LIBRARY + (":" + first if first else "")}
        if first:
            more["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        return more

    def read(self):
        return RECORD.unpack(self.path.read_bytes())

    def count(self):
        return self.read()[3]

    def struck(self):
        """The call that failed, and from where it was called."""
        record = self.read()
        text = f"{record[4].rstrip(bytes(1)).decode()} failed with errno {record[5]}\n"
        for i in range(record[6]):
            address, file = record[7 + 2 * i], record[31 + i].split(b"\0")[0].decode()
            where = ""
            if os.path.exists(file):
                where = subprocess.run(["addr2line", "-f", "-s", "-p", "-e", file, hex(address)],
                                       capture_output=True, text=True, check=False).stdout.strip()
            text += f"    {where if where and '??' not in where else file + ' ' + hex(address)}\n"
        return text


class Try:
    """One run of a command in a folder of its own."""

    def __init__(self, folder, faults):
        self.folder, self.faults, self.processes, self.said = folder, faults, [], ""

    def path(self, name):
        return str(self.folder / name)

    def start(self, *args, fails=False, **more):
        env = {**os.environ, "TMPDIR": str(self.folder)}
        if fails:
            env.update(self.faults.environment())
        more.setdefault("stdin", subprocess.DEVNULL)
        process = subprocess.Popen([VFMIG, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True, env=env, **more)
        self.processes.append(process)
        return process

    def end(self, process, fails=False):
        """Wait, and hold it to what is asked of every end. An interruption is no failure."""
        try:
            out, err = process.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGABRT)
            raise Wrong(f"{process.args} hangs") from None
        ended = Ended(process.returncode, out, err)
        self.said += err
        # 126: `vfmig exec` may not run the command.
        if ended.code not in (0, 1, 2, 3, 4, 5, 126) or REPORT.search(err):
            raise Wrong(f"{process.args} ended with {ended.code}")
        if ended.code and not re.search(r"^(vfmig|small_vmm): .", err, re.M):
            raise Wrong(f"{process.args} ended with {ended.code} and no reason")
        if EMPTY.search(err):
            raise Wrong(f"{process.args} ended with {ended.code} and no true reason")
        return ended

    def run(self, *args, fails=False, **more):
        return self.end(self.start(*args, fails=fails, **more))

    def appears(self, name, process):
        end = time.monotonic() + LIMIT
        while not os.path.exists(self.path(name)):
            if process.poll() is not None:
                return False
            if time.monotonic() > end:
                raise Wrong(f"{process.args} makes no {name}")
            time.sleep(0.002)
        return True

    def over(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.communicate()


def info(t):
    ended = t.run("info", DEVICE, fails=True)
    # A model that cannot ask for the holes of its memory reports all of it as data.
    return ended._replace(out=re.sub(r"( data +)\S+ KiB", r"\1SIZE", ended.out))


def listing(t):
    return t.run("list", fails=True)


def check(t):
    ended = t.run("check", DEVICE, "--json", "--rule", "V2", "--rule", "DMA", fails=True)
    return ended._replace(out="\n".join(re.findall(r'"rule": ?"[^"]*"|"verdict": ?"[^"]*"', ended.out)))


def migrate(t):
    ended = t.run("migrate", DEVICE, DEVICE, "--memory", "256K", fails=True)
    return ended._replace(out=bool(ended.out))


def save(t):
    ended = t.run("save", DEVICE, "--memory", "64K", "-o", t.path("file"), fails=True)
    if ended.code == 0 and t.run("inspect", t.path("file")).code:
        raise Wrong("the file that was saved is not sound")
    if ended.code == 0:
        os.unlink(t.path("file"))
    return ended._replace(out=bool(ended.out))


@functools.cache
def saved():
    """A saved device, the same for every try."""
    file = os.path.join(SHARED.name, "saved")
    subprocess.run([VFMIG, "save", DEVICE, "--memory", "64K", "-q", "-o", file], check=True)
    return file


def load(t):
    ended = t.run("load", saved(), DEVICE, "--memory", "64K", fails=True)
    return ended._replace(out=bool(ended.out))


def inspect(t):
    return t.run("inspect", saved(), "--sections", fails=True)


def disturb(path):
    """A receiver whose sender never came waits on: it gets a connection that ends at once."""
    with socket.socket(socket.AF_UNIX) as s:
        with contextlib.suppress(OSError):
            s.connect(path)


def both(t, sends):
    """A sender and a receiver, one of which fails; a device that runs at both ends is the worst outcome."""
    receiver = t.start("receive", DEVICE, "--memory", "64K", "--listen", t.path("socket"), fails=not sends)
    sender = None
    if t.appears("socket", receiver):
        sender = t.start("send", DEVICE, "--memory", "64K", "--connect", t.path("socket"), fails=sends)
        sent = t.end(sender)
        disturb(t.path("socket"))
        received = t.end(receiver)
        if sent.code == 1 and received.code == 0:
            raise Wrong("the device runs at both ends")
        if sent.code == 0 and received.code:
            raise Wrong("the sender takes for done what the receiver does not")
    else:
        received = t.end(receiver)
        if not received.code:
            raise Wrong("a receiver that received nothing")
        return received
    ended = sent if sends else received
    return ended._replace(out=bool(ended.out))


def send(t):
    return both(t, True)


def receive(t):
    return both(t, False)


def execute(t):
    return t.run("exec", "--device", DEVICE, "--", os.environ["SMALL_VMM"], fails=True)


def client(t):
    """A client of a server: the server is there for the next client, whatever became of this one."""
    server = t.start("serve", DEVICE, "--socket-path", t.path("socket"))
    t.appears("socket", server)
    name = "vfio-user:" + t.path("socket")
    ended = t.run("migrate", name, DEVICE, "--start", "--memory", "64K", fails=True)
    t.run("info", name)
    server.send_signal(signal.SIGTERM)
    if t.end(server).code:
        raise Wrong("a server fails with its client")
    return ended._replace(out=bool(ended.out))


def serve(t, *more):
    """A server at work. One client of it may fail, the next must not."""
    server = t.start("serve", DEVICE, "--socket-path", t.path("socket"), *more, fails=True)
    if t.appears("socket", server):
        name, failed = "vfio-user:" + t.path("socket"), 0
        for args in (["info", name, "--iommu"],
                     ["migrate", name, DEVICE, "--start", "--memory", "64K"],
                     ["check", name, "--rule", "V2-01", "--rule", "DMA-01"],
                     ["info", name]):
            ended = t.run(*args)
            failed += ended.code != 0
            if failed > 1 and server.poll() is None:
                raise Wrong(f"{args} fails as well: {ended}")
        server.send_signal(signal.SIGTERM)
    ended = t.end(server)
    return ended._replace(out="")


SCENARIOS = {"info": info, "list": listing, "check": check, "migrate": migrate, "save": save, "load": load,
             "inspect": inspect, "send": send, "receive": receive, "exec": execute, "client": client,
             "serve": serve}


def attempt(scenario, kind, at, expected):
    """One run; returns how many calls it saw, and how it ended."""
    with tempfile.TemporaryDirectory(prefix="vfmig-faults-") as folder, \
            tempfile.NamedTemporaryFile(prefix="vfmig-fault-") as file:
        faults = Faults(pathlib.Path(file.name), kind, at)
        t = Try(pathlib.Path(folder), faults)
        try:
            ended = scenario(t)
            # What a message names is left on purpose.
            left = [name for name in os.listdir(folder) if t.path(name) not in t.said]
            if left:
                raise Wrong(f"{left} left behind")
            if expected and ended.code == 0 and ended.out != expected.out:
                diff = difflib.unified_diff(str(expected.out).split("\n"), str(ended.out).split("\n"), lineterm="", n=0)
                raise Wrong("success, with another result than without a failure:\n" + "\n".join(diff))
            if expected and ended.code and kind in ("interrupt", "short"):
                raise Wrong("what is no failure made it fail")
            return faults.count(), ended
        except Wrong as wrong:
            texts = t.said
            for process in t.processes:
                if process.poll() is None:
                    process.kill()
                texts += "".join(stream.read() for stream in (process.stdout, process.stderr)
                                 if not stream.closed)
            raise Wrong(f"{kind} {at}: {wrong}\n{faults.struck()}{texts}") from None
        finally:
            t.over()


def sweep(name, scenario, most, kinds):
    """Returns what went wrong."""
    wrong = []
    for kind in kinds:
        count, expected = attempt(scenario, kind, 0, None)
        if expected.code:
            sys.exit(f"fails without a failure: {expected}")
        step, at, tried, began = max(1, count // most) if most else 1, 1, 0, time.monotonic()
        seen = at
        while seen >= at or at <= count:
            try:
                seen, _ = attempt(scenario, kind, at, expected)
            except Wrong as w:
                wrong.append(str(w))
                seen = at
            at += step
            tried += 1
        print(f"{name}: {tried} of {count} failures of kind {kind}, {len(wrong)} wrong, "
              f"{time.monotonic() - began:.0f} s", flush=True)
    return wrong


def control():
    """Each way to take a failure badly is found."""
    for way, found in {"crashes": "ended with -11", "hangs": "hangs", "lies": "another result",
                       "is-silent": "no reason", "says-success": "no true reason", "leaves": "left behind",
                       "gives-up": "what is no failure", "is-right": None}.items():
        wrong = sweep(way, lambda t, way=way: t.run(way, fails=True), 0, list(KINDS))
        if not (any(found in w for w in wrong) if found else not wrong):
            sys.exit(f"a program that {way}: {wrong}")


def main():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.argv[1] == "control":
        control()
        return
    most = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    kinds = sys.argv[3].split(",") if len(sys.argv) > 3 else list(KINDS)
    wrong = sweep(sys.argv[1], SCENARIOS[sys.argv[1]], most, kinds)
    print("\n".join(wrong))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
