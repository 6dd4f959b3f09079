# SPDX-License-Identifier: BSD-3-Clause
"""Progress: bars on a terminal, without colours where they are not wanted, lines elsewhere, nothing if quiet."""
import os
import pty
import re
import subprocess
import sys

from command import SMALL, VFMIG, check, finish, patient


try:
    for end in pty.openpty():
        os.close(end)
except OSError as error:
    print(f"skipped: no terminals here ({error}); is /dev/pts mounted?")
    sys.exit(77)


def on_terminal(*more, **environment):
    """What a terminal gets to see of a migration, and what standard output gets."""
    ours, theirs = pty.openpty()
    env = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "TERM", "LC_ALL")}
    env.update({"TERM": "xterm", "LC_ALL": "C.UTF-8"}, **environment)
    process = subprocess.Popen([VFMIG, *patient(("migrate", SMALL, SMALL, "--memory", "1M", *more))],
                               stdout=subprocess.PIPE, stderr=theirs, stdin=theirs, env=env)
    os.close(theirs)
    seen = b""
    while True:
        try:
            data = os.read(ours, 65536)
        except OSError:  # the other end is closed: it has ended
            break
        if not data:
            break
        seen += data
    out = process.stdout.read().decode()
    check(process.wait(300) == 0, seen, out)
    os.close(ours)
    return seen.decode(), out


seen, out = on_terminal()
check("█" in seen and "memory" in seen and "dev0" in seen and "\033[36m" in seen, repr(seen))
check("\033" not in out and "downtime" in out, out)
# All that was drawn is wiped away in the end: as many lines up as there are.
check(re.search(r"\033\[3A\033\[J$", seen), repr(seen[-200:]))
check(seen.count("\033[?7l") == seen.count("\033[?7h"), repr(seen))

seen, _ = on_terminal(NO_COLOR="1")
check("█" in seen and "\033[36m" not in seen, repr(seen))
seen, _ = on_terminal(LC_ALL="C")
check("#" in seen and seen.isascii(), repr(seen))
seen, _ = on_terminal(TERM="dumb")
check("\033" not in seen and "round 1" in seen, repr(seen))
seen, out = on_terminal("--quiet")
check(not seen and not out, repr(seen), out)
seen, out = on_terminal("--json")
check(not seen and out.startswith("{"), repr(seen), out)
finish()
