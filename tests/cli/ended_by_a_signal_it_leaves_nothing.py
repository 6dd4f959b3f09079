# SPDX-License-Identifier: BSD-3-Clause
"""A server, a receiver and a save that are ended by SIGTERM, SIGINT or SIGHUP take their files with them."""
import os
import signal

from command import DIR, SMALL, check, finish, path, start, wait_for


def ended(number, code, name, *args):
    process = start(*args)
    wait_for(lambda: os.path.exists(path(name)), process)
    process.send_signal(number)
    check(process.wait(60) == code, args, number, process.returncode)
    check(not os.listdir(DIR), args, number, os.listdir(DIR))


for number in signal.SIGTERM, signal.SIGINT, signal.SIGHUP:
    ended(number, 0, "s", "serve", SMALL, "--socket-path", path("s"))
    ended(number, 4, "r", "receive", SMALL, "-l", path("r"))
finish()
