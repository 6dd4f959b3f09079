# SPDX-License-Identifier: BSD-3-Clause
"""Stock QEMUs with the guest in tests/qemu/guest, run by `vfmig exec`, and moved.

Three of them are known: "7.2" (installed), "10.0" and "11.1" (in the chroots of tools/qemu-chroots). A chroot is
entered in a mount namespace of its own, so that nothing that is mounted in it outlives the test.

A test is a program that ends with 0, or 77 with the reason to skip. It is given the root of the tree
and the build folder, then what it is for: versions, and words. "server" among them puts each device into a server of
ours, one for each VM, in place of the VMM's process; "iommufd" goes by that and not by container and group.
"""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(sys.argv[1])
BUILD = pathlib.Path(sys.argv[2])
SERVER = "server" in sys.argv[3:]
IOMMUFD = "iommufd" in sys.argv[3:]
CHROOTS = {"10.0": "qemu10", "11.1": "qemu11"}
# TCG on a machine that is busy with something else: no test passes by a time, but each ends.
PATIENCE = int(os.environ.get("PATIENCE", 120))
# Not 128 MiB: 7.2 under TCG forgets to tell its TLB that the dirty bits of pages were cleared where it clears those of 64
# pages at once ("physmem: Fix migration dirty bitmap coherency with TCG memory access", in 9.0), and what the *CPU*
# writes is lost now and then. A block of memory that is no multiple of 256 KiB it takes page by page, and well.
MEMORY = "131080K"

ENTER = """set -e
root=$1 work=$2; shift 2
mount --bind "$work" "$root/mnt"
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
cd "$root" && exec chroot "$root" "$@"
"""


class Wrong(Exception):
    pass


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(77)


def note(text):
    print(f"{time.monotonic() - BEGAN:6.1f} {text}", flush=True)


BEGAN = time.monotonic()


def chroot_of(version):
    folder = os.environ.get("VFMIG_QEMU_DIR") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.join(os.environ.get("HOME", "/root"), ".cache"),
        "vfmig")
    return pathlib.Path(folder) / CHROOTS[version]


def need(*versions):
    """Skips the test where one of these QEMUs is not to be had."""
    if os.uname().machine != "x86_64":
        skip("the guest and its QEMUs are for x86-64")
    for version in sorted(set(versions)):
        if version == "7.2":
            path = shutil.which("qemu-system-x86_64")
            text = path and subprocess.run([path, "--version"], capture_output=True, text=True,
                                           check=False).stdout
            if not text or "version 7.2" not in text:
                skip("QEMU 7.2 is not installed (apt-get install qemu-system-x86 on Debian 12)")
        elif not (chroot_of(version) / "vfmig-ready").exists():
            skip(f"QEMU {version} is not there: run tools/qemu-chroots as root")
        elif os.getuid():
            skip("only root can enter a chroot")
        elif subprocess.run(["unshare", "-m", "true"], stderr=subprocess.DEVNULL,
                            check=False).returncode:
            skip("mount namespaces cannot be made here")


class Place:
    """A folder that all VMs of a test see; in a chroot it is /mnt."""

    def __init__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="vfmig-qemu-"))
        self.vms = []
        self.others = []
        for name in ("vfmig", "libvfmig-preload.so"):
            shutil.copy(BUILD / name, self.path)
        shutil.copy(BUILD / "tests/qemu/qemu-guest.elf", self.path / "guest.elf")

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None and kind is not SystemExit:
            for vm in self.vms:
                vm.show()
        for vm in self.vms:
            vm.kill()
        for process in self.others:
            process.kill()
            process.wait()
        # The folder of a `vfmig exec` that was killed is being removed by another process as well.
        while self.path.exists():
            try:
                shutil.rmtree(self.path)
            except FileNotFoundError:
                pass

    def vm(self, version, model="size=1M", count=1, faults=(), timeout=None, **more):
        """A VM with copiers, in the revision that its QEMU speaks; @faults: filters around each of them.

        @timeout: ms, for an answer of the device. A server gives up what hangs earlier than its client: who has lost his
        server cannot reset the device either, and QEMU ends itself then.
        """
        device, filters = f"model:copier,{model}", [word for fault in faults for word in ("--filter", fault)]
        if version == "7.2" and faults:
            filters += ["--filter", "translate,protocol=v1"]
        elif version == "7.2":
            device += ",protocol=v1"
        more.setdefault("iommufd", IOMMUFD)
        more["options"] = ["--timeout", f"{timeout}"] if timeout else []
        if not SERVER:
            more["options"] += filters
            return VM(self, version, [device] * count, **more)
        if timeout:
            filters += ["--timeout", f"{timeout // 4}"]
        names = [f"vm{VM.count + 1}-{n}.sock" for n in range(count)]
        for name in names:
            self.serve(device, *filters, name=name)
        inside = "/mnt" if version in CHROOTS else self.path
        more.setdefault("shared", True)
        return VM(self, version, [f"vfio-user:{inside}/{name}" for name in names], **more)

    def serve(self, device, *options, name="dev.sock"):
        """A vfio-user server of ours; its log is NAME.log."""
        log = open(self.path / (name + ".log"), "wb")
        process = subprocess.Popen([self.path / "vfmig", "serve", device, "-s", self.path / name,
                                    "-v", *options], stderr=log, stdout=log)
        self.others.append(process)
        until(lambda: (self.path / name).exists() or process.poll() is not None,
              "the server's socket")
        if process.poll() is not None:
            raise Wrong(f"no server: {(self.path / (name + '.log')).read_text()}")
        return process


def until(ready, what, patience=PATIENCE):
    end = time.monotonic() + patience
    while True:
        value = ready()
        if value:
            return value
        if time.monotonic() > end:
            raise Wrong(f"waited {patience} s in vain for {what}")
        time.sleep(0.01)


class VM:
    """One QEMU under `vfmig exec`.

    devices: what --device is given, one each; bus devices follow from them by `card`
    options: more for vfmig exec (filters); qemu: more for QEMU
    card: properties of vfio-pci; None where the test brings its own arguments
    nobody: as a user who has no rights
    """
    count = 0

    def __init__(self, place, version, devices=("model:copier,size=1M",), options=(), qemu=(),
                 card="", mode="irq", incoming=False, machine="pc-i440fx-7.2", memory=MEMORY,
                 shared=False, iommufd=False, exec_too=True, nobody=False, migrate="on"):
        VM.count += 1
        self.place, self.version = place, version
        self.name = f"vm{VM.count}"
        self.qmp_file = self.events = None
        self.inside = pathlib.Path("/mnt") if version in CHROOTS else place.path
        migrate = ("x-enable-migration=" if version == "7.2" else "enable-migration=") + migrate
        args = ["qemu-system-x86_64", "-accel", "tcg", "-no-user-config", "-nodefaults", "-display",
                "none", "-m", memory, "-serial", f"file:{self.inside}/{self.name}.serial",
                "-kernel", f"{self.inside}/guest.elf", "-append", mode,
                "-qmp", f"unix:{self.inside}/{self.name}.qmp,server=on,wait=off"]
        if shared:
            args += ["-object", f"memory-backend-memfd,id=ram,size={memory},share=on",
                     "-machine", f"{machine},memory-backend=ram"]
        else:
            args += ["-machine", machine]
        if iommufd:
            args += ["-object", "iommufd,id=iommufd0"]
            migrate += ",iommufd=iommufd0"
        if card is not None:
            for n in range(len(devices)):
                args += ["-device", f"vfio-pci,id=card{n},sysfsdev={{{n}}},{migrate},addr={4 + n:#x}"
                         + (f",{card}" if card else "")]
        if incoming:
            args += ["-incoming", "defer"]
        command = args + list(qemu)
        if exec_too:
            front = [f"{self.inside}/vfmig", "exec", "--folder", f"{self.inside}/{self.name}.devices"]
            for device in devices:
                front += ["--device", device]
            command = front + list(options) + ["--"] + command
        if nobody and os.getuid() == 0:
            place.path.chmod(0o777)
            command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                       "--no-new-privs", *command]
        if version in CHROOTS:
            command = ["unshare", "-m", "--propagation", "private", "sh", "-c", ENTER, "enter",
                       str(chroot_of(version)), str(place.path)] + command
        self.log = open(place.path / f"{self.name}.log", "wb")
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=self.log, start_new_session=True,
                                        env=dict(os.environ, TMPDIR="/tmp"))
        place.vms.append(self)
        self.connect()

    # ---- what it says ----

    def text(self, kind):
        path = self.place.path / f"{self.name}.{kind}"
        return path.read_text(errors="replace") if path.exists() else ""

    def show(self):
        print(f"---- {self.name} (QEMU {self.version}): log")
        print(self.text("log")[-3000:])
        print(f"---- {self.name}: serial")
        print(self.text("serial")[-600:], flush=True)

    # ---- QMP ----

    def connect(self):
        path = str(self.place.path / f"{self.name}.qmp")

        def ready():
            if self.process.poll() is not None:
                raise Wrong(f"{self.name} ended with {self.process.returncode}")
            link = socket.socket(socket.AF_UNIX)
            try:
                link.connect(path)
            except OSError:
                link.close()
                return None
            return link
        link = until(ready, "QMP")
        link.settimeout(PATIENCE)
        self.qmp_file = link.makefile("rw")
        self.link = link
        self.events = []
        json.loads(self.qmp_file.readline())
        self.qmp("qmp_capabilities")

    def qmp(self, command, **arguments):
        reply = self.try_qmp(command, **arguments)
        if "error" in reply:
            raise Wrong(f"{self.name}: {command}: {reply['error']['desc']}")
        return reply["return"]

    def try_qmp(self, command, **arguments):
        arguments = {key.replace("_", "-"): value for key, value in arguments.items()}
        self.qmp_file.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.qmp_file.flush()
        while True:
            line = self.qmp_file.readline()
            if not line:
                raise Wrong(f"{self.name} hung up at {command}")
            reply = json.loads(line)
            if "event" in reply:
                self.events.append(reply)
            else:
                return reply

    # ---- the guest ----

    def rounds(self):
        serial = self.text("serial")
        if "BAD" in serial:
            raise Wrong(f"{self.name}: the guest says: {serial[serial.index('BAD'):].splitlines()[0]}")
        found = re.findall(r"round (\d+)\n", serial)
        return int(found[-1]) if found else 0

    def goes_on(self, rounds=64):
        """The guest has done so many more rounds, and all was well in each."""
        goal = self.rounds() + rounds

        def there():
            if self.process.poll() is not None:
                raise Wrong(f"{self.name} ended with {self.process.returncode}")
            return self.rounds() >= goal
        until(there, f"{rounds} rounds of {self.name}")

    # ---- migration ----

    def prepare(self, capabilities=(), **parameters):
        if capabilities:
            self.qmp("migrate-set-capabilities", capabilities=[
                {"capability": name, "state": True} for name in capabilities])
        settings = {"max-bandwidth": 1 << 33, "downtime-limit": 1000}
        settings.update({key.replace("_", "-"): value for key, value in parameters.items()})
        self.qmp("migrate-set-parameters", **settings)

    def listen(self):
        """Take a migration in, at a socket with our name."""
        name = f"{self.name}.migration"
        self.qmp("migrate-incoming", uri=f"unix:{self.inside}/{name}")
        until(lambda: (self.place.path / name).exists(), "the migration's socket")
        return name

    def begin_migration(self, to, capabilities=(), **parameters):
        to.prepare(capabilities)
        self.prepare(capabilities, **parameters)
        name = to.listen()
        self.qmp("migrate", uri=f"unix:{self.inside}/{name}")

    def migration(self):
        return self.qmp("query-migrate")

    def end_of_migration(self):
        def ended():
            info = self.migration()
            return info if info.get("status") in ("completed", "failed", "cancelled") else None
        return until(ended, "the end of the migration")

    def migrate(self, to, capabilities=(), **parameters):
        """Move, and go on there; what query-migrate said."""
        self.begin_migration(to, capabilities, **parameters)
        info = self.end_of_migration()
        if info["status"] != "completed":
            raise Wrong(f"migration: {info}")
        # The destination takes some time to resume, which the source does not see.
        until(lambda: to.qmp("query-status")["status"] == "running", "the destination to run")
        to.goes_on()
        self.quit()
        return info

    # ---- the end ----

    def quit(self):
        self.qmp_file.write('{"execute": "quit"}\n')
        self.qmp_file.flush()
        self.process.wait(PATIENCE)

    def kill(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.log.close()
        if self.qmp_file:
            self.link.close()


def main(test):
    try:
        test()
    except Wrong as wrong:
        print(f"not so: {wrong}")
        sys.exit(1)
    note("done")
