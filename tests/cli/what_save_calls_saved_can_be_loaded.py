# SPDX-License-Identifier: BSD-3-Clause
"""Each question about a device fails once: save says so, and leaves no file, or what it saved can be loaded."""
import os

from command import SMALL, check, finish, path, run

FILE = path("saved")
failed = 0


def each_answer_fails(op, error):
    """The first that is past the last question changes nothing."""
    global failed
    for nth in range(1, 99):
        if os.path.exists(FILE):
            os.unlink(FILE)
        fault = f"fault,op={op},nth={nth},error={error}"
        trace = path("trace")
        ran = run("save", SMALL, "-o", FILE, "-q", "--filter", fault, "--filter", "trace,file=" + trace,
                  code=None)
        struck = "by filter fault" in open(trace).read()
        os.unlink(trace)
        if ran.code:
            failed += 1
            check(ran.code == 1 and not os.path.exists(FILE), fault, ran.text())
        else:
            ran = run("load", FILE, SMALL, "-q", code=None)
            check(ran.code == 0, "saved and cannot be loaded:", fault, ran.text())
        if not struck:
            return
    check(False, "it never ended:", op)


each_answer_fails("region-info", "EIO")
each_answer_fails("irq-info", "EIO")
each_answer_fails("irq-info", "EINVAL")
each_answer_fails("device-info", "EIO")
each_answer_fails("region-read", "EIO")
check(failed > 10, failed)
finish()
