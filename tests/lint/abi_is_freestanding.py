#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""abi_is_freestanding.py ROOT [ARCHIVE]: src/abi could be compiled into a kernel.

It includes nothing but <stdint.h>, <stddef.h>, <stdbool.h> and <string.h>, the last for memcpy,
memset, memcmp and memmove alone; and its objects call nothing else that is not its own.
"""
import pathlib
import sys

import tree

HEADERS = {"stdint.h", "stddef.h", "stdbool.h", "string.h"}
FUNCTIONS = {"memcpy", "memset", "memcmp", "memmove", "_GLOBAL_OFFSET_TABLE_", "__stack_chk_fail",
             "__memcpy_chk", "__memset_chk", "__memmove_chk"}


def check_file(root, path, seen, wrong):
    """A file and, with it, the public headers that it brings in."""
    if path in seen:
        return
    seen.add(path)
    for number, mark, name in tree.includes(root, path):
        if mark == "<" and name.startswith("vfmig/"):
            check_file(root, pathlib.Path("include", name), seen, wrong)
        elif mark == "<" and name not in HEADERS:
            wrong.append(f"{path}:{number}: <{name}> is not freestanding")


def main():
    root, wrong, seen = pathlib.Path(sys.argv[1]), [], set()
    for path in tree.sources(root, "src/abi"):
        check_file(root, path, seen, wrong)
    if len(sys.argv) > 2:
        found = [row for row in tree.symbols(*sys.argv[2:]) if tree.layer_of(row[0]) == "abi"]
        own = {name for _, kind, name in found if kind != "U"}
        for place, kind, name in found:
            if kind == "U" and name not in own and name not in FUNCTIONS:
                wrong.append(f"{place}: abi calls {name}")
    tree.finish(wrong)


main()
