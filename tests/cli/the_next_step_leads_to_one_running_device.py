# SPDX-License-Identifier: BSD-3-Clause
"""Every process of a migration killed or stopped in every phase: the commands that are named lead to one device.

A row is a phase of the hand-over, a process and what happens to it. Then an operator does what docs/handoff.md has:
looks at both devices, and runs the commands that vfmig named, and no other. In the end the device runs in exactly one
place, with what was in its memory and registers, or is gone with the server that was killed while it alone had it. What
would have it run twice is refused. A stopped process that holds a device is ended first, as nobody else has the device
until then; a stopped server goes on.
"""
import json
import os
import signal
import socket
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from command import SMALL, VFMIG, check, finish, path, run, serve, start

BOARD = os.urandom(64 << 10)
RING = struct.pack("<Q", 0x12340000)
LIMITS = ["--request-timeout", "4s", "--channel-timeout", "4s", "--switchover-timeout", "4s", "--setup-timeout", "60s"]

# A phase: what holds it there, at the source or at the destination, and the event that shows that it is reached.
HANG = "do=hang,times=0"
FOR_EVER = ["--request-timeout", "600s", "--channel-timeout", "600s", "--switchover-timeout", "600s"]
STOPPED = ["--precopy=off", "--max-rounds", "0", "--unconverged", "switch"]
PHASES = {
    "pre-copy": ("sender", ["--filter", f"fault,op=data-read,{HANG}"], "accepted", None),
    "stopped": ("sender", [*STOPPED, "--filter", f"fault,op=data-read,{HANG}"], "handoff", "SRC_COPY"),
    "checking": ("receiver", ["--filter", f"fault,arc=resuming:stop,{HANG}"], "handoff", "DST_CHECK"),
    "committed": ("receiver", ["--filter", f"fault,arc=stop:running_p2p,{HANG}"], "handoff", "DST_QUIET"),
    "started": ("receiver", ["--filter", f"fault,arc=running_p2p:running,{HANG}"], "handoff", "DST_RUN"),
}
PROCESSES = ("sender", "receiver", "source", "destination")


class Client:
    """A plain vfio-user client: what a VMM sees of a device."""

    def __init__(self, name):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(name.partition(":")[2])
        self.ask(1, struct.pack("<HH", 0, 1) + b'{"capabilities":{"max_msg_fds":1}}\0')

    def ask(self, command, payload):
        self.socket.sendall(struct.pack("<HHIII", 1, command, 16 + len(payload), 0, 0) + payload)
        size, = struct.unpack_from("<I", self.take(16), 4)
        return self.take(size - 16)

    def take(self, size):
        got = b""
        while len(got) < size:
            more = self.socket.recv(size - len(got))
            if not more:
                raise ConnectionError("the server has closed the connection")
            got += more
        return got

    def write(self, region, offset, data):
        self.ask(10, struct.pack("<QII", offset, region, len(data)) + data)

    def read(self, region, offset, size):
        return self.ask(9, struct.pack("<QII", offset, region, size))[16:]

    def holds_it(self):
        return self.read(2, 0x4000, len(BOARD)) == BOARD and self.read(0, 0x40, 8) == RING

    def runs(self):
        return struct.unpack_from("<I", self.ask(16, struct.pack("<II", 16, 1 << 16 | 2)), 8)[0] == 2


class Row:
    def __init__(self, phase, victim, number):
        self.phase, self.victim, self.number = phase, victim, number
        self.name = f"{phase}-{victim}-{'KILL' if number == signal.SIGKILL else 'STOP'}"
        self.said = []

    def because(self, *why):
        return (self.name, *why, *self.said)

    def vfmig(self, *args):
        """As the operator: only what was named, but for a look."""
        command = " ".join(("vfmig", *args))
        check(args[0] == "info" or any(command in text for text in self.said), *self.because("not named:", command))
        done = subprocess.run([VFMIG, *args, "--timeout", "20000"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL, text=True, timeout=60)
        self.said.append(f"$ {command}\n" + " ".join(done.stdout.split()))
        check(args[0] == "info" or not done.returncode, *self.because("failed:", command))

    def past(self, name):
        self.vfmig("info", name)
        if "history" not in self.said[-1]:
            return None  # its server is gone
        done = subprocess.run([VFMIG, "info", name, "--json"], stdout=subprocess.PIPE, text=True, timeout=60)
        return [json.loads(line) for line in done.stdout.splitlines() if '"migration"' in line][0]["history"]

    def begin(self):
        self.server = {}
        self.server["source"], self.a = serve(self.name + ".a", SMALL, "--json")
        self.server["destination"], self.b = serve(self.name + ".b", SMALL, "--json")
        client = Client(self.a)
        client.write(2, 0x4000, BOARD)
        client.write(0, 0x40, RING)
        client.socket.close()
        where, filters, event, state = PHASES[self.phase]
        ours, theirs = socket.socketpair()
        self.end = {}
        for end, command, fd in (("receiver", ["receive", self.b], theirs), ("sender", ["send", self.a, "--start"], ours)):
            more = FOR_EVER + filters if end == where else LIMITS
            self.end[end] = start(*command, "--connect", f"fd:{fd.fileno()}", "--json", *more,
                                  pass_fds=[fd.fileno()], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            fd.close()
        for line in self.end[where].stdout:
            found = json.loads(line)
            if found["event"] == event and found.get("state") == state:
                return
        check(False, *self.because("it never came there"))

    def strike(self):
        self.process = {**self.server, **self.end}[self.victim]
        self.process.send_signal(self.number)
        # What hangs on purpose is ended, as an operator would do.
        for name, process in self.end.items():
            if name == self.victim:
                continue
            if PHASES[self.phase][0] == name:
                process.send_signal(signal.SIGKILL)
            out, err = process.communicate(timeout=60)
            self.said.append(f"{name} ended with {process.returncode}: " + " ".join(err.split()))

    def settle(self):
        stopped = self.number == signal.SIGSTOP
        if stopped and self.victim in self.server:
            self.process.send_signal(signal.SIGCONT)
        elif stopped:
            self.process.send_signal(signal.SIGKILL)
        if self.victim in self.end:
            self.process.communicate(timeout=60)
        a, b = self.past(self.a), self.past(self.b)
        if a and (self.phase in ("committed", "started") or (self.phase, self.victim) == ("checking", "sender")):
            done = subprocess.run([VFMIG, "resume", self.a], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            check(done.returncode == 1, *self.because("it may run twice:", done.stdout))
        if b == "ran":
            if a == "read":
                self.vfmig("reset", "--yes", self.a)
            elif a == "moved":
                self.vfmig("reset", self.a)
            return
        if a is None and b == "loaded":
            self.vfmig("resume", "--yes", self.b)  # the source is gone, and cannot run
        elif b in ("loading", "loaded"):
            self.vfmig("reset", self.b)
        if a in ("new", "ran"):
            self.vfmig("resume", self.a)
        elif a == "read":
            self.vfmig("resume", "--yes", self.a)

    def judge(self):
        running = 0
        for server, name in (("source", self.a), ("destination", self.b)):
            if server == self.victim and self.number == signal.SIGKILL:
                continue
            client = Client(name)
            running += client.runs() and client.holds_it()
            client.socket.close()
        # The state went with the server that was killed, and was nowhere else yet.
        lost = (self.number == signal.SIGKILL and self.victim == "source" and
                self.phase in ("pre-copy", "stopped", "checking"))
        check(running == 1 or (lost and not running), *self.because("running:", running))

    def go(self):
        try:
            self.begin()
            self.strike()
            self.settle()
            self.judge()
        except Exception as error:  # with the row's name
            check(False, *self.because(repr(error)))
        finally:
            for process in (*self.server.values(), *self.end.values()):
                process.kill()


def main():
    rows = [Row(phase, victim, number) for phase in PHASES for victim in PROCESSES
            for number in (signal.SIGKILL, signal.SIGSTOP)]
    only = os.environ.get("ROW")
    with ThreadPoolExecutor(4) as pool:
        for _ in pool.map(Row.go, [row for row in rows if not only or row.name == only]):
            pass
    finish()


main()
