#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""a_process_sees_dev_vfio.py VMM: `vfmig exec` and the library that it loads into a program.

The calls are answered by each name that they have, children have no part in it, signals stay the program's (vmm.c). No
rights are needed. What to give a VMM is printed where the command does not say it; the folder is gone in the end,
however it ends; the exit code is the command's.
"""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

VFMIG, VMM = os.environ["VFMIG"], sys.argv[1]
DEVICE = "model:copier,size=1M,window=mapped"


def run(*args, **more):
    return subprocess.run(args, capture_output=True, text=True, timeout=300, check=False, **more)


def rights():
    """Those of nobody, if they are ours to give away."""
    if os.getuid():
        return {}
    return {"user": 65534, "group": 65534, "extra_groups": []}


def hold(what, found):
    if not what:
        sys.exit(f"{found}")


with tempfile.TemporaryDirectory() as tmp, tempfile.TemporaryDirectory() as tools:
    os.chmod(tmp, 0o777)
    # To a place that "nobody" can reach: what was built in root's home is closed to others.
    os.chmod(tools, 0o755)
    vfmig, vmm, _ = (shutil.copy(tool, tools) for tool in
                     (VFMIG, VMM, pathlib.Path(VFMIG).with_name("libvfmig-preload.so")))
    done = run(vfmig, "exec", "--device", DEVICE, "--", vmm, **rights(),
               env={**os.environ, "TMPDIR": tmp})
    hold(done.returncode == 0 and "all of it" in done.stdout, done)
    line = re.search(r"-device vfio-pci,sysfsdev=(\S+)/vfmig0\n", done.stderr)
    hold(line, done)
    hold(not os.listdir(tmp), os.listdir(tmp))

    # Where the command says it itself, nothing is printed, and it gets the folder.
    done = run(VFMIG, "exec", "--device", DEVICE, "--", "sh", "-c",
               "readlink $0/iommu_group; cat $0/vfio-dev/vfio9000/dev; exit 7", "{0}",
               env={**os.environ, "TMPDIR": tmp})
    hold(done.returncode == 7 and not done.stderr, done)
    hold(done.stdout == "../iommu_groups/9000\n511:9000\n", done)

    # By a signal, which is passed on.
    folder = pathlib.Path(tmp, "here")
    with subprocess.Popen([VFMIG, "exec", "--device", DEVICE, "--folder", folder, "--", VMM, "wait"],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True) as process:
        hold(process.stdout.readline() == "ready\n", "it did not begin")
        hold((folder / "vfmig0").exists(), "no folder")
        process.send_signal(signal.SIGTERM)
        hold(process.wait(300) == 128 + signal.SIGTERM, process.returncode)
    hold(not folder.exists(), "the folder is still there")

    # Killed: nobody is left behind, neither its child nor a VMM that a shell has started, and no folder.
    for command in [VMM, "wait"], ["sh", "-c", f"{VMM} wait; true"]:
        with subprocess.Popen([VFMIG, "exec", "--device", DEVICE, "--folder", folder, "--", *command],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True) as process:
            hold(process.stdout.readline() == "ready\n", "it did not begin")
            process.kill()
            # Its end of the pipe is closed only when the command has gone as well.
            hold(process.stdout.read() == "", "the command lives on")
            while folder.exists():
                time.sleep(0.01)

    # What is in the way stays, and nothing is left beside it.
    (folder / "vfmig1").mkdir(parents=True)
    done = run(VFMIG, "exec", "--device", DEVICE, "--device", DEVICE, "--folder", folder, "--", "true")
    hold(done.returncode == 1, done)
    hold(os.listdir(folder) == ["vfmig1"], os.listdir(folder))
    shutil.rmtree(folder)

    # Without it: the same program finds nothing.
    hold(run(VMM, env={**os.environ, "VFMIG_EXEC": tmp}).returncode != 0, "a device without us?")
