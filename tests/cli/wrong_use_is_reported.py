# SPDX-License-Identifier: BSD-3-Clause
"""Wrong use: exit code 2, one sentence on standard error, nothing on standard output, nothing begun."""
import os
import subprocess

from command import DIR, VFMIG, check, finish, path, run


def wrong(*args, word=""):
    ran = run(*args, code=2)
    check(not ran.out, ran.text())
    check(ran.err.startswith("vfmig: ") and ran.err.count("\n") == 1, ran.text())
    check(word in ran.err, word, ran.text())


wrong(word="no subcommand")
wrong("fly", word="fly")
wrong("info", word="usage")
wrong("info", "model:copier", "model:copier", word="usage")
wrong("info", "--colour", "model:copier", word="--colour")
wrong("info", "-x", "model:copier", word="-x")
wrong("info", "model:copier", "--filter", word="needs a value")
wrong("info", "model:copier", "--json=yes", word="no value")
wrong("info", "model:copier", "--timeout", "soon", word="soon")
wrong("info", "model:copier", "--timeout", "0", word="range")
wrong("help", "fly", word="fly")
wrong("version", "1", word="usage")
wrong("serve", word="DEVICE")
wrong("serve", "model:copier", word="--socket-path")
wrong("serve", "model:copier", "--socket-path", path("s"), "--fd", "3", word="either")
wrong("serve", "model:copier", "--fd", "three", word="three")
wrong("serve", "model:copier", "-s", path("s"), "--socket-mode", "rw", word="rw")
wrong("migrate", "model:copier", word="usage")
wrong("migrate", "model:copier", "model:copier", "model:copier", word="as many")
wrong("migrate", "model:copier", "model:copier", "--memory", "lots", word="lots")
wrong("migrate", "model:copier", "model:copier", "--memory", "100", word="multiple")
wrong("migrate", "model:copier", "model:copier", "--downtime", "soon", word="downtime")
wrong("send", "model:copier", word="--connect")
wrong("send", "model:copier", "--connect", path("s"), "--listen", path("s"), word="either")
wrong("send", "model:copier", "--connect", "nowhere", word="nowhere")
wrong("send", "model:copier", "--connect", "tcp:7000", word="tcp")
wrong("send", "model:copier", "--connect", "unix:", word="path")
wrong("send", "model:copier", "--connect", "unix:/" + "x" * 200, word="path")
wrong("send", "model:copier", "--connect", "fd:x", word="fd:x")
wrong("save", "model:copier", word="-o")
wrong("save", "model:copier", "-o", "-", "--json", word="both")
wrong("load", "file", word="usage")
wrong("inspect", word="usage")

# Names that are none are refused, with what would have been right.
for name, word in (("copier", "KIND:NAME"), ("model:", "colon"), ("model:nosuch", "nosuch"),
                   ("modem:x", "modem"), ("model:copier,colour=1", "colour"),
                   ("vfio-user:" + path("nobody"), "nobody")):
    ran = run("info", name, code=1)
    check(word in ran.err and not ran.out, ran.text())
for filter, word in (("nosuch", "nosuch"), ("fault,nth=x", "nth"), ("fault,op=fly", "fly"),
                     ("trace", "file="), ("delay,rate=-1", "rate")):
    ran = run("info", "model:copier", "--filter", filter, code=1)
    check(word in ran.err and "filter" in ran.err and not ran.out, ran.text())
check(os.listdir(DIR) == [], os.listdir(DIR))

# Standard output that cannot be written is a failure like any other.
with open("/dev/full", "w") as full:
    done = subprocess.run([VFMIG, "list"], stdout=full, stderr=subprocess.PIPE, text=True)
check(done.returncode == 1 and "standard output" in done.stderr, done)
finish()
