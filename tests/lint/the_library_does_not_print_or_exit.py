#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""the_library_does_not_print_or_exit.py ROOT ARCHIVE: what a library must leave to the program that uses it.

It never prints, exits, aborts or touches signals, has no constructors, which a static library loses,
and no globals that change. Read from the objects, so that no macro hides it.
"""
import re
import sys

import tree

PRINTS = """printf fprintf vprintf vfprintf dprintf vdprintf puts fputs putchar putc fputc perror psignal
    syslog vsyslog err errx verr verrx warn warnx vwarn vwarnx error stdout stderr""".split()
ENDS = "exit _exit _Exit quick_exit abort __assert_fail __assert_perror_fail atexit on_exit".split()
SIGNALS = """signal sigaction sigprocmask raise kill tgkill killpg sigqueue pthread_kill alarm ualarm
    setitimer timer_create""".split()
OTHERS = "setenv putenv unsetenv chdir umask srand srandom setlocale".split()
WHY = {**dict.fromkeys(PRINTS, "prints"), **dict.fromkeys(ENDS, "ends the program"),
       **dict.fromkeys(SIGNALS, "touches signals"),
       **dict.fromkeys(OTHERS, "changes what belongs to the whole program")}

# What is allowed all the same: "object symbol": the reason.
ALLOWED = {
    "src_filter_mediate_probe.c.o _exit": "the end of its own child process",
    "src_filter_mediate_probe.c.o kill": "of its own child process, when that hangs",
}


def check_calls(archive, wrong):
    for place, kind, name in tree.symbols(archive):
        plain = re.sub(r"^__(\w+)_chk$", r"\1", name)
        if kind == "U" and plain in WHY and f"{place} {name}" not in ALLOWED:
            wrong.append(f"{place}: {name} {WHY[plain]}")


def check_sections(archive, wrong):
    place = None
    for line in tree.run("objdump", "-t", "-h", archive).splitlines():
        heading = re.match(r"(\S+):\s+file format", line)
        if heading:
            place = heading[1].rpartition("/")[2]
            continue
        section = re.match(r"\s*\d+ (\.(?:init_array|fini_array|ctors|dtors)\S*)\s", line)
        if section:
            wrong.append(f"{place}: {section[1]}: a constructor or destructor")
            continue
        # 0000000000000000 l     O .bss	0000000000000004 name
        symbol = re.match(r"[0-9a-f]+ .{7} (\S+)\s+([0-9a-f]+)\s+(?:\.hidden )?(\S+)$", line)
        if not symbol or int(symbol[2], 16) == 0 or symbol[3] == symbol[1]:
            continue
        if re.match(r"(\.data(?!\.rel\.ro)|\.bss|\.tdata|\.tbss|\*COM\*)", symbol[1]) \
                and f"{place} {symbol[3]}" not in ALLOWED:
            wrong.append(f"{place}: {symbol[3]} is a global that can change")


def main():
    wrong, archive = [], sys.argv[2]
    check_calls(archive, wrong)
    check_sections(archive, wrong)
    tree.finish(wrong)


main()
